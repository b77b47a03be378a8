package sandbox

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/sqlite"
	"github.com/scripworks/scrip/txn"
)

// MaxWorlds bounds how many guests there are (docs/rules.md section 8).
const MaxWorlds = 10_000

// guestRow is the kind of the rows that remember guests between runs.
const guestRow admin.Kind = "guest"

// sweepPage is how many records are read at once at the start.
const sweepPage = 1000

// worlds gives each pair of user name and password a world of its own, made from the seed on first use.
type worlds struct {
	app  *app.App
	seed *seed
	most int
	now  func() time.Time
	log  *slog.Logger

	mu     sync.Mutex
	guests map[string]*guest // by the digest of the pair
}

// guest is one pair. Its world changes with each reset, so that everything of the old one is forgotten at once.
type guest struct {
	number ident.Account
	pair   string
	user   string // as far as it has been here since the program started
	sender *txn.Sender
}

// guestText is what is remembered of a guest.
type guestText struct{ World ident.World }

// load remembers the guests of earlier runs.
func (w *worlds) load(ctx context.Context) error {
	for after := int64(0); ; {
		rows, err := w.app.Store.Driver().Rows(ctx, guestRow, after, sweepPage)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			var text guestText
			if err := json.Unmarshal(row.Content, &text); err != nil {
				return fmt.Errorf("guest %d: %w", row.Number, err)
			}
			g := &guest{number: ident.Account(row.Number), pair: row.Name}
			g.settle(text.World)
			w.guests[g.pair], after = g, row.Number
		}
	}
}

func (g *guest) settle(world ident.World) {
	g.sender = &txn.Sender{Account: g.number, World: world, Name: g.user, HolderLookUps: true}
}

// admit takes in anybody. A pair that operators have made an account for is that account; any other is a guest.
func (w *worlds) admit(user, password string) (edge.Identity, error) {
	if a, found := w.app.Register.AccountByName(ident.Production, user); found && w.app.Verifies(a, password) {
		if s, found := w.app.Register.Sender(a.World, a.Number); found {
			return edge.Identity{Account: a, Sender: s, User: user}, nil
		}
	}
	g, err := w.guest(user, password)
	if err != nil {
		return edge.Identity{}, err
	}
	return edge.Identity{Sender: g, User: user}, nil
}

// guest gives the sender that a pair is, in its world, and makes both on first use.
func (w *worlds) guest(user, password string) (*txn.Sender, error) {
	pair := w.digest(user, password)
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.guests[pair]; g != nil {
		if g.user != user { // it is remembered from an earlier run
			g.user = user
			g.settle(g.sender.World)
		}
		return g.sender, nil
	}
	if len(w.guests) >= w.most {
		return nil, &decline.NotTaken{Cause: decline.Forbidden, Text: fmt.Sprintf("the sandbox holds at most %d worlds", w.most)}
	}
	g := &guest{pair: pair, user: user}
	if err := w.populate(g); err != nil {
		return nil, err
	}
	w.guests[pair] = g
	return g.sender, nil
}

func (w *worlds) digest(user, password string) string {
	d := w.app.Keys.Holder(ident.Production, "guest", fmt.Sprintf("%d:%s:%s", len(user), user, password))
	oldest := d[len(d)-1] // the one that was there first stays the same when keys are rotated
	return hex.EncodeToString(oldest.Sum[:])
}

// populate gives a guest a fresh world with the seed's cards. The row that names the world is written last: if the
// program stops before that, the world is nobody's, and swept away at the next start.
func (w *worlds) populate(g *guest) error {
	number, world, err := w.numbers(g)
	if err != nil {
		return err
	}
	by := admin.By{Operator: "sandbox", Role: admin.Attendant, World: world, At: w.now(), Reason: "seed"}
	for _, card := range w.seed.cards {
		if _, err := w.app.Office.AddCard(context.Background(), by, card); err != nil {
			return fmt.Errorf("seed a world: %w", err)
		}
	}
	content, err := json.Marshal(guestText{World: world})
	if err != nil {
		return err
	}
	err = w.update(func(tx admin.Tx) {
		tx.PutRow(admin.Row{Kind: guestRow, Number: int64(number), World: ident.Production, Name: g.pair, Content: content})
	})
	if err != nil {
		return err
	}
	g.number = number
	g.settle(world)
	return nil
}

// numbers gives the number of a guest, a new one if it has none yet, and that of a fresh world. Both are places in
// the order of messages, so that everything in the world comes after the world's number.
func (w *worlds) numbers(g *guest) (ident.Account, ident.World, error) {
	number, world := int64(g.number), int64(0)
	err := w.update(func(tx admin.Tx) {
		if number == 0 {
			number = tx.NextSeq()
		}
		world = tx.NextSeq()
	})
	if err == nil && (world > math.MaxInt32 || number > math.MaxInt32) {
		err = errors.New("the sandbox has run out of worlds")
	}
	return ident.Account(number), ident.World(world), err
}

func (w *worlds) update(decide func(admin.Tx)) error {
	return store.Admin(w.app.Store).Update(context.Background(), giftcard.Keys{World: ident.Production}, func(tx admin.Tx) error {
		decide(tx)
		return nil
	})
}

// reset gives a pair its world as on first use, and forgets all that was in it.
func (w *worlds) reset(user, password string) error {
	if _, err := w.guest(user, password); err != nil {
		return err
	}
	before, err := w.move(w.digest(user, password))
	if err != nil {
		return err
	}
	if err := w.forget(context.Background(), before.World); err != nil {
		w.log.Error("forget a world; it is swept away at the next start", "world", before.World, "error", err)
	}
	return nil
}

// move puts a guest into a fresh world, and gives what it was before.
func (w *worlds) move(pair string) (before *txn.Sender, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before = w.guests[pair].sender
	return before, w.populate(w.guests[pair])
}

// forgetter is a store that can forget a whole world.
type forgetter interface {
	// Forget deletes everything of a world, of which nothing lies at or below a place in the order of messages.
	// Keyed gives the hash by which the store finds an id in that world.
	Forget(ctx context.Context, world ident.World, above int64, keyed func(ident.ID) int64) error
}

var (
	_ forgetter = (*memstore.Driver)(nil)
	_ forgetter = (*sqlite.Driver)(nil)
)

// forget deletes everything of a world that nobody is in any more.
func (w *worlds) forget(ctx context.Context, world ident.World) error {
	keyed := func(id ident.ID) int64 { return w.app.Keys.ID(world, id) }
	return w.app.Store.Driver().(forgetter).Forget(ctx, world, int64(world), keyed)
}

// sweep forgets worlds that nobody is in, because the program stopped in the middle of a reset or a first use.
func (w *worlds) sweep(ctx context.Context) error {
	lived := map[ident.World]bool{ident.Production: true}
	for _, g := range w.guests {
		lived[g.sender.World] = true
	}
	for after := int64(0); ; {
		cards, err := w.app.Store.Driver().Cards(ctx, after, sweepPage)
		if err != nil || len(cards) == 0 {
			return err
		}
		for _, c := range cards {
			if after = c.ID; lived[c.World] {
				continue
			}
			if err := w.forget(ctx, c.World); err != nil {
				return err
			}
			lived[c.World] = true // it is gone, and the page still shows it
		}
	}
}
