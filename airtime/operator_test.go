package airtime_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

var errNote = errors.New("the note was not taken")

// settle is an operator's ending of a purchase of account a. noted counts the notes.
func (s *shop) settle(role txn.Role, id string, noted *int) string {
	return s.settleFor(context.Background(), role, id, noted)
}

func (s *shop) settleFor(ctx context.Context, role txn.Role, id string, noted *int) string {
	return word(s.Settle(ctx, airtime.Settlement{
		World: ident.Production, Family: txn.Purchase, RequestID: ident.ID(id), Role: role, ID: newID(), At: s.Now(), Sender: s.Named("a"),
		Note: func(_ airtime.Tx, message int64) error {
			if message == 0 {
				return errNote
			}
			*noted++
			return nil
		},
	}))
}

func TestAnOperatorSettlesAVoucher(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 5)
	s.prepaid(5000)
	noted := 0
	s.bought(s.purchase("p1", s.voucher))
	s.wants("confirmed", s.settle(txn.Confirmation, "p1", &noted), good)
	s.wants("the confirmation", s.confirm("p1"), good)
	s.wants("the reversal", s.reverse("p1"), "ACCOUNT_ALREADY_SETTLED")
	serial := s.bought(s.purchase("p2", s.voucher)).Voucher.Serial
	s.wants("reversed", s.settle(txn.Reversal, "p2", &noted), good)
	s.wants("the voucher", s.place(serial), "quarantine")
	s.wants("the reversal", s.reverse("p2"), good)
	s.wants("the confirmation", s.confirm("p2"), "ACCOUNT_ALREADY_SETTLED")
	s.wants("what has ended", s.settle(txn.Reversal, "p2", &noted), "TRANSACTION_NOT_SUPPORTED")
	s.wants("what never was", s.settle(txn.Reversal, "p3", &noted), "UNABLE_TO_LOCATE_RECORD")
	s.wants("the float", s.float(), "book 4100 available 4100")
	if noted != 2 {
		t.Errorf("%d notes", noted)
	}
	s.booksAreRight()
}

// What an operator does to a top-up that stands goes through its provider, where that can take back.
func TestAnOperatorReversesATopUp(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		noted := 0
		s.bought(s.purchase("t1", s.topUp))
		s.wants("it", s.settle(txn.Reversal, "t1", &noted), good)
		s.credits("t1", 0)
		s.bought(s.purchase("t2", s.topUp))
		s.Provider.Keep(true)
		s.wants("one that the provider keeps", s.settle(txn.Reversal, "t2", &noted), "TRANSACTION_NOT_SUPPORTED")
		s.wants("its status", s.status("t2"), good)
		s.Provider.Mute(true)
		s.wants("one that the provider says nothing of", s.settle(txn.Reversal, "t2", &noted), unknown)
		s.wants("its status", s.status("t2"), unknown)
		s.Provider.Able(airtime.Capabilities{})
		s.bought(s.purchase("t3", s.topUp))
		s.wants("one that no provider takes back", s.settle(txn.Reversal, "t3", &noted), good)
		s.wants("its status", s.status("t3"), "ACCOUNT_ALREADY_SETTLED")
		s.wants("the float", s.float(), charged) // of t2
		if noted != 4 {
			t.Errorf("%d notes", noted)
		}
	})
}

// Where the provider cannot say how it ended, the operator's word counts.
func TestAnOperatorDecidesWhatNobodyElseCan(t *testing.T) {
	for _, c := range []struct {
		role                   txn.Role
		status, float          string
		confirmation, reversed string
	}{
		{txn.Confirmation, good, charged, good, "ACCOUNT_ALREADY_SETTLED"},
		{txn.Reversal, "ACCOUNT_ALREADY_SETTLED", untouched, "ACCOUNT_ALREADY_SETTLED", good},
	} {
		for name, reversing := range map[string]bool{"working": false, "reversing": true} {
			t.Run(c.role.String()+" of one "+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, s *shop) {
					if reversing {
						s.bought(s.purchase("t1", s.topUp))
						s.Provider.Mute(true)
						s.wants("a reversal", s.reverse("t1"), undecided)
					} else {
						s.Provider.Able(airtime.Capabilities{})
						s.Provider.Behave(airtimetest.Breaks, 0)
						s.wants("the purchase", s.buyFor("t1"), unknown)
					}
					noted := 0
					s.wants("the act", s.settle(c.role, "t1", &noted), good)
					s.Provider.Mute(false)
					s.wants("the status", s.status("t1"), c.status)
					s.wants("the confirmation", s.confirm("t1"), c.confirmation)
					s.wants("the reversal", s.reverse("t1"), c.reversed)
					s.wants("the float", s.float(), c.float)
					if left := s.resolve(); left != 0 || noted != 1 {
						t.Errorf("%d are left, %d notes", left, noted)
					}
				})
			})
		}
	}
}

// An operator who does not get the turn of a top-up is told that nothing was done.
func TestAnOperatorDoesNotWaitForEver(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		noted := 0
		s.Provider.Behave(airtimetest.Late, 10*time.Second)
		answer := make(chan string)
		go func() { answer <- s.buyFor("t1") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s.wants("the act", s.settleFor(ctx, txn.Confirmation, "t1", &noted), turned)
		s.wants("the purchase", <-answer, good)
		if noted != 0 {
			t.Errorf("%d notes", noted)
		}
	})
}

// The provider is asked before the operator's word counts.
func TestAnOperatorDoesNotContradictTheProvider(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		noted := 0
		s.Provider.Behave(airtimetest.Breaks, 0)
		s.wants("the purchase", s.buyFor("t1"), unknown)
		s.wants("reversed", s.settle(txn.Reversal, "t1", &noted), good)
		s.credits("t1", 0)
		s.wants("the status", s.status("t1"), "ACCOUNT_ALREADY_SETTLED")
	})
}

// While the provider is at work the operator waits with the rest.
func TestAnOperatorWaitsForTheProvider(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Late, 5*time.Second)
		answer := make(chan string)
		go func() { answer <- s.buyFor("t1") }()
		synctest.Wait()
		noted := 0
		s.wants("the act", s.settle(txn.Confirmation, "t1", &noted), good)
		s.wants("the purchase", <-answer, good)
		s.wants("the confirmation", s.confirm("t1"), good)
		s.credits("t1", 1)
	})
}

func TestPayments(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	pay := func(amount money.Amount, withdraw bool) string {
		return word(s.Pay(t.Context(), airtime.Payment{
			World: ident.Production, Account: 1, ID: newID(), At: s.Now(), Amount: amount, Withdraw: withdraw,
			Note: func(_ airtime.Tx, message int64, before, after airtime.Float) error {
				moved := after.Balance.Book - before.Balance.Book
				if withdraw {
					moved = -moved
				}
				if moved != amount.Minor || after.LastMessage != message || message == 0 {
					return errNote
				}
				return nil
			},
		}))
	}
	s.wants("a withdrawal from nothing", pay(rand(1), true), "INSUFFICIENT_FUNDS")
	s.wants("nothing", pay(rand(0), false), "INVALID_AMOUNT")
	s.wants("less than nothing", pay(rand(-5), true), "INVALID_AMOUNT")
	s.wants("a deposit", pay(rand(1000), false), good)
	s.wants("another currency", pay(euro(1), false), "INVALID_AMOUNT")
	s.wants("a withdrawal", pay(rand(400), true), good)
	s.wants("more than there is", pay(rand(601), true), "INSUFFICIENT_FUNDS")
	s.wants("more than can be", pay(rand(int64(money.MaxMinor)), false), "INVALID_AMOUNT")
	s.wants("the float", s.float(), "book 600 available 600")
	s.booksAreRight()
	if err := s.Pay(t.Context(), airtime.Payment{
		World: ident.Production, Account: 1, ID: newID(), At: s.Now(), Amount: rand(1),
		Note: func(airtime.Tx, int64, airtime.Float, airtime.Float) error { return errNote },
	}); !errors.Is(err, errNote) {
		t.Error(err)
	}
	s.wants("the float after a note that was not taken", s.float(), "book 600 available 600")
}

func TestPlacements(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 2)
	made := s.sell(airtime.Product{ID: "made", Source: airtime.Made})
	s.bought(s.purchase("p1", s.voucher))
	s.bought(s.purchase("p2", made))
	s.wants("a reversal", s.reverse("p2"), good)
	put := func(voucher int64, to airtime.VoucherStatus) string {
		return word(s.Place(t.Context(), airtime.Placement{
			World: ident.Production, Voucher: voucher, ID: newID(), At: s.Now(), To: to,
			Note: func(_ airtime.Tx, message int64, before, after airtime.Voucher) error {
				if before.Status == after.Status || after.Status != to || after.LastMessage != message {
					return errNote
				}
				return nil
			},
		}))
	}
	all, err := s.Vouchers(t.Context())
	s.must(err)
	sold, free, ours := all[0].ID, all[1].ID, all[2].ID
	const no = "TRANSACTION_NOT_SUPPORTED"
	s.wants("a sold one back", put(sold, airtime.InStock), no)
	s.wants("a sold one out", put(sold, airtime.Withdrawn), no)
	s.wants("the reversal", s.reverse("p1"), good)
	s.wants("it is in quarantine: sold", put(sold, airtime.Sold), no)
	s.wants("it is in quarantine: back", put(sold, airtime.InStock), good)
	s.wants("again", put(sold, airtime.InStock), no)
	s.wants("out of stock", put(sold, airtime.Withdrawn), good)
	s.wants("and back", put(sold, airtime.InStock), no)
	s.wants("one that was made, back", put(ours, airtime.InStock), no)
	s.wants("one that was made, out", put(ours, airtime.Withdrawn), good)
	s.wants("the last in stock, out", put(free, airtime.Withdrawn), good)
	s.wants("a purchase", s.buy(s.purchase("p3", s.voucher)), "OUT_OF_STOCK")
	s.booksAreRight()
}
