package sandbox

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
)

// MaxWorlds bounds how many guests there are (docs/rules.md section 8).
const MaxWorlds = 10_000

// guestRow is the kind of the rows that remember guests between runs.
const guestRow admin.Kind = "guest"

// worlds gives each pair of user name and password a world of its own, made from the seed on first use.
type worlds struct {
	app  *app.App
	seed *seed
	now  func() time.Time

	mu     sync.Mutex
	guests map[string]*guest // by the digest of the pair
}

// guest is one pair. Its world changes with each reset, so that everything of the old one is forgotten at once.
type guest struct {
	number ident.Account
	pair   string
	sender *giftcard.Sender
}

// guestText is what is remembered of a guest.
type guestText struct{ World ident.World }

// load remembers the guests of earlier runs.
func (w *worlds) load(ctx context.Context) error {
	for after := int64(0); ; {
		rows, err := w.app.Store.Driver().Rows(ctx, guestRow, after, 1000)
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
	g.sender = &giftcard.Sender{Account: g.number, World: world, HolderLookUps: true}
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
func (w *worlds) guest(user, password string) (*giftcard.Sender, error) {
	pair := w.digest(user, password)
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.guests[pair]; g != nil {
		return g.sender, nil
	}
	if len(w.guests) >= MaxWorlds {
		return nil, &decline.NotTaken{Cause: decline.Forbidden, Text: fmt.Sprintf("the sandbox holds at most %d worlds", MaxWorlds)}
	}
	g := &guest{pair: pair}
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

// populate gives a guest a fresh world with the seed's cards.
func (w *worlds) populate(g *guest) error {
	ctx := context.Background()
	var number, world int64
	err := store.Admin{Store: w.app.Store}.Update(ctx, giftcard.Keys{World: ident.Production}, func(tx admin.Tx) error {
		world = tx.NextSeq()
		if number = int64(g.number); number == 0 {
			number = tx.NextSeq()
		}
		content, err := json.Marshal(guestText{World: ident.World(world)})
		tx.PutRow(admin.Row{Kind: guestRow, Number: number, World: ident.Production, Name: g.pair, Content: content})
		return err
	})
	if err != nil {
		return err
	}
	if world > math.MaxInt32 || number > math.MaxInt32 {
		return fmt.Errorf("the sandbox has run out of worlds")
	}
	by := admin.By{Operator: "sandbox", Role: admin.Attendant, World: ident.World(world), At: w.now(), Reason: "seed"}
	for _, card := range w.seed.cards {
		if _, err := w.app.Office.AddCard(ctx, by, card); err != nil {
			return fmt.Errorf("seed a world: %w", err)
		}
	}
	g.number = ident.Account(number)
	g.settle(ident.World(world))
	return nil
}

// reset gives a pair its world as on first use, and forgets all that was in it.
func (w *worlds) reset(user, password string) error {
	if _, err := w.guest(user, password); err != nil {
		return err
	}
	pair := w.digest(user, password)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.populate(w.guests[pair])
}
