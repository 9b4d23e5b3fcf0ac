//! Repeats a close from its evidence alone: no database, no network, no trust in who wrote it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::Serialize;
use wayhex_protocol::cbor::{DecodeError, decode_exact};
use wayhex_protocol::evidence::{EVIDENCE_BYTES_MAX, Evidence, recompute};
use wayhex_protocol::id::EvidenceHash;
use wayhex_protocol::merkle::Hash;

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// The network of the evidence.
    pub network: String,
    /// The epoch.
    pub epoch: u64,
    /// SHA-256 of the file: what the epoch's public summary must name.
    pub evidence_sha256: String,
    /// Observations that it counts.
    pub observations: u64,
    /// The pool that follows, in millionths; null where nothing follows.
    pub pool: Option<String>,
    /// What is paid of it.
    pub paid: Option<String>,
    /// What is left.
    pub treasury: Option<String>,
    /// The root that the evidence claims.
    pub root_claimed: String,
    /// The root that follows from its facts; null where they contradict themselves.
    pub root_recomputed: Option<String>,
    /// Whether everything agrees.
    #[serde(rename = "match")]
    pub matches: bool,
    /// The first thing that does not.
    pub difference: Option<String>,
}

/// Why a file could not be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It cannot be read.
    #[error("cannot read the evidence {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no evidence.
    #[error("{path} is no evidence")]
    Decode {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DecodeError,
    },
}

/// Audits a file; `root` is what somebody was told, `previous` the evidence of the epoch before.
///
/// # Errors
/// A file cannot be read, or is not in the format. What contradicts itself is a finding, not an error.
pub fn audit(
    path: &Path,
    root: Option<&Hash>,
    previous: Option<&Path>,
) -> Result<Audited, AuditError> {
    let (evidence, hash) = read(path)?;
    let previous = previous.map(read).transpose()?;
    let recomputed = recompute(&evidence);
    let results = recomputed.as_ref().ok().map(|of| &of.results);
    let difference = match &recomputed {
        Err(fault) => Some(fault.to_string()),
        Ok(of) => evidence
            .claimed
            .difference(&of.results)
            .map(|difference| difference.to_string()),
    };
    let difference = difference
        .or_else(|| unlike_told(root, &evidence.claimed.root))
        .or_else(|| broken_chain(&evidence, previous.as_ref()));
    Ok(Audited {
        network: evidence.facts.network.as_str().to_owned(),
        epoch: evidence.facts.epoch,
        evidence_sha256: hash.to_string(),
        observations: evidence.facts.observations(),
        pool: results.map(|of| of.pool.to_string()),
        paid: results.map(|of| of.paid().to_string()),
        treasury: results.map(|of| of.treasury.to_string()),
        root_claimed: HEXLOWER.encode(&evidence.claimed.root),
        root_recomputed: results.map(|of| HEXLOWER.encode(&of.root)),
        matches: difference.is_none(),
        difference,
    })
}

fn unlike_told(told: Option<&Hash>, claimed: &Hash) -> Option<String> {
    let told = told.filter(|told| *told != claimed)?;
    let (told, claimed) = (HEXLOWER.encode(told), HEXLOWER.encode(claimed));
    Some(format!(
        "root: {told} was told, the evidence claims {claimed}"
    ))
}

fn broken_chain(
    evidence: &Evidence,
    previous: Option<&(Evidence, EvidenceHash)>,
) -> Option<String> {
    let (previous, hash) = previous?;
    match evidence.break_after(previous, *hash) {
        Err(fault) => Some(format!("the previous evidence: {fault}")),
        Ok(difference) => difference.map(|difference| difference.to_string()),
    }
}

fn read(path: &Path) -> Result<(Evidence, EvidenceHash), AuditError> {
    let attempt = || {
        let mut bytes = Vec::new();
        // One byte more than the limit is enough for the decoder to refuse it.
        let limit = EVIDENCE_BYTES_MAX as u64 + 1;
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = attempt().map_err(|source| AuditError::Read {
        path: path.to_owned(),
        source,
    })?;
    let evidence = decode_exact(&bytes).map_err(|source| AuditError::Decode {
        path: path.to_owned(),
        source,
    })?;
    Ok((evidence, Evidence::hash_of(&bytes)))
}
