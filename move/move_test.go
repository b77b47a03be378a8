package move

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func settings(from, to store.Whole, keys *secret.Keys) Settings {
	return Settings{From: from, To: to, FromName: "old", ToName: "new", Keys: keys, Now: noon}
}

// Everything arrives, from each kind of store in each, and back.
func TestEverythingMoves(t *testing.T) {
	for fromName, openFrom := range drivers {
		for toName, openTo := range drivers {
			for what, fill := range fills {
				if (fromName == "postgres" || toName == "postgres") && (fromName == toName || fromName == "memory" || what == "nothing") {
					continue // a database takes its time to make
				}
				t.Run(fmt.Sprintf("%s from %s to %s", what, fromName, toName), func(t *testing.T) {
					from, to := openFrom(t), openTo(t)
					keys := fill(t, from)
					report, err := Run(t.Context(), settings(from, to, keys))
					must(t, err)
					moved(t, report, from, to, keys)
					back := openFrom(t)
					again, err := Run(t.Context(), settings(to, back, keys))
					must(t, err)
					if !reflect.DeepEqual(report.Kinds, again.Kinds) {
						t.Errorf("back came %v, want %v", again.Kinds, report.Kinds)
					}
				})
			}
		}
	}
}

// Together the stores that are moved have something of every kind.
func TestEveryKindIsTried(t *testing.T) {
	tried := map[string]int64{}
	for _, fill := range fills {
		from := memstore.New()
		report, err := Run(t.Context(), settings(from, memstore.New(), fill(t, from)))
		must(t, err)
		for _, tally := range report.Kinds {
			tried[tally.Kind] += tally.Records
		}
	}
	for _, kind := range kinds {
		if tried[kind.name()] == 0 {
			t.Errorf("there are no %s", kind.name())
		}
	}
}

// moved fails the test when two stores do not hold the same, when the new one does not find something, or when both may be
// served.
func moved(t *testing.T, report *Report, from, to store.Whole, keys *secret.Keys) {
	t.Helper()
	if err := Check(t.Context(), from); !errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), "to new at 2026-07-01T12:00:00Z") {
		t.Errorf("the old store: %v", err)
	}
	must(t, Check(t.Context(), to))
	counts := map[string]int64{}
	for _, tally := range report.Kinds {
		counts[tally.Kind] = tally.Records
	}
	same(t, rows, from, to, keys, counts)
	same(t, cards, from, to, keys, counts)
	same(t, batches, from, to, keys, counts)
	same(t, vouchers, from, to, keys, counts)
	same(t, floats, from, to, keys, counts)
	same(t, messages, from, to, keys, counts)
	same(t, husks, from, to, keys, counts)
	same(t, tombstones, from, to, keys, counts)
	same(t, brought, from, to, keys, counts)
	same(t, horizons, from, to, keys, counts)
	same(t, entries, from, to, keys, counts)
	same(t, items, from, to, keys, counts)
	same(t, counters, from, to, keys, counts)
	last, err := from.LastPlace(t.Context())
	must(t, err)
	goesOn, err := to.LastPlace(t.Context())
	must(t, err)
	if goesOn < last {
		t.Errorf("places go on after %d, and %d was given out", goesOn, last)
	}
}

// same compares all records of a kind, and asks for each of them by its keys.
func same[T any](t *testing.T, k kind[T], from, to store.Whole, keys *secret.Keys, counts map[string]int64) {
	t.Helper()
	all := func(of store.Whole) (found []T) {
		must(t, k.each(t.Context(), of, func(page []T) error { found = append(found, page...); return nil }))
		return found
	}
	were, are := all(from), all(to)
	if len(are) != len(were) || int64(len(are)) != counts[k.what] {
		t.Errorf("%d %s arrived of %d; told are %d", len(are), k.what, len(were), counts[k.what])
		return
	}
	for i := range are {
		if !reflect.DeepEqual(are[i], were[i]) {
			t.Fatalf("%s: %+v arrived as %+v", k.what, were[i], are[i])
		}
		if k.found == nil {
			continue
		}
		if found, err := k.found(t.Context(), to, keys, &are[i]); err != nil || !found {
			t.Fatalf("%s: %+v is not found: %v", k.what, are[i], err)
		}
	}
}

// askedKinds is a store that counts how often it is asked which kinds of rows it has.
type askedKinds struct {
	store.Whole
	times int
}

func (a *askedKinds) Kinds(ctx context.Context) ([]admin.Kind, error) {
	a.times++
	return a.Whole.Kinds(ctx)
}

// However long a trail is, the store is asked which kinds of rows it has once for each of them, and at the end.
func TestKindsAreNotAskedForWithEveryPage(t *testing.T) {
	s := memstore.New()
	const pages = 20
	must(t, save(t.Context(), s, func(c *store.Changes) error {
		for n := range int64(pages * pageSize) {
			c.Rows = append(c.Rows, admin.Row{Kind: admin.AuditRow, Number: n + 1, World: ident.Production, Content: []byte{}})
		}
		c.Rows = append(c.Rows, admin.Row{Kind: admin.ProductRow, Number: 1, World: ident.Production, Name: "gold", Content: []byte{}})
		return nil
	}))
	from, found := &askedKinds{Whole: s}, 0
	must(t, rows.each(t.Context(), from, func(page []admin.Row) error { found += len(page); return nil }))
	if found != pages*pageSize+1 {
		t.Errorf("%d rows were found", found)
	}
	if want := 1 + 2; from.times != want {
		t.Errorf("it was asked %d times, want %d", from.times, want)
	}
}

// spoiling is a store to move to that does something to what is saved.
type spoiling struct {
	store.Whole
	spoil func(*store.Changes) error
}

func (s spoiling) Begin(ctx context.Context) (store.Batch, error) {
	b, err := s.Whole.Begin(ctx)
	return spoilingBatch{b, s.spoil}, err
}

type spoilingBatch struct {
	store.Batch
	spoil func(*store.Changes) error
}

func (b spoilingBatch) Save(ctx context.Context, set *store.Set) error {
	if err := b.spoil(set.Changes()); err != nil {
		return err
	}
	return b.Batch.Save(ctx, set)
}

// What is not the same at the other end does not count as moved, whatever it is.
func TestWhatDiffersIsNotMoved(t *testing.T) {
	for what, spoil := range map[string]func(*store.Changes) error{
		"a lost row": func(c *store.Changes) error { c.Rows = c.Rows[:max(0, len(c.Rows)-1)]; return nil },
		"a changed row": func(c *store.Changes) error {
			return each(c.Rows, func(r *admin.Row) { r.Content = append(r.Content, 1) })
		},
		"a lost card": func(c *store.Changes) error { c.NewCards = c.NewCards[:max(0, len(c.NewCards)-1)]; return nil },
		"a changed detail": func(c *store.Changes) error {
			return each(c.NewCards, func(n *giftcard.NewCard) { n.Detail.Masked = "?" })
		},
		"a number not found": func(c *store.Changes) error { return each(c.NewCards, func(n *giftcard.NewCard) { n.Number.Sum[3]++ }) },
		"a changed balance": func(c *store.Changes) error {
			return each(c.NewCards, func(n *giftcard.NewCard) { n.Card.Balance.Book++ })
		},
		"a lost message":       func(c *store.Changes) error { c.Inserted = c.Inserted[:max(0, len(c.Inserted)-1)]; return nil },
		"a changed body":       func(c *store.Changes) error { return each(c.Inserted, func(m **store.Inserted) { (*m).Body = nil }) },
		"an id not found":      func(c *store.Changes) error { return each(c.Inserted, func(m **store.Inserted) { (*m).Hash++ }) },
		"a lost entry":         func(c *store.Changes) error { c.Entries = c.Entries[:max(0, len(c.Entries)-1)]; return nil },
		"a lost item":          func(c *store.Changes) error { c.NewItems = nil; return nil },
		"a lost husk":          func(c *store.Changes) error { c.Husks = c.Husks[:max(0, len(c.Husks)-1)]; return nil },
		"a husk not found":     func(c *store.Changes) error { return each(c.Husks, func(h *txn.Husk) { h.Hash++ }) },
		"a lost sum":           func(c *store.Changes) error { clear(c.Brought); return nil },
		"a lost horizon":       func(c *store.Changes) error { c.Forgotten = nil; return nil },
		"a lost counter":       func(c *store.Changes) error { clear(c.Counters); return nil },
		"a forgotten reversal": func(c *store.Changes) error { c.Tombstones = nil; return nil },
	} {
		t.Run(what, func(t *testing.T) {
			from, to := memstore.New(), openSQLite(t)
			keys := fillCards(t, from)
			_, err := Run(t.Context(), settings(from, spoiling{to, func(c *store.Changes) error {
				if len(c.Rows) == 1 && isMark(&c.Rows[0]) {
					return nil
				}
				return spoil(c)
			}}, keys))
			if !errors.Is(err, ErrDiffers) && !errors.Is(err, ErrUnsound) {
				t.Errorf("got %v", err)
			} else if strings.Contains(err.Error(), "%!") {
				t.Errorf("told as %q", err)
			}
			must(t, Check(t.Context(), from))
			if err := Check(t.Context(), to); !errors.Is(err, ErrIncomplete) {
				t.Errorf("the new store: %v", err)
			}
		})
	}
}

func each[T any](all []T, do func(*T)) error {
	for i := range all {
		do(&all[i])
	}
	return nil
}

// A move that broke off is begun again when that is asked for, and only then.
func TestAMoveIsBegunAgain(t *testing.T) {
	for name, open := range drivers {
		t.Run(name, func(t *testing.T) {
			from, to := memstore.New(), open(t)
			keys := fillCards(t, from)
			broken, saves := errors.New("the line is broken"), 0
			_, err := Run(t.Context(), settings(from, spoiling{to, func(*store.Changes) error {
				if saves++; saves == 6 {
					return broken
				}
				return nil
			}}, keys))
			if !errors.Is(err, broken) {
				t.Fatalf("got %v", err)
			}
			must(t, Check(t.Context(), from))
			s := settings(from, to, keys)
			if _, err := Run(t.Context(), s); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "from old at") {
				t.Errorf("without being asked: %v", err)
			}
			s.Again = true
			report, err := Run(t.Context(), s)
			must(t, err)
			moved(t, report, from, to, keys)
		})
	}
}

// When a move ends between its two marks neither store is served, and it can be begun again.
func TestAMoveThatEndsBetweenItsMarks(t *testing.T) {
	from, to := memstore.New(), openSQLite(t)
	keys := fillCards(t, from)
	broken := errors.New("the line is broken")
	_, err := Run(t.Context(), settings(from, spoiling{to, func(c *store.Changes) error {
		if len(c.Rows) == 1 && isMark(&c.Rows[0]) && bytes.Contains(c.Rows[0].Content, []byte("Arrived")) {
			return broken
		}
		return nil
	}}, keys))
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if old, fresh := Check(t.Context(), from), Check(t.Context(), to); !errors.Is(old, ErrMoved) || !errors.Is(fresh, ErrIncomplete) {
		t.Errorf("the old store: %v; the new one: %v", old, fresh)
	}
	s := settings(from, to, keys)
	s.Again = true
	report, err := Run(t.Context(), s)
	must(t, err)
	moved(t, report, from, to, keys)
}

// Nothing is moved over what is there, from what was moved, or from what is not sound.
func TestWhatIsNotMoved(t *testing.T) {
	from := memstore.New()
	keys := fillCards(t, from)
	full := memstore.New()
	fillCards(t, full)
	s := settings(from, full, keys)
	s.Again = true
	if _, err := Run(t.Context(), s); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("over what is there: %v", err)
	}
	must(t, Check(t.Context(), full))
	must(t, Check(t.Context(), from))

	if _, err := Run(t.Context(), settings(from, memstore.New(), fillNothing(t, nil))); err == nil {
		t.Error("moved with other keys")
	}
	must(t, Check(t.Context(), from))

	to := memstore.New()
	_, err := Run(t.Context(), settings(from, to, keys))
	must(t, err)
	if _, err := Run(t.Context(), settings(from, memstore.New(), keys)); !errors.Is(err, ErrMoved) {
		t.Errorf("from what was moved: %v", err)
	}
	s = settings(from, memstore.New(), keys)
	s.Again, s.ToName = true, "another"
	if _, err := Run(t.Context(), s); !errors.Is(err, ErrMoved) {
		t.Errorf("from what was moved to another one, when that is asked for: %v", err)
	}
	s.ToName = "new"
	if _, err := Run(t.Context(), s); err != nil {
		t.Errorf("from what was moved, to where it was: %v", err)
	}

	must(t, save(t.Context(), to, func(c *store.Changes) error {
		c.Rows = append(c.Rows, admin.Row{Kind: admin.SettingRow, Number: 1, World: ident.Production, Content: []byte{1}})
		cards, err := to.Cards(t.Context(), 0, 1)
		cards[0].Balance.Book++
		c.Cards = append(c.Cards, &cards[0])
		return err
	}))
	if report, err := Run(t.Context(), settings(to, memstore.New(), keys)); !errors.Is(err, ErrUnsound) || len(report.From.Faults) == 0 {
		t.Errorf("from what is not sound: %v", err)
	}
}

// blind is a store that cannot be asked as messages ask, or where its places go on.
type blind struct {
	store.Whole
	view, places error
}

func (b blind) View(ctx context.Context) (store.Batch, error) {
	if b.view != nil {
		return nil, b.view
	}
	return b.Whole.View(ctx)
}

func (b blind) LastPlace(ctx context.Context) (int64, error) {
	last, err := b.Whole.LastPlace(ctx)
	return last, errors.Join(err, b.places)
}

// That a store cannot be read is not taken for a difference.
func TestAStoreThatCannotBeReadDoesNotDiffer(t *testing.T) {
	broken := errors.New("the line is broken")
	from, to := memstore.New(), memstore.New()
	keys := fillCards(t, from)
	if _, err := Run(t.Context(), settings(from, blind{Whole: to, view: broken}, keys)); !errors.Is(err, broken) || errors.Is(err, ErrDiffers) {
		t.Errorf("got %v", err)
	}
	if err := finish(t.Context(), settings(blind{Whole: from, places: broken}, to, keys)); !errors.Is(err, broken) || errors.Is(err, ErrDiffers) {
		t.Errorf("got %v", err)
	}
}

// A move that nobody waits for any more ends.
func TestAMoveIsLeft(t *testing.T) {
	from := memstore.New()
	keys := fillCards(t, from)
	ctx, leave := context.WithCancel(t.Context())
	s := settings(from, openSQLite(t), keys)
	s.Told = func(string, int64, bool) { leave() }
	if _, err := Run(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	must(t, Check(t.Context(), from))
}

// Every field of every record is in its digest.
func TestDigestsNoticeEveryField(t *testing.T) {
	noticed(t, rows)
	noticed(t, cards)
	noticed(t, batches)
	noticed(t, vouchers)
	noticed(t, floats)
	noticed(t, messages)
	noticed(t, husks)
	noticed(t, tombstones)
	noticed(t, brought)
	noticed(t, horizons)
	noticed(t, entries)
	noticed(t, items)
	noticed(t, counters)
}

func noticed[T any](t *testing.T, k kind[T]) {
	t.Helper()
	digest := func(record T) [32]byte {
		c := newCount[T](k.what)
		must(t, c.add([]T{record}))
		return c.sum().Digest
	}
	var none T
	empty := digest(none)
	fields := 0
	eachField(reflect.TypeFor[T](), nil, func(path []int, typ reflect.Type) {
		var changed T
		v := reflect.ValueOf(&changed).Elem().FieldByIndex(path)
		switch {
		case typ == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(noon))
		case v.CanInt():
			v.SetInt(1)
		case v.CanUint():
			v.SetUint(1)
		default:
			switch v.Kind() {
			case reflect.Bool:
				v.SetBool(true)
			case reflect.String:
				v.SetString("x")
			case reflect.Slice:
				v.Set(reflect.MakeSlice(typ, 1, 1))
			case reflect.Array:
				v.Index(v.Len() - 1).SetUint(1)
			default:
				t.Fatalf("%s: a field of type %v", k.what, typ)
			}
		}
		fields++
		if digest(changed) == empty {
			t.Errorf("%s: a %v at %v is not in the digest", k.what, typ, path)
		}
	})
	if fields == 0 {
		t.Errorf("%s have no fields", k.what)
	}
}

// eachField gives the fields of a type, and those of the types in it.
func eachField(typ reflect.Type, path []int, tell func([]int, reflect.Type)) {
	for i := range typ.NumField() {
		f, at := typ.Field(i), append(append([]int(nil), path...), i)
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
			eachField(f.Type, at, tell)
		} else {
			tell(at, f.Type)
		}
	}
}
