package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/scripworks/scrip/store/sqlstore"
)

// planned are the statements whose index matters, by a part of their text. What is in stock, on sale or at work is
// little of what there is, or stands at the head of much.
var planned = map[string]string{
	"WHERE product = ":                "voucher_batch_on_sale",
	"FROM card_number WHERE digest >": "PRIMARY KEY",
	"status = 1 AND id > ":            "voucher_stock",
	"status > 2 AND id > ":            "voucher_apart",
	"batch >= 0 AND status = ?2":      "voucher_of_batch",
	"FROM voucher_hash WHERE hash = ": "PRIMARY KEY",
	"state = 1 AND role = 1":          "message_open",
	"state IN (7, 8) AND role = 1":    "message_working",
	"upstream = ?1 AND state = 2":     "item_waiting",
	"WHERE state = 2 AND seq > ":      "item USING INTEGER PRIMARY KEY",
	"upstream = ?1 AND state = ?3":    "item_apart_of",
	"WHERE state = ?3 AND state > 2":  "item_apart",
}

// whole is the question about everything: the levels of the queue.
const whole = "SELECT upstream, account, state, currency, amount, at FROM item"

// Nothing that is asked, but of how much there is in the queue, reads a whole table or sorts what it has found: each answer
// costs what it brings, however much there is.
func TestEveryQuestionHasItsIndex(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "scrip.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	haveIndexes(t, d)
}

// Nor once SQLite has counted rows, however they are spread: what it then knows must not mislead it.
func TestEveryQuestionHasItsIndexOnceRowsAreCounted(t *testing.T) {
	for name, rows := range map[string][]string{
		"all in stock, in line and open": {
			manyVouchers + ` SELECT n, 1, 1 + n % 3, 1, 0, n, NULL, NULL FROM many`,
			manyItems + ` SELECT n, 'issuer', 2, 1, 1, 1, 1, n, 0, n, 0, 0, 0, NULL FROM many`,
			manyMessages + ` SELECT n, 1, n, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 FROM many`,
		},
		"all sold, apart and ended": {
			manyVouchers + ` SELECT n, 1, 1, 2 + n % 3, 0, n, NULL, NULL FROM many`,
			manyItems + ` SELECT n, 'issuer', 3 + n % 2, 1, 1, 1, 1, n, 0, n, 0, 0, 0, NULL FROM many`,
			manyMessages + ` SELECT n, 1, n, 1, 1, 1, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 FROM many`,
		},
		"nothing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Open(filepath.Join(t.TempDir(), "scrip.db"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := d.writer.exec(append(rows, "ANALYZE")...); err != nil {
				t.Fatal(err)
			}
			if err := d.Optimize(t.Context()); err != nil {
				t.Error(err)
			}
			haveIndexes(t, d)
		})
	}
}

// many are five thousand numbers.
const (
	many         = `WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 5000) `
	manyVouchers = many + `INSERT INTO voucher (id, world, batch, status, last_message, serial, sealed_pin, room)`
	manyItems    = many + `INSERT INTO item (seq, upstream, state, world, account, family, role, id, request, request_id, at, amount, currency, body)`
	manyMessages = many + `INSERT INTO message (seq, world, id, account, family, role, state, at, request, ended, card, target, product, names, ` +
		`amount, unnamed, unconfirmed, currency)`
)

func haveIndexes(t *testing.T, d *Driver) {
	t.Helper()
	used := map[string]bool{}
	for q := range sqlstore.Queries {
		text := textOf(sqlstore.Query(q))
		plan := planOf(t, d.writer.Conn, text)
		if text == whole {
			continue
		}
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\n%s", text, plan)
		}
		for part, index := range planned {
			if !strings.Contains(text, part) {
				continue
			}
			used[part] = true
			if !strings.Contains(plan, index+" (") && !strings.Contains(plan, "USING "+index) {
				t.Errorf("%s\ndoes not use %s\n%s", text, index, plan)
			}
		}
	}
	if len(used) != len(planned) {
		t.Errorf("only %v are asked", used)
	}
}

// planOf gives what SQLite would do for a statement.
func planOf(t *testing.T, c *sqlite.Conn, text string) string {
	t.Helper()
	s, _, err := c.PrepareTransient("EXPLAIN QUERY PLAN " + text)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Finalize()
	var plan strings.Builder
	for {
		row, err := s.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !row {
			return plan.String()
		}
		fmt.Fprintln(&plan, s.ColumnText(3))
	}
}
