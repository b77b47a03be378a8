package giftcard

import (
	"context"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Store is where messages are decided: many at a time, each alone, all of them durable before any is answered
// (docs/decisions/0002).
type Store interface {
	// Update loads what the keys name, lets decide make its decision and saves the changes in one durable
	// commit with those of other messages. decide may run again and must touch nothing but tx and variables of
	// its own that it sets anew each time. When decide returns an error its changes are undone and that error
	// is returned; nil means recorded. Other errors: *decline.NotTaken when surely nothing was saved, anything
	// else when that is unknown.
	Update(ctx context.Context, keys Keys, decide func(tx Tx) error) error
	// View reads committed records, all of one instant, beside the writers.
	View(ctx context.Context, keys Keys, read func(tx Tx) error) error
	// Later is an Update that nobody waits for: it is saved with a later commit, and a crash may forget it.
	// done, if not nil, is called once it has been saved or has failed.
	Later(keys Keys, decide func(tx Tx) error, done func())
}

// Keys says what a message will need, so that a batch loads it in one go. What was not named here is loaded
// when a decision asks for it, at the price of a detour.
type Keys struct {
	World ident.World
	IDs   []ident.ID // messages, tombstones, and through a request the cards it names
	Cards []CardKey  // cards by their number
}

// CardKey is a card's number as keyed hashes: under the primary key first, then under older keys still asked.
type CardKey []secret.Digest

// Tx is what a decision reads and writes. Values go in and out; a value written is what is read afterwards.
// Methods panic privately when the store cannot answer; Update turns that into its error.
type Tx interface {
	// Messages gives all messages with an id, in the keys' world, oldest first: at most one request or
	// look-up; an advice that was refused and later accepted stands twice.
	Messages(id ident.ID) []txn.Message
	// MessageAt gives the message with a seq.
	MessageAt(seq int64) (txn.Message, bool)
	// Remembered says whether a reversal for a request that was never seen is remembered, and which (rule L7).
	Remembered(account ident.Account, request ident.ID) (reversal int64, ok bool)
	// CardByNumber gives the card with a number.
	CardByNumber(key CardKey) (Card, bool)
	// Card gives the card with an id that a record named. A missing one is a fault and panics privately.
	Card(id int64) Card
	// Detail gives a card's detail.
	Detail(id int64) Detail
	// CardsOf gives the ids of the cards, oldest first and at most limit, whose holder has this digest.
	CardsOf(digest secret.Digest, limit int) []int64
	// Counter gives the count so far; a window that nobody counted in is empty.
	Counter(key CounterKey) Counter

	// NextSeq gives a new place in the order of messages: above all before, never given twice.
	NextSeq() int64
	// Insert adds a message under its Seq and ID.
	Insert(m txn.Message)
	// Amend replaces the State, Ended and Final of a message inserted before.
	Amend(m txn.Message)
	// Remember remembers a reversal for a request that was never seen.
	Remember(account ident.Account, request ident.ID, reversal int64)
	PutCard(c Card)
	PutDetail(d Detail)
	PutCounter(key CounterKey, c Counter)
	// Enter adds an entry to the ledger.
	Enter(e ledger.Entry)
}

// CounterKey is one window of one velocity rule of a card or an account.
type CounterKey struct {
	PerAccount bool
	Owner      int64 // card or account
	Family     txn.Family
	Window     time.Duration
	Start      time.Time
}

// Counter is what was approved in a window and not reversed.
type Counter struct {
	Count  int64
	Amount money.Minor
}

// Products gives the products of a world as they stand now.
type Products interface {
	ProductByID(w ident.World, id string) (*Product, bool)
	Product(w ident.World, number int32) (*Product, bool)
}
