//! The signed envelope: a tagged `COSE_Sign1` (RFC 9052).
//!
//! `alg` and `kid` are protected, nothing is unprotected, and `external_aad` is CBOR `[domain, network]`, so that a message
//! of one type or network is never taken for another's. The *received* bytes are verified, decoded, encoded again and compared.

use minicbor::Decoder;
use minicbor::data::Tag;

use crate::cbor::{
    DecodeError, MapWriter, Wire, decode_exact, malformed, read_bytes, read_id, read_tuple,
    too_large, unknown, written,
};
use crate::id::{DeviceId, NetworkId};
use crate::key::{PublicKey, SignError, Signer};

const WHAT: &str = "envelope";
const COSE_SIGN1: u64 = 18;
/// Bytes that an envelope adds to its payload at most: tag, heads, protected header and signature.
const OVERHEAD_BYTES_MAX: usize = 160;

/// A message that travels signed.
pub trait Signable: Wire {
    /// The domain in `external_aad`, such as `wayhex/observation/1`.
    const DOMAIN: &'static str;
}

/// An envelope whose signature fits its key and whose payload was decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened<M> {
    /// The message.
    pub message: M,
    /// Its bytes, as signed.
    pub payload: Vec<u8>,
    /// Who signed.
    pub signer: DeviceId,
}

/// Why an envelope was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Envelope or payload are not in their format.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// No key is known for its `kid`.
    #[error("no key is known for {0}")]
    UnknownKey(DeviceId),
    /// `alg` is not the key's algorithm.
    #[error("algorithm {found} is not the key's, {expected}")]
    Algorithm {
        /// What the envelope says.
        found: i64,
        /// What the key is for.
        expected: i64,
    },
    /// The signature does not fit.
    #[error("the signature does not fit the message and the key")]
    Signature,
}

/// Signs a message for a network.
///
/// # Errors
/// The signer's own error.
pub fn seal<M: Signable>(
    message: &M,
    network: &NetworkId,
    signer: &dyn Signer,
) -> Result<Vec<u8>, SignError> {
    let key = signer.public_key();
    let payload = message.to_bytes();
    let protected = Protected {
        algorithm: key.algorithm(),
        kid: key.thumbprint(),
    }
    .to_bytes();
    let mut signature = signer.sign(&to_be_signed::<M>(&protected, network, &payload))?;
    key.normalise(&mut signature);
    Ok(write(&protected, &payload, &signature))
}

/// Opens an envelope of message type `M`; `key_of` finds the key of a `kid`.
///
/// # Errors
/// See [`OpenError`]; nothing of the payload is believed before the signature fits.
pub fn open<M: Signable>(
    bytes: &[u8],
    network: &NetworkId,
    key_of: impl FnOnce(DeviceId) -> Option<PublicKey>,
) -> Result<Opened<M>, OpenError> {
    let parts = Parts::read::<M>(bytes)?;
    let header: Protected = decode_exact(parts.protected)?;
    let key = key_of(header.kid).ok_or(OpenError::UnknownKey(header.kid))?;
    if key.algorithm() != header.algorithm {
        return Err(OpenError::Algorithm {
            found: header.algorithm,
            expected: key.algorithm(),
        });
    }
    key.verify(
        &to_be_signed::<M>(parts.protected, network, parts.payload),
        &parts.signature,
    )
    .map_err(|crate::key::BadSignature| OpenError::Signature)?;
    Ok(Opened {
        message: decode_exact(parts.payload)?,
        payload: parts.payload.to_vec(),
        signer: header.kid,
    })
}

/// What an envelope says of itself before its signature is checked: the signer it names and its payload.
///
/// # Errors
/// The envelope is not in its format.
pub fn peek<M: Signable>(bytes: &[u8]) -> Result<(DeviceId, M), DecodeError> {
    let parts = Parts::read::<M>(bytes)?;
    let header: Protected = decode_exact(parts.protected)?;
    Ok((header.kid, decode_exact(parts.payload)?))
}

struct Parts<'b> {
    protected: &'b [u8],
    payload: &'b [u8],
    signature: [u8; 64],
}

impl<'b> Parts<'b> {
    fn read<M: Signable>(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        let limit = M::BYTES_MAX + OVERHEAD_BYTES_MAX;
        if bytes.len() > limit {
            return Err(too_large(WHAT, bytes.len(), limit));
        }
        let mut d = Decoder::new(bytes);
        if d.tag().map_err(malformed(WHAT))? != Tag::new(COSE_SIGN1) {
            return Err(DecodeError::Range {
                what: "envelope tag",
            });
        }
        read_tuple(WHAT, 4, &mut d)?;
        let protected = read_bytes("protected header", &mut d)?;
        if d.map().map_err(malformed(WHAT))? != Some(0) {
            return Err(DecodeError::Range {
                what: "unprotected header",
            });
        }
        let payload = read_bytes("payload", &mut d)?;
        let signature = read_id("signature", &mut d, |bytes| {
            <[u8; 64]>::try_from(bytes).ok()
        })?;
        if write(protected, payload, &signature) != bytes {
            return Err(DecodeError::NotCanonical { what: WHAT });
        }
        Ok(Self {
            protected,
            payload,
            signature,
        })
    }
}

fn write(protected: &[u8], payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    written(|e| {
        e.tag(Tag::new(COSE_SIGN1))?
            .array(4)?
            .bytes(protected)?
            .map(0)?
            .bytes(payload)?
            .bytes(signature)
    })
}

/// `Sig_structure` of RFC 9052 section 4.4.
fn to_be_signed<M: Signable>(protected: &[u8], network: &NetworkId, payload: &[u8]) -> Vec<u8> {
    let external_aad = written(|e| e.array(2)?.str(M::DOMAIN)?.str(network.as_str()));
    written(|e| {
        e.array(4)?
            .str("Signature1")?
            .bytes(protected)?
            .bytes(&external_aad)?
            .bytes(payload)
    })
}

struct Protected {
    algorithm: i64,
    kid: DeviceId,
}

impl Wire for Protected {
    const NAME: &'static str = "protected header";
    const BYTES_MAX: usize = 64;

    fn to_bytes(&self) -> Vec<u8> {
        MapWriter::new()
            .put(1, |e| e.i64(self.algorithm))
            .put_bytes(4, &self.kid.0)
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (mut algorithm, mut kid) = (None, None);
        crate::cbor::read_map(Self::NAME, d, |key, d| {
            match key {
                1 => algorithm = Some(d.i64().map_err(malformed("alg"))?),
                4 => kid = Some(read_id("kid", d, DeviceId::from_slice)?),
                _ => return Err(unknown(Self::NAME, key)),
            }
            Ok(())
        })?;
        let absent = |field| crate::cbor::missing(Self::NAME, field);
        Ok(Self {
            algorithm: algorithm.ok_or_else(absent("alg"))?,
            kid: kid.ok_or_else(absent("kid"))?,
        })
    }
}
