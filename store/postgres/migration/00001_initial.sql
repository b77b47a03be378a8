-- +goose Up

-- Who may serve the store: releases that know a migration from oldest on, with the key of card numbers that is in use. A
-- migration that older releases cannot run on raises oldest, as its last statement. A node takes a number under a lock of the row.
CREATE TABLE serving (
    lone   boolean PRIMARY KEY DEFAULT true CHECK (lone),
    oldest bigint NOT NULL,
    key    bigint -- null until a node has said which
);
INSERT INTO serving (oldest) VALUES (1);

-- Places in the order of messages and cards, in blocks of 1024: a value is the last place of the block before.
CREATE SEQUENCE place MINVALUE 0 START 0 INCREMENT 1024;

-- Processes that serve the store. A number is never used again. knows is the last migration of its release, keys are the
-- keys of card numbers that it holds, null until it has read them.
CREATE TABLE node (
    number integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name   text NOT NULL,
    until  timestamptz NOT NULL,
    knows  bigint NOT NULL,
    keys   bigint[]
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000);

-- Whoever changes what nodes must know waits for those that live and do not.
-- +goose StatementBegin
CREATE FUNCTION wait_for_nodes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    behind text;
BEGIN
    SELECT string_agg(name || ' (' || number || ')', ', ' ORDER BY number) INTO behind
        FROM node WHERE until > clock_timestamp() AND knows < NEW.oldest;
    IF behind IS NOT NULL THEN
        RAISE EXCEPTION 'nodes of a release that cannot serve what this would make are still running: %', behind USING ERRCODE = 'object_in_use';
    END IF;
    SELECT string_agg(name || ' (' || number || ')', ', ' ORDER BY number) INTO behind
        FROM node WHERE until > clock_timestamp() AND keys IS NOT NULL AND NOT NEW.key = ANY (keys);
    IF behind IS NOT NULL THEN
        RAISE EXCEPTION 'nodes without the key that is to be used are still running: %', behind USING ERRCODE = 'object_in_use';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER wait_for_nodes BEFORE UPDATE ON serving FOR EACH ROW EXECUTE FUNCTION wait_for_nodes();

-- What only one node does at a time.
CREATE TABLE lease (
    name  text PRIMARY KEY,
    node  integer NOT NULL,
    until timestamptz NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000);

-- The revision of what operators have set.
CREATE TABLE register (
    lone     boolean PRIMARY KEY DEFAULT true CHECK (lone),
    revision bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO register (revision) VALUES (0);

-- Messages in their order. ended is how far behind the row the ending message lies (minus seq while there is none),
-- unconfirmed is amount - final, unnamed is amount - requested. id is 16 bytes when it is a canonical UUID, else text with
-- a mark (value.go). trail holds the links and references (sqlstore/trail.go). node is who has a request in hand.
CREATE TABLE message (
    seq          bigint PRIMARY KEY,
    at           bigint NOT NULL, -- milliseconds since 1970
    request      bigint NOT NULL, -- how far before the row the request lies; 0 when there is none
    ended        bigint NOT NULL,
    card         bigint NOT NULL,
    target       bigint NOT NULL,
    voucher      bigint NOT NULL,
    names        bigint NOT NULL,
    amount       bigint NOT NULL,
    unnamed      bigint NOT NULL,
    unconfirmed  bigint NOT NULL,
    world        integer NOT NULL,
    account      integer NOT NULL,
    product      integer NOT NULL,
    currency     integer NOT NULL,
    node         integer,
    family       smallint NOT NULL,
    role         smallint NOT NULL,
    state        smallint NOT NULL,
    prepaid      smallint NOT NULL,
    id           bytea NOT NULL,
    reason       text,
    provider_ref text,
    upstream     text,
    trail        bytea,
    body         bytea
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
-- Bodies are sealed and do not compress.
ALTER TABLE message ALTER COLUMN body SET STORAGE EXTERNAL;

-- Requests that are approved and neither confirmed nor reversed, and those that somebody is at work on.
CREATE INDEX message_open ON message (seq) WHERE state = 1 AND role = 1;
CREATE INDEX message_working ON message (seq) WHERE state IN (7, 8) AND role = 1;

-- Messages by the keyed hash of their id. A negative seq leads to a tombstone.
CREATE TABLE message_id (
    hash bigint NOT NULL,
    seq  bigint NOT NULL,
    PRIMARY KEY (hash, seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- Messages by the hash of a third-party identifier. Rows stand in the order of messages, nearly, so that those of messages
-- that were pruned are found by where they stand. The index is one for each stretch of 67,108,864 places, so that what is
-- added goes to pages of the last one, which are in memory, and not to any of a history's. A search asks every stretch.
CREATE TABLE message_reference (
    hash bigint NOT NULL,
    seq  bigint NOT NULL
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX message_reference_hash ON message_reference ((seq >> 26), hash, seq);
CREATE INDEX message_reference_of ON message_reference USING brin (seq) WITH (pages_per_range = 32, autosummarize = on);

-- Reversals of requests that were never seen.
CREATE TABLE tombstone (
    reversal bigint PRIMARY KEY,
    world    integer NOT NULL,
    account  integer NOT NULL,
    id       bytea NOT NULL
);

-- The ledger. request is how far before the message the request lies whose money it is; 0 is the message itself.
CREATE TABLE entry (
    message  bigint NOT NULL,
    request  bigint NOT NULL,
    debit    bigint NOT NULL,
    credit   bigint NOT NULL,
    amount   bigint NOT NULL,
    n        integer NOT NULL,
    currency integer NOT NULL,
    phase    smallint NOT NULL,
    PRIMARY KEY (message, n)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- What changes about a card: no index but that of its id, and room on its page, so that a change stays on it.
CREATE TABLE card (
    id            bigint PRIMARY KEY,
    book          bigint NOT NULL,
    available     bigint NOT NULL,
    last_message  bigint NOT NULL,
    activation    bigint NOT NULL,
    void          bigint NOT NULL,
    successor     bigint NOT NULL,
    world         integer NOT NULL,
    expiry        integer NOT NULL, -- YYMM
    valid_through integer NOT NULL, -- YYMM
    currency      integer NOT NULL,
    product       integer NOT NULL,
    loads         integer NOT NULL,
    wrong_pins    integer NOT NULL,
    import        integer NOT NULL,
    status        smallint NOT NULL,
    frozen        smallint NOT NULL,
    has_pin       smallint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1);

-- Cards by the keyed hash of their number: four bytes of key number, sixteen of hash.
CREATE TABLE card_number (
    digest bytea PRIMARY KEY,
    card   bigint NOT NULL
);
CREATE INDEX card_number_of ON card_number (card);

-- What hardly ever changes about a card. Digests are null when there is none.
CREATE TABLE card_detail (
    card                 bigint PRIMARY KEY,
    sealed_pan           bytea,
    masked               text NOT NULL,
    seeded_clear         bytea,
    seeded_encrypted     bytea,
    pin_clear            bytea,
    pin_encrypted        bytea,
    profile_id           bytea,
    msisdn               bytea,
    email_address        bytea,
    seeded_profile_id    bytea,
    seeded_msisdn        bytea,
    seeded_email_address bytea
);

-- Cards by the keyed hash of what is known of their holder.
CREATE TABLE card_holder (
    digest bytea NOT NULL,
    card   bigint NOT NULL,
    PRIMARY KEY (digest, card)
);
CREATE INDEX card_holder_of ON card_holder (card);

-- What was approved in a window of a velocity rule.
CREATE TABLE counter (
    owner       bigint NOT NULL,
    "window"    bigint NOT NULL, -- nanoseconds
    start       bigint NOT NULL, -- milliseconds since 1970
    count       bigint NOT NULL,
    amount      bigint NOT NULL,
    per_account smallint NOT NULL,
    family      smallint NOT NULL,
    PRIMARY KEY (per_account, owner, family, "window", start)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- What operators set, and the audit trail.
CREATE TABLE admin_row (
    kind    text NOT NULL,
    number  bigint NOT NULL,
    world   integer NOT NULL,
    name    text NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (kind, number)
);
CREATE UNIQUE INDEX admin_row_name ON admin_row (kind, world, name) WHERE name <> '';

-- Vouchers, in the order in which they are sold.
CREATE TABLE voucher (
    id           bigint PRIMARY KEY,
    last_message bigint NOT NULL,
    world        integer NOT NULL,
    batch        integer NOT NULL,
    status       smallint NOT NULL,
    serial       text NOT NULL,
    sealed_pin   bytea
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- However few batches there are: what is asked of one is not to be looked for among all vouchers.
ALTER TABLE voucher ALTER COLUMN batch SET (n_distinct = 100000);

-- What is in stock is eaten from its head, in order. What was taken out is rare.
CREATE INDEX voucher_stock ON voucher (batch, id) WHERE status = 1;
CREATE INDEX voucher_apart ON voucher (batch, status, id) WHERE status > 2;
CREATE INDEX voucher_of_batch ON voucher (batch, id);

-- Vouchers by the keyed hashes of their serial and of their PIN.
CREATE TABLE voucher_hash (
    hash    bigint NOT NULL,
    voucher bigint NOT NULL,
    PRIMARY KEY (hash, voucher)
);
CREATE INDEX voucher_hash_of ON voucher_hash (voucher);

-- Vouchers that came together. None in stock has an id below head: what was sold stays in the index of the stock until the
-- table is vacuumed, and would have to be passed over. on_sale is for the index, so that the count alone is not in it and a
-- sale stays on its page.
CREATE TABLE voucher_batch (
    number   integer PRIMARY KEY,
    world    integer NOT NULL,
    product  integer NOT NULL,
    closed   smallint NOT NULL,
    on_sale  smallint NOT NULL GENERATED ALWAYS AS (CASE WHEN closed = 0 AND in_stock > 0 THEN 1 ELSE 0 END) STORED,
    expiry   bigint NOT NULL, -- milliseconds since 1970; the greatest number when they never expire
    in_stock bigint NOT NULL,
    head     bigint NOT NULL DEFAULT 0,
    name     text NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000);
CREATE INDEX voucher_batch_on_sale ON voucher_batch (product, expiry, number) WHERE on_sale = 1;

-- What accounts have paid in to buy airtime against.
CREATE TABLE float (
    account      integer PRIMARY KEY,
    world        integer NOT NULL,
    currency     integer NOT NULL,
    book         bigint NOT NULL,
    available    bigint NOT NULL,
    last_message bigint NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000);

-- The queue: advices that upstreams have not answered for good, and questions. It is eaten from its head. request is how
-- far before the row the request lies. state is one more than saf.State.
CREATE TABLE item (
    seq        bigint PRIMARY KEY,
    request    bigint NOT NULL,
    at         bigint NOT NULL, -- milliseconds since 1970
    amount     bigint NOT NULL,
    world      integer NOT NULL,
    account    integer NOT NULL,
    currency   integer NOT NULL,
    state      smallint NOT NULL,
    family     smallint NOT NULL,
    role       smallint NOT NULL,
    upstream   text NOT NULL,
    id         bytea NOT NULL,
    request_id bytea NOT NULL,
    body       bytea
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- As for the batches of vouchers.
ALTER TABLE item ALTER COLUMN upstream SET (n_distinct = 100000);

-- What is in line, by upstream. What stands beside it is rare.
CREATE INDEX item_waiting ON item (upstream, seq) WHERE state = 2;
CREATE INDEX item_apart ON item (state, seq) WHERE state > 2;
CREATE INDEX item_apart_of ON item (upstream, state, seq) WHERE state > 2;

-- What came of sending an item, of those that were sent in vain.
CREATE TABLE item_trouble (
    seq      bigint PRIMARY KEY,
    attempts bigint NOT NULL,
    tried    bigint, -- milliseconds since 1970
    why      text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- What is left of messages that were pruned: by seq, with the hash that leads to it from message_id, and the day on which
-- it was received (days since 1970). data is in sqlstore/husk.go.
CREATE TABLE pruned (
    seq   bigint PRIMARY KEY,
    hash  bigint NOT NULL,
    world integer NOT NULL,
    day   integer NOT NULL,
    data  bytea NOT NULL
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- What they had moved, by month (since January 1970) and pair of accounts.
CREATE TABLE brought (
    period   integer NOT NULL,
    currency integer NOT NULL,
    debit    bigint NOT NULL,
    credit   bigint NOT NULL,
    amount   bigint NOT NULL,
    upto     bigint NOT NULL, -- newest message in it
    world    integer NOT NULL,
    PRIMARY KEY (period, debit, credit, currency, world)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- What is missing up to here was pruned, and nothing of it is left any more.
CREATE TABLE forgotten (
    "only" smallint PRIMARY KEY CHECK ("only" = 1),
    upto   bigint NOT NULL
);
