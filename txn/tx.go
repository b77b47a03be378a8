package txn

import (
	"context"

	"github.com/scripworks/scrip/ident"
)

// Store is where messages are decided: many at a time, each alone, all of them durable before any is answered
// (docs/decisions/0002). Each room of rules says in its own Keys what a message will need, and in its own Tx what a
// decision reads and writes.
type Store[Keys, Tx any] interface {
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

// Tx is what the life of a message reads and writes, whatever it is about. Values go in and out; a value written is
// what is read afterwards. Methods panic privately when the store cannot answer; Update turns that into its error.
type Tx interface {
	// Messages gives all messages with an id, in the keys' world, oldest first: at most one request or
	// look-up; an advice that was refused and later accepted stands twice. A withdrawn request is not among them.
	// Of those that were pruned it gives what is left of them.
	Messages(id ident.ID) []Message
	// MessageAt gives the message with a seq. Of one that was pruned it gives what is left, which has no ID.
	MessageAt(seq int64) (Message, bool)
	// Remembered gives the reversals of an account, oldest first, for requests with an id that were never seen (rule L7).
	Remembered(account ident.Account, request ident.ID) (reversals []int64)
	// Counter gives the count so far; a window that nobody counted in is empty.
	Counter(key CounterKey) Counter

	// NextSeq gives a new place in the order of messages: above all before, never given twice.
	NextSeq() int64
	// Insert adds a message under its Seq and ID.
	Insert(m Message)
	// Amend replaces what Message.Amend says of a message inserted before.
	Amend(m Message)
	// Remember remembers a reversal for a request that was never seen.
	Remember(account ident.Account, request ident.ID, reversal int64)
	PutCounter(key CounterKey, c Counter)
}
