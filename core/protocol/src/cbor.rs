//! Deterministic CBOR (RFC 8949 section 4.2.1): definite lengths, shortest heads, map keys ascending.
//!
//! A decoder here reads what it knows and refuses the rest; [`decode_exact`] then encodes what was read and compares the
//! bytes, so that each message has one encoding and no rule of determinism has to be checked by itself. Depth needs no
//! counter: every reader is typed, and none recurses.

use minicbor::{Decoder, Encoder, encode};

/// Why bytes are not the message they are taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not CBOR, cut short, or of another type than the field's.
    #[error("{what}: {cause}")]
    Malformed {
        /// The message or field.
        what: &'static str,
        /// What the CBOR reader said.
        cause: String,
    },
    /// A map key that the message does not have.
    #[error("{what}: unknown key {key}")]
    UnknownKey {
        /// The message.
        what: &'static str,
        /// The key.
        key: u64,
    },
    /// A required field is absent.
    #[error("{what}: field {field} is missing")]
    Missing {
        /// The message.
        what: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A value outside its range.
    #[error("{what}: value out of range")]
    Range {
        /// The field.
        what: &'static str,
    },
    /// Longer than allowed.
    #[error("{what}: {size} is more than the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size, in bytes or items.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Valid CBOR, but not the one encoding of its content, or followed by more bytes.
    #[error("{what}: not in deterministic encoding")]
    NotCanonical {
        /// The message.
        what: &'static str,
    },
}

/// A message with one encoding.
pub trait Wire: Sized {
    /// Its name in errors.
    const NAME: &'static str;
    /// The most bytes that its encoding may have; longer input is refused unread.
    const BYTES_MAX: usize;

    /// The deterministic encoding.
    fn to_bytes(&self) -> Vec<u8>;

    /// Reads the message; what it leaves unchecked, [`decode_exact`] checks.
    ///
    /// # Errors
    /// Names the field that is missing, unknown, of the wrong type or out of range.
    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError>;
}

/// Decodes `bytes` as exactly one message in deterministic encoding.
///
/// # Errors
/// Too long, malformed, unknown or missing fields, not canonical, trailing bytes.
pub fn decode_exact<T: Wire>(bytes: &[u8]) -> Result<T, DecodeError> {
    if bytes.len() > T::BYTES_MAX {
        return Err(too_large(T::NAME, bytes.len(), T::BYTES_MAX));
    }
    let value = T::read(&mut Decoder::new(bytes))?;
    if value.to_bytes() != bytes {
        return Err(DecodeError::NotCanonical { what: T::NAME });
    }
    Ok(value)
}

pub(crate) type Writer = Encoder<Vec<u8>>;
type Written<'a> = Result<&'a mut Writer, encode::Error<core::convert::Infallible>>;

/// Writes to memory, which cannot fail.
pub(crate) fn written(write: impl FnOnce(&mut Writer) -> Written<'_>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder).expect("writing to memory cannot fail");
    encoder.into_writer()
}

/// A map with integer keys that are put in ascending order; absent values are left out.
pub(crate) struct MapWriter {
    entries: u64,
    body: Vec<u8>,
}

impl MapWriter {
    pub(crate) fn new() -> Self {
        Self {
            entries: 0,
            body: Vec::new(),
        }
    }

    pub(crate) fn put(self, key: u64, write: impl FnOnce(&mut Writer) -> Written<'_>) -> Self {
        self.put_raw(key, &written(write))
    }

    /// Puts a value that is encoded already.
    pub(crate) fn put_raw(mut self, key: u64, value: &[u8]) -> Self {
        self.entries += 1;
        self.body.extend(written(|e| e.u64(key)));
        self.body.extend_from_slice(value);
        self
    }

    pub(crate) fn put_u64(self, key: u64, value: u64) -> Self {
        self.put(key, |e| e.u64(value))
    }

    pub(crate) fn put_bytes(self, key: u64, value: &[u8]) -> Self {
        self.put(key, |e| e.bytes(value))
    }

    pub(crate) fn put_text(self, key: u64, value: &str) -> Self {
        self.put(key, |e| e.str(value))
    }

    pub(crate) fn put_option(self, key: u64, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.put_u64(key, value),
            None => self,
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let mut bytes = written(|e| e.map(self.entries));
        bytes.extend(self.body);
        bytes
    }
}

/// An array of values that are encoded already.
pub(crate) fn array_of(values: impl ExactSizeIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = written(|e| e.array(values.len() as u64));
    values.for_each(|value| bytes.extend(value));
    bytes
}

pub(crate) fn read_map(
    what: &'static str,
    d: &mut Decoder<'_>,
    mut field: impl FnMut(u64, &mut Decoder<'_>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let entries = d
        .map()
        .map_err(malformed(what))?
        .ok_or(DecodeError::NotCanonical { what })?;
    let mut last = None;
    for _ in 0..entries {
        let key = d.u64().map_err(malformed(what))?;
        if last.is_some_and(|last| key <= last) {
            return Err(DecodeError::NotCanonical { what });
        }
        last = Some(key);
        field(key, d)?;
    }
    Ok(())
}

/// Reads an array of at most `most` items.
pub(crate) fn read_array<T>(
    what: &'static str,
    most: usize,
    d: &mut Decoder<'_>,
    mut item: impl FnMut(&mut Decoder<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let length = d
        .array()
        .map_err(malformed(what))?
        .ok_or(DecodeError::NotCanonical { what })?;
    if length > most as u64 {
        return Err(DecodeError::TooLarge {
            what,
            size: length,
            limit: most as u64,
        });
    }
    (0..length).map(|_| item(d)).collect()
}

/// Reads the head of an array of exactly `length` items.
pub(crate) fn read_tuple(
    what: &'static str,
    length: u64,
    d: &mut Decoder<'_>,
) -> Result<(), DecodeError> {
    match d.array().map_err(malformed(what))? {
        Some(found) if found == length => Ok(()),
        Some(_) => Err(DecodeError::Range { what }),
        None => Err(DecodeError::NotCanonical { what }),
    }
}

pub(crate) fn read_u64(what: &'static str, d: &mut Decoder<'_>) -> Result<u64, DecodeError> {
    d.u64().map_err(malformed(what))
}

pub(crate) fn read_u32(what: &'static str, d: &mut Decoder<'_>) -> Result<u32, DecodeError> {
    d.u32().map_err(malformed(what))
}

pub(crate) fn read_text<'b>(
    what: &'static str,
    d: &mut Decoder<'b>,
) -> Result<&'b str, DecodeError> {
    d.str().map_err(malformed(what))
}

pub(crate) fn read_bytes<'b>(
    what: &'static str,
    d: &mut Decoder<'b>,
) -> Result<&'b [u8], DecodeError> {
    d.bytes().map_err(malformed(what))
}

/// Reads a byte string of a fixed length through an id's `from_slice`.
pub(crate) fn read_id<T>(
    what: &'static str,
    d: &mut Decoder<'_>,
    from_slice: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, DecodeError> {
    from_slice(read_bytes(what, d)?).ok_or(DecodeError::Range { what })
}

pub(crate) fn malformed(what: &'static str) -> impl Fn(minicbor::decode::Error) -> DecodeError {
    move |cause| DecodeError::Malformed {
        what,
        cause: cause.to_string(),
    }
}

pub(crate) fn missing(what: &'static str, field: &'static str) -> impl FnOnce() -> DecodeError {
    move || DecodeError::Missing { what, field }
}

pub(crate) fn unknown(what: &'static str, key: u64) -> DecodeError {
    DecodeError::UnknownKey { what, key }
}

pub(crate) fn too_large(what: &'static str, size: usize, limit: usize) -> DecodeError {
    DecodeError::TooLarge {
        what,
        size: size as u64,
        limit: limit as u64,
    }
}
