//! Signatures that do not fit: what else is signed by the same keys, under another name, algorithm, domain or form.

use wayhex_protocol::batch::RawItem;
use wayhex_protocol::envelope::{Signable, seal};
use wayhex_protocol::id::{BatchId, DeviceId};
use wayhex_protocol::key::Signer;
use wayhex_protocol::observation::Observation;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;
use wayhex_protocol::registration::Registration;
use wayhex_protocol::token::Token;

use crate::support::{Forged, Phone, Server, high_s, network, now_ms, send};

const PATH: &str = "/v1/me/items";

/// Three devices: two with software keys, one with a secure enclave.
struct Devices {
    ann: Phone,
    bob: Phone,
    enclave: Phone,
}

impl Devices {
    fn registered(server: &Server) -> Self {
        Self {
            ann: Phone::new(1).register(server),
            bob: Phone::new(2).register(server),
            enclave: Phone::with_p256(3).register(server),
        }
    }
}

fn device_of(phone: &Phone) -> DeviceId {
    phone.signer().public_key().thumbprint()
}

/// Every way to sign a message of type `M` wrongly; `message` gives the one that a phone would send.
fn forgeries<M: Signable>(
    devices: &Devices,
    message: &dyn Fn(&Phone) -> M,
) -> Vec<(&'static str, Vec<u8>)> {
    let Devices { ann, bob, enclave } = devices;
    let of_ann = message(ann).to_bytes();
    let of_enclave = message(enclave).to_bytes();
    let by = |signer: &dyn Signer, payload: &[u8], change: &dyn Fn(&mut Forged<'_>)| {
        let mut forged = Forged::new(M::DOMAIN, payload, signer);
        change(&mut forged);
        forged.to_bytes()
    };
    let other_domain = if M::DOMAIN == Token::DOMAIN {
        Observation::DOMAIN
    } else {
        Token::DOMAIN
    };
    let low = by(enclave.signer(), &of_enclave, &|_| {});
    let genuine = seal(&message(enclave), &network(), enclave.signer()).expect("the key signs");
    assert_eq!(
        low.len(),
        genuine.len(),
        "a forger's envelope has the same form"
    );
    let mut flipped = seal(&message(ann), &network(), ann.signer()).expect("the key signs");
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    vec![
        (
            "signed by another device",
            by(bob.signer(), &of_ann, &|forged| {
                forged.kid = device_of(ann);
            }),
        ),
        (
            "signed by a key of another kind",
            by(enclave.signer(), &of_ann, &|forged| {
                (forged.kid, forged.algorithm) = (device_of(ann), -19);
            }),
        ),
        (
            "Ed25519 that says ESP256",
            by(ann.signer(), &of_ann, &|forged| {
                forged.algorithm = -9;
            }),
        ),
        (
            "Ed25519 that says EdDSA",
            by(ann.signer(), &of_ann, &|forged| {
                forged.algorithm = -8;
            }),
        ),
        (
            "ESP256 that says Ed25519",
            by(enclave.signer(), &of_enclave, &|forged| {
                forged.algorithm = -19;
            }),
        ),
        (
            "ESP256 that says ES256",
            by(enclave.signer(), &of_enclave, &|forged| {
                forged.algorithm = -7;
            }),
        ),
        (
            "no algorithm",
            by(ann.signer(), &of_ann, &|forged| forged.algorithm = 0),
        ),
        (
            "under another type's domain",
            by(ann.signer(), &of_ann, &|forged| {
                forged.domain = other_domain;
            }),
        ),
        ("a flipped bit", flipped),
        // A keystore gives either form of s; a phone brings it into the lower one, and of the two one is higher.
        ("a high s", high_s(genuine)),
    ]
}

fn token(server: &Server) -> Token {
    Token {
        audience: server.origin(),
        issued_at_s: now_ms() / 1_000,
        method: "GET".to_owned(),
        path: PATH.to_owned(),
    }
}

fn verdict_on(server: &Server, envelope: Vec<u8>) -> Verdict {
    let item = RawItem {
        envelope,
        picture: None,
    };
    let named = item.unreadable_id();
    let answers = send(server, &BatchId::of(&[named]), &[item]);
    let receipt = server.verified(&answers[0]);
    assert_eq!(receipt.id, named, "it is nobody's observation");
    receipt.verdict
}

#[test]
fn an_item_that_its_device_did_not_sign_so_is_refused_and_spoils_nothing() {
    let server = Server::start(&[]);
    let devices = Devices::registered(&server);
    for (what, envelope) in forgeries(&devices, &|phone| phone.draft(0).observation) {
        let verdict = verdict_on(&server, envelope);
        assert_eq!(verdict, Verdict::Refused(Reason::BadSignature), "{what}");
    }
    for phone in [&devices.ann, &devices.bob, &devices.enclave] {
        let genuine = phone.upload(&server, &[phone.draft(0)]);
        assert_eq!(server.verified(&genuine[0]).verdict, Verdict::Accepted);
    }
}

#[test]
fn a_registration_that_its_key_did_not_sign_so_is_refused_and_leaves_the_nonce() {
    let server = Server::start(&[]);
    let devices = Devices::registered(&server);
    let (of_ann, of_enclave) = (
        devices.ann.registration(&server),
        devices.enclave.registration(&server),
    );
    let of = |phone: &Phone| {
        let is_enclave = device_of(phone) == of_enclave.key.thumbprint();
        let registration = if is_enclave { &of_enclave } else { &of_ann };
        registration.clone()
    };
    for (what, envelope) in forgeries(&devices, &of) {
        let reply = server.post("/v1/devices", &[], &envelope);
        let found = (reply.status, reply.code());
        assert_eq!(found, (403, "bad_signature".to_owned()), "{what}");
    }
    let genuine = devices.ann.send_registration(&server, &of_ann);
    assert_eq!(genuine.status, 200, "the nonce is still good");
}

#[test]
fn a_token_that_its_device_did_not_sign_so_opens_nothing() {
    let server = Server::start(&[]);
    let devices = Devices::registered(&server);
    for (what, envelope) in forgeries(&devices, &|_| token(&server)) {
        let reply = server.get_as(PATH, &envelope);
        let found = (reply.status, reply.code());
        assert_eq!(found, (401, "token_signature".to_owned()), "{what}");
    }
    let genuine = seal(&token(&server), &network(), devices.enclave.signer()).unwrap();
    assert_eq!(server.get_as(PATH, &genuine).status, 200);
}

#[test]
fn a_message_of_one_type_is_not_taken_for_another() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let observation = phone.sign(&phone.draft(0)).envelope;
    let registration: Registration = phone.registration(&server);
    let registration = seal(&registration, &network(), phone.signer()).unwrap();
    let token = seal(&token(&server), &network(), phone.signer()).unwrap();
    for envelope in [&registration, &token] {
        let verdict = verdict_on(&server, envelope.clone());
        assert_eq!(verdict, Verdict::Refused(Reason::BadSignature));
    }
    for envelope in [&observation, &token] {
        let reply = server.post("/v1/devices", &[], envelope);
        assert_eq!((reply.status, reply.code().as_str()), (400, "malformed"));
    }
    for envelope in [&observation, &registration] {
        let reply = server.get_as(PATH, envelope);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (401, "token_malformed")
        );
    }
    assert_eq!(server.get_as(PATH, &token).status, 200);
    assert_eq!(server.post("/v1/devices", &[], &registration).status, 200);
}
