//! A whole epoch over HTTP: phones register, upload, are paid, and repeat their own score.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64URL_NOPAD;
use jpeg_encoder::{ColorType, Encoder};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::Value;
use wayhex_protocol::account::Account;
use wayhex_protocol::batch::{Answer, RawItem, SignedPolicy};
use wayhex_protocol::envelope::{open, peek, seal};
use wayhex_protocol::id::{
    BatchId, NetworkId, Nonce, ObservationId, PictureHash, Salt, SessionId, sha256,
};
use wayhex_protocol::key::{PublicKey, SignError, Signer};
use wayhex_protocol::micros::Micros;
use wayhex_protocol::observation::{
    FixQuality, Kind, Media, Motion, Observation, REDACTION_FACES_ONLY, Redaction, TimeSource,
};
use wayhex_protocol::policy::Policy;
use wayhex_protocol::position::Position;
use wayhex_protocol::receipt::{Receipt, Verdict};
use wayhex_protocol::registration::Registration;
use wayhex_protocol::score::{UnitRow, account_units, capped_sum};
use wayhex_protocol::segment::{Segment, Vertex};
use wayhex_protocol::token::Token;
use wayhex_protocol::unit::{CellId, Quadrant, Unit};
use wayhex_server::clock::now_ms;

use crate::ledger::{Ledger, OPEN_POLICY, account};
use crate::server::{Server, run};

/// A phone's key, in software.
pub struct SoftwareKey(Ed25519KeyPair);

impl Signer for SoftwareKey {
    fn public_key(&self) -> PublicKey {
        let key = self.0.public_key().as_ref();
        PublicKey::Ed25519(key.try_into().expect("32 bytes"))
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.0.sign(message);
        Ok(signature.as_ref().try_into().expect("64 bytes"))
    }
}

/// A phone.
pub struct Phone {
    pub key: SoftwareKey,
    /// Told by its pictures, since no picture is taken twice.
    number: u16,
}

fn network() -> NetworkId {
    NetworkId::parse("wayhex-dev").expect("a network id")
}

impl Phone {
    pub fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
        Self {
            number: u16::from_be_bytes([
                pair.public_key().as_ref()[0],
                pair.public_key().as_ref()[1],
            ]),
            key: SoftwareKey(pair),
        }
    }

    pub fn registered(server: &Server, account: &Account) -> Self {
        let phone = Self::new();
        let nonce = server.post("/v1/devices/nonce", &[], &[]).json();
        let registration = Registration {
            key: phone.key.public_key(),
            nonce: Nonce::from_hex(nonce["nonce"].as_str().expect("a nonce")).expect("32 bytes"),
            origin: server.url.clone(),
            network: network(),
            account: account.clone(),
            binding: 1,
        };
        let sealed = seal(&registration, &network(), &phone.key).expect("a signature");
        let reply = server.post(
            "/v1/devices",
            &[("content-type", "application/cose")],
            &sealed,
        );
        assert_eq!(
            reply.status,
            200,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        phone
    }

    /// Drives east from a place, one observation every 8 m, and uploads them.
    fn drive(&self, server: &Server, from: Position, frames: u8) -> Vec<Observation> {
        let signed = SignedPolicy::from_bytes(&server.get("/v1/policy").body).expect("a policy");
        let (_, policy) = peek::<Policy>(&signed.envelope).expect("a policy");
        let mut observations = Vec::new();
        let mut items = Vec::new();
        for frame in 0..frames {
            let picture = picture(self.number, frame);
            let observation = self.observation(&policy, from, frame, &picture);
            let envelope = seal(&observation, &network(), &self.key).expect("a signature");
            items.push(RawItem {
                envelope,
                picture: Some(picture),
            });
            observations.push(observation);
        }
        let key = PublicKey::from_bytes(&signed.server_key).expect("the server's key");
        self.upload(server, &items, &key);
        observations
    }

    fn upload(&self, server: &Server, items: &[RawItem], key: &PublicKey) {
        let id = |item: &RawItem| -> ObservationId {
            let opened =
                open::<Observation>(&item.envelope, &network(), |_| Some(self.key.public_key()));
            let opened = opened.expect("its own envelope");
            Observation::id(opened.signer, &opened.payload)
        };
        let ids: Vec<ObservationId> = items.iter().map(id).collect();
        let body: Vec<u8> = items.iter().flat_map(RawItem::to_bytes).collect();
        let batch = BatchId::of(&ids).to_string();
        let headers = [
            ("content-type", "application/cbor-seq"),
            ("wayhex-batch", &batch),
        ];
        let reply = server.post("/v1/batches", &headers, &body);
        assert_eq!(
            reply.status,
            200,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        let answers = Answer::read_all(&reply.body);
        assert_eq!(answers.len(), items.len());
        for (answer, id) in answers.iter().zip(ids) {
            let receipt = open::<Receipt>(&answer.receipt, &network(), |_| Some(key.clone()));
            let receipt = receipt.expect("the server's receipt").message;
            assert_eq!((receipt.id, receipt.verdict), (id, Verdict::Accepted));
        }
    }

    fn observation(
        &self,
        policy: &Policy,
        from: Position,
        frame: u8,
        picture: &[u8],
    ) -> Observation {
        const STEP_E7: i32 = 900;
        let at = |step: u8, before_ms| Vertex {
            position: Position::from_e7(from.lat_e7(), from.lon_e7() + STEP_E7 * i32::from(step))
                .expect("a position"),
            before_ms,
        };
        let measured = wayhex_vision::quality_of_jpeg(picture).expect("a picture");
        Observation {
            kind: Kind::Picture,
            session: SessionId([self.number.to_be_bytes()[0]; 16]),
            sequence: u64::from(frame),
            captured_at_ms: now_ms() - 60_000 + 1_000 * u64::from(frame),
            time_source: TimeSource::Gnss,
            segment: Segment::from_vertices(vec![at(frame, 1_000), at(frame + 1, 0)])
                .expect("a segment"),
            fix: FixQuality {
                accuracy_mm: Some(5_000),
                ..FixQuality::default()
            },
            motion: Motion::default(),
            media: vec![Media {
                sha256: PictureHash(sha256(picture)),
                size_bytes: u32::try_from(picture.len()).expect("a small picture"),
                width: SIDE.into(),
                height: SIDE.into(),
            }],
            redaction: Redaction {
                version: REDACTION_FACES_ONLY,
                models: policy.models.clone(),
                faces: 0,
                plates: 0,
            },
            quality: measured.value,
            policy: policy.hash(),
            salt: Salt([frame; 16]),
        }
    }

    fn ask(&self, server: &Server, path: &str) -> Value {
        let token = Token {
            audience: server.url.clone(),
            issued_at_s: now_ms() / 1_000,
            method: "GET".to_owned(),
            path: path.to_owned(),
        };
        let sealed = seal(&token, &network(), &self.key).expect("a signature");
        let header = format!("Wayhex {}", BASE64URL_NOPAD.encode(&sealed));
        let reply = server.get_with(path, &[("authorization", &header)]);
        let json = reply.json();
        assert_eq!(reply.status, 200, "{json}");
        json
    }
}

const SIDE: u16 = 512;

/// A grey chequerboard whose fields tell phone and frame apart.
fn picture(phone: u16, frame: u8) -> Vec<u8> {
    let side = usize::from(SIDE);
    let mut pixels = Vec::with_capacity(3 * side * side);
    for y in 0..side {
        for x in 0..side {
            let dark = (x / 8 + y / 8) % 2 == 0;
            let nibble = |place: usize| u8::try_from(phone >> (4 * place) & 15).unwrap_or_default();
            let mark = if y < 32 { 4 * nibble(y / 8) } else { frame };
            let grey = if dark { 60 + mark } else { 190 - mark / 2 };
            pixels.extend([grey; 3]);
        }
    }
    let mut jpeg = Vec::new();
    let encoder = Encoder::new(&mut jpeg, 90);
    encoder
        .encode(&pixels, SIDE, SIDE, ColorType::Rgb)
        .expect("a JPEG");
    jpeg
}

fn cells_of(observations: &[Observation]) -> BTreeSet<String> {
    let cells = |observation: &Observation| observation.segment.facts().expect("a segment").cells;
    observations
        .iter()
        .flat_map(cells)
        .map(CellId::to_hex)
        .collect()
}

fn micros(value: &Value) -> Micros {
    Micros(
        value
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("a decimal amount"),
    )
}

fn unit(cell: &Value, quadrant: &Value) -> Unit {
    let number = quadrant
        .as_u64()
        .and_then(|number| u8::try_from(number).ok());
    Unit {
        cell: CellId::from_hex(cell.as_str().expect("a cell")).expect("a cell"),
        quadrant: number.and_then(Quadrant::from_number).expect("a quadrant"),
    }
}

/// The low class's score of an account, from its own items and the public table alone.
fn repeated_score(server: &Server, items: &Value, epoch: u64) -> Micros {
    let mut own: BTreeMap<Unit, Micros> = BTreeMap::new();
    for item in items["items"].as_array().expect("items") {
        let counted = &item["counted"];
        for cell in counted["cells"].as_array().expect("cells") {
            let weight = own.entry(unit(cell, &counted["quadrant"])).or_default();
            *weight = micros(&counted["weight_micros"]).max(*weight);
        }
    }
    let page = server.json(&format!("/v1/epochs/{epoch}/units?limit=10000"));
    let mut rows = BTreeMap::new();
    for line in page["units"].as_array().expect("units") {
        assert_eq!(line["class"], "low");
        let row = UnitRow {
            freshness: micros(&line["freshness_micros"]),
            greatest: micros(&line["greatest_micros"]),
            sum: micros(&line["sum_micros"]),
        };
        rows.insert(unit(&line["cell"], &line["quadrant"]), row);
    }
    let params = wayhex_protocol::params::ScoringParams::default();
    let paid = account_units(&own, |unit| rows.get(&unit).copied(), &params);
    capped_sum(&paid, &params)
}

#[test]
fn phones_upload_and_are_paid_and_repeat_their_own_score() {
    let ledger = Ledger::new(OPEN_POLICY);
    let server = Server::start(ledger.folder(), OPEN_POLICY);
    let start = Position::from_degrees(37.7749, -122.4194).expect("a position");
    let ahead = Position::from_degrees(37.7749, -122.4189).expect("a position");
    let drives = [
        (account(1), start, 12),
        (account(2), ahead, 8),
        (account(2), start, 3),
    ];
    let mut crossed = BTreeSet::new();
    let mut phones = Vec::new();
    for (account, from, frames) in drives {
        let phone = Phone::registered(&server, &account);
        crossed.extend(cells_of(&phone.drive(&server, from, frames)));
        phones.push((phone, account, frames));
    }

    let coverage = server.json("/v1/coverage?bbox=-122.43,37.77,-122.41,37.78");
    let features = coverage["features"].as_array().expect("features");
    let covered: BTreeSet<String> = features
        .iter()
        .filter_map(|feature| feature["properties"]["cell"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(covered, crossed);

    let output = run(ledger.folder(), &["close-epoch", "--json"]);
    assert!(output.status.success());
    let closed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(closed["observations"], 23);
    let evidence = closed["evidence"].as_str().expect("a path");
    let root = closed["root"].as_str().expect("a root");
    assert_eq!(
        run(ledger.folder(), &["audit", evidence, "--root", root])
            .status
            .code(),
        Some(0)
    );

    let (phone, first, frames) = &phones[0];
    let items = phone.ask(&server, "/v1/me/items");
    assert_eq!(
        items["items"].as_array().map(Vec::len),
        Some(usize::from(*frames))
    );
    let payout = server.json(&format!("/v1/epochs/1/payouts/{first}"));
    assert_eq!(
        micros(&payout["score"]["low"]),
        repeated_score(&server, &items, 1)
    );
    assert!(micros(&payout["points"]["low"]) > Micros::ZERO);
    let rewards = phone.ask(&server, "/v1/me/rewards");
    assert_eq!(rewards["epochs"][0]["points"], payout["points"]);
    assert_eq!(rewards["cumulative"], payout["cumulative"]);
    assert_eq!(rewards["open_epoch"], 2);

    let other = phones[2].0.ask(&server, "/v1/me/items?limit=2");
    assert_eq!(other["items"].as_array().map(Vec::len), Some(2));
    let next = other["next"].as_str().expect("a next page");
    let last = phones[2]
        .0
        .ask(&server, &format!("/v1/me/items?limit=2&cursor={next}"));
    assert_eq!(last["items"].as_array().map(Vec::len), Some(1));
    assert!(last["next"].is_null());
}
