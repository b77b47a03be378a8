package relay

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// Kinds of ids that are derived from others. They are part of what rests and never change.
const (
	purchaseKind     = "upstream purchase"
	confirmationKind = "upstream confirmation"
	reversalKind     = "upstream reversal"
)

// purchase gives the id that a vendor's purchase has upstream: the same each time, and nobody without the keys can tell
// which belong together, or use it up before.
func (t *TopUps) purchase(w ident.World, order ident.ID) ident.ID {
	return t.derived(w, purchaseKind, order)
}

// derived makes a UUID of the form of version 4 from another id.
func (t *TopUps) derived(w ident.World, kind string, from ident.ID) ident.ID {
	var u [16]byte
	for half := range 2 {
		found := t.relay.settings.Keys.Found(w, fmt.Sprint(kind, " ", half), string(from))
		binary.BigEndian.PutUint64(u[8*half:], uint64(found))
	}
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return ident.FromUUID(u)
}

func (t *TopUps) sender(w ident.World) *txn.Sender {
	return &txn.Sender{Account: t.settings.Account, World: w, Intermediary: true}
}

// advice makes the one confirmation or reversal of an order's purchase upstream.
func (t *TopUps) advice(o airtime.Order, role txn.Role) *txn.Advice {
	purchase, kind := t.purchase(o.World, o.ID), confirmationKind
	if role == txn.Reversal {
		kind = reversalKind
	}
	return &txn.Advice{
		Family: txn.Purchase, Role: role, ID: t.derived(o.World, kind, purchase), RequestID: purchase, Sender: t.sender(o.World),
		Received: t.relay.settings.Now(),
	}
}

// kept is what is kept of a purchase upstream: by it a sweep finds whose it is.
type kept struct {
	ID    ident.ID `json:"id"`
	Order ident.ID `json:"order"` // the vendor's purchase
}

func bodyFor(id ident.ID, o airtime.Order) ([]byte, error) {
	body, err := json.Marshal(kept{ID: id, Order: o.ID})
	if err != nil {
		return nil, fmt.Errorf("write the body of a top-up: %w", err)
	}
	return body, nil
}

// orderOf finds the order of a purchase upstream.
func (t *TopUps) orderOf(m txn.Message) (airtime.Order, error) {
	var k kept
	body, err := t.relay.settings.Keys.OpenBody(m.Body)
	if err == nil {
		err = json.Unmarshal(body, &k)
	}
	if err == nil && t.purchase(m.World, k.Order) != m.ID {
		err = errors.New("its body names another order")
	}
	return airtime.Order{ID: k.Order, World: m.World}, err
}

// Confirm implements airtime.Confirmer: it ends the purchase upstream if the record says so. What this does not reach is
// left to the sweep.
func (p *provider) Confirm(ctx context.Context, o airtime.Order) { p.endNow(ctx, o) }

// endNow ends the purchase upstream as its own one has ended here, and tells people when that cannot be.
func (t *TopUps) endNow(ctx context.Context, o airtime.Order) {
	err := t.end(ctx, o)
	if err != nil && !errors.Is(err, txn.ErrInFlight) && ctx.Err() == nil {
		t.relay.settings.Log.Error("a top-up could not be ended upstream as it has ended here",
			"id", string(t.purchase(o.World, o.ID)), "error", err)
	}
}

// end puts the ending of a purchase upstream into the queue, if it is time for one. Nobody waits for its answer: there is
// nobody to be told of a refusal, so that needs attention.
func (t *TopUps) end(ctx context.Context, o airtime.Order) error {
	role, err := t.due(ctx, o)
	if err != nil || role == 0 {
		return err
	}
	nobody, leave := context.WithCancel(ctx)
	leave()
	_, err = t.relay.advise(nobody, t.advice(o, role))
	return err
}

// due gives the ending that a purchase upstream is to have; 0 while it has one, or its own is not known. It is never
// confirmed before its own purchase is, because that may still be reversed.
func (t *TopUps) due(ctx context.Context, o airtime.Order) (role txn.Role, err error) {
	id := t.purchase(o.World, o.ID)
	err = t.relay.settings.Store.View(ctx, saf.Keys{World: o.World, IDs: []ident.ID{o.ID, id}}, func(tx saf.Tx) error {
		role = 0
		own, found := vendorsPurchase(tx, o.ID)
		switch passed := t.passedOn(tx, id); {
		case !found:
			return errMissing
		case own.State == txn.Confirmed && (passed.State == txn.Reversed || passed.State == txn.Declined):
			return fmt.Errorf("relay: the vendor's purchase is confirmed, and this one is %s", passed.State)
		case passed.State != txn.Open:
		case own.State == txn.Confirmed:
			role = txn.Confirmation
		case own.State == txn.Reversed || own.State == txn.Declined:
			role = txn.Reversal
		}
		return nil
	})
	return role, err
}

// vendorsPurchase gives the vendor's own purchase with an id.
func vendorsPurchase(tx saf.Tx, id ident.ID) (own txn.Message, found bool) {
	for _, m := range tx.Messages(id) {
		if m.Family == txn.Purchase && m.Role == txn.Request && m.Upstream == "" {
			own, found = m, true
		}
	}
	return own, found
}

// Bounds of a sweep.
const (
	sweepPage  = 256 // open requests that are read together
	sweepPages = 16  // that are read in one call
)

// Sweep ends those purchases upstream that are open although the vendor's own have ended: the process had stopped in
// between, or too much was going on. It looks at all that is open in the store, a part in each call, and goes on with the
// next where it stopped; round says that it has come to the end, so that the next begins anew. One caller at a time
// calls it, while the relay runs: at the start until it has been round, and then every minute or so. What is open on both
// sides stays open: whoever bought it has to end it. The error is the store's; what could not be ended is logged, and
// tried again in the next round.
func (t *TopUps) Sweep(ctx context.Context) (round bool, err error) {
	for range sweepPages {
		page, err := t.settings.Opened.Open(ctx, t.from, sweepPage)
		if err != nil {
			return false, fmt.Errorf("relay: read what is open: %w", err)
		}
		t.endPage(ctx, page)
		if len(page) < sweepPage || ctx.Err() != nil {
			t.from = 0
			return true, ctx.Err()
		}
		t.from = page[len(page)-1].Seq
	}
	return false, nil
}

// endPage ends what is due of a page at the same time, so that it shares commits.
func (t *TopUps) endPage(ctx context.Context, page []txn.Message) {
	var all sync.WaitGroup
	for _, m := range page {
		if m.Account != t.settings.Account || m.Upstream == "" || m.Family != txn.Purchase {
			continue
		}
		all.Go(func() {
			o, err := t.orderOf(m)
			if err != nil {
				t.relay.settings.Log.Error("whose top-up a purchase upstream is cannot be told", "message", m.Seq, "error", err)
				return
			}
			t.endNow(ctx, o)
		})
	}
	all.Wait()
}
