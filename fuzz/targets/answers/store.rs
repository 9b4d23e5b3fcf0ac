//! A phone's store with a few signed items, laid out anew for each input, and a clock that stands still.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use wayhex_device::capture::CaptureSettings;
use wayhex_device::ports::{Clock, NoRandomness, Random, StoragePath};
use wayhex_device::privacy::Zones;
use wayhex_device::queue::{FrameNote, Queue};
use wayhex_device::sign::Signed;
use wayhex_device::source::{Event, Fix, Frame, FrameData};
use wayhex_fuzz::phone::{SESSION, released, signed};
use wayhex_fuzz::picture::street;

/// 2026-11-22 12:00 UTC, Unix milliseconds.
const NOON_MS: u64 = 1_795_348_800_000;
/// Items in the queue.
const ITEMS: u32 = 3;

struct Template {
    items: Vec<Signed>,
    /// The queue's file before the network comes.
    queue: Vec<u8>,
    folder: TempDir,
}

/// Calls with the items and a store that holds them as it did at first.
pub fn with_store(act: impl FnOnce(&[Signed], &StoragePath)) {
    thread_local! {
        static TEMPLATE: Template = Template::new();
    }
    TEMPLATE.with(|template| {
        let path = template.folder.path().join("store");
        act(&template.items, &template.lay_out(&path));
        fs::remove_dir_all(path).expect("a temporary folder can be removed");
    });
}

impl Template {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("first");
        let store = StoragePath::create(&path).expect("a temporary folder");
        let items = drive();
        let mut queue = Queue::open(&store).expect("a queue is made");
        queue.begin(SESSION, None, "{}").expect("a session begins");
        for (item, frame) in items.iter().zip(0..) {
            let note = FrameNote {
                session: SESSION,
                frame,
                source: item.source().to_owned(),
                time_ms: None,
                dropped: None,
            };
            queue.put(&note, item).expect("the queue takes an item");
        }
        drop(queue);
        let queue = fs::read(store.queue()).expect("the queue is one file");
        Self {
            items,
            queue,
            folder,
        }
    }

    fn lay_out(&self, path: &Path) -> StoragePath {
        let store = StoragePath::create(path).expect("a temporary folder");
        fs::write(store.queue(), &self.queue).expect("a temporary file can be written");
        store
    }
}

/// A way of 10 m a second to the north.
fn drive() -> Vec<Signed> {
    let events = (1..=ITEMS).flat_map(|i| {
        let at_ns = 1_000_000_000 * u64::from(i);
        let lat = 47.37 + 0.000_09 * f64::from(i);
        let frame = Frame {
            source: format!("{i}.jpg"),
            at_ns,
            data: FrameData::Jpeg(street(i)),
        };
        [
            Event::Fix(Fix::at(at_ns, lat, 8.123_4)),
            Event::Frame(frame),
        ]
    });
    let began_ms = i64::try_from(NOON_MS - 3_600_000).expect("this century");
    let settings = CaptureSettings {
        unix_ms_at_zero: Some(began_ms),
        time_max_ms: None,
    };
    let let_go = released(events, settings, Zones::default());
    assert_eq!(let_go.len(), ITEMS as usize);
    let items = let_go.into_iter().zip(0..);
    items
        .map(|(it, sequence)| signed(it, sequence).expect("a lawful item"))
        .collect()
}

/// A clock that only waiting moves.
pub struct StillClock(AtomicU64);

impl StillClock {
    pub fn at_noon() -> Self {
        Self(AtomicU64::new(NOON_MS))
    }
}

impl Clock for StillClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> u64 {
        self.now_ms() * 1_000_000
    }

    fn wait_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

/// Chance that never changes.
pub struct Dice;

impl Random for Dice {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        out.fill(0xa5);
        Ok(())
    }
}
