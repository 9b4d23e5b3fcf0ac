-- The ingest server's records. Times are Unix milliseconds, amounts millionths, ids and hashes blobs; a forward-only history:
-- a later change is another file.

-- Every policy that was ever published, with the very document that was signed: a restart must not change its hash.
CREATE TABLE policies (
    version INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    envelope BLOB NOT NULL,
    published_ms INTEGER NOT NULL
) STRICT;

-- A counter ended by a close. Exactly one epoch is open; whoever inserts an observation reads its number in the same
-- transaction, and whoever closes it opens the next in the same transaction.
CREATE TABLE epochs (
    number INTEGER PRIMARY KEY,
    policy INTEGER NOT NULL REFERENCES policies (version),
    opened_ms INTEGER NOT NULL,
    closed_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX epochs_open ON epochs ((closed_ms IS NULL)) WHERE closed_ms IS NULL;

-- CAIP-10 accounts in their canonical text.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    caip10 TEXT NOT NULL UNIQUE
) STRICT;

-- Devices by the thumbprint of their COSE_Key.
CREATE TABLE devices (
    id INTEGER PRIMARY KEY,
    thumbprint BLOB NOT NULL UNIQUE,
    cose_key BLOB NOT NULL,
    registered_ms INTEGER NOT NULL
) STRICT;

-- For whom a device works: of the bindings whose effective_epoch has come, the one of the greatest counter.
CREATE TABLE bindings (
    device INTEGER NOT NULL REFERENCES devices (id),
    counter INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (id),
    effective_epoch INTEGER NOT NULL,
    registered_ms INTEGER NOT NULL,
    PRIMARY KEY (device, counter)
) STRICT, WITHOUT ROWID;

-- Final verdicts with the receipt that repeats them byte for byte. `item` is the observation's id where a registered
-- device's signature fits; else device is null and `item` the SHA-256 of the envelope, so that nobody but the device can
-- decide about its observations.
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    device INTEGER REFERENCES devices (id),
    item BLOB NOT NULL,
    -- A number of the published list; null when accepted.
    reason INTEGER,
    epoch INTEGER NOT NULL REFERENCES epochs (number),
    decided_ms INTEGER NOT NULL,
    receipt BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX verdicts_of_device ON verdicts (device, item) WHERE device IS NOT NULL;
CREATE UNIQUE INDEX verdicts_of_nobody ON verdicts (item) WHERE device IS NULL;
CREATE INDEX verdicts_by_device ON verdicts (device, id);

-- What a batch's items were answered, for a phone whose upload was cut.
CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    batch BLOB NOT NULL UNIQUE,
    begun_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX batches_by_age ON batches (begun_ms);
CREATE TABLE batch_verdicts (
    batch INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    verdict INTEGER NOT NULL REFERENCES verdicts (id) ON DELETE CASCADE,
    PRIMARY KEY (batch, verdict)
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_verdicts_of_verdict ON batch_verdicts (verdict);

-- Accepted observations; `id` is the verdict's.
CREATE TABLE observations (
    id INTEGER PRIMARY KEY REFERENCES verdicts (id),
    observation BLOB NOT NULL UNIQUE,
    device INTEGER NOT NULL REFERENCES devices (id),
    session BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    -- Whom the device worked for in this epoch.
    account INTEGER NOT NULL REFERENCES accounts (id),
    epoch INTEGER NOT NULL REFERENCES epochs (number),
    captured_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    trust_micros INTEGER NOT NULL,
    -- 1 high, 2 low, as in protocol::weight::Class; null when its trust is 0.
    class INTEGER,
    -- By the policy of its epoch.
    weight_micros INTEGER NOT NULL,
    -- 0..3 for N, E, S, W; null for a segment of one place, which covers no unit.
    quadrant INTEGER,
    lat_e7 INTEGER NOT NULL,
    lon_e7 INTEGER NOT NULL,
    redaction_version INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    UNIQUE (device, session, sequence)
) STRICT;
CREATE INDEX observations_by_epoch ON observations (epoch);
CREATE INDEX observations_by_account ON observations (account, epoch);

-- The cells of each observation's segment. Cells of one H3 parent are neighbours in this order.
CREATE TABLE observation_cells (
    cell INTEGER NOT NULL,
    observation INTEGER NOT NULL REFERENCES observations (id),
    PRIMARY KEY (cell, observation)
) STRICT, WITHOUT ROWID;
CREATE INDEX observation_cells_of ON observation_cells (observation);

-- One immutable file of the objects folder for each group commit.
CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    written_ms INTEGER NOT NULL
) STRICT;

-- Pictures: where in which object, and the frame's own key, wrapped. Without the key the bytes are noise.
CREATE TABLE pictures (
    observation INTEGER PRIMARY KEY REFERENCES observations (id),
    sha256 BLOB NOT NULL UNIQUE,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    object INTEGER NOT NULL REFERENCES objects (id),
    offset_bytes INTEGER NOT NULL,
    -- Of the encrypted frame, its tag included.
    length_bytes INTEGER NOT NULL,
    -- Which key-encryption key wraps it.
    wrapping_key BLOB NOT NULL,
    wrapped_key BLOB NOT NULL
) STRICT;
