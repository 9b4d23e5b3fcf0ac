//! Closing the epoch, recomputing it from the exported evidence, and reading what the map and the payouts say.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use wayhex_protocol::cells::cell_boundary;
use wayhex_protocol::unit::CellId;

use super::server::Server;
use super::summary::{Problem, Reward, Summary};
use crate::run::capture;
use crate::workspace::Workspace;

/// How long an answer of the server may take.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// Side of the boxes that coverage is asked for, degrees: at most 3,100 km² each.
const BOX_DEG: f64 = 0.5;

/// Fills in the server's part of the summary.
pub fn close_and_audit(
    workspace: &Workspace,
    server: &Server,
    summary: &mut Summary,
) -> Result<()> {
    let program = workspace.program("wayhex-server");
    let mut close = Command::new(&program);
    close
        .arg("close-epoch")
        .arg("--json")
        .arg("--config")
        .arg(&server.config);
    let closed = json_of(&mut close)?;
    read_epoch(server, &closed, summary)?;

    let evidence = closed["evidence"]
        .as_str()
        .context("the closed epoch names no evidence")?;
    let mut audit = Command::new(&program);
    audit.args(["audit", evidence, "--json"]);
    if let Some(root) = &summary.epoch.root {
        audit.args(["--root", root]);
    }
    let audited = json_of(&mut audit)?;
    summary.audit.root_recomputed = audited["root_recomputed"].as_str().map(str::to_owned);
    summary.audit.matches =
        audited["match"] == true && summary.audit.root_recomputed == summary.epoch.root;
    if !summary.audit.matches {
        summary.errors.push(Problem::new(
            "audit_mismatch",
            "epoch",
            audited["difference"].to_string(),
        ));
    }
    read_coverage(server, summary)
}

fn read_epoch(server: &Server, closed: &Value, summary: &mut Summary) -> Result<()> {
    let number = closed["number"]
        .as_u64()
        .context("the closed epoch has no number")?;
    let epoch = get(server, &format!("/v1/epochs/{number}"))?;
    let text = |key: &str| epoch[key].as_str().map(str::to_owned);
    summary.epoch.number = Some(number);
    summary.epoch.closed = epoch["closed"] == true;
    summary.epoch.observations = epoch["observations"].as_u64();
    (summary.epoch.pool, summary.epoch.paid) = (text("pool"), text("paid"));
    (summary.epoch.treasury, summary.epoch.root) = (text("treasury"), text("root"));
    summary.coverage.units = epoch["units"].as_u64();
    let Some(account) = summary.account.clone() else {
        return Ok(());
    };
    // Nobody but the demo's phone drives for this server.
    let paid = get(server, &format!("/v1/epochs/{number}/payouts/{account}"))?;
    let amount = |value: &Value| {
        value
            .as_str()
            .map(str::to_owned)
            .context("a payout lacks an amount")
    };
    summary.rewards.push(Reward {
        account,
        score_micros: amount(&paid["score"]["total"])?,
        points: amount(&paid["points"]["total"])?,
        cumulative: amount(&paid["cumulative"])?,
    });
    Ok(())
}

/// What the map shows where the drive went: the server answers for boxes of a city's size, so it is asked box by box.
fn read_coverage(server: &Server, summary: &mut Summary) -> Result<()> {
    let mut cells = BTreeSet::new();
    for (south, west) in boxes_of(&summary.items) {
        let bbox = format!(
            "{west},{south},{},{}",
            (west + BOX_DEG).min(180.0),
            (south + BOX_DEG).min(90.0)
        );
        let mut cursor = String::new();
        loop {
            let page = get(server, &format!("/v1/coverage?bbox={bbox}{cursor}"))?;
            let features = page["features"].as_array().into_iter().flatten();
            cells.extend(
                features.filter_map(|cell| cell["properties"]["cell"].as_str().map(str::to_owned)),
            );
            let Some(next) = page["next"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
    }
    summary.coverage.cells = cells.into_iter().collect();
    Ok(())
}

/// The south-western corners of the boxes that the items' cells have a corner in.
fn boxes_of(items: &Value) -> Vec<(f64, f64)> {
    let cells = items
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|item| item["cells"].as_array().into_iter().flatten());
    let corners = cells
        .filter_map(|cell| CellId::from_hex(cell.as_str()?))
        .flat_map(cell_boundary);
    let corner = |degrees: f64| (degrees / BOX_DEG).floor() * BOX_DEG;
    let mut boxes: Vec<(f64, f64)> = corners
        .map(|(lat, lon)| (corner(lat), corner(lon)))
        .collect();
    boxes.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    boxes.dedup();
    boxes
}

fn get(server: &Server, path: &str) -> Result<Value> {
    let url = format!("{}{path}", server.url);
    let settings = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_MAX))
        .http_status_as_error(false);
    let agent = ureq::Agent::new_with_config(settings.proxy(None).build());
    let mut answer = agent
        .get(&url)
        .call()
        .with_context(|| format!("cannot reach {url}"))?;
    let status = answer.status();
    let text = answer
        .body_mut()
        .read_to_string()
        .with_context(|| format!("{url} broke off"))?;
    if !status.is_success() {
        bail!("{url} answered {status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("{url} answered no JSON"))
}

fn json_of(command: &mut Command) -> Result<Value> {
    let (text, code) = capture(command)?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "`{}` ended with {code:?} and no JSON",
            command.get_program().to_string_lossy()
        )
    })
}
