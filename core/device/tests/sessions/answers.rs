//! Whatever comes instead of the server's verdicts: no item ends by it, and none blocks the others.

use std::time::Duration;

use wayhex_device::queue::{Queue, State, WaitUntil};
use wayhex_protocol::id::ObservationId;

use crate::items::note;
use crate::later::{deliver, deliver_within, ids, items, pass, put, put_copy, states};
use crate::phone::Phone;
use crate::wire_server::{Fate, WireServer};

const HOUR_MS: u64 = 3_600 * 1_000;
/// The patience of phones whose server hangs.
const SHORT: Duration = Duration::from_millis(500);
/// The same, where other answers have to come in time.
const MEDIUM: Duration = Duration::from_secs(4);

#[test]
fn an_answer_that_the_server_did_not_sign_ends_no_item() {
    for fate in [
        Fate::Page(302),
        Fate::Page(403),
        Fate::Page(407),
        Fate::Page(511),
        Fate::Problem(426, "version_too_old"),
        Fate::Problem(500, "internal"),
        Fate::Portal,
        Fate::Empty,
        Fate::Garbage,
        Fate::OthersReceipts,
        Fate::CutRequestAfter(400),
        Fate::HangUp,
        Fate::Hang,
    ] {
        let server = WireServer::start();
        let mut phone = Phone::with_server(&server.url(), None);
        put(&phone, items(2));
        server.seen.lock().unwrap().always = Some(fate);
        let report = deliver_within(&mut phone, SHORT);
        assert!(!report.ok, "{fate:?}");
        let ids = ids(items(2));
        let states_then = states(&phone, &ids);
        assert!(states_then.iter().all(|it| it.is_pending()), "{fate:?}");
        assert_eq!(report.store.pending, 2, "{fate:?}");
        let queue = Queue::open(&phone.store()).unwrap();
        assert!(queue.has_picture(ids[0]).unwrap(), "{fate:?}");
        drop(queue);
        server.seen.lock().unwrap().always = None;
        pass(&mut phone, &server, HOUR_MS);
        let report = deliver(&mut phone);
        assert!(report.ok, "{fate:?}: {:?}", report.errors);
        assert_eq!(states(&phone, &ids), [State::Accepted; 2], "{fate:?}");
    }
}

#[test]
fn a_genuine_answer_to_another_question_ends_no_item() {
    let (earlier, later) = items(5).split_at(3);
    let (answered, asked) = (ids(earlier), ids(later));
    for fate in [Fate::EarlierReceipts, Fate::Policy] {
        let server = WireServer::start();
        let mut phone = Phone::with_server(&server.url(), None);
        put(&phone, earlier);
        assert!(deliver(&mut phone).ok, "{fate:?}");
        let receipts = |phone: &Phone| {
            let queue = Queue::open(&phone.store()).unwrap();
            let receipt = |id: &ObservationId| queue.receipt(*id).unwrap();
            answered.iter().map(receipt).collect::<Vec<_>>()
        };
        let kept = receipts(&phone);
        assert!(kept.iter().all(Option::is_some), "{fate:?}");

        let mut queue = Queue::open(&phone.store()).unwrap();
        for (frame, signed) in items(5).iter().enumerate().skip(earlier.len()) {
            queue.put(&note(frame, signed), signed).unwrap();
        }
        drop(queue);
        server.seen.lock().unwrap().always = Some(fate);
        let report = deliver(&mut phone);
        assert!(!report.ok, "{fate:?}");
        assert_eq!(report.store.pending, 2, "{fate:?}");
        assert!(
            states(&phone, &asked).iter().all(|it| it.is_pending()),
            "{fate:?}"
        );
        let queue = Queue::open(&phone.store()).unwrap();
        for id in &asked {
            assert!(queue.has_picture(*id).unwrap(), "{fate:?}");
            assert_eq!(queue.receipt(*id).unwrap(), None, "{fate:?}");
        }
        drop(queue);
        assert_eq!(receipts(&phone), kept, "{fate:?}");

        server.seen.lock().unwrap().always = None;
        pass(&mut phone, &server, HOUR_MS);
        let report = deliver(&mut phone);
        assert!(report.ok, "{fate:?}: {:?}", report.errors);
        assert_eq!(states(&phone, &asked), [State::Accepted; 2], "{fate:?}");
        assert_eq!(states(&phone, &answered), [State::Accepted; 3], "{fate:?}");
        assert!(server.has_each_picture_once(), "{fate:?}");
    }
}

#[test]
fn an_answer_that_is_cut_off_in_its_body_is_asked_for() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    put(&phone, items(3));
    server.fates(&[Fate::CutAnswer]);
    let report = deliver(&mut phone);
    assert!(report.ok, "{:?}", report.errors);
    assert!(server.has_each_picture_once());
}

#[test]
fn a_lost_answer_is_followed_by_the_identical_receipts() {
    let receipts = |fates: &[Fate]| {
        let server = WireServer::start();
        server.fates(fates);
        let mut phone = Phone::with_server(&server.url(), None);
        put(&phone, items(3));
        assert!(deliver_within(&mut phone, MEDIUM).ok);
        let queue = Queue::open(&phone.store()).unwrap();
        let receipt = |id| queue.receipt(id).unwrap().unwrap();
        ids(items(3)).into_iter().map(receipt).collect::<Vec<_>>()
    };
    let undisturbed = receipts(&[]);
    assert_eq!(receipts(&[Fate::CutAnswer]), undisturbed);
    assert_eq!(receipts(&[Fate::Hang]), undisturbed);
}

#[test]
fn a_bad_item_never_blocks_the_rest() {
    let full = Phone::new();
    put(&full, items(200));
    for fate in [
        Fate::Problem(400, "malformed"),
        Fate::Problem(413, "too_large"),
        Fate::Problem(500, "internal"),
        Fate::Empty,
        Fate::HangUp,
    ] {
        let server = WireServer::start();
        let mut phone = Phone::with_server(&server.url(), None);
        let ids = ids(items(200));
        put_copy(&phone, &full);
        server.seen.lock().unwrap().poison = Some((ids[0], fate));
        let report = deliver(&mut phone);
        assert_eq!(report.store.pending, 1, "{fate:?}: {:?}", report.errors);
        let told = report.errors.iter().find(|it| it.code == "item_unanswered");
        assert_eq!(told.unwrap().subject, ids[0].to_string(), "{fate:?}");
        assert_eq!(states(&phone, &ids[..1]), [State::Queued], "{fate:?}");
        assert_eq!(states(&phone, &ids[1..]), [State::Accepted; 199]);

        let again = deliver(&mut phone);
        assert_eq!(again.upload.attempts, 0, "it is put off: {fate:?}");
        server.seen.lock().unwrap().poison = None;
        pass(&mut phone, &server, HOUR_MS);
        assert!(deliver(&mut phone).ok, "{fate:?}");
        assert_eq!(states(&phone, &ids[..1]), [State::Accepted], "{fate:?}");
    }
}

#[test]
fn the_next_process_goes_on_with_the_small_batch_that_the_last_one_came_to() {
    let server = WireServer::start();
    let mut phone = Phone::with_server(&server.url(), None);
    put(&phone, items(64));
    let mut queue = Queue::open(&phone.store()).unwrap();
    let url = format!("{}/v1/batches", server.url());
    for _ in 0..4 {
        let task = queue.freeze(&ids(items(64)), &url, Vec::new()).unwrap();
        queue.mark_doubtful(&task).unwrap();
        queue.settle(&task, &[], WaitUntil::default()).unwrap();
    }
    drop(queue);
    assert!(deliver(&mut phone).ok);
    let seen = server.seen.lock().unwrap();
    let sizes: Vec<usize> = seen.batches.values().map(Vec::len).collect();
    assert_eq!(sizes.iter().max(), Some(&8), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), 64);
}

#[test]
fn an_upload_whose_file_is_lost_is_frozen_anew() {
    for doubtful in [false, true] {
        let server = WireServer::start();
        let mut phone = Phone::with_server(&server.url(), None);
        put(&phone, items(2));
        let mut queue = Queue::open(&phone.store()).unwrap();
        let url = format!("{}/v1/batches", server.url());
        let task = queue.freeze(&ids(items(2)), &url, Vec::new()).unwrap();
        if doubtful {
            queue.mark_doubtful(&task).unwrap();
        }
        std::fs::remove_file(&task.body_file).unwrap();
        drop(queue);
        let report = deliver(&mut phone);
        assert!(report.ok, "{:?}", report.errors);
        assert_eq!(states(&phone, &ids(items(2))), [State::Accepted; 2]);
    }
}
