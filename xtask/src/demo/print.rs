//! What the demo shows at its end.

use std::io::{Write, stdout};

use anyhow::{Context, Result};
use serde_json::Value;

use super::summary::Summary;

/// Prints the summary: as one JSON object, or for a reader.
pub fn summary(summary: &Summary, as_json: bool) -> Result<()> {
    let text = if as_json {
        serde_json::to_string(summary)?
    } else {
        for_a_reader(summary)
    };
    writeln!(stdout().lock(), "{text}").context("cannot print the summary")
}

fn for_a_reader(summary: &Summary) -> String {
    let (drive, frames, epoch) = (&summary.drive, &summary.frames, &summary.epoch);
    let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), points);
    let mut lines = vec![
        format!(
            "drive      {}, {} frames, {} fixes, {} m",
            drive["source"], drive["frames"], drive["fixes"], drive["metres"]
        ),
        format!("trimmed    {} m at each end of a trip", drive["trim_m"]),
        format!(
            "kept       {} of {} frames; dropped: {}",
            frames["queued"],
            frames["seen"],
            reasons(&frames["dropped"])
        ),
        format!("covered    {} faces", summary.faces()),
        format!(
            "verdicts   {} accepted; refused: {}; {} receipts verified",
            summary.verdicts["accepted"],
            reasons(&summary.verdicts["refused"]),
            summary.receipts["verified"]
        ),
        format!(
            "coverage   {} units in {} cells",
            summary.coverage.units.unwrap_or(0),
            summary.coverage.cells.len()
        ),
        format!(
            "epoch {}    {} points paid of {}, {} to the treasury",
            epoch.number.unwrap_or(0),
            shown(&epoch.paid),
            shown(&epoch.pool),
            shown(&epoch.treasury)
        ),
    ];
    lines.extend(
        summary
            .rewards
            .iter()
            .map(|reward| format!("reward     {} {}", points(&reward.points), reward.account)),
    );
    lines.push("           (the phone's key is a software key: it is in the low class, which shares a tenth of the pool)".to_owned());
    lines.push(format!(
        "audit      {} {}",
        if summary.audit.matches {
            "recomputed from the evidence: the root matches,"
        } else {
            "the root does not match:"
        },
        summary.audit.root_recomputed.as_deref().unwrap_or("-")
    ));
    lines.extend(
        summary
            .errors
            .iter()
            .map(|problem| format!("error      {}", problem.cause)),
    );
    lines.join("\n")
}

fn reasons(counts: &Value) -> String {
    let each = counts
        .as_object()
        .into_iter()
        .flatten()
        .map(|(reason, number)| format!("{reason} {number}"));
    let all = each.collect::<Vec<_>>().join(", ");
    if all.is_empty() {
        "none".to_owned()
    } else {
        all
    }
}

/// Millionths as points.
fn points(micros: &str) -> String {
    let micros: u64 = micros.parse().unwrap_or(0);
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
