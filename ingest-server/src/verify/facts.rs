//! Is what an observation says lawful? Pure: the policies, the observation and the time of receipt decide.

use wayhex_protocol::limits::{TIME_AHEAD_MAX_MS, TIME_MIN_MS};
use wayhex_protocol::observation::{FixQuality, Kind, REDACTION_FACES_ONLY, Redaction, Role};
use wayhex_protocol::policy::{Parameters, Policy};
use wayhex_protocol::reason::Reason;
use wayhex_protocol::segment::{SegmentFacts, SegmentFault};
use wayhex_protocol::weight::Trust;

use super::{Authentic, Verified};
use crate::policy::PolicyBook;
use crate::store::SealedFrame;

/// What every key is worth until phones attest theirs: each is taken for a software key.
const KEY_TRUST: Trust = Trust::Quarter;

/// An authentic observation whose facts hold; its picture is still to be looked at.
pub struct Lawful {
    authentic: Authentic,
    facts: SegmentFacts,
    trust: Trust,
    received_ms: u64,
}

/// Checks everything that an observation says, in the order of the list below; the policy that it names decides what was
/// acceptable at its capture.
///
/// # Errors
/// The first reason to refuse it.
pub fn check(
    authentic: Authentic,
    policies: &PolicyBook,
    received_ms: u64,
) -> Result<Lawful, Reason> {
    let (facts, trust) = facts_of(&authentic, policies, received_ms)?;
    Ok(Lawful {
        authentic,
        facts,
        trust,
        received_ms,
    })
}

fn facts_of(
    authentic: &Authentic,
    policies: &PolicyBook,
    received_ms: u64,
) -> Result<(SegmentFacts, Trust), Reason> {
    let observation = &authentic.observation;
    if observation.kind != Kind::Picture {
        return Err(Reason::KindUnsupported);
    }
    let captured_ms = observation.captured_at_ms;
    if captured_ms < TIME_MIN_MS {
        return Err(Reason::CapturedBefore2010);
    }
    if captured_ms > received_ms.saturating_add(TIME_AHEAD_MAX_MS) {
        return Err(Reason::CapturedInFuture);
    }
    // The database counts in signed 64 bits, and no session comes near it.
    if i64::try_from(observation.sequence).is_err() {
        return Err(Reason::Malformed);
    }
    let named = policies.of_hash(&observation.policy);
    let policy = named
        .filter(|published| published.covers(captured_ms, authentic.registered_ms))
        .map(|published| &published.policy)
        .ok_or(Reason::PolicyUnknown)?;
    if received_ms.saturating_sub(captured_ms) > policy.parameters.latency_last_ms {
        return Err(Reason::TooLate);
    }
    check_redaction(&observation.redaction, policy)?;
    let accuracy_trust = check_fix(observation.fix, &policy.parameters)?;
    let facts = observation.segment.facts().map_err(reason_of)?;
    if observation.denies_its_motion() {
        return Err(Reason::MotionDenied);
    }
    Ok((facts, KEY_TRUST.min(accuracy_trust)))
}

/// Every model must be on the policy's list, and one of them must look for faces.
fn check_redaction(redaction: &Redaction, policy: &Policy) -> Result<(), Reason> {
    let listed = redaction
        .models
        .iter()
        .all(|model| policy.models.contains(model));
    let covers_faces = redaction
        .models
        .iter()
        .any(|model| model.role == Role::Face);
    if redaction.version == REDACTION_FACES_ONLY && listed && covers_faces {
        Ok(())
    } else {
        Err(Reason::ModelNotAccepted)
    }
}

/// The fix's gates, which what is unknown passes, and what its accuracy makes of trust.
fn check_fix(fix: FixQuality, parameters: &Parameters) -> Result<Trust, Reason> {
    let known = |value: Option<u32>| value.map(u64::from);
    let accuracy_mm = known(fix.accuracy_mm);
    let too_poor = accuracy_mm.is_some_and(|mm| mm > parameters.accuracy_last_mm)
        || known(fix.satellites).is_some_and(|number| number < parameters.satellites_min)
        || known(fix.hdop_milli).is_some_and(|hdop| hdop > parameters.hdop_max_milli);
    if too_poor {
        return Err(Reason::FixTooPoor);
    }
    let exact = accuracy_mm.is_some_and(|mm| mm <= parameters.accuracy_full_mm);
    Ok(if exact { Trust::Full } else { Trust::Quarter })
}

fn reason_of(fault: SegmentFault) -> Reason {
    match fault {
        SegmentFault::Shape => Reason::SegmentShape,
        SegmentFault::TooLong => Reason::SegmentTooLong,
        SegmentFault::TooSlow => Reason::SegmentTooSlow,
        SegmentFault::TooManyCells => Reason::SegmentTooManyCells,
        SegmentFault::Teleport => Reason::Teleport,
    }
}

impl Lawful {
    /// The observation and the bytes that came as its picture.
    #[must_use]
    pub fn authentic(&self) -> &Authentic {
        &self.authentic
    }

    /// The item with its picture checked and encrypted; [`super::check_picture`] does the first.
    pub(super) fn with_picture(
        self,
        picture: wayhex_protocol::observation::Media,
        frame: SealedFrame,
    ) -> Verified {
        Verified {
            subject: self.authentic.subject,
            device: self.authentic.device,
            observation: self.authentic.observation,
            envelope: self.authentic.envelope,
            facts: self.facts,
            trust: self.trust,
            received_ms: self.received_ms,
            picture,
            frame,
        }
    }

    pub(super) fn take_picture(&mut self) -> Option<Vec<u8>> {
        self.authentic.picture.take()
    }
}
