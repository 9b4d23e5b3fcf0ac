//! The phone as a program: the session of wayhex-device over real files and real HTTP, with a clock, a chance and a detector that
//! make the same run twice.
//!
//! Exit codes: 0 nothing is pending and nothing went wrong; 5 something is pending, or the report tells an error; 6 the server was not
//! met, and nothing was played; 1 anything else. The report is printed for all but 1.

mod dated;
mod detector;
mod live;
mod ports;
mod without;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{ArgGroup, Parser};
use tracing_subscriber::EnvFilter;
use wayhex_device::ports::{Clock, NetworkKind, StoragePath};
use wayhex_device::privacy::{TripKind, Zone};
use wayhex_device::session::{Ports, Session, Settings};
use wayhex_device::sign::SoftwareKey;
use wayhex_device::source::Drive;
use wayhex_device::upload::http::HttpTransport;
use wayhex_device::upload::plan::Rules;
use wayhex_device::upload::server::Server;
use wayhex_protocol::account::Account;
use wayhex_protocol::id::NetworkId;

use dated::Dated;
use live::Happening;
use ports::{GivenClock, SameEachTime};

pub use detector::detectors;
pub use without::Without;

/// The exit code of a phone that has something pending, or an error to report.
pub const PENDING: u8 = 5;
/// The exit code of a phone that did not meet its server.
pub const NOT_MET: u8 = 6;
/// The network that phones and servers of these tests are of.
pub const NETWORK: &str = "wayhex-dev";

/// What a phone is told.
#[derive(Debug, Parser)]
#[command(name = "endurance-phone", group = ArgGroup::new("what").required(true))]
struct Options {
    /// Play the recorded drive in this folder, then send
    #[arg(long, value_name = "DIR", group = "what")]
    replay: Option<PathBuf>,
    /// Film the recorded drive in this folder as if it happened now, then send
    #[arg(long, value_name = "DIR", group = "what")]
    film: Option<PathBuf>,
    /// Only send what is queued
    #[arg(long, group = "what")]
    deliver: bool,
    /// The folder of key and queue
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The server; without one nothing is sent
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Whom rewards are for
    #[arg(long, value_name = "CAIP10", value_parser = account)]
    account: Account,
    /// What the clock says at the start, Unix milliseconds
    #[arg(long, value_name = "MS")]
    clock_ms: u64,
    /// What the server's clock is ahead of it, milliseconds
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        allow_hyphen_values = true
    )]
    server_ahead_ms: i64,
    /// What chance is drawn from
    #[arg(long)]
    seed: u64,
    /// Waits are so many times shorter than they should be, and a filmed drive so many times faster
    #[arg(long, default_value_t = 1)]
    hurry: u32,
    /// Cut exactly this much from a trip's ends, metres
    #[arg(long, value_name = "M")]
    trim_m: Option<u32>,
    /// Keep this place private
    #[arg(long, value_name = "LAT,LON[,RADIUS_M]", allow_hyphen_values = true)]
    private_zone: Vec<Zone>,
    /// Record here what passes privacy
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Let the clock run while a drive is filmed
    #[arg(long)]
    clock_runs: bool,
    /// Leave this out
    #[arg(long)]
    without: Option<Without>,
}

fn account(text: &str) -> Result<Account, String> {
    Account::parse(text).map_err(|error| error.to_string())
}

/// Runs the program.
#[must_use]
pub fn run() -> ExitCode {
    let options = Options::parse();
    let filter =
        EnvFilter::try_from_env("WAYHEX_LOG").unwrap_or_else(|_unset| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match play(&options) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Where nobody can read it, the exit code says enough.
            drop(writeln!(std::io::stderr(), "endurance-phone: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// One life of the phone's process; the exit code.
fn play(options: &Options) -> Result<u8> {
    let store = StoragePath::create(&options.store)
        .with_context(|| format!("cannot make the store {}", options.store.display()))?;
    let clock = GivenClock::at(options.clock_ms, options.hurry);
    let random = SameEachTime::of(options.seed);
    let key = SoftwareKey::open(&store.key(), &random)?;
    let transport = Dated::new(HttpTransport::new()?, &clock, options.server_ahead_ms);
    let ports = Ports {
        clock: &clock,
        random: &random,
        transport: &transport,
        network: &NetworkKind::Wifi,
        signer: &key,
        detectors: detector::unless(options.without == Some(Without::Redaction)),
    };
    let mut session = Session::open(store, options.settings()?, ports)?;
    session.connect();
    // The policy and the server's clock decide over the bytes: a run without them would not be the same run.
    let has_met = transport.has_met() || options.server.is_none();
    if has_met {
        options.take(&mut session, &clock)?;
        session.deliver()?;
    }
    let report = session.report()?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &report)?;
    writeln!(out)?;
    Ok(match (has_met, report.ok) {
        (false, _) => NOT_MET,
        (true, false) => PENDING,
        (true, true) => 0,
    })
}

impl Options {
    fn take(&self, session: &mut Session<'_>, clock: &GivenClock) -> Result<()> {
        if let Some(folder) = &self.replay {
            session.replay(folder)?;
        } else if let Some(folder) = &self.film {
            let drive = Drive::open(folder, clock.now_ms())?;
            if self.clock_runs {
                clock.run();
            }
            let mut source = Happening::new(drive.events(), clock);
            session.film(&mut source)?;
        }
        Ok(())
    }

    fn settings(&self) -> Result<Settings> {
        let network = NetworkId::parse(NETWORK)?;
        let kind = if self.film.is_some() {
            TripKind::Live
        } else {
            TripKind::Recording
        };
        let server = self.server.as_deref();
        let server = server.map(|address| Server::new(address, network.clone(), None));
        Ok(Settings {
            network,
            server: server.transpose()?,
            account: Some(self.account.clone()),
            zones: without::zones(self.without, &self.private_zone),
            trim: without::trim(self.without, self.trim_m, kind)?,
            rules: Rules::default(),
            record: self.record.clone(),
        })
    }
}
