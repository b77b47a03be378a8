package conform

import (
	"context"
	"strconv"
	"sync"
)

// fake is the smallest gift card service that the suite can play with: one product rule (sum), cards
// without PIN, and four kinds of requests. faults make it wrong in one way each.
type fake struct {
	NoSetup
	mu       sync.Mutex
	starts   map[string]int64
	cards    map[string]*fakeCard
	requests map[string]*fakeRequest
	used     map[string]bool
	fault    string
}

type fakeCard struct {
	active          bool
	product         string
	book, available int64
}

type fakeRequest struct {
	kind   Kind
	card   *fakeCard
	amount int64
	state  string
}

func newFake(fault string) *fake {
	return &fake{starts: map[string]int64{}, cards: map[string]*fakeCard{}, requests: map[string]*fakeRequest{},
		used: map[string]bool{}, fault: fault}
}

func (f *fake) Product(_ context.Context, p Product) (string, error) {
	f.starts[p.ID] = p.Start
	return p.ID, nil
}

func (f *fake) Card(_ context.Context, s CardSpec) (Card, error) {
	if s.ClearPIN != "" {
		return Card{}, Lacks("the fake knows no PINs")
	}
	c := Card{PAN: "600100" + strconv.Itoa(1_000_000_000+len(f.cards)), Expiry: s.Expiry}
	f.cards[c.PAN] = &fakeCard{}
	return c, nil
}

func (f *fake) Do(ctx context.Context, m Message) (Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault == "silent" && m.Kind == Redeem {
		return Answer{}, context.DeadlineExceeded
	}
	if m.Act != Request {
		return f.advise(m), nil
	}
	if f.used[m.ID] && f.fault != "forgets ids" {
		return f.no(m, 400, "DUPLICATE_RECORD"), nil
	}
	f.used[m.ID] = true
	c := f.cards[m.Card.PAN]
	if c == nil {
		return f.no(m, 400, "INVALID_CARD_NUMBER"), nil
	}
	r := &fakeRequest{kind: m.Kind, card: c, state: "open"}
	if m.Amount != nil {
		r.amount = m.Amount.Minor
	}
	if refusal := f.refusal(m, c, r); refusal != "" {
		return f.no(m, 400, refusal), nil
	}
	f.requests[m.ID] = r
	a := Answer{Status: 201, ID: m.ID}
	if r.amount != 0 {
		a.Amounts.Requested, a.Amounts.Approved = new(r.amount), new(r.amount)
	}
	f.apply(m, r)
	a.Amounts.Book, a.Amounts.Available = new(c.book), new(c.available)
	a.Product = new(c.product)
	return a, nil
}

func (f *fake) refusal(m Message, c *fakeCard, r *fakeRequest) string {
	switch {
	case m.Kind == Activate && c.active:
		return "CARD_ACTIVATED"
	case (m.Kind == Load || m.Kind == Redeem) && !c.active:
		return "CARD_NOT_ACTIVATED"
	case m.Kind == Redeem && r.amount > c.available && f.fault != "overdraws":
		return "INSUFFICIENT_FUNDS"
	}
	return ""
}

func (f *fake) apply(m Message, r *fakeRequest) {
	c := r.card
	switch m.Kind {
	case Activate:
		c.active, c.product, c.book = true, m.Product, f.starts[m.Product]+r.amount
	case Load:
		c.book += r.amount
	case Redeem:
		c.book, c.available = c.book-r.amount, c.available-r.amount
		if f.fault == "keeps the money" {
			c.book += r.amount
		}
	}
}

func (f *fake) advise(m Message) Answer {
	r := f.requests[m.RequestID]
	if r == nil || r.kind != m.Kind {
		return f.no(m, 404, "UNABLE_TO_LOCATE_RECORD")
	}
	state, undo := "confirmed", int64(0)
	if m.Act == Reversal {
		state, undo = "reversed", r.amount
	}
	switch {
	case r.state == state && f.fault != "applies advices twice":
		return Answer{Status: 202, ID: m.ID}
	case r.state != "open" && r.state != state:
		return f.no(m, 400, "GENERAL_ERROR")
	}
	r.state = state
	switch {
	case m.Kind == Redeem:
		r.card.book, r.card.available = r.card.book+undo, r.card.available+undo
	case m.Act == Confirmation:
		r.card.available = r.card.book
	case m.Kind == Load:
		r.card.book -= undo
	}
	return Answer{Status: 202, ID: m.ID}
}

func (f *fake) no(m Message, status int, errorType string) Answer {
	a := Answer{Status: status, ErrorType: errorType, RequestType: m.RequestType(), ID: m.ID, OriginalID: m.RequestID}
	if f.fault == "forgets originalId" {
		a.OriginalID = ""
	}
	return a
}
