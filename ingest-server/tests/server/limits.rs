//! What is refused before it is read, and who has to wait.

use std::io::Write;

use wayhex_protocol::batch::RawItem;
use wayhex_protocol::id::BatchId;
use wayhex_protocol::limits::{BATCH_BYTES_MAX, BATCH_ITEMS_MAX, PICTURE_BYTES_MAX};

use crate::support::{Phone, Reply, Server};

const BATCH: BatchId = BatchId([5; 32]);
/// An item in its format, with an envelope that is none.
const RUBBISH: [u8; 4] = [0x82, 0x41, 0x00, 0xf6];

#[test]
fn a_body_that_announces_too_much_is_refused_unread() {
    let server = Server::start(&[]);
    let mut stream = server.begin_upload(&BATCH, BATCH_BYTES_MAX + 1);
    let reply = Reply::read(&mut stream);
    assert_eq!((reply.status, reply.code().as_str()), (413, "too_large"));
}

#[test]
fn a_body_that_announces_nothing_and_goes_on_is_refused_at_its_limit() {
    let server = Server::start(&[]);
    // Items whose envelope is none and whose picture is as long as pictures may be: nine of them are beyond the limit.
    let item = RawItem {
        envelope: vec![0],
        picture: Some(vec![0xab; PICTURE_BYTES_MAX]),
    }
    .to_bytes();
    let batch = item.repeat(BATCH_BYTES_MAX / item.len() + 1);
    let reply = server.post_chunked(&BATCH, batch.chunks(100_000));
    assert_eq!((reply.status, reply.code().as_str()), (413, "too_large"));
    let known = server.await_answers(&BATCH, 1);
    assert_eq!(known.len(), 1, "all of them are one item");

    let whole = server.post_chunked(&BATCH, RUBBISH.chunks(1));
    assert_eq!(whole.status, 200, "a short one is a batch like others");
    assert!(server.memory_peak_kb() < MEMORY_MAX_KB);
}

/// What a server and one upload need; the body alone is 16 MiB.
const MEMORY_MAX_KB: u64 = 200_000;

#[test]
fn a_batch_of_one_item_too_many_is_refused() {
    let server = Server::start(&[]);
    let rubbish = RUBBISH.repeat(BATCH_ITEMS_MAX + 1);
    let reply = server.post(
        "/v1/batches",
        &[("wayhex-batch", &BATCH.to_string())],
        &rubbish,
    );
    assert_eq!((reply.status, reply.code().as_str()), (413, "too_large"));
}

#[test]
fn one_upload_too_many_is_told_to_come_again() {
    let server = Server::start(&[("RECEIVE__UPLOADS_MAX", "1")]);
    let mut first = server.begin_upload(&BATCH, 2 * RUBBISH.len());
    first.write_all(&RUBBISH).unwrap();
    server.await_answers(&BATCH, 1);
    let mut second = server.begin_upload(&BATCH, 4);
    let reply = Reply::read(&mut second);
    assert_eq!((reply.status, reply.code().as_str()), (503, "server_busy"));
    first.write_all(&RUBBISH).unwrap();
    assert_eq!(Reply::read(&mut first).status, 200);
}

#[test]
fn a_sender_who_stops_sending_is_not_waited_for() {
    let server = Server::start(&[("RECEIVE__PAUSE_MAX_S", "1")]);
    let mut stream = server.begin_upload(&BATCH, 100);
    stream.write_all(&[0x82]).unwrap();
    let reply = Reply::read(&mut stream);
    assert_eq!((reply.status, reply.code().as_str()), (408, "body_timeout"));
}

#[test]
fn a_phone_older_than_the_policy_allows_is_told_to_update_before_its_items_are_read() {
    let server = Server::start(&[("POLICY__VERSION_MIN", "2")]);
    for path in ["/v1/devices/nonce", "/v1/devices", "/v1/batches"] {
        let reply = server.post(path, &[], b"");
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (426, "version_too_old")
        );
    }
    assert_eq!(server.get("/v1/policy").status, 200, "the policy says why");
}

#[test]
fn a_batch_must_be_named() {
    let server = Server::start(&[]);
    assert_eq!(server.post("/v1/batches", &[], b"").code(), "batch_missing");
    let upper = [("wayhex-batch", "AB")];
    assert_eq!(
        server.post("/v1/batches", &upper, b"").code(),
        "batch_missing"
    );
}

#[test]
fn every_answer_tells_the_time() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let answers = [
        server.get("/health"),
        server.get("/v1/policy"),
        server.get("/v1/batches/none"),
        server.post("/v1/batches", &[], b""),
        phone.send_registration(&server, &phone.registration(&server)),
    ];
    assert!(
        answers
            .iter()
            .all(|reply| reply.head.contains("\r\ndate: "))
    );
}

#[test]
fn what_is_not_there_is_a_problem_with_a_code() {
    let server = Server::start(&[]);
    assert_eq!(server.get("/v2/everything").code(), "not_found");
    assert_eq!(server.get("/v1/batches").code(), "method_not_allowed");
}
