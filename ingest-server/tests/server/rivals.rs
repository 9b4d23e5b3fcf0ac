//! Several at once who want the same: a picture, a place, a nonce, a counter.

use std::sync::Barrier;
use std::thread;

use wayhex_protocol::account::Account;
use wayhex_protocol::batch::Answer;
use wayhex_protocol::id::BatchId;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;
use wayhex_protocol::registration::Registration;

use crate::support::{Draft, Phone, Reply, Server, send};

/// Does all at the same moment, each on a thread of its own.
fn at_once<T: Send>(tasks: Vec<Box<dyn FnOnce() -> T + Send + '_>>) -> Vec<T> {
    let start = Barrier::new(tasks.len());
    thread::scope(|scope| {
        let begun: Vec<_> = tasks
            .into_iter()
            .map(|task| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    task()
                })
            })
            .collect();
        begun
            .into_iter()
            .map(|thread| thread.join().expect("the task ends"))
            .collect()
    })
}

/// The phones' drafts of a place, all with the first one's picture.
fn of_one_picture(phones: &[Phone], sequence: u64) -> Vec<Draft> {
    let first = phones[0].draft(sequence);
    let drafts = phones.iter().map(|phone| {
        let mut draft = phone.draft(sequence);
        draft.picture.clone_from(&first.picture);
        draft.observation.media.clone_from(&first.observation.media);
        draft.observation.quality = first.observation.quality;
        draft
    });
    drafts.collect()
}

/// How many were accepted; all others were refused for `reason`.
fn accepted(server: &Server, answers: &[Answer], reason: Reason) -> usize {
    let verdicts = answers.iter().map(|answer| server.verified(answer).verdict);
    let (won, lost): (Vec<_>, Vec<_>) = verdicts.partition(|of| *of == Verdict::Accepted);
    assert!(
        lost.iter().all(|of| *of == Verdict::Refused(reason)),
        "{lost:?}"
    );
    won.len()
}

#[test]
fn a_picture_that_several_devices_upload_is_accepted_from_one() {
    let server = Server::start(&[]);
    let phones: Vec<Phone> = (1..=4)
        .map(|number| Phone::new(number).register(&server))
        .collect();

    let one_by_one: Vec<Answer> = phones
        .iter()
        .zip(of_one_picture(&phones, 0))
        .flat_map(|(phone, draft)| phone.upload(&server, &[draft]))
        .collect();
    assert_eq!(accepted(&server, &one_by_one, Reason::DuplicatePicture), 1);
    assert_eq!(server.verified(&one_by_one[0]).verdict, Verdict::Accepted);

    let together: Vec<_> = phones
        .iter()
        .zip(of_one_picture(&phones, 1))
        .map(|(phone, draft)| phone.sign(&draft))
        .collect();
    let in_one_batch = send(&server, &BatchId([7; 32]), &together);
    assert_eq!(
        accepted(&server, &in_one_batch, Reason::DuplicatePicture),
        1
    );

    for sequence in 2..10 {
        let drafts = of_one_picture(&phones, sequence);
        let uploads = phones.iter().zip(&drafts).map(|(phone, draft)| {
            let server = &server;
            let upload = move || phone.upload(server, std::slice::from_ref(draft)).remove(0);
            Box::new(upload) as Box<dyn FnOnce() -> Answer + Send + '_>
        });
        let answers = at_once(uploads.collect());
        assert_eq!(accepted(&server, &answers, Reason::DuplicatePicture), 1);
    }
}

#[test]
fn a_place_in_a_session_is_given_to_one_of_those_who_claim_it_at_once() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    for round in 0..8 {
        let drafts: Vec<Draft> = (0..4)
            .map(|other| {
                let mut draft = phone.draft(4 * round + other);
                draft.observation.sequence = round;
                draft
            })
            .collect();
        let uploads = drafts.iter().map(|draft| {
            let (phone, server) = (&phone, &server);
            let upload = move || phone.upload(server, std::slice::from_ref(draft)).remove(0);
            Box::new(upload) as Box<dyn FnOnce() -> Answer + Send + '_>
        });
        let answers = at_once(uploads.collect());
        assert_eq!(accepted(&server, &answers, Reason::SequenceConflict), 1);
        let again = phone.upload(&server, &drafts);
        for (first, again) in answers.iter().zip(&again) {
            assert_eq!(first.receipt, again.receipt, "who lost has lost for ever");
        }
    }
}

fn registrations_at_once(
    server: &Server,
    phone: &Phone,
    registrations: &[Registration],
) -> Vec<Reply> {
    let tasks = registrations.iter().map(|registration| {
        let send = move || phone.send_registration(server, registration);
        Box::new(send) as Box<dyn FnOnce() -> Reply + Send + '_>
    });
    at_once(tasks.collect())
}

#[test]
fn a_nonce_is_good_for_one_of_those_who_bring_it_at_once() {
    let server = Server::start(&[]);
    let phone = Phone::new(1);
    for _round in 0..8 {
        let registration = phone.registration(&server);
        let replies = registrations_at_once(&server, &phone, &vec![registration; 8]);
        let (good, bad): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!(good.len(), 1);
        assert!(bad.iter().all(|reply| reply.code() == "nonce_unknown"));
    }
}

#[test]
fn of_two_accounts_bound_at_once_under_one_counter_one_holds() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    for binding in 2..10 {
        let rivals = [2 * binding, 2 * binding + 1].map(|number| Registration {
            account: Account::parse(&format!("eip155:1:0x{number:040x}")).unwrap(),
            binding,
            ..phone.registration(&server)
        });
        let replies = registrations_at_once(&server, &phone, &rivals);
        let (good, bad): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!(good.len(), 1);
        assert_eq!(bad[0].code(), "binding_stale");
        assert_eq!(good[0].json()["effective_epoch"], 2);
    }
}
