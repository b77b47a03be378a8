-- +goose Up

-- What is left of messages that were pruned: by seq, with the hash that leads to it from message_id, and the day on which
-- it was received (days since 1970). data is in sqlstore/husk.go.
CREATE TABLE pruned (
    seq   INTEGER PRIMARY KEY,
    hash  INTEGER NOT NULL,
    world INTEGER NOT NULL,
    day   INTEGER NOT NULL,
    data  BLOB NOT NULL
);

-- What they had moved, by month (since January 1970) and pair of accounts. A sum that does not fit turns to a real number
-- in SQLite, and is refused.
CREATE TABLE brought (
    period   INTEGER NOT NULL,
    debit    INTEGER NOT NULL,
    credit   INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    world    INTEGER NOT NULL,
    amount   INTEGER NOT NULL CHECK (typeof(amount) = 'integer'),
    upto     INTEGER NOT NULL, -- newest message in it
    PRIMARY KEY (period, debit, credit, currency, world)
) WITHOUT ROWID;

-- What is missing up to here was pruned, and nothing of it is left any more.
CREATE TABLE forgotten (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    upto INTEGER NOT NULL
);
