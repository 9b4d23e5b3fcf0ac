//! The golden vectors of the wire format, which an implementation of its own wrote (vectors/messages.py).

#![expect(clippy::unwrap_used, reason = "a broken vector ends the test")]

use std::collections::BTreeMap;

use serde_json::Value;
use wayhex_protocol::account::Account;
use wayhex_protocol::cbor::{DecodeError, decode_exact};
use wayhex_protocol::envelope::{OpenError, Signable, open};
use wayhex_protocol::id::{
    DeviceId, ModelHash, NetworkId, Nonce, ObservationId, PictureHash, PolicyHash, Salt, SessionId,
};
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::observation::{
    FixQuality, Kind, Media, Model, Motion, Observation, Redaction, Role, TimeSource,
};
use wayhex_protocol::policy::Policy;
use wayhex_protocol::position::Position;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};
use wayhex_protocol::registration::Registration;
use wayhex_protocol::segment::{Segment, Vertex};
use wayhex_protocol::token::Token;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/messages.json")).unwrap()
}

fn network(vectors: &Value) -> NetworkId {
    NetworkId::parse(text(&vectors["network"])).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    data_encoding::HEXLOWER
        .decode(text(value).as_bytes())
        .unwrap()
}

fn number<T: TryFrom<i64>>(value: &Value) -> T {
    T::try_from(value.as_i64().unwrap()).ok().unwrap()
}

fn maybe(value: &Value) -> Option<u32> {
    value.as_i64().map(|number| u32::try_from(number).unwrap())
}

/// The message is written as the vector's payload, and opened from the vector's envelope.
fn check<M: Signable + PartialEq + std::fmt::Debug>(
    vector: &Value,
    network: &NetworkId,
    message: &M,
) {
    let name = text(&vector["name"]);
    let key = PublicKey::from_bytes(&hex(&vector["key"])).unwrap();
    assert_eq!(
        message.to_bytes(),
        hex(&vector["payload"]),
        "{name}: payload"
    );
    let opened = open::<M>(&hex(&vector["envelope"]), network, |kid| {
        (kid == key.thumbprint()).then_some(key)
    });
    assert_eq!(&opened.unwrap().message, message, "{name}: envelope");
}

#[test]
fn every_good_vector_is_written_and_read_alike() {
    let vectors = vectors();
    let network = network(&vectors);
    for vector in vectors["good"].as_array().unwrap() {
        match text(&vector["message"]) {
            "observation" => {
                check(vector, &network, &observation(&vector["fields"]));
                let device = PublicKey::from_bytes(&hex(&vector["key"]))
                    .unwrap()
                    .thumbprint();
                assert_eq!(device, DeviceId::from_hex(text(&vector["device"])).unwrap());
                let id = Observation::id(device, &hex(&vector["payload"]));
                assert_eq!(id, ObservationId::from_hex(text(&vector["id"])).unwrap());
            }
            "receipt" => check(vector, &network, &receipt(&vector["fields"])),
            "registration" => {
                check(
                    vector,
                    &network,
                    &registration(&vector["fields"], &hex(&vector["key"])),
                );
                assert!(Registration::open(&hex(&vector["envelope"]), &network).is_ok());
            }
            "token" => check(vector, &network, &token(&vector["fields"])),
            "policy" => {
                let policy = policy(&vector["fields"], &network);
                check(vector, &network, &policy);
                assert_eq!(policy.hash().to_string(), text(&vector["sha256"]));
            }
            other => panic!("no reader for {other}"),
        }
    }
}

#[test]
fn every_bad_vector_is_refused_for_its_own_reason() {
    let vectors = vectors();
    let network = network(&vectors);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for vector in vectors["bad"].as_array().unwrap() {
        let message = text(&vector["message"]);
        *seen.entry(message).or_default() += 1;
        let error = match message {
            "observation" => refusal::<Observation>(vector, &network),
            "receipt" => refusal::<Receipt>(vector, &network),
            "token" => refusal::<Token>(vector, &network),
            "policy" => refusal::<Policy>(vector, &network),
            "registration" => Registration::open(&hex(&vector["envelope"]), &network).unwrap_err(),
            "key" => PublicKey::from_bytes(&hex(&vector["bytes"]))
                .unwrap_err()
                .into(),
            other => panic!("no reader for {other}"),
        };
        assert_eq!(
            category(&error),
            text(&vector["error"]),
            "{}: {error}",
            vector["name"]
        );
    }
    assert!(seen.len() == 6 && seen.values().all(|count| *count > 20));
}

fn refusal<M: Signable + std::fmt::Debug>(vector: &Value, network: &NetworkId) -> OpenError {
    let key = PublicKey::from_bytes(&hex(&vector["key"])).unwrap();
    let opened = open::<M>(&hex(&vector["envelope"]), network, |kid| {
        (kid == key.thumbprint()).then_some(key)
    });
    opened.map(|opened| opened.message).unwrap_err()
}

/// Five types by five: each is signed under its own domain, so that none can be taken for another, whatever its payload.
#[test]
fn a_message_of_one_type_is_taken_for_no_other() {
    let vectors = vectors();
    let network = network(&vectors);
    let opens = |type_of_reader: &str, vector: &Value| {
        let key = PublicKey::from_bytes(&hex(&vector["key"])).unwrap();
        let envelope = hex(&vector["envelope"]);
        let by = |_| Some(key);
        match type_of_reader {
            "observation" => open::<Observation>(&envelope, &network, by).map(drop),
            "receipt" => open::<Receipt>(&envelope, &network, by).map(drop),
            "registration" => open::<Registration>(&envelope, &network, by).map(drop),
            "token" => open::<Token>(&envelope, &network, by).map(drop),
            _ => open::<Policy>(&envelope, &network, by).map(drop),
        }
    };
    let types = ["observation", "receipt", "registration", "token", "policy"];
    for vector in vectors["good"].as_array().unwrap() {
        for reader in types {
            let opened = opens(reader, vector);
            if reader == text(&vector["message"]) {
                assert_eq!(opened, Ok(()));
                continue;
            }
            let error = opened.unwrap_err();
            let refused = matches!(category(&error), "signature" | "too_large");
            assert!(refused, "{} as {reader}: {error}", vector["name"]);
        }
    }
}

#[test]
fn every_prefix_of_a_good_envelope_is_refused() {
    let vectors = vectors();
    let network = network(&vectors);
    let vector = &vectors["good"][0];
    let (envelope, key) = (
        hex(&vector["envelope"]),
        PublicKey::from_bytes(&hex(&vector["key"])).unwrap(),
    );
    for length in 0..envelope.len() {
        let opened = open::<Observation>(&envelope[..length], &network, |_| Some(key.clone()));
        assert!(
            opened.is_err(),
            "the first {length} bytes were taken for the whole"
        );
    }
}

#[test]
fn every_flipped_bit_of_an_envelope_is_refused() {
    let vectors = vectors();
    let network = network(&vectors);
    let vector = &vectors["good"][0];
    let (envelope, key) = (
        hex(&vector["envelope"]),
        PublicKey::from_bytes(&hex(&vector["key"])).unwrap(),
    );
    for bit in 0..envelope.len() * 8 {
        let mut changed = envelope.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = open::<Observation>(&changed, &network, |_| Some(key.clone()));
        assert!(opened.is_err(), "bit {bit} does not matter");
    }
}

#[test]
fn a_key_is_read_in_one_encoding_only() {
    let key = hex(&vectors()["good"][0]["key"]);
    assert!(PublicKey::from_bytes(&key).is_ok());
    let with_algorithm = [&[0xa4, 1, 1, 3, 0x32], &key[3..]].concat();
    assert!(matches!(
        decode_exact::<PublicKey>(&with_algorithm),
        Err(DecodeError::UnknownKey { .. })
    ));
}

fn category(error: &OpenError) -> &'static str {
    match error {
        OpenError::UnknownKey(_) => "unknown_signer",
        OpenError::Algorithm { .. } => "algorithm",
        OpenError::Signature => "signature",
        OpenError::Decode(DecodeError::Malformed { .. }) => "malformed",
        OpenError::Decode(DecodeError::UnknownKey { .. }) => "unknown_key",
        OpenError::Decode(DecodeError::Missing { .. }) => "missing",
        OpenError::Decode(DecodeError::Range { .. }) => "range",
        OpenError::Decode(DecodeError::TooLarge { .. }) => "too_large",
        OpenError::Decode(DecodeError::NotCanonical { .. }) => "not_canonical",
    }
}

fn observation(fields: &Value) -> Observation {
    let vertices = fields["segment"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vertex| Vertex {
            position: Position::from_e7(number(&vertex[0]), number(&vertex[1])).unwrap(),
            before_ms: number(&vertex[2]),
        });
    let media = fields["media"]
        .as_array()
        .unwrap()
        .iter()
        .map(|media| Media {
            sha256: PictureHash::from_hex(text(&media[0])).unwrap(),
            size_bytes: number(&media[1]),
            width: number(&media[2]),
            height: number(&media[3]),
        });
    let motion = &fields["motion"];
    Observation {
        kind: if fields["kind"] == 1 {
            Kind::Picture
        } else {
            Kind::Motion
        },
        session: SessionId::from_hex(text(&fields["session"])).unwrap(),
        sequence: number(&fields["sequence"]),
        captured_at_ms: number(&fields["captured_at_ms"]),
        time_source: if fields["time_source"] == 1 {
            TimeSource::Gnss
        } else {
            TimeSource::Phone
        },
        segment: Segment::from_vertices(vertices.collect()).unwrap(),
        fix: FixQuality {
            accuracy_mm: maybe(&fields["fix"]["accuracy_mm"]),
            satellites: maybe(&fields["fix"]["satellites"]),
            hdop_milli: maybe(&fields["fix"]["hdop_milli"]),
        },
        motion: Motion {
            speed_mm_s: maybe(&motion["speed_mm_s"]),
            yaw_mdeg: motion["yaw_mdeg"]
                .as_i64()
                .map(|yaw| i32::try_from(yaw).unwrap()),
            acceleration_spread_mm_s2: maybe(&motion["acceleration_spread_mm_s2"]),
        },
        media: media.collect(),
        redaction: Redaction {
            version: number(&fields["redaction"]["version"]),
            models: models(&fields["redaction"]["models"]),
            faces: number(&fields["redaction"]["faces"]),
            plates: number(&fields["redaction"]["plates"]),
        },
        quality: number(&fields["quality"]),
        policy: PolicyHash::from_hex(text(&fields["policy"])).unwrap(),
        salt: Salt::from_hex(text(&fields["salt"])).unwrap(),
    }
}

fn receipt(fields: &Value) -> Receipt {
    let reason = fields["reason"]
        .as_u64()
        .map(|number| Reason::from_number(u16::try_from(number).unwrap()).unwrap());
    Receipt {
        id: ObservationId::from_hex(text(&fields["id"])).unwrap(),
        verdict: reason.map_or(Verdict::Accepted, Verdict::Refused),
        epoch: number(&fields["epoch"]),
        server_time_ms: number(&fields["server_time_ms"]),
    }
}

fn registration(fields: &Value, key: &[u8]) -> Registration {
    Registration {
        key: PublicKey::from_bytes(key).unwrap(),
        nonce: Nonce::from_hex(text(&fields["nonce"])).unwrap(),
        origin: text(&fields["origin"]).to_owned(),
        network: NetworkId::parse(text(&fields["network"])).unwrap(),
        account: Account::parse(text(&fields["account"])).unwrap(),
        binding: number(&fields["binding"]),
    }
}

fn token(fields: &Value) -> Token {
    Token {
        audience: text(&fields["audience"]).to_owned(),
        issued_at_s: number(&fields["issued_at_s"]),
        method: text(&fields["method"]).to_owned(),
        path: text(&fields["path"]).to_owned(),
    }
}

fn policy(fields: &Value, network: &NetworkId) -> Policy {
    let mut policy = Policy::genesis(network.clone());
    policy.version = number(&fields["version"]);
    policy.valid_from_ms = number(&fields["valid_from_ms"]);
    policy.valid_until_ms = number(&fields["valid_until_ms"]);
    policy.treasury = Account::parse(text(&fields["treasury"])).unwrap();
    policy.models = models(&fields["models"]);
    let named = fields["parameters"].as_object().unwrap();
    assert_eq!(named.len(), policy.parameters.entries().len());
    for (name, value) in named {
        *policy.parameters.get_mut(name).unwrap() = number(value);
    }
    policy
}

fn models(list: &Value) -> Vec<Model> {
    let models = list.as_array().unwrap().iter().map(|model| Model {
        role: if model[0] == 1 {
            Role::Face
        } else {
            Role::Plate
        },
        sha256: ModelHash::from_hex(text(&model[1])).unwrap(),
    });
    models.collect()
}
