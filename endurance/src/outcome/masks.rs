//! What two runs may differ in, each with its reason. Nothing else is masked anywhere.

/// What a column is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Not at all.
    Nothing,
    /// What this SQL expression makes of its row.
    Sql(&'static str),
    /// What these make of it: the first where both runs have the same server keys and policies, else the second.
    SqlByLikeness(&'static str, &'static str),
    /// What a signed receipt says, but for the server's time.
    Receipt,
    /// All of it where both runs have the same server keys and policies, nothing else.
    Identity,
}

/// A column that is not compared by its bytes: table, column (`*` for all), how, and why.
pub type Mask = (&'static str, &'static str, By, &'static str);

/// Of a phone's store.
pub const PHONE: &[Mask] = &[
    (
        "refinery_schema_history",
        "applied_on",
        By::Nothing,
        "when the store was made",
    ),
    (
        "sqlite_sequence",
        "seq",
        By::Nothing,
        "how many uploads were frozen",
    ),
    ("items", "attempts", By::Nothing, "how often it was sent"),
    (
        "items",
        "not_before_ms",
        By::Nothing,
        "when it was to be sent again",
    ),
    ("items", "server_time_ms", By::Nothing, "the server's time"),
    (
        "items",
        "receipt",
        By::Receipt,
        "the server's time, and the signature over it",
    ),
    ("items", "id", By::Identity, "follows from the policy"),
    ("items", "envelope", By::Identity, "names the policy"),
    ("traffic", "bytes", By::Nothing, "how often it was sent"),
    ("servers", "origin", By::Nothing, "the port is a free one"),
    (
        "servers",
        "clock_ahead_ms",
        By::Nothing,
        "the server's time, as its receipts tell it",
    ),
    (
        "sessions",
        "plan",
        By::SqlByLikeness(
            "json_remove(plan, '$.record')",
            "json_remove(plan, '$.record', '$.policy')",
        ),
        "the folder that it is recorded into is each run's own; it names the policy",
    ),
    ("servers", "key", By::Identity, "the server's key"),
    ("servers", "policy", By::Identity, "the server's policy"),
];

/// Of the server's store.
pub const SERVER: &[Mask] = &[
    (
        "refinery_schema_history",
        "applied_on",
        By::Nothing,
        "when the store was made",
    ),
    ("policies", "sha256", By::Identity, "follows from the time"),
    (
        "policies",
        "envelope",
        By::Identity,
        "follows from the time",
    ),
    (
        "policies",
        "published_ms",
        By::Identity,
        "the server's time",
    ),
    ("epochs", "opened_ms", By::Nothing, "the server's time"),
    ("epochs", "closed_ms", By::Nothing, "the server's time"),
    ("devices", "registered_ms", By::Nothing, "the server's time"),
    (
        "bindings",
        "registered_ms",
        By::Nothing,
        "the server's time",
    ),
    ("verdicts", "id", By::Nothing, "in which order items came"),
    ("verdicts", "item", By::Identity, "follows from the policy"),
    ("verdicts", "decided_ms", By::Nothing, "the server's time"),
    (
        "verdicts",
        "receipt",
        By::Receipt,
        "the server's time, and the signature over it",
    ),
    ("latest_commit", "at_ms", By::Nothing, "the server's time"),
    ("batches", "*", By::Nothing, "how items were sent"),
    ("batch_verdicts", "*", By::Nothing, "how items were sent"),
    (
        "observations",
        "id",
        By::Nothing,
        "in which order items came",
    ),
    (
        "observations",
        "observation",
        By::Identity,
        "follows from the policy",
    ),
    ("observations", "envelope", By::Identity, "names the policy"),
    (
        "observations",
        "received_ms",
        By::Nothing,
        "the server's time",
    ),
    (
        "observation_cells",
        "observation",
        By::Sql(
            "(SELECT hex(session) || sequence FROM observations WHERE id = observation_cells.observation)",
        ),
        "in which order items came",
    ),
    (
        "objects",
        "*",
        By::Nothing,
        "which items were committed together",
    ),
    (
        "pictures",
        "observation",
        By::Sql(
            "(SELECT hex(session) || sequence FROM observations WHERE id = pictures.observation)",
        ),
        "in which order items came",
    ),
    (
        "pictures",
        "object",
        By::Nothing,
        "which items were committed together",
    ),
    (
        "pictures",
        "offset_bytes",
        By::Nothing,
        "which items were committed together",
    ),
    (
        "pictures",
        "wrapped_key",
        By::Nothing,
        "a random key for each frame",
    ),
    ("pictures", "wrapping_key", By::Identity, "the server's key"),
    (
        "closed_epochs",
        "evidence_sha256",
        By::Nothing,
        "the evidence tells the server's times",
    ),
];
