-- The network that every item of this store is signed for; written at the first use.
CREATE TABLE bound (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    network TEXT NOT NULL
) STRICT;

-- What is pending in all, kept by the triggers below: taking in an item must not count the queue. An item that has ended
-- never becomes pending again.
CREATE TABLE pending (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    items INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO pending (one, items, bytes)
    SELECT 1, count(*), coalesce(sum(size_bytes), 0) FROM items WHERE state IN ('queued', 'sending');

CREATE TRIGGER item_came AFTER INSERT ON items WHEN new.state IN ('queued', 'sending') BEGIN
    UPDATE pending SET items = items + 1, bytes = bytes + new.size_bytes;
END;
CREATE TRIGGER item_ended AFTER UPDATE OF state ON items
WHEN old.state IN ('queued', 'sending') AND new.state NOT IN ('queued', 'sending') BEGIN
    UPDATE pending SET items = items - 1, bytes = bytes - old.size_bytes;
END;
CREATE TRIGGER item_forgotten AFTER DELETE ON items WHEN old.state IN ('queued', 'sending') BEGIN
    UPDATE pending SET items = items - 1, bytes = bytes - old.size_bytes;
END;

-- The oldest queued item by its place, and by its capture: what has ended is not looked through.
CREATE INDEX items_queued ON items (place) WHERE state = 'queued';
CREATE INDEX items_queued_age ON items (captured_at_ms) WHERE state = 'queued';
