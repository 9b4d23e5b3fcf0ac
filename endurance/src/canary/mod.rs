//! The canary: a pattern in every raw picture, and places, times and names that are private, looked for in everything that is
//! written and sent.
//!
//! ```text
//! ground     the way, and what of it is private
//! pattern    the pattern, and how it is found in pixels
//! lives      the pipeline, ended at random moments and at failpoints (ends), its bytes recorded by a proxy, and what anybody is
//!            told of it (public)
//! private    what must not be found, in all its encodings: times, and pictures in pieces and decoded (raw)
//! search     looks at every byte, decoded too: needles, numbers, pages (of SQLite), cbor; and at what came to the shared memory
//!            (shared)
//! ```
//! Not searched: what is in base64, in UTF-16 or compressed other than by JPEG; coordinates as f32; pixels as f32, as YUV or after
//! scaling; dates in other words, in other zones than UTC and of a second that a public frame shares.
//!
//! A search that finds nothing proves nothing, so each has its counterpart: with redaction, the zone or the trimming switched
//! off, the same search must find what is left out.

pub mod cbor;
mod ends;
pub mod figures;
pub mod ground;
pub mod lives;
pub mod needles;
pub mod numbers;
pub mod pages;
pub mod pattern;
pub mod private;
pub mod proxy;
mod public;
mod raw;
pub mod search;
pub mod shared;
pub mod times;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use wayhex_protocol::id::ObservationId;
use wayhex_server::keys::Keys;
use wayhex_server::store::{Objects, read_picture};

use crate::drive::mix;
use crate::folders;
use crate::player::Without;
use figures::{Figures, Finding};
use lives::{Ended, Lives, Plan};
use private::Private;
use search::Search;
use shared::{SHARED_MEMORY, entries, search_new};

/// Lives of a replay that a run of the soak ends.
const KILLS: usize = 8;

/// What came of one or more runs.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Runs.
    pub runs: usize,
    /// What was searched.
    pub figures: Figures,
    /// Pictures that the server has stored, decrypted.
    pub stored: usize,
    /// Processes that were ended.
    pub ended: Ended,
    /// The first findings, each with the seed of its run.
    pub findings: Vec<(u64, Finding)>,
}

/// Runs it all so many times, each with a seed drawn from this one.
///
/// # Errors
/// A run cannot be carried out. What was found is no error, but in the report.
pub fn run(seed: u64, runs: usize) -> Result<Report> {
    let mut report = Report::default();
    for nth in 0..runs {
        let seed = mix(seed ^ mix(u64::try_from(nth)?));
        let plan = Plan {
            seed,
            kills: KILLS,
            films: true,
            without: None,
        };
        let one = once(plan).with_context(|| format!("with seed {seed}"))?;
        report.add(one);
    }
    Ok(report)
}

/// Runs it once.
///
/// # Errors
/// It cannot be carried out.
pub fn once(plan: Plan) -> Result<Report> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let shared = entries(Path::new(SHARED_MEMORY));
    let mut lives = Lives::begin(plan, folder.path())?;
    if let Err(error) = lives.run() {
        keep(folder);
        return Err(error);
    }
    let axes = lives.axes();
    let private = Private::of(lives.ground(), &axes)?;
    let mut search = Search::of(&private);
    for entry in fs::read_dir(folder.path())? {
        let path = entry?.path();
        if !path.ends_with("drives") {
            search.folder(&path)?;
        }
    }
    search_new(Path::new(SHARED_MEMORY), &shared, &mut search)?;
    let mut findings = left_over(folder.path())?;
    let stored = stored(&folder.path().join("server/store"), &mut search)?;
    let (mut figures, found) = search.done();
    figures.findings += findings.len();
    findings.extend(found);
    ensure!(stored > 0, "the server has stored nothing");
    ensure!(
        figures.observations > 0 && figures.pictures > 0,
        "nothing was searched: {figures}"
    );
    if !findings.is_empty() {
        keep(folder);
    }
    Ok(Report {
        runs: 1,
        figures,
        stored,
        ended: lives.ended(),
        findings: findings.into_iter().map(|it| (plan.seed, it)).collect(),
    })
}

/// The files in the phones' temporary folder, after each kill and in the end: there is none.
fn left_over(folder: &Path) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for temporary in entries(folder).iter().map(|copy| copy.join("tmp")) {
        if temporary.is_dir() {
            found.extend(folders::files(&temporary)?);
        }
    }
    let finding = |file| Finding {
        file,
        offset: 0,
        what: "a temporary file".to_owned(),
    };
    Ok(found.into_iter().map(finding).collect())
}

/// Searches the pictures that the server has stored, through its own reader; how many there are.
fn stored(store: &Path, search: &mut Search<'_>) -> Result<usize> {
    let keys = Keys::open(store)?;
    let objects = Objects::open(store)?;
    let connection = rusqlite::Connection::open(store.join("wayhex.sqlite"))?;
    let mut query = connection.prepare("SELECT observation FROM observations")?;
    let ids: Vec<[u8; 32]> = query
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in &ids {
        let id = ObservationId(*id);
        let picture = read_picture(&connection, &objects, &keys.wrapping, &id)?;
        let picture = picture.with_context(|| format!("{id} has no picture"))?;
        search.loose(&store.join(format!("{id} (decrypted)")), &picture);
    }
    Ok(ids.len())
}

/// What was found has to be looked at, unless it was to be found.
fn keep(folder: tempfile::TempDir) {
    if std::env::var_os("WAYHEX_CANARY_KEEP").is_some() {
        drop(folder.keep());
    }
}

impl Plan {
    /// A short run without kills, by a phone that leaves this out.
    #[must_use]
    pub const fn without(seed: u64, without: Without) -> Self {
        Self {
            seed,
            kills: 0,
            films: true,
            without: Some(without),
        }
    }
}

impl Report {
    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.figures.add(other.figures);
        self.stored += other.stored;
        self.ended.phones += other.ended.phones;
        self.ended.at_failpoints += other.ended.at_failpoints;
        self.ended.servers += other.ended.servers;
        self.findings.extend(other.findings);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "canary: {} runs; {} phones killed, {} more at failpoints, {} servers ended",
            self.runs, self.ended.phones, self.ended.at_failpoints, self.ended.servers
        )?;
        writeln!(
            f,
            "searched {}, {} stored pictures decrypted",
            self.figures, self.stored
        )?;
        write!(f, "found {}", self.figures.findings)?;
        for (seed, finding) in &self.findings {
            write!(f, "\n  seed {seed}: {finding}")?;
        }
        Ok(())
    }
}
