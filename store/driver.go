// Package store decides messages many at a time: a batch loads what all its messages need, each message is
// decided in turn against what was loaded, all changes are saved in one durable commit, and only then is
// anybody answered (docs/decisions/0002).
//
// It promises that a message is either wholly saved or not at all, that a message that fails never spoils its
// neighbours, that nobody is answered before the commit, and that an error other than *decline.NotTaken or the
// decision's own is an unknown outcome. Drivers load and save; they decide nothing.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Driver keeps records. Its promises are judged by storetest.
type Driver interface {
	admin.Reports
	airtime.Unsettled
	saf.Reports
	Leases
	Keyring
	// Begin starts the batch of a writer. The store runs so many at a time as its settings say.
	Begin(ctx context.Context) (Batch, error)
	// View starts a batch that only loads, all from one committed instant, beside the writer.
	View(ctx context.Context) (Batch, error)
	// ForgetCounters deletes the velocity counters whose window has ended: nothing asks for them any more. It goes
	// in commits of its own, between the batches.
	ForgetCounters(ctx context.Context, now time.Time) error
	// Close lets go of everything. No batch may be open.
	Close() error
}

// LeaseTime is how long a lease lives after it was last taken.
const LeaseTime = 5 * time.Second

// Leases say which of the processes on a store does what only one is to do at a time. A lease is a matter of order, never of
// safety: its holder may have lost it a moment ago (docs/decisions/0020).
type Leases interface {
	// Lease takes the lease with a name for LeaseTime, or prolongs one that this process holds, and says whether it holds
	// it now. Where one process alone has the store it always does.
	Lease(ctx context.Context, name string) (held bool, err error)
	// Release gives a lease up. One that this process does not hold stays as it is.
	Release(ctx context.Context, name string) error
	// Shared says whether other processes may be at work on the store, now or later.
	Shared() bool
}

// Keyring says to the processes on a store which keys the others hold, so that none uses a key that another has not.
type Keyring interface {
	// HoldKeys says which keys of card numbers this process holds, by their numbers in the order in which they were made, and
	// that it is about to use the primary one for what it writes. ErrKey: another one is in use, which it does not hold.
	// ErrKeyAhead: a living process does not hold this one. Where one process alone has the store neither can be.
	HoldKeys(ctx context.Context, keys []uint32, primary uint32) error
}

// Errors of a Keyring.
var (
	ErrKey      = errors.New("store: the other processes use a key that this one does not hold")
	ErrKeyAhead = errors.New("store: other processes do not hold the key that this one would use")
)

// Batch is one database transaction.
type Batch interface {
	// Load brings what is wanted into the set. It may be called again in the same batch for more; what the set
	// has already it must not bring again (the set ignores it). A driver may bring along what a message names.
	Load(ctx context.Context, wanted *Wanted, set *Set) error
	// Save writes the set's changes and commits durably. ErrConflict: run the batch again. ErrData: a value was
	// refused and all is surely rolled back. ErrNotSaved: surely rolled back. Anything else: unknown.
	Save(ctx context.Context, set *Set) error
	// Rollback gives the batch up. After Save it does nothing.
	Rollback()
	// Seqs reserves n places in the order of messages and gives the first. None is given twice,
	// also not by another node.
	Seqs(n int) (int64, error)
}

// What Save can say for sure.
var (
	ErrConflict = errors.New("store: the batch met another writer")
	ErrData     = errors.New("store: the database refused a value")
	ErrNotSaved = errors.New("store: nothing was saved")
)

// Conflict is why a batch met another writer. It is an ErrConflict, of a kind that is counted apart.
type Conflict string

// Conflicts lists all of them.
var Conflicts = []Conflict{Serialization, Deadlock, LockRoom, OtherNumber, OtherOrder, OtherConflict}

// The kinds of conflict. An ErrConflict of none of these is an OtherConflict.
const (
	Serialization Conflict = "serialization"
	Deadlock      Conflict = "deadlock"
	LockRoom      Conflict = "lock_room" // there was no room for a lock
	OtherNumber   Conflict = "number"    // another writer has added the card first
	OtherOrder    Conflict = "order"     // what was found comes after the places that were taken
	OtherConflict Conflict = "other"
)

// Error tells the kind.
func (c Conflict) Error() string { return ErrConflict.Error() + " (" + string(c) + ")" }

// Is says that it is an ErrConflict.
func (c Conflict) Is(target error) bool { return target == ErrConflict }

// IDKey is a message id in its world, with its keyed hash for the index.
type IDKey struct {
	World ident.World
	Hash  int64
	ID    ident.ID
}

// Tombstone is a remembered reversal of a request that was never seen (rule L7).
type Tombstone struct {
	Request  IDKey
	Account  ident.Account
	Reversal int64
}

// Wanted is what a batch is to load. Duplicates are allowed.
type Wanted struct {
	IDs      []IDKey            // messages with these ids, or what is left of them, and tombstones for them
	Seqs     []int64            // messages at these places, or what is left of them
	Chains   []admin.Chain      // the first of each is among Seqs, too; a driver brings along what it can follow at once
	Numbers  []giftcard.CardKey // cards by number
	Cards    []int64            // cards by id
	Details  []int64            // card details by card id
	Holders  []secret.Digest    // cards by holder
	Counters []txn.CounterKey   // velocity counters
	Stock    []Stock            // what can be sold of products, each of them once
	Shelves  []Shelf            // vouchers in stock, by batch
	Vouchers []int64            // vouchers by id
	Hashes   []int64            // vouchers by the hash of a serial or a PIN
	Batches  []int32            // batches of vouchers by number
	Floats   []ident.Account    // floats by account
	Items    []int64            // items of the queue by seq
	Register bool               // the revision of what operators set; nobody else changes that until the batch has ended
}

// Reset empties the wants and keeps their memory.
func (w *Wanted) Reset() {
	w.IDs, w.Seqs, w.Numbers, w.Cards = w.IDs[:0], w.Seqs[:0], w.Numbers[:0], w.Cards[:0]
	w.Details, w.Holders, w.Counters = w.Details[:0], w.Holders[:0], w.Counters[:0]
	w.Stock, w.Shelves, w.Vouchers = w.Stock[:0], w.Shelves[:0], w.Vouchers[:0]
	w.Hashes, w.Batches, w.Floats = w.Hashes[:0], w.Batches[:0], w.Floats[:0]
	w.Items, w.Chains, w.Register = w.Items[:0], w.Chains[:0], false
}

// isEmpty says that there is nothing to load.
func (w *Wanted) isEmpty() bool {
	return len(w.IDs)+len(w.Seqs)+len(w.Chains)+len(w.Numbers)+len(w.Cards)+len(w.Details)+len(w.Holders)+len(w.Counters)+
		len(w.Stock)+len(w.Shelves)+len(w.Vouchers)+len(w.Hashes)+len(w.Batches)+len(w.Floats)+len(w.Items) == 0 && !w.Register
}

// MaxCardsOfHolder bounds how many cards a holder look-up brings; one more than a look-up needs to know that
// there are several.
const MaxCardsOfHolder = 16

// Inserted is a message to be saved, with the hash of its id.
type Inserted struct {
	txn.Message
	Hash int64
}

// Renumbered is a card whose number is to be found under another digest: what keys are rotated for.
type Renumbered struct {
	Card   int64
	Old    []secret.Digest // not all of them need to be there
	Number secret.Digest
}

// Changes is what Save writes. Order within each list is the order in which it came about.
type Changes struct {
	Inserted   []*Inserted
	Amended    []*txn.Message // what txn.Tx.Amend names
	Tombstones []Tombstone
	NewCards   []giftcard.NewCard
	Renumbered []Renumbered
	Cards      []*giftcard.Card
	Details    []*giftcard.Detail
	Counters   map[txn.CounterKey]txn.Counter
	Entries    []ledger.Entry
	Rows       []admin.Row
	// Batches and Floats may be new. A voucher of Vouchers may stand in NewVouchers, too, as it was then.
	NewVouchers []airtime.NewVoucher
	Vouchers    []*airtime.Voucher // Status and LastMessage
	Batches     []*airtime.Batch
	Floats      []*airtime.Float
	// NewItems are added to the queue, then Items changed (State, Attempts, Tried and Why; the last one of a seq counts), then
	// Dropped deleted, of which some may be gone already.
	NewItems []*saf.Item
	Items    []*saf.Item
	Dropped  []int64
	// What comes last: of the messages Pruned, with their entries, the husk alone is left, and what is Brought is added to
	// what was brought forward under the same key, with the greatest Upto. Husks that are Forgotten go with what leads to
	// them, and with the reversals remembered under their seq (Names leads to these, with a negative seq); the greatest seq of
	// those ever forgotten is kept. Of both some may be gone already.
	// Husks are those of another store, and come with what leads to them.
	Pruned    []txn.Husk
	Husks     []txn.Husk
	Brought   map[ledger.BroughtKey]ledger.Brought
	Forgotten []txn.Husk
}

// reset empties the changes and keeps their memory.
func (c *Changes) reset() {
	clear(c.Inserted)
	clear(c.Amended)
	clear(c.NewCards)
	clear(c.Cards)
	clear(c.Details)
	clear(c.Rows)
	clear(c.NewVouchers)
	clear(c.Vouchers)
	clear(c.Batches)
	clear(c.Floats)
	clear(c.NewItems)
	clear(c.Items)
	clear(c.Counters)
	clear(c.Pruned)
	clear(c.Brought)
	clear(c.Husks)
	clear(c.Forgotten)
	*c = Changes{
		Inserted: c.Inserted[:0], Amended: c.Amended[:0], NewCards: c.NewCards[:0], Cards: c.Cards[:0], Details: c.Details[:0],
		Rows: c.Rows[:0], Entries: c.Entries[:0], Tombstones: c.Tombstones[:0], Renumbered: c.Renumbered[:0], Counters: c.Counters,
		NewVouchers: c.NewVouchers[:0], Vouchers: c.Vouchers[:0], Batches: c.Batches[:0], Floats: c.Floats[:0],
		NewItems: c.NewItems[:0], Items: c.Items[:0], Dropped: c.Dropped[:0],
		Pruned: c.Pruned[:0], Husks: c.Husks[:0], Brought: c.Brought, Forgotten: c.Forgotten[:0],
	}
}

// IsEmpty says that there is nothing to write.
func (c *Changes) IsEmpty() bool {
	return len(c.Inserted) == 0 && len(c.Amended) == 0 && len(c.Tombstones) == 0 && len(c.NewCards) == 0 && len(c.Renumbered) == 0 &&
		len(c.Cards) == 0 && len(c.Details) == 0 && len(c.Counters) == 0 && len(c.Entries) == 0 && len(c.Rows) == 0 &&
		len(c.NewVouchers) == 0 && len(c.Vouchers) == 0 && len(c.Batches) == 0 && len(c.Floats) == 0 &&
		len(c.NewItems) == 0 && len(c.Items) == 0 && len(c.Dropped) == 0 &&
		len(c.Pruned) == 0 && len(c.Husks) == 0 && len(c.Brought) == 0 && len(c.Forgotten) == 0
}
