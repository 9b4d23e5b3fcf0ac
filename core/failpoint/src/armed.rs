//! What a place does in a build with debug assertions.

use std::collections::BTreeMap;
use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::abort;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

/// What the environment asks for, read once.
static ORDER: LazyLock<Option<Order>> = LazyLock::new(|| {
    let asked = env::var("WAYHEX_FAILPOINT").ok()?;
    Some(Order::parse(&asked))
});

/// How often each place was hit.
static HITS: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

struct Order {
    place: String,
    action: Action,
}

enum Action {
    EndAt(u64),
    Sleep(Duration),
}

impl Order {
    /// An order that cannot be read names no place, and is never carried out.
    fn parse(asked: &str) -> Self {
        let (place, action) = match asked.split_once("=sleep:") {
            Some((place, ms)) => {
                let pause = Duration::from_millis(ms.parse().unwrap_or(0));
                (place, Action::Sleep(pause))
            }
            None => match asked.split_once('@') {
                Some((place, hit)) => (place, Action::EndAt(hit.parse().unwrap_or(0))),
                None => (asked, Action::EndAt(1)),
            },
        };
        Self {
            place: place.to_owned(),
            action,
        }
    }

    fn is_for(&self, name: &str) -> bool {
        self.place == name || self.place == "*"
    }
}

pub fn hit(name: &'static str) {
    let hits = {
        let mut all = HITS.lock().unwrap_or_else(PoisonError::into_inner);
        let hits = all.entry(name).or_default();
        *hits += 1;
        *hits
    };
    if hits == 1 {
        note(name);
    }
    match ORDER.as_ref().filter(|order| order.is_for(name)) {
        Some(Order {
            action: Action::EndAt(end),
            ..
        }) if *end == hits => abort(),
        Some(Order {
            action: Action::Sleep(pause),
            ..
        }) => sleep(*pause),
        _ => {}
    }
}

/// One short write to a file opened for appending is whole, whoever else writes to it.
fn note(name: &str) {
    let Some(path) = env::var_os("WAYHEX_FAILPOINTS_SEEN") else {
        return;
    };
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
    // A test that cannot see which places were passed must not go on as if it could.
    if written.is_err() {
        abort();
    }
}
