//! Public keys, the algorithms bound to them, and the port that signs.

use minicbor::Decoder;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};

use crate::cbor::{
    DecodeError, Wire, decode_exact, malformed, missing, read_id, read_u64, unknown, written,
};
use crate::id::{DeviceId, sha256};

/// A public key: Ed25519, or P-256 with its full point.
///
/// The algorithm follows from the key, so that a message cannot choose a weaker one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublicKey {
    /// Ed25519: the 32 bytes of RFC 8032.
    Ed25519([u8; 32]),
    /// P-256: x and y, 32 bytes each, big-endian.
    P256 {
        /// The x coordinate.
        x: [u8; 32],
        /// The y coordinate.
        y: [u8; 32],
    },
}

/// A signature that does not fit the message and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the message and the key")]
pub struct BadSignature;

/// The port to a private key: a software key, a keystore, a secure enclave.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> PublicKey;

    /// Signs `message`: 64 bytes, R and S (Ed25519), or r and s big-endian (P-256 over SHA-256; either form of s).
    ///
    /// # Errors
    /// The key is gone, locked or refused.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// Why a key did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key cannot be used: {cause}")]
pub struct SignError {
    /// What the key's keeper said.
    pub cause: String,
}

impl PublicKey {
    /// The COSE algorithm (RFC 9864, fully specified): -19 Ed25519, -9 ESP256.
    #[must_use]
    pub const fn algorithm(&self) -> i64 {
        match self {
            Self::Ed25519(_) => -19,
            Self::P256 { .. } => -9,
        }
    }

    /// The key's thumbprint (RFC 9679 with SHA-256), which is the device's id and the `kid` of its envelopes.
    #[must_use]
    pub fn thumbprint(&self) -> DeviceId {
        DeviceId(sha256(&self.to_bytes()))
    }

    /// Verifies a signature of [`Signer::sign`]'s form; a P-256 one only with its low s, an Ed25519 one only by a key that
    /// binds it to its message.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the cause: a caller has nothing else to act on.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        let checked = match self {
            Self::Ed25519(key) if has_small_order(key) => return Err(BadSignature),
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::P256 { .. } if !has_low_s(signature) => return Err(BadSignature),
            Self::P256 { x, y } => {
                let point: Vec<u8> = [&[4], x.as_slice(), y.as_slice()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        checked.map_err(|ring::error::Unspecified| BadSignature)
    }

    /// Brings a signature into its one accepted form: of s and n - s the lower.
    pub(crate) fn normalise(&self, signature: &mut [u8; 64]) {
        if matches!(self, Self::P256 { .. }) && !has_low_s(signature) {
            let mut borrow = 0_i16;
            for i in (0..32).rev() {
                let difference = i16::from(P256_ORDER[i]) - i16::from(signature[32 + i]) - borrow;
                borrow = i16::from(difference < 0);
                signature[32 + i] = difference.to_le_bytes()[0];
            }
        }
    }

    /// Decodes a `COSE_Key` in its deterministic encoding with the required parameters only.
    ///
    /// # Errors
    /// See [`decode_exact`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_exact(bytes)
    }
}

/// The order of P-256's group (FIPS 186-5).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// Half of it, rounded down.
const P256_HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// The y coordinates of the eight points of Ed25519 whose order divides 8, little-endian, in every encoding that is read. By such
/// a key one signature fits many messages, and anybody can make it: it holds no secret.
const ED25519_SMALL_ORDER_Y: [[u8; 32]; 7] = {
    // 2^255 - 19 and its neighbours: all bits but the sign's, except in the first byte.
    const fn near_p(first: u8) -> [u8; 32] {
        let mut y = [0xff; 32];
        y[0] = first;
        y[31] = 0x7f;
        y
    }
    const fn small(first: u8) -> [u8; 32] {
        let mut y = [0; 32];
        y[0] = first;
        y
    }
    [
        small(0),
        small(1),
        near_p(0xec),
        near_p(0xed),
        near_p(0xee),
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ]
};

fn has_small_order(key: &[u8; 32]) -> bool {
    let mut y = *key;
    // The sign of x.
    y[31] &= 0x7f;
    ED25519_SMALL_ORDER_Y.contains(&y)
}

fn has_low_s(signature: &[u8; 64]) -> bool {
    signature[32..] <= P256_HALF_ORDER[..]
}

/// `COSE_Key` (RFC 9052, 9053): the parameters that the thumbprint is taken over, and no others.
impl Wire for PublicKey {
    const NAME: &'static str = "COSE key";
    const BYTES_MAX: usize = 128;

    fn to_bytes(&self) -> Vec<u8> {
        let (kty, crv) = match self {
            Self::Ed25519(_) => (1, 6),
            Self::P256 { .. } => (2, 1),
        };
        written(|e| {
            let e = e
                .map(if kty == 1 { 3 } else { 4 })?
                .u8(1)?
                .u8(kty)?
                .i8(-1)?
                .u8(crv)?;
            match self {
                Self::Ed25519(x) => e.i8(-2)?.bytes(x),
                Self::P256 { x, y } => e.i8(-2)?.bytes(x)?.i8(-3)?.bytes(y),
            }
        })
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = Self::NAME;
        let entries = d
            .map()
            .map_err(malformed(what))?
            .ok_or(DecodeError::NotCanonical { what })?;
        let (mut kty, mut crv, mut x, mut y) = (None, None, None, None);
        for _ in 0..entries {
            match d.i64().map_err(malformed(what))? {
                1 => kty = Some(read_u64("key type", d)?),
                -1 => crv = Some(read_u64("curve", d)?),
                -2 => x = Some(coordinate(d)?),
                -3 => y = Some(coordinate(d)?),
                key => return Err(unknown(what, key.unsigned_abs())),
            }
        }
        let x = x.ok_or_else(missing(what, "x"))?;
        match (kty, crv, y) {
            (Some(1), Some(6), None) => Ok(Self::Ed25519(x)),
            (Some(2), Some(1), Some(y)) => Ok(Self::P256 { x, y }),
            _ => Err(DecodeError::Range {
                what: "key type and curve",
            }),
        }
    }
}

fn coordinate(d: &mut Decoder<'_>) -> Result<[u8; 32], DecodeError> {
    read_id("coordinate", d, |bytes| <[u8; 32]>::try_from(bytes).ok())
}
