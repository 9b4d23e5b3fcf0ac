//! Keys: a software key in a file, and P-256 as a phone's keystore has it.

use std::fs;

use ring::rand::SystemRandom as RingRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use tempfile::TempDir;
use wayhex_device::ports::{NoRandomness, Random};
use wayhex_device::privacy::DroppedItem;
use wayhex_device::sign::{KeyError, SoftwareKey, sign};
use wayhex_device::system::SystemRandom;
use wayhex_protocol::envelope::open;
use wayhex_protocol::id::PictureHash;
use wayhex_protocol::key::{PublicKey, SignError, Signer};
use wayhex_protocol::observation::Observation;

use crate::chain::{network, tagged};

/// A P-256 key as a keystore has one.
pub struct P256Key(EcdsaKeyPair);

impl P256Key {
    pub fn new() -> Self {
        let random = RingRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }
}

impl Signer for P256Key {
    fn public_key(&self) -> PublicKey {
        let point = self.0.public_key().as_ref();
        PublicKey::P256 {
            x: point[1..33].try_into().unwrap(),
            y: point[33..65].try_into().unwrap(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.0.sign(&RingRandom::new(), message).unwrap();
        Ok(signature.as_ref().try_into().unwrap())
    }
}

fn signs_and_opens(owner: &dyn Signer) {
    let tagged = tagged().remove(0);
    let observation = tagged.observation().clone();
    let signed = sign(tagged, &network(), owner).unwrap();
    let key = owner.public_key();
    let opened = open::<Observation>(signed.envelope(), &network(), |kid| {
        assert_eq!(kid, key.thumbprint());
        Some(key.clone())
    });
    let opened = opened.unwrap();
    assert_eq!(opened.message, observation);
    assert_eq!(signed.id(), Observation::id(opened.signer, &opened.payload));
    assert_eq!(
        ring::digest::digest(&ring::digest::SHA256, signed.picture()).as_ref(),
        observation.media[0].sha256.0
    );
}

#[test]
fn what_a_software_key_signs_opens() {
    let dir = TempDir::new().unwrap();
    signs_and_opens(&SoftwareKey::open(&dir.path().join("key"), &SystemRandom::default()).unwrap());
}

#[test]
fn what_a_p256_key_signs_opens() {
    let key = P256Key::new();
    for _ in 0..4 {
        signs_and_opens(&key);
    }
}

#[test]
fn a_key_that_cannot_be_used_drops_the_frame() {
    struct Locked;
    impl Signer for Locked {
        fn public_key(&self) -> PublicKey {
            PublicKey::Ed25519([1; 32])
        }
        fn sign(&self, _message: &[u8]) -> Result<[u8; 64], SignError> {
            Err(SignError {
                cause: "the phone is locked".to_owned(),
            })
        }
    }
    let unsigned = sign(tagged().remove(0), &network(), &Locked).unwrap_err();
    assert!(
        unsigned.to_string().contains("the phone is locked"),
        "{unsigned}"
    );
    let dropped = DroppedItem::from(unsigned);
    assert_eq!(
        (dropped.source.as_str(), dropped.reason.name()),
        ("at-1.2", "key_unavailable")
    );
    assert!(dropped.time_ms.is_some());
}

#[test]
fn a_key_is_made_once_for_its_owner_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("device.key");
    let first = SoftwareKey::open(&path, &SystemRandom::default()).unwrap();
    let again = SoftwareKey::open(&path, &SystemRandom::default()).unwrap();
    assert_eq!(first.public_key(), again.public_key());
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    let seed = fs::read(&path).unwrap();
    assert_eq!(seed.len(), 32);
    let shown = format!("{first:?}");
    let hex = PictureHash::from_slice(&seed).unwrap().to_string();
    assert!(
        !shown.contains(&hex[..16]) && !shown.contains(&format!("{:?}", &seed[..4])),
        "{shown}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
#[cfg(unix)]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("device.key");
    SoftwareKey::open(&path, &SystemRandom::default()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = SoftwareKey::open(&path, &SystemRandom::default()).unwrap_err();
    assert!(
        matches!(error, KeyError::OpenToOthers { mode: 0o644, .. }),
        "{error}"
    );
}

#[test]
fn a_key_file_cut_short_is_an_error_and_stays() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("device.key");
    SoftwareKey::open(&path, &SystemRandom::default()).unwrap();
    for bytes in [&[7_u8; 31][..], &[7; 33]] {
        fs::write(&path, bytes).unwrap();
        let error = SoftwareKey::open(&path, &SystemRandom::default()).unwrap_err();
        assert!(
            matches!(error, KeyError::Content { .. }) && error.to_string().contains("device.key"),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn without_randomness_no_key_is_made() {
    struct None;
    impl Random for None {
        fn fill(&self, _out: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness)
        }
    }
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("device.key");
    assert!(matches!(
        SoftwareKey::open(&path, &None),
        Err(KeyError::Random(_))
    ));
    assert!(!path.exists());
}
