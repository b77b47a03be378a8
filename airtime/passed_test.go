package airtime_test

import (
	"errors"
	"testing"

	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// A purchase that was passed on while its advice was on the way to the vendor is not the vendor's to end.
func TestWhatWasPassedOnIsNotTheVendorsToEnd(t *testing.T) {
	for _, role := range []txn.Role{txn.Confirmation, txn.Reversal} {
		s := newShop(t, airtimetest.Settings{})
		advice := s.advice(role, "w1", "p1")
		keys := saf.Keys{World: advice.Sender.World, IDs: advice.Keys()}
		s.must(store.Queue(s.Store).Update(t.Context(), keys, func(tx saf.Tx) error {
			tx.Insert(txn.Message{
				Seq: tx.NextSeq(), World: advice.Sender.World, ID: "p1", Account: advice.Sender.Account, Family: txn.Purchase,
				Role: txn.Request, State: txn.Open, At: s.Now(), Amount: 100, Currency: 710, Upstream: "acme",
			})
			return nil
		}))
		if _, err := s.Advise(t.Context(), advice); !errors.Is(err, txn.ErrInFlight) {
			t.Errorf("%s: %v", role, err)
		}
		s.must(store.Queue(s.Store).View(t.Context(), keys, func(tx saf.Tx) error {
			if all := tx.Messages("p1"); len(all) != 1 || all[0].State != txn.Open || len(tx.Messages("w1")) != 0 {
				t.Errorf("%s: it left %v and %v", role, all, tx.Messages("w1"))
			}
			return nil
		}))
	}
}
