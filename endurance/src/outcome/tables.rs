//! Rows of a database as lines of text.

use std::path::Path;

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use wayhex_protocol::envelope::peek;
use wayhex_protocol::id::sha256;
use wayhex_protocol::receipt::Receipt;

use super::Likeness;
use super::masks::{By, Mask};

/// Bytes of a value that is shown whole; of a larger one its length and its SHA-256 are.
const SHOWN_BYTES_MAX: usize = 64;

/// Opens a database to look at it.
pub fn open(path: &Path) -> Result<Connection> {
    // Read-write, so that a write-ahead log left by a kill is taken in; nothing is written.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .with_context(|| format!("cannot open {}", path.display()))
}

/// Adds a line for each row of each table.
pub fn read(
    connection: &Connection,
    side: &str,
    masks: &[Mask],
    likeness: Likeness,
    lines: &mut Vec<String>,
) -> Result<()> {
    let mut query =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let names: Vec<String> = query
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in names {
        let subject = || format!("cannot read table {table} of {side}");
        let columns = columns(connection, &table, masks, likeness).with_context(subject)?;
        if !columns.is_empty() {
            rows(connection, (side, &table), &columns, likeness, lines).with_context(subject)?;
        }
    }
    Ok(())
}

/// A column that is compared.
struct Column {
    name: String,
    by: Option<By>,
}

fn columns(
    connection: &Connection,
    table: &str,
    masks: &[Mask],
    likeness: Likeness,
) -> Result<Vec<Column>> {
    let mut query = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = query.query_map([table], |row| row.get::<_, String>(0))?;
    let mut columns = Vec::new();
    for name in names {
        let name = name?;
        let mut found = masks.iter();
        let mask = found.find(|mask| mask.0 == table && (mask.1 == "*" || mask.1 == name));
        match mask.map(|mask| mask.2) {
            Some(By::Nothing) => {}
            Some(By::Identity) if likeness == Likeness::Meaning => {}
            by => columns.push(Column { name, by }),
        }
    }
    Ok(columns)
}

fn rows(
    connection: &Connection,
    (side, table): (&str, &str),
    columns: &[Column],
    likeness: Likeness,
    lines: &mut Vec<String>,
) -> Result<()> {
    let expressions: Vec<&str> = columns
        .iter()
        .map(|column| match column.by {
            Some(By::Sql(expression)) => expression,
            Some(By::SqlByLikeness(bytes, meaning)) => match likeness {
                Likeness::Bytes => bytes,
                Likeness::Meaning => meaning,
            },
            _ => column.name.as_str(),
        })
        .collect();
    let sql = format!("SELECT {} FROM {table}", expressions.join(", "));
    let mut query = connection.prepare(&sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let mut line = format!("{side} {table}:");
        for (index, column) in columns.iter().enumerate() {
            let value = row.get_ref(index)?;
            let text = match (column.by, value) {
                (Some(By::Receipt), ValueRef::Blob(envelope)) => said(envelope, likeness)?,
                (_, value) => shown(value),
            };
            line = format!("{line} {}={text}", column.name);
        }
        lines.push(line);
    }
    Ok(())
}

/// What a receipt says, without the server's time.
fn said(envelope: &[u8], likeness: Likeness) -> Result<String> {
    let (signer, receipt) = peek::<Receipt>(envelope).context("a receipt cannot be read")?;
    let Receipt { verdict, epoch, .. } = receipt;
    Ok(match likeness {
        Likeness::Bytes => format!("({verdict:?} in epoch {epoch}, by {signer})"),
        Likeness::Meaning => format!("({verdict:?} in epoch {epoch})"),
    })
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Blob(bytes) if bytes.len() > SHOWN_BYTES_MAX => {
            let hash = HEXLOWER.encode(&sha256(bytes));
            format!("{} bytes {hash}", bytes.len())
        }
        ValueRef::Blob(bytes) => HEXLOWER.encode(bytes),
    }
}
