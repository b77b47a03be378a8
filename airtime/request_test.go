package airtime_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Each request has one thing wrong with it more than the next: the first fault in the order of checks is told.
func TestChecksComeInTheirOrder(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	empty := s.sell(airtime.Product{ID: "empty", Network: "one", Values: []money.Amount{rand(1000)}})
	s.Account("a", txn.Sender{
		Families: []txn.Family{txn.Purchase}, Products: []string{"empty", "nothing"}, Prepaid: true,
		Velocity: []txn.Velocity{{Family: txn.Purchase, Window: time.Hour, MaxAmount: 999}},
	})
	r := *s.purchase("", empty)
	r.Family, r.Product, r.Collect, r.Recipient, r.Amount = txn.Voucher, "voucher", true, msisdn(numberTwo), new(rand(5))
	for _, step := range []struct {
		what, want, field string
		mend              func()
	}{
		{"the family is not the account's", "TRANSACTION_NOT_SUPPORTED", "", func() { r.Family = txn.Purchase }},
		{"the product is not the account's", "TRANSACTION_NOT_SUPPORTED", "product.productId", func() { r.Product = "nothing" }},
		{"money is to be collected", "TRANSACTION_NOT_SUPPORTED", "paymentMethods", func() { r.Collect = false }},
		{"there is no such product", "INVALID_PRODUCT", "product.productId", func() { r.Product = "empty" }},
		{"the number is of another network", "INVALID_MSISDN", "recipientMsisdn", func() { r.Recipient = msisdn(numberOne) }},
		{"the amount is another", "INVALID_AMOUNT", "amounts.requestAmount", func() { r.Amount = nil }},
		{"the account has bought too much", "LIMIT_EXCEEDED", "", func() {
			r.Sender = s.Account("a", txn.Sender{Products: []string{"empty"}, Prepaid: true})
		}},
		{"the account has no float", "INSUFFICIENT_FUNDS", "amounts.requestAmount", func() { s.prepaid(1000) }},
		{"there is no stock", "OUT_OF_STOCK", "product.productId", func() { s.deliver(empty, 1) }},
		{"nothing is wrong", good, "", func() {}},
	} {
		sent := r
		sent.ID = newID()
		if step.want != good {
			trial := sent
			_, err := s.Trial(context.Background(), &trial)
			s.wants("the trial: "+step.what, word(err), step.want)
		}
		_, err := s.Request(context.Background(), &sent)
		s.wants(step.what, word(err), step.want)
		var refusal *decline.Error
		if errors.As(err, &refusal) {
			s.wants(step.what, refusal.Field, step.field)
			if refusal.Text == "" {
				t.Errorf("%s: without a text", step.what)
			}
			s.wants("again: "+step.what, s.buy(&sent), "DUPLICATE_RECORD") // a refused request has used up its id
		}
		step.mend()
	}
	s.wants("the float", s.float(), "book 0 available 0")
	s.booksAreRight()
}

func TestRequestsThatAreRefused(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 20)
	withdrawn := s.sell(airtime.Product{ID: "gone", Withdrawn: true})
	bound := s.sell(airtime.Product{ID: "bound", Network: "one", Values: []money.Amount{rand(1000)}})
	s.deliver(bound, 20)
	stranger := s.sell(airtime.Product{ID: "stranger", TopUp: true, Provider: "nobody", Values: []money.Amount{rand(5)}})
	anywhere := s.sell(airtime.Product{ID: "anywhere", TopUp: true, Provider: airtimetest.ProviderName, Values: []money.Amount{rand(5)}})
	s.must(s.Catalogue.Connect(airtime.Network{ID: "one", Name: "Network one", Country: "ZA", Prefixes: []string{"2783", "210"}}))
	for name, c := range map[string]struct {
		product *airtime.Product
		change  func(r *airtime.Request)
		want    string
	}{
		"withdrawn product":                    {withdrawn, func(*airtime.Request) {}, "INVALID_PRODUCT"},
		"top-up asked for as a voucher":        {s.topUp, func(r *airtime.Request) { r.Family = txn.Voucher }, "INVALID_PRODUCT"},
		"voucher asked for as one":             {s.voucher, func(r *airtime.Request) { r.Family = txn.Voucher }, good},
		"top-up without a number":              {s.topUp, func(r *airtime.Request) { r.Recipient = ident.MSISDN{} }, "INVALID_MSISDN"},
		"top-up for another network":           {s.topUp, func(r *airtime.Request) { r.Recipient = msisdn(numberTwo) }, "INVALID_MSISDN"},
		"top-up for a number of no network":    {s.topUp, func(r *airtime.Request) { r.Recipient = msisdn(numberOfNone) }, "INVALID_MSISDN"},
		"top-up for any network":               {anywhere, func(r *airtime.Request) { r.Amount, r.Recipient = nil, msisdn(numberOfNone) }, good},
		"top-up for an impossible number":      {anywhere, func(r *airtime.Request) { r.Amount, r.Recipient = nil, msisdn(impossible) }, "INVALID_MSISDN"},
		"top-up for its network, too short":    {s.topUp, func(r *airtime.Request) { r.Recipient = msisdn("278312") }, "INVALID_MSISDN"},
		"top-up for its network, too long":     {s.topUp, func(r *airtime.Request) { r.Recipient = msisdn("278312345678901") }, "INVALID_MSISDN"},
		"top-up for a prefix of its network":   {s.topUp, func(r *airtime.Request) { r.Recipient = msisdn("2783") }, "INVALID_MSISDN"},
		"top-up under a code that none has":    {s.topUp, func(r *airtime.Request) { r.Recipient = msisdn("2101") }, good},
		"voucher for its network, too short":   {bound, func(r *airtime.Request) { r.Recipient = msisdn("278312") }, "INVALID_MSISDN"},
		"voucher with any number":              {s.voucher, func(r *airtime.Request) { r.Recipient = msisdn(numberTwo) }, good},
		"voucher with an impossible number":    {s.voucher, func(r *airtime.Request) { r.Recipient = msisdn(impossible) }, "INVALID_MSISDN"},
		"voucher for another network":          {bound, func(r *airtime.Request) { r.Recipient = msisdn(numberTwo) }, "INVALID_MSISDN"},
		"voucher for its network":              {bound, func(r *airtime.Request) { r.Recipient = msisdn(numberOne) }, good},
		"voucher with a number of no network":  {bound, func(r *airtime.Request) { r.Recipient = msisdn(numberOfNone) }, good},
		"voucher in its second currency":       {s.voucher, func(r *airtime.Request) { r.Amount = new(euro(60)) }, good},
		"voucher in a currency not offered":    {s.voucher, func(r *airtime.Request) { r.Amount = &money.Amount{Minor: 1000, Currency: 840} }, "INVALID_AMOUNT"},
		"variable product without an amount":   {s.topUp, func(r *airtime.Request) { r.Amount = nil }, "INVALID_AMOUNT"},
		"variable product, above its limit":    {s.topUp, func(r *airtime.Request) { r.Amount = new(rand(5001)) }, "INVALID_AMOUNT"},
		"variable product, zero":               {s.topUp, func(r *airtime.Request) { r.Amount = new(rand(0)) }, "INVALID_AMOUNT"},
		"provider that is not connected":       {stranger, func(r *airtime.Request) { r.Amount = nil }, "UPSTREAM_UNAVAILABLE"},
		"money to be collected":                {s.voucher, func(r *airtime.Request) { r.Collect = true }, "TRANSACTION_NOT_SUPPORTED"},
		"nothing at all that a product is not": {&airtime.Product{ID: "nothing"}, func(*airtime.Request) {}, "INVALID_PRODUCT"},
	} {
		r := s.purchase(string(newID()), c.product)
		c.change(r)
		trial := *r
		_, err := s.Trial(context.Background(), &trial)
		s.wants("trial of "+name, word(err), c.want)
		s.wants(name, s.buy(r), c.want)
	}
	s.booksAreRight()
}

// What is told of a float that is too low is what was asked for, and not what that costs the account.
func TestAFloatThatIsTooLowIsToldWithTheFaceValue(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.prepaid(899)
	named := s.purchase("p2", s.voucher)
	named.Amount = new(rand(1000))
	for _, r := range []*airtime.Request{s.purchase("p1", s.voucher), named} {
		_, err := s.Request(t.Context(), r)
		var refusal *decline.Error
		if !errors.As(err, &refusal) || refusal.Reason != decline.InsufficientFunds {
			t.Fatal(err)
		}
		if d := refusal.Detail; *d.Requested != rand(1000) || *d.Balance != rand(899) {
			t.Errorf("%s of %s", d.Requested, d.Balance)
		}
	}
}

func TestCompatibleIgnoresMoneyToBeCollected(t *testing.T) {
	s := newShop(t, airtimetest.Settings{Compatible: true})
	s.deliver(s.voucher, 1)
	r := s.purchase("p1", s.voucher)
	r.Collect = true
	s.wants("the purchase", s.buy(r), good)
}

func TestIDsOfPurchasesVouchersAndAdvicesAreApart(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 3)
	older := s.purchase("1", s.voucher)
	older.Family = txn.Voucher
	s.wants("a purchase", s.buy(s.purchase("1", s.voucher)), good)
	s.wants("a voucher request with its id", s.buy(older), good)
	a := s.advice(txn.Confirmation, "1", "1")
	s.wants("a confirmation with its id", advised(s.Advise(context.Background(), a)), good)
	s.wants("the purchase again", s.buy(s.purchase("1", s.voucher)), "DUPLICATE_RECORD")
	s.wants("the voucher request again", s.buy(older), "DUPLICATE_RECORD")
	foreign := s.purchase("1", s.voucher)
	foreign.Sender = s.Named("b")
	s.wants("from another account", s.buy(foreign), "DUPLICATE_RECORD")
	reversal := s.advice(txn.Reversal, "1", "1")
	reversal.Family = txn.Voucher
	s.wants("a reversal with the confirmation's id", advised(s.Advise(context.Background(), reversal)), "DUPLICATE_RECORD")
	s.booksAreRight()
}

func TestVelocityIsGivenBack(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 5)
	s.Account("a", txn.Sender{Velocity: []txn.Velocity{{Family: txn.Purchase, Window: 24 * time.Hour, MaxCount: 1}}})
	s.Provider.Behave(airtimetest.Refuses, 0)
	s.wants("a top-up that is refused", s.buy(s.purchase("t1", s.topUp)), "DECLINED_BY_MNO")
	s.wants("the first", s.buy(s.purchase("p1", s.voucher)), good)
	s.wants("the second", s.buy(s.purchase("p2", s.voucher)), "LIMIT_EXCEEDED")
	s.wants("the reversal", s.reverse("p1"), good)
	s.wants("the third", s.buy(s.purchase("p3", s.voucher)), good)
}
