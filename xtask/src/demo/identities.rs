//! The laws that the summary must keep: each number said twice must be said alike.

use std::collections::BTreeSet;

use serde_json::Value;

use super::summary::Summary;

/// The laws that do not hold, each as a sentence; none when all is well.
pub fn broken(summary: &Summary) -> Vec<String> {
    let (frames, queue, verdicts) = (&summary.frames, &summary.queue, &summary.verdicts);
    let items = summary.items.as_array().map_or(0, Vec::len) as u64;
    let seen = count(&frames["seen"]);
    let mut laws = vec![
        (
            "seen = queued + dropped",
            seen,
            count(&frames["queued"]) + total(&frames["dropped"]),
        ),
        ("seen = number of items", seen, items),
        (
            "queued = accepted + refused + evicted + pending",
            count(&frames["queued"]),
            ["accepted", "refused", "evicted", "pending"]
                .iter()
                .map(|state| count(&queue[*state]))
                .sum(),
        ),
        (
            "verified = received",
            count(&summary.receipts["verified"]),
            count(&summary.receipts["received"]),
        ),
        (
            "received = accepted verdicts + refused verdicts",
            count(&summary.receipts["received"]),
            count(&verdicts["accepted"]) + total(&verdicts["refused"]),
        ),
    ];
    if summary.epoch.closed {
        let micros = |text: &Option<String>| {
            text.as_deref()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0_u64)
        };
        let points = |points: &String| points.parse().unwrap_or(0_u64);
        let epoch = &summary.epoch;
        laws.extend([
            (
                "accepted = observations of the epoch",
                count(&queue["accepted"]),
                epoch.observations.unwrap_or(0),
            ),
            (
                "paid + treasury = pool",
                micros(&epoch.paid) + micros(&epoch.treasury),
                micros(&epoch.pool),
            ),
            (
                "paid = sum of points",
                micros(&epoch.paid),
                summary
                    .rewards
                    .iter()
                    .map(|reward| points(&reward.points))
                    .sum(),
            ),
        ]);
    }
    let accepted = cells_of_accepted(&summary.items);
    if summary.epoch.closed {
        let shown = summary
            .coverage
            .cells
            .iter()
            .filter(|cell| accepted.contains(cell.as_str()));
        laws.extend([
            (
                "the map shows the cells of accepted items",
                shown.count() as u64,
                accepted.len() as u64,
            ),
            (
                "and no others",
                summary.coverage.cells.len() as u64,
                accepted.len() as u64,
            ),
        ]);
    }
    laws.into_iter()
        .filter(|(_, left, right)| left != right)
        .map(|(law, left, right)| format!("{law} does not hold: {left} and {right}"))
        .collect()
}

fn cells_of_accepted(items: &Value) -> BTreeSet<&str> {
    let items = items.as_array().into_iter().flatten();
    let accepted = items.filter(|item| item["state"] == "accepted");
    accepted
        .flat_map(|item| item["cells"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn total(counts: &Value) -> u64 {
    counts
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, number)| count(number))
        .sum()
}
