// Package airtimehttp is the wire of Airtime v5: it turns HTTP messages into the words of package airtime, and answers
// back. A Client is the same service at somebody else's server. What it shares with the other contract is package
// exchange.
//
// It promises that every answer below the base path has an ErrorDetail or the declared success body, that a message is
// judged by the served OpenAPI document and nothing else, that times, references, numbers and labels come back exactly
// as they were sent, that a status answers what the purchase itself was answered, byte for byte, and that of what was
// sent no PIN, no card number and no token is ever answered, logged or kept (docs/rules.md sections 1 and 3).
package airtimehttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/scripworks/scrip/airtime"
	airtimeapi "github.com/scripworks/scrip/api/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
)

// Base is the path below which the contract lives (rule C1).
const Base = "/airtime/v5"

// Document is the OpenAPI document by which messages are judged, and which is served.
var Document = airtimeapi.Document

// spelling has the error types that this contract spells otherwise than package decline.
var spelling = map[decline.Reason]string{decline.DoNotHonour: "DO_NOT_HONOR"}

// Settings are what a server is made of.
type Settings struct {
	exchange.Settings
	Service airtime.Service
	// Compatible answers as the sandbox's compatibility profile does (docs/rules.md section 8): a status and a look-up
	// succeed with 202, and a purchase's settlement entity and number are made up.
	Compatible bool
}

// Server serves any airtime.Service below Base.
type Server struct {
	service    airtime.Service
	compatible bool
	wire       *exchange.Server
	slots      slots
}

// New makes a server, judging by the embedded document.
func New(settings Settings) (*Server, error) {
	s := &Server{service: settings.Service, compatible: settings.Compatible}
	var err error
	s.wire, err = exchange.New(exchange.Contract{
		Base: Base, Document: Document, Operations: s.operations(),
		Busy: decline.SystemMalfunction, Limited: decline.LimitExceeded,
		Spelling: spelling, Show: s.showAsSent,
	}, settings.Settings)
	if err != nil {
		return nil, err
	}
	s.slots = findSlots(s.wire)
	return s, nil
}

// ServeHTTP answers one message.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.wire.ServeHTTP(w, r) }

// purchase has a purchase decided.
func (s *Server) purchase(ctx context.Context, x *exchange.Exchange) error {
	response, err := s.request(ctx, x)
	if err != nil {
		return err
	}
	if !x.Pass(response.Answer) {
		s.approvePurchase(x, response)
	}
	return nil
}

// provide has a voucher request decided.
func (s *Server) provide(ctx context.Context, x *exchange.Exchange) error {
	response, err := s.request(ctx, x)
	if err != nil {
		return err
	}
	if !x.Pass(response.Answer) {
		s.approveVoucher(x, response)
	}
	return nil
}

func (s *Server) request(ctx context.Context, x *exchange.Exchange) (*airtime.Response, error) {
	request, err := s.read(x)
	if err != nil {
		return nil, err
	}
	request.Body = x.KeptWithout(s.slots.payments, isToken)
	response, err := s.service.Request(ctx, request)
	var refusal *decline.Error
	if errors.As(err, &refusal) && refusal.Reason == decline.AccountAlreadySettled {
		x.OriginalID = string(refusal.Detail.ReversalID) // of a request that comes after its reversal (3.1 row 5)
	}
	return response, err
}

// try has a purchase decided that is not to take place.
func (s *Server) try(ctx context.Context, x *exchange.Exchange) error {
	request, err := s.read(x)
	if err != nil {
		return err
	}
	response, err := s.service.Trial(ctx, request)
	if err != nil {
		return err
	}
	if !x.Pass(response.Answer) {
		s.approvePurchase(x, response)
	}
	return nil
}

// advise has an advice decided. receipt adds to the answer what only this kind of advice has.
func (s *Server) advise(receipt func(*exchange.Writer, *exchange.Exchange)) func(context.Context, *exchange.Exchange) error {
	return func(ctx context.Context, x *exchange.Exchange) error {
		advice, err := s.advice(x)
		if err != nil {
			return err
		}
		answer, err := s.service.Advise(ctx, advice)
		if err != nil {
			return err
		}
		if x.Pass(answer) {
			return nil
		}
		w := x.Receipt()
		receipt(w, x)
		w.Close()
		return nil
	}
}

// status answers what a purchase was answered.
func (s *Server) status(ctx context.Context, x *exchange.Exchange) error {
	query, err := s.query(x)
	if err != nil {
		return err
	}
	x.OriginalID = query.Reference
	if query.ID != "" {
		x.OriginalID = string(query.ID)
	}
	response, err := s.service.Status(ctx, query)
	if err != nil {
		return err
	}
	if x.Pass(response.Answer) {
		return nil
	}
	if err := x.Recall(purchaseID, response.Request); err != nil {
		return fmt.Errorf("answer a status: %w", err)
	}
	s.approvePurchase(x, response)
	return nil
}

// lookUp tells what is known of a number.
func (s *Server) lookUp(ctx context.Context, x *exchange.Exchange) error {
	question, err := s.question(x)
	if err != nil {
		return err
	}
	subscriber, err := s.service.LookUp(ctx, question)
	if err != nil {
		return err
	}
	if !x.Pass(subscriber.Answer) {
		s.showSubscriber(x, subscriber)
	}
	return nil
}

// list tells what is on sale, where a catalogue is kept.
func (s *Server) list(ctx context.Context, x *exchange.Exchange) error {
	onSale, err := s.service.Products(ctx, &airtime.Listing{Sender: x.Sender, Received: x.Received, Filter: s.filter(x), Wire: x.Query()})
	var refusal *decline.Error
	if errors.As(err, &refusal) && refusal.Reason == decline.FunctionNotSupported {
		return exchange.NotOffered("no catalogue is kept")
	}
	if err != nil {
		return err
	}
	if x.Pass(onSale.Answer) {
		return nil
	}
	w := x.Answer()
	w.OpenList("")
	for _, o := range onSale.Offers {
		listProduct(w, o)
	}
	w.CloseList()
	return nil
}
