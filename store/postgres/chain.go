package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlstore"
)

// loadChain follows the chain of the card or voucher $1 from the message $2 on, and gives at most $3 messages of it, and with them
// those that have ended them. The server reads the links itself, each of which says how far back the message before lies, so that a
// page of a history is one question and not a hundred. It follows a link that is among the first of its message, as nearly all are,
// and stops at another one. It only ever goes back, so that it ends whatever stands in a trail.
var loadChain = question{name: "chain", params: []uint32{pgtype.Int8OID, pgtype.Int8OID, pgtype.Int8OID}, byBitmap: true,
	text: `WITH RECURSIVE chain AS (SELECT * FROM message WHERE seq = $2 UNION ALL SELECT m.* FROM chain ` +
		`CROSS JOIN LATERAL (` + linkOf(`chain.trail`, `$1 - chain.card`) + `) l (back) ` +
		`JOIN message m ON m.seq = chain.seq - l.back WHERE l.back > 0 AND l.back < chain.seq), ` +
		`page AS MATERIALIZED (SELECT * FROM chain LIMIT $3) ` +
		`SELECT ` + sqlstore.MessageColumns + ` FROM page UNION ALL ` +
		`SELECT ` + sqlstore.MessageColumns + ` FROM message WHERE seq = ANY(ARRAY(SELECT seq + ended FROM page WHERE ended > 0)) OR seq = 0`}

// wantChains asks for chains on behalf of a view. A writer gets them message by message, each with its lock.
func (l *loading) wantChains(w *store.Wanted) {
	if l.writing {
		return
	}
	for _, chain := range w.Chains {
		l.ask(loadChain, l.readOfChain, int8(chain.Of), int8(chain.From), int8(limit(chain.Most)))
	}
}

func (l *loading) readOfChain(r *row) error {
	m, err := l.session.ScanMessage(r)
	if err == nil {
		l.set.LoadedMessage(m)
	}
	return err
}

// Bounds of what the server reads of a trail.
const (
	trailLinks  = 2
	numberBytes = 6 // of each number: 41 bits and a sign. One that is longer is not understood
)

// linkOf gives a question for how far back the link leads whose card is so far from that of its message. The numbers of a trail
// (sqlstore/trail.go) are read one after the other; what lies behind its end is read as zeros. OFFSET 0 keeps the server from
// putting the text of each reading into the next.
func linkOf(trail, card string) string {
	read := `SELECT ` + trail + ` || '\x` + strings.Repeat("00", 1+2*trailLinks*numberBytes) + `'::bytea AS b, 1 AS at`
	known, found := "b", ""
	for n := range 2 * trailLinks {
		read = fmt.Sprintf(`SELECT %s, %s AS n%d, %s AS at FROM (%s OFFSET 0) r`, known, numberAt(0), n, behind(), read)
		known += fmt.Sprintf(", n%d", n)
	}
	for link := range trailLinks {
		found += fmt.Sprintf(` WHEN get_byte(b, 0) > %d AND %s = %s THEN %s`, link, signed(2*link), card, signed(2*link+1))
	}
	return `SELECT CASE` + found + ` END FROM (` + read + ` OFFSET 0) r`
}

// numberAt gives the text for what stands in a number from its kth byte on.
func numberAt(k int) string {
	b := fmt.Sprintf(`get_byte(b, at + %d)`, k)
	if k == numberBytes-1 {
		return fmt.Sprintf(`(%s & 127)::bigint << %d`, b, 7*k)
	}
	return fmt.Sprintf(`CASE WHEN %[1]s < 128 THEN %[1]s::bigint << %[2]d ELSE ((%[1]s & 127)::bigint << %[2]d) | (%[3]s) END`, b, 7*k, numberAt(k+1))
}

// behind gives the text for where a number ends.
func behind() string {
	ends := ""
	for k := range numberBytes - 1 {
		ends += fmt.Sprintf(` WHEN get_byte(b, at + %d) < 128 THEN at + %d`, k, k+1)
	}
	return fmt.Sprintf(`CASE%s ELSE at + %d END`, ends, numberBytes)
}

// signed gives the text for a number that may be negative.
func signed(n int) string { return fmt.Sprintf(`((n%[1]d >> 1) # -(n%[1]d & 1))`, n) }
