//! Claim trees of closed epochs, kept between requests: building one hashes every leaf, and a closed epoch's never changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use wayhex_protocol::account::Account;
use wayhex_protocol::merkle::{ClaimTree, Hash};
use wayhex_protocol::micros::Micros;

use crate::store::StoreError;

/// Trees kept: the newest epochs are the ones asked for. 100,000 leaves take some 10 MiB each.
const TREES_KEPT_MAX: usize = 4;

/// The trees that were asked for last.
#[derive(Debug, Default)]
pub struct Trees(Mutex<BTreeMap<u64, Arc<ClaimTree>>>);

impl Trees {
    /// The tree of a closed epoch whose root is `root`.
    ///
    /// # Errors
    /// The store cannot be read, or its balances do not give the root.
    pub fn of(
        &self,
        connection: &Connection,
        epoch: u64,
        root: &Hash,
    ) -> Result<Arc<ClaimTree>, StoreError> {
        if let Some(tree) = self.lock().get(&epoch) {
            return Ok(Arc::clone(tree));
        }
        let leaves = leaves(connection, epoch)?;
        let tree =
            ClaimTree::of_accounts(leaves.iter().map(|(account, amount)| (account, *amount)));
        if tree.root() != *root {
            return Err(StoreError::Damaged(
                "the balances do not give the epoch's root",
            ));
        }
        let tree = Arc::new(tree);
        let mut kept = self.lock();
        kept.insert(epoch, Arc::clone(&tree));
        if kept.len() > TREES_KEPT_MAX {
            kept.pop_first();
        }
        Ok(tree)
    }

    /// Trees are put in and taken out whole: a panic elsewhere leaves the map as it was.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<ClaimTree>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn leaves(connection: &Connection, epoch: u64) -> Result<Vec<(Account, Micros)>, StoreError> {
    // SQLite takes the other columns from the row of the greatest epoch.
    let mut query = connection.prepare_cached(
        "SELECT a.caip10, b.claimable_micros, MAX(b.epoch)
         FROM balances b JOIN accounts a ON a.id = b.account
         WHERE b.epoch <= ?1 GROUP BY b.account",
    )?;
    let mut rows = query.query([epoch])?;
    let mut leaves = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        let account = Account::parse(&text)
            .map_err(|_grammar| StoreError::Damaged("an account is not CAIP-10"))?;
        let claimable = Micros(row.get(1)?);
        if claimable > Micros::ZERO {
            leaves.push((account, claimable));
        }
    }
    Ok(leaves)
}
