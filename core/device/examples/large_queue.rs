//! Measures a queue that holds as much as it may: how long it takes to open and to name what is sent next, and in how much memory.
//!
//! ```text
//! large_queue fill DIR --items N --bytes B --seed S    makes a store of N pending items of B bytes each
//! large_queue open DIR                                 opens it in this process, takes the next upload, prints JSON
//! ```
//! The items are signed observations with pictures of noise: nothing looks at these before they are sent. They go in by SQL, many in
//! a transaction, since only what comes after is measured.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use ring::signature::{Ed25519KeyPair, KeyPair};
use rusqlite::{Connection, Transaction, params};
use serde_json::{Value, json};
use wayhex_device::ports::{Clock, NetworkKind, StoragePath};
use wayhex_device::privacy::Trim;
use wayhex_device::queue::{Now, Queue};
use wayhex_device::session::{Ports, Session, Settings};
use wayhex_device::system::{SystemClock, SystemRandom};
use wayhex_device::upload::http::HttpTransport;
use wayhex_device::upload::plan::{Rules, Situation, Step, next_step};
use wayhex_protocol::batch::item_size;
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::{ModelHash, NetworkId, PictureHash, Salt, SessionId, sha256};
use wayhex_protocol::key::{PublicKey, SignError, Signer};
use wayhex_protocol::observation::{
    FixQuality, Kind, Media, Model, Motion, Observation, REDACTION_FACES_ONLY, Redaction, Role,
    TimeSource,
};
use wayhex_protocol::policy::Policy;
use wayhex_protocol::position::Position;
use wayhex_protocol::segment::{Segment, Vertex};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Items that go in by one transaction.
const AT_ONCE: u64 = 2_000;
/// Items of a session: a trip of an hour.
const SESSION_ITEMS: u64 = 3_600;
const NETWORK: &str = "wayhex-dev";
/// Where the arguments of `fill` are kept for `open` to print.
const ARGUMENTS: &str = "large_queue.json";
/// Bytes of noise that the pictures are cut from.
const NOISE_BYTES: usize = 1 << 20;
/// The items were captured in the last three days.
const AGE_MS: u64 = 3 * 86_400_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let figures = match words[..] {
        [
            "fill",
            folder,
            "--items",
            items,
            "--bytes",
            bytes,
            "--seed",
            seed,
        ] => fill(
            Path::new(folder),
            items.parse()?,
            bytes.parse()?,
            seed.parse()?,
        )?,
        ["open", folder] => open(Path::new(folder))?,
        _ => {
            let usage =
                "large_queue fill DIR --items N --bytes B --seed S, or large_queue open DIR";
            return Err(usage.into());
        }
    };
    #[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
    {
        println!("{figures}");
    }
    Ok(())
}

fn fill(folder: &Path, items: u64, bytes: usize, seed: u64) -> Result<Value> {
    let started = Instant::now();
    let store = StoragePath::create(folder)?;
    let network = NetworkId::parse(NETWORK)?;
    Queue::open(&store)?.bind(&network)?;
    let arguments = json!({ "items": items, "bytes": bytes, "seed": seed });
    fs::write(folder.join(ARGUMENTS), arguments.to_string())?;
    let mut connection = Connection::open(store.queue())?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")?;
    let maker = Maker {
        key: Key::fixed()?,
        noise: noise(seed),
        now_ms: SystemClock::default().now_ms(),
        policy: Policy::genesis(network.clone()),
        network,
        bytes,
    };
    let mut first = 0;
    while first < items {
        let transaction = connection.transaction()?;
        for number in first..items.min(first + AT_ONCE) {
            maker.put(&transaction, number)?;
        }
        transaction.commit()?;
        first += AT_ONCE;
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
    drop(connection);
    // Or the first commit of what is measured would wait until all of it is on the disk.
    fs::File::open(store.queue())?.sync_all()?;
    let file_bytes = fs::metadata(store.queue())?.len();
    Ok(json!({
        "items": items, "bytes": bytes, "seed": seed,
        "file_bytes": file_bytes, "fill_ms": ms_since(started),
    }))
}

/// Makes items.
struct Maker {
    key: Key,
    noise: Vec<u8>,
    now_ms: u64,
    network: NetworkId,
    policy: Policy,
    bytes: usize,
}

impl Maker {
    fn put(&self, transaction: &Transaction<'_>, number: u64) -> Result<()> {
        let picture = self.picture(number);
        let observation = self.observation(number, &picture)?;
        let (session, sequence) = (observation.session.0, i64::try_from(observation.sequence)?);
        if sequence == 0 {
            transaction.execute(
                "INSERT INTO sessions (session, plan, summary) VALUES (?1, '{}', '{}')",
                [session],
            )?;
        }
        let envelope = seal(&observation, &self.network, &self.key)?;
        let device = self.key.public_key().thumbprint();
        let id = Observation::id(device, &observation.to_bytes());
        let size_bytes = i64::try_from(item_size(envelope.len(), Some(picture.len())))?;
        let captured_at_ms = i64::try_from(observation.captured_at_ms)?;
        transaction
            .prepare_cached(
                "INSERT INTO items (id, session, sequence, state, size_bytes, captured_at_ms, filled_pixels, envelope)
                 VALUES (?1, ?2, ?3, 'queued', ?4, ?5, 0, ?6)",
            )?
            .execute(params![id.0, session, sequence, size_bytes, captured_at_ms, envelope])?;
        let place = transaction.last_insert_rowid();
        transaction
            .prepare_cached("INSERT INTO pictures (item, picture) VALUES (?1, ?2)")?
            .execute(params![place, picture])?;
        transaction
            .prepare_cached(
                "INSERT INTO frames (session, frame, source, item) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![session, sequence, number.to_string(), place])?;
        Ok(())
    }

    /// A step of 10 m to the north for each item, a street for each session.
    fn observation(&self, number: u64, picture: &[u8]) -> Result<Observation> {
        let (trip, sequence) = (number / SESSION_ITEMS, number % SESSION_ITEMS);
        let mut session = [0; SessionId::LENGTH];
        session[..8].copy_from_slice(&trip.to_be_bytes());
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&number.to_be_bytes());
        let lat_e7 = 470_000_000 + i32::try_from(sequence)? * 900;
        let lon_e7 = 80_000_000 + i32::try_from(trip)? * 10_000;
        let place = Vertex {
            position: Position::from_e7(lat_e7, lon_e7).ok_or("no position")?,
            before_ms: 0,
        };
        Ok(Observation {
            kind: Kind::Picture,
            session: SessionId(session),
            sequence,
            captured_at_ms: self.now_ms - AGE_MS + number,
            time_source: TimeSource::Gnss,
            segment: Segment::from_vertices(vec![place])?,
            fix: FixQuality::default(),
            motion: Motion::default(),
            media: vec![Media {
                sha256: PictureHash(sha256(picture)),
                size_bytes: u32::try_from(picture.len())?,
                width: 1_280,
                height: 720,
            }],
            redaction: Redaction {
                version: REDACTION_FACES_ONLY,
                models: vec![Model {
                    role: Role::Face,
                    sha256: ModelHash([7; 32]),
                }],
                faces: 0,
                plates: 0,
            },
            quality: 200,
            policy: self.policy.hash(),
            salt: Salt(salt),
        })
    }

    /// A piece of the noise that begins with its number, so that no two are the same.
    fn picture(&self, number: u64) -> Vec<u8> {
        let start = usize::try_from(number).unwrap_or(0) % self.noise.len();
        let mut picture = number.to_be_bytes().to_vec();
        while picture.len() < self.bytes {
            let piece = &self.noise[start..];
            let left = self.bytes - picture.len();
            picture.extend_from_slice(&piece[..left.min(piece.len())]);
        }
        picture
    }
}

/// Noise by an xorshift generator.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(NOISE_BYTES / 8).flatten().collect()
}

/// An Ed25519 key of a fixed seed: what is signed goes nowhere.
struct Key(Ed25519KeyPair);

impl Key {
    fn fixed() -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]);
        pair.map(Self).map_err(|error| error.to_string().into())
    }
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        PublicKey::Ed25519(public)
    }

    fn sign(&self, message: &[u8]) -> std::result::Result<[u8; 64], SignError> {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.0.sign(message).as_ref());
        Ok(signature)
    }
}

fn open(folder: &Path) -> Result<Value> {
    let store = StoragePath::create(folder)?;
    let arguments: Value = serde_json::from_slice(&fs::read(folder.join(ARGUMENTS))?)?;
    let (open_ms, report_ms) = open_session(store.clone())?;
    let mut queue = Queue::open(&store)?;
    let now = Now::Confirmed(SystemClock::default().now_ms());
    let started = Instant::now();
    let sendable = queue.sendable(now)?;
    let step = next_step(&Situation {
        now_ms: now.ms(),
        failures: 0,
        not_before_ms: 0,
        room: Ok(u64::MAX),
        under_way: None,
        sendable: &sendable,
        next_sendable_ms: queue.next_sendable_ms(now)?,
        held: 0,
    });
    let next_task_ms = ms_since(started);
    let Step::Send(items) = step else {
        return Err(format!("nothing to send: {step:?}").into());
    };
    let started = Instant::now();
    let task = queue.freeze(&items, "http://127.0.0.1:9/v1/batches", Vec::new())?;
    let freeze_ms = ms_since(started);
    let body_bytes = fs::metadata(&task.body_file)?.len();
    // The next run finds the store as this one did.
    queue.release(&task)?;
    Ok(json!({
        "items": arguments["items"], "bytes": arguments["bytes"], "seed": arguments["seed"],
        "pending": queue.pending()?, "open_ms": open_ms, "next_task_ms": next_task_ms,
        "freeze_ms": freeze_ms, "report_ms": report_ms, "task_items": items.len(), "task_bytes": body_bytes,
        "peak_rss_bytes": peak_rss_bytes(),
    }))
}

/// Opens a session on the store, as an app does when it starts, and makes its report, which weighs every pending item; milliseconds
/// that each took.
fn open_session(store: StoragePath) -> Result<(f64, f64)> {
    let (clock, random) = (SystemClock::default(), SystemRandom::default());
    let (transport, key) = (HttpTransport::new()?, Key::fixed()?);
    let settings = Settings {
        network: NetworkId::parse(NETWORK)?,
        server: None,
        account: None,
        zones: Vec::new(),
        trim: Trim::default(),
        rules: Rules::default(),
        record: None,
    };
    let ports = Ports {
        clock: &clock,
        random: &random,
        transport: &transport,
        network: &NetworkKind::Offline,
        signer: &key,
        detectors: Vec::new(),
    };
    let started = Instant::now();
    let session = Session::open(store, settings, ports)?;
    let open_ms = ms_since(started);
    let started = Instant::now();
    session.report()?;
    Ok((open_ms, ms_since(started)))
}

fn ms_since(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

/// Bytes of the largest resident set, where the system tells.
fn peak_rss_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1_024)
}
