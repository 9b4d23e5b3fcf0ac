//! What a driver's account was paid, epoch by epoch.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asked::{Asked, cut, page_limit};
use super::driver::Driver;
use super::payouts::{PerClass, standing};
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::store::{DeviceRow, OpenEpoch, StoreError, account_of};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RewardsQuery {
    /// `next` of the page before.
    cursor: Option<u64>,
    /// Epochs of a page, 1 to 10,000; 1,000 when not given.
    limit: Option<usize>,
}

/// An account's rewards. Amounts are millionths of a point, decimal.
#[derive(Serialize, ToSchema)]
pub(super) struct Rewards {
    /// The device, hexadecimal.
    device: String,
    /// The account that it works for in the open epoch.
    account: String,
    /// The open epoch.
    open_epoch: u64,
    /// All that the account was ever paid.
    cumulative: String,
    /// What of it may be claimed by the newest root.
    claimable: String,
    /// The epochs that it has scored in, the newest first.
    epochs: Vec<EpochRewards>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// One epoch's rewards.
#[derive(Serialize, ToSchema)]
pub(super) struct EpochRewards {
    /// The epoch.
    epoch: u64,
    /// The account's score in each class.
    score: PerClass,
    /// What it was paid.
    points: PerClass,
}

/// My rewards
///
/// What the account was paid that the device works for which signed the token.
#[utoipa::path(
    get,
    path = "/v1/me/rewards",
    tag = "driver",
    params(RewardsQuery),
    security(("driver" = [])),
    responses(
        (status = 200, description = "A page of epochs", body = Rewards),
        (status = 400, description = "`malformed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "As for `/v1/me/items`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn rewards(
    State(app): State<Arc<App>>,
    driver: Driver,
    Asked(query): Asked<RewardsQuery>,
) -> Result<Json<Rewards>, Problem> {
    let limit = page_limit(query.limit)?;
    let before = query.cursor.filter(|epoch| i64::try_from(*epoch).is_ok());
    let read = move |connection: &Connection| answer(connection, &driver, before, limit);
    Ok(Json(app.store.read(read).await?))
}

fn answer(
    connection: &Connection,
    driver: &Driver,
    before: Option<u64>,
    limit: usize,
) -> Result<Rewards, StoreError> {
    // One snapshot: a close in between would mix two epochs.
    let snapshot = connection.unchecked_transaction()?;
    let open = OpenEpoch::read(&snapshot)?.number;
    let account = account_in(&snapshot, driver.row, open)?;
    let (cumulative, claimable) = standing(&snapshot, account, open)?;
    let mut epochs = epochs(&snapshot, account, before.unwrap_or(open), limit)?;
    let more = cut(&mut epochs, limit);
    Ok(Rewards {
        device: driver.device.to_string(),
        account: account_of(&snapshot, account)?.to_string(),
        open_epoch: open,
        cumulative: cumulative.to_string(),
        claimable: claimable.to_string(),
        next: epochs
            .last()
            .filter(|_| more)
            .map(|of| of.epoch.to_string()),
        epochs,
    })
}

fn account_in(connection: &Connection, device: DeviceRow, epoch: u64) -> Result<i64, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT account FROM bindings WHERE device = ?1 AND effective_epoch <= ?2
         ORDER BY counter DESC LIMIT 1",
    )?;
    let account = query
        .query_row((device.0, epoch), |row| row.get(0))
        .optional()?;
    account.ok_or(StoreError::Damaged("a device works for nobody"))
}

fn epochs(
    connection: &Connection,
    account: i64,
    before: u64,
    limit: usize,
) -> Result<Vec<EpochRewards>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT epoch, score_high_micros, score_low_micros, paid_high_micros, paid_low_micros
         FROM payouts WHERE account = ?1 AND epoch < ?2 ORDER BY epoch DESC LIMIT ?3",
    )?;
    let rows = query.query_map((account, before, limit + 1), |row| {
        Ok(EpochRewards {
            epoch: row.get(0)?,
            score: PerClass::of(row.get(1)?, row.get(2)?),
            points: PerClass::of(row.get(3)?, row.get(4)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
