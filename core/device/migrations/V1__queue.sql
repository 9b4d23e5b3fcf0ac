-- A drive that was played or a trip that was driven. The row is there before its first frame; `plan` is what was drawn for it
-- (time shift, trim lengths), `summary` what it turned out to be, null until it has ended.
CREATE TABLE sessions (
    session BLOB PRIMARY KEY CHECK (length(session) = 16),
    drive   BLOB UNIQUE CHECK (length(drive) = 32),
    plan    TEXT NOT NULL,
    summary TEXT
) STRICT;

-- What became of each frame: dropped for a reason, or queued as an item. A frame dropped for a private zone or a trimmed end
-- is named by its index alone and has no time.
CREATE TABLE frames (
    session BLOB NOT NULL REFERENCES sessions (session),
    frame   INTEGER NOT NULL,
    source  TEXT NOT NULL,
    time_ms INTEGER,
    reason  INTEGER,
    item    INTEGER REFERENCES items (place),
    PRIMARY KEY (session, frame),
    CHECK ((reason IS NULL) <> (item IS NULL))
) STRICT, WITHOUT ROWID;

-- What was signed. Observation and picture stand in one row: both are there, or neither. An item that has ended keeps its
-- row and loses its picture. The columns that are searched stand before the large ones.
CREATE TABLE items (
    place          INTEGER PRIMARY KEY AUTOINCREMENT,
    id             BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    session        BLOB NOT NULL REFERENCES sessions (session),
    sequence       INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'accepted', 'refused', 'evicted')),
    reason         INTEGER,
    size_bytes     INTEGER NOT NULL,
    captured_at_ms INTEGER NOT NULL,
    filled_pixels  INTEGER NOT NULL,
    upload         INTEGER REFERENCES uploads (upload),
    attempts       INTEGER NOT NULL DEFAULT 0,
    not_before_ms  INTEGER NOT NULL DEFAULT 0,
    epoch          INTEGER,
    server_time_ms INTEGER,
    receipt        BLOB,
    envelope       BLOB NOT NULL,
    picture        BLOB,
    UNIQUE (session, sequence),
    CHECK ((upload IS NOT NULL) = (state = 'sending')),
    CHECK ((reason IS NOT NULL) = (state IN ('refused', 'evicted'))),
    CHECK ((receipt IS NOT NULL) = (state IN ('accepted', 'refused')))
) STRICT;
CREATE INDEX items_pending ON items (state, place, size_bytes, captured_at_ms) WHERE state IN ('queued', 'sending');
CREATE INDEX items_of_upload ON items (upload) WHERE upload IS NOT NULL;

-- An upload, frozen: the same bytes go to the same address however often the process starts anew.
CREATE TABLE uploads (
    upload    INTEGER PRIMARY KEY AUTOINCREMENT,
    batch     BLOB NOT NULL CHECK (length(batch) = 32),
    url       TEXT NOT NULL,
    headers   TEXT NOT NULL,
    body_file TEXT NOT NULL,
    doubtful  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Bytes that went over the network in a calendar month (UTC), requests still under way at what they may cost at most.
CREATE TABLE traffic (
    month TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;

-- What this device draws its sessions, salts and zones from; made once.
CREATE TABLE device (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    secret BLOB NOT NULL CHECK (length(secret) = 32)
) STRICT;

-- A server that was spoken to: its pinned key, its latest policy, and the account that it has for this device.
CREATE TABLE servers (
    origin  TEXT PRIMARY KEY,
    key     BLOB NOT NULL,
    policy  BLOB NOT NULL,
    account TEXT,
    binding INTEGER NOT NULL DEFAULT 0
) STRICT;
