//! Many byte strings, looked for at once.
//!
//! A coordinate takes four bytes, which come up by chance in a megabyte of pictures. So its two halves count only together,
//! within [`APART_MAX`] of each other.

use std::collections::HashMap;

/// How far apart latitude and longitude may stand to be one place, bytes.
const APART_MAX: usize = 32;
/// Bytes that every needle has at least.
const BYTES_MIN: usize = 4;
/// Bits of a slot's number: of a million slots twenty thousand needles take 2 %.
const SLOT_BITS: u32 = 20;

/// What is looked for.
#[derive(Clone, Debug)]
struct Needle {
    bytes: Vec<u8>,
    what: What,
}

/// What a needle stands for.
#[derive(Clone, Debug)]
enum What {
    /// It says enough alone.
    Whole(String),
    /// The latitude, or else the longitude, of the place of that number.
    Half(usize, bool),
}

/// All that is looked for.
#[derive(Clone, Debug, Default)]
pub struct Needles {
    all: Vec<Needle>,
    places: Vec<String>,
    /// Those that begin with these four bytes.
    beginnings: HashMap<[u8; BYTES_MIN], Vec<usize>>,
    /// Whether any begins with four bytes of this slot: most of what is searched is none of theirs, and needs no other look.
    slots: Vec<bool>,
}

impl Needles {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slots: vec![false; 1 << SLOT_BITS],
            ..Self::default()
        }
    }

    /// Looks for these bytes, too.
    pub fn add(&mut self, bytes: &[u8], what: &str) {
        self.push(bytes, What::Whole(what.to_owned()));
    }

    /// Looks for a number of eight bytes, in both orders.
    pub fn add_both_ways(&mut self, bytes: [u8; 8], what: &str) {
        let mut turned = bytes;
        turned.reverse();
        self.add(&bytes, what);
        self.add(&turned, what);
    }

    /// Looks for a place in 1e-7 degree, in both orders of bytes: as it stands in CBOR and SQLite, and in memory.
    pub fn add_place(&mut self, lat_e7: i32, lon_e7: i32, what: &str) {
        let place = self.places.len();
        self.places.push(what.to_owned());
        for (number, is_lat) in [(lat_e7, true), (lon_e7, false)] {
            self.push(&number.to_be_bytes(), What::Half(place, is_lat));
            self.push(&number.to_le_bytes(), What::Half(place, is_lat));
        }
    }

    fn push(&mut self, bytes: &[u8], what: What) {
        let Some(first) = bytes.first_chunk::<BYTES_MIN>() else {
            return;
        };
        self.slots[slot(*first)] = true;
        let number = self.all.len();
        self.beginnings.entry(*first).or_default().push(number);
        self.all.push(Needle {
            bytes: bytes.to_vec(),
            what,
        });
    }

    /// Where which of them begin.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut halves: Vec<(usize, usize, bool)> = Vec::new();
        for (offset, window) in bytes.windows(BYTES_MIN).enumerate() {
            let first = window.first_chunk::<BYTES_MIN>();
            let Some(numbers) = first
                .filter(|first| self.slots[slot(**first)])
                .and_then(|first| self.beginnings.get(first))
            else {
                continue;
            };
            for needle in numbers.iter().map(|number| &self.all[*number]) {
                if bytes[offset..].starts_with(&needle.bytes) {
                    match &needle.what {
                        What::Whole(what) => found.push((offset, what.clone())),
                        What::Half(place, is_lat) => halves.push((offset, *place, *is_lat)),
                    }
                }
            }
        }
        for (index, (offset, place, is_lat)) in halves.iter().enumerate() {
            let near = halves[index + 1..]
                .iter()
                .take_while(|other| other.0 - offset <= APART_MAX);
            for other in near {
                if other.1 == *place && other.2 != *is_lat {
                    found.push((*offset, self.places[*place].clone()));
                }
            }
        }
        found
    }
}

/// A slot of four bytes: the highest bits of their product with the golden ratio of 2^32, as Knuth hashes them.
fn slot(first: [u8; BYTES_MIN]) -> usize {
    let mixed = u32::from_be_bytes(first).wrapping_mul(0x9e37_79b1);
    usize::try_from(mixed >> (u32::BITS - SLOT_BITS)).unwrap_or(0)
}
