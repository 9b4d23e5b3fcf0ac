//! F of units, kept only where somebody drove: see `wayhex_protocol::freshness`.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use wayhex_protocol::freshness::StoredFreshness;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::unit::Unit;

use crate::store::StoreError;

/// What all epochs before `epoch` have given back to every unit.
///
/// # Errors
/// The store cannot be read.
pub fn recovered_before(connection: &Connection, epoch: u64) -> Result<Micros, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT recovered_micros FROM closed_epochs WHERE number < ?1 ORDER BY number DESC LIMIT 1",
    )?;
    let recovered = query.query_row([epoch], |row| row.get(0)).optional()?;
    Ok(Micros(recovered.unwrap_or(0)))
}

/// F of one unit at the opening of the epoch before which all epochs gave back `recovered`.
///
/// # Errors
/// The store cannot be read.
pub fn opening_freshness(
    connection: &Connection,
    unit: Unit,
    recovered: Micros,
) -> Result<Micros, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT opening_micros, recovered_micros FROM unit_freshness WHERE cell = ?1 AND quadrant = ?2",
    )?;
    let key = (unit.cell.index(), unit.quadrant.number());
    let stored = query.query_row(key, |row| {
        Ok(StoredFreshness {
            opening: Micros(row.get(0)?),
            recovered: Micros(row.get(1)?),
        })
    });
    Ok(StoredFreshness::opening_at(stored.optional()?, recovered))
}

/// Keeps F of the units that an epoch touched; `recovered` includes that epoch.
///
/// # Errors
/// The store cannot be written.
pub fn keep_freshness(
    connection: &Connection,
    freshness: &BTreeMap<Unit, Micros>,
    recovered: Micros,
) -> Result<(), StoreError> {
    let mut write = connection.prepare(
        "INSERT OR REPLACE INTO unit_freshness (cell, quadrant, opening_micros, recovered_micros)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (unit, opening) in freshness {
        let (cell, quadrant) = (unit.cell.index(), unit.quadrant.number());
        write.execute((cell, quadrant, opening.get(), recovered.get()))?;
    }
    Ok(())
}
