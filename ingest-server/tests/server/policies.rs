//! A network that changes its mind: what was captured under the old policy, and what is captured under the new one.

use wayhex_protocol::id::ModelHash;
use wayhex_protocol::observation::{Model, Role};
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;
use wayhex_server::store::connect;

use crate::support::{Draft, Phone, Server, now_ms};

const DAY_MS: u64 = 86_400_000;
/// A model that genesis does not know, as the configuration names it.
const NEW_MODEL: &str = "face:1111111111111111111111111111111111111111111111111111111111111111";
/// Another model, gates that the phone's fixes fail, and nothing late.
const STRICTER: &[(&str, &str)] = &[
    ("POLICY__MODELS", NEW_MODEL),
    ("POLICY__ACCURACY_LAST_MM", "2000"),
    ("POLICY__LATENCY_LAST_MS", "86400000"),
];

fn backdate(server: &Server, sql: &str, days: u64) {
    let connection = connect(&server.store()).expect("the database");
    let changed = connection.execute(sql, [now_ms() - days * DAY_MS]);
    assert_eq!(changed.expect("the row is changed"), 1);
}

fn verdict(server: &Server, phone: &Phone, draft: Draft) -> Verdict {
    let answers = phone.upload(server, &[draft]);
    server.verified(&answers[0]).verdict
}

fn captured(mut draft: Draft, days_ago: u64) -> Draft {
    draft.observation.captured_at_ms -= days_ago * DAY_MS;
    draft
}

#[test]
fn nine_days_offline_end_under_the_policy_of_the_capture() {
    let server = Server::start(&[]);
    let offline = Phone::new(1).register(&server);
    backdate(&server, "UPDATE devices SET registered_ms = ?1", 20);
    let server = server.restart_with(STRICTER);
    let (_, second) = server.policy();
    assert_eq!(second.version, 2);
    let new_model = Model {
        role: Role::Face,
        sha256: ModelHash([0x11; 32]),
    };
    assert_eq!(second.models, [new_model]);
    assert_eq!(second.parameters.accuracy_last_mm, 2_000);

    let nine_days_old = captured(offline.draft(0), 9);
    assert_eq!(verdict(&server, &offline, nine_days_old), Verdict::Accepted);

    let online = Phone::new(2).register(&server);
    let mut struck = online.draft(0);
    struck
        .observation
        .redaction
        .models
        .clone_from(&offline.policy().models);
    let refused = |reason| Verdict::Refused(reason);
    assert_eq!(
        verdict(&server, &online, struck),
        refused(Reason::ModelNotAccepted)
    );
    let poor_fix = online.draft(1);
    assert_eq!(
        verdict(&server, &online, poor_fix),
        refused(Reason::FixTooPoor)
    );
    let late = captured(online.draft(2), 2);
    let expect = [Reason::PolicyUnknown, Reason::TooLate].map(refused);
    assert!(expect.contains(&verdict(&server, &online, late)));
    let mut good = online.draft(3);
    good.observation.fix.accuracy_mm = Some(1_000);
    assert_eq!(verdict(&server, &online, good), Verdict::Accepted);

    // Eleven days on, whoever missed the news has had to deliver: captures of after that are the new policy's.
    backdate(
        &server,
        "UPDATE policies SET published_ms = ?1 WHERE version = 2",
        11,
    );
    let server = server.restart();
    let in_time = captured(offline.draft(1), 9);
    assert_eq!(verdict(&server, &offline, in_time), Verdict::Accepted);
    let too_lenient = offline.draft(2);
    assert_eq!(
        verdict(&server, &offline, too_lenient),
        refused(Reason::PolicyUnknown)
    );
}

#[test]
fn a_network_may_ask_for_newer_apps_and_take_it_back() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let accepts = |server: &Server, sequence| {
        verdict(server, &phone, phone.draft(sequence)) == Verdict::Accepted
    };
    assert!(accepts(&server, 0));

    let server = server.restart_with(&[("POLICY__VERSION_MIN", "2")]);
    let item = phone.sign(&phone.draft(1)).to_bytes();
    let batch = phone.batch_of(&[phone.draft(1)]).to_string();
    let reply = server.post("/v1/batches", &[("wayhex-batch", &batch)], &item);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (426, "version_too_old")
    );
    let (_, policy) = server.policy();
    assert_eq!((policy.version, policy.parameters.version_min), (2, 2));

    let server = server.restart_with(&[]);
    assert_eq!(server.policy().1.version, 3);
    assert!(accepts(&server, 1), "nothing was lost");
}
