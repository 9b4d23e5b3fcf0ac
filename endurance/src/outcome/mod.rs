//! What phones and server have in the end, as lines of text that can be compared, and the laws that hold whatever happened.
//!
//! Every column of every table is compared but those of [`masks`], so that a column added later is compared without anybody thinking
//! of it. Beside the rows stand the phones' keys and the server's pictures, decrypted.

mod laws;
mod masks;
mod tables;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use wayhex_protocol::id::{ObservationId, sha256};
use wayhex_server::keys::Keys;
use wayhex_server::store::{Objects, read_picture};

use crate::folders;
use crate::phone::Phone;

pub use laws::{Checked, check};
pub(crate) use tables::open as open_database;

/// How much two outcomes have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// Same keys and same policy: every byte but the masked ones.
    Bytes,
    /// Server keys and policies of their own: all that does not follow from these.
    Meaning,
}

/// What is there in the end, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome(BTreeSet<String>);

impl Outcome {
    /// Reads the stores of phones and of the server; no process may have them open. Rows that are alike are counted.
    ///
    /// # Errors
    /// Something cannot be read, or a table has a row that cannot be.
    pub fn read(phones: &[Phone], server: &Path, likeness: Likeness) -> Result<Self> {
        let mut lines = Vec::new();
        for (number, phone) in phones.iter().enumerate() {
            let side = format!("phone {number}");
            let store = &phone.store;
            recorded(phone, &side, &mut lines)?;
            if !store.exists() {
                continue;
            }
            let connection = tables::open(&store.join("queue.sqlite"))?;
            tables::read(&connection, &side, masks::PHONE, likeness, &mut lines)?;
            let key = fs::read(store.join("device.key")).context("the phone's key")?;
            lines.push(format!("{side} key {}", HEXLOWER.encode(&sha256(&key))));
            no_leftovers(&store.join("uploads"))?;
        }
        let connection = tables::open(&server.join("wayhex.sqlite"))?;
        tables::read(&connection, "server", masks::SERVER, likeness, &mut lines)?;
        pictures(server, &connection, likeness, &mut lines)?;
        Ok(Self(counted(lines)))
    }

    /// The first lines that one has and the other has not; `None` when they are equal.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        /// Lines of each side that are told.
        const TOLD_MAX: usize = 6;
        let only = |of: &Self, and_not: &Self, sign: char| {
            let lines = of.0.difference(&and_not.0).take(TOLD_MAX);
            lines.fold(String::new(), |text, line| format!("{text}{sign} {line}\n"))
        };
        let text = only(self, other, '-') + &only(other, self, '+');
        (!text.is_empty()).then_some(text)
    }

    /// How many lines there are.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.0.len()
    }
}

fn counted(mut lines: Vec<String>) -> BTreeSet<String> {
    lines.sort();
    let mut counted = BTreeSet::new();
    for line in lines.chunk_by(|one, other| one == other) {
        let times = line.len();
        let text = line.first().map_or("", String::as_str);
        counted.insert(format!("{times} x {text}"));
    }
    counted
}

/// What a phone recorded, file by file.
fn recorded(phone: &Phone, side: &str, lines: &mut Vec<String>) -> Result<()> {
    let Some(folder) = phone.record.as_ref().filter(|folder| folder.exists()) else {
        return Ok(());
    };
    for path in folders::files(folder)? {
        let hash = HEXLOWER.encode(&sha256(&fs::read(&path)?));
        let name = path.strip_prefix(folder)?.display();
        lines.push(format!("{side} recorded {name}: {hash}"));
    }
    Ok(())
}

/// Nothing is under way in the end, so no frozen upload may be left.
fn no_leftovers(uploads: &Path) -> Result<()> {
    match fs::read_dir(uploads) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).context("the folder of frozen uploads"),
        Ok(mut entries) => match entries.next() {
            Some(entry) => bail!("a frozen upload is left: {}", entry?.path().display()),
            None => Ok(()),
        },
    }
}

/// Every picture that the server keeps, decrypted, by its hash.
fn pictures(
    store: &Path,
    connection: &rusqlite::Connection,
    likeness: Likeness,
    lines: &mut Vec<String>,
) -> Result<()> {
    let keys = Keys::open(store)?;
    let objects = Objects::open(store)?;
    let mut query = connection.prepare("SELECT observation FROM observations")?;
    let ids = query.query_map([], |row| row.get(0))?;
    for id in ids {
        let id = ObservationId(id?);
        let picture = read_picture(connection, &objects, &keys.wrapping, &id)?;
        let picture = picture.with_context(|| format!("observation {id} has no picture"))?;
        let hash = HEXLOWER.encode(&sha256(&picture));
        lines.push(match likeness {
            Likeness::Bytes => format!("server picture of {id}: {hash}"),
            Likeness::Meaning => format!("server picture: {hash}"),
        });
    }
    Ok(())
}
