//! The queue keeps picture and observation together, and says why it gave one up.

use wayhex_device::ports::StoragePath;
use wayhex_device::queue::{
    Bounds, FateKind, FrameNote, Now, Queue, QueueError, State, VerifiedReceipt, WaitUntil,
};
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::{NetworkId, ObservationId, SessionId};
use wayhex_protocol::key::Signer;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};

use crate::items::{Key, NOON_MS, SESSION, fill, network, note, queue_of, signed_items, store};

fn answer(id: ObservationId, verdict: Verdict) -> (ObservationId, VerifiedReceipt) {
    let server = Key::of(9);
    let receipt = Receipt {
        id,
        verdict,
        epoch: 3,
        server_time_ms: NOON_MS,
    };
    let envelope = seal(&receipt, &network(), &server).unwrap();
    let verified = VerifiedReceipt::open(&envelope, &network(), &server.public_key());
    (id, verified.unwrap())
}

const NOON: Now = Now::Confirmed(NOON_MS);

fn ids(queue: &Queue) -> Vec<ObservationId> {
    let sendable = queue.sendable(NOON).unwrap();
    sendable.into_iter().map(|pending| pending.id).collect()
}

#[test]
fn a_queued_item_survives_the_process_with_its_picture() {
    let items = signed_items(2, &Key::of(1));
    let (folder, store) = store();
    let mut queue = Queue::open(&store).unwrap();
    fill(&mut queue, &items);
    drop(queue);
    let queue = Queue::open(&store).unwrap();
    for item in &items {
        assert_eq!(queue.item(item.id()).unwrap().unwrap().state, State::Queued);
        assert!(queue.has_picture(item.id()).unwrap());
    }
    drop(folder);
}

#[test]
fn an_item_whose_place_is_taken_leaves_nothing_behind() {
    let items = signed_items(2, &Key::of(1));
    let (_folder, mut queue) = queue_of(&items[..1]);
    let taken = note(0, &items[1]);
    assert!(matches!(
        queue.put(&taken, &items[1]),
        Err(QueueError::Database { .. })
    ));
    assert_eq!(queue.item(items[1].id()).unwrap(), None);
    assert_eq!(queue.frames_settled(SESSION).unwrap(), 1);
}

#[test]
fn drops_are_committed_with_the_item_that_follows_and_at_the_end() {
    let items = signed_items(1, &Key::of(1));
    let (_folder, store) = store();
    let mut queue = Queue::open(&store).unwrap();
    queue.begin(SESSION, Some([8; 32]), "{}").unwrap();
    let dropped = |frame, source: &str, time_ms| FrameNote {
        session: SESSION,
        frame,
        source: source.to_owned(),
        time_ms,
        dropped: Some(Reason::PrivateZone),
    };
    queue.note_drop(dropped(0, "0", None)).unwrap();
    assert_eq!(queue.frames_settled(SESSION).unwrap(), 0);
    queue.put(&note(1, &items[0]), &items[0]).unwrap();
    assert_eq!(queue.frames_settled(SESSION).unwrap(), 2);
    queue.note_drop(dropped(2, "2", None)).unwrap();
    queue.end(SESSION, "{}").unwrap();
    let fates = queue.fates(SESSION).unwrap();
    assert_eq!(fates.len(), 3);
    assert_eq!(fates[2].kind, FateKind::Dropped(Reason::PrivateZone));
    let row = queue.session_of_drive([8; 32]).unwrap().unwrap();
    assert_eq!(row.summary.as_deref(), Some("{}"));
}

#[test]
fn the_oldest_item_makes_room_and_its_row_says_why() {
    let items = signed_items(4, &Key::of(1));
    let size = items[0].picture().len() as u64;
    for (bounds, reason) in [
        (
            Bounds {
                items_max: 2,
                ..Bounds::default()
            },
            Reason::QueueCount,
        ),
        (
            Bounds {
                bytes_max: size * 5 / 2,
                ..Bounds::default()
            },
            Reason::QueueBytes,
        ),
    ] {
        let (_folder, store) = store();
        let mut queue = Queue::open_bounded(&store, bounds).unwrap();
        fill(&mut queue, &items);
        for (item, expected) in items.iter().zip([
            State::Evicted(reason),
            State::Evicted(reason),
            State::Queued,
            State::Queued,
        ]) {
            assert_eq!(queue.item(item.id()).unwrap().unwrap().state, expected);
            assert_eq!(
                queue.has_picture(item.id()).unwrap(),
                expected == State::Queued
            );
        }
    }
}

#[test]
fn an_item_that_waited_longer_than_the_server_accepts_is_evicted() {
    let items = signed_items(1, &Key::of(1));
    let (_folder, mut queue) = queue_of(&items);
    let captured_ms = items[0].observation().captured_at_ms;
    let age_max_ms = Bounds::default().age_max_ms;
    assert_eq!(queue.evict_aged(captured_ms + age_max_ms).unwrap(), 0);
    assert_eq!(queue.evict_aged(captured_ms + age_max_ms + 1).unwrap(), 1);
    let state = queue.item(items[0].id()).unwrap().unwrap().state;
    assert_eq!(state, State::Evicted(Reason::QueueAge));
}

#[test]
fn a_second_user_of_a_store_is_told_that_it_is_in_use() {
    let (_folder, store) = store();
    let _first = Queue::open(&store).unwrap();
    assert!(matches!(Queue::open(&store), Err(QueueError::InUse { .. })));
}

#[test]
fn only_a_final_verdict_ends_an_item_and_deletes_its_picture() {
    let items = signed_items(4, &Key::of(1));
    let (_folder, mut queue) = queue_of(&items);
    let task = queue
        .freeze(&ids(&queue), "http://server/v1/batches", Vec::new())
        .unwrap();
    assert!(task.body_file.exists());
    assert_eq!(
        queue.item(items[0].id()).unwrap().unwrap().state,
        State::Sending
    );
    let answers = [
        answer(items[0].id(), Verdict::Accepted),
        answer(items[1].id(), Verdict::Refused(Reason::DuplicatePicture)),
        answer(items[2].id(), Verdict::Refused(Reason::ServerBusy)),
    ];
    let wait = WaitUntil {
        later_ms: NOON_MS + 5_000,
        unanswered_ms: 0,
    };
    assert_eq!(queue.settle(&task, &answers, wait).unwrap(), 2);
    assert!(!task.body_file.exists());
    for (item, state, picture) in [
        (&items[0], State::Accepted, false),
        (&items[1], State::Refused(Reason::DuplicatePicture), false),
        (&items[2], State::Queued, true),
        (&items[3], State::Queued, true),
    ] {
        assert_eq!(queue.item(item.id()).unwrap().unwrap().state, state);
        assert_eq!(queue.has_picture(item.id()).unwrap(), picture);
    }
    assert_eq!(ids(&queue), [items[3].id()], "what is put off waits");
    assert_eq!(queue.next_sendable_ms(NOON).unwrap(), Some(0));
}

#[test]
fn a_frozen_upload_survives_the_process_and_stray_files_do_not() {
    let items = signed_items(2, &Key::of(1));
    let (_folder, store) = store();
    let mut queue = Queue::open(&store).unwrap();
    fill(&mut queue, &items);
    let headers = vec![("wayhex-version".to_owned(), "1".to_owned())];
    let task = queue
        .freeze(&ids(&queue), "http://server/v1/batches", headers)
        .unwrap();
    let bytes = std::fs::read(&task.body_file).unwrap();
    let stray = store.uploads().join("stray.cborseq");
    std::fs::write(&stray, b"left behind").unwrap();
    drop(queue);
    let queue = Queue::open(&store).unwrap();
    assert_eq!(queue.upload_under_way().unwrap(), Some(task.clone()));
    assert_eq!(std::fs::read(&task.body_file).unwrap(), bytes);
    assert!(!stray.exists());
}

#[test]
fn an_old_session_is_forgotten_once_nothing_of_it_is_pending() {
    let items = signed_items(1, &Key::of(1));
    let (_folder, store) = store();
    let bounds = Bounds {
        sessions_max: 1,
        ..Bounds::default()
    };
    let mut queue = Queue::open_bounded(&store, bounds).unwrap();
    fill(&mut queue, &items);
    queue.end(SESSION, "{}").unwrap();
    queue.begin(SessionId([6; 16]), None, "{}").unwrap();
    assert_eq!(queue.fates(SESSION).unwrap().len(), 1, "it is pending");
    let task = queue
        .freeze(&ids(&queue), "http://server", Vec::new())
        .unwrap();
    let accepted = [answer(items[0].id(), Verdict::Accepted)];
    queue
        .settle(&task, &accepted, WaitUntil::default())
        .unwrap();
    queue.begin(SessionId([7; 16]), None, "{}").unwrap();
    assert_eq!(queue.fates(SESSION).unwrap(), []);
    assert_eq!(queue.item(items[0].id()).unwrap(), None);
}

#[test]
fn what_has_ended_makes_room_for_what_comes() {
    let items = signed_items(4, &Key::of(1));
    let (_folder, store) = store();
    let bounds = Bounds {
        items_max: 2,
        ..Bounds::default()
    };
    let mut queue = Queue::open_bounded(&store, bounds).unwrap();
    fill(&mut queue, &items[..2]);
    let task = queue
        .freeze(&ids(&queue), "http://server", Vec::new())
        .unwrap();
    let accepted = [answer(items[0].id(), Verdict::Accepted)];
    queue
        .settle(&task, &accepted, WaitUntil::default())
        .unwrap();
    drop(queue);
    let mut queue = Queue::open_bounded(&store, bounds).unwrap();
    for (frame, item) in items.iter().enumerate().skip(2) {
        queue.put(&note(frame, item), item).unwrap();
    }
    for (item, state) in items.iter().zip([
        State::Accepted,
        State::Evicted(Reason::QueueCount),
        State::Queued,
        State::Queued,
    ]) {
        assert_eq!(queue.item(item.id()).unwrap().unwrap().state, state);
    }
}

#[test]
fn a_store_belongs_to_the_network_that_it_was_first_used_for() {
    let (_folder, store) = store();
    Queue::open(&store).unwrap().bind(&network()).unwrap();
    let mut queue = Queue::open(&store).unwrap();
    queue.bind(&network()).unwrap();
    let other = NetworkId::parse("wayhex-other").unwrap();
    let error = queue.bind(&other).unwrap_err();
    assert!(matches!(error, QueueError::OtherNetwork { .. }));
    let text = error.to_string();
    assert!(text.contains("wayhex-dev") && text.contains("wayhex-other"));
    queue.bind(&network()).unwrap();
}

#[test]
fn drops_that_could_not_be_committed_are_committed_later() {
    let (_folder, store) = store();
    let mut queue = Queue::open(&store).unwrap();
    let dropped = FrameNote {
        session: SESSION,
        frame: 0,
        source: "0".to_owned(),
        time_ms: None,
        dropped: Some(Reason::Blurred),
    };
    queue.note_drop(dropped).unwrap();
    let too_early = queue.end(SESSION, "{}");
    assert!(matches!(too_early, Err(QueueError::Database { .. })));
    queue.begin(SESSION, None, "{}").unwrap();
    queue.end(SESSION, "{}").unwrap();
    assert_eq!(queue.frames_settled(SESSION).unwrap(), 1);
}

#[cfg(unix)]
#[test]
fn a_folder_that_was_open_to_others_is_closed_when_it_becomes_a_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o755)).unwrap();
    let store = StoragePath::create(&open).unwrap();
    let mode = std::fs::metadata(store.as_path()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
}
