package airtime

import (
	"context"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Placement is an operator's act on one voucher: out of quarantine back into stock, or out of either for good.
type Placement struct {
	World   ident.World
	Voucher int64
	ID      ident.ID // of the act
	At      time.Time
	To      VoucherStatus // InStock or Withdrawn
	// Note is called in the same commit, with the seq of the act and the voucher before and after.
	Note func(tx Tx, message int64, before, after Voucher) error
}

// Place puts a voucher into another status. It declines with TransactionNotSupported what is sold or withdrawn, and
// what was made for its sale and so has no stock to go to.
func (v *Vendor) Place(ctx context.Context, p Placement) error {
	var refusal *decline.Error
	err := v.store.Update(ctx, Keys{World: p.World, IDs: []ident.ID{p.ID}}, func(tx Tx) error {
		before := tx.Voucher(p.Voucher)
		if refusal = p.check(before); refusal != nil {
			return nil
		}
		return p.place(tx, before)
	})
	if err == nil && refusal != nil {
		return refusal
	}
	return err
}

func (p Placement) check(v Voucher) *decline.Error {
	back := p.To == InStock && v.Status == Quarantined && v.Batch != 0
	out := p.To == Withdrawn && (v.Status == InStock || v.Status == Quarantined)
	if back || out {
		return nil
	}
	return decline.New(decline.TransactionNotSupported, "the voucher is in %s", v.Status)
}

func (p Placement) place(tx Tx, before Voucher) error {
	m := txn.Message{
		Seq: tx.NextSeq(), World: p.World, ID: p.ID, Family: txn.Adjustment, Role: txn.Request, State: txn.Confirmed,
		At: p.At, Voucher: before.ID, Links: []txn.Link{{Card: before.ID, Previous: before.LastMessage}},
	}
	after := before
	after.Status, after.LastMessage = p.To, m.Seq
	tx.PutVoucher(after)
	tx.Insert(m)
	return p.Note(tx, m.Seq, before, after)
}
