//! What strangers say to the server, through its own router over a store in a temporary folder. The first byte chooses:
//! `0` a request as it stands (request line, header lines, an empty line, body), `1` the same with a driver's fresh token,
//! `2` a token's payload, `3` a registration, `4` an observation and its picture, `5` a configuration file.
//!
//! Laws: nothing makes the server fail; nobody is shown a driver's data or registered without a signature; every item of a
//! batch that is answered has a receipt of the server's key; a configuration is read or refused.
#![no_main]

#[path = "requests/world.rs"]
mod world;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use wayhex_fuzz::{network, parts};
use wayhex_protocol::account::Account;
use wayhex_protocol::batch::{Answer, RawItem};
use wayhex_protocol::cbor::decode_exact;
use wayhex_protocol::envelope::{open, seal};
use wayhex_protocol::id::{PictureHash, sha256};
use wayhex_protocol::key::Signer;
use wayhex_protocol::observation::Observation;
use wayhex_protocol::receipt::{Receipt, Verdict};
use wayhex_protocol::registration::Registration;
use wayhex_protocol::token::Token;
use wayhex_server::config::Config;
use wayhex_vision::inspect_jpeg;

use world::{ORIGIN, World, now_ms, with_world};

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else {
        return;
    };
    match kind % 6 {
        5 => configuration(rest),
        kind => with_world(|world| match kind {
            0 => raw(world, rest),
            1 => with_token(world, rest),
            2 => token(world, rest),
            3 => registration(world, rest),
            _ => item(world, rest),
        }),
    }
});

/// A request as it stands; `None` where it is none that HTTP could carry.
fn parse(text: &[u8]) -> Option<Request<Bytes>> {
    let mut rest = text;
    let mut line = || {
        let at = rest.iter().position(|byte| *byte == b'\n')?;
        let line = &rest[..at];
        rest = &rest[at + 1..];
        Some(line)
    };
    let first = line()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::from_bytes(&first[..space]).ok()?;
    *request.uri_mut() = Uri::try_from(&first[space + 1..]).ok()?;
    while let Some(header) = line().filter(|line| !line.is_empty()) {
        let colon = header.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&header[..colon]).ok()?;
        let value = HeaderValue::from_bytes(header[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    *request.body_mut() = Bytes::copy_from_slice(rest);
    Some(request)
}

/// What may be shown without a signature.
fn is_public(path: &str) -> bool {
    !path.starts_with("/v1/me") && path != "/v1/devices"
}

fn raw(world: &mut World, rest: &[u8]) {
    let Some(request) = parse(rest) else {
        return;
    };
    let path = request.uri().path().to_owned();
    let (status, body) = world.ask(request);
    assert!(
        status != StatusCode::OK || is_public(&path),
        "{path} without a signature"
    );
    if status == StatusCode::OK && path == "/v1/batches" {
        receipts(world, &body);
    }
}

fn with_token(world: &mut World, rest: &[u8]) {
    let Some(mut request) = parse(rest) else {
        return;
    };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let token = Token {
        audience: ORIGIN.to_owned(),
        issued_at_s: now_ms() / 1_000,
        method: request.method().as_str().to_owned(),
        path: path.to_owned(),
    };
    let sealed = seal(&token, &network(), &world.device).expect("a key in memory signs");
    authorize(&mut request, &sealed);
    world.ask(request);
}

fn authorize(request: &mut Request<Bytes>, sealed: &[u8]) {
    let value = format!("Wayhex {}", BASE64URL_NOPAD.encode(sealed));
    let value = HeaderValue::from_str(&value).expect("base64 is a header's text");
    request.headers_mut().insert("authorization", value);
}

/// A token of whatever claims, signed by a registered device, for a request that may not be the claimed one. No audience
/// stands for this server's, and no time for now.
fn token(world: &mut World, rest: &[u8]) {
    let Ok(mut token) = decode_exact::<Token>(rest) else {
        return;
    };
    if token.audience.is_empty() {
        ORIGIN.clone_into(&mut token.audience);
    }
    if token.issued_at_s == 0 {
        token.issued_at_s = now_ms() / 1_000;
    }
    let sealed = seal(&token, &network(), &world.device).expect("a key in memory signs");
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = Uri::from_static("/v1/me/items?limit=7");
    authorize(&mut request, &sealed);
    let (status, _) = world.ask(request);
    let is_for_it = token.path == "/v1/me/items?limit=7" && token.method == "GET";
    let is_for_us = token.audience == ORIGIN && token.is_fresh(now_ms());
    assert!(
        status != StatusCode::OK || (is_for_it && is_for_us),
        "a token for another request"
    );
}

/// A registration of an account, an origin and a counter, signed as it should be.
fn registration(world: &mut World, rest: &[u8]) {
    let parts = parts(rest, 3);
    let text = |part: usize| parts.get(part).and_then(|part| str::from_utf8(part).ok());
    let (Some(account), Some(origin)) = (text(0), text(1)) else {
        return;
    };
    let Ok(account) = Account::parse(account) else {
        return;
    };
    let counter = text(2).and_then(|text| text.parse().ok());
    let registration = Registration {
        key: world.device.public_key(),
        nonce: world.nonce(),
        origin: if origin.is_empty() { ORIGIN } else { origin }.to_owned(),
        network: network(),
        account,
        binding: counter.unwrap_or(2),
    };
    let (status, _) = world.register(&registration);
    assert!(status != StatusCode::OK || registration.origin == ORIGIN);
}

/// An observation as a registered device might sign it; what depends on the day is set right.
fn item(world: &mut World, rest: &[u8]) {
    let parts = parts(rest, 2);
    let Ok(mut observation) = decode_exact::<Observation>(parts[0]) else {
        return;
    };
    let picture = parts.get(1).map(|picture| match *picture {
        b"" => world.picture.clone(),
        picture => picture.to_vec(),
    });
    observation.policy = world.policy.hash();
    observation
        .redaction
        .models
        .clone_from(&world.policy.models);
    observation.captured_at_ms =
        (now_ms() - 60_000).wrapping_add(observation.captured_at_ms % 1_000);
    if let (Some(media), Some(picture)) = (observation.media.first_mut(), &picture) {
        media.sha256 = PictureHash(sha256(picture));
        media.size_bytes = u32::try_from(picture.len()).expect("an input is small");
    }
    let envelope = seal(&observation, &network(), &world.device).expect("a key in memory signs");
    let item = RawItem { envelope, picture };
    let mut request = Request::new(Bytes::from(item.to_bytes()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static("/v1/batches");
    let batch = HeaderValue::from_str(&"ab".repeat(32)).expect("hexadecimal digits");
    request.headers_mut().insert("wayhex-batch", batch);
    request
        .headers_mut()
        .insert("wayhex-version", HeaderValue::from_static("1"));
    let (status, body) = world.ask(request);
    assert_eq!(status, StatusCode::OK);
    let verdicts = receipts(world, &body);
    assert_eq!(verdicts.len(), 1);
    if verdicts == [Verdict::Accepted] {
        let picture = item
            .picture
            .expect("no picture is accepted without its bytes");
        assert!(inspect_jpeg(&picture).is_ok());
        assert!(observation.segment.facts().is_ok());
    }
}

fn receipts(world: &World, body: &[u8]) -> Vec<Verdict> {
    let answers = Answer::read_all(body);
    let written: Vec<u8> = answers.iter().flat_map(Answer::to_bytes).collect();
    assert_eq!(written, body, "the answer is no sequence of receipts");
    let verdict = |answer: &Answer| {
        let key = world.server_key.clone();
        let opened = open::<Receipt>(&answer.receipt, &network(), |_| Some(key));
        opened
            .expect("the server signs its receipts")
            .message
            .verdict
    };
    answers.iter().map(verdict).collect()
}

fn configuration(rest: &[u8]) {
    let Ok(text) = str::from_utf8(rest) else {
        return;
    };
    if let Ok(config) = Config::parse(text) {
        assert!(config.network.network().is_ok());
        assert!(config.policy.terms().is_ok());
    }
}
