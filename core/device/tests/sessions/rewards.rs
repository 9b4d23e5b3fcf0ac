//! The live estimate against the law that pays.

use wayhex_protocol::micros::Micros;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::reward::payout;
use wayhex_protocol::score::{EpochWeights, score};
use wayhex_protocol::weight::{Class, Trust, weight};

use crate::drives::record;
use crate::items::{NOON_MS, network};
use crate::phone::{Phone, account};
use crate::wire_server::WireServer;

#[test]
fn the_estimate_is_the_payout_of_an_account_alone() {
    const DAY_MS: u64 = 24 * 3_600 * 1_000;
    let params = Policy::genesis(network()).parameters.scoring();
    for late_ms in [0, 5 * DAY_MS] {
        let server = WireServer::start();
        server.seen.lock().unwrap().late_ms = late_ms;
        let phone = Phone::with_server(&server.url(), None);
        record(&phone.beside("drive"), 8);
        let report = phone.run(&phone.beside("drive"));
        assert!(report.ok, "{:?}", report.errors);

        let mut weights = EpochWeights::new();
        for observation in &server.seen.lock().unwrap().accepted {
            let received_ms = i64::try_from(NOON_MS + late_ms).unwrap();
            let age_ms = received_ms - i64::try_from(observation.captured_at_ms).unwrap();
            let worth = weight(observation.quality, Trust::Quarter, age_ms, &params);
            for unit in observation.segment.facts().unwrap().units() {
                weights.add(Class::Low, unit, &account(), worth);
            }
        }
        let scores = score(&weights, |_| Micros::ONE, &params);
        let paid = payout(&scores, &params, Micros::ZERO).total_of(&account());
        assert!(paid > Micros::ZERO);
        assert_eq!(report.estimate.points, paid.to_string());
        let expected = scores.accounts[&account()].total();
        assert_eq!(report.estimate.score_micros, expected.to_string());
    }
}

#[test]
fn what_is_pending_is_estimated_as_if_it_were_received_now() {
    let server = WireServer::start();
    let mut phone = Phone::new();
    record(&phone.beside("drive"), 8);
    let pending = phone.run(&phone.beside("drive")).estimate;
    phone.settings.server = Phone::with_server(&server.url(), None).settings.server;
    assert_eq!(phone.run(&phone.beside("drive")).estimate, pending);
}
