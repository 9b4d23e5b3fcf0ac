//! `wayhex-server close-epoch` and `wayhex-server audit`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use data_encoding::HEXLOWER;
use serde::Serialize;
use wayhex_protocol::merkle::Hash;

use super::{Closed, Closer, EpochSummary, audit};
use crate::clock::now_ms;
use crate::config::Config;
use crate::keys::Keys;
use crate::store;

/// The exit status of an audit that found a difference.
const MISMATCH: u8 = 6;

/// Close the open epoch; a server may run on the same store meanwhile.
#[derive(Debug, Args)]
pub struct CloseEpoch {
    /// Close this epoch; if it is closed already, say what it came to and change nothing.
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Recompute an epoch from its evidence alone. Exit status 0: everything agrees; 6: something does not.
#[derive(Debug, Args)]
pub struct Audit {
    /// The evidence of the epoch.
    #[arg(value_name = "EVIDENCE.cbor")]
    evidence: PathBuf,
    /// The root that the evidence has to give, 64 hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = parse_root)]
    root: Option<Hash>,
    /// The evidence of the epoch before, which this one has to follow.
    #[arg(long, value_name = "EVIDENCE.cbor")]
    previous: Option<PathBuf>,
    /// Print what was found as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct ClosedJson<'a> {
    #[serde(flatten)]
    summary: &'a EpochSummary,
    already_closed: bool,
    evidence: String,
}

impl CloseEpoch {
    /// Closes and prints.
    ///
    /// # Errors
    /// The store cannot be used, or the epoch has not begun.
    pub fn run(self, config: &Config) -> anyhow::Result<()> {
        let folder = &config.store.folder;
        let keys = Keys::open(folder)?;
        let closer = Closer {
            folder,
            network: &config.network.network()?,
            keys: &keys,
        };
        let epoch = closer.close(&mut store::connect(folder)?, self.epoch, now_ms())?;
        let text = if self.json {
            closed_json(&epoch)?
        } else {
            closed_sentence(&epoch)
        };
        writeln!(std::io::stdout(), "{text}")?;
        Ok(())
    }
}

impl Audit {
    /// Audits and prints.
    ///
    /// # Errors
    /// A file cannot be read or is no evidence.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let found = audit(&self.evidence, self.root.as_ref(), self.previous.as_deref())?;
        let text = if self.json {
            serde_json::to_string(&found)?
        } else {
            let root = &found.root_claimed;
            let finding = found.difference.as_deref();
            let finding = finding.unwrap_or("everything follows from the facts");
            format!("epoch {}, root {root}: {finding}", found.epoch)
        };
        writeln!(std::io::stdout(), "{text}")?;
        Ok(if found.matches {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(MISMATCH)
        })
    }
}

fn closed_json(closed: &Closed) -> serde_json::Result<String> {
    serde_json::to_string(&ClosedJson {
        summary: &closed.summary,
        already_closed: closed.already,
        evidence: closed.evidence.display().to_string(),
    })
}

fn closed_sentence(closed: &Closed) -> String {
    let Closed {
        summary,
        evidence,
        already,
    } = closed;
    let totals = &summary.totals;
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or_default();
    format!(
        "epoch {} {}: {} observations, {} of {} millionths paid, root {}, evidence {}",
        summary.number,
        if *already {
            "was closed before"
        } else {
            "is closed"
        },
        totals.observations.unwrap_or(0),
        or_nothing(&totals.paid),
        or_nothing(&totals.pool),
        or_nothing(&totals.root),
        evidence.display()
    )
}

fn parse_root(text: &str) -> Result<Hash, String> {
    let bytes = HEXLOWER
        .decode(text.as_bytes())
        .map_err(|error| error.to_string())?;
    Hash::try_from(bytes).map_err(|bytes| format!("{} bytes where a root has 32", bytes.len()))
}
