//! Whose item it is: a registered device's whose signature fits, or nobody's.

use rusqlite::Connection;
use wayhex_protocol::batch::RawItem;
use wayhex_protocol::cbor::DecodeError;
use wayhex_protocol::envelope::{OpenError, Opened, open};
use wayhex_protocol::id::{NetworkId, ObservationId};
use wayhex_protocol::observation::Observation;
use wayhex_protocol::reason::{Reason, Retry};

use crate::store::{DeviceRow, Given, Registered, StoreError, Subject, registered};

/// An observation that a registered device signed for this network.
#[derive(Debug)]
pub struct Authentic {
    /// What its verdict will be about.
    pub subject: Subject,
    /// The device.
    pub device: DeviceRow,
    /// When it was first registered, Unix milliseconds.
    pub registered_ms: u64,
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
    /// It was judged before.
    Repeat(Given),
    /// It cannot be taken from anybody.
    Refuse(Subject, Reason),
    /// It may be sent again later; nothing of it is stored.
    Later(ObservationId, Reason),
}

/// Opens an item's envelope with the key of the device that it names, and looks for an earlier verdict.
///
/// What no device's signature covers is found again, and named in its receipt, by the envelope's bytes alone. Were it the
/// claimed observation's id, a stranger could refuse a device's observation in advance, or have a refusal signed by this
/// server for an observation that is not his, and show it to the phone that waits for an answer.
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
        found = registered(connection, &kid);
        let known = found.as_ref().ok()?.as_ref();
        known.map(|device| device.key.clone())
    });
    match (opened, found?) {
        (Ok(opened), Some(device)) => of_device(connection, item, opened, &device),
        (Ok(_), None) => of_nobody(connection, &item, Reason::UnknownDevice),
        (Err(error), _) => of_nobody(connection, &item, reason_of(&error)),
    }
}

fn of_device(
    connection: &Connection,
    item: RawItem,
    opened: Opened<Observation>,
    device: &Registered,
) -> Result<Known, StoreError> {
    let subject = Subject {
        device: Some(device.row),
        item: Observation::id(opened.signer, &opened.payload),
    };
    if let Some(given) = Given::find(connection, &subject)? {
        return Ok(Known::Repeat(given));
    }
    Ok(Known::Authentic(Box::new(Authentic {
        subject,
        device: device.row,
        registered_ms: device.registered_ms,
        observation: opened.message,
        envelope: item.envelope,
        picture: item.picture,
    })))
}

fn of_nobody(connection: &Connection, item: &RawItem, reason: Reason) -> Result<Known, StoreError> {
    let subject = Subject {
        device: None,
        item: item.unreadable_id(),
    };
    if reason.retry() != Retry::Never {
        return Ok(Known::Later(subject.item, reason));
    }
    let given = Given::find(connection, &subject)?;
    Ok(match given {
        Some(given) => Known::Repeat(given),
        None => Known::Refuse(subject, reason),
    })
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
