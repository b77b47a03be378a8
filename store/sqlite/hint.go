package sqlite

import (
	"strings"

	"github.com/scripworks/scrip/store/sqlstore"
)

// SQLite chooses between indexes by what it has counted, and a count is soon wrong here: what is open, in line or in stock is
// all there is at one time, and a thousandth of it at another. Every question has one index that is right however much
// there is, so where there is a choice SQLite is told (docs/decisions/0023).
var hints = strings.NewReplacer(
	"FROM message WHERE state = 1 AND role = 1", "FROM message INDEXED BY message_open WHERE state = 1 AND role = 1",
	"FROM message WHERE state IN (7, 8)", "FROM message INDEXED BY message_working WHERE state IN (7, 8)",
	"FROM voucher_batch WHERE product =", "FROM voucher_batch INDEXED BY voucher_batch_on_sale WHERE product =",
	"FROM voucher WHERE batch = $1 AND status = 1", "FROM voucher INDEXED BY voucher_stock WHERE batch = $1 AND status = 1",
	"FROM voucher WHERE batch = $1 AND status = $2 AND status > 2", "FROM voucher INDEXED BY voucher_apart WHERE batch = $1 AND status = $2 AND status > 2",
	"FROM voucher WHERE batch = $1 AND batch >= 0", "FROM voucher INDEXED BY voucher_of_batch WHERE batch = $1 AND batch >= 0",
	fromItems+"upstream = $1 AND state = 2", ofItems("INDEXED BY item_waiting")+"upstream = $1 AND state = 2",
	fromItems+"state = 2", ofItems("NOT INDEXED")+"state = 2",
	fromItems+"upstream = $1 AND state = $3", ofItems("INDEXED BY item_apart_of")+"upstream = $1 AND state = $3",
	fromItems+"state = $3", ofItems("INDEXED BY item_apart")+"state = $3",
)

const fromItems = "FROM item LEFT JOIN item_trouble USING (seq) WHERE "

func ofItems(hint string) string { return strings.Replace(fromItems, "item ", "item "+hint+" ", 1) }

// textOf gives a statement as SQLite is to run it.
func textOf(q sqlstore.Query) string { return numbered(hints.Replace(q.Text())) }
