package txn

import (
	"slices"

	"github.com/scripworks/scrip/ident"
)

// Sender is the account that a message came from, with what it may do. It is shared between messages and is
// never changed.
type Sender struct {
	Account ident.Account
	World   ident.World
	// Name is the user name of HTTP Basic, which client.id of an airtime request must equal (rule A4); empty for
	// who came without one.
	Name string
	// Intermediary permits to speak for others: client.id is not compared with Name.
	Intermediary bool
	// Families are the operations it may ask for; empty means all.
	Families []Family
	// Products are the ids of the products it may sell or whose cards it may touch; empty means all.
	Products []string
	// Ranges are the card numbers it may touch; empty means all.
	Ranges []Range
	// HolderLookUps permits a look-up by card holder (docs/rules.md section 6).
	HolderLookUps bool
	// Velocity bounds what is approved for this account.
	Velocity []Velocity
	// Prepaid says that it buys airtime against its float, and not on account.
	Prepaid bool
}

// Range is card numbers of one length, from First to Last inclusive.
type Range struct{ First, Last string }

func (r Range) holds(digits string) bool {
	return len(digits) == len(r.First) && digits >= r.First && digits <= r.Last
}

// MayAsk says whether it may ask for requests of a family.
func (s *Sender) MayAsk(f Family) bool {
	return len(s.Families) == 0 || slices.Contains(s.Families, f)
}

// MayTouch says whether it may touch the card with a number.
func (s *Sender) MayTouch(p ident.PAN) bool {
	return len(s.Ranges) == 0 || slices.ContainsFunc(s.Ranges, func(r Range) bool { return r.holds(p.Reveal()) })
}

// MaySell says whether it may sell a product or touch its cards.
func (s *Sender) MaySell(product string) bool {
	return len(s.Products) == 0 || slices.Contains(s.Products, product)
}
