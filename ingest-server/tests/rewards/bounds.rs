//! The greatest policy that a server publishes does not lock its store up.

use wayhex_protocol::policy::Parameters;
use wayhex_server::reward::audit;

use crate::ledger::{DAY_MS, Ledger, OPENED_MS, account, cells, seen, three_drivers};
use crate::server::Server;

/// Closes three epochs in which drivers drove, and audits each.
fn closes_under(policy: &[(&str, u64)]) -> Ledger {
    let mut ledger = Ledger::new(policy);
    let road = cells(37.7749, -122.4194, 2);
    for epoch in 1..=3 {
        ledger.add_all(&three_drivers());
        ledger.add(&seen(9, 1_000_000, &road));
        let closed = ledger.close(None, OPENED_MS + epoch * DAY_MS);
        assert!(closed.is_ok(), "epoch {epoch} under {policy:?}: {closed:?}");
        let closed = closed.expect("a close");
        assert_eq!(closed.summary.number, epoch);
        let audited = audit(&closed.evidence, None, None).expect("evidence");
        assert!(audited.matches, "{policy:?}: {:?}", audited.difference);
        let amount = |text: &Option<String>| -> u64 {
            text.as_ref()
                .and_then(|text| text.parse().ok())
                .expect("an amount")
        };
        let totals = &closed.summary.totals;
        assert_eq!(
            amount(&totals.paid) + amount(&totals.treasury),
            amount(&totals.pool)
        );
    }
    ledger
}

#[test]
fn an_epoch_closes_under_the_bound_of_each_parameter() {
    for bound in Parameters::BOUNDS {
        closes_under(&[(bound.name, bound.max)]);
        closes_under(&[(bound.name, 0)]);
    }
}

#[test]
fn an_epoch_closes_and_is_served_under_all_bounds_at_once() {
    let all: Vec<(&str, u64)> = Parameters::BOUNDS
        .iter()
        .map(|bound| (bound.name, bound.max))
        .collect();
    let ledger = closes_under(&all);
    let server = Server::start(ledger.folder(), &all);
    assert_eq!(server.json("/v1/epochs/current")["number"], 4);
    let paid = server.json(&format!("/v1/epochs/3/payouts/{}", account(9)));
    assert_eq!(paid["claimable"], "0", "it matures a thousand epochs later");
}

/// At its bound the emission can be paid for longer than anybody runs a network: a million epochs stay within what the
/// database counts in.
#[test]
fn the_sum_of_all_emissions_stays_within_the_database() {
    let bound = Parameters::BOUNDS
        .iter()
        .find(|bound| bound.name == "emission_micros");
    let bound = bound.expect("a bound of the emission");
    assert!(
        bound
            .max
            .checked_mul(900_000)
            .is_some_and(|sum| i64::try_from(sum).is_ok())
    );
}
