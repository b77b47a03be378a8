package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

var _ giftcard.Products = (*Register)(nil)

// Register holds in memory what operators have set, as it stands on the disk: accounts, products, operators,
// imports and paused upstreams. Reading it takes no lock. It changes only after the row of the change has been committed,
// and knows at which revision of the store it was read: where many processes share the store, Refresh brings what others
// have changed.
type Register struct {
	now atomic.Pointer[snapshot]
	// changing is held from the reading of what is to be changed until the change is published, so that changes
	// of this process come one after the other. Of other processes' changes the revision tells: see Office.act.
	changing sync.Mutex
	codec    Codec
	reports  Reports
}

// snapshot is the register at one instant. Once it is published, it and all it points to never change.
type snapshot struct {
	revision  int64                // of the store's records that it shows; unsure when nobody knows
	own       map[ident.World]bool // worlds that no other snapshot has, so that they may change until this one is published
	accounts  map[ident.Account]*Account
	operators map[int32]*Operator
	imports   map[int32]*Import
	worlds    map[ident.World]*world
	tokens    map[[32]byte]*Operator // without the revoked ones
	editions  map[int32]*airtime.Product
	airtime   map[int32]*airtime.Product // newest editions, by number of the product
	networks  map[int32]*airtime.Network
	pauses    pauses
	resumes   resumes
}

// unsure stands for the revision of a snapshot of which nobody knows it: others set something while it was read, or there
// was a commit of which nobody knows whether it took place.
const unsure = -1

// world is what a name or a number leads to in one world.
type world struct {
	accounts     map[string]*Account
	senders      map[ident.Account]*txn.Sender
	certificates map[Certificate]*Account
	operators    map[string]*Operator
	products     map[string]*giftcard.Product
	byNumber     map[int32]*giftcard.Product
	byBarcode    map[string]*giftcard.Product
	airtime      map[string]*airtime.Product // newest editions, by id
	listed       []*airtime.Product          // the same, in the order of their ids
	networks     map[string]*airtime.Network
	prefixes     airtime.Prefixes
}

func newWorld() *world {
	return &world{
		accounts: map[string]*Account{}, senders: map[ident.Account]*txn.Sender{}, certificates: map[Certificate]*Account{},
		operators: map[string]*Operator{}, products: map[string]*giftcard.Product{},
		byNumber: map[int32]*giftcard.Product{}, byBarcode: map[string]*giftcard.Product{},
		airtime: map[string]*airtime.Product{}, networks: map[string]*airtime.Network{}, prefixes: airtime.Prefixes{},
	}
}

func (w *world) clone() *world {
	return &world{
		accounts: maps.Clone(w.accounts), senders: maps.Clone(w.senders), certificates: maps.Clone(w.certificates),
		operators: maps.Clone(w.operators), products: maps.Clone(w.products),
		byNumber: maps.Clone(w.byNumber), byBarcode: maps.Clone(w.byBarcode),
		airtime: maps.Clone(w.airtime), listed: slices.Clone(w.listed),
		networks: maps.Clone(w.networks), prefixes: maps.Clone(w.prefixes),
	}
}

func (s *snapshot) clone() *snapshot {
	return &snapshot{
		accounts: maps.Clone(s.accounts), operators: maps.Clone(s.operators), imports: maps.Clone(s.imports),
		worlds: maps.Clone(s.worlds), tokens: maps.Clone(s.tokens),
		editions: maps.Clone(s.editions), airtime: maps.Clone(s.airtime), networks: maps.Clone(s.networks),
		pauses: s.pauses, resumes: s.resumes, // which are never changed in place
		revision: s.revision, own: map[ident.World]bool{},
	}
}

// empty stands for a world in which nothing was set yet.
var empty = newWorld()

func (s *snapshot) world(w ident.World) *world {
	if found := s.worlds[w]; found != nil {
		return found
	}
	return empty
}

// LoadRegister reads what operators have set.
func LoadRegister(ctx context.Context, reports Reports, codec Codec) (*Register, error) {
	r := &Register{codec: codec, reports: reports}
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	r.now.Store(s)
	return r, nil
}

// Revision is the revision of the store's records that the register shows. No two with different contents have the same, but for
// one that is below zero: then nobody knows.
func (r *Register) Revision() int64 { return r.now.Load().revision }

// Refresh reads the register anew if the store has a newer one, and says whether it did. It asks one short question when
// nothing has changed, and readers are never held up.
func (r *Register) Refresh(ctx context.Context) (changed bool, err error) {
	revision, err := r.reports.Revision(ctx)
	if err != nil {
		return false, fmt.Errorf("ask for the revision of the register: %w", err)
	}
	if revision == r.now.Load().revision {
		return false, nil
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.catchUp(ctx)
}

// catchUp is Refresh for who holds changing. A store that has gone back to an older revision is followed, too.
func (r *Register) catchUp(ctx context.Context) (changed bool, err error) {
	revision, err := r.reports.Revision(ctx)
	if err != nil {
		return false, fmt.Errorf("ask for the revision of the register: %w", err)
	}
	if revision == r.now.Load().revision {
		return false, nil
	}
	s, err := r.read(ctx)
	if err != nil {
		return false, err
	}
	r.now.Store(s)
	return true, nil
}

// maxReads bounds how often the register is read anew because it changed meanwhile.
const maxReads = 3

// read reads the whole register at one revision: the rows between two questions for it that have the same answer. When
// others keep setting something it gives what it has read, whose rows are of several instants, as unsure: it serves until it is
// read again, and no act is judged by it.
func (r *Register) read(ctx context.Context) (s *snapshot, err error) {
	for range maxReads {
		before, err := r.reports.Revision(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask for the revision of the register: %w", err)
		}
		if s, err = r.readRows(ctx); err != nil {
			return nil, err
		}
		after, err := r.reports.Revision(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("ask for the revision of the register: %w", err)
		case before == after:
			s.revision = after
			return s, nil
		}
	}
	s.revision = unsure
	return s, nil
}

func (r *Register) readRows(ctx context.Context) (*snapshot, error) {
	s := &snapshot{
		own:      map[ident.World]bool{},
		accounts: map[ident.Account]*Account{}, operators: map[int32]*Operator{}, imports: map[int32]*Import{},
		worlds: map[ident.World]*world{}, tokens: map[[32]byte]*Operator{},
		editions: map[int32]*airtime.Product{}, airtime: map[int32]*airtime.Product{}, networks: map[int32]*airtime.Network{},
	}
	var newest []Row // they are read before the editions that they name, so that none of these is missing
	err := r.load(ctx, AirtimeProductRow, func(row Row) error { newest = append(newest, row); return nil })
	for _, kind := range []Kind{AccountRow, ProductRow, EditionRow, NetworkRow, OperatorRow, ImportRow} {
		err = errors.Join(err, r.load(ctx, kind, func(row Row) error { return r.takeRow(s, row) }))
	}
	for _, row := range newest {
		err = errors.Join(err, takeNewest(r.codec, row, s))
	}
	if err != nil {
		return nil, err
	}
	if err := r.loadPauses(ctx, s); err != nil {
		return nil, fmt.Errorf("load the pauses: %w", err)
	}
	return s, nil
}

// load gives all rows of a kind to take.
func (r *Register) load(ctx context.Context, kind Kind, take func(Row) error) error {
	for after := int64(0); ; {
		rows, err := r.reports.Rows(ctx, kind, after, scanLimit)
		if err != nil {
			return fmt.Errorf("load %s rows: %w", kind, err)
		}
		for _, row := range rows {
			if err := take(row); err != nil {
				return err
			}
			after = row.Number
		}
		if len(rows) < scanLimit {
			return nil
		}
	}
}

// takeRow puts what a row holds into a snapshot that nobody else sees yet.
func (r *Register) takeRow(s *snapshot, row Row) error {
	switch row.Kind {
	case AccountRow:
		return take(r.codec, row, s.putAccount)
	case ProductRow:
		return take(r.codec, row, s.putProduct)
	case EditionRow:
		return take(r.codec, row, s.putEdition)
	case NetworkRow:
		return take(r.codec, row, s.putNetwork)
	case OperatorRow:
		return take(r.codec, row, s.putOperator)
	case ImportRow:
		return take(r.codec, row, func(i *Import) {
			i.world = row.World
			s.putImport(i)
		})
	}
	return nil
}

func take[T any](codec Codec, row Row, put func(*T)) error {
	value := new(T)
	if err := codec.Decode(row.Content, value); err != nil {
		return fmt.Errorf("decode %s %d: %w", row.Kind, row.Number, err)
	}
	put(value)
	return nil
}

// fresh gives a world of the snapshot that may be changed: the first time a copy.
func (s *snapshot) fresh(w ident.World) *world {
	if !s.own[w] {
		s.own[w], s.worlds[w] = true, s.world(w).clone()
	}
	return s.worlds[w]
}

func (s *snapshot) putAccount(a *Account) {
	w := s.fresh(a.World)
	if before := s.accounts[a.Number]; before != nil {
		for _, c := range before.Settings.Certificates {
			delete(w.certificates, c)
		}
	}
	for _, c := range a.Settings.Certificates {
		w.certificates[c] = a
	}
	s.accounts[a.Number], w.accounts[a.Name], w.senders[a.Number] = a, a, a.Sender()
}

func (s *snapshot) putProduct(p *giftcard.Product) {
	w := s.fresh(p.World)
	if before := w.byNumber[p.Number]; before != nil {
		delete(w.byBarcode, before.Barcode)
	}
	if p.Barcode != "" {
		w.byBarcode[p.Barcode] = p
	}
	w.products[p.ID], w.byNumber[p.Number] = p, p
}

func (s *snapshot) putOperator(o *Operator) {
	s.fresh(o.World).operators[o.Name] = o
	s.operators[o.Number] = o
	if o.Revoked.IsZero() {
		s.tokens[o.Token] = o
	} else {
		delete(s.tokens, o.Token)
	}
}

func (s *snapshot) putImport(i *Import) { s.imports[i.Number] = i }

// publish makes a change visible that was committed as a revision. The caller holds changing.
func (r *Register) publish(revision int64, put func(s *snapshot)) {
	next := r.now.Load().clone()
	next.revision = revision
	put(next)
	r.now.Store(next)
}

// doubt has the register read anew as soon as it can be. The caller holds changing.
func (r *Register) doubt() { r.publish(unsure, func(*snapshot) {}) }

// ProductByID implements giftcard.Products.
func (r *Register) ProductByID(w ident.World, id string) (*giftcard.Product, bool) {
	p, found := r.now.Load().world(w).products[id]
	return p, found
}

// Product implements giftcard.Products.
func (r *Register) Product(w ident.World, number int32) (*giftcard.Product, bool) {
	p, found := r.now.Load().world(w).byNumber[number]
	return p, found
}

// Products gives all products of a world, by number.
func (r *Register) Products(w ident.World) []*giftcard.Product {
	return sorted(r.now.Load().world(w).byNumber, func(p *giftcard.Product) int64 { return int64(p.Number) })
}

// AccountByName gives the account with a user name.
func (r *Register) AccountByName(w ident.World, name string) (*Account, bool) {
	a, found := r.now.Load().world(w).accounts[name]
	return a, found
}

// AccountByCertificate gives the account to which a part of a client certificate leads.
func (r *Register) AccountByCertificate(w ident.World, c Certificate) (*Account, bool) {
	a, found := r.now.Load().world(w).certificates[c]
	return a, found
}

// Account gives the account with a number.
func (r *Register) Account(number ident.Account) (*Account, bool) {
	a, found := r.now.Load().accounts[number]
	return a, found
}

// Accounts gives all accounts of a world, by number.
func (r *Register) Accounts(w ident.World) []*Account {
	return sorted(r.now.Load().world(w).accounts, func(a *Account) int64 { return int64(a.Number) })
}

// Sender gives what the rules need to know of an account. It is made once and shared.
func (r *Register) Sender(w ident.World, number ident.Account) (*txn.Sender, bool) {
	s, found := r.now.Load().world(w).senders[number]
	return s, found
}

// OperatorByToken gives the operator whose token has this digest, unless it was revoked.
func (r *Register) OperatorByToken(digest [32]byte) (*Operator, bool) {
	o, found := r.now.Load().tokens[digest]
	return o, found
}

// Unfinished says whether the cards of an import are still unknown to everybody. It is what the store asks.
func (r *Register) Unfinished(number int32) bool {
	i := r.now.Load().imports[number]
	return i == nil || (i.Mode == All && i.State != Complete)
}

// abandoned says whether an import broke off. Of one that this process has not heard of yet it is not said.
func (r *Register) abandoned(number int32) bool {
	i := r.now.Load().imports[number]
	return i != nil && i.State == Abandoned
}

func sorted[K comparable, T any](values map[K]*T, number func(*T) int64) []*T {
	list := make([]*T, 0, len(values))
	for _, v := range values {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *T) int { return int(number(a) - number(b)) })
	return list
}

// above gives those of a sorted list with a number above after, at most limit, and the number to go on after.
func above[T any](list []*T, number func(*T) int64, after int64, limit int) (found []*T, next int64) {
	limit = bounded(limit)
	for _, v := range list {
		switch {
		case number(v) <= after:
		case len(found) == limit:
			return found, number(found[limit-1])
		default:
			found = append(found, v)
		}
	}
	return found, 0
}
