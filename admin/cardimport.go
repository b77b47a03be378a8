package admin

import (
	"context"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// BeginImport begins an import of cards. currency is that of lines without one; 0 is the office's own. In mode all its
// cards stay unknown to everybody until Finish, and for good when it breaks off: then another import takes them over,
// or a card added by hand. It is refused while another import is under way.
func (o *Office) BeginImport(ctx context.Context, by By, mode Mode, currency money.Currency) (*Importing[Seed], error) {
	if err := by.may(ImportCards); err != nil {
		return nil, err
	}
	if currency == 0 {
		currency = o.currency
	}
	return begin(ctx, &Importing[Seed]{
		office: o, by: by, lot: cards{office: o, world: by.World, currency: currency},
		record: Import{Kind: OfCards, Mode: mode},
	})
}

// cards is the lot of an import of cards. That they are unknown until the import is complete follows from its row.
type cards struct {
	office   *Office
	world    ident.World
	currency money.Currency
}

func (c cards) check(s *Seed) *Refusal {
	if s.Currency == 0 {
		s.Currency = c.currency
	}
	return s.check()
}

func (cards) masked(s Seed) string { return s.PAN.String() }

func (cards) mark(Tx, Import) error { return nil }

func (c cards) update(ctx context.Context, number int32, lines []Line[Seed], decide func(keeper) error) error {
	ready := make([]seeded, len(lines))
	keys := giftcard.Keys{World: c.world}
	for n, l := range lines {
		if l.Fault != nil {
			continue
		}
		var err error
		if ready[n], err = c.office.seed(c.world, l.Seed); err != nil {
			return err
		}
		keys.Cards = append(keys.Cards, ready[n].key)
	}
	return c.office.store.Update(ctx, keys, func(tx Tx) error {
		return decide(func(n int) (kept, *Refusal, error) {
			what, _, field := c.office.keep(tx, c.world, ready[n], number)
			if what == differs {
				return what, &Refusal{Code: Exists, Field: field, Text: "a card with this number is there already, with another value"}, nil
			}
			return what, nil, nil
		})
	})
}
