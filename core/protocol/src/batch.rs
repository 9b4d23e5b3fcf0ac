//! The upload batch: a CBOR sequence (RFC 8742) of `[envelope bstr, picture bstr / null]`, answered by a sequence of
//! `[receipt bstr, replayed bool]` in the same order, readable when cut short.

use minicbor::Decoder;
use minicbor::data::Type;

use crate::cbor::{DecodeError, malformed, read_bytes, read_tuple, written};
use crate::id::{ObservationId, sha256};
use crate::limits::{BATCH_BYTES_MAX, BATCH_ITEMS_MAX, ENVELOPE_BYTES_MAX, PICTURE_BYTES_MAX};

/// One item as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawItem {
    /// The observation's envelope.
    pub envelope: Vec<u8>,
    /// The picture that belongs to it.
    pub picture: Option<Vec<u8>>,
}

impl RawItem {
    /// The item's encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        written(|e| {
            let e = e.array(2)?.bytes(&self.envelope)?;
            match &self.picture {
                Some(picture) => e.bytes(picture),
                None => e.null(),
            }
        })
    }

    /// What stands for the observation id where no registered device's signature fits: SHA-256 of the envelope's bytes.
    #[must_use]
    pub fn unreadable_id(&self) -> ObservationId {
        ObservationId(sha256(&self.envelope))
    }
}

/// Bytes of an item's encoding with an envelope and a picture of these lengths.
#[must_use]
pub fn item_size(envelope_bytes: usize, picture_bytes: Option<usize>) -> usize {
    let string = |length: usize| head_size(length) + length;
    1 + string(envelope_bytes) + picture_bytes.map_or(1, string)
}

fn head_size(length: usize) -> usize {
    match length {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 5,
    }
}

/// Why a batch cannot be read on; the items before it stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    /// Not an item.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A string that announces more bytes than it may have; refused before they are read.
    #[error("{what} of {size} bytes is more than the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The announced size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// More than [`BATCH_ITEMS_MAX`] items.
    #[error("a batch has at most {BATCH_ITEMS_MAX} items")]
    TooManyItems,
    /// More than [`BATCH_BYTES_MAX`] bytes.
    #[error("a batch has at most {BATCH_BYTES_MAX} bytes")]
    TooManyBytes,
    /// The body ended within an item.
    #[error("the batch ends within an item")]
    CutShort,
}

/// Reads a batch from chunks as they come, never holding more than one item and one chunk.
#[derive(Debug, Default)]
pub struct BatchReader {
    buffer: Vec<u8>,
    bytes: usize,
    items: usize,
}

impl BatchReader {
    /// Takes the next chunk of the body.
    ///
    /// # Errors
    /// The batch is longer than its limit.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), BatchFault> {
        self.bytes = self.bytes.saturating_add(chunk.len());
        if self.bytes > BATCH_BYTES_MAX {
            return Err(BatchFault::TooManyBytes);
        }
        self.buffer.extend_from_slice(chunk);
        Ok(())
    }

    /// The next whole item; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The bytes are no item, or announce one beyond the limits; nothing after that can be read.
    pub fn next_item(&mut self) -> Result<Option<RawItem>, BatchFault> {
        let Some(length) = item_length(&self.buffer)? else {
            return Ok(None);
        };
        if self.items == BATCH_ITEMS_MAX {
            return Err(BatchFault::TooManyItems);
        }
        if self.buffer.len() < length {
            return Ok(None);
        }
        let rest = self.buffer.split_off(length);
        let item = decode_item(&std::mem::replace(&mut self.buffer, rest))?;
        self.items += 1;
        Ok(Some(item))
    }

    /// Ends the batch.
    ///
    /// # Errors
    /// Bytes of an unfinished item are left.
    pub fn finish(self) -> Result<(), BatchFault> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(BatchFault::CutShort)
        }
    }
}

fn decode_item(bytes: &[u8]) -> Result<RawItem, BatchFault> {
    let d = &mut Decoder::new(bytes);
    read_tuple("item", 2, d)?;
    let envelope = read_bytes("envelope", d)?.to_vec();
    let picture = match d.datatype().map_err(malformed("picture"))? {
        Type::Null => None,
        _ => Some(read_bytes("picture", d)?.to_vec()),
    };
    Ok(RawItem { envelope, picture })
}

/// The length of the item that `bytes` begin with, as soon as its heads are there.
fn item_length(bytes: &[u8]) -> Result<Option<usize>, BatchFault> {
    const ARRAY_OF_TWO: u8 = 0x82;
    const NULL: u8 = 0xf6;
    match bytes.first() {
        None => return Ok(None),
        Some(&ARRAY_OF_TWO) => {}
        Some(_) => return Err(DecodeError::Range { what: "item" }.into()),
    }
    let Some(envelope) = string_length("envelope", &bytes[1..], ENVELOPE_BYTES_MAX)? else {
        return Ok(None);
    };
    match bytes.get(1 + envelope) {
        None => Ok(None),
        Some(&NULL) => Ok(Some(1 + envelope + 1)),
        Some(_) => {
            let picture = string_length("picture", &bytes[1 + envelope..], PICTURE_BYTES_MAX)?;
            Ok(picture.map(|picture| 1 + envelope + picture))
        }
    }
}

/// The length of a byte string with its head, from the head alone.
fn string_length(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<Option<usize>, BatchFault> {
    const BYTE_STRING: u8 = 2;
    let Some(&first) = bytes.first() else {
        return Ok(None);
    };
    let extra = match first & 0x1f {
        0..24 => 0,
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return Err(DecodeError::NotCanonical { what }.into()),
    };
    if first >> 5 != BYTE_STRING {
        return Err(DecodeError::Range { what }.into());
    }
    let Some(tail) = bytes.get(1..=extra) else {
        return Ok(None);
    };
    let size = if extra == 0 {
        u64::from(first & 0x1f)
    } else {
        tail.iter()
            .fold(0, |size, &byte| (size << 8) | u64::from(byte))
    };
    match usize::try_from(size) {
        Ok(size_bytes) if size_bytes <= limit => {
            if head_size(size_bytes) == 1 + extra {
                Ok(Some(1 + extra + size_bytes))
            } else {
                Err(DecodeError::NotCanonical { what }.into())
            }
        }
        _ => Err(BatchFault::TooLarge { what, size, limit }),
    }
}

/// One answer: the receipt's envelope and whether the verdict was given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The signed receipt.
    pub receipt: Vec<u8>,
    /// Whether it repeats an earlier verdict.
    pub replayed: bool,
}

impl Answer {
    /// The answer's encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        written(|e| e.array(2)?.bytes(&self.receipt)?.bool(self.replayed))
    }

    /// Reads the whole answers at the beginning of a sequence, up to where it is cut short or is no answer in deterministic
    /// encoding any more; at most as many as a batch has items.
    #[must_use]
    pub fn read_all(bytes: &[u8]) -> Vec<Self> {
        let mut rest = bytes;
        let next = || {
            let (answer, length) = Self::read_one(rest).ok()?;
            let (read, after) = rest.split_at(length);
            rest = after;
            (answer.to_bytes() == read).then_some(answer)
        };
        core::iter::from_fn(next).take(BATCH_ITEMS_MAX).collect()
    }

    fn read_one(bytes: &[u8]) -> Result<(Self, usize), DecodeError> {
        let d = &mut Decoder::new(bytes);
        read_tuple("answer", 2, d)?;
        let receipt = read_bytes("receipt", d)?.to_vec();
        let replayed = d.bool().map_err(malformed("replayed"))?;
        Ok((Self { receipt, replayed }, d.position()))
    }
}

/// The answer to `GET /v1/policy`: the server's key and the policy it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPolicy {
    /// The server's `COSE_Key`.
    pub server_key: Vec<u8>,
    /// The policy's envelope.
    pub envelope: Vec<u8>,
}

impl SignedPolicy {
    /// CBOR `[key bstr, envelope bstr]`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        written(|e| e.array(2)?.bytes(&self.server_key)?.bytes(&self.envelope))
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// It is not in its format, not in deterministic encoding, or followed by more bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        const WHAT: &str = "signed policy";
        let d = &mut Decoder::new(bytes);
        read_tuple(WHAT, 2, d)?;
        let read = Self {
            server_key: read_bytes("server key", d)?.to_vec(),
            envelope: read_bytes("policy envelope", d)?.to_vec(),
        };
        if read.to_bytes() == bytes {
            Ok(read)
        } else {
            Err(DecodeError::NotCanonical { what: WHAT })
        }
    }
}
