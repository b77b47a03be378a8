-- +goose Up

-- Of a purchase: its voucher, whether the float was charged, and what the provider calls it.
ALTER TABLE message ADD COLUMN voucher INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN prepaid INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN provider_ref TEXT;

-- Requests that a provider is still at work on.
CREATE INDEX message_working ON message (seq) WHERE state IN (7, 8) AND role = 1;

-- Vouchers, in the order in which they are sold. As a card, a new one brings some room, so that its sale does not make
-- its row longer.
CREATE TABLE voucher (
    id           INTEGER PRIMARY KEY,
    world        INTEGER NOT NULL,
    batch        INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    last_message INTEGER NOT NULL,
    serial       TEXT NOT NULL,
    sealed_pin   BLOB,
    room         BLOB
);

-- What is in stock is eaten from its head, in order. What was taken out is rare. voucher_of_batch never changes; its
-- condition, which always holds, keeps it from questions that do not repeat it: for those about the stock, the other
-- index is better the more has been sold.
CREATE INDEX voucher_stock ON voucher (batch, id) WHERE status = 1;
CREATE INDEX voucher_apart ON voucher (batch, status, id) WHERE status > 2;
CREATE INDEX voucher_of_batch ON voucher (batch, id) WHERE batch >= 0;

-- Vouchers by the keyed hashes of their serial and of their PIN.
CREATE TABLE voucher_hash (
    hash    INTEGER NOT NULL,
    voucher INTEGER NOT NULL,
    PRIMARY KEY (hash, voucher)
) WITHOUT ROWID;

-- Those that are not in voucher_hash yet, a row for each commit (store/sqlite/recent.go).
CREATE TABLE recent_hash (
    place INTEGER PRIMARY KEY,
    data  BLOB NOT NULL
);

-- Vouchers that came together.
CREATE TABLE voucher_batch (
    number   INTEGER PRIMARY KEY,
    world    INTEGER NOT NULL,
    product  INTEGER NOT NULL,
    name     TEXT NOT NULL,
    expiry   INTEGER NOT NULL, -- milliseconds since 1970; the greatest number when they never expire
    closed   INTEGER NOT NULL,
    in_stock INTEGER NOT NULL
);
CREATE INDEX voucher_batch_on_sale ON voucher_batch (product, expiry, number) WHERE closed = 0 AND in_stock > 0;

-- What accounts have paid in to buy airtime against.
CREATE TABLE float (
    account      INTEGER PRIMARY KEY,
    world        INTEGER NOT NULL,
    currency     INTEGER NOT NULL,
    book         INTEGER NOT NULL,
    available    INTEGER NOT NULL,
    last_message INTEGER NOT NULL
);
