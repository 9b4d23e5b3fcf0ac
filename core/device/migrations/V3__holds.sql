-- When a live trip was last known to go on, Unix milliseconds by the phone's clock; null for a replay and for a trip that has ended.
ALTER TABLE sessions ADD COLUMN alive_ms INTEGER;

-- The key that signs for this store, by its thumbprint; null until a session has named it.
ALTER TABLE bound ADD COLUMN device BLOB CHECK (length(device) = 32);

-- What the server's clock was ahead of the phone's when it was last heard, milliseconds; null until then.
ALTER TABLE servers ADD COLUMN clock_ahead_ms INTEGER;

-- Pictures have a table of their own: whatever else changes in an item, its picture is not written again. It comes with its
-- item in one transaction, and goes when the item ends, by the trigger below.
CREATE TABLE pictures (
    item    INTEGER PRIMARY KEY REFERENCES items (place) ON DELETE CASCADE,
    picture BLOB NOT NULL
) STRICT;
INSERT INTO pictures (item, picture) SELECT place, picture FROM items WHERE picture IS NOT NULL;
ALTER TABLE items DROP COLUMN picture;

-- What may be sent, and when the next may be; what a receipt has named an epoch for; what of a session is pending; the frame
-- of an item.
CREATE INDEX items_queued_due ON items (not_before_ms, place, captured_at_ms) WHERE state = 'queued';
CREATE INDEX items_of_epoch ON items (epoch) WHERE epoch IS NOT NULL;
CREATE INDEX items_pending_of_session ON items (session) WHERE state IN ('queued', 'sending');
CREATE INDEX frames_of_item ON frames (item) WHERE item IS NOT NULL;

-- What items that have ended still take: their envelopes and receipts. It is counted as the queue is, by triggers.
ALTER TABLE pending ADD COLUMN ended_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE pending SET ended_bytes =
    (SELECT coalesce(sum(length(envelope) + coalesce(length(receipt), 0)), 0) FROM items WHERE state NOT IN ('queued', 'sending'));

DROP TRIGGER item_ended;
CREATE TRIGGER item_ended AFTER UPDATE OF state ON items
WHEN old.state IN ('queued', 'sending') AND new.state NOT IN ('queued', 'sending') BEGIN
    UPDATE pending SET items = items - 1, bytes = bytes - old.size_bytes,
        ended_bytes = ended_bytes + length(new.envelope) + coalesce(length(new.receipt), 0);
    DELETE FROM pictures WHERE item = old.place;
END;
CREATE TRIGGER ended_item_forgotten AFTER DELETE ON items WHEN old.state NOT IN ('queued', 'sending') BEGIN
    UPDATE pending SET ended_bytes = ended_bytes - length(old.envelope) - coalesce(length(old.receipt), 0);
END;

-- An item that was signed again may be longer; one whose time was put right by the server's clock is not put right again.
CREATE TRIGGER item_resized AFTER UPDATE OF size_bytes ON items WHEN new.state IN ('queued', 'sending') BEGIN
    UPDATE pending SET bytes = bytes - old.size_bytes + new.size_bytes;
END;
ALTER TABLE items ADD COLUMN retimed INTEGER NOT NULL DEFAULT 0;
