//! Signed items, made by the real stages from a street that a formula draws.

use std::sync::Arc;
use std::time::Duration;

use ring::signature::{Ed25519KeyPair, KeyPair};
use wayhex_device::capture::{Capture, CaptureSettings};
use wayhex_device::ports::{Clock, NoRandomness, Random, StoragePath};
use wayhex_device::privacy::{
    Detectors, Privacy, PrivacyOutcome, PrivacySettings, Trim, TripKind, Zones,
};
use wayhex_device::queue::{FrameNote, Queue};
use wayhex_device::sign::{Signed, sign};
use wayhex_device::source::{Event, Fix, Frame, FrameData};
use wayhex_device::tag::{DeviceSecret, Tagger};
use wayhex_protocol::id::{ModelHash, NetworkId, SessionId};
use wayhex_protocol::key::{PublicKey, SignError, Signer};
use wayhex_protocol::policy::{GENESIS_FACE_MODEL, Policy};
use wayhex_vision::{DetectError, Detection, Detector, ModelIdentity, RgbFrame, RgbView, Role};

/// 2026-11-22 12:00 UTC, Unix milliseconds.
pub const NOON_MS: u64 = 1_795_348_800_000;
pub const SESSION: SessionId = SessionId([5; 16]);

pub fn network() -> NetworkId {
    NetworkId::parse("wayhex-dev").unwrap()
}

/// An Ed25519 key of a fixed seed.
pub struct Key(Ed25519KeyPair);

impl Key {
    pub fn of(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.public_key().as_ref().try_into().unwrap())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(message).as_ref().try_into().unwrap())
    }
}

/// A clock that a test moves: waiting is over at once.
#[derive(Debug)]
pub struct TestClock(std::sync::atomic::AtomicU64);

impl TestClock {
    pub fn at(now_ms: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(now_ms))
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn monotonic_ns(&self) -> u64 {
        self.now_ms() * 1_000_000
    }

    fn wait_ms(&self, ms: u64) {
        self.0.fetch_add(ms, std::sync::atomic::Ordering::SeqCst);
    }
}

/// Chance that never changes: the longest waits.
pub struct Dice;

impl Random for Dice {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        out.fill(0xa5);
        Ok(())
    }
}

struct SeesNothing(ModelIdentity);

impl Detector for SeesNothing {
    fn identity(&self) -> &ModelIdentity {
        &self.0
    }

    fn detect(&self, _frame: RgbView<'_>) -> Result<Vec<Detection>, DetectError> {
        Ok(Vec::new())
    }
}

/// A detector that the genesis policy accepts.
pub fn detectors() -> Vec<Arc<dyn Detector>> {
    detectors_of(ModelHash::from_hex(GENESIS_FACE_MODEL).unwrap().0)
}

/// A detector whose file has this hash.
pub fn detectors_of(sha256: [u8; 32]) -> Vec<Arc<dyn Detector>> {
    vec![Arc::new(SeesNothing(ModelIdentity {
        role: Role::Face,
        name: "nobody".to_owned(),
        version: "1".to_owned(),
        runtime: "test".to_owned(),
        sha256,
    }))]
}

/// `count` items of a drive of 10 m a second to the north, begun an hour before noon.
pub fn signed_items(count: usize, signer: &dyn Signer) -> Vec<Signed> {
    items_begun(count, signer, NOON_MS - 3_600_000, |_at_ns| None)
}

/// `count` items of such a drive that began when the phone's clock said `begun_ms`; its fixes have the satellites' time where
/// `utc_ms` gives one.
pub fn items_begun(
    count: usize,
    signer: &dyn Signer,
    begun_ms: u64,
    utc_ms: impl Fn(u64) -> Option<u64>,
) -> Vec<Signed> {
    let mut capture = Capture::new(CaptureSettings {
        unix_ms_at_zero: i64::try_from(begun_ms).ok(),
        time_max_ms: None,
    });
    let mut privacy = Privacy::new(PrivacySettings {
        zones: Zones::default(),
        trim: Trim::exact(0, TripKind::Recording).unwrap(),
        trip_seed: [0; 32],
        detectors: Detectors::new(detectors(), Duration::from_secs(10)),
    });
    let tagger = Tagger {
        session: SESSION,
        shift_ms: 0,
        server_offset_ms: None,
        policy: Policy::genesis(network()).hash(),
        secret: DeviceSecret::new([3; 32]),
    };
    for i in 0..count {
        let at_ns = 1_000_000_000 * u64::try_from(i + 1).unwrap();
        let lat = 47.37 + 0.000_09 * f64::from(u32::try_from(i).unwrap());
        capture.push(Event::Fix(Fix {
            utc_ms: utc_ms(at_ns),
            ..Fix::at(at_ns, lat, 8.123_4)
        }));
        capture.push(Event::Frame(Frame {
            source: format!("{i:04}.jpg"),
            at_ns,
            data: FrameData::Rgb(street(i)),
        }));
    }
    capture.finish();
    while let Some(step) = capture.next_step() {
        privacy.take(step, &mut capture);
    }
    privacy.finish();
    let mut items = Vec::new();
    while let Some(outcome) = privacy.next_outcome() {
        let released = match outcome {
            PrivacyOutcome::Released(released) => *released,
            PrivacyOutcome::Dropped(dropped) => panic!("{dropped:?}"),
        };
        let observed = tagger
            .tag(released, u64::try_from(items.len()).unwrap())
            .unwrap();
        items.push(sign(observed, &network(), signer).unwrap());
    }
    assert_eq!(items.len(), count);
    items
}

/// A sharp pattern that differs from frame to frame.
pub fn street(seed: usize) -> RgbFrame {
    let (width, height) = (320_u32, 180_u32);
    let mut state = u64::try_from(seed).unwrap() * 2 + 1;
    let pixels = (0..width * height)
        .flat_map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let grey = u8::try_from(40 + (state >> 58) * 2).unwrap();
            [grey, grey, grey / 2]
        })
        .collect();
    RgbFrame::new(width, height, pixels).unwrap()
}

/// A store with a queue that holds these items; the folder lives as long as the first value.
pub fn queue_of(items: &[Signed]) -> (tempfile::TempDir, Queue) {
    let (folder, store) = store();
    let mut queue = Queue::open(&store).unwrap();
    fill(&mut queue, items);
    (folder, queue)
}

pub fn store() -> (tempfile::TempDir, StoragePath) {
    let folder = tempfile::tempdir().unwrap();
    let store = StoragePath::create(&folder.path().join("store")).unwrap();
    (folder, store)
}

pub fn fill(queue: &mut Queue, items: &[Signed]) {
    queue.begin(SESSION, None, "{}").unwrap();
    for (frame, signed) in items.iter().enumerate() {
        queue.put(&note(frame, signed), signed).unwrap();
    }
}

pub fn note(frame: usize, signed: &Signed) -> FrameNote {
    FrameNote {
        session: SESSION,
        frame: u64::try_from(frame).unwrap(),
        source: signed.source().to_owned(),
        time_ms: None,
        dropped: None,
    }
}
