// Package giftcardhttp is the wire of Giftcard v3: it turns HTTP messages into the words of package giftcard,
// and answers back. A Client is the same service at somebody else's server. What it shares with the other contract is
// package exchange.
//
// It promises that every answer below the base path has an ErrorDetail or the declared success body, that a body
// is judged by the served OpenAPI document and nothing else, that times and references come back exactly as they
// were sent, and that no PIN is ever answered, logged or kept (docs/rules.md sections 1 and 2).
package giftcardhttp

import (
	"context"
	"net/http"

	giftcardapi "github.com/scripworks/scrip/api/giftcard"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
)

// Base is the path below which the contract lives (rule C1).
const Base = "/giftcard/v3"

// Document is the OpenAPI document by which bodies are judged, and which is served.
var Document = giftcardapi.Document

// Server serves any giftcard.Service below Base.
type Server struct {
	service giftcard.Service
	wire    *exchange.Server
	slots   slots
}

// New makes a server, judging by the embedded document.
func New(service giftcard.Service, settings exchange.Settings) (*Server, error) {
	s := &Server{service: service}
	var err error
	s.wire, err = exchange.New(exchange.Contract{
		Base: Base, Document: Document, Operations: s.operations(),
		Busy: decline.TemporaryFailure, Limited: decline.TemporaryFailure, Show: s.showAsSent,
	}, settings)
	if err != nil {
		return nil, err
	}
	s.slots = findSlots(s.wire)
	return s, nil
}

// ServeHTTP answers one message.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.wire.ServeHTTP(w, r) }

// ask has a request decided.
func (s *Server) ask(ctx context.Context, x *exchange.Exchange) error {
	request, err := s.read(x)
	if err != nil {
		return err
	}
	response, err := s.service.Request(ctx, request)
	if err != nil {
		return err
	}
	if !x.Pass(response.Answer) {
		s.approve(x, response)
	}
	return nil
}

// advise has an advice decided.
func (s *Server) advise(ctx context.Context, x *exchange.Exchange) error {
	advice, err := x.Advice()
	if err != nil {
		return err
	}
	answer, err := s.service.Advise(ctx, advice)
	if err != nil {
		return err
	}
	if !x.Pass(answer) {
		x.Receipt().Close()
	}
	return nil
}
