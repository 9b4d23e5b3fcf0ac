//! Signs the observation: after this nothing of it changes.

mod software_key;

use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::{NetworkId, ObservationId};
use wayhex_protocol::key::{SignError, Signer};
use wayhex_protocol::observation::Observation;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::segment::SegmentFacts;

pub use software_key::{KeyError, SoftwareKey};

use crate::privacy::DroppedItem;
use crate::tag::{RedactionCounts, Tagged};

/// A signed observation and its picture: what the queue takes. [`sign`] alone makes it.
///
/// ```compile_fail
/// fn queue_unsigned(tagged: wayhex_device::tag::Tagged) -> Vec<u8> {
///     tagged.envelope().to_vec()
/// }
/// ```
/// ```
/// fn queue(signed: &wayhex_device::sign::Signed) -> Vec<u8> {
///     signed.envelope().to_vec()
/// }
/// ```
#[derive(Debug)]
pub struct Signed(SignedParts);

/// What a signed observation consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedParts {
    /// The observation's id.
    pub id: ObservationId,
    /// The envelope.
    pub envelope: Vec<u8>,
    /// The redacted JPEG.
    pub picture: Vec<u8>,
    /// What was signed.
    pub observation: Observation,
    /// The cells and the direction of its segment.
    pub facts: SegmentFacts,
    /// What was covered.
    pub redaction: RedactionCounts,
    /// What the source calls the frame.
    pub source: String,
    /// Unix time of capture as recorded, before a replay's shift, milliseconds.
    pub time_ms: i64,
}

/// A frame that could not be signed; its number in the session is free again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{source_name} was not signed: {error}")]
pub struct Unsigned {
    /// What the source calls the frame.
    pub source_name: String,
    /// Unix time of capture as recorded, milliseconds.
    pub time_ms: i64,
    /// What the key's keeper said.
    #[source]
    pub error: SignError,
}

impl From<Unsigned> for DroppedItem {
    fn from(unsigned: Unsigned) -> Self {
        Self {
            source: unsigned.source_name,
            time_ms: Some(unsigned.time_ms),
            reason: Reason::KeyUnavailable,
        }
    }
}

/// Signs an observation for a network.
///
/// # Errors
/// [`Unsigned`] when the key cannot be used.
pub fn sign(tagged: Tagged, network: &NetworkId, signer: &dyn Signer) -> Result<Signed, Unsigned> {
    let Tagged {
        source,
        time_ms,
        observation,
        facts,
        picture,
        counts,
    } = tagged;
    match seal(&observation, network, signer) {
        Ok(envelope) => Ok(Signed(SignedParts {
            id: Observation::id(signer.public_key().thumbprint(), &observation.to_bytes()),
            envelope,
            picture,
            observation,
            facts,
            redaction: counts,
            source,
            time_ms,
        })),
        Err(error) => Err(Unsigned {
            source_name: source,
            time_ms,
            error,
        }),
    }
}

impl Signed {
    /// The observation's id.
    #[must_use]
    pub const fn id(&self) -> ObservationId {
        self.0.id
    }

    /// The envelope.
    #[must_use]
    pub fn envelope(&self) -> &[u8] {
        &self.0.envelope
    }

    /// The redacted JPEG.
    #[must_use]
    pub fn picture(&self) -> &[u8] {
        &self.0.picture
    }

    /// What was signed.
    #[must_use]
    pub const fn observation(&self) -> &Observation {
        &self.0.observation
    }

    /// The cells and the direction of its segment.
    #[must_use]
    pub const fn facts(&self) -> &SegmentFacts {
        &self.0.facts
    }

    /// What was covered.
    #[must_use]
    pub const fn redaction(&self) -> RedactionCounts {
        self.0.redaction
    }

    /// What the source calls the frame.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// All of it, for the queue.
    #[must_use]
    pub fn into_parts(self) -> SignedParts {
        self.0
    }
}
