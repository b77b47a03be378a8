package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Unsettled is a transaction that was approved and is neither confirmed nor reversed.
type Unsettled struct {
	Transaction
	Product string // id of the product that the request named; empty when it named none
}

// settledPage is how many open requests are read at once.
const settledPage = 500

// Unsettled gives what is approved and neither confirmed nor reversed now, oldest first: also what other goroutines
// are still at work on.
func (t *Till) Unsettled(ctx context.Context) ([]*Unsettled, error) {
	var all []*Unsettled
	for after := int64(0); ; {
		page, err := t.store.Driver().Open(ctx, after, settledPage)
		if err != nil {
			return nil, fmt.Errorf("sdk: look for what is unsettled: %w", err)
		}
		for i := range page {
			after = page[i].Seq
			if page[i].Upstream != "" {
				all = append(all, t.unsettled(&page[i]))
			}
		}
		if len(page) < settledPage {
			return all, nil
		}
	}
}

func (t *Till) unsettled(m *txn.Message) *Unsettled {
	u := &Unsettled{Transaction: Transaction{
		ID: string(m.ID), Operation: Operation(m.Family.String()), Amount: amountOf(m.Amount, m.Currency), At: m.At,
		till: t, family: m.Family,
	}}
	kept, err := t.kept(m.Body)
	if err != nil { // it can be ended all the same
		t.log.Error("sdk: a kept request cannot be read", "id", m.ID, "error", err)
		return u
	}
	u.references = kept.references()
	u.Reference, u.Product = kept.reference(u.ID), kept.Product.ID+kept.Product.ProductID
	return u
}

// keptRequest is what is read again of a request that was kept.
type keptRequest struct {
	ThirdPartyIdentifiers []struct{ InstitutionID, TransactionIdentifier string }
	Product               struct{ ID, ProductID string } // gift cards say id, airtime says productId
}

func (t *Till) kept(sealed []byte) (k keptRequest, err error) {
	body, err := t.keys.OpenBody(sealed)
	if err == nil {
		err = json.Unmarshal(body, &k)
	}
	if err != nil {
		return k, errors.New("it cannot be opened") // whatever it was, it may quote the body
	}
	return k, nil
}

func (k *keptRequest) references() (found []ident.Reference) {
	for _, r := range k.ThirdPartyIdentifiers {
		found = append(found, ident.Reference{Institution: r.InstitutionID, Identifier: r.TransactionIdentifier})
	}
	return found
}

// reference is the program's own, which comes first. Where it gave none, the id stands in its place.
func (k *keptRequest) reference(id string) string {
	if len(k.ThirdPartyIdentifiers) == 0 || k.ThirdPartyIdentifiers[0].TransactionIdentifier == id {
		return ""
	}
	return k.ThirdPartyIdentifiers[0].TransactionIdentifier
}

// Bounds of how often undecided transactions are looked for.
const (
	settleOften  = 4 // times in SettleWithin
	settleFast   = time.Second
	settleSlowly = time.Minute
)

// background starts what runs until Close.
func (t *Till) background() {
	within := t.settings.SettleWithin
	if within == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.stop = cancel
	t.settling.Go(func() {
		tick := time.NewTicker(min(max(within/settleOften, settleFast), settleSlowly))
		defer tick.Stop()
		t.settle(ctx, tick.C)
	})
}

// settle looks for undecided transactions at each tick until its context ends.
func (t *Till) settle(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ticks:
		case <-ctx.Done():
			return
		}
		if err := t.settleBefore(ctx, t.settings.now().Add(-t.settings.SettleWithin)); err != nil && ctx.Err() == nil {
			t.log.Error("sdk: what was not decided in time could not be reversed", "error", err)
		}
	}
}

// settleBefore reverses what the program has had in its hands since before an instant and has not decided.
func (t *Till) settleBefore(ctx context.Context, before time.Time) error {
	all, err := t.Unsettled(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, u := range all {
		if !t.hands.since(ident.ID(u.ID), u.At).Before(before) {
			continue
		}
		err := u.end(ctx, txn.Reversal, nil, txn.TimedOut)
		if errors.Is(err, ErrEnded) { // the program was faster
			continue
		}
		if err == nil {
			t.log.Warn("sdk: reversed what was not decided in time", "id", u.ID, "operation", u.Operation)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
