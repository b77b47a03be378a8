package giftcardhttp

import (
	"context"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Client is the contract's service at somebody else's server. It sends the bytes of a message where they are at hand, and
// composes them from the words where they are not.
//
// Errors are as the outcome is read (docs/rules.md 1.1): a *decline.Error is a definite no, with the upstream's words in
// Wire and its status; a *decline.NotTaken surely was not applied; anything else is unknown, the answer to a request that
// cannot be read among it. No error holds a card number, a PIN or what was answered.
type Client struct{ wire *exchange.Client }

var _ giftcard.Service = (*Client)(nil)

// NewClient makes a client of the server that c leads to.
func NewClient(c *exchange.Client) *Client { return &Client{wire: c} }

// Request implements giftcard.Service. The response's Answer is what was answered, as it came; its words are what of
// that could be read.
func (c *Client) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	k, known := kindOf(r.Family)
	if !known {
		return nil, notOurs()
	}
	body := r.Wire
	if body == nil {
		var err error
		if body, err = Compose(r); err != nil {
			return nil, err
		}
	}
	answer, err := c.send(ctx, k.request(), r.Sender, "", r.ID, body)
	if err != nil {
		return nil, err
	}
	return readResponse(r, answer)
}

// Advise implements giftcard.Service. The answer is nil when what came is not one that could be passed on.
func (c *Client) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	k, known := kindOf(a.Family)
	if !known || k == lookUp {
		return nil, notOurs()
	}
	body := a.Wire
	if body == nil {
		var err error
		if body, err = ComposeAdvice(a); err != nil {
			return nil, err
		}
	}
	answer, err := c.send(ctx, k.advice(a.Role), a.Sender, a.RequestID, a.ID, body)
	if refusal, original := exchange.Refusal(err); refusal != nil {
		refusal.Detail.RequestID = original
	}
	if err != nil {
		return nil, err
	}
	return exchange.Receipt(answer), nil
}

// kindOf gives the kind of a family; false when the contract has none.
func kindOf(f txn.Family) (kind, bool) {
	if f == txn.LookUp {
		return lookUp, true
	}
	for _, k := range ended {
		if k.family == f {
			return k, true
		}
	}
	return kind{}, false
}

// advice gives the operation of an advice by its role.
func (k kind) advice(r txn.Role) *exchange.Operation {
	if r == txn.Reversal {
		return k.reversal()
	}
	return k.confirmation()
}

func (c *Client) send(ctx context.Context, o *exchange.Operation, s *txn.Sender, request, id ident.ID, body txn.Wire) (*txn.Answer, error) {
	return c.wire.Send(ctx, exchange.Outgoing{
		Method: o.Method, Path: Base + o.At(request, id), Body: body, Account: s.Account, Role: o.Role, Location: o.ID,
	})
}

// readResponse reads an answer into words. An upstream that tells one balance only has no other.
func readResponse(r *giftcard.Request, a *txn.Answer) (*giftcard.Response, error) {
	x, err := exchange.Read(a, r.ID)
	if err != nil {
		return nil, err
	}
	response := &giftcard.Response{
		Reference: x.Issuer().Identifier, Product: readProduct(x), References: x.References(), Answer: a,
	}
	readAmounts(x, response)
	if r.Family == txn.LookUp && r.Card.PAN.IsZero() {
		readCard(x, response)
	}
	if err := x.Err(); err != nil {
		return nil, err
	}
	return response, nil
}

func readAmounts(x *exchange.Reading, r *giftcard.Response) {
	book, available := x.Amount("balanceAmount"), x.Amount("availableBalance")
	if book == nil {
		book = available
	}
	if available == nil {
		available = book
	}
	if book != nil {
		r.Balance.Book, r.Balance.Available, r.Currency = book.Minor, available.Minor, book.Currency
	}
	if requested := x.Amount("requestAmount"); requested != nil {
		r.Requested, r.Currency = &requested.Minor, requested.Currency
	}
	if approved := x.Amount("approvedAmount"); approved != nil {
		r.Approved, r.Currency = &approved.Minor, approved.Currency
	}
}

func readProduct(x *exchange.Reading) *giftcard.Product {
	product := x.Member("product")
	id := exchange.TextIn(product.Member("id"))
	if id == "" {
		return nil
	}
	return &giftcard.Product{
		ID: id, Barcode: exchange.TextIn(product.Member("barcode")), Type: exchange.TextIn(product.Member("type")),
	}
}

// readCard reads the card that was found by its holder. One whose number was masked on the way stays unknown.
func readCard(x *exchange.Reading, r *giftcard.Response) {
	card := x.Member("card")
	r.Card, _ = ident.ParsePAN(exchange.TextIn(card.Member("pan")))
	r.Expiry, _ = giftcard.ParseExpiry(exchange.TextIn(card.Member("expiryDate")))
}
