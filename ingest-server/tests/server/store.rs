//! What lies in the folder.

use rusqlite::{Connection, TransactionBehavior};
use wayhex_protocol::account::Account;
use wayhex_protocol::batch::Answer;
use wayhex_protocol::id::ObservationId;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;
use wayhex_protocol::registration::Registration;
use wayhex_server::keys::Keys;
use wayhex_server::store::{Objects, connect, read_picture};

use crate::support::{Phone, Server, files};

#[test]
fn a_stored_picture_is_noise_to_whom_lacks_its_key_and_whole_to_whom_has_it() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts: Vec<_> = (0..6).map(|sequence| phone.draft(sequence)).collect();
    phone.upload(&server, &drafts);

    let connection = connect(&server.store()).unwrap();
    let objects = Objects::open(&server.store()).unwrap();
    let keys = Keys::open(&server.store()).unwrap();
    let read = |id: &ObservationId| read_picture(&connection, &objects, &keys.wrapping, id);
    for draft in &drafts {
        let picture = draft.picture.as_ref().unwrap();
        assert_eq!(read(&phone.id(draft)).unwrap().as_ref(), Some(picture));
        for object in files(&server.store().join("objects")) {
            let bytes = std::fs::read(object).unwrap();
            assert!(!bytes.windows(32).any(|window| window == &picture[100..132]));
        }
    }
    assert_eq!(read(&ObservationId([0; 32])).unwrap(), None);

    let destroyed = phone.id(&drafts[0]);
    forget_key(&connection, &destroyed);
    assert!(read(&destroyed).is_err(), "without its key it is gone");
    assert!(read(&phone.id(&drafts[1])).unwrap().is_some());
}

#[test]
fn an_accepted_observation_counts_where_it_was_driven_and_for_whom() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let draft = phone.draft(0);
    phone.upload(&server, std::slice::from_ref(&draft));

    let connection = connect(&server.store()).unwrap();
    let (account, epoch, class, weight, quadrant): (String, u64, i64, u64, i64) = connection
        .query_row(
            "SELECT caip10, epoch, class, weight_micros, quadrant
             FROM observations JOIN accounts ON accounts.id = observations.account",
            [],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )
        .unwrap();
    assert_eq!((account, epoch, quadrant), (phone.account.clone(), 1, 0));
    assert_eq!(class, 2, "a software key earns in the low class");
    let quality = u64::from(draft.observation.quality) * 1_000_000 / 255;
    assert_eq!(weight, quality * 250_000 / 1_000_000);
    let mut cells = connection
        .prepare("SELECT cell FROM observation_cells ORDER BY cell")
        .unwrap();
    let cells: Vec<u64> = cells
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expect = draft.observation.segment.facts().unwrap().cells;
    assert_eq!(
        cells,
        expect.iter().map(|cell| cell.index()).collect::<Vec<_>>()
    );
}

#[test]
fn an_epoch_that_another_process_closes_is_over_for_the_next_item() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let other = "eip155:1:0x2222222222222222222222222222222222222222";
    let registration = Registration {
        account: Account::parse(other).unwrap(),
        binding: 2,
        ..phone.registration(&server)
    };
    assert_eq!(phone.send_registration(&server, &registration).status, 200);
    let epoch_of = |answers: &[Answer]| server.verified(&answers[0]).epoch;
    assert_eq!(epoch_of(&phone.upload(&server, &[phone.draft(0)])), 1);

    let mut connection = connect(&server.store()).unwrap();
    let close = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    close
        .execute(
            "UPDATE epochs SET closed_ms = 1 WHERE closed_ms IS NULL",
            [],
        )
        .unwrap();
    close
        .execute(
            "INSERT INTO epochs (number, policy, opened_ms) VALUES (2, 1, 1)",
            [],
        )
        .unwrap();
    close.commit().unwrap();
    assert_eq!(epoch_of(&phone.upload(&server, &[phone.draft(1)])), 2);

    let mut accounts = connection
        .prepare(
            "SELECT caip10 FROM observations JOIN accounts ON accounts.id = observations.account
             ORDER BY observations.id",
        )
        .unwrap();
    let accounts: Vec<String> = accounts
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        accounts,
        [phone.account.as_str(), other],
        "the binding took effect with the epoch"
    );
}

#[test]
fn a_store_that_cannot_write_leaves_the_item_pending() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts = [phone.draft(0)];
    let (objects, away) = (server.store().join("objects"), server.store().join("away"));
    std::fs::rename(&objects, &away).unwrap();
    let refused = phone.upload(&server, &drafts);
    let receipt = server.verified(&refused[0]);
    assert_eq!(
        receipt.verdict,
        Verdict::Refused(Reason::StorageUnavailable)
    );
    assert_eq!(receipt.id, phone.id(&drafts[0]));

    std::fs::rename(&away, &objects).unwrap();
    let accepted = phone.upload(&server, &drafts);
    assert_eq!(server.verified(&accepted[0]).verdict, Verdict::Accepted);
    assert!(!accepted[0].replayed);
}

fn forget_key(connection: &Connection, observation: &ObservationId) {
    let forgotten = connection.execute(
        "UPDATE pictures SET wrapped_key = x'' WHERE observation =
             (SELECT id FROM observations WHERE observation = ?1)",
        [observation.0],
    );
    assert_eq!(forgotten.expect("the row is changed"), 1);
}
