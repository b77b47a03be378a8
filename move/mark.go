package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// Why a store is not to be served.
var (
	// ErrMoved says that a store's records live in another one now.
	ErrMoved = errors.New("this store was moved away")
	// ErrIncomplete says that a move into a store has not ended, or broke off.
	ErrIncomplete = errors.New("a move into this store has not ended")
)

// The row that marks a store. The other setting rows have the numbers 1 to 5.
const (
	markRow  = 6
	markName = "move"
)

// mark is that row's content. A store that was moved away has none of the first two.
type mark struct {
	Incomplete bool      `json:",omitempty"` // something is being moved into this store
	Arrived    bool      `json:",omitempty"` // this store was moved here
	Served     time.Time `json:",omitzero"`  // when one that has arrived was first opened to be served; until then it may go back
	Returned   time.Time `json:",omitzero"`  // At of the move that was taken back by moving this one away
	Peer       string
	At         time.Time // of the move; the same in both stores
}

func isMark(r *admin.Row) bool { return r.Kind == admin.SettingRow && r.Name == markName }

// read gives the mark of a store; nil when it has none.
func read(ctx context.Context, reports admin.Reports) (*mark, error) {
	row, found, err := reports.RowByName(ctx, admin.SettingRow, ident.Production, markName)
	if err != nil || !found {
		return nil, err
	}
	m := &mark{}
	if err := json.Unmarshal(row.Content, m); err != nil {
		return nil, fmt.Errorf("read the mark of a move: %w", err)
	}
	return m, nil
}

// refusal says why a store with this mark must not be served: ErrMoved, ErrIncomplete.
func (m *mark) refusal() error {
	if m == nil || m.Arrived {
		return nil
	}
	at := m.At.UTC().Format(time.RFC3339)
	switch {
	case m.Incomplete:
		return fmt.Errorf("%w: it was begun from %s at %s; scrip move --again begins it anew", ErrIncomplete, m.Peer, at)
	case !m.Returned.IsZero():
		return fmt.Errorf("%w, back to %s at %s", ErrMoved, m.Peer, at)
	}
	return fmt.Errorf("%w, to %s at %s; scrip move --back takes the mark off", ErrMoved, m.Peer, at)
}

// isAway says whether a store with this mark was moved away.
func (m *mark) isAway() bool { return errors.Is(m.refusal(), ErrMoved) }

// Check refuses a store that must not be served: ErrMoved, ErrIncomplete.
func Check(ctx context.Context, reports admin.Reports) error {
	m, err := read(ctx, reports)
	return errors.Join(err, m.refusal())
}

// Serve does as Check does, for a store that is about to be served, and notes that it is: what was moved here cannot go back
// any more. ErrUnderWay: it is being moved at this moment.
func Serve(ctx context.Context, d store.Driver, now time.Time) error {
	m, err := read(ctx, d)
	if err != nil || m == nil || !m.Arrived || !m.Served.IsZero() {
		return errors.Join(err, m.refusal())
	}
	return alone(ctx, d, func(time.Duration) {}, func(ctx context.Context) error {
		m, err := read(ctx, d) // it may be going back
		if err != nil || m == nil || !m.Arrived {
			return errors.Join(err, m.refusal())
		}
		m.Served = now
		return put(ctx, d, m)
	})
}

// First gives the row with which a store that is made to be moved to is made, so that no server opens it should the move be
// killed before it begins. Settings with the same FromName and Now then begin it.
func First(fromName string, now time.Time) (*admin.Row, error) {
	return (&mark{Incomplete: true, Peer: fromName, At: now}).row()
}

// row gives the row of a mark; that of none takes the one off that is there.
func (m *mark) row() (*admin.Row, error) {
	r := &admin.Row{Kind: admin.SettingRow, Number: markRow, World: ident.Production, Name: markName}
	if m == nil {
		return r, nil
	}
	var err error
	r.Content, err = json.Marshal(m)
	return r, err
}

// put marks a store; no mark takes the one off that is there.
func put(ctx context.Context, d store.Driver, m *mark) error {
	row, err := m.row()
	if err != nil {
		return err
	}
	return save(ctx, d, func(c *store.Changes) error {
		c.Rows = append(c.Rows, *row)
		return nil
	})
}

// save commits changes that nobody has to decide about.
func save(ctx context.Context, d store.Driver, change func(*store.Changes) error) error {
	set := store.NewSet()
	if err := change(set.Changes()); err != nil {
		return err
	}
	b, err := d.Begin(ctx)
	if err != nil {
		return err
	}
	defer b.Rollback()
	return b.Save(ctx, set)
}
