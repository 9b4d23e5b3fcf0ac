//! A store with observations written straight into its records, of any class, weight and time.

use std::path::Path;

use rusqlite::{Connection, params};
use tempfile::TempDir;
use wayhex_protocol::account::Account;
use wayhex_protocol::id::{NetworkId, ObservationId, sha256};
use wayhex_protocol::unit::{CELL_RESOLUTION, CellId, Quadrant};
use wayhex_protocol::weight::Class;
use wayhex_server::keys::Keys;
use wayhex_server::policy::{PolicyError, Terms, publish};
use wayhex_server::reward::{CloseError, Closed, Closer};
use wayhex_server::store::{OpenEpoch, account_id, connect};

/// When the ledger's first epoch opens, Unix milliseconds: 1 January 2026.
pub const OPENED_MS: u64 = 1_767_225_600_000;
pub const DAY_MS: u64 = 86_400_000;
/// A policy that hides nothing and lets points be claimed at once.
pub const OPEN_POLICY: &[(&str, u64)] = &[
    ("coverage_delay_s", 0),
    ("coverage_step_s", 1),
    ("claim_delay_epochs", 0),
    ("epoch_length_s", 0),
];

/// A store that no server serves, or one that a server serves at the same time.
pub struct Ledger {
    folder: TempDir,
    network: NetworkId,
    keys: Keys,
    pub connection: Connection,
    observations: u32,
}

/// An observation to be written.
#[derive(Clone)]
pub struct Seen {
    pub account: u8,
    pub class: Option<Class>,
    pub weight: u64,
    pub quadrant: Option<Quadrant>,
    pub cells: Vec<CellId>,
    pub at_ms: u64,
}

pub fn account(number: u8) -> Account {
    Account::parse(&format!("eip155:1:0x{number:040x}")).expect("CAIP-10")
}

/// The cells around a place, nearest first.
pub fn cells(lat: f64, lon: f64, rings: u32) -> Vec<CellId> {
    let place = h3o::LatLng::new(lat, lon).expect("a position");
    let disk: Vec<_> = place.to_cell(CELL_RESOLUTION).grid_disk(rings);
    disk.into_iter().map(CellId::from).collect()
}

/// An observation of the high class, driving east.
pub fn seen(account: u8, weight: u64, cells: &[CellId]) -> Seen {
    Seen {
        account,
        class: Some(Class::High),
        weight,
        quadrant: Some(Quadrant::E),
        cells: cells.to_vec(),
        at_ms: OPENED_MS,
    }
}

/// Three accounts that meet in the same cells, in both classes.
pub fn three_drivers() -> Vec<Seen> {
    let road = cells(37.7749, -122.4194, 2);
    vec![
        seen(1, 800_000, &road[..6]),
        seen(1, 600_000, &road[3..9]),
        seen(2, 700_000, &road[4..8]),
        Seen {
            class: Some(Class::Low),
            ..seen(2, 250_000, &road[..4])
        },
        Seen {
            class: Some(Class::Low),
            quadrant: Some(Quadrant::N),
            ..seen(3, 200_000, &road[2..5])
        },
        Seen {
            class: None,
            ..seen(3, 0, &road[10..11])
        },
        Seen {
            quadrant: None,
            ..seen(3, 900_000, &road[12..13])
        },
    ]
}

/// The first epoch of three drivers, closed.
pub fn closed_ledger() -> Ledger {
    let mut ledger = Ledger::new(OPEN_POLICY);
    ledger.add_all(&three_drivers());
    ledger.close(None, OPENED_MS + DAY_MS).expect("a close");
    ledger
}

impl Ledger {
    pub fn new(policy: &[(&str, u64)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let network = NetworkId::parse("wayhex-dev").expect("a network id");
        let keys = Keys::open(folder.path()).expect("keys");
        let mut connection = connect(folder.path()).expect("a database");
        let mut terms = Terms::default();
        for (name, value) in policy {
            *terms.parameters.get_mut(name).expect("a parameter") = *value;
        }
        let transaction = connection.transaction().expect("a transaction");
        let published: Result<(), PolicyError> =
            publish(&transaction, &terms, &network, &keys.signing, OPENED_MS);
        published.expect("a policy");
        transaction.commit().expect("a commit");
        Self {
            folder,
            network,
            keys,
            connection,
            observations: 0,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn close(&mut self, wanted: Option<u64>, now_ms: u64) -> Result<Closed, CloseError> {
        let closer = Closer {
            folder: self.folder.path(),
            network: &self.network,
            keys: &self.keys,
        };
        closer.close(&mut self.connection, wanted, now_ms)
    }

    /// Writes an accepted observation into the open epoch.
    pub fn add(&mut self, seen: &Seen) -> ObservationId {
        self.add_all(std::slice::from_ref(seen)).remove(0)
    }

    pub fn add_all(&mut self, all: &[Seen]) -> Vec<ObservationId> {
        let transaction = self.connection.transaction().expect("a transaction");
        let mut ids = Vec::new();
        for seen in all {
            self.observations += 1;
            let id = sha256(&self.observations.to_be_bytes());
            let epoch = OpenEpoch::read(&transaction).expect("an open epoch").number;
            let account = account_id(&transaction, &account(seen.account)).expect("an account");
            let device = device(&transaction, seen.account);
            transaction
                .execute(
                    "INSERT INTO verdicts (device, item, epoch, decided_ms, receipt) VALUES (?1, ?2, ?3, ?4, x'00')",
                    params![device, id, epoch, seen.at_ms],
                )
                .expect("a verdict");
            let row = transaction.last_insert_rowid();
            let class = seen
                .class
                .map(|class| if class == Class::High { 1 } else { 2 });
            transaction
                .execute(
                    "INSERT INTO observations (id, observation, device, session, sequence, account, epoch, captured_ms,
                         received_ms, trust_micros, class, weight_micros, quadrant, lat_e7, lon_e7, redaction_version, envelope)
                     VALUES (?1, ?2, ?3, x'00', ?4, ?5, ?6, ?7, ?7, 0, ?8, ?9, ?10, 0, 0, 1, x'00')",
                    params![
                        row,
                        id,
                        device,
                        self.observations,
                        account,
                        epoch,
                        seen.at_ms,
                        class,
                        seen.weight,
                        seen.quadrant.map(Quadrant::number)
                    ],
                )
                .expect("an observation");
            for cell in &seen.cells {
                transaction
                    .execute(
                        "INSERT INTO observation_cells (cell, observation) VALUES (?1, ?2)",
                        params![cell.index(), row],
                    )
                    .expect("a cell");
            }
            ids.push(ObservationId(id));
        }
        transaction.commit().expect("a commit");
        ids
    }
}

fn device(connection: &Connection, number: u8) -> i64 {
    connection
        .execute(
            "INSERT OR IGNORE INTO devices (thumbprint, cose_key, registered_ms) VALUES (?1, x'00', 0)",
            [[number; 32]],
        )
        .expect("a device");
    connection
        .query_row(
            "SELECT id FROM devices WHERE thumbprint = ?1",
            [[number; 32]],
            |row| row.get(0),
        )
        .expect("its row")
}
