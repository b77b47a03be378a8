package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlstore"
	"github.com/scripworks/scrip/txn"
)

// withIDs gives the places of the messages whose ids have the hashes $1.
const withIDs = `ARRAY(SELECT i.seq FROM message_id i WHERE i.hash = ANY($1) AND i.seq > 0)`

// of gives what the messages of those ids name, when a condition holds.
func of(what, condition string) string {
	return `ARRAY(SELECT ` + what + ` FROM message m WHERE m.seq = ANY(` + withIDs + `) AND ` + condition + `)`
}

// Statements of a load. Each asks for all that one load wants, by keys in arrays. Those that end in %s lock their rows in the
// order of their keys, unless a view asks.
var (
	lockAll = question{name: "lock", params: []uint32{pgtype.Int8ArrayOID, pgtype.Int4OID},
		text: `SELECT (SELECT until > clock_timestamp() FROM node WHERE number = $2), count(pg_advisory_xact_lock(k)::text) FROM unnest($1) k`}
	loadRegister = question{name: "register", text: `SELECT revision FROM register`, locks: true}

	loadMessages = question{name: "messages", params: []uint32{pgtype.Int8ArrayOID, pgtype.Int8ArrayOID}, locks: true,
		text: `SELECT ` + sqlstore.MessageColumns + ` FROM message WHERE seq = ANY(` + withIDs + ` || $2) ORDER BY seq`}
	loadPruned = question{name: "pruned", params: loadMessages.params,
		text: `SELECT ` + sqlstore.PrunedColumns + ` FROM pruned WHERE seq = ANY(` + withIDs + ` || $2) ORDER BY seq`}
	loadTombstones = question{name: "tombstones", params: []uint32{pgtype.Int8ArrayOID},
		text: `SELECT reversal, world, id, account FROM tombstone WHERE reversal = ANY(ARRAY(SELECT -i.seq FROM message_id i WHERE i.hash = ANY($1) AND i.seq < 0))`}
	loadNumbers = question{name: "numbers", params: []uint32{pgtype.ByteaArrayOID},
		text: `SELECT digest, card FROM card_number WHERE digest = ANY($1)`}
	loadCards = question{name: "cards", params: []uint32{pgtype.Int8ArrayOID, pgtype.ByteaArrayOID, pgtype.Int8ArrayOID}, locks: true,
		text: `SELECT ` + sqlstore.CardColumns + ` FROM card WHERE id = ANY(` + of(`unnest(ARRAY[m.card, m.target])`, `m.voucher = 0`) +
			` || ARRAY(SELECT n.card FROM card_number n WHERE n.digest = ANY($2)) || $3) ORDER BY id`}
	loadFloats = question{name: "floats", params: []uint32{pgtype.Int8ArrayOID, pgtype.Int4ArrayOID}, locks: true,
		text: `SELECT ` + sqlstore.FloatColumns + ` FROM float WHERE account = ANY(` + of(`m.account`, `m.prepaid = 1`) + ` || $2) ORDER BY account`}

	loadStock = question{name: "stock", params: []uint32{pgtype.Int4OID, pgtype.Int8OID, pgtype.Int4OID, pgtype.Int8OID}, locks: true,
		text: `SELECT ` + sqlstore.BatchColumns + ` FROM voucher_batch WHERE product = $1 AND on_sale = 1 AND (expiry, number) > ($2, $3) ` +
			`ORDER BY expiry, number LIMIT $4`}
	loadSellable = question{name: "sellable", params: loadStock.params, locksInner: true,
		text: `WITH b AS MATERIALIZED (SELECT number, head FROM voucher_batch WHERE product = $1 AND on_sale = 1 AND (expiry, number) > ($2, $3) ` +
			`ORDER BY expiry, number LIMIT $4) SELECT v.* FROM b CROSS JOIN LATERAL (SELECT ` + sqlstore.VoucherColumns + ` FROM voucher ` +
			`WHERE batch = b.number AND status = 1 AND id >= b.head ORDER BY batch, id LIMIT $4%s) v LIMIT $4`}
	loadShelf = question{name: "shelf", params: []uint32{pgtype.Int4OID, pgtype.Int8OID, pgtype.Int8OID}, locks: true,
		text: `SELECT ` + sqlstore.VoucherColumns + ` FROM voucher WHERE batch = $1 AND status = 1 AND id > $2 ` +
			`AND id >= (SELECT b.head FROM voucher_batch b WHERE b.number = $1) ORDER BY batch, id LIMIT $3`}
	loadHashes = question{name: "hashes", params: []uint32{pgtype.Int8ArrayOID},
		text: `SELECT hash, voucher FROM voucher_hash WHERE hash = ANY($1) ORDER BY hash, voucher`}
	loadVouchers = question{name: "vouchers", params: []uint32{pgtype.Int8ArrayOID, pgtype.Int8ArrayOID, pgtype.Int8ArrayOID}, locks: true,
		text: `SELECT ` + sqlstore.VoucherColumns + ` FROM voucher WHERE id = ANY(` + of(`m.voucher`, `m.voucher <> 0`) +
			` || ARRAY(SELECT h.voucher FROM voucher_hash h WHERE h.hash = ANY($2)) || $3) ORDER BY id`}
	loadBatches = question{name: "batches", params: []uint32{pgtype.Int4ArrayOID}, locks: true,
		text: `SELECT ` + sqlstore.BatchColumns + ` FROM voucher_batch WHERE number = ANY($1) ORDER BY number`}

	loadDetails = question{name: "details", params: []uint32{pgtype.Int8ArrayOID}, locks: true,
		text: `SELECT ` + sqlstore.DetailColumns + ` FROM card_detail WHERE card = ANY($1) ORDER BY card`}
	loadHolders = question{name: "holders", params: []uint32{pgtype.ByteaArrayOID, pgtype.Int8OID},
		text: `SELECT h.digest, c.card FROM unnest($1) h (digest) CROSS JOIN LATERAL ` +
			`(SELECT card FROM card_holder WHERE digest = h.digest ORDER BY card LIMIT $2) c`}
	loadCounters = question{name: "counters",
		params: []uint32{pgtype.Int2ArrayOID, pgtype.Int8ArrayOID, pgtype.Int2ArrayOID, pgtype.Int8ArrayOID, pgtype.Int8ArrayOID},
		text: `SELECT u.n, count, amount FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY u (p, o, f, w, s, n) ` +
			`JOIN counter ON per_account = u.p AND owner = u.o AND family = u.f AND "window" = u.w AND start = u.s`}
	loadItems = question{name: "items", params: []uint32{pgtype.Int8ArrayOID}, locks: true, lockOf: " OF item",
		text: `SELECT item.` + sqlstore.ItemColumns + `, attempts, tried, why FROM item LEFT JOIN item_trouble USING (seq) WHERE item.seq = ANY($1) ORDER BY item.seq`}
	loadEntries = question{name: "entries", params: []uint32{pgtype.Int8ArrayOID}, byBitmap: true,
		text: `SELECT ` + sqlstore.EntryColumns + ` FROM entry WHERE message = ANY($1) OR message = 0`}

	begin     = statement{name: "begin", text: `BEGIN ISOLATION LEVEL READ COMMITTED`}
	beginView = statement{name: "beginview", text: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`}
	commit    = statement{name: "commit", text: `COMMIT`}
	rollback  = statement{name: "rollback", text: `ROLLBACK`}
)

// question is a statement of a load, with its locks or without.
type question struct {
	name, text string
	params     []uint32
	locks      bool   // the rows at its end
	lockOf     string // of which table
	locksInner bool   // the rows of the sub-select

	// byBitmap has its rows fetched many pages at a time. They may lie anywhere in a large table: a scan by bitmap finds all places in
	// the index first, and then has the disk fetch as many pages at once as effective_io_concurrency says; a scan by index waits for
	// each. Such a question has a condition that no row fulfils, with an OR: only a scan by bitmap can answer that from an index.
	byBitmap bool
}

// ask gives the statement for a writer, or for a view.
func (q question) ask(writing bool) *statement {
	s := &statement{name: q.name, text: q.text, params: q.params, byBitmap: q.byBitmap}
	lock := ""
	if writing {
		lock = " FOR UPDATE" + q.lockOf
	} else if q.locks || q.locksInner {
		s.name += "view"
	}
	switch {
	case q.locksInner:
		s.text = fmt.Sprintf(q.text, lock)
	case q.locks:
		s.text += lock
	}
	return s
}

// asked keeps the statements of both kinds.
var asked = func() (all [2]map[string]*statement) {
	for i := range all {
		all[i] = map[string]*statement{}
		for _, q := range []question{
			lockAll, loadRegister, loadMessages, loadPruned, loadTombstones, loadNumbers, loadCards, loadFloats, loadStock, loadSellable, loadShelf,
			loadHashes, loadVouchers, loadBatches, loadDetails, loadHolders, loadCounters, loadItems, loadChain, loadEntries,
		} {
			all[i][q.name] = q.ask(i == 1)
		}
	}
	return all
}()

// loading is one load: what is asked, and what the answers are about. Its memory is used again and again.
type loading struct {
	session    *sqlstore.Session // reads rows
	writing    bool
	airtime    bool // messages may name vouchers and floats
	statements []*statement
	values     [][][]byte
	read       []func(*row) error
	done       []func()
	set        *store.Set
	row        row
	rows       int // that were read

	locks      []int64
	hashes     []int64 // of ids
	ids        []store.IDKey
	digests    []secret.Digest // of numbers
	found      []secret.Digest // those of them that lead to a card
	messages   []txn.Message
	byID       map[ident.ID]int // one more than the place of an id's first message
	next       []int            // of each message: one more than the place of the next with its id
	husks      []txn.Husk
	tombstones []tombstone
}

type tombstone struct {
	world    ident.World
	id       ident.ID
	account  ident.Account
	reversal int64
}

func (l *loading) init() {
	l.session, l.byID = sqlstore.NewSession(nil, nil, nil), map[ident.ID]int{}
}

func (l *loading) reset(set *store.Set, writing bool) {
	clear(l.values)
	clear(l.read)
	clear(l.done)
	l.set, l.writing, l.rows = set, writing, 0
	l.statements, l.values, l.read, l.done = l.statements[:0], l.values[:0], l.read[:0], l.done[:0]
	l.locks, l.hashes, l.ids, l.digests, l.found = l.locks[:0], l.hashes[:0], l.ids[:0], l.digests[:0], l.found[:0]
	clear(l.messages)
	l.messages, l.next, l.tombstones = l.messages[:0], l.next[:0], l.tombstones[:0]
	l.husks = l.husks[:0]
}

// tell sends a statement whose rows nobody reads.
func (l *loading) tell(s *statement) {
	l.statements, l.values, l.read = append(l.statements, s), append(l.values, nil), append(l.read, nil)
}

// ask adds a question. read is called for each row of its answer.
func (l *loading) ask(q question, read func(*row) error, values ...[]byte) {
	i := 0
	if l.writing {
		i = 1
	}
	s := asked[i][q.name]
	if s.byBitmap {
		l.tell(&scanByBitmap)
		defer l.tell(&scanByIndex)
	}
	l.statements = append(l.statements, s)
	l.values, l.read = append(l.values, values), append(l.read, read)
}

// after adds what is to be done once all answers are there.
func (l *loading) after(do func()) { l.done = append(l.done, do) }

// load asks everything in one round trip.
func (c *conn) load(ctx context.Context) (err error) {
	l := &c.loading
	if err := c.prepare(ctx, l.statements...); err != nil {
		return err
	}
	p := c.StartPipeline(ctx)
	for i, s := range l.statements {
		p.SendQueryStatement(c.prepared[s.name], l.values[i], formats, formats)
	}
	if err = p.Sync(); err == nil {
		err = l.answers(p)
	}
	if err = errors.Join(err, p.Close()); err != nil {
		return err
	}
	for _, do := range l.done {
		do()
	}
	return nil
}

func (l *loading) answers(p *pgconn.Pipeline) error {
	for _, read := range l.read {
		got, err := p.GetResults()
		if err != nil {
			return err
		}
		result := got.(*pgconn.ResultReader)
		l.row.fields = result.FieldDescriptions()
		for result.NextRow() {
			l.rows++
			if l.row.values = result.Values(); read != nil && err == nil {
				err = read(&l.row)
			}
		}
		if _, failed := result.Close(); failed != nil || err != nil {
			return errors.Join(failed, err)
		}
	}
	return nil
}

// want makes the questions for what is wanted and not in the set yet.
func (l *loading) want(w *store.Wanted) {
	l.wantIDs(w)
	l.wantChains(w)
	l.wantCards(w)
	l.wantFloats(w)
	for _, wish := range w.Stock {
		l.wantStock(wish)
	}
	for _, wish := range w.Shelves {
		l.wantShelf(wish)
	}
	l.wantVouchers(w)
	l.wantSeldom(w)
}

func (l *loading) wantIDs(w *store.Wanted) {
	for _, k := range w.IDs {
		if !l.set.HasID(k) {
			l.ids = append(l.ids, k)
			l.hashes = append(l.hashes, k.Hash)
		}
	}
	if len(l.ids) == 0 && len(w.Seqs) == 0 {
		return
	}
	l.ask(loadMessages, l.readMessage, int8s(l.hashes), int8s(w.Seqs))
	l.ask(loadPruned, l.readHusk, int8s(l.hashes), int8s(w.Seqs)) // after, so that what is pruned meanwhile is found there
	if len(l.ids) == 0 {
		l.after(func() { l.keepMessages() })
		return
	}
	l.ask(loadTombstones, l.readTombstone, int8s(l.hashes))
	l.after(l.keepIDs)
}

func (l *loading) readMessage(r *row) error {
	m, err := l.session.ScanMessage(r)
	l.messages, l.next = append(l.messages, m), append(l.next, 0)
	return err
}

func (l *loading) readHusk(r *row) error {
	h, err := sqlstore.ScanPruned(r)
	l.husks = append(l.husks, h)
	return err
}

func (l *loading) readTombstone(r *row) error {
	id, err := l.session.ScanID(r, 2)
	l.tombstones = append(l.tombstones, tombstone{
		reversal: r.ColumnInt64(0), world: ident.World(r.ColumnInt64(1)), id: id, account: ident.Account(r.ColumnInt64(3)),
	})
	return err
}

func (l *loading) keepMessages() {
	for _, m := range l.messages {
		l.set.LoadedMessage(m)
	}
	for i := range l.husks {
		l.set.LoadedMessage(l.husks[i].Message)
	}
}

// keepIDs brings what was found to the ids; hashes may collide.
func (l *loading) keepIDs() {
	clear(l.byID)
	for i := len(l.messages) - 1; i >= 0; i-- { // so that chains are in order
		m := &l.messages[i]
		l.next[i] = l.byID[m.ID]
		l.byID[m.ID] = i + 1
	}
	for _, k := range l.ids {
		if l.set.HasID(k) {
			continue
		}
		var messages []txn.Message
		for i := l.byID[k.ID]; i > 0; i = l.next[i-1] {
			if m := &l.messages[i-1]; m.World == k.World {
				messages = append(messages, *m)
			}
		}
		l.set.LoadedID(k, l.withHusks(k, messages), l.tombstonesOf(k))
	}
	l.keepMessages()
}

// withHusks adds what is left of an id's messages that were pruned. Of these nothing but the hash says whose they are.
func (l *loading) withHusks(k store.IDKey, messages []txn.Message) []txn.Message {
	before := len(messages)
	for i := range l.husks {
		if h := &l.husks[i]; h.Hash == k.Hash && h.World == k.World {
			messages = append(messages, h.Message)
		}
	}
	if len(messages) > before {
		slices.SortFunc(messages, func(a, b txn.Message) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	return messages
}

func (l *loading) tombstonesOf(k store.IDKey) (found []store.Tombstone) {
	for _, t := range l.tombstones {
		if t.world == k.World && t.id == k.ID {
			found = append(found, store.Tombstone{Request: k, Account: t.account, Reversal: t.reversal})
		}
	}
	return found
}

// digests gives digests as a parameter.
func digests(all []secret.Digest) []byte {
	b := make([]byte, arrayHead, arrayHead+24*len(all))
	for _, d := range all {
		b = append(b, 0, 0, 0, byte(4+len(d.Sum)))
		b = sqlstore.AppendDigest(b, d)
	}
	return finishArray(b, pgtype.ByteaOID, len(all))
}

func (l *loading) wantCards(w *store.Wanted) {
	for _, key := range w.Numbers {
		for _, d := range key {
			if !l.set.HasNumber(d) {
				l.digests = append(l.digests, d)
			}
		}
	}
	if len(l.digests) > 0 {
		l.ask(loadNumbers, l.readNumber, digests(l.digests))
		l.after(func() {
			for _, d := range l.digests {
				l.set.LoadedNumber(d, 0)
			}
		})
	}
	if len(l.ids)+len(l.digests)+len(w.Cards) > 0 {
		l.ask(loadCards, l.readCard, int8s(l.hashes), digests(l.digests), int8s(w.Cards))
	}
}

func (l *loading) readNumber(r *row) error {
	d, err := l.session.ScanDigest(r, 0)
	l.set.LoadedNumber(d, r.ColumnInt64(1))
	l.found = append(l.found, d)
	return err
}

func (l *loading) readCard(r *row) error {
	l.set.LoadedCard(sqlstore.ScanCard(r))
	return nil
}

func (l *loading) wantFloats(w *store.Wanted) {
	if len(l.naming())+len(w.Floats) == 0 {
		return
	}
	l.ask(loadFloats, l.readFloat, int8s(l.naming()), int4s(w.Floats))
	accounts := slices.Clone(w.Floats)
	l.after(func() {
		for _, account := range accounts {
			l.set.LoadedFloat(account, nil) // unless it was found
		}
	})
}

// naming gives the hashes of ids whose messages may name vouchers and floats.
func (l *loading) naming() []int64 {
	if l.airtime {
		return l.hashes
	}
	return nil
}

func (l *loading) readFloat(r *row) error {
	f, err := sqlstore.ScanFloat(r)
	l.set.LoadedFloat(f.Account, &f)
	return err
}

func (l *loading) readBatch(into *[]airtime.Batch) func(*row) error {
	return func(r *row) error {
		b, err := sqlstore.ScanBatch(r)
		*into = append(*into, b)
		return err
	}
}

func readVouchers(into *[]airtime.Voucher) func(*row) error {
	return func(r *row) error {
		v, err := sqlstore.ScanVoucher(r)
		*into = append(*into, v)
		return err
	}
}

// wantStock asks for the batches of a product that are on sale, and for the first of their vouchers. The batches' rows are
// locked before the vouchers are looked for, so that nobody takes or brings any meanwhile.
func (l *loading) wantStock(wish store.Stock) {
	values := [][]byte{int4(wish.Product), int8(wish.After.Expiry), int4(wish.After.Number), int8(limit(wish.Count))}
	var batches []airtime.Batch
	var vouchers []airtime.Voucher
	l.ask(loadStock, l.readBatch(&batches), values...)
	l.ask(loadSellable, readVouchers(&vouchers), values...)
	l.after(func() {
		l.set.LoadedStock(wish, batches)
		l.keepShelves(wish, batches, vouchers)
	})
}

// keepShelves brings the vouchers of a wish for stock. They come batch by batch; all of a batch are there unless the last
// one that was asked for is of it. Of a batch that came on sale between the two questions nothing is known.
func (l *loading) keepShelves(wish store.Stock, batches []airtime.Batch, vouchers []airtime.Voucher) {
	cut := len(vouchers) == wish.Count
	for len(vouchers) > 0 {
		batch := vouchers[0].Batch
		n := slices.IndexFunc(vouchers, func(v airtime.Voucher) bool { return v.Batch != batch })
		shelf := store.Shelf{Batch: batch, Count: n + 1}
		if n < 0 {
			n = len(vouchers)
			shelf.Count = n
			if !cut {
				shelf.Count++
			}
		}
		if slices.ContainsFunc(batches, func(b airtime.Batch) bool { return b.Number == batch }) {
			l.set.LoadedShelf(shelf, vouchers[:n])
		}
		vouchers = vouchers[n:]
	}
}

func (l *loading) wantShelf(wish store.Shelf) {
	var vouchers []airtime.Voucher
	l.ask(loadBatches, func(*row) error { return nil }, int4s([]int32{wish.Batch})) // its lock
	l.ask(loadShelf, readVouchers(&vouchers), int4(wish.Batch), int8(wish.After), int8(limit(wish.Count)))
	l.after(func() { l.set.LoadedShelf(wish, vouchers) })
}

func (l *loading) wantVouchers(w *store.Wanted) {
	if len(w.Batches) > 0 {
		l.ask(loadBatches, func(r *row) error {
			b, err := sqlstore.ScanBatch(r)
			l.set.LoadedBatch(b)
			return err
		}, int4s(w.Batches))
	}
	hashes := slices.DeleteFunc(slices.Clone(w.Hashes), l.set.HasHash)
	if len(l.naming())+len(w.Vouchers)+len(hashes) == 0 {
		return
	}
	if len(hashes) > 0 {
		l.wantHashes(hashes)
	}
	l.ask(loadVouchers, func(r *row) error {
		v, err := sqlstore.ScanVoucher(r)
		l.set.LoadedVoucher(v)
		return err
	}, int8s(l.naming()), int8s(hashes), int8s(w.Vouchers))
}

func (l *loading) wantHashes(hashes []int64) {
	found := map[int64][]int64{}
	l.ask(loadHashes, func(r *row) error {
		hash := r.ColumnInt64(0)
		found[hash] = append(found[hash], r.ColumnInt64(1))
		return nil
	}, int8s(hashes))
	l.after(func() {
		for _, hash := range hashes {
			l.set.LoadedHash(hash, found[hash])
		}
	})
}

// wantSeldom asks for what few messages want.
func (l *loading) wantSeldom(w *store.Wanted) {
	if len(w.Details) > 0 {
		l.ask(loadDetails, func(r *row) error {
			d, err := l.session.ScanDetail(r)
			l.set.LoadedDetail(d)
			return err
		}, int8s(w.Details))
	}
	if len(w.Items) > 0 {
		l.wantItems(slices.Clone(w.Items))
	}
	if len(w.Holders) > 0 {
		l.wantHolders(slices.Clone(w.Holders))
	}
	if len(w.Counters) > 0 {
		l.wantCounters(slices.Clone(w.Counters))
	}
}

func (l *loading) wantItems(seqs []int64) {
	l.ask(loadItems, func(r *row) error {
		i, err := l.session.ScanItem(r)
		l.set.LoadedItem(i.Seq, &i)
		return err
	}, int8s(seqs))
	l.after(func() {
		for _, seq := range seqs {
			l.set.LoadedItem(seq, nil) // unless it was found
		}
	})
}

func (l *loading) wantHolders(wanted []secret.Digest) {
	found := map[secret.Digest][]int64{}
	l.ask(loadHolders, func(r *row) error {
		d, err := l.session.ScanDigest(r, 0)
		found[d] = append(found[d], r.ColumnInt64(1))
		return err
	}, digests(wanted), int8(store.MaxCardsOfHolder))
	l.after(func() {
		for _, d := range wanted {
			l.set.LoadedHolder(d, found[d])
		}
	})
}

func (l *loading) wantCounters(keys []txn.CounterKey) {
	columns := columnsOf(keys)
	found := make([]txn.Counter, len(keys))
	l.ask(loadCounters, func(r *row) error {
		found[r.ColumnInt64(0)-1] = txn.Counter{Count: r.ColumnInt64(1), Amount: money.Minor(r.ColumnInt64(2))}
		return nil
	}, array(columns.perAccount, pgtype.Int2OID), int8s(columns.owner), array(columns.family, pgtype.Int2OID), int8s(columns.window), int8s(columns.start))
	l.after(func() {
		for i, k := range keys {
			l.set.LoadedCounter(k, found[i])
		}
	})
}

func boolean(yes bool) int16 {
	if yes {
		return 1
	}
	return 0
}
