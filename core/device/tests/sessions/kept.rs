//! What a store keeps to, whatever the settings of a later run are.

use wayhex_device::privacy::{Trim, TripKind};
use wayhex_device::queue::QueueError;
use wayhex_device::session::SessionError;
use wayhex_protocol::id::NetworkId;

use crate::drives::record;
use crate::phone::{Phone, check_identities};

const FRAMES: u32 = 12;

#[test]
fn a_store_is_not_opened_for_another_network() {
    let mut phone = Phone::new();
    record(&phone.beside("drive"), FRAMES);
    phone.run(&phone.beside("drive"));
    phone.settings.network = NetworkId::parse("wayhex-other").unwrap();
    let error = phone.try_run(&phone.beside("drive")).unwrap_err();
    let other = matches!(error, SessionError::Queue(QueueError::OtherNetwork { .. }));
    assert!(other, "{error}");
}

#[test]
fn a_drive_played_again_keeps_its_trimmed_ends_and_says_so() {
    let mut phone = Phone::new();
    record(&phone.beside("drive"), FRAMES);
    let first = phone.run(&phone.beside("drive"));
    assert_eq!(first.errors, []);
    phone.settings.trim = Trim::exact(500, TripKind::Recording).unwrap();
    let again = phone.run(&phone.beside("drive"));
    check_identities(&again);
    assert_eq!(again.errors[0].code, "plan_kept");
    assert_eq!(again.drive.trim_m, 0);
    assert_eq!(again.items, first.items);
}

#[test]
fn a_drive_does_not_go_on_with_other_private_zones() {
    let mut phone = Phone::new();
    let (one, other) = ("47.37,8.1234,100", "47.38,8.1234,100");
    phone.settings.zones = vec![one.parse().unwrap(), other.parse().unwrap()];
    record(&phone.beside("drive"), FRAMES);
    phone.stop_after = Some(3);
    phone.run(&phone.beside("drive"));
    phone.stop_after = None;
    for zones in [vec![], vec![one], vec![one, "47.38,8.1234,101"]] {
        phone.settings.zones = zones.iter().map(|zone| zone.parse().unwrap()).collect();
        let error = phone.try_run(&phone.beside("drive")).unwrap_err();
        assert!(matches!(error, SessionError::OtherZones { .. }), "{error}");
    }
    phone.settings.zones = vec![other.parse().unwrap(), one.parse().unwrap()];
    let report = phone.run(&phone.beside("drive"));
    check_identities(&report);
    assert_eq!(report.frames.seen, u64::from(FRAMES));
}
