-- What an observation has to agree with: the time of its session and its day, and the server's own time.

-- The time that a device's session spans, and how much of it its accepted segments claim to have been driving.
CREATE TABLE trips (
    device INTEGER NOT NULL REFERENCES devices (id),
    session BLOB NOT NULL,
    -- Where the earliest segment begins, and the latest capture.
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    claimed_ms INTEGER NOT NULL,
    PRIMARY KEY (device, session)
) STRICT, WITHOUT ROWID;
INSERT INTO trips SELECT device, session, min(captured_ms), max(captured_ms), 0 FROM observations GROUP BY device, session;
CREATE INDEX observations_by_trip ON observations (device, session, captured_ms);

-- The same of a device's days (UTC, days since 1970), whatever the session.
CREATE TABLE driven_days (
    device INTEGER NOT NULL REFERENCES devices (id),
    day INTEGER NOT NULL,
    claimed_ms INTEGER NOT NULL,
    PRIMARY KEY (device, day)
) STRICT, WITHOUT ROWID;

-- The latest time at which anything was committed: one row.
CREATE TABLE latest_commit (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO latest_commit SELECT 1, coalesce(max(decided_ms), 0) FROM verdicts;

-- Refusals of a device by age: the oldest go.
CREATE INDEX verdicts_refused ON verdicts (device, id) WHERE reason IS NOT NULL;
