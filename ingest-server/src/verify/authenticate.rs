//! Whose item it is: a registered device's whose signature fits, or nobody's.

use rusqlite::Connection;
use wayhex_protocol::batch::RawItem;
use wayhex_protocol::cbor::{DecodeError, Wire};
use wayhex_protocol::envelope::{OpenError, Opened, open, peek};
use wayhex_protocol::id::{NetworkId, ObservationId};
use wayhex_protocol::observation::Observation;
use wayhex_protocol::reason::{Reason, Retry};

use super::Judged;
use crate::store::{DeviceRow, Given, StoreError, Subject, key_of};

/// An observation that a registered device signed for this network.
#[derive(Debug)]
pub struct Authentic {
    /// What its verdict will be about.
    pub subject: Subject,
    /// The device.
    pub device: DeviceRow,
    /// What it signed.
    pub observation: Observation,
    /// The signed bytes.
    pub envelope: Vec<u8>,
    /// The picture that came with it.
    pub picture: Option<Vec<u8>>,
}

/// What is known of an item from its envelope and the database.
pub enum Known {
    /// It is a device's, and is to be judged.
    Authentic(Box<Authentic>),
    /// It was judged before, or cannot be taken from anybody.
    Judged(Judged),
    /// It may be sent again later; nothing of it is stored.
    Later(ObservationId, Reason),
}

/// Opens an item's envelope with the key of the device that it names, and looks for an earlier verdict.
///
/// A refusal of what no device's signature covers is found again by the envelope's bytes alone: were it found by the
/// observation's id, a stranger could refuse a device's observation in advance.
///
/// # Errors
/// The database failed.
pub fn authenticate(
    connection: &Connection,
    item: RawItem,
    network: &NetworkId,
) -> Result<Known, StoreError> {
    let mut found = Ok(None);
    let opened = open::<Observation>(&item.envelope, network, |kid| {
        found = key_of(connection, &kid);
        let known = found.as_ref().ok()?.as_ref();
        known.map(|(_, key)| key.clone())
    });
    let device = found?.map(|(row, _)| row);
    match (opened, device) {
        (Ok(opened), Some(device)) => of_device(connection, item, opened, device),
        (Ok(_), None) => of_nobody(connection, &item, Reason::UnknownDevice),
        (Err(error), _) => of_nobody(connection, &item, reason_of(&error)),
    }
}

fn of_device(
    connection: &Connection,
    item: RawItem,
    opened: Opened<Observation>,
    device: DeviceRow,
) -> Result<Known, StoreError> {
    let id = Observation::id(opened.signer, &opened.payload);
    let subject = Subject {
        device: Some(device),
        item: id.0,
        receipt_id: id,
    };
    if let Some(given) = Given::find(connection, &subject)? {
        return Ok(Known::Judged(Judged::Repeat(given)));
    }
    Ok(Known::Authentic(Box::new(Authentic {
        subject,
        device,
        observation: opened.message,
        envelope: item.envelope,
        picture: item.picture,
    })))
}

fn of_nobody(connection: &Connection, item: &RawItem, reason: Reason) -> Result<Known, StoreError> {
    let unreadable_id = item.unreadable_id();
    let subject = Subject {
        device: None,
        item: unreadable_id.0,
        receipt_id: claimed_id(&item.envelope).unwrap_or(unreadable_id),
    };
    if reason.retry() != Retry::Never {
        return Ok(Known::Later(subject.receipt_id, reason));
    }
    let given = Given::find(connection, &subject)?;
    Ok(Known::Judged(match given {
        Some(given) => Judged::Repeat(given),
        None => Judged::Refuse(subject, reason),
    }))
}

/// The id that the sender knows the item by, if an observation can be read.
fn claimed_id(envelope: &[u8]) -> Option<ObservationId> {
    let (device, observation) = peek::<Observation>(envelope).ok()?;
    Some(Observation::id(device, &observation.to_bytes()))
}

fn reason_of(error: &OpenError) -> Reason {
    match error {
        OpenError::UnknownKey(_) => Reason::UnknownDevice,
        OpenError::Algorithm { .. } | OpenError::Signature => Reason::BadSignature,
        OpenError::Decode(error) => match error {
            DecodeError::Range { what: "kind" } => Reason::KindUnsupported,
            DecodeError::Range { what: "segment" }
            | DecodeError::TooLarge {
                what: "segment", ..
            } => Reason::SegmentShape,
            DecodeError::TooLarge { .. } => Reason::TooLarge,
            _ => Reason::Malformed,
        },
    }
}
