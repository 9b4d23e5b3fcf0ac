//! Closing an epoch once, and claiming from its tree.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::Value;
use wayhex_protocol::claims::Claims;
use wayhex_protocol::freshness;
use wayhex_protocol::merkle::{ClaimProof, verify};
use wayhex_protocol::micros::Micros;
use wayhex_protocol::params::ScoringParams;
use wayhex_protocol::policy::Parameters;
use wayhex_protocol::reward::{EpochInput, close_epoch};
use wayhex_protocol::score::EpochWeights;
use wayhex_protocol::unit::Unit;
use wayhex_server::reward::{CloseError, audit};

use crate::ledger::{
    DAY_MS, Ledger, OPEN_POLICY, OPENED_MS, Seen, account, cells, closed_ledger, seen,
    three_drivers,
};
use crate::server::{Server, spawn};

fn weights(all: &[Seen]) -> EpochWeights<wayhex_protocol::account::Account> {
    let mut weights = EpochWeights::new();
    for seen in all {
        let Some((class, quadrant)) = seen.class.zip(seen.quadrant) else {
            continue;
        };
        for cell in &seen.cells {
            let unit = Unit {
                cell: *cell,
                quadrant,
            };
            weights.add(class, unit, &account(seen.account), Micros(seen.weight));
        }
    }
    weights
}

fn amount(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a decimal amount")
}

fn hash(value: &Value) -> [u8; 32] {
    let bytes = HEXLOWER.decode(value.as_str().expect("a text").as_bytes());
    bytes.expect("hexadecimal").try_into().expect("32 bytes")
}

#[test]
fn a_close_pays_what_the_law_says_and_the_sum_is_the_pool() {
    let mut ledger = Ledger::new(OPEN_POLICY);
    ledger.add_all(&three_drivers());
    let closed = ledger.close(None, OPENED_MS + DAY_MS).expect("a close");
    let law = close_epoch(&EpochInput {
        epoch: 1,
        length_s: 86_400,
        params: ScoringParams {
            claim_delay_epochs: 0,
            ..ScoringParams::default()
        },
        burnt: Micros::ZERO,
        freshness: BTreeMap::new(),
        weights: weights(&three_drivers()),
        corrections: BTreeMap::new(),
        claims: Claims::default(),
        treasury: account(99),
    });
    let totals = &closed.summary.totals;
    assert_eq!(totals.observations, Some(7));
    assert_eq!(totals.accounts, Some(3));
    assert_eq!(totals.pool.as_deref(), Some("10000000000"));
    let of = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<u64>().ok());
    assert_eq!(of(&totals.paid), Some(law.payouts.paid().get()));
    assert_eq!(of(&totals.treasury), Some(law.payouts.treasury.get()));

    let server = Server::start(ledger.folder(), OPEN_POLICY);
    let mut paid = 0;
    for number in 1..=3 {
        let answer = server.json(&format!("/v1/epochs/1/payouts/{}", account(number)));
        let law = law
            .payouts
            .per_account
            .get(&account(number))
            .copied()
            .unwrap_or_default();
        assert_eq!(amount(&answer["points"]["high"]), law.high.get());
        assert_eq!(amount(&answer["points"]["low"]), law.low.get());
        assert_eq!(amount(&answer["cumulative"]), law.total().get());
        paid += law.total().get();
    }
    assert!(paid > 0);
    let pool = Parameters::default().emission_micros;
    assert_eq!(paid + law.payouts.treasury.get(), pool);
}

#[test]
fn an_epoch_is_closed_once() {
    let mut ledger = closed_ledger();
    let again = ledger
        .close(Some(1), OPENED_MS + 2 * DAY_MS)
        .expect("its summary");
    assert!(again.already);
    assert_eq!(again.summary.closed_ms, Some(OPENED_MS + DAY_MS));
    let evidence = std::fs::read(&again.evidence).expect("evidence");
    let next = ledger
        .close(None, OPENED_MS + 2 * DAY_MS)
        .expect("the next close");
    assert_eq!((next.summary.number, next.already), (2, false));
    assert_eq!(next.summary.totals.observations, Some(0));
    assert_eq!(std::fs::read(&again.evidence).expect("evidence"), evidence);
    let beyond = ledger
        .close(Some(9), OPENED_MS + 3 * DAY_MS)
        .expect_err("no such epoch");
    assert!(matches!(
        beyond,
        CloseError::NotBegun { wanted: 9, open: 3 }
    ));
}

#[test]
fn of_two_processes_that_close_an_epoch_one_does_and_both_say_the_same() {
    let mut ledger = Ledger::new(OPEN_POLICY);
    ledger.add_all(&three_drivers());
    let closers =
        [(); 2].map(|()| spawn(ledger.folder(), &["close-epoch", "--epoch", "1", "--json"]));
    let mut said = closers.map(|closer| {
        let output = closer.wait_with_output().expect("an end");
        assert!(output.status.success());
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    });
    said.sort_by_key(|said| said["already_closed"].as_bool());
    let [first, second] = &mut said;
    assert_eq!(first["already_closed"].take(), false);
    assert_eq!(second["already_closed"].take(), true);
    assert_eq!(first, second);
    let open = wayhex_server::store::OpenEpoch::read(&ledger.connection).expect("an open epoch");
    assert_eq!(open.number, 2);
}

#[test]
fn a_proof_claims_what_the_root_grants() {
    let ledger = closed_ledger();
    let server = Server::start(ledger.folder(), OPEN_POLICY);
    let root = hash(&server.json("/v1/epochs/1")["root"]);
    for number in 1..=3 {
        let account = account(number);
        let answer = server.json(&format!("/v1/epochs/1/payouts/{account}"));
        assert_eq!(hash(&answer["root"]), root);
        let claim = &answer["claim"];
        assert_eq!(
            claim["amount"].as_str().expect("an amount"),
            format!(
                "{}000000000000",
                answer["claimable"].as_str().expect("an amount")
            )
        );
        let siblings = claim["proof"].as_array().expect("a proof").iter().map(hash);
        let proof = ClaimProof {
            amount: Micros(amount(&answer["claimable"])),
            siblings: siblings.collect(),
        };
        let address = account.eip155_address().expect("an address");
        assert!(verify(&root, &address, &proof));
        let more = ClaimProof {
            amount: Micros(proof.amount.get() + 1),
            ..proof
        };
        assert!(!verify(&root, &address, &more));
    }
}

#[test]
fn points_wait_as_many_epochs_as_the_policy_says_and_add_up() {
    let policy = &[
        ("claim_delay_epochs", 1),
        ("epoch_length_s", 0),
        ("coverage_delay_s", 0),
    ];
    let mut ledger = Ledger::new(policy);
    let road = cells(37.7749, -122.4194, 2);
    for epoch in 1..=3 {
        ledger.add(&seen(1, 800_000, &road[..epoch]));
        let day = u64::try_from(epoch).expect("a small number");
        ledger
            .close(None, OPENED_MS + day * DAY_MS)
            .expect("a close");
    }
    let server = Server::start(ledger.folder(), policy);
    let of = |epoch: u64| server.json(&format!("/v1/epochs/{epoch}/payouts/{}", account(1)));
    let answers = [of(1), of(2), of(3)];
    assert_eq!(amount(&answers[0]["claimable"]), 0);
    assert!(answers[0]["claim"].is_null());
    let mut sum = 0;
    for (before, answer) in answers.iter().zip(&answers[1..]) {
        sum += amount(&before["points"]["total"]);
        assert_eq!(amount(&before["cumulative"]), sum);
        assert_eq!(amount(&answer["claimable"]), sum);
    }
    let treasury = Parameters::default().emission_micros * 2 - sum;
    let leaf =
        server.json("/v1/epochs/3/payouts/eip155:1:0x000000000000000000000000000000000000dead");
    assert_eq!(amount(&leaf["claimable"]), treasury);
}

#[test]
fn freshness_over_epochs_is_what_the_law_says() {
    let mut ledger = Ledger::new(OPEN_POLICY);
    let road = cells(37.7749, -122.4194, 1);
    let params = ScoringParams::default();
    let weights = [Some(700_000), None, Some(300_000), None, None];
    let mut expected = Micros::ONE;
    let mut now_ms = OPENED_MS;
    for (weight, days) in weights.into_iter().zip([1, 2, 1, 3, 1]) {
        if let Some(weight) = weight {
            ledger.add(&seen(1, weight, &road[..1]));
        }
        now_ms += days * DAY_MS + 7;
        ledger.close(None, now_ms).expect("a close");
        expected = freshness::close(
            expected,
            Micros(weight.unwrap_or(0)),
            (days * DAY_MS + 7) / 1_000,
            &params,
        );
        let server = Server::start(ledger.folder(), OPEN_POLICY);
        let asked = format!("/v1/freshness?cells={},{}", road[0], road[1]);
        let answer = server.json(&asked);
        let listed = answer["units"].as_array().expect("a list");
        let found: Vec<u64> = listed
            .iter()
            .map(|unit| amount(&unit["freshness_micros"]))
            .collect();
        let different = (expected != Micros::ONE).then_some(expected.get());
        assert_eq!(found, different.into_iter().collect::<Vec<_>>());
    }
    assert_eq!(expected, Micros::ONE);
}

#[test]
fn an_epoch_tells_its_state_and_the_figures_which_is_open() {
    let ledger = closed_ledger();
    let server = Server::start(ledger.folder(), OPEN_POLICY);
    let current = server.json("/v1/epochs/current");
    assert_eq!(current["number"], 2);
    assert_eq!(current["closed"], false);
    assert!(current["root"].is_null() && current["paid"].is_null());
    let closed = server.json("/v1/epochs/1");
    assert_eq!(closed["closed"], true);
    assert_eq!(
        amount(&closed["paid"]) + amount(&closed["treasury"]),
        amount(&closed["pool"])
    );
    let code = |path: &str, status| server.problem(path, status).0;
    assert_eq!(code("/v1/epochs/7", 404), "epoch_unknown");
    assert_eq!(code("/v1/epochs/99999999999999999999", 400), "malformed");
    assert_eq!(
        code("/v1/epochs/18446744073709551615", 404),
        "epoch_unknown"
    );
    assert_eq!(code("/v1/epochs/now", 400), "malformed");
    assert_eq!(code("/v1/epochs/2/units", 404), "epoch_open");
    assert_eq!(
        code("/v1/epochs/1/payouts/nobody", 400),
        "account_malformed"
    );
    let stranger = format!("/v1/epochs/1/payouts/{}", account(99));
    assert_eq!(code(&stranger, 404), "account_unknown");
    let figures = server.figures();
    assert!(figures.contains("wayhex_open_epoch 2"), "{figures}");
    let counted =
        r#"wayhex_http_requests_total{method="GET",route="/v1/epochs/{epoch}",status="200"} 2"#;
    assert!(figures.contains(counted), "{figures}");
    assert!(!figures.contains("0x"), "{figures}");
}

#[test]
fn the_server_closes_an_epoch_when_its_time_is_up() {
    let policy = &[
        ("epoch_length_s", 1),
        ("claim_delay_epochs", 0),
        ("coverage_delay_s", 0),
    ];
    let mut ledger = Ledger::new(policy);
    ledger.add_all(&three_drivers());
    let server = Server::start(ledger.folder(), policy);
    let patience = std::time::Instant::now();
    let closed = loop {
        let epoch = server.json("/v1/epochs/1");
        if epoch["closed"] == true {
            break epoch;
        }
        assert!(patience.elapsed().as_secs() < 60, "epoch 1 is still open");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    assert_eq!(closed["observations"], 7);
    let evidence = ledger.folder().join("evidence/epoch-1.cbor");
    assert!(
        audit(&evidence, Some(&hash(&closed["root"])), None)
            .expect("evidence")
            .matches
    );
}

#[test]
fn the_schedule_and_processes_that_close_at_once_leave_one_chain_of_epochs() {
    let policy = &[
        ("epoch_length_s", 1),
        ("claim_delay_epochs", 0),
        ("coverage_delay_s", 0),
    ];
    let mut ledger = Ledger::new(policy);
    ledger.add_all(&three_drivers());
    let closers = || [(); 3].map(|()| spawn(ledger.folder(), &["close-epoch", "--json"]));
    let first = closers();
    let server = Server::start(ledger.folder(), policy);
    let second = closers();
    let mut said: Vec<Value> = Vec::new();
    for closer in first.into_iter().chain(second) {
        let output = closer.wait_with_output().expect("an end");
        assert!(output.status.success());
        said.push(serde_json::from_slice(&output.stdout).expect("JSON"));
    }
    let mut numbers: Vec<u64> = said
        .iter()
        .filter_map(|said| said["number"].as_u64())
        .collect();
    numbers.sort_unstable();
    let count = numbers.len();
    numbers.dedup();
    assert_eq!(
        numbers.len(),
        count,
        "each command closed an epoch of its own"
    );
    let last = numbers.last().copied().expect("closed epochs");
    drop(server);

    let evidence = |epoch: u64| ledger.folder().join(format!("evidence/epoch-{epoch}.cbor"));
    let mut observations = 0;
    for epoch in 1..=last {
        let before = (epoch > 1).then(|| evidence(epoch - 1));
        let audited = audit(&evidence(epoch), None, before.as_deref()).expect("evidence");
        assert!(audited.matches, "epoch {epoch}: {:?}", audited.difference);
        let counted: u64 = ledger
            .connection
            .query_row(
                "SELECT observations FROM closed_epochs WHERE number = ?1",
                [epoch],
                |row| row.get(0),
            )
            .expect("a closed epoch");
        observations += counted;
    }
    assert_eq!(observations, 7, "each was counted in one epoch");
}
