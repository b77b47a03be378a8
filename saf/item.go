// Package saf is store-and-forward: the queue of advices that have been taken over and are not answered for good yet, one
// line for each upstream (docs/rules.md 1.1 and 1.2).
//
// It promises that what is in the queue leaves it only by a final answer or by an operator's act, that the head is
// repeated until then, that an upstream that does not answer is asked by one message at a time, and that what keeps
// failing alone does not hold up the others. It decides from values and an instant given to it; it sends nothing, keeps
// nothing and never reads the clock. What it decides is carried out by package relay.
package saf

import (
	"context"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Item is one advice on its way to an upstream, or a question for the status of a request where there are no reversals.
type Item struct {
	// Seq is its place in the order of all messages, and its key: of an advice the advice's own, of a question one that no
	// message has.
	Seq      int64
	Upstream string // name of whom it goes to: of who took its request
	World    ident.World
	Account  ident.Account // whose it is. A credential is never kept with it
	Family   txn.Family
	Role     txn.Role // Confirmation, Reversal, or Request for a question
	ID       ident.ID // of the advice; of a question the request's
	Request  int64    // seq of the request
	// RequestID is the request's id.
	RequestID ident.ID
	At        time.Time // since when it is queued, in milliseconds
	Amount    money.Minor
	Currency  money.Currency // of Amount: what is in doubt while it is queued; 0 when it has no value
	// Body is what is sent, sealed: it is the same each time, byte for byte. Empty of a question.
	Body []byte

	State    State
	Attempts int       // how often it was sent in vain
	Tried    time.Time // when it was last; zero before
	Why      string    // what came of that, for people; never a payload
}

// Amend takes over from another what may change about an item: State, Attempts, Tried and Why.
func (i *Item) Amend(from Item) {
	i.State, i.Attempts, i.Tried, i.Why = from.State, from.Attempts, from.Tried, from.Why
}

// State is where an item stands. One that was delivered is deleted.
type State uint8

// The states.
const (
	Waiting   State = 1 // in line
	Parked    State = 2 // keeps failing while others get through: tried at the longest interval, beside the line
	Attention State = 3 // answered with a no, or without a credential to send it under: an operator has to look
)

var stateNames = [...]string{"", "waiting", "parked", "attention"}

// String gives the state's name.
func (s State) String() string { return stateNames[s] }

// ParseState reads a state's name.
func ParseState(s string) (State, bool) {
	for i, name := range stateNames {
		if i > 0 && name == s {
			return State(i), true
		}
	}
	return 0, false
}

// Keys says what a message that touches the queue will need.
type Keys struct {
	World ident.World
	IDs   []ident.ID // messages and tombstones
	Seqs  []int64    // messages by their place
	Items []int64    // items by their seq
}

// Tx is what a decision about the queue, or about what was passed on, reads and writes.
type Tx interface {
	txn.Tx
	// Item gives the item with a seq, if it is still there.
	Item(seq int64) (Item, bool)
	// AddItem adds an item that was not there before.
	AddItem(i Item)
	// PutItem changes what Item.Amend names of an item that is there.
	PutItem(i Item)
	// DropItem deletes an item. One that is gone already stays gone.
	DropItem(seq int64)
}

// Store is where the queue is changed, in the same commits as the messages it is about.
type Store = txn.Store[Keys, Tx]

// Reports are the questions about the queue that go past single messages. Answers are of committed records.
type Reports interface {
	// Items gives items of an upstream that are in one of the states, with a seq above after, in ascending order and at
	// most limit. An empty upstream is any.
	Items(ctx context.Context, upstream string, states []State, after int64, limit int) ([]Item, error)
	// Levels counts the queue: one for each upstream, account, state and currency that has items, in this order. It looks
	// at every item, so whoever is asked often keeps the answer for a while.
	Levels(ctx context.Context) ([]Level, error)
	// Working gives requests that are Working or Reversing, with a seq above after, in ascending order.
	Working(ctx context.Context, after int64, limit int) ([]txn.Message, error)
	// Lost gives those of them, likewise, that no process has in hand any more.
	Lost(ctx context.Context, after int64, limit int) ([]txn.Message, error)
}
