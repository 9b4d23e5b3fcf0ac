//! Ed25519 keys of fixed seeds, those of the golden vectors among them.

use ring::signature::{Ed25519KeyPair, KeyPair};
use wayhex_protocol::key::{PublicKey, SignError, Signer};

/// A key that is the same in every run.
pub struct Key(Ed25519KeyPair);

impl Key {
    /// The key of a seed of counted bytes: 0 is the device of the golden vectors, 100 their server.
    #[must_use]
    pub fn of(first: u8) -> Self {
        let mut seed = [0; 32];
        for (byte, value) in seed.iter_mut().zip(first..) {
            *byte = value;
        }
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed has 32 bytes"))
    }

    /// The device.
    #[must_use]
    pub fn device() -> Self {
        Self::of(0)
    }

    /// The server whose key is pinned.
    #[must_use]
    pub fn server() -> Self {
        Self::of(100)
    }

    /// Somebody else.
    #[must_use]
    pub fn foreign() -> Self {
        Self::of(200)
    }
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref().try_into();
        PublicKey::Ed25519(bytes.expect("a public key has 32 bytes"))
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let bytes = self.0.sign(message).as_ref().try_into();
        Ok(bytes.expect("a signature has 64 bytes"))
    }
}
