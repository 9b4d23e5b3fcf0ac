-- What the close of an epoch leaves: its public summary, tables and payouts, and what the next close begins with.

CREATE TABLE closed_epochs (
    number INTEGER PRIMARY KEY REFERENCES epochs (number),
    -- The document is the file epoch-N.cbor of the evidence folder.
    evidence_sha256 BLOB NOT NULL,
    root BLOB NOT NULL,
    observations INTEGER NOT NULL,
    accounts INTEGER NOT NULL,
    units INTEGER NOT NULL,
    burnt_micros INTEGER NOT NULL,
    pool_micros INTEGER NOT NULL,
    score_high_micros INTEGER NOT NULL,
    score_low_micros INTEGER NOT NULL,
    paid_high_micros INTEGER NOT NULL,
    paid_low_micros INTEGER NOT NULL,
    treasury_micros INTEGER NOT NULL,
    -- What all epochs up to this one together gave back to every unit: R of protocol::freshness.
    recovered_micros INTEGER NOT NULL
) STRICT;

-- The public table of units: no account in it.
CREATE TABLE epoch_units (
    epoch INTEGER NOT NULL REFERENCES closed_epochs (number),
    cell INTEGER NOT NULL,
    quadrant INTEGER NOT NULL,
    class INTEGER NOT NULL,
    freshness_micros INTEGER NOT NULL,
    greatest_micros INTEGER NOT NULL,
    sum_micros INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (epoch, cell, quadrant, class)
) STRICT, WITHOUT ROWID;

-- F of every unit ever touched, as protocol::freshness::StoredFreshness has it: who is not touched needs no write.
CREATE TABLE unit_freshness (
    cell INTEGER NOT NULL,
    quadrant INTEGER NOT NULL,
    opening_micros INTEGER NOT NULL,
    recovered_micros INTEGER NOT NULL,
    PRIMARY KEY (cell, quadrant)
) STRICT, WITHOUT ROWID;

-- What each close paid to whom. The remainder is what was left of the pool, for the treasury alone.
CREATE TABLE payouts (
    account INTEGER NOT NULL REFERENCES accounts (id),
    epoch INTEGER NOT NULL REFERENCES closed_epochs (number),
    score_high_micros INTEGER NOT NULL,
    score_low_micros INTEGER NOT NULL,
    paid_high_micros INTEGER NOT NULL,
    paid_low_micros INTEGER NOT NULL,
    remainder_micros INTEGER NOT NULL,
    PRIMARY KEY (account, epoch)
) STRICT, WITHOUT ROWID;

-- Payouts that have not matured, by the epoch at whose close they do.
CREATE TABLE pending_payouts (
    matures_at INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (id),
    amount_micros INTEGER NOT NULL,
    PRIMARY KEY (matures_at, account)
) STRICT, WITHOUT ROWID;

-- Cumulative claims after a close, one row for each close that changed them: of an account the row of the greatest epoch up
-- to n is its leaf in the tree of n.
CREATE TABLE balances (
    account INTEGER NOT NULL REFERENCES accounts (id),
    epoch INTEGER NOT NULL REFERENCES closed_epochs (number),
    matured_micros INTEGER NOT NULL,
    corrected_micros INTEGER NOT NULL,
    claimable_micros INTEGER NOT NULL,
    PRIMARY KEY (account, epoch)
) STRICT, WITHOUT ROWID;
