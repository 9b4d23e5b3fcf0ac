//! Devices, and for whom they work.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use wayhex_protocol::account::Account;
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::id::DeviceId;
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::registration::Registration;

use super::{DeviceRow, OpenEpoch, StoreError, account_id, account_of};

/// For whom a device works, and from which epoch on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The device.
    pub device: DeviceId,
    /// Its account.
    pub account: Account,
    /// The counter that the device signed.
    pub counter: u64,
    /// The first epoch in which it holds.
    pub effective_epoch: u64,
}

/// Why a registration was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// A binding of this counter or a later one names another account.
    #[error("binding {offered} is not newer than binding {newest} of this device")]
    Stale {
        /// The counter that came.
        offered: u64,
        /// The counter that is stored.
        newest: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A device that is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its row.
    pub row: DeviceRow,
    /// What its signatures are checked with.
    pub key: PublicKey,
    /// When it was first registered, Unix milliseconds.
    pub registered_ms: u64,
}

/// A device by its id; `None` when it is not registered.
///
/// # Errors
/// The database failed or is damaged.
pub fn registered(
    connection: &Connection,
    device: &DeviceId,
) -> Result<Option<Registered>, StoreError> {
    let mut query = connection
        .prepare_cached("SELECT id, cose_key, registered_ms FROM devices WHERE thumbprint = ?1")?;
    let found = query.query_row([device.0], |row| {
        Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?))
    });
    let Some((row, key, registered_ms)) = found.optional()? else {
        return Ok(None);
    };
    let key = PublicKey::from_bytes(&key)
        .map_err(|_format| StoreError::Damaged("a device's key is no COSE key"))?;
    Ok(Some(Registered {
        row: DeviceRow(row),
        key,
        registered_ms,
    }))
}

/// Registers a device whose registration was verified. The first binding holds at once; another account from the next epoch
/// on, so that nobody's open epoch changes hands. However often a device registers, it has at most one row for each epoch
/// from which another account holds: the same account only moves the counter on, and who changes his mind within an epoch
/// replaces what has not begun to hold.
///
/// # Errors
/// See [`BindingError`].
pub fn register(
    transaction: &Transaction<'_>,
    registration: &Registration,
    now_ms: u64,
) -> Result<Binding, BindingError> {
    let device = registration.key.thumbprint();
    let row = match registered(transaction, &device)? {
        Some(known) => known.row,
        None => insert(transaction, registration, now_ms)?,
    };
    let open = OpenEpoch::read(transaction)?.number;
    let newest = newest_binding(transaction, row)?;
    let effective_epoch = match newest {
        None => open,
        Some(newest) if newest.account == registration.account => {
            if registration.binding <= newest.counter {
                return Ok(answer(device, &newest));
            }
            count_on(transaction, row, newest.counter, registration.binding)?;
            let counter = registration.binding;
            return Ok(answer(device, &Bound { counter, ..newest }));
        }
        Some(newest) if registration.binding <= newest.counter => {
            return Err(BindingError::Stale {
                offered: registration.binding,
                newest: newest.counter,
            });
        }
        Some(_) => open + 1,
    };
    let bound = Bound {
        counter: registration.binding,
        account: registration.account.clone(),
        effective_epoch,
    };
    forget_unbegun(transaction, row, open)?;
    insert_binding(transaction, row, &bound, now_ms)?;
    Ok(answer(device, &bound))
}

struct Bound {
    counter: u64,
    account: Account,
    effective_epoch: u64,
}

fn answer(device: DeviceId, bound: &Bound) -> Binding {
    Binding {
        device,
        account: bound.account.clone(),
        counter: bound.counter,
        effective_epoch: bound.effective_epoch,
    }
}

fn insert(
    transaction: &Transaction<'_>,
    registration: &Registration,
    now_ms: u64,
) -> Result<DeviceRow, StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO devices (thumbprint, cose_key, registered_ms) VALUES (?1, ?2, ?3)",
    )?;
    let key = &registration.key;
    let row = insert.insert(params![key.thumbprint().0, key.to_bytes(), now_ms])?;
    Ok(DeviceRow(row))
}

fn newest_binding(
    transaction: &Transaction<'_>,
    device: DeviceRow,
) -> Result<Option<Bound>, StoreError> {
    let mut query = transaction.prepare_cached(
        "SELECT counter, account, effective_epoch FROM bindings WHERE device = ?1
         ORDER BY counter DESC LIMIT 1",
    )?;
    let found = query.query_row([device.0], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?))
    });
    let Some((counter, account, effective_epoch)) = found.optional()? else {
        return Ok(None);
    };
    Ok(Some(Bound {
        counter,
        account: account_of(transaction, account)?,
        effective_epoch,
    }))
}

/// Gives the newest binding, whose account stays, the counter that the device signed last.
fn count_on(
    transaction: &Transaction<'_>,
    device: DeviceRow,
    newest: u64,
    counter: u64,
) -> Result<(), StoreError> {
    let mut update = transaction
        .prepare_cached("UPDATE bindings SET counter = ?3 WHERE device = ?1 AND counter = ?2")?;
    update.execute(params![device.0, newest, counter])?;
    Ok(())
}

/// Removes the binding that would have held from the next epoch on.
fn forget_unbegun(
    transaction: &Transaction<'_>,
    device: DeviceRow,
    open: u64,
) -> Result<(), StoreError> {
    let mut delete = transaction
        .prepare_cached("DELETE FROM bindings WHERE device = ?1 AND effective_epoch > ?2")?;
    delete.execute(params![device.0, open])?;
    Ok(())
}

fn insert_binding(
    transaction: &Transaction<'_>,
    device: DeviceRow,
    bound: &Bound,
    now_ms: u64,
) -> Result<(), StoreError> {
    let account = account_id(transaction, &bound.account)?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO bindings (device, counter, account, effective_epoch, registered_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    insert.execute(params![
        device.0,
        bound.counter,
        account,
        bound.effective_epoch,
        now_ms
    ])?;
    Ok(())
}

/// The row of the account that a device works for in an epoch: of the bindings that have taken effect, the newest.
pub(super) fn account_in(
    transaction: &Transaction<'_>,
    device: DeviceRow,
    epoch: u64,
) -> Result<i64, StoreError> {
    let mut query = transaction.prepare_cached(
        "SELECT account FROM bindings WHERE device = ?1 AND effective_epoch <= ?2
         ORDER BY counter DESC LIMIT 1",
    )?;
    Ok(query.query_row(params![device.0, epoch], |row| row.get(0))?)
}
