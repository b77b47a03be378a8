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

// mark is that row's content.
type mark struct {
	Incomplete bool `json:",omitempty"` // something is being moved into this store; otherwise it was moved away
	Peer       string
	At         time.Time
}

func isMark(r *admin.Row) bool { return r.Kind == admin.SettingRow && r.Name == markName }

// Check refuses a store that must not be served: ErrMoved, ErrIncomplete.
func Check(ctx context.Context, reports admin.Reports) error {
	row, found, err := reports.RowByName(ctx, admin.SettingRow, ident.Production, markName)
	if err != nil || !found {
		return err
	}
	var m mark
	if err := json.Unmarshal(row.Content, &m); err != nil {
		return fmt.Errorf("read the mark of a move: %w", err)
	}
	at := m.At.UTC().Format(time.RFC3339)
	if m.Incomplete {
		return fmt.Errorf("%w: it was begun from %s at %s; scrip move --again begins it anew", ErrIncomplete, m.Peer, at)
	}
	return fmt.Errorf("%w, to %s at %s; scrip move --back takes the mark off", ErrMoved, m.Peer, at)
}

// Back takes the mark off a store that was moved away, so that it is served again. ErrIncomplete is not taken off. Whoever
// does it answers for it that the other store is not served.
func Back(ctx context.Context, d store.Driver) error {
	switch err := Check(ctx, d); {
	case err == nil:
		return errors.New("this store was not moved away")
	case !errors.Is(err, ErrMoved):
		return err
	}
	return put(ctx, d, nil)
}

// put marks a store; no mark takes the one off that is there.
func put(ctx context.Context, d store.Driver, m *mark) error {
	row := admin.Row{Kind: admin.SettingRow, Number: markRow, World: ident.Production, Name: markName}
	if m != nil {
		content, err := json.Marshal(m)
		if err != nil {
			return err
		}
		row.Content = content
	}
	return save(ctx, d, func(c *store.Changes) error {
		c.Rows = append(c.Rows, row)
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
