//! Reads a picture back.

use rusqlite::{Connection, OptionalExtension};
use wayhex_protocol::id::ObservationId;

use super::objects::Objects;
use super::{SealedFrame, StoreError};
use crate::keys::WrappingKey;

/// The picture of an accepted observation, decrypted; `None` when there is no such observation.
///
/// # Errors
/// The database or the object cannot be read, or the frame cannot be decrypted.
pub fn read_picture(
    connection: &Connection,
    objects: &Objects,
    wrapping: &WrappingKey,
    observation: &ObservationId,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT objects.name, offset_bytes, length_bytes, wrapping_key, wrapped_key
         FROM observations
         JOIN pictures ON pictures.observation = observations.id
         JOIN objects ON objects.id = pictures.object
         WHERE observations.observation = ?1",
    )?;
    let found = query.query_row([observation.0], |row| {
        let place: (String, u64, usize) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let keys: (Vec<u8>, Vec<u8>) = (row.get(3)?, row.get(4)?);
        Ok((place, keys))
    });
    let Some(((object, offset_bytes, length_bytes), (wrapping_key, wrapped_key))) =
        found.optional()?
    else {
        return Ok(None);
    };
    let frame = SealedFrame {
        ciphertext: objects.read(&object, offset_bytes, length_bytes)?,
        wrapping_key,
        wrapped_key,
    };
    Ok(Some(frame.open(observation, wrapping)?))
}
