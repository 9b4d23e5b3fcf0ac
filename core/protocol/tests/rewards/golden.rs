//! The epochs of `vectors/rewards.json`, which `vectors/rewards.py` computed from the law and not from this code.

use std::collections::BTreeMap;

use serde_json::Value;
use wayhex_protocol::claims::Claims;
use wayhex_protocol::micros::Micros;
use wayhex_protocol::params::ScoringParams;
use wayhex_protocol::reward::{EpochInput, EpochOutcome, close_epoch};
use wayhex_protocol::score::EpochWeights;
use wayhex_protocol::unit::{CellId, Quadrant, Unit};
use wayhex_protocol::weight::{ByClass, Class, Trust, weight};

const VECTORS: &str = include_str!("../../vectors/rewards.json");

fn number(value: &Value) -> u64 {
    value.as_u64().expect("an unsigned integer")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn amounts(value: &Value) -> BTreeMap<String, Micros> {
    let map = value.as_object().expect("an object");
    map.iter()
        .map(|(account, amount)| (account.clone(), Micros(number(amount))))
        .collect()
}

fn unit(cell: &Value, quadrant: &Value) -> Unit {
    let quadrant = u8::try_from(number(quadrant)).expect("a small number");
    Unit {
        cell: CellId::from_hex(cell.as_str().expect("a cell")).expect("a cell of resolution 12"),
        quadrant: Quadrant::from_number(quadrant).expect("0 to 3"),
    }
}

fn params(policy: &Value) -> ScoringParams {
    let of = |name: &str| number(&policy[name]);
    ScoringParams {
        emission_micros: of("emission_micros"),
        rate_micros: of("rate_micros"),
        cap_micros: of("cap_micros"),
        high_share_micros: of("high_share_micros"),
        credit_remint_share: of("credit_remint_share"),
        latency_full_ms: of("latency_full_ms"),
        latency_floor_at_ms: of("latency_floor_at_ms"),
        latency_floor_micros: of("latency_floor_micros"),
        quadrants_paid: u8::try_from(of("quadrants_paid")).expect("a small number"),
        freshness_recovery_s: of("freshness_recovery_s"),
        claim_delay_epochs: of("claim_delay_epochs"),
    }
}

fn trust(micros: u64) -> Trust {
    let all = [Trust::Failed, Trust::Quarter, Trust::Half, Trust::Full];
    all.into_iter()
        .find(|trust| trust.micros() == Micros(micros))
        .expect("one of four")
}

fn weights(epoch: &Value, params: &ScoringParams) -> EpochWeights<String> {
    let mut weights = EpochWeights::new();
    for seen in list(&epoch["observations"]) {
        let quality = u8::try_from(number(&seen["quality"])).expect("a byte");
        let trust = trust(number(&seen["trust_micros"]));
        let weight = weight(
            quality,
            trust,
            seen["age_ms"].as_i64().expect("an integer"),
            params,
        );
        assert_eq!(weight, Micros(number(&seen["weight"])), "{seen}");
        if let Some(class) = trust.class() {
            let account = seen["account"].as_str().expect("an account").to_owned();
            weights.add(
                class,
                unit(&seen["cell"], &seen["quadrant"]),
                &account,
                weight,
            );
        }
    }
    weights
}

fn fresh(rows: &Value) -> BTreeMap<Unit, Micros> {
    list(rows)
        .iter()
        .map(|row| (unit(&row[0], &row[1]), Micros(number(&row[2]))))
        .collect()
}

fn compare(epoch: &Value, outcome: &EpochOutcome<String>) {
    let scores = &outcome.scores;
    let rows: Vec<Value> = scores
        .units
        .iter()
        .map(|((class, unit), row)| {
            let class = if *class == Class::High { "high" } else { "low" };
            let numbers = [row.freshness, row.greatest, row.sum].map(Micros::get);
            serde_json::json!([
                class,
                unit.cell.to_hex(),
                unit.quadrant.number(),
                numbers[0],
                numbers[1],
                numbers[2]
            ])
        })
        .collect();
    assert_eq!(rows, list(&epoch["units"]));
    let in_class =
        |of: &BTreeMap<String, ByClass<Micros>>, class: Class| -> BTreeMap<String, Micros> {
            of.iter()
                .map(|(account, amounts)| (account.clone(), *amounts.get(class)))
                .collect()
        };
    for (class, name) in [(Class::High, "high"), (Class::Low, "low")] {
        let mut expected = amounts(&epoch["scores"][name]);
        for account in scores.accounts.keys() {
            expected.entry(account.clone()).or_default();
        }
        assert_eq!(in_class(&scores.accounts, class), expected);
        let paid = epoch["payouts"].as_object().expect("an object");
        let paid = paid
            .iter()
            .map(|(account, of)| (account.clone(), Micros(number(&of[name]))))
            .collect();
        assert_eq!(in_class(&outcome.payouts.per_account, class), paid);
    }
    assert_eq!(outcome.payouts.pool, Micros(number(&epoch["pool"])));
    assert_eq!(outcome.payouts.treasury, Micros(number(&epoch["treasury"])));
    assert_eq!(outcome.freshness, fresh(&epoch["next"]));
    let leaves: BTreeMap<String, Micros> = outcome
        .claims
        .leaves()
        .map(|(account, amount)| (account.clone(), amount))
        .collect();
    assert_eq!(leaves, amounts(&epoch["leaves"]));
}

#[test]
fn an_independent_computation_gives_the_same_epochs() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let mut claims = Claims::default();
    for epoch in list(&vectors["epochs"]) {
        let params = params(&epoch["policy"]);
        let outcome = close_epoch(&EpochInput {
            epoch: number(&epoch["epoch"]),
            length_s: number(&epoch["length_s"]),
            weights: weights(epoch, &params),
            params,
            burnt: Micros(number(&epoch["burnt"])),
            freshness: fresh(&epoch["opening"]),
            corrections: amounts(&epoch["corrections"]),
            claims,
            treasury: vectors["treasury"].as_str().expect("an account").to_owned(),
        });
        compare(epoch, &outcome);
        claims = outcome.claims;
    }
}
