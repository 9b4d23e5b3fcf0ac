//! Accounts, stored once each.

use rusqlite::{Connection, OptionalExtension, Transaction};
use wayhex_protocol::account::Account;

use super::StoreError;

/// The row of an account, made when it is new.
///
/// # Errors
/// The database failed.
pub fn account_id(transaction: &Transaction<'_>, account: &Account) -> Result<i64, StoreError> {
    let mut known = transaction.prepare_cached("SELECT id FROM accounts WHERE caip10 = ?1")?;
    let known = known.query_row([account.as_str()], |row| row.get(0));
    if let Some(id) = known.optional()? {
        return Ok(id);
    }
    let mut insert = transaction.prepare_cached("INSERT INTO accounts (caip10) VALUES (?1)")?;
    Ok(insert.insert([account.as_str()])?)
}

/// The account of a row.
///
/// # Errors
/// The database failed, or has no such row.
pub fn account_of(connection: &Connection, id: i64) -> Result<Account, StoreError> {
    let mut query = connection.prepare_cached("SELECT caip10 FROM accounts WHERE id = ?1")?;
    let text: String = query.query_row([id], |row| row.get(0))?;
    Account::parse(&text).map_err(|_grammar| StoreError::Damaged("an account is not CAIP-10"))
}
