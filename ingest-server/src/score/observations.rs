//! The accepted observations of an epoch, with class, weight and units.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};
use wayhex_protocol::account::Account;
use wayhex_protocol::evidence::Counted;
use wayhex_protocol::id::ObservationId;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::unit::{CellId, Quadrant, Unit};
use wayhex_protocol::weight::Class;

use crate::store::StoreError;

/// The column `class`.
const HIGH: u8 = 1;
const LOW: u8 = 2;

/// The number of a class in the columns of that name.
#[must_use]
pub fn class_number(class: Class) -> u8 {
    match class {
        Class::High => HIGH,
        Class::Low => LOW,
    }
}

/// The class of a number in a column; `None` for another number.
#[must_use]
pub fn class_of(number: u8) -> Option<Class> {
    Class::ALL
        .into_iter()
        .find(|class| class_number(*class) == number)
}

/// Every account that this server knows, by its row.
///
/// # Errors
/// The store cannot be read, or holds a text that is no account.
pub fn accounts_by_id(connection: &Connection) -> Result<BTreeMap<i64, Account>, StoreError> {
    let mut query = connection.prepare("SELECT id, caip10 FROM accounts")?;
    let mut rows = query.query([])?;
    let mut accounts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(1)?;
        let account = Account::parse(&text)
            .map_err(|_grammar| StoreError::Damaged("an account is not CAIP-10"))?;
        accounts.insert(row.get(0)?, account);
    }
    Ok(accounts)
}

/// All accepted observations of an epoch, those that cover no unit too.
///
/// # Errors
/// The store cannot be read, or holds what no acceptance writes.
pub fn accepted_observations(
    connection: &Connection,
    epoch: u64,
    accounts: &BTreeMap<i64, Account>,
) -> Result<Vec<Counted>, StoreError> {
    let mut query = connection.prepare(
        "SELECT o.id, o.observation, o.account, o.class, o.weight_micros, o.quadrant, c.cell
         FROM observations o LEFT JOIN observation_cells c ON c.observation = o.id
         WHERE o.epoch = ?1 ORDER BY o.id",
    )?;
    let mut rows = query.query([epoch])?;
    let mut observations: Vec<Counted> = Vec::new();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if last != Some(id) {
            observations.push(counted(row, accounts)?);
            last = Some(id);
        }
        if let (Some(unit), Some(counted)) = (unit(row)?, observations.last_mut()) {
            counted.units.push(unit);
        }
    }
    Ok(observations)
}

fn counted(row: &Row<'_>, accounts: &BTreeMap<i64, Account>) -> Result<Counted, StoreError> {
    let account: i64 = row.get(2)?;
    let class: Option<u8> = row.get(3)?;
    Ok(Counted {
        id: ObservationId(row.get(1)?),
        account: accounts
            .get(&account)
            .ok_or(StoreError::Damaged("an observation's account is not there"))?
            .clone(),
        class: class
            .map(|number| class_of(number).ok_or(StoreError::Damaged("a class is not 1 or 2")))
            .transpose()?,
        weight: Micros(row.get(4)?),
        units: Vec::new(),
    })
}

/// The unit of a row; none for an observation of one place.
fn unit(row: &Row<'_>) -> Result<Option<Unit>, StoreError> {
    let (quadrant, cell): (Option<u8>, Option<u64>) = (row.get(5)?, row.get(6)?);
    quadrant
        .zip(cell)
        .map(|(quadrant, cell)| unit_of(cell, quadrant))
        .transpose()
}

/// The unit of two columns.
///
/// # Errors
/// They are none.
pub fn unit_of(cell: u64, quadrant: u8) -> Result<Unit, StoreError> {
    CellId::new(cell)
        .zip(Quadrant::from_number(quadrant))
        .map(|(cell, quadrant)| Unit { cell, quadrant })
        .ok_or(StoreError::Damaged("a unit is no cell and quadrant"))
}
