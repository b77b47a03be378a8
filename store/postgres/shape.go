package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/scripworks/scrip/store/sqlstore"
)

// shapes are the statements of sqlstore that write, as they run over sets.
type shapes [sqlstore.Queries]*shape

// shape is one of them: a statement of sqlstore, which writes one row, over the rows of as many arrays as it has
// parameters. A row comes as u, whose columns are named after the parameters: p1, p2 and so on.
type shape struct {
	statement
	table   string
	deletes bool
	columns []uint32 // types of u's
	key     []int    // columns that no two rows of one run may share; nil when none do
	node    bool     // the last parameter is the node
}

var (
	room       = regexp.MustCompile(`, room(\) VALUES \(.*), \$\d+\)|, room = NULL`)
	insertion  = regexp.MustCompile(`^INSERT INTO (\w+) \(([^)]*)\) VALUES \(([^)]*)\)(.*)$`)
	target     = regexp.MustCompile(`ON CONFLICT \(([^)]*)\) DO UPDATE`)
	update     = regexp.MustCompile(`^UPDATE (\w+) SET (.*) WHERE (\w+) = \$(\d+)(.*)$`)
	deletion   = regexp.MustCompile(`^DELETE FROM (\w+) WHERE (.*)$`)
	parameters = regexp.MustCompile(`\$(\d+)`)
)

// writes says whether a statement of sqlstore is one of those that Save uses. Places are given out in another way here.
func writes(text string) bool {
	return !strings.HasPrefix(text, "SELECT") && !ofPlaces(text)
}

// bare gives a statement without the column that only SQLite has, the last of those that are inserted: room for a row to
// grow, which here is a page's.
func bare(q sqlstore.Query) string {
	text := q.Text()
	if at := room.FindStringSubmatchIndex(text); at != nil && at[2] >= 0 {
		return text[:at[0]] + text[at[2]:at[3]] + ")" + text[at[1]:]
	} else if at != nil {
		return text[:at[0]] + text[at[1]:]
	}
	return text
}

func ofPlaces(text string) bool { return strings.Contains(text, " place ") }

// describe asks the server for the types of all parameters, and makes the statements over sets from them.
func (d *Driver) describe(ctx context.Context) (*shapes, error) {
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	c, err := d.side.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("postgres: connect: %w", inOneLine(err))
	}
	defer c.Release()
	made := &shapes{}
	p := c.Conn().PgConn().StartPipeline(ctx)
	defer p.Close()
	var sent []sqlstore.Query
	for q := range sqlstore.Query(sqlstore.Queries) {
		if writes(q.Text()) {
			p.SendPrepare("", bare(q), nil)
			sent = append(sent, q)
		}
	}
	if err := p.Sync(); err != nil {
		return nil, fmt.Errorf("postgres: describe statements: %w", err)
	}
	for _, q := range sent {
		got, err := p.GetResults()
		if err != nil {
			return nil, fmt.Errorf("postgres: describe %q: %w", q.Text(), err)
		}
		if made[q], err = overSets(int(q), bare(q), got.(*pgconn.StatementDescription).ParamOIDs); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// overSets makes the statement over sets from one over a row.
func overSets(number int, text string, types []uint32) (*shape, error) {
	s := &shape{statement: statement{name: "w" + strconv.Itoa(number)}}
	switch {
	case insertion.MatchString(text):
		s.insertion(insertion.FindStringSubmatch(text), types)
	case update.MatchString(text):
		s.update(update.FindStringSubmatch(text), types)
	case deletion.MatchString(text):
		s.deletion(deletion.FindStringSubmatch(text), types)
	default:
		return nil, fmt.Errorf("postgres: a statement of a kind that is not known: %s", text)
	}
	return s, nil
}

// keep makes columns of u for the parameters.
func (s *shape) keep(types []uint32) {
	for _, oid := range types {
		s.columns = append(s.columns, oid)
		s.params = append(s.params, arrays[oid].oid)
	}
}

// from gives the set of rows.
func (s *shape) from() string {
	values, names := make([]string, len(s.columns)), make([]string, len(s.columns))
	for i, oid := range s.columns {
		values[i], names[i] = fmt.Sprintf("$%d::%s", i+1, arrays[oid].name), fmt.Sprintf("p%d", i+1)
	}
	return "unnest(" + strings.Join(values, ", ") + ") AS u(" + strings.Join(names, ", ") + ")"
}

// byRow has a text speak of u's columns instead of parameters.
func byRow(text string) string { return parameters.ReplaceAllString(text, "u.p$1") }

func (s *shape) insertion(part []string, types []uint32) {
	s.table = part[1]
	names, tail := strings.Split(part[2], ", "), part[4]
	s.keep(types)
	into, values := slices.Clone(names), strings.Split(byRow(part[3]), ", ")
	if s.table == "message" {
		into = append(into, "node")
		values = append(values, s.inHand(1+slices.Index(names, "state"), "NULL"))
	}
	if found := target.FindStringSubmatch(tail); found != nil {
		for _, name := range strings.Split(found[1], ", ") {
			if n, err := strconv.Atoi(strings.TrimPrefix(values[slices.Index(names, name)], "u.p")); err == nil {
				s.key = append(s.key, n-1)
			}
		}
	}
	switch s.table {
	case "voucher_batch":
		tail += head
	case "message_id":
		tail = "" // no place is noted twice, and to be ready for it would cost as much again
	}
	s.text = "INSERT INTO " + s.table + " (" + strings.Join(into, ", ") + ") SELECT " + strings.Join(values, ", ") +
		" FROM " + s.from() + tail
}

// head keeps voucher_batch.head at what is in stock. Whoever puts vouchers below it has lowered it before.
const head = `, head = coalesce((SELECT v.id FROM voucher v WHERE v.batch = voucher_batch.number AND v.status = 1 ` +
	`AND v.id >= voucher_batch.head ORDER BY v.batch, v.id LIMIT 1), voucher_batch.head)`

// inHand gives the node of a message whose state is a parameter: ours while we are at work on it.
func (s *shape) inHand(state int, otherwise string) string {
	s.node = true
	s.params = append(s.params, pgtype.Int4OID)
	return fmt.Sprintf("CASE WHEN u.p%d IN (7, 8) THEN $%d::integer ELSE %s END", state, len(s.params), otherwise)
}

var stateParameter = regexp.MustCompile(`\bstate = \$(\d+)`)

func (s *shape) update(part []string, types []uint32) {
	s.table = part[1]
	set := byRow(part[2])
	s.keep(types)
	if s.table == "message" {
		state, _ := strconv.Atoi(stateParameter.FindStringSubmatch(part[2])[1])
		set += ", node = " + s.inHand(state, "node")
	}
	key, _ := strconv.Atoi(part[4])
	s.key = []int{key - 1}
	s.text = "UPDATE " + s.table + " SET " + set + " FROM " + s.from() + " WHERE " + part[3] + " = u.p" + part[4] + byRow(part[5])
}

func (s *shape) deletion(part []string, types []uint32) {
	s.table, s.deletes = part[1], true
	s.keep(types)
	s.text = "DELETE FROM " + s.table + " USING " + s.from() + " WHERE " + byRow(part[2])
}
