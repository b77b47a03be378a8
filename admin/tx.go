package admin

import (
	"context"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
)

// Store is where acts are decided, in the same batches as messages. See giftcard.Store for what is promised and
// for the errors.
type Store interface {
	// Update decides one act and returns when it is durable. decide may run again, and sets its results anew.
	Update(ctx context.Context, keys giftcard.Keys, decide func(tx Tx) error) error
	// View reads committed records of one instant.
	View(ctx context.Context, keys giftcard.Keys, read func(tx Tx) error) error
}

// Ahead is what an act is going to read, by id or by number.
type Ahead struct {
	IDs                                []ident.ID // messages with these ids, and reversals that are remembered for them
	Messages, Details, Vouchers, Items []int64
	Chains                             []Chain
}

// Chain is what touched a card or a voucher, newest first: messages each of which says by its link which came before it
// (txn.Link). The first is From, and Most is how many are wanted.
type Chain struct {
	Of, From int64
	Most     int
}

// Tx is what an act reads and writes: what messages do, and what only operators do.
type Tx interface {
	giftcard.Tx
	airtime.Tx
	// Ahead loads together what is going to be read one by one. Of a chain it loads the first message, and as many of the
	// others as the store can follow at once: say again ahead what is left of a chain before reading each message of it, which
	// costs nothing as long as it has been loaded.
	Ahead(a Ahead)
	// AnyCardByNumber gives the card with a number, also of an import that is not complete.
	AnyCardByNumber(key giftcard.CardKey) (giftcard.Card, bool)
	// AddCard adds a card that was not there before. Acts meet one another, so that no other one has added it meanwhile, also
	// not under a newer key.
	AddCard(n giftcard.NewCard)
	// Item gives the item of the queue with a seq, if it is still there.
	Item(seq int64) (saf.Item, bool)
	// PutItem changes the state of an item that is there.
	PutItem(i saf.Item)
	// DropItem deletes an item.
	DropItem(seq int64)
	// Revision gives the revision of what operators have set: each commit that puts a row of a kind of the register raises
	// it by one. After such a row of the same batch, this act's or another's, it is what the commit will raise it to.
	Revision() int64
	Rows
}

// Rows is where operators' rows are written.
type Rows interface {
	// PutRow adds, replaces or deletes a row.
	PutRow(r Row)
}

// Codec turns what rests in rows to bytes and back. What was encoded by one release is decoded by the next.
type Codec interface {
	Encode(value any) ([]byte, error)
	Decode(data []byte, value any) error
}
