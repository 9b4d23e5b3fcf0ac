//! What holds whatever happened: nothing acknowledged is lost, nothing is there or paid twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use serde_json::Value;
use wayhex_protocol::envelope::open;
use wayhex_protocol::evidence::Evidence;
use wayhex_protocol::id::{NetworkId, ObservationId};
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::receipt::{Receipt, Verdict};

use super::tables;
use crate::phone::Phone;
use crate::player::NETWORK;
use crate::server::Server;

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Items that phones hold an accepting receipt for.
    pub accepted: usize,
    /// Items that phones hold a refusing receipt for.
    pub refused: usize,
    /// Epochs that were audited.
    pub epochs: u64,
    /// Millionths of a point that were paid to accounts, the treasury aside.
    pub paid_micros: u64,
}

/// Checks all of them; no process may have the stores open.
///
/// # Errors
/// The first law that does not hold.
pub fn check(phones: &[Phone], server: &Server) -> Result<Checked> {
    let mut checked = Checked::default();
    let store = server.store();
    let database = tables::open(&store.join("wayhex.sqlite"))?;
    sound(&database, "server")?;
    let observed = observed(&database)?;
    let mut acknowledged = BTreeSet::new();
    let stores = phones.iter().map(|phone| &phone.store);
    for store in stores.filter(|store| store.exists()) {
        let queue = tables::open(&store.join("queue.sqlite"))?;
        sound(&queue, "phone")?;
        for (id, verdict) in receipts(&queue)? {
            match verdict {
                Verdict::Accepted => {
                    checked.accepted += 1;
                    ensure!(
                        acknowledged.insert(id),
                        "{id} is acknowledged on two phones"
                    );
                    ensure!(
                        observed.contains(&id),
                        "{id} was acknowledged, and the server has no such observation"
                    );
                }
                Verdict::Refused(_) => checked.refused += 1,
            }
        }
    }
    for id in &observed {
        ensure!(
            acknowledged.contains(id),
            "the server has observation {id}, and no phone its receipt"
        );
    }
    every_object_is_whole(&database, &store)?;
    paid_once(&database, server, &observed, &mut checked)?;
    Ok(checked)
}

/// SQLite's own look at the file and at its references.
fn sound(connection: &Connection, side: &str) -> Result<()> {
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(verdict == "ok", "the database of the {side}: {verdict}");
    let mut broken = connection.prepare("PRAGMA foreign_key_check")?;
    ensure!(
        !broken.exists([])?,
        "the database of the {side} has a row that refers to none"
    );
    Ok(())
}

/// The observations of the server, each once.
fn observed(database: &Connection) -> Result<BTreeSet<ObservationId>> {
    let mut query = database.prepare(
        "SELECT o.observation, (SELECT count(*) FROM pictures p WHERE p.observation = o.id),
             (SELECT count(*) FROM verdicts v WHERE v.id = o.id AND v.reason IS NULL)
         FROM observations o",
    )?;
    let rows = query.query_map([], |row| {
        Ok((
            ObservationId(row.get(0)?),
            row.get::<_, u64>(1)?,
            row.get::<_, u64>(2)?,
        ))
    })?;
    let mut observed = BTreeSet::new();
    for row in rows {
        let (id, pictures, verdicts) = row?;
        ensure!(observed.insert(id), "observation {id} is there twice");
        ensure!(pictures == 1, "observation {id} has {pictures} pictures");
        ensure!(verdicts == 1, "observation {id} has {verdicts} verdicts");
    }
    Ok(observed)
}

/// The receipts of a phone, each verified by the key that it pinned and for the item that it stands beside.
fn receipts(queue: &Connection) -> Result<Vec<(ObservationId, Verdict)>> {
    let network = NetworkId::parse(NETWORK)?;
    let mut keys = queue.prepare("SELECT key FROM servers")?;
    let keys = keys.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    let keys: Vec<PublicKey> = keys
        .map(|key| Ok(PublicKey::from_bytes(&key?)?))
        .collect::<Result<_>>()?;
    let mut query = queue.prepare("SELECT id, state, receipt FROM items")?;
    let rows = query.query_map([], |row| {
        let state: (String, Option<Vec<u8>>) = (row.get(1)?, row.get(2)?);
        Ok((ObservationId(row.get(0)?), state))
    })?;
    let mut receipts = Vec::new();
    for row in rows {
        let (id, (state, receipt)) = row?;
        ensure!(
            state != "queued" && state != "sending",
            "item {id} is pending in the end"
        );
        let Some(envelope) = receipt else {
            continue;
        };
        let opened = open::<Receipt>(&envelope, &network, |kid| {
            keys.iter().find(|key| key.thumbprint() == kid).cloned()
        });
        let receipt = opened
            .with_context(|| format!("the receipt of {id} is not verified"))?
            .message;
        let is_accepted = receipt.verdict == Verdict::Accepted;
        ensure!(
            is_accepted == (state == "accepted"),
            "item {id} is {state}, and its receipt says {:?}",
            receipt.verdict
        );
        if is_accepted {
            ensure!(
                receipt.id == id,
                "the receipt of {id} is for {}",
                receipt.id
            );
        }
        receipts.push((id, receipt.verdict));
    }
    Ok(receipts)
}

/// Every object that a row names is there with all its bytes, and none is half written.
fn every_object_is_whole(database: &Connection, store: &Path) -> Result<()> {
    let mut query = database.prepare("SELECT name, size_bytes FROM objects")?;
    let rows = query.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?))
    })?;
    for row in rows {
        let (name, size_bytes) = row?;
        let (shard, rest) = name.split_at_checked(2).context("an object's name")?;
        let path = store.join("objects").join(shard).join(rest);
        let found = fs::metadata(&path).with_context(|| format!("object {name}"))?;
        ensure!(found.len() == size_bytes, "object {name} is cut short");
    }
    Ok(())
}

/// Every observation counts in one epoch, every epoch's payouts are what the independent audit recomputes, and what all epochs
/// paid is what accounts have or will have.
fn paid_once(
    database: &Connection,
    server: &Server,
    observed: &BTreeSet<ObservationId>,
    checked: &mut Checked,
) -> Result<()> {
    let mut epochs = database.prepare("SELECT number, root FROM closed_epochs ORDER BY number")?;
    let rows = epochs.query_map([], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, [u8; 32]>(1)?))
    })?;
    let mut counted = BTreeSet::new();
    let mut in_all: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows {
        let (epoch, root) = row?;
        let path = server.evidence(epoch);
        ensure!(
            server.audit(epoch)?.success(),
            "the server's audit finds a difference in {}",
            path.display()
        );
        let audited = audited(&path)?;
        ensure!(
            audited["root_recomputed"] == data_encoding::HEXLOWER.encode(&root).as_str(),
            "epoch {epoch}: the audit's root is not the committed one"
        );
        let evidence = fs::read(&path)?;
        let evidence = wayhex_protocol::cbor::decode_exact::<Evidence>(&evidence)?;
        for of_account in &evidence.facts.tables.accounts {
            for id in &of_account.observations {
                ensure!(counted.insert(*id), "observation {id} counts twice");
                ensure!(
                    observed.contains(id),
                    "observation {id} counts and is not there"
                );
            }
        }
        let committed = payouts(database, epoch)?;
        for (account, paid) in &committed {
            *in_all.entry(account.clone()).or_default() += paid;
        }
        agrees(&audited, &committed, epoch)?;
        checked.epochs += 1;
        checked.paid_micros += committed.values().sum::<u64>();
    }
    let mut open = database.prepare(
        "SELECT o.observation FROM observations o JOIN epochs e ON e.number = o.epoch WHERE e.closed_ms IS NULL",
    )?;
    let open = open.query_map([], |row| row.get(0))?;
    let open: BTreeSet<ObservationId> = open
        .map(|id| id.map(ObservationId))
        .collect::<Result<_, _>>()?;
    for id in observed {
        ensure!(
            counted.contains(id) != open.contains(id),
            "observation {id} counts in no epoch, or in a closed and an open one"
        );
    }
    balances_are_payouts(database, &in_all)
}

/// What an independent program recomputes from the evidence alone: `core/protocol/vectors/audit.py`.
fn audited(evidence: &Path) -> Result<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/protocol/vectors/audit.py");
    let output = Command::new("python3").arg(script).arg(evidence).output();
    let output = output.context("python3 cannot be run")?;
    ensure!(
        output.status.success(),
        "audit.py finds a difference in {}: {}",
        evidence.display(),
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).context("audit.py prints no JSON")
}

/// What an epoch paid to each account, millionths, without what was left of its pool.
fn payouts(database: &Connection, epoch: u64) -> Result<BTreeMap<String, u64>> {
    let mut query = database.prepare(
        "SELECT a.caip10, p.paid_high_micros + p.paid_low_micros FROM payouts p JOIN accounts a ON a.id = p.account
         WHERE p.epoch = ?1",
    )?;
    let rows = query.query_map([epoch], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The audit's payouts, account by account, are the committed ones; what was not paid is the treasury's.
fn agrees(audited: &Value, committed: &BTreeMap<String, u64>, epoch: u64) -> Result<()> {
    let rows = audited["payouts"].as_object().context("no payouts")?;
    let mut recomputed: BTreeMap<String, u64> = BTreeMap::new();
    for (account, paid) in rows {
        let paid = paid.as_str().context("a payout is no text")?;
        recomputed.insert(account.clone(), paid.parse()?);
    }
    for (account, paid) in committed {
        let expected = recomputed.get(account).copied().unwrap_or(0);
        ensure!(
            expected == *paid,
            "epoch {epoch} paid {paid} to {account}, and the audit says {expected}"
        );
    }
    ensure!(
        recomputed
            .keys()
            .all(|account| committed.contains_key(account)),
        "epoch {epoch}: the audit pays an account that has no payout"
    );
    Ok(())
}

/// What matured and what is still pending, account by account, is what was paid in all, the treasury's remainders aside.
fn balances_are_payouts(database: &Connection, paid: &BTreeMap<String, u64>) -> Result<()> {
    for (account, paid) in paid {
        let held: u64 = database.query_row(
            "SELECT coalesce((SELECT matured_micros FROM balances b WHERE b.account = a.id ORDER BY epoch DESC LIMIT 1), 0)
                  + coalesce((SELECT sum(amount_micros) FROM pending_payouts p WHERE p.account = a.id), 0)
                  - coalesce((SELECT sum(remainder_micros) FROM payouts r WHERE r.account = a.id), 0)
             FROM accounts a WHERE a.caip10 = ?1",
            [account],
            |row| row.get(0),
        )?;
        ensure!(
            held == *paid,
            "{account} was paid {paid} in all epochs, and holds {held}"
        );
    }
    Ok(())
}
