package giftcard

import (
	"slices"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Sender is the account that a message came from, with what it may do. It is shared between messages and is
// never changed.
type Sender struct {
	Account ident.Account
	World   ident.World
	// Families are the operations it may ask for; empty means all.
	Families []txn.Family
	// Products are the ids of the products whose cards it may touch; empty means all.
	Products []string
	// Ranges are the card numbers it may touch; empty means all.
	Ranges []Range
	// HolderLookUps permits a look-up by card holder (docs/rules.md section 6).
	HolderLookUps bool
	// Velocity bounds what is approved for this account.
	Velocity []Velocity
}

// Range is card numbers of one length, from First to Last inclusive.
type Range struct{ First, Last string }

func (r Range) holds(digits string) bool {
	return len(digits) == len(r.First) && digits >= r.First && digits <= r.Last
}

func (s *Sender) mayAsk(f txn.Family) bool {
	return len(s.Families) == 0 || slices.Contains(s.Families, f)
}

func (s *Sender) mayTouch(p ident.PAN) bool {
	return len(s.Ranges) == 0 || slices.ContainsFunc(s.Ranges, func(r Range) bool { return r.holds(p.Reveal()) })
}

func (s *Sender) maySell(product string) bool {
	return len(s.Products) == 0 || slices.Contains(s.Products, product)
}
