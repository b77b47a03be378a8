package airtimehttp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// service answers every message alike, and remembers the last of each. A status is answered with what the last request
// asked for.
type service struct {
	err        error
	response   airtime.Response
	subscriber airtime.Subscriber
	products   []airtime.Offer

	request  *airtime.Request
	trial    *airtime.Request
	advice   *airtime.Advice
	query    *airtime.Query
	lookUp   *airtime.LookUp
	listing  *airtime.Listing
	deadline time.Time
}

var _ airtime.Service = (*service)(nil)

func (s *service) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	s.request = r
	s.deadline, _ = ctx.Deadline()
	if s.err != nil {
		return nil, s.err
	}
	response := s.response
	return &response, ctx.Err()
}

func (s *service) Trial(_ context.Context, r *airtime.Request) (*airtime.Response, error) {
	s.trial = r
	response := s.response
	response.Voucher = nil
	return &response, s.err
}

func (s *service) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	s.advice = a
	if s.err != nil {
		return nil, s.err
	}
	return nil, ctx.Err()
}

func (s *service) Status(_ context.Context, q *airtime.Query) (*airtime.Response, error) {
	s.query = q
	response := s.response
	response.Request = []byte(purchase.body)
	if s.request != nil {
		response.Request = s.request.Body
	}
	return &response, s.err
}

func (s *service) LookUp(_ context.Context, l *airtime.LookUp) (*airtime.Subscriber, error) {
	s.lookUp = l
	return &s.subscriber, s.err
}

func (s *service) Products(_ context.Context, l *airtime.Listing) (*airtime.Range, error) {
	s.listing = l
	return &airtime.Range{Offers: s.products}, s.err
}

// forget makes it as if it had been asked nothing.
func (s *service) forget() {
	s.request, s.trial, s.advice, s.query, s.lookUp, s.listing = nil, nil, nil, nil, nil, nil
}

// asked says whether it was asked anything.
func (s *service) asked() bool {
	return s.request != nil || s.trial != nil || s.advice != nil || s.query != nil || s.lookUp != nil || s.listing != nil
}

// door lets everybody in as the same sender, or nobody.
type door struct {
	err      error
	sender   txn.Sender
	released int
	advice   bool
}

func (d *door) Admit(_ *http.Request, advice bool) (*txn.Sender, func(), error) {
	d.advice = advice
	return &d.sender, func() { d.released++ }, d.err
}

func (d *door) Guessed(*txn.Sender) {}

// observer remembers what it was told last.
type observer struct {
	operation, errorType string
	status               int
	cause                error
}

func (o *observer) Observe(operation string, status int, errorType string, _ time.Duration, cause error) {
	*o = observer{operation, errorType, status, cause}
}

// edge is a server whose service, door and observer belong to the test.
type edge struct {
	*airtimehttp.Server
	service  service
	door     door
	observer observer
}

var (
	ourselves = ident.Reference{Institution: "scrip", Identifier: "Scrip"}
	noon      = time.Date(2100, 7, 1, 12, 0, 0, 0, time.UTC) // no deadline counted from it has passed
	reference = airtime.Reference(1)
)

func noonAfter() time.Time { return noon }

func rand(minor money.Minor) *money.Amount { return &money.Amount{Minor: minor, Currency: 710} }

// ten is a voucher product.
var ten = &airtime.Product{ID: "A10", Name: "Ten", Type: airtime.AirtimeFixed, Values: []money.Amount{*rand(1000)}}

// newEdge is a server in production, or in the sandbox's compatibility profile.
func newEdge(t testing.TB, compatible bool) *edge {
	t.Helper()
	pin, err := airtime.ParseVoucherPIN("902512345678")
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{
		door: door{sender: txn.Sender{Account: 1, World: 1, Name: "till"}},
		service: service{
			response: airtime.Response{
				Reference: reference, Provider: "Cell-A", Product: ten, Amount: rand(12500),
				Voucher: &airtime.Issued{PIN: pin, Serial: "S7", Batch: "B1", Expiry: noon, Instructions: []string{"Dial *100#"}},
			},
			products: []airtime.Offer{{Product: ten}},
		},
	}
	e.Server, err = airtimehttp.New(airtimehttp.Settings{
		Settings: exchange.Settings{Gate: &e.door, Observer: &e.observer, Institution: ourselves, Now: noonAfter},
		Service:  &e.service, Compatible: compatible,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answer is what a message is answered.
func (e *edge) answer(m message) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, m.sent())
	return answer
}

// good is a success's body, after it was held to the contract.
func (e *edge) good(t *testing.T, m message) string {
	t.Helper()
	answer := e.answer(m)
	if answer.Code >= http.StatusBadRequest {
		t.Fatalf("%s: %d %s", m.operation, answer.Code, answer.Body)
	}
	if err := keepsContract(m.operation, answer); err != nil {
		t.Error(err)
	}
	return answer.Body.String()
}

// errorDetail is an ErrorDetail that was read.
type errorDetail struct {
	ErrorType, RequestType, ID, OriginalID, ErrorMessage string
	DetailMessage                                        map[string]any
}

// detail is the ErrorDetail of an answer, after it was held to the contract.
func detail(t *testing.T, operation string, answer *httptest.ResponseRecorder) (d errorDetail) {
	t.Helper()
	if err := keepsContract(operation, answer); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// fields are the paths at fault that an ErrorDetail names.
func (d errorDetail) fields() (paths []string) {
	wrong, _ := d.DetailMessage["formatErrors"].([]any)
	for _, one := range wrong {
		paths = append(paths, one.(map[string]any)["field"].(string))
	}
	return paths
}

// same compares what was answered with what should have been.
func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
}
