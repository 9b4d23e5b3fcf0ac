//! The fixed point itself: where it floors, and what it does at its ends.

use wayhex_protocol::micros::Micros;

#[test]
fn a_product_is_floored_and_a_part_of_nothing_is_nothing() {
    assert_eq!(Micros(999_999).times(Micros(999_999)), Micros(999_998));
    assert_eq!(Micros(10).mul_div(Micros(2), Micros(3)), Micros(6));
    assert_eq!(Micros(10).mul_div(Micros(2), Micros::ZERO), Micros::ZERO);
    assert_eq!(
        Micros(u64::MAX).mul_div(Micros(u64::MAX), Micros(u64::MAX)),
        Micros(u64::MAX)
    );
}

#[test]
fn what_does_not_fit_stays_at_the_end() {
    assert_eq!(Micros(u64::MAX).times(Micros(2_000_000)), Micros(u64::MAX));
    assert_eq!(
        [Micros(u64::MAX), Micros::ONE].into_iter().sum::<Micros>(),
        Micros(u64::MAX)
    );
    assert_eq!(Micros::ZERO.saturating_sub(Micros::ONE), Micros::ZERO);
    assert_eq!(Micros(u64::MAX).checked_add(Micros(1)), None);
    assert_eq!(Micros::ZERO.checked_sub(Micros(1)), None);
}

#[test]
fn it_is_written_as_its_number_of_millionths() {
    assert_eq!(format!("{:>4}", Micros(250)), " 250");
}
