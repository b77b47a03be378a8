package admin

import (
	"context"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// Reports are the questions that go past single messages. All answers are of committed records, in ascending
// order, and bounded by limit, so that a caller goes on from the last one.
type Reports interface {
	airtime.Unsettled
	saf.Reports
	// Revision gives the revision of what operators have set (Tx).
	Revision(ctx context.Context) (int64, error)
	// Rows gives the rows of a kind with a number above after.
	Rows(ctx context.Context, kind Kind, after int64, limit int) ([]Row, error)
	// RowByName gives the row of a kind with a name in a world.
	RowByName(ctx context.Context, kind Kind, world ident.World, name string) (Row, bool, error)
	// Open gives requests that are approved and neither confirmed nor reversed, with a seq above after. One
	// that a provider is still at work on is not approved yet.
	Open(ctx context.Context, after int64, limit int) ([]txn.Message, error)
	// OpenSums counts and adds up what Open has of a world, or of one of its accounts unless that is 0, and was received at
	// an instant or before: by account and currency, all of them, in the order in which they came first (OpenSum.First).
	// It reads every such request, but no body: a row each is sent or kept for an account and currency.
	OpenSums(ctx context.Context, world ident.World, account ident.Account, upto time.Time) ([]OpenSum, error)
	// Messages gives messages with a seq above after.
	Messages(ctx context.Context, after int64, limit int) ([]txn.Message, error)
	// MessagesByReference gives the messages that are found by this hash (txn.Message.References), with a seq above after.
	// The hash may lead to others as well: compare with the message itself.
	MessagesByReference(ctx context.Context, world ident.World, hash, after int64, limit int) ([]txn.Message, error)
	// Entries gives entries whose message is above after; those of one message are never split.
	Entries(ctx context.Context, after int64, limit int) ([]ledger.Entry, error)
	// Pruned gives what is left of messages that were pruned, with a seq above after.
	Pruned(ctx context.Context, after int64, limit int) ([]txn.Husk, error)
	// Brought gives what was brought forward for them, with a key above after.
	Brought(ctx context.Context, after ledger.BroughtKey, limit int) ([]ledger.Brought, error)
	// Forgotten gives the greatest seq of a pruned message of which nothing is left any more; 0 when there is none. What is
	// missing up to there was pruned and is forgotten.
	Forgotten(ctx context.Context) (int64, error)
	// EntriesOf gives the entries that messages made, of each in their order.
	EntriesOf(ctx context.Context, messages []int64) ([]ledger.Entry, error)
	// Cards gives cards with an id above after.
	Cards(ctx context.Context, after int64, limit int) ([]giftcard.Card, error)
	// Details gives the details of cards with an id above after.
	Details(ctx context.Context, after int64, limit int) ([]giftcard.Detail, error)
	// HasNumbers says whether a card is found under a digest that a key of card numbers made.
	HasNumbers(ctx context.Context, key uint32) (bool, error)
	// Vouchers gives vouchers with an id above after.
	Vouchers(ctx context.Context, after int64, limit int) ([]airtime.Voucher, error)
	// VouchersOf gives the vouchers of a batch that are in a status, with an id above after.
	VouchersOf(ctx context.Context, batch int32, status airtime.VoucherStatus, after int64, limit int) ([]airtime.Voucher, error)
	// VoucherBatches gives batches of vouchers with a number above after.
	VoucherBatches(ctx context.Context, after int32, limit int) ([]airtime.Batch, error)
	// Floats gives the floats of accounts with a number above after.
	Floats(ctx context.Context, after ident.Account, limit int) ([]airtime.Float, error)
}
