//! The state of the claims between two closes, in rows.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};
use wayhex_protocol::account::Account;
use wayhex_protocol::claims::{Balance, Claims};
use wayhex_protocol::evidence::Facts;
use wayhex_protocol::micros::Micros;

use crate::store::{StoreError, account_id};

/// The claims as the last close left them.
pub(super) fn read(
    connection: &Connection,
    accounts: &BTreeMap<i64, Account>,
) -> Result<Claims<Account>, StoreError> {
    let account_of = |id: i64| {
        let account = accounts.get(&id);
        account.ok_or(StoreError::Damaged("a claim's account is not there"))
    };
    let mut claims = Claims::default();
    // SQLite takes the other columns from the row of the greatest epoch.
    let mut balances = connection.prepare(
        "SELECT account, matured_micros, corrected_micros, claimable_micros, MAX(epoch)
         FROM balances GROUP BY account",
    )?;
    let mut rows = balances.query([])?;
    while let Some(row) = rows.next()? {
        let balance = Balance {
            matured: Micros(row.get(1)?),
            corrected: Micros(row.get(2)?),
            claimable: Micros(row.get(3)?),
        };
        claims
            .balances
            .insert(account_of(row.get(0)?)?.clone(), balance);
    }
    let mut pending =
        connection.prepare("SELECT matures_at, account, amount_micros FROM pending_payouts")?;
    let mut rows = pending.query([])?;
    while let Some(row) = rows.next()? {
        let of: &mut BTreeMap<_, _> = claims.pending.entry(row.get(0)?).or_default();
        of.insert(account_of(row.get(1)?)?.clone(), Micros(row.get(2)?));
    }
    Ok(claims)
}

/// Writes what a close changed: the balances that are not as they opened, and the payouts that came to those pending.
pub(super) fn write(
    transaction: &Transaction<'_>,
    facts: &Facts,
    after: &Claims<Account>,
) -> Result<(), StoreError> {
    let mut insert = transaction.prepare(
        "INSERT INTO balances (account, epoch, matured_micros, corrected_micros, claimable_micros)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (account, balance) in &after.balances {
        if facts.claims.balances.get(account) != Some(balance) {
            insert.execute(params![
                account_id(transaction, account)?,
                facts.epoch,
                balance.matured.get(),
                balance.corrected.get(),
                balance.claimable.get(),
            ])?;
        }
    }
    let delay = facts.policy.parameters.claim_delay_epochs;
    let matures_at = facts.epoch.saturating_add(delay);
    transaction.execute(
        "DELETE FROM pending_payouts WHERE matures_at <= ?1 OR matures_at = ?2",
        params![facts.epoch, matures_at],
    )?;
    let mut insert = transaction.prepare(
        "INSERT INTO pending_payouts (matures_at, account, amount_micros) VALUES (?1, ?2, ?3)",
    )?;
    for (account, amount) in after.pending.get(&matures_at).into_iter().flatten() {
        insert.execute(params![
            matures_at,
            account_id(transaction, account)?,
            amount.get()
        ])?;
    }
    Ok(())
}
