package airtime

import (
	"context"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/txn"
)

// Store is where airtime messages are decided.
type Store = txn.Store[Keys, Tx]

// Keys says what a message will need, so that a batch loads it in one go. What was not named here is loaded when a
// decision asks for it, at the price of a detour.
type Keys struct {
	World ident.World
	IDs   []ident.ID // messages, tombstones, and through a request its voucher and float
	// Stock asks for a voucher of a product, when that number is not 0. Such wishes add up.
	Stock int32
	// Float asks for the float of an account, when that is not 0.
	Float ident.Account
	At    time.Time // when: batches that have expired by then are not brought
	// Hashes find vouchers by their serial or PIN.
	Hashes []int64
}

// Tx is what a decision about airtime reads and writes.
type Tx interface {
	txn.Tx
	// Batches gives the batches of a product that have vouchers in stock, are not closed and expire after an
	// instant: those that expire first come first, and of these the older.
	Batches(product int32, at time.Time) []Batch
	// Next gives the voucher of a batch that is to be sold next: the oldest in stock.
	Next(batch int32) (Voucher, bool)
	// Voucher gives the voucher with an id that a record named. A missing one is a fault and panics privately.
	Voucher(id int64) Voucher
	// VouchersByHash gives the vouchers that a hash of a serial or a PIN leads to. Different ones may share a hash:
	// compare with the voucher itself.
	VouchersByHash(hash int64) []Voucher
	// Batch gives the batch with a number. A missing one is a fault and panics privately.
	Batch(number int32) Batch
	// Float gives an account's float, if it has one.
	Float(account ident.Account) (Float, bool)

	// AddVoucher adds a voucher that was not there before. Its batch counts it when it is in stock.
	AddVoucher(v NewVoucher)
	// PutVoucher changes a voucher's Status and LastMessage. Its batch counts it in or out of stock.
	PutVoucher(v Voucher)
	// PutBatch adds a batch, or changes its Name, Expiry and Closed; InStock is kept by the vouchers.
	PutBatch(b Batch)
	// PutFloat adds a float or changes its Balance and LastMessage.
	PutFloat(f Float)
	// Enter adds an entry to the ledger.
	Enter(e ledger.Entry)
}

// Unsettled finds the purchases that a provider is still at work on.
type Unsettled interface {
	// Working gives requests that are Working or Reversing, with a seq above after, in ascending order.
	Working(ctx context.Context, after int64, limit int) ([]txn.Message, error)
	// Lost gives those of them whose process is gone: nobody waits for their outcome any more.
	Lost(ctx context.Context, after int64, limit int) ([]txn.Message, error)
}
