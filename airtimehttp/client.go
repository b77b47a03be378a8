package airtimehttp

import (
	"context"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Client is the contract's service at somebody else's server. It sends the bytes of a message where they are at hand, and
// composes them from the words where they are not.
//
// Errors are as the outcome is read (docs/rules.md 1.1): a *decline.Error is a definite no, with the upstream's words in
// Wire and its status; a *decline.NotTaken surely was not applied; anything else is unknown, an answer that cannot be read
// among it. No error holds a PIN, a number or what was answered.
type Client struct{ wire *exchange.Client }

var _ airtime.Service = (*Client)(nil)

// NewClient makes a client of the server that c leads to.
func NewClient(c *exchange.Client) *Client { return &Client{wire: c} }

// operationOf gives the operation of a request or an advice; false when the contract has none.
func operationOf(f txn.Family, r txn.Role) (*exchange.Operation, bool) {
	for _, o := range operations() {
		if o.Family == f && o.Role == r && f.IsAirtime() {
			return o, true
		}
	}
	return nil, false
}

func operationByID(id string) *exchange.Operation {
	for _, o := range operations() {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// Request implements airtime.Service. The response's Answer is what was answered, as it came; its words are what of that
// could be read. A voucher request that is answered without a voucher has an unknown outcome.
func (c *Client) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	o, known := operationOf(r.Family, txn.Request)
	if !known {
		return nil, notOurs()
	}
	return c.ask(ctx, o, r)
}

// Trial implements airtime.Service.
func (c *Client) Trial(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	return c.ask(ctx, operationByID(trialID), r)
}

func (c *Client) ask(ctx context.Context, o *exchange.Operation, r *airtime.Request) (*airtime.Response, error) {
	body := r.Wire
	if body == nil {
		var err error
		if body, err = Compose(r); err != nil {
			return nil, err
		}
	}
	answer, err := c.wire.Send(ctx, outgoing(o, r.Sender, "", r.ID, body))
	if err != nil {
		return nil, told(err, aboutReversal)
	}
	return readResponse(answer, r.ID, r)
}

// Advise implements airtime.Service. The answer is nil when what came is not one that could be passed on.
func (c *Client) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	o, known := operationOf(a.Family, a.Role)
	if !known || !o.Advice() {
		return nil, notOurs()
	}
	body := a.Wire
	if body == nil {
		var err error
		if body, err = ComposeAdvice(a); err != nil {
			return nil, err
		}
	}
	out := outgoing(o, a.Sender, a.RequestID, a.ID, body)
	out.EmptyIsUnlocated = a.Role == txn.Reversal // the contract has no body for it
	answer, err := c.wire.Send(ctx, out)
	if err != nil {
		return nil, told(err, aboutRequest)
	}
	return exchange.Receipt(answer), nil
}

func outgoing(o *exchange.Operation, s *txn.Sender, request, id ident.ID, body txn.Wire) exchange.Outgoing {
	return exchange.Outgoing{
		Method: o.Method, Path: Base + o.At(request, id), Body: body, Account: s.Account, Role: o.Role, Location: o.ID,
	}
}

// Status implements airtime.Service. The response's Request is nil.
func (c *Client) Status(ctx context.Context, q *airtime.Query) (*airtime.Response, error) {
	answer, err := c.query(ctx, statusID, q.Sender, q.Wire, func() (txn.Wire, error) { return composeStatus(q) })
	if err != nil {
		return nil, told(err, aboutRequest)
	}
	return readResponse(answer, q.ID, &airtime.Request{Family: txn.Purchase})
}

// LookUp implements airtime.Service.
func (c *Client) LookUp(ctx context.Context, l *airtime.LookUp) (*airtime.Subscriber, error) {
	answer, err := c.query(ctx, lookUpID, l.Sender, l.Wire, func() (txn.Wire, error) { return composeLookUp(l) })
	if err != nil {
		return nil, told(err, nil)
	}
	return readSubscriber(l, answer)
}

// Products implements airtime.Service.
func (c *Client) Products(ctx context.Context, l *airtime.Listing) (*airtime.Range, error) {
	answer, err := c.query(ctx, listID, l.Sender, l.Wire, func() (txn.Wire, error) { return composeListing(l) })
	if err != nil {
		return nil, told(err, nil)
	}
	return readRange(answer)
}

// query sends parameters: those that are at hand, else those composed.
func (c *Client) query(
	ctx context.Context, operation string, s *txn.Sender, parameters txn.Wire, compose func() (txn.Wire, error),
) (*txn.Answer, error) {
	if parameters == nil {
		var err error
		if parameters, err = compose(); err != nil {
			return nil, err
		}
	}
	o := operationByID(operation)
	out := outgoing(o, s, "", "", nil)
	out.Query, out.Role = parameters, txn.Request
	out.EmptyIsUnlocated = true // the contract has no body for it
	return c.wire.Send(ctx, out)
}

// told puts a refusal into our words: its reason as package decline spells it, and with name the message that the
// refusal says it is about.
func told(err error, name func(refusal *decline.Error, original ident.ID)) error {
	refusal, original := exchange.Refusal(err)
	if refusal == nil {
		return err
	}
	for reason, spelled := range spelling {
		if string(refusal.Reason) == spelled {
			refusal.Reason = reason
		}
	}
	if name != nil {
		name(refusal, original)
	}
	return err
}

// aboutRequest names the request that an advice or a status is about.
func aboutRequest(refusal *decline.Error, original ident.ID) { refusal.Detail.RequestID = original }

// aboutReversal names the reversal that came before a request (docs/rules.md 3.1).
func aboutReversal(refusal *decline.Error, original ident.ID) {
	if refusal.Reason == decline.AccountAlreadySettled {
		refusal.Detail.ReversalID = original
	}
}
