//! Closing the epoch, recomputing it from the exported evidence, and reading what the map and the payouts say.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::server::Server;
use super::summary::{Problem, Reward, Summary};
use crate::run::capture;
use crate::workspace::Workspace;

/// How long an answer of the server may take.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// Pages of coverage that are read at most: the demo's drives have a few thousand cells.
const PAGES_MAX: usize = 1_000;

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
    for reward in closed["rewards"].as_array().into_iter().flatten() {
        let account = reward["account"]
            .as_str()
            .context("a reward names no account")?
            .to_owned();
        let paid = get(server, &format!("/v1/epochs/{number}/payouts/{account}"))?;
        let text = |key: &str| {
            paid[key]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("a payout has no {key}"))
        };
        summary.rewards.push(Reward {
            score_micros: text("score_micros")?,
            points: text("points")?,
            cumulative: text("cumulative")?,
            account,
        });
    }
    Ok(())
}

/// All cells of the world: the server pages through them.
fn read_coverage(server: &Server, summary: &mut Summary) -> Result<()> {
    let mut cursor = String::new();
    for _ in 0..PAGES_MAX {
        let page = get(
            server,
            &format!("/v1/coverage?bbox=-180,-90,180,90{cursor}"),
        )?;
        let cells = page["features"].as_array().into_iter().flatten();
        summary.coverage.cells.extend(
            cells.filter_map(|cell| cell["properties"]["cell"].as_str().map(str::to_owned)),
        );
        let Some(next) = page["next"].as_str() else {
            summary.coverage.cells.sort_unstable();
            return Ok(());
        };
        cursor = format!("&cursor={next}");
    }
    bail!("the coverage has more than {PAGES_MAX} pages")
}

fn get(server: &Server, path: &str) -> Result<Value> {
    let url = format!("{}{path}", server.url);
    let client = reqwest::blocking::Client::builder()
        .timeout(ANSWER_MAX)
        .no_proxy()
        .build()?;
    let answer = client
        .get(&url)
        .send()
        .with_context(|| format!("cannot reach {url}"))?;
    let status = answer.status();
    let text = answer.text().with_context(|| format!("{url} broke off"))?;
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
