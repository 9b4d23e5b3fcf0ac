//! A phone that drives north and photographs noise.

use std::time::{SystemTime, UNIX_EPOCH};

use jpeg_encoder::{ColorType, Encoder};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use wayhex_protocol::account::Account;
use wayhex_protocol::batch::{Answer, RawItem};
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::{
    BatchId, Nonce, ObservationId, PictureHash, PolicyHash, Salt, SessionId, sha256,
};
use wayhex_protocol::key::{PublicKey, SignError, Signer};
use wayhex_protocol::observation::{
    FixQuality, Kind, Media, Motion, Observation, REDACTION_FACES_ONLY, Redaction, TimeSource,
};
use wayhex_protocol::policy::Policy;
use wayhex_protocol::position::Position;
use wayhex_protocol::registration::Registration;
use wayhex_protocol::segment::{Segment, Vertex};
use wayhex_vision::quality_of_jpeg;

use super::Reply;
use super::server::{Server, network};

/// 8 m of latitude in 1e-7 degree.
const STEP_E7: i32 = 719;
const STEP_MS: u64 = 1_000;
/// How long ago a phone's drive began: an hour, which is long enough for every drive here.
const DRIVEN_BEFORE_MS: u64 = 3_600_000;
const SIDE: u16 = 64;

pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.expect("the clock is set").as_millis()).expect("the clock is sane")
}

enum Key {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        let array = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).expect("32 bytes");
        match self {
            Self::Ed25519(pair) => PublicKey::Ed25519(array(pair.public_key().as_ref())),
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                PublicKey::P256 {
                    x: array(&point[1..33]),
                    y: array(&point[33..]),
                }
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = match self {
            Self::Ed25519(pair) => pair.sign(message),
            Self::P256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .expect("the system gives random bytes"),
        };
        Ok(signature.as_ref().try_into().expect("64 bytes"))
    }
}

/// A phone with its key, its account and a session.
pub struct Phone {
    key: Key,
    pub account: String,
    pub session: SessionId,
    /// When its drive began, Unix milliseconds.
    began_ms: u64,
    policy: Option<Policy>,
}

/// An observation before it is signed, and what is sent with it.
#[derive(Clone)]
pub struct Draft {
    pub observation: Observation,
    pub picture: Option<Vec<u8>>,
}

impl Phone {
    pub fn new(number: u8) -> Self {
        Self::with_seed([number; 32], number)
    }

    /// The same with a key of this seed.
    pub fn with_seed(seed: [u8; 32], number: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
        Self::of(Key::Ed25519(pair), number)
    }

    pub fn with_p256(number: u8) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let pair = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            document.expect("a key").as_ref(),
            &random,
        );
        Self::of(Key::P256(pair.expect("a key")), number)
    }

    fn of(key: Key, number: u8) -> Self {
        Self {
            key,
            account: format!("eip155:1:0x{}", format!("{number:02x}").repeat(20)),
            session: SessionId([number; 16]),
            began_ms: now_ms() - DRIVEN_BEFORE_MS,
            policy: None,
        }
    }

    pub fn signer(&self) -> &dyn Signer {
        &self.key
    }

    /// A registration for `server` with a fresh nonce.
    pub fn registration(&self, server: &Server) -> Registration {
        let reply = server.post("/v1/devices/nonce", &[], b"");
        assert_eq!(reply.status, 200, "{reply:?}");
        let nonce = reply.json()["nonce"].as_str().and_then(Nonce::from_hex);
        Registration {
            key: self.key.public_key(),
            nonce: nonce.expect("a nonce of 64 digits"),
            origin: server.origin(),
            network: network(),
            account: Account::parse(&self.account).expect("an account"),
            binding: 1,
        }
    }

    pub fn send_registration(&self, server: &Server, registration: &Registration) -> Reply {
        let body = seal(registration, &registration.network, &self.key).expect("the key signs");
        server.post(
            "/v1/devices",
            &[("content-type", "application/cose")],
            &body,
        )
    }

    /// Registers, and reads the policy.
    pub fn register(mut self, server: &Server) -> Self {
        let reply = self.send_registration(server, &self.registration(server));
        assert_eq!(reply.status, 200, "{reply:?}");
        self.read_policy(server);
        self
    }

    pub fn read_policy(&mut self, server: &Server) {
        self.policy = Some(server.policy().1);
    }

    /// The policy that it goes by.
    pub fn policy(&self) -> &Policy {
        self.policy.as_ref().expect("a policy that was read")
    }

    /// Goes by another policy than the one that it read.
    pub fn go_by(&mut self, policy: &Policy) {
        self.policy = Some(policy.clone());
    }

    /// The observation of a place in the session, on the road 8 m and a second after the one before, its picture told apart by
    /// `sequence`.
    pub fn draft(&self, sequence: u64) -> Draft {
        let number = u32::try_from(sequence).expect("a short drive");
        self.draft_of(
            sequence,
            jpeg(u32::from(self.session.0[0]) * 1_000 + number),
        )
    }

    /// The same with a picture of one's own.
    pub fn draft_of(&self, sequence: u64, picture: Vec<u8>) -> Draft {
        let step = i32::try_from(sequence).expect("a short drive");
        let at = |step: i32| Position::from_e7(377_700_000 + step * STEP_E7, -1_224_100_000);
        let vertex = |step, before_ms| Vertex {
            position: at(step).expect("a position"),
            before_ms,
        };
        let policy = self.policy.as_ref();
        let redaction = Redaction {
            version: REDACTION_FACES_ONLY,
            models: policy.map_or_else(Vec::new, |policy| policy.models.clone()),
            faces: 0,
            plates: 0,
        };
        let observation = Observation {
            kind: Kind::Picture,
            session: self.session,
            sequence,
            captured_at_ms: self.began_ms + STEP_MS * sequence,
            time_source: TimeSource::Gnss,
            segment: Segment::from_vertices(vec![vertex(step, 800), vertex(step + 1, 0)])
                .expect("a segment"),
            fix: FixQuality {
                accuracy_mm: Some(3_000),
                satellites: Some(9),
                hdop_milli: Some(900),
            },
            motion: Motion::default(),
            media: vec![media(&picture)],
            redaction,
            quality: quality_of_jpeg(&picture).expect("a JPEG").value,
            policy: policy.map_or(PolicyHash([0; 32]), Policy::hash),
            salt: Salt([7; 16]),
        };
        Draft {
            observation,
            picture: Some(picture),
        }
    }

    pub fn sign(&self, draft: &Draft) -> RawItem {
        RawItem {
            envelope: seal(&draft.observation, &network(), &self.key).expect("the key signs"),
            picture: draft.picture.clone(),
        }
    }

    pub fn id(&self, draft: &Draft) -> ObservationId {
        Observation::id(
            self.key.public_key().thumbprint(),
            &draft.observation.to_bytes(),
        )
    }

    pub fn batch_of(&self, drafts: &[Draft]) -> BatchId {
        let ids: Vec<_> = drafts.iter().map(|draft| self.id(draft)).collect();
        BatchId::of(&ids)
    }

    /// Uploads a batch and returns its answers.
    pub fn upload(&self, server: &Server, drafts: &[Draft]) -> Vec<Answer> {
        let items: Vec<_> = drafts.iter().map(|draft| self.sign(draft)).collect();
        send(server, &self.batch_of(drafts), &items)
    }
}

/// Uploads items as they are and returns the answers.
pub fn send(server: &Server, batch: &BatchId, items: &[RawItem]) -> Vec<Answer> {
    let body: Vec<u8> = items.iter().flat_map(RawItem::to_bytes).collect();
    let reply = server.post(
        "/v1/batches",
        &[("wayhex-batch", &batch.to_string())],
        &body,
    );
    assert_eq!(
        reply.status,
        200,
        "{:?}",
        String::from_utf8_lossy(&reply.body)
    );
    assert!(reply.head.contains("content-type: application/cbor-seq"));
    Answer::read_all(&reply.body)
}

/// What an observation says of a picture of the usual sides.
pub fn media(picture: &[u8]) -> Media {
    Media {
        sha256: PictureHash(sha256(picture)),
        size_bytes: u32::try_from(picture.len()).expect("a small picture"),
        width: SIDE.into(),
        height: SIDE.into(),
    }
}

/// A small picture of grey blocks that `seed` chooses.
pub fn jpeg(seed: u32) -> Vec<u8> {
    let side = usize::from(SIDE);
    let mut pixels = Vec::with_capacity(side * side * 3);
    for y in 0..side {
        for x in 0..side {
            let block = u32::try_from((y / 8) * 8 + x / 8).expect("64 blocks");
            let mixed = (block + 1)
                .wrapping_add(seed << 6)
                .wrapping_mul(2_654_435_761);
            pixels.extend([mixed.to_be_bytes()[0]; 3]);
        }
    }
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 90)
        .encode(&pixels, SIDE, SIDE, ColorType::Rgb)
        .expect("a picture can be encoded");
    jpeg
}
