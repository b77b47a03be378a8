package relay_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// errSilence is what comes of a message without an answer.
var errSilence = errors.New("no answer")

// stub is an upstream of both contracts that answers what it is told to, and remembers what it was sent. The zero value
// approves and accepts everything.
type stub struct {
	request func(id ident.ID) error
	advise  func(a *txn.Advice) (*txn.Answer, error)
	status  func(q *airtime.Query) (*airtime.Response, error)

	mu       sync.Mutex
	requests []giftcard.Request
	sales    []airtime.Request
	advices  []txn.Advice
	queries  []airtime.Query
}

// Request implements giftcard.Service.
func (s *stub) Request(_ context.Context, q *giftcard.Request) (*giftcard.Response, error) {
	s.mu.Lock()
	s.requests = append(s.requests, *q)
	s.mu.Unlock()
	if s.request != nil {
		if err := s.request(q.ID); err != nil {
			return nil, err
		}
	}
	response := &giftcard.Response{Reference: "G0001", Balance: ledger.Balance{Book: 900, Available: 900}, Currency: 710}
	if q.Amount != nil {
		response.Approved = &q.Amount.Minor
	}
	if q.Wire != nil {
		response.Answer = &txn.Answer{Status: 201, Body: txn.Wire(`{"id":"` + string(q.ID) + `","upstream":"says so","thirdPartyIdentifiers":[]}`)}
	}
	return response, nil
}

// advises says how advices are answered from now on; nil takes them all.
func (s *stub) advises(how func(*txn.Advice) (*txn.Answer, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advise = how
}

func (s *stub) take(_ context.Context, a *txn.Advice) (*txn.Answer, error) {
	s.mu.Lock()
	s.advices = append(s.advices, *a)
	advise := s.advise
	s.mu.Unlock()
	if advise != nil {
		return advise(a)
	}
	return &txn.Answer{Status: 202, Body: txn.Wire(`{"id":"` + string(a.ID) + `"}`)}, nil
}

// Advise implements giftcard.Service.
func (s *stub) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) { return s.take(ctx, a) }

// sent gives the ids of the requests that came.
func (s *stub) sent() (ids []ident.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.requests {
		ids = append(ids, q.ID)
	}
	for _, q := range s.sales {
		ids = append(ids, q.ID)
	}
	return ids
}

// advised gives the advices that came.
func (s *stub) advised() []txn.Advice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.advices)
}

// asked gives how often a status was asked for.
func (s *stub) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queries)
}

// seller is a stub's airtime.
type seller struct{ *stub }

var (
	_ giftcard.Service = (*stub)(nil)
	_ airtime.Service  = seller{}
)

// Request implements airtime.Service.
func (s seller) Request(_ context.Context, q *airtime.Request) (*airtime.Response, error) {
	s.mu.Lock()
	s.sales = append(s.sales, *q)
	s.mu.Unlock()
	if s.request != nil {
		if err := s.request(q.ID); err != nil {
			return nil, err
		}
	}
	return s.sold(), nil
}

func (seller) sold() *airtime.Response {
	return &airtime.Response{Reference: "A0001", Provider: "them", Product: &airtime.Product{ID: "p1"}, Amount: cents(100)}
}

// Trial implements airtime.Service.
func (s seller) Trial(ctx context.Context, q *airtime.Request) (*airtime.Response, error) {
	return s.Request(ctx, q)
}

// Advise implements airtime.Service.
func (s seller) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	return s.take(ctx, &a.Advice)
}

// Status implements airtime.Service.
func (s seller) Status(_ context.Context, q *airtime.Query) (*airtime.Response, error) {
	s.mu.Lock()
	s.queries = append(s.queries, *q)
	status := s.status
	s.mu.Unlock()
	if status != nil {
		return status(q)
	}
	response := s.sold()
	response.Answer = &txn.Answer{Status: 200, Body: txn.Wire(`{"id":"` + string(q.ID) + `"}`)}
	return response, nil
}

// LookUp implements airtime.Service.
func (s seller) LookUp(context.Context, *airtime.LookUp) (*airtime.Subscriber, error) {
	return &airtime.Subscriber{Country: "ZA"}, s.asks()
}

// Products implements airtime.Service.
func (s seller) Products(context.Context, *airtime.Listing) (*airtime.Range, error) {
	return &airtime.Range{Offers: []airtime.Offer{{Product: &airtime.Product{ID: "p1"}}}}, s.asks()
}

func (s seller) asks() error {
	if s.request != nil {
		return s.request("")
	}
	return nil
}

// always answers every request with the same error.
func always(err error) func(ident.ID) error { return func(ident.ID) error { return err } }

// refuses answers every advice with a refusal.
func refuses(reason decline.Reason) func(*txn.Advice) (*txn.Answer, error) {
	return func(*txn.Advice) (*txn.Answer, error) { return nil, decline.New(reason, "no") }
}

// cents is an amount in cents of a rand.
func cents(minor money.Minor) *money.Amount { return &money.Amount{Minor: minor, Currency: 710} }

// till sends messages, and is the account a.
var till = &txn.Sender{Account: 1, World: ident.Production, Name: "till"}

// other is somebody else.
var other = &txn.Sender{Account: 2, World: ident.Production, Name: "other"}

const bytesOfRequest = `{"id":"r1","later":{"unknown":[1.50,null]},"thirdPartyIdentifiers":[{"institutionId":"33","transactionIdentifier":"T1"}]}`

// redemption is a request for a hundred cents off a card.
func redemption(id ident.ID) *giftcard.Request {
	return &giftcard.Request{
		Family: txn.Redemption, ID: id, Sender: till, Received: time.Now(), Amount: cents(100), Body: []byte(bytesOfRequest),
		Wire: txn.Wire(bytesOfRequest), References: []ident.Reference{{Institution: "33", Identifier: "T1"}},
	}
}

// purchase is a request for airtime.
func purchase(id ident.ID) *airtime.Request {
	return &airtime.Request{Family: txn.Purchase, ID: id, Sender: till, Received: time.Now(), Product: "p1", Amount: cents(100)}
}

// advice is an advice for a request of a family, in bytes of its own.
func advice(f txn.Family, role txn.Role, id, request ident.ID) *txn.Advice {
	return &txn.Advice{
		Family: f, Role: role, ID: id, RequestID: request, Sender: till, Received: time.Now(),
		Wire: txn.Wire(`{"id":"` + string(id) + `","later":[]}`),
	}
}

func confirmation(id, request ident.ID) *txn.Advice {
	return advice(txn.Redemption, txn.Confirmation, id, request)
}

func reversal(id, request ident.ID) *txn.Advice {
	return advice(txn.Redemption, txn.Reversal, id, request)
}

// outcome is an error as a till sees it.
func outcome(err error) string {
	var refusal *decline.Error
	var turned *decline.NotTaken
	var unknown *decline.Unknown
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refusal):
		return "declined " + string(refusal.Reason)
	case errors.As(err, &turned):
		return "not taken " + map[decline.Cause]string{
			decline.Unavailable: "unavailable", decline.Stopping: "stopping", decline.Expired: "expired",
			decline.StoreDown: "store down", decline.Overloaded: "overloaded",
		}[turned.Cause]
	case errors.As(err, &unknown):
		return "unknown " + string(unknown.Reason)
	}
	return "fault " + err.Error()
}

// stands tells how a request stands in the record.
func (b *switchboard) stands(t testing.TB, id ident.ID) txn.Message {
	t.Helper()
	for _, m := range b.messages(id) {
		if m.Role == txn.Request {
			return m
		}
	}
	return txn.Message{}
}

// queued gives what is queued in words.
func (b *switchboard) queued() (all []string) {
	for _, i := range b.items() {
		all = append(all, i.State.String()+" "+i.Role.String()+" of "+string(i.RequestID))
	}
	return all
}

// lying is a store that says of commits what a test wants.
type lying struct {
	saf.Store
	mu sync.Mutex
	// lie, when it is there, is asked for each commit: whether it is made, and what is said of it instead of the truth.
	lie func() (made bool, err error)
}

// Update implements saf.Store.
func (l *lying) Update(ctx context.Context, keys saf.Keys, decide func(saf.Tx) error) error {
	l.mu.Lock()
	lie := l.lie
	l.mu.Unlock()
	if lie == nil {
		return l.Store.Update(ctx, keys, decide)
	}
	made, said := lie()
	if !made {
		return said
	}
	if err := l.Store.Update(ctx, keys, decide); err != nil || said == nil {
		return err
	}
	return said
}

// tell has the store lie from now on; nil has it tell the truth.
func (l *lying) tell(lie func() (made bool, err error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lie = lie
}

// statusUnknown is an upstream that cannot tell yet how a purchase ended.
func statusUnknown(*airtime.Query) (*airtime.Response, error) {
	return nil, &decline.Unknown{Reason: decline.OutcomeUnknown}
}
