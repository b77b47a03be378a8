package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// every gives all statements that a driver prepares.
func every(d *Driver) (all []*statement) {
	for _, s := range d.shapes {
		if s != nil {
			all = append(all, &s.statement)
		}
	}
	for q := range questions {
		for _, s := range []*statement{questions[q], limited[q]} {
			if s != nil {
				all = append(all, s)
			}
		}
	}
	for _, kind := range asked {
		for _, s := range kind {
			all = append(all, s)
		}
	}
	return append(all, &insertReferences, &lowerHeads, &raiseRevision, &revision, &levels, &openSums, &lost, &byReference)
}

// plans gives what the server would do for statements on a connection of a kind, by their text.
func plans(t *testing.T, d *Driver, on func(*Driver) *pgxpool.Pool, all ...*statement) map[string]string {
	t.Helper()
	ctx := context.Background()
	c, err := d.take(ctx, on)
	if err != nil {
		t.Fatal(err)
	}
	defer c.giveBack()
	found := map[string]string{}
	for _, s := range all {
		if err := c.prepare(ctx, s); err != nil {
			t.Fatalf("%s: %v", s.text, err)
		}
		values := strings.TrimSuffix(strings.Repeat("NULL, ", len(c.prepared[s.name].ParamOIDs)), ", ")
		if values != "" {
			values = "(" + values + ")"
		}
		bitmap := "off"
		if s.byBitmap {
			bitmap = "on"
		}
		if _, err := c.taken.Exec(ctx, "SET enable_bitmapscan = "+bitmap); err != nil {
			t.Fatal(err)
		}
		rows, err := c.taken.Query(ctx, `EXPLAIN (COSTS OFF) EXECUTE "`+s.name+`"`+values, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", s.text, err)
		}
		found[s.text] = strings.Join(lines, "\n")
	}
	return found
}

// planned are the statements whose index matters, by a part of their text. What is in stock, on sale, at work or in line is
// little of what there is, or stands at the head of much.
var planned = map[string]string{
	"product = $1 AND on_sale = 1":           "voucher_batch_on_sale",
	"status = 1 AND id > $2":                 "voucher_stock",
	"status = 1 AND id >= b.head":            "voucher_stock",
	"v.status = 1 AND v.id >= voucher_batch": "voucher_stock",
	"status > 2 AND id > ":                   "voucher_apart",
	"batch >= 0 AND status = $2":             "voucher_of_batch",
	"state = 1 AND role = 1":                 "message_open",
	"state IN (7, 8) AND role = 1":           "message_working",
	"upstream = $1 AND state = 2":            "item_waiting",
	"upstream = $1 AND state = $3":           "item_apart_of",
	"WHERE state = $3 AND state > 2":         "item_apart",
	"DELETE FROM card_holder":                "card_holder_of",
	"FROM card_number WHERE digest >= ":      "card_number_pkey",
	"FROM message_id i WHERE i.hash":         "message_id_pkey",
	"FROM message_reference r JOIN":          "message_reference_hash",
	"WITH RECURSIVE chain":                   "message_pkey",
	"page WHERE ended > 0":                   "Bitmap Heap Scan",
	"FROM entry WHERE message = ANY":         "Bitmap Heap Scan",
}

// scanned are the only tables that are ever read whole: they have a row or few, or everything in them is asked for.
var scanned = map[string]bool{"register": true, "item": true}

// Nothing reads a whole table that grows, or sorts what it has found in one, whether the tables are empty when a statement is
// planned or full: plans are made once for each connection, and then kept.
func TestEveryStatementHasItsIndex(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	d, err := Open(context.Background(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	checkPlans(t, plans(t, d, writers, every(d)...))
	full, err := Open(context.Background(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	fill(t, full)
	checkPlans(t, plans(t, full, writers, every(full)...))
}

// The server does all that it is asked by itself, also where sharing it out to further processes costs nothing.
func TestNoStatementIsSharedOut(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	eager := "?min_parallel_index_scan_size=0&min_parallel_table_scan_size=0&parallel_setup_cost=0&parallel_tuple_cost=0"
	d, err := Open(context.Background(), dsn+eager, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	fill(t, d)
	for text, plan := range plans(t, d, readers, every(d)...) {
		if strings.Contains(plan, "Gather") {
			t.Errorf("%s\n%s", text, plan)
		}
	}
}

func checkPlans(t *testing.T, plans map[string]string) {
	t.Helper()
	used := map[string]bool{}
	for text, plan := range plans {
		if strings.Contains(text, "product = $1 AND closed = 0") {
			continue // SQLite's question, which nobody asks here
		}
		for _, line := range strings.Split(plan, "\n") {
			if _, table, found := strings.Cut(line, "Seq Scan on "); found && !scanned[strings.Fields(table)[0]] || strings.Contains(line, "Sort Key") && !sortsFew(text) {
				t.Errorf("%s\n%s", text, plan)
			}
		}
		for part, index := range planned {
			if !strings.Contains(text, part) {
				continue
			}
			used[part] = true
			if !strings.Contains(plan, index+" on ") {
				t.Errorf("%s\ndoes not use %s\n%s", text, index, plan)
			}
		}
	}
	if len(used) != len(planned) {
		t.Errorf("only %v are asked", used)
	}
}

// sortsFew says whether a statement sorts no more than the few rows that its keys lead to, or a page of each stretch.
func sortsFew(text string) bool {
	return strings.Contains(text, "= ANY(") || strings.Contains(text, "stretch CROSS JOIN LATERAL")
}

// fill puts many rows into the tables that grow, and has their statistics taken.
func fill(t *testing.T, d *Driver) {
	t.Helper()
	ctx := context.Background()
	for _, text := range []string{
		`INSERT INTO message (seq, at, request, ended, card, target, voucher, names, amount, unnamed, unconfirmed, world, account, product, currency, family, role, state, prepaid, id)
			SELECT n, 0, 0, 0, n, 0, 0, 0, 0, 0, 0, 1, 1, 0, 710, 1, 1, CASE WHEN n % 1000 = 0 THEN 7 WHEN n % 100 = 0 THEN 1 ELSE 3 END, 0, int8send(n) FROM generate_series(1, 20000) n`,
		`INSERT INTO message_id SELECT hashint8(n), n FROM generate_series(1, 20000) n`,
		`INSERT INTO message_reference SELECT hashint8(n), n FROM generate_series(1, 20000) n`,
		`INSERT INTO card SELECT n, 0, 0, 0, 0, 0, 0, 1, 0, 0, 710, 0, 0, 0, 0, 1, 0, 0 FROM generate_series(1, 20000) n`,
		`INSERT INTO card_number SELECT decode('00000001', 'hex') || sha224(int8send(n)), n FROM generate_series(1, 20000) n`,
		`INSERT INTO voucher SELECT n, 0, 1, 1 + n % 7, CASE WHEN n % 5 = 0 THEN 1 WHEN n % 1000 = 1 THEN 3 ELSE 2 END, 's' || n FROM generate_series(1, 20000) n`,
		`INSERT INTO voucher_batch (number, world, product, closed, expiry, in_stock, name) SELECT n, 1, n % 3, n % 2, 0, n % 5, 'b' FROM generate_series(1, 200) n`,
		`INSERT INTO item (seq, request, at, amount, world, account, currency, state, family, role, upstream, id, request_id)
			SELECT n, 0, 0, 0, 1, 1, 710, CASE WHEN n % 100 = 0 THEN 3 ELSE 2 END, 1, 2, 'u' || n % 3, int8send(n), int8send(n) FROM generate_series(1, 20000) n`,
		`ANALYZE`,
	} {
		if _, err := d.side.Exec(ctx, text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}
