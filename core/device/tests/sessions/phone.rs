//! A phone with a store of its own, run as often as a test wants.

use std::path::{Path, PathBuf};

use wayhex_device::ports::{NetworkKind, Signer, StoragePath};
use wayhex_device::privacy::{Trim, TripKind};
use wayhex_device::report::Report;
use wayhex_device::session::{Notice, Ports, Session, SessionError, Settings};
use wayhex_device::upload::http::HttpTransport;
use wayhex_device::upload::plan::Rules;
use wayhex_device::upload::server::Server;
use wayhex_protocol::account::Account;
use wayhex_protocol::id::DeviceId;

use crate::items::{Dice, Key, NOON_MS, TestClock, detectors, detectors_of, network};

pub struct Phone {
    folder: tempfile::TempDir,
    pub kind: NetworkKind,
    pub settings: Settings,
    pub signer: Box<dyn Signer>,
    /// The hash of its detector's file.
    pub model: [u8; 32],
    /// Asks the session to stop after this many frames.
    pub stop_after: Option<u64>,
    /// What its clock says, Unix milliseconds.
    pub now_ms: u64,
}

impl Phone {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            kind: NetworkKind::Wifi,
            settings: Settings {
                network: network(),
                server: None,
                account: Some(account()),
                zones: Vec::new(),
                trim: Trim::exact(0, TripKind::Recording).unwrap(),
                rules: Rules::default(),
                record: None,
            },
            signer: Box::new(Key::of(1)),
            model: detectors()[0].identity().sha256,
            stop_after: None,
            now_ms: NOON_MS,
        }
    }

    pub fn with_server(url: &str, key: Option<DeviceId>) -> Self {
        let mut phone = Self::new();
        phone.settings.server = Some(Server::new(url, network(), key).unwrap());
        phone
    }

    /// A folder beside the store.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn store(&self) -> StoragePath {
        StoragePath::create(&self.beside("store")).unwrap()
    }

    /// One process: plays the drive, delivers, reports.
    pub fn run(&self, drive: &Path) -> Report {
        self.try_run(drive).unwrap()
    }

    pub fn try_run(&self, drive: &Path) -> Result<Report, SessionError> {
        let clock = TestClock::at(self.now_ms);
        let transport = HttpTransport::new().unwrap();
        let ports = Ports {
            clock: &clock,
            random: &Dice,
            transport: &transport,
            network: &self.kind,
            signer: self.signer.as_ref(),
            detectors: detectors_of(self.model),
        };
        let mut session = Session::open(self.store(), self.settings.clone(), ports)?;
        let stop = session.stop_flag();
        let stop_after = self.stop_after;
        session.on_notice(move |notice| {
            if let (Notice::Frames { done, .. }, Some(after)) = (notice, stop_after)
                && done >= after
            {
                stop.stop();
            }
        });
        session.connect();
        session.replay(drive)?;
        session.deliver()?;
        session.report()
    }
}

pub fn account() -> Account {
    Account::parse("eip155:1:0x00000000000000000000000000000000000000aa").unwrap()
}

/// What holds in every report.
pub fn check_identities(report: &Report) {
    let count = |items: &std::collections::BTreeMap<String, u64>| items.values().sum::<u64>();
    let (frames, queue) = (&report.frames, &report.queue);
    assert_eq!(frames.seen, frames.queued + count(&frames.dropped));
    assert_eq!(frames.seen, report.items.len() as u64);
    assert_eq!(frames.seen, report.drive.frames);
    assert_eq!(
        frames.queued,
        queue.accepted + queue.refused + queue.evicted + queue.pending
    );
    assert_eq!(report.receipts.received, report.receipts.verified);
    assert_eq!(
        report.receipts.verified,
        report.verdicts.accepted + count(&report.verdicts.refused)
    );
    assert_eq!(report.ok, queue.pending == 0 && report.errors.is_empty());
}
