//! A key proves itself and names its account.

use wayhex_protocol::account::Account;
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::{NetworkId, Nonce};
use wayhex_protocol::registration::Registration;
use wayhex_server::store::connect;

use crate::support::{Phone, Server, network};

#[test]
fn a_device_registers_and_may_do_so_again() {
    let server = Server::start(&[]);
    let phone = Phone::new(1);
    for _ in 0..2 {
        let registration = phone.registration(&server);
        let reply = phone.send_registration(&server, &registration);
        assert_eq!(reply.status, 200);
        let said = reply.json();
        assert_eq!(said["device"], registration.key.thumbprint().to_string());
        assert_eq!(said["account"], phone.account);
        assert_eq!(said["binding"], 1);
        assert_eq!(said["effective_epoch"], 1);
    }
}

#[test]
fn another_account_holds_from_the_next_epoch_on_and_an_old_binding_never_again() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let bind = |account: &str, binding| {
        let registration = Registration {
            account: Account::parse(account).unwrap(),
            binding,
            ..phone.registration(&server)
        };
        phone.send_registration(&server, &registration)
    };
    let other = "eip155:1:0x2222222222222222222222222222222222222222";
    assert_eq!(bind(other, 1).code(), "binding_stale");
    let changed = bind(other, 2);
    assert_eq!(changed.status, 200);
    assert_eq!(changed.json()["effective_epoch"], 2);
    assert_eq!(bind(&phone.account, 1).code(), "binding_stale");
    assert_eq!(bind(&phone.account, 2).code(), "binding_stale");
}

#[test]
fn however_often_a_device_registers_it_takes_one_row_for_an_account_and_one_for_the_next_epoch() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let bind = |account: &str, binding| {
        let registration = Registration {
            account: Account::parse(account).unwrap(),
            binding,
            ..phone.registration(&server)
        };
        let reply = phone.send_registration(&server, &registration);
        assert_eq!(reply.json()["binding"], binding);
    };
    let rows = || {
        let connection = connect(&server.store()).unwrap();
        let mut rows = connection
            .prepare("SELECT counter, effective_epoch FROM bindings ORDER BY counter")
            .unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap()
            .collect::<Result<Vec<(u64, u64)>, _>>()
            .unwrap()
    };
    bind(&phone.account, 2);
    bind(&phone.account, 5);
    assert_eq!(rows(), [(5, 1)]);
    bind("eip155:1:0x2222222222222222222222222222222222222222", 6);
    bind("eip155:1:0x3333333333333333333333333333333333333333", 7);
    assert_eq!(rows(), [(5, 1), (7, 2)]);
    bind(&phone.account, 8);
    assert_eq!(rows(), [(5, 1), (8, 2)]);
}

#[test]
fn a_key_of_a_secure_enclave_registers_too() {
    let server = Server::start(&[]);
    Phone::with_p256(1).register(&server);
}

#[test]
fn what_is_not_for_this_server_or_not_signed_is_refused() {
    let server = Server::start(&[]);
    let phone = Phone::new(1);
    let check = |expect: &str, change: &dyn Fn(&mut Registration)| {
        let mut registration = phone.registration(&server);
        change(&mut registration);
        assert_eq!(
            phone.send_registration(&server, &registration).code(),
            expect
        );
    };
    check("nonce_unknown", &|registration| {
        registration.nonce = Nonce([0; 32]);
    });
    check("origin_mismatch", &|registration| {
        registration.origin = "https://elsewhere.example".to_owned();
    });
    check("network_mismatch", &|registration| {
        registration.network = NetworkId::parse("elsewhere").unwrap();
    });
    check("malformed", &|registration| registration.binding = u64::MAX);
    check("bad_signature", &|registration| {
        registration.key = Phone::new(2).signer().public_key();
    });

    let registration = phone.registration(&server);
    assert_eq!(phone.send_registration(&server, &registration).status, 200);
    let again = phone.send_registration(&server, &registration);
    assert_eq!(again.code(), "nonce_unknown", "a nonce is good once");

    let mut torn = seal(&phone.registration(&server), &network(), phone.signer()).unwrap();
    torn.pop();
    assert_eq!(server.post("/v1/devices", &[], &torn).code(), "malformed");
    let flood = vec![0; Registration::BYTES_MAX * 8];
    assert_eq!(server.post("/v1/devices", &[], &flood).code(), "too_large");
}

#[test]
fn a_flood_of_nonces_shuts_nobody_out() {
    /// One more than are kept (`receive/nonces.rs`).
    const FLOOD: usize = 100_001;
    let server = Server::start(&[]);
    let phone = Phone::new(1);
    let before = phone.registration(&server);
    assert_eq!(server.ask_for_nonces(FLOOD), FLOOD);
    let reply = phone.send_registration(&server, &before);
    assert_eq!(reply.code(), "nonce_unknown", "the oldest had to go");
    let reply = phone.send_registration(&server, &phone.registration(&server));
    assert_eq!(reply.status, 200, "whoever asks and answers is served");
}

#[test]
fn a_device_bound_to_two_accounts_works_for_one_at_a_time_and_is_paid_once() {
    let server = Server::start(&[
        ("POLICY__CLAIM_DELAY_EPOCHS", "0"),
        ("POLICY__EPOCH_LENGTH_S", "0"),
        ("POLICY__FRESHNESS_RECOVERY_S", "0"),
    ]);
    let phone = Phone::new(1).register(&server);
    let other = "eip155:1:0x2222222222222222222222222222222222222222";
    let registration = Registration {
        account: Account::parse(other).unwrap(),
        binding: 2,
        ..phone.registration(&server)
    };
    assert_eq!(phone.send_registration(&server, &registration).status, 200);
    for epoch in 1..=2_u64 {
        let draft = phone.draft(epoch);
        for _again in 0..2 {
            phone.upload(&server, std::slice::from_ref(&draft));
        }
        let closed = server.close_epoch();
        assert_eq!(
            (&closed["number"], &closed["observations"]),
            (&epoch.into(), &1.into())
        );
        let scores = [phone.account.as_str(), other].map(|account| {
            let paid = server
                .get(&format!("/v1/epochs/{epoch}/payouts/{account}"))
                .json();
            paid["score"]["total"].as_str().map(|score| score != "0")
        });
        let expect = if epoch == 1 {
            [true, false]
        } else {
            [false, true]
        };
        assert_eq!(scores, expect.map(Some), "epoch {epoch}");
    }
}
