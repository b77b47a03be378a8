-- +goose Up

-- Of a request that was passed on, and of its advices: to whom. It brings some room for what is only known once the
-- upstream has answered, so that its answer does not make the row longer.
ALTER TABLE message ADD COLUMN upstream TEXT;
ALTER TABLE message ADD COLUMN room BLOB;

-- The queue: advices that upstreams have not answered for good, and questions. It is eaten from its head. request is how
-- far before the row the request lies. state is one more than saf.State, so that every state takes the same space: a 1
-- takes none.
CREATE TABLE item (
    seq        INTEGER PRIMARY KEY,
    upstream   TEXT NOT NULL,
    state      INTEGER NOT NULL,
    world      INTEGER NOT NULL,
    account    INTEGER NOT NULL,
    family     INTEGER NOT NULL,
    role       INTEGER NOT NULL,
    id         BLOB NOT NULL,
    request    INTEGER NOT NULL,
    request_id BLOB NOT NULL,
    at         INTEGER NOT NULL, -- milliseconds since 1970
    amount     INTEGER NOT NULL,
    currency   INTEGER NOT NULL,
    body       BLOB
);

-- What is in line, by upstream. What stands beside it is rare.
CREATE INDEX item_waiting ON item (upstream, seq) WHERE state = 2;
CREATE INDEX item_apart ON item (state, seq) WHERE state > 2;
CREATE INDEX item_apart_of ON item (upstream, state, seq) WHERE state > 2;

-- What came of sending an item, of those that were sent in vain. They are few; so the items' own rows need no room for it.
CREATE TABLE item_trouble (
    seq      INTEGER PRIMARY KEY,
    attempts INTEGER NOT NULL,
    tried    INTEGER, -- milliseconds since 1970
    why      TEXT
);
