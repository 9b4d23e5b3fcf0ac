//! Identifiers: each is its own type, so that one cannot be passed for another.

use core::fmt;

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $length:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Number of bytes.
            pub const LENGTH: usize = $length;

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// From a slice of exactly the right length, else `None`.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// From lower-case hexadecimal digits of exactly the right length, else `None`.
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                let digits = text.as_bytes();
                if digits.len() != 2 * $length || text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    return None;
                }
                let mut bytes = [0; $length];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
                }
                Some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

byte_id!(
    /// A device: the thumbprint of its `COSE_Key` (RFC 9679, SHA-256), also the `kid` of what it signs.
    DeviceId,
    32
);
byte_id!(
    /// An observation: SHA-256 of CBOR `["wayhex/id/1", device, payload]`.
    ObservationId,
    32
);
byte_id!(
    /// SHA-256 of an encoded picture.
    PictureHash,
    32
);
byte_id!(
    /// SHA-256 of the file that a detector was made from.
    ModelHash,
    32
);
byte_id!(
    /// SHA-256 of a policy's encoded payload.
    PolicyHash,
    32
);
byte_id!(
    /// SHA-256 of an epoch's encoded evidence.
    EvidenceHash,
    32
);
byte_id!(
    /// An upload batch: SHA-256 over the ids of its items, in order.
    BatchId,
    32
);
byte_id!(
    /// A drive or a trip: random, or for a replay an HMAC of a device secret over the drive's hash and time shift.
    SessionId,
    16
);
byte_id!(
    /// What makes the payloads of two devices differ where all else is the same.
    Salt,
    16
);
byte_id!(
    /// A server's single-use challenge.
    Nonce,
    32
);

impl BatchId {
    /// The id of a batch of these observations in this order.
    #[must_use]
    pub fn of(items: &[ObservationId]) -> Self {
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        for id in items {
            hash.update(&id.0);
        }
        Self(finish(hash))
    }
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    hash.update(bytes);
    finish(hash)
}

fn finish(hash: ring::digest::Context) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}

/// Which network a message is for; part of what is signed, so that no message of one counts in another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(String);

/// A network id that breaks its grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("network id {0:?} is not [a-z0-9-]{{1,32}}")]
pub struct NetworkIdError(String);

impl NetworkId {
    /// Parses `[a-z0-9-]{1,32}`.
    ///
    /// # Errors
    /// Returns the text (its first 64 characters) when it breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, NetworkIdError> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NetworkIdError(text.chars().take(64).collect()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
