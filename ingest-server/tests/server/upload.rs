//! Batches: receipts, repetition, uploads that are cut.

use std::io::Write;
use std::net::Shutdown;

use wayhex_protocol::batch::{Answer, RawItem};
use wayhex_protocol::id::BatchId;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;

use crate::support::{Draft, Phone, Reply, Server, jpeg, now_ms, send};

#[test]
fn each_item_gets_a_receipt_that_verifies() {
    let server = Server::start(&[]);
    for phone in [Phone::new(1), Phone::with_p256(2)] {
        let phone = phone.register(&server);
        let drafts: Vec<Draft> = (0..5).map(|sequence| phone.draft(sequence)).collect();
        let answers = phone.upload(&server, &drafts);
        assert_eq!(answers.len(), drafts.len());
        for (answer, draft) in answers.iter().zip(&drafts) {
            let receipt = server.verified(answer);
            assert_eq!(receipt.id, phone.id(draft));
            assert_eq!(receipt.verdict, Verdict::Accepted);
            assert_eq!(receipt.epoch, 1);
            assert!(receipt.server_time_ms.abs_diff(now_ms()) < 60_000);
            assert!(!answer.replayed);
        }
    }
}

#[test]
fn what_is_sent_again_is_answered_byte_for_byte_and_flagged() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let mut drafts: Vec<Draft> = (0..3).map(|sequence| phone.draft(sequence)).collect();
    drafts[1].observation.quality ^= 0x40;
    let first = phone.upload(&server, &drafts);
    let second = phone.upload(&server, &drafts);
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(first.receipt, second.receipt);
        assert!(!first.replayed && second.replayed);
    }
    let refused = server.verified(&second[1]);
    assert_eq!(refused.verdict, Verdict::Refused(Reason::QualityMismatch));
    let of_batch = server.answers(&phone.batch_of(&drafts));
    assert_eq!(
        of_batch.len(),
        3,
        "one answer an item, however often it was sent"
    );
}

#[test]
fn a_picture_that_nobody_signed_ends_nothing_whoever_sends_it_first() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let genuine = [phone.draft(0)];
    for wrong in [None, Some(jpeg(900_000)), Some(b"no picture".to_vec())] {
        let stolen = RawItem {
            picture: wrong,
            ..phone.sign(&genuine[0])
        };
        let batch = phone.batch_of(&genuine);
        for _again in 0..2 {
            let answers = send(&server, &batch, std::slice::from_ref(&stolen));
            let receipt = server.verified(&answers[0]);
            assert_eq!(receipt.verdict, Verdict::Refused(Reason::PictureNotSigned));
            assert_eq!(receipt.id, phone.id(&genuine[0]));
            assert!(
                !receipt.verdict.is_final() && !answers[0].replayed,
                "whoever shows it to the phone ends nothing"
            );
        }
        let known = server.get(&format!("/v1/batches/{batch}"));
        assert_eq!(known.status, 404, "nothing of it is stored");
    }
    let accepted = phone.upload(&server, &genuine);
    assert_eq!(server.verified(&accepted[0]).verdict, Verdict::Accepted);
}

#[test]
fn what_the_device_signed_of_its_picture_is_final() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let mut size = phone.draft(0);
    size.observation.media[0].size_bytes -= 1;
    let mut sides = phone.draft(1);
    sides.observation.media[0].height += 1;
    let drafts = [size, sides];
    for answer in phone.upload(&server, &drafts) {
        let verdict = server.verified(&answer).verdict;
        assert_eq!(verdict, Verdict::Refused(Reason::PictureMismatch));
    }
}

#[test]
fn the_same_item_twice_in_one_batch_is_accepted_once() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let draft = phone.draft(0);
    let answers = phone.upload(&server, &[draft.clone(), draft]);
    assert_eq!(answers[0].receipt, answers[1].receipt);
    assert_eq!(answers.iter().filter(|answer| answer.replayed).count(), 1);
}

#[test]
fn after_a_cut_upload_the_batch_tells_what_arrived() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts: Vec<Draft> = (0..4).map(|sequence| phone.draft(sequence)).collect();
    let batch = phone.batch_of(&drafts);
    let items: Vec<_> = drafts
        .iter()
        .map(|draft| phone.sign(draft).to_bytes())
        .collect();
    let unknown = server.get(&format!("/v1/batches/{batch}"));
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "batch_unknown")
    );

    let mut stream = server.begin_upload(&batch, items.concat().len());
    stream
        .write_all(&[&items[0][..], &items[1], &items[2][..100]].concat())
        .unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);

    let answers = server.await_answers(&batch, 2);
    let known: Vec<_> = answers
        .iter()
        .map(|answer| server.verified(answer).id)
        .collect();
    assert!(known.contains(&phone.id(&drafts[0])) && known.contains(&phone.id(&drafts[1])));

    let rest = phone.upload(&server, &drafts[2..]);
    assert!(rest.iter().all(|answer| !answer.replayed));
}

#[test]
fn a_body_that_stops_being_a_batch_is_an_error_and_what_came_before_stands() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let whole = phone.draft(0);
    let batch = BatchId([9; 32]);
    let check = |tail: &[u8], status: u16, code: &str| {
        let body = [phone.sign(&whole).to_bytes(), tail.to_vec()].concat();
        let reply = server.post(
            "/v1/batches",
            &[("wayhex-batch", &batch.to_string())],
            &body,
        );
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert_eq!(server.answers(&batch).len(), 1);
    };
    check(b"rubbish", 400, "malformed");
    check(&[0x82, 0x44, 1], 400, "malformed");
    // An envelope that announces 1 MiB.
    check(&[0x82, 0x5a, 0x00, 0x10, 0x00, 0x00], 413, "too_large");
}

#[test]
fn an_unregistered_device_may_come_again_later() {
    let server = Server::start(&[]);
    let mut phone = Phone::new(1);
    phone.read_policy(&server);
    let drafts = [phone.draft(0)];
    let early = phone.upload(&server, &drafts);
    let receipt = server.verified(&early[0]);
    assert_eq!(receipt.verdict, Verdict::Refused(Reason::UnknownDevice));
    assert_eq!(receipt.id, phone.sign(&drafts[0]).unreadable_id());

    let phone = phone.register(&server);
    let late = phone.upload(&server, &drafts);
    assert_eq!(server.verified(&late[0]).verdict, Verdict::Accepted);
}

#[test]
fn a_stop_lets_an_upload_in_flight_end() {
    let mut server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts = [phone.draft(0), phone.draft(1)];
    let [first, second] = drafts.each_ref().map(|draft| phone.sign(draft).to_bytes());
    let batch = phone.batch_of(&drafts);
    let mut stream = server.begin_upload(&batch, first.len() + second.len());
    stream.write_all(&first).unwrap();
    server.await_answers(&batch, 1);
    server.ask_to_stop();
    stream.write_all(&second).unwrap();
    let reply = Reply::read(&mut stream);
    assert_eq!(reply.status, 200);
    assert_eq!(Answer::read_all(&reply.body).len(), 2);
    assert!(server.wait(), "it ends without an error");
}
