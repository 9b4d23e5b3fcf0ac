//! The demo's summary: one object, whose shape is a promise to scripts.

use serde::Serialize;
use serde_json::{Value, json};

use super::server::Server;

/// Everything that `demo --json` prints, in the order in which it is printed.
#[derive(Serialize)]
pub struct Summary {
    schema: &'static str,
    /// The audit matches, nothing is pending, and there is no error.
    pub ok: bool,
    /// The drive that was played.
    pub drive: Value,
    policy: Value,
    models: Value,
    /// Frames seen, queued and dropped by reason.
    pub frames: Value,
    privacy: Value,
    /// Items by state.
    pub queue: Value,
    upload: Value,
    /// Verdicts by kind and reason.
    pub verdicts: Value,
    /// Receipts received and verified.
    pub receipts: Value,
    /// What the map shows.
    pub coverage: Coverage,
    /// The epoch that was closed.
    pub epoch: Epoch,
    /// Who earned what in it.
    pub rewards: Vec<Reward>,
    /// The recomputation from the exported evidence.
    pub audit: Audit,
    /// Every frame and what became of it.
    pub items: Value,
    cpu_us: Value,
    wall_ms: u64,
    server: Value,
    /// What went wrong.
    pub errors: Vec<Problem>,
    /// Whom the phone drove for.
    #[serde(skip)]
    pub account: Option<String>,
}

/// What the map shows.
#[derive(Serialize, Default)]
pub struct Coverage {
    /// Units covered in the epoch.
    pub units: Option<u64>,
    /// Cells that the coverage query answers with, sorted.
    pub cells: Vec<String>,
}

/// The epoch that was closed; sums of points are millionths, in decimal.
#[derive(Serialize, Default)]
pub struct Epoch {
    /// Its number.
    pub number: Option<u64>,
    /// Whether it is closed.
    pub closed: bool,
    /// Observations accepted in it.
    pub observations: Option<u64>,
    /// What there was to pay.
    pub pool: Option<String>,
    /// What accounts were paid.
    pub paid: Option<String>,
    /// What was left to the treasury.
    pub treasury: Option<String>,
    /// The root that rewards are claimed from.
    pub root: Option<String>,
}

/// What an account earned.
#[derive(Serialize)]
pub struct Reward {
    /// CAIP-10.
    pub account: String,
    /// Its score, both classes.
    pub score_micros: String,
    /// Its payout in this epoch.
    pub points: String,
    /// Its payouts of all epochs.
    pub cumulative: String,
}

/// The recomputation from the exported evidence.
#[derive(Serialize, Default)]
pub struct Audit {
    /// The root that the evidence gives.
    pub root_recomputed: Option<String>,
    /// Whether it is the epoch's.
    #[serde(rename = "match")]
    pub matches: bool,
}

/// Something that went wrong.
#[derive(Serialize)]
pub struct Problem {
    code: String,
    subject: String,
    /// Why, in a sentence.
    pub cause: String,
}

impl Problem {
    /// A problem with its code, its subject and its cause.
    pub fn new(code: &str, subject: &str, cause: String) -> Self {
        Self {
            code: code.to_owned(),
            subject: subject.to_owned(),
            cause,
        }
    }
}

impl Summary {
    /// The phone's part; the server's is still empty.
    pub fn of_report(report: &Value, server: &Server) -> Self {
        let part = |name: &str| report[name].clone();
        Self {
            schema: "wayhex.demo/1",
            ok: false,
            drive: part("drive"),
            policy: part("policy"),
            models: part("models"),
            frames: part("frames"),
            privacy: part("privacy"),
            queue: part("queue"),
            upload: part("upload"),
            verdicts: part("verdicts"),
            receipts: part("receipts"),
            coverage: Coverage::default(),
            epoch: Epoch::default(),
            rewards: Vec::new(),
            audit: Audit::default(),
            items: part("items"),
            cpu_us: part("cpu_us"),
            wall_ms: 0,
            server: json!({ "url": server.url, "store": server.store }),
            errors: report["errors"]
                .as_array()
                .into_iter()
                .flatten()
                .map(problem_of)
                .collect(),
            account: report["account"].as_str().map(str::to_owned),
        }
    }

    /// Faces covered.
    pub fn faces(&self) -> u64 {
        self.privacy["faces"].as_u64().unwrap_or(0)
    }

    /// Fills in what follows from the rest.
    pub fn settle(&mut self, wall_ms: u64) {
        self.wall_ms = wall_ms;
        self.ok = self.audit.matches && self.queue["pending"] == 0 && self.errors.is_empty();
    }
}

fn problem_of(error: &Value) -> Problem {
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    Problem {
        code: text("code"),
        subject: text("subject"),
        cause: text("cause"),
    }
}
