-- +goose Up

-- Places in the order of messages and cards that have been given out, up to and including last.
CREATE TABLE place (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
);
INSERT INTO place (only, last) VALUES (1, 0);

-- Messages in their order. What an advice changes later never makes a row longer, so that full pages are not
-- split: ended is how far behind the row the ending message lies (minus seq while there is none), unconfirmed is
-- amount - final, unnamed is amount - requested. id is 16 bytes when it is a canonical UUID, else text.
-- trail holds the links and references (sqlstore/trail.go).
CREATE TABLE message (
    seq         INTEGER PRIMARY KEY,
    world       INTEGER NOT NULL,
    id          BLOB NOT NULL,
    account     INTEGER NOT NULL,
    family      INTEGER NOT NULL,
    role        INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    reason      TEXT,
    at          INTEGER NOT NULL, -- milliseconds since 1970
    request     INTEGER NOT NULL, -- how far before the row the request lies; 0 when there is none
    ended       INTEGER NOT NULL,
    card        INTEGER NOT NULL,
    target      INTEGER NOT NULL,
    product     INTEGER NOT NULL,
    names       INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    unnamed     INTEGER NOT NULL,
    unconfirmed INTEGER NOT NULL,
    currency    INTEGER NOT NULL,
    trail       BLOB,
    body        BLOB
);

-- Requests that are approved and neither confirmed nor reversed.
CREATE INDEX message_open ON message (seq) WHERE state = 1 AND role = 1;

-- Messages by the keyed hash of their id. A negative seq leads to a tombstone.
CREATE TABLE message_id (
    hash INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (hash, seq)
) WITHOUT ROWID;

-- Ids that are not in message_id yet, a row for each commit (store/sqlite/recent.go).
CREATE TABLE recent_id (
    place INTEGER PRIMARY KEY,
    data  BLOB NOT NULL
);

-- Reversals of requests that were never seen.
CREATE TABLE tombstone (
    reversal INTEGER PRIMARY KEY,
    world    INTEGER NOT NULL,
    id       BLOB NOT NULL,
    account  INTEGER NOT NULL
);

-- Messages by the hash of a third-party identifier, in sorted runs (store/sqlite/reference.go).
CREATE TABLE reference_run (
    place INTEGER PRIMARY KEY, -- run << 16 | part
    upto  INTEGER NOT NULL,    -- newest message that the run covers
    data  BLOB NOT NULL
);

-- The ledger. request is how far before the message the request lies whose money it is; 0 is the message itself.
CREATE TABLE entry (
    message  INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    request  INTEGER NOT NULL,
    debit    INTEGER NOT NULL,
    credit   INTEGER NOT NULL,
    amount   INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    phase    INTEGER NOT NULL,
    PRIMARY KEY (message, n)
) WITHOUT ROWID;

-- What changes about a card. A new card brings some room, which its first change gives back: otherwise the rows of
-- an import, which fill their pages, would split each of them when they grow.
CREATE TABLE card (
    id            INTEGER PRIMARY KEY,
    world         INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    frozen        INTEGER NOT NULL,
    has_pin       INTEGER NOT NULL,
    expiry        INTEGER NOT NULL, -- YYMM
    valid_through INTEGER NOT NULL, -- YYMM
    currency      INTEGER NOT NULL,
    product       INTEGER NOT NULL,
    book          INTEGER NOT NULL,
    available     INTEGER NOT NULL,
    last_message  INTEGER NOT NULL,
    activation    INTEGER NOT NULL,
    void          INTEGER NOT NULL,
    successor     INTEGER NOT NULL,
    loads         INTEGER NOT NULL,
    wrong_pins    INTEGER NOT NULL,
    import        INTEGER NOT NULL,
    room          BLOB
);

-- Cards by the keyed hash of their number: four bytes of key number, sixteen of hash.
CREATE TABLE card_number (
    digest BLOB NOT NULL PRIMARY KEY,
    card   INTEGER NOT NULL
) WITHOUT ROWID;

-- What hardly ever changes about a card. Digests are null when there is none.
CREATE TABLE card_detail (
    card             INTEGER PRIMARY KEY,
    sealed_pan       BLOB,
    masked           TEXT NOT NULL,
    seeded_clear     BLOB,
    seeded_encrypted BLOB,
    pin_clear        BLOB,
    pin_encrypted    BLOB,
    profile_id       BLOB,
    msisdn           BLOB,
    email_address    BLOB,
    seeded_profile_id    BLOB,
    seeded_msisdn        BLOB,
    seeded_email_address BLOB
);

-- Cards by the keyed hash of what is known of their holder.
CREATE TABLE card_holder (
    digest BLOB NOT NULL,
    card   INTEGER NOT NULL,
    PRIMARY KEY (digest, card)
) WITHOUT ROWID;

-- What was approved in a window of a velocity rule.
CREATE TABLE counter (
    per_account INTEGER NOT NULL,
    owner       INTEGER NOT NULL,
    family      INTEGER NOT NULL,
    window      INTEGER NOT NULL, -- nanoseconds
    start       INTEGER NOT NULL, -- milliseconds since 1970
    count       INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    PRIMARY KEY (per_account, owner, family, window, start)
) WITHOUT ROWID;

-- What operators set, and the audit trail.
CREATE TABLE admin_row (
    kind    TEXT NOT NULL,
    number  INTEGER NOT NULL,
    world   INTEGER NOT NULL,
    name    TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (kind, number)
);
CREATE UNIQUE INDEX admin_row_name ON admin_row (kind, world, name) WHERE name <> '';
