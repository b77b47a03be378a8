-- +goose Up

-- Runs of references that many of reference_run were merged into (store/sqlite/merge.go).
CREATE TABLE merged_run (
    place INTEGER PRIMARY KEY, -- run << 16 | part
    upto  INTEGER NOT NULL,    -- newest message that the run covers
    data  BLOB NOT NULL
);
