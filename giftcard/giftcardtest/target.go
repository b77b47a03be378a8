package giftcardtest

import (
	"context"
	"errors"
	"net/http"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Do implements conform.Target: it puts the message to the service in its own words, without a wire.
func (i *Issuer) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	sender, err := i.Admit(m.Account)
	if err != nil {
		return Refused(m, err), nil
	}
	a := i.put(ctx, i, m, sender)
	if a.ErrorType == string(decline.InvalidCardNumber) || a.ErrorType == string(decline.IncorrectPIN) {
		i.Guessed(sender)
	}
	return a, nil
}

// Through gives a target that puts messages in words to a service that leads to this issuer, and sets the issuer up
// directly. Who may send is that service's business, or of whoever it leads to.
func (i *Issuer) Through(service giftcard.Service) conform.Target { return &through{i, service} }

// through is an issuer behind something else.
type through struct {
	*Issuer
	service giftcard.Service
}

// Do implements conform.Target.
func (t *through) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	return t.put(ctx, t.service, m, t.Sender(m.Account)), nil
}

// put puts a message to a service.
func (i *Issuer) put(ctx context.Context, service giftcard.Service, m conform.Message, sender *txn.Sender) conform.Answer {
	if m.Act != conform.Request {
		if _, err := service.Advise(ctx, i.Advice(m, sender)); err != nil {
			return Refused(m, err)
		}
		return conform.Answer{Status: http.StatusAccepted, ID: m.ID}
	}
	response, err := service.Request(ctx, i.AsRequest(m, sender))
	if err != nil {
		return Refused(m, err)
	}
	return approved(m, response)
}

// AsRequest gives a request in the service's words.
func (i *Issuer) AsRequest(m conform.Message, sender *txn.Sender) *giftcard.Request {
	r := &giftcard.Request{
		Family: families[m.Kind], ID: ident.ID(m.ID), Sender: sender, Received: i.Now(), Product: m.Product,
		Card: presented(m.Card), Target: presented(m.Target), Amount: Amount(m.Amount), Points: m.Points != nil,
	}
	if m.Holder != nil {
		r.Holder = giftcard.Holder{ProfileID: m.Holder.ProfileID, MSISDN: m.Holder.MSISDN, EmailAddress: m.Holder.Email}
	}
	return r
}

// Advice gives an advice in the service's words.
func (i *Issuer) Advice(m conform.Message, sender *txn.Sender) *txn.Advice {
	a := &txn.Advice{
		Family: families[m.Kind], Role: txn.Confirmation, ID: ident.ID(m.ID), RequestID: ident.ID(m.RequestID),
		Sender: sender, Received: i.Now(), Approved: Amount(m.Approved),
	}
	if m.Act == conform.Reversal {
		a.Role = txn.Reversal
	}
	return a
}

// presented is a card as a message names it. The newer form of a PIN goes before the plain ones.
func presented(c *conform.Card) (p giftcard.Presented) {
	if c == nil {
		return p
	}
	p.PAN, _ = ident.ParsePAN(c.PAN) // what is no number is no card
	p.Expiry = c.Expiry
	p.PIN = giftcard.PIN{Clear: c.ClearPIN, Encrypted: c.EncryptedPIN}
	if c.PIN == nil {
		return p
	}
	p.PIN = giftcard.PIN{}
	switch c.PIN.Type {
	case "CLEAR_PIN":
		p.PIN.Clear = c.PIN.Value
	case "ENCRYPTED_PIN":
		p.PIN.Encrypted = c.PIN.Value
	case "HASHED_PIN":
		p.Hashed = true
	}
	return p
}

// Amount gives an amount of a script in the domain's words; nil is none.
func Amount(a *conform.Amount) *money.Amount {
	if a == nil {
		return nil
	}
	c, _ := money.ParseCurrency(a.Currency) // what is no currency is none, and no card's
	return &money.Amount{Minor: money.Minor(a.Minor), Currency: c}
}

func approved(m conform.Message, r *giftcard.Response) conform.Answer {
	a := conform.Answer{Status: http.StatusCreated, ID: m.ID, Amounts: conform.Amounts{
		Requested: (*int64)(r.Requested), Approved: (*int64)(r.Approved),
		Book: new(int64(r.Balance.Book)), Available: new(int64(r.Balance.Available)),
	}}
	if m.Kind != conform.Load && m.Kind != conform.Redeem && m.Kind != conform.Transfer {
		a.Product = new("")
		if r.Product != nil {
			*a.Product = r.Product.ID
		}
	}
	return a
}

// statuses are those that the causes of a message not taken have on the wire (rule C13).
var statuses = map[decline.Cause]int{
	decline.Overloaded: http.StatusServiceUnavailable, decline.Stopping: http.StatusServiceUnavailable,
	decline.StoreDown: http.StatusServiceUnavailable, decline.RateLimited: http.StatusTooManyRequests,
	decline.Unauthenticated: http.StatusUnauthorized, decline.Forbidden: http.StatusForbidden,
	decline.Expired: http.StatusGatewayTimeout,
}

// Refused gives a failure as the answer that it would be on the wire.
func Refused(m conform.Message, err error) conform.Answer {
	a := conform.Answer{
		Status: http.StatusInternalServerError, ErrorType: string(decline.GeneralError),
		RequestType: m.RequestType(), ID: m.ID, OriginalID: m.RequestID,
	}
	var refusal *decline.Error
	var turned *decline.NotTaken
	switch {
	case errors.As(err, &refusal):
		a.Status, a.ErrorType = http.StatusBadRequest, string(refusal.Reason)
		if refusal.Reason == decline.UnableToLocateRecord {
			a.Status = http.StatusNotFound
		}
		if refusal.Status != 0 {
			a.Status = refusal.Status
		}
	case errors.As(err, &turned) && m.Act == conform.Request:
		a.Status, a.ErrorType = statuses[turned.Cause], string(decline.TemporaryFailure)
	}
	return a
}
