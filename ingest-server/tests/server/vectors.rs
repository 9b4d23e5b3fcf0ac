//! The vectors of what is no message (core/protocol/vectors), at the doors that their like comes to, in the vectors' network and
//! with their signer registered: so each is read as far as it can be.

use serde_json::Value;
use wayhex_protocol::batch::{Answer, RawItem, SignedPolicy};
use wayhex_protocol::envelope::{peek, seal};
use wayhex_protocol::id::{BatchId, NetworkId};
use wayhex_protocol::policy::Policy;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};
use wayhex_protocol::registration::Registration;

use crate::support::{Phone, Reply, Server};

const PATH: &str = "/v1/me/items";

fn vectors() -> Value {
    let text = include_str!("../../../core/protocol/vectors/messages.json");
    serde_json::from_str(text).expect("the vectors are JSON")
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().expect("the field is text")
}

fn envelope(vector: &Value) -> Vec<u8> {
    let digits = text(vector, "envelope").as_bytes();
    data_encoding::HEXLOWER.decode(digits).expect("hex digits")
}

/// The seed of the vectors' device: the bytes 0 to 31.
fn signer_of_the_vectors() -> Phone {
    let seed = (0..32).collect::<Vec<u8>>();
    Phone::with_seed(seed.try_into().expect("32 bytes"), 1)
}

fn post(server: &Server, item: &RawItem) -> Reply {
    let batch = BatchId::of(&[item.unreadable_id()]).to_string();
    let headers = [("wayhex-batch", batch.as_str())];
    server.post("/v1/batches", &headers, &item.to_bytes())
}

fn receipt(reply: &Reply) -> Receipt {
    assert_eq!(reply.status, 200, "{reply:?}");
    let answers = Answer::read_all(&reply.body);
    let (_, receipt) = peek::<Receipt>(&answers[0].receipt).expect("a receipt");
    receipt
}

/// What the server may say of an item that the protocol refuses for this error.
fn reasons(error: &str) -> &'static [Reason] {
    match error {
        // One of them is by a key that is not registered.
        "signature" => &[Reason::BadSignature, Reason::UnknownDevice],
        "algorithm" => &[Reason::BadSignature],
        "unknown_signer" => &[Reason::UnknownDevice],
        "range" => &[
            Reason::Malformed,
            Reason::KindUnsupported,
            Reason::SegmentShape,
        ],
        "too_large" => &[Reason::TooLarge, Reason::SegmentShape],
        _ => &[Reason::Malformed],
    }
}

fn refuse_item(server: &Server, vector: &Value) {
    let name = text(vector, "name");
    let item = RawItem {
        envelope: envelope(vector),
        picture: None,
    };
    let reply = post(server, &item);
    if name == "a_payload_beyond_the_limit" {
        // It announces more than an item may have: nothing of the batch is read on.
        assert_eq!(reply.code(), "too_large", "{name}");
        return;
    }
    let receipt = receipt(&reply);
    assert_eq!(receipt.id, item.unreadable_id(), "{name}");
    let expected = reasons(text(vector, "error"));
    let is_expected =
        matches!(receipt.verdict, Verdict::Refused(reason) if expected.contains(&reason));
    assert!(is_expected, "{name}: {:?}", receipt.verdict);
}

fn refuse_registration(server: &Server, vector: &Value) {
    let reply = server.post("/v1/devices", &[], &envelope(vector));
    let expected = match text(vector, "error") {
        "unknown_signer" => (403, "origin_mismatch".to_owned()),
        _ => (400, "malformed".to_owned()),
    };
    let name = text(vector, "name");
    assert_eq!((reply.status, reply.code()), expected, "{name}");
}

fn refuse_token(server: &Server, vector: &Value) {
    let reply = server.get_as(PATH, &envelope(vector));
    let expected = (401, "token_malformed".to_owned());
    let name = text(vector, "name");
    assert_eq!((reply.status, reply.code()), expected, "{name}");
}

#[test]
fn no_bad_vector_is_taken_and_none_keeps_an_honest_item_out() {
    let vectors = vectors();
    let id = text(&vectors, "network");
    let network = NetworkId::parse(id).unwrap();
    let server = Server::start(&[("NETWORK__ID", id)]);
    let mut phone = signer_of_the_vectors();
    let registration = Registration {
        network: network.clone(),
        ..phone.registration(&server)
    };
    let registered = phone.send_registration(&server, &registration);
    assert_eq!(registered.status, 200, "{registered:?}");
    let mut refused = [0; 3];
    for vector in vectors["bad"].as_array().unwrap() {
        match text(vector, "message") {
            "observation" => {
                refuse_item(&server, vector);
                refused[0] += 1;
            }
            "registration" => {
                refuse_registration(&server, vector);
                refused[1] += 1;
            }
            "token" => {
                refuse_token(&server, vector);
                refused[2] += 1;
            }
            other => assert!(
                ["receipt", "policy", "key"].contains(&other),
                "no door is known for {other}"
            ),
        }
    }
    assert!(refused.iter().all(|&count| count > 20), "{refused:?}");

    let signed = SignedPolicy::from_bytes(&server.get("/v1/policy").body).unwrap();
    let (_, policy) = peek::<Policy>(&signed.envelope).unwrap();
    phone.go_by(&policy);
    let draft = phone.draft(0);
    let honest = RawItem {
        envelope: seal(&draft.observation, &network, phone.signer()).unwrap(),
        picture: draft.picture,
    };
    let verdict = receipt(&post(&server, &honest)).verdict;
    assert_eq!(verdict, Verdict::Accepted);
}
