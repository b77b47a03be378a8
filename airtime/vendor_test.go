package airtime_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/fleet"
	"github.com/scripworks/scrip/txn"
)

// Numbers of two networks, and one that no network has.
const (
	numberOne    = "27831234567"
	numberTwo    = "27821234567"
	numberOfNone = "447400123456"
	impossible   = "999123456789"
)

// shop is a vendor with products, and messages to it in few words.
type shop struct {
	*airtimetest.Vendor
	t       testing.TB
	voucher *airtime.Product // fixed, 10.00 in 710 or 0.60 in 978, wholesale 9.00
	topUp   *airtime.Product // 5.00 to 50.00, less 2.5 %
}

func newShop(t testing.TB, settings airtimetest.Settings) *shop {
	t.Helper()
	if settings.Open == nil {
		settings.Open = fleet.Memory(t)
	}
	s := &shop{Vendor: airtimetest.New(t, settings), t: t}
	for id, prefix := range map[string]string{"one": "2783", "two": "2782"} {
		s.must(s.Catalogue.Connect(airtime.Network{ID: id, Name: "Network " + id, Country: "ZA", Prefixes: []string{prefix}}))
	}
	wholesale := rand(900)
	s.voucher = s.sell(airtime.Product{ID: "voucher", Values: []money.Amount{rand(1000), euro(60)}, Wholesale: &wholesale, Instructions: []string{"dial *1#"}})
	s.topUp = s.sell(airtime.Product{
		ID: "topup", TopUp: true, Provider: airtimetest.ProviderName, Network: "one", Discount: 250,
		Limits: []airtime.Limit{{Currency: 710, Min: 500, Max: 5000}},
	})
	return s
}

func rand(minor int64) money.Amount { return money.Amount{Minor: money.Minor(minor), Currency: 710} }
func euro(minor int64) money.Amount { return money.Amount{Minor: money.Minor(minor), Currency: 978} }

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) sell(p airtime.Product) *airtime.Product {
	s.t.Helper()
	sold, err := s.Catalogue.Sell(p)
	s.must(err)
	return sold
}

func (s *shop) deliver(p *airtime.Product, count int) int32 {
	s.t.Helper()
	batch, err := s.Deliver(context.Background(), p, count, time.Time{})
	s.must(err)
	return batch
}

func msisdn(s string) (m ident.MSISDN) {
	if s != "" {
		m, _ = ident.ParseMSISDN(s)
	}
	return m
}

// purchase is a request of account a for a product.
func (s *shop) purchase(id string, p *airtime.Product) *airtime.Request {
	r := &airtime.Request{Family: txn.Purchase, ID: ident.ID(id), Sender: s.Named("a"), Received: s.Now(), Product: p.ID}
	if p.TopUp {
		r.Recipient, r.Amount = msisdn(numberOne), new(rand(1000))
	}
	return r
}

func (s *shop) advice(role txn.Role, id, of string) *airtime.Advice {
	return &airtime.Advice{Advice: txn.Advice{
		Family: txn.Purchase, Role: role, ID: ident.ID(id), RequestID: ident.ID(of), Sender: s.Named("a"), Received: s.Now(),
	}}
}

// Answers that are no reason of a refusal.
const (
	good      = "good"
	unknown   = "unknown"   // somebody is still at work: 504
	undecided = "undecided" // any other error, and an advice that has to come again: 500
	turned    = "turned away"
)

// word is an answer in one word: good, the reason of a refusal, or what else there is.
func advised(_ *txn.Answer, err error) string { return word(err) }

func word(err error) string {
	var refusal *decline.Error
	var pending *decline.Unknown
	var away *decline.NotTaken
	switch {
	case err == nil:
		return good
	case errors.As(err, &refusal):
		return string(refusal.Reason)
	case errors.Is(err, txn.ErrInFlight):
		return undecided
	case errors.As(err, &pending):
		return unknown
	case errors.As(err, &away):
		return turned
	}
	return undecided
}

func (s *shop) buy(r *airtime.Request) string {
	_, err := s.Request(context.Background(), r)
	return word(err)
}

func (s *shop) bought(r *airtime.Request) *airtime.Response {
	s.t.Helper()
	response, err := s.Request(context.Background(), r)
	s.must(err)
	return response
}

func (s *shop) confirm(id string) string {
	return advised(s.Advise(context.Background(), s.advice(txn.Confirmation, id+"-k", id)))
}

func (s *shop) reverse(id string) string {
	return advised(s.Advise(context.Background(), s.advice(txn.Reversal, id+"-w", id)))
}

func (s *shop) query(id string) *airtime.Query {
	return &airtime.Query{Sender: s.Named("a"), Received: s.Now(), ID: ident.ID(id)}
}

func (s *shop) status(id string) string {
	_, err := s.Status(context.Background(), s.query(id))
	return word(err)
}

func (s *shop) resolve() (left int) {
	s.t.Helper()
	left, err := s.Resolve(context.Background(), s.Now())
	s.must(err)
	return left
}

// state is what the store says of a purchase of account a.
func (s *shop) state(id string) txn.Message {
	s.t.Helper()
	var found txn.Message
	s.must(s.Store.Read(context.Background(), store.Keys{World: ident.Production, IDs: []ident.ID{ident.ID(id)}}, func(tx *store.Tx) error {
		for _, m := range tx.Messages(ident.ID(id)) {
			if m.Role == txn.Request {
				found = m
			}
		}
		return nil
	}))
	return found
}

// kept gives what is recorded under an id.
func (s *shop) kept(id string) (found []txn.Message) {
	s.t.Helper()
	s.must(s.Store.Read(context.Background(), store.Keys{World: ident.Production, IDs: []ident.ID{ident.ID(id)}}, func(tx *store.Tx) error {
		found = tx.Messages(ident.ID(id))
		return nil
	}))
	return found
}

// ended gives the advice or act that ended a request.
func (s *shop) ended(id string) (by txn.Message) {
	s.t.Helper()
	seq := s.state(id).Ended
	s.must(s.Store.Read(context.Background(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		by, _ = tx.MessageAt(seq)
		return nil
	}))
	return by
}

// part is an advice with an id of its own that names a final amount.
func (s *shop) part(a *airtime.Advice, minor int64) *airtime.Advice {
	part := *a
	part.ID, part.Approved = newID(), new(rand(minor))
	return &part
}

func (s *shop) prepaid(minor int64) {
	s.t.Helper()
	a := s.Account("a", txn.Sender{Prepaid: true})
	s.must(s.Deposit(context.Background(), a.Account, rand(minor)))
}

// float is what account a's float has, in words.
func (s *shop) float() string {
	s.t.Helper()
	f, err := s.Float(context.Background(), s.Named("a").Account)
	s.must(err)
	return fmt.Sprintf("book %d available %d", f.Balance.Book, f.Balance.Available)
}

func (s *shop) wants(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %s, not %s", what, got, want)
	}
}

// booksAreRight asks what must always be true of the records.
func (s *shop) booksAreRight() {
	s.t.Helper()
	report, err := invariant.Check(context.Background(), s.Store.Driver())
	s.must(err)
	for _, fault := range report.Faults {
		s.t.Error(fault)
	}
	if report.Messages+report.Pruned == 0 {
		s.t.Error("no message was checked")
	}
}

func newID() ident.ID { return secret.NewID() }
