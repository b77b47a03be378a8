// Package ledger holds double entry: every movement of money is one entry with a debit and a credit account.
//
// An entry is pending when a request is approved, and is later posted or released, each by a further entry:
// rows of money are never changed. An account's two balances are sums over its entries. It promises that
// what is added to one account is taken from another, and that arithmetic never wraps.
package ledger

import (
	"fmt"

	"github.com/scripworks/scrip/money"
)

// Class is the kind of a ledger account. The chart of accounts is in docs/architecture.md.
type Class uint8

// The classes. A card's account is a liability with a balance that is kept and checked; the others have no
// limit, so their balances are rolled up from the entries when somebody asks. A float has a balance like a card.
const (
	Card       Class = 1 // what the issuer owes the holder of one card; owner is the card
	Funding    Class = 2 // what an account owes for value it activated, loaded or bought on account; owner is the account
	Redeemed   Class = 3 // what is owed to an account for value it redeemed; owner is the account
	Adjustment Class = 4 // the other side of an operator's credits and debits
	Breakage   Class = 5 // balances written off
	Float      Class = 6 // what an account has paid in to buy airtime against; owner is the account
	Airtime    Class = 7 // what an account bought airtime for; owner is the account
)

// classBits is how many low bits of an Account hold its class.
const classBits = 4

// Account is one ledger account: a class and the owner's number in one integer.
type Account int64

// AccountOf gives the account of a class that belongs to an owner. Classes without owner use 0.
func AccountOf(c Class, owner int64) Account { return Account(owner<<classBits | int64(c)) }

// Class gives the account's class.
func (a Account) Class() Class { return Class(a & (1<<classBits - 1)) }

// Owner gives the number of the card or sender that the account belongs to.
func (a Account) Owner() int64 { return int64(a) >> classBits }

// String gives the account for people, such as "card/7".
func (a Account) String() string { return fmt.Sprintf("%s/%d", a.Class(), a.Owner()) }

// String gives the class's name.
func (c Class) String() string {
	names := [...]string{
		Card: "card", Funding: "funding", Redeemed: "redeemed", Adjustment: "adjustment", Breakage: "breakage",
		Float: "float", Airtime: "airtime",
	}
	if int(c) < len(names) && names[c] != "" {
		return names[c]
	}
	return fmt.Sprintf("class%d", uint8(c))
}

// Phase says what an entry does to the two balances.
type Phase uint8

// The phases. A pending entry is followed by entries posted and released that together take up its amount.
const (
	Pending  Phase = 1 // approved: debits leave both balances at once, credits stand in the book balance only
	Posted   Phase = 2 // confirmed: a pending credit becomes available
	Released Phase = 3 // reversed, or the part that was not confirmed: what was pending is undone
	Direct   Phase = 4 // pending and posted at once: an operator's act, or value that follows a replaced card
)

// Entry is one row of the ledger. Amount is always above zero. When and in which world it happened stands in
// its message.
type Entry struct {
	Message       int64 // seq of the message that made it
	N             int   // place among the message's entries, from 0
	Request       int64 // seq of the request or act whose money it is; Message itself when that made it
	Debit, Credit Account
	Amount        money.Minor
	Currency      money.Currency
	Phase         Phase
}

// Check says what is wrong with an entry that must never be written or read.
func (e Entry) Check() error {
	switch {
	case e.Amount <= 0:
		return fmt.Errorf("entry %d/%d: amount %d is not above zero", e.Message, e.N, e.Amount)
	case e.Debit == e.Credit:
		return fmt.Errorf("entry %d/%d: debit and credit are both %s", e.Message, e.N, e.Debit)
	case e.Phase < Pending || e.Phase > Direct:
		return fmt.Errorf("entry %d/%d: unknown phase %d", e.Message, e.N, e.Phase)
	}
	return nil
}

// Balance is the two sums of a liability account: Book counts all that is pending or posted in its favour and
// against it, Available only what can be spent now. Available never exceeds Book, and neither is below zero.
type Balance struct{ Book, Available money.Minor }

// Credited gives the balance after e has been credited to the account.
func (b Balance) Credited(e Entry) (Balance, error) {
	switch e.Phase {
	case Pending:
		return b.add(e.Amount, 0)
	case Posted:
		return b.add(0, e.Amount)
	case Released:
		return b.add(-e.Amount, 0)
	default:
		return b.add(e.Amount, e.Amount)
	}
}

// Debited gives the balance after e has been debited to the account.
func (b Balance) Debited(e Entry) (Balance, error) {
	switch e.Phase {
	case Pending, Direct:
		return b.add(-e.Amount, -e.Amount)
	case Released:
		return b.add(e.Amount, e.Amount)
	default: // posted: it left when it was pending
		return b, nil
	}
}

func (b Balance) add(book, available money.Minor) (Balance, error) {
	sum := Balance{}
	var err error
	if sum.Book, err = b.Book.Add(book); err != nil {
		return b, err
	}
	if sum.Available, err = b.Available.Add(available); err != nil {
		return b, err
	}
	return sum, nil
}

// Check says whether the balance can be: 0 <= available <= book.
func (b Balance) Check() error {
	if b.Available < 0 || b.Available > b.Book {
		return fmt.Errorf("available %d and book %d cannot be", b.Available, b.Book)
	}
	return nil
}
