//! A picture at rest: encrypted under a key of its own, which is kept wrapped beside its row.
//!
//! ```text
//! frame   = AES-256-GCM(frame key, nonce 0, AAD = observation id, picture)
//! wrapped = nonce (12) || AES-256-GCM(wrapping key, nonce, AAD = observation id, frame key)
//! ```
//! A frame's key encrypts one message, so that the zero nonce is used once; to forget the key is to delete the picture.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use wayhex_protocol::id::ObservationId;

use crate::keys::WrappingKey;

const KEY_BYTES: usize = 32;
/// Bytes of a wrapped key: nonce, key, tag.
const WRAPPED_BYTES: usize = NONCE_LEN + KEY_BYTES + MAX_TAG_LEN;

/// Why a picture could not be encrypted or decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The system gave no random bytes, or the picture is beyond what AES-GCM takes.
    #[error("the picture cannot be encrypted")]
    Seal,
    /// It was wrapped under a key that this server does not have.
    #[error("the picture's key is wrapped under a key that is not here")]
    WrappingKey,
    /// Bytes or key are not those that were stored for this observation.
    #[error("the picture cannot be decrypted: it is damaged, or its key is gone")]
    Open,
}

impl From<ring::error::Unspecified> for FrameError {
    fn from(_: ring::error::Unspecified) -> Self {
        Self::Seal
    }
}

/// An encrypted picture with its wrapped key.
pub struct SealedFrame {
    /// The picture, its tag at the end.
    pub(super) ciphertext: Vec<u8>,
    /// The id of the key that wraps.
    pub(super) wrapping_key: Vec<u8>,
    /// The wrapped key.
    pub(super) wrapped_key: Vec<u8>,
}

impl SealedFrame {
    /// Encrypts a picture under a fresh key.
    ///
    /// # Errors
    /// [`FrameError::Seal`].
    pub fn seal(
        picture: Vec<u8>,
        observation: &ObservationId,
        wrapping: &WrappingKey,
    ) -> Result<Self, FrameError> {
        let random = SystemRandom::new();
        let mut frame_key = [0; KEY_BYTES];
        random.fill(&mut frame_key)?;
        let mut ciphertext = picture;
        let aad = Aad::from(observation.0);
        key(&frame_key)?.seal_in_place_append_tag(zero_nonce(), aad, &mut ciphertext)?;

        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let mut wrapped = frame_key.to_vec();
        key(&wrapping.bytes)?.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            aad,
            &mut wrapped,
        )?;
        Ok(Self {
            ciphertext,
            wrapping_key: wrapping.id.to_vec(),
            wrapped_key: [nonce.as_slice(), &wrapped].concat(),
        })
    }

    /// The picture.
    ///
    /// # Errors
    /// [`FrameError::WrappingKey`], [`FrameError::Open`].
    pub fn open(
        self,
        observation: &ObservationId,
        wrapping: &WrappingKey,
    ) -> Result<Vec<u8>, FrameError> {
        if self.wrapping_key != wrapping.id {
            return Err(FrameError::WrappingKey);
        }
        let broken = |ring::error::Unspecified| FrameError::Open;
        let aad = Aad::from(observation.0);
        let mut wrapped = <[u8; WRAPPED_BYTES]>::try_from(self.wrapped_key)
            .map_err(|_length: Vec<u8>| FrameError::Open)?;
        let (nonce, wrapped) = wrapped.split_at_mut(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(broken)?;
        let opened = key(&wrapping.bytes)?.open_in_place(nonce, aad, wrapped);
        let frame_key = opened.map_err(broken)?;

        let mut picture = self.ciphertext;
        let opened = key(frame_key)?.open_in_place(zero_nonce(), aad, &mut picture);
        let length = opened.map_err(broken)?.len();
        picture.truncate(length);
        Ok(picture)
    }
}

fn key(bytes: &[u8]) -> Result<LessSafeKey, FrameError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes)?))
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}
