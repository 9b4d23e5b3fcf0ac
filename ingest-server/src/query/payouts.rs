//! What a closed epoch pays an account, and the proof with which it claims on a chain.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use utoipa::ToSchema;
use wayhex_protocol::account::Account;
use wayhex_protocol::merkle::{Hash, on_chain};
use wayhex_protocol::micros::Micros;

use super::asked::Named;
use super::epochs::closed_epoch;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::store::StoreError;

/// An account's part of a closed epoch. Amounts are millionths of a point, decimal, where nothing else is said.
#[derive(Serialize, ToSchema)]
pub(super) struct Payout {
    /// The epoch.
    epoch: u64,
    /// The account, in its canonical spelling.
    account: String,
    /// Its score in each class.
    score: PerClass,
    /// What the epoch pays it in each class.
    points: PerClass,
    /// What was left of the pool, for the treasury's account alone.
    remainder: String,
    /// All that it was ever paid, this epoch included.
    cumulative: String,
    /// How much of that it may claim by this epoch's root, all earlier claims included.
    claimable: String,
    /// Its leaf; null for an account that has nothing to claim or is not of `eip155`.
    claim: Option<Claim>,
    /// Root of the epoch's claim tree, hexadecimal.
    root: String,
}

/// The amounts of both classes.
#[derive(Serialize, ToSchema)]
pub(super) struct PerClass {
    /// The high class.
    high: String,
    /// The low class.
    low: String,
    /// Both together.
    total: String,
}

/// A leaf of the `StandardMerkleTree` over `["address", "uint256"]`, with its proof. Accounts of one address on several
/// chains have one leaf together.
#[derive(Serialize, ToSchema)]
pub(super) struct Claim {
    /// The address, 0x and 40 hexadecimal digits.
    address: String,
    /// The leaf's cumulative amount with 18 decimals, decimal.
    amount: String,
    /// The sibling hashes from the leaf up, hexadecimal.
    proof: Vec<String>,
}

impl PerClass {
    pub(super) fn of(high: u64, low: u64) -> Self {
        Self {
            high: high.to_string(),
            low: low.to_string(),
            total: Micros(high).saturating_add(Micros(low)).to_string(),
        }
    }
}

/// An account's payout
///
/// Scores, points and the claim of one account in a closed epoch.
#[utoipa::path(
    get,
    path = "/v1/epochs/{epoch}/payouts/{account}",
    tag = "epochs",
    params(
        ("epoch" = String, Path, description = "Its number"),
        ("account" = String, Path, description = "CAIP-10, such as `eip155:1:0x...`"),
    ),
    responses(
        (status = 200, description = "The payout", body = Payout),
        (status = 400, description = "`account_malformed`, `malformed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`epoch_unknown`, `epoch_open`, `account_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn payouts(
    State(app): State<Arc<App>>,
    Named((epoch, account)): Named<(String, String)>,
) -> Result<Json<Payout>, Problem> {
    let account = Account::parse(&account)
        .map_err(|error| Problem::bad_request("account_malformed", error.to_string()))?;
    let within = Arc::clone(&app);
    let read = move |connection: &Connection| -> Result<Payout, Problem> {
        let summary = closed_epoch(connection, &epoch)?;
        let mut known = connection
            .prepare_cached("SELECT id FROM accounts WHERE caip10 = ?1")
            .map_err(StoreError::from)?;
        let known = known
            .query_row([account.as_str()], |row| row.get(0))
            .optional();
        let row: i64 = known.map_err(StoreError::from)?.ok_or_else(|| {
            Problem::not_found(
                "account_unknown",
                format!("no device works for {account} here"),
            )
        })?;
        Ok(payout(&within, connection, summary.number, row, &account)?)
    };
    Ok(Json(app.store.read(read).await?))
}

fn payout(
    app: &App,
    connection: &Connection,
    epoch: u64,
    row: i64,
    account: &Account,
) -> Result<Payout, StoreError> {
    let root: Hash = connection
        .prepare_cached("SELECT root FROM closed_epochs WHERE number = ?1")?
        .query_row([epoch], |row| row.get(0))?;
    let mut of_epoch = connection.prepare_cached(
        "SELECT score_high_micros, score_low_micros, paid_high_micros, paid_low_micros, remainder_micros
         FROM payouts WHERE account = ?1 AND epoch = ?2",
    )?;
    let of_epoch = of_epoch.query_row((row, epoch), |row| {
        Ok([
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
        ])
    });
    let [score_high, score_low, paid_high, paid_low, remainder]: [u64; 5] =
        of_epoch.optional()?.unwrap_or_default();
    let (cumulative, claimable) = standing(connection, row, epoch)?;
    Ok(Payout {
        epoch,
        account: account.to_string(),
        score: PerClass::of(score_high, score_low),
        points: PerClass::of(paid_high, paid_low),
        remainder: remainder.to_string(),
        cumulative: cumulative.to_string(),
        claimable: claimable.to_string(),
        claim: claim(app, connection, epoch, &root, account)?,
        root: HEXLOWER.encode(&root),
    })
}

/// All that an account was paid up to an epoch, and what of it may be claimed by that epoch's root.
///
/// # Errors
/// The store cannot be read.
pub(super) fn standing(
    connection: &Connection,
    account: i64,
    epoch: u64,
) -> Result<(Micros, Micros), StoreError> {
    let mut paid = connection.prepare_cached(
        "SELECT IFNULL(SUM(paid_high_micros + paid_low_micros + remainder_micros), 0)
         FROM payouts WHERE account = ?1 AND epoch <= ?2",
    )?;
    let mut claimable = connection.prepare_cached(
        "SELECT claimable_micros FROM balances WHERE account = ?1 AND epoch <= ?2
         ORDER BY epoch DESC LIMIT 1",
    )?;
    let claimable = claimable.query_row((account, epoch), |row| row.get(0));
    Ok((
        Micros(paid.query_row((account, epoch), |row| row.get(0))?),
        Micros(claimable.optional()?.unwrap_or(0)),
    ))
}

fn claim(
    app: &App,
    connection: &Connection,
    epoch: u64,
    root: &Hash,
    account: &Account,
) -> Result<Option<Claim>, StoreError> {
    let Some(address) = account.eip155_address() else {
        return Ok(None);
    };
    let tree = app.trees.of(connection, epoch, root)?;
    Ok(tree.proof(&address).map(|proof| Claim {
        address: format!("0x{}", HEXLOWER.encode(&address)),
        amount: on_chain(proof.amount).to_string(),
        proof: proof
            .siblings
            .iter()
            .map(|sibling| HEXLOWER.encode(sibling))
            .collect(),
    }))
}
