package giftcard_test

import (
	"errors"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// A request that was passed on while its advice was on the way to the issuer is not the issuer's to end.
func TestWhatWasPassedOnIsNotTheIssuersToEnd(t *testing.T) {
	for _, act := range []conform.Act{conform.Confirmation, conform.Reversal} {
		c := newCounter(t, 1)
		advice := c.Advice(c.advice(conform.Redeem, act, "w1", "r1"), c.Sender("a"))
		keys := saf.Keys{World: advice.Sender.World, IDs: advice.Keys()}
		err := store.Queue(c.Store).Update(t.Context(), keys, func(tx saf.Tx) error {
			tx.Insert(txn.Message{
				Seq: tx.NextSeq(), World: advice.Sender.World, ID: "r1", Account: advice.Sender.Account, Family: txn.Redemption,
				Role: txn.Request, State: txn.Open, At: c.Now(), Amount: 100, Currency: 710, Upstream: "acme",
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Issuer.Issuer.Advise(t.Context(), advice); !errors.Is(err, txn.ErrInFlight) {
			t.Errorf("%v: %v", act, err)
		}
		err = store.Queue(c.Store).View(t.Context(), keys, func(tx saf.Tx) error {
			if all := tx.Messages("r1"); len(all) != 1 || all[0].State != txn.Open || len(tx.Messages("w1")) != 0 {
				t.Errorf("%v: it left %v and %v", act, all, tx.Messages("w1"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
