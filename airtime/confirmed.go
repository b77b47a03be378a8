package airtime

import (
	"context"

	"github.com/scripworks/scrip/txn"
)

// maxConfirmed bounds how many confirmations providers are being told of at once, so that a slow one takes nothing from
// the top-ups.
const maxConfirmed = 256

// tellConfirmed tells a provider that wants to know that a top-up was confirmed by this advice. Nobody waits for that.
func (v *Vendor) tellConfirmed(e *txn.Ending) {
	m := e.Request
	if m.State != txn.Confirmed || m.Ended != e.Message.Seq || m.Voucher != 0 {
		return
	}
	p, err := v.providerFor(m)
	if err != nil {
		return // nobody is connected who could be told
	}
	confirmer, wants := p.(Confirmer)
	if !wants {
		return
	}
	select {
	case v.confirmed <- struct{}{}:
	default:
		return
	}
	leave := func() { <-v.confirmed }
	if !v.join() {
		leave()
		return
	}
	go func() {
		defer v.all.Done()
		defer leave()
		ctx, cancel := context.WithTimeout(v.life, v.timeout)
		defer cancel()
		confirmer.Confirm(ctx, orderOf(m))
	}()
}
