//! The published list of reasons, and its page for drivers and app developers.

#![expect(clippy::unwrap_used, reason = "a broken premise ends the test")]

use std::fmt::Write;
use std::path::Path;

use wayhex_protocol::reason::{Reason, Retry, Side};

#[test]
fn reasons_have_one_number_and_one_name_each_and_stay_in_their_range() {
    for (i, reason) in Reason::ALL.iter().enumerate() {
        assert_eq!(Reason::from_number(reason.number()), Some(*reason));
        assert_eq!(Reason::from_name(reason.name()), Some(*reason));
        assert!(
            Reason::ALL[..i]
                .iter()
                .all(|before| before.number() < reason.number())
        );
        let range = match reason.side() {
            Side::Drop => 1..100,
            Side::Refuse => 100..200,
            Side::Evict => 200..300,
        };
        assert!(range.contains(&reason.number()), "{reason}");
        assert!(
            reason.side() == Side::Refuse || reason.retry() == Retry::Never,
            "{reason}"
        );
    }
}

#[test]
fn the_page_of_reasons_lists_them_all() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reasons.md");
    // Set to write the page anew after a reason was added.
    if std::env::var_os("WAYHEX_WRITE_DOCS").is_some() {
        std::fs::write(&page, table()).unwrap();
    }
    let found = std::fs::read_to_string(&page).unwrap();
    assert_eq!(
        found,
        table(),
        "write it anew: WAYHEX_WRITE_DOCS=1 cargo test -p wayhex-protocol --test reasons"
    );
}

fn table() -> String {
    let mut page = String::from(
        "# Reasons\n\n\
        Why a frame was dropped on the phone, an item refused by the server, or one evicted from the queue. The list only\n\
        grows; `core/protocol/src/reason.rs` is its source, and a test keeps this page equal to it.\n\n\
        | number | name | where | send again | what happened, what to do |\n| --- | --- | --- | --- | --- |\n",
    );
    for reason in Reason::ALL {
        let side = match reason.side() {
            Side::Drop => "phone",
            Side::Refuse => "server",
            Side::Evict => "queue",
        };
        let (number, name, retry) = (reason.number(), reason.name(), reason.retry().name());
        writeln!(
            page,
            "| {number} | `{name}` | {side} | {retry} | {} |",
            reason.advice()
        )
        .unwrap();
    }
    page
}
