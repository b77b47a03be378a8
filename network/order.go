package network

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// state is what became of an order. The words rest in the store.
type state string

const (
	credited state = "credited"
	kept     state = "kept"     // credited, and it cannot be taken back any more
	declined state = "declined" // nothing was credited
	reversed state = "reversed" // taken back, or refused before it came
)

// order is the record of one order. The names of its fields rest in the store: one may be added, but not renamed.
type order struct {
	resting
	id ident.ID

	State      state          `json:"state"`
	Subscriber string         `json:"subscriber,omitempty"` // name of the subscriber's row; empty when the order never came
	Edition    int32          `json:"edition,omitempty"`    // of the product
	Asked      money.Minor    `json:"asked,omitempty"`      // whatever was asked, also what was refused for it
	In         money.Currency `json:"in,omitempty"`         // what was asked is in this currency
	Credited   money.Minor    `json:"credited,omitempty"`   // without the bonus
	Currency   money.Currency `json:"currency,omitempty"`   // of what was credited
	Bonus      money.Minor    `json:"bonus,omitempty"`
	Due        int64          `json:"due,omitempty"` // until when a late order is pending, in milliseconds since 1970; 0 when it is not late
	Refusal    *refusal       `json:"refusal,omitempty"`
}

// refusal is a decline at rest.
type refusal struct {
	Reason decline.Reason `json:"reason"`
	Text   string         `json:"text,omitempty"`
	Field  string         `json:"field,omitempty"`
}

var errOrder = errors.New("network: an order's record is damaged")

// decodeOrder reads an order's record, and refuses one that cannot be.
func decodeOrder(r admin.Row) (order, error) {
	k := order{resting: resting{number: r.Number}, id: ident.ID(r.Name)}
	if err := json.Unmarshal(r.Content, &k); err != nil {
		return order{}, errOrder // its text would quote the record
	}
	return k, k.check()
}

func (k *order) check() error {
	came := k.Subscriber != ""
	moved := k.Credited != 0 || k.Bonus != 0
	ok := amountFits(k.Credited, k.Currency) && amountFits(k.Bonus, k.Currency) && k.Due >= 0
	switch k.State {
	case credited, kept:
		ok = ok && came && k.Refusal == nil
	case declined:
		ok = ok && came && !moved && k.Refusal != nil && k.Refusal.Reason != ""
	case reversed:
		ok = ok && (came || !moved) && k.Refusal == nil
	default:
		ok = false
	}
	if !ok {
		return errOrder
	}
	return nil
}

// amountFits says whether an amount is one that a record may hold.
func amountFits(m money.Minor, c money.Currency) bool {
	const currencies = 1000
	return m >= 0 && m <= money.MaxMinor && c < currencies && (m == 0 || c != 0)
}

func (k *order) row(w ident.World) (admin.Row, error) {
	content, err := json.Marshal(k)
	return admin.Row{Kind: admin.OrderRow, Number: k.number, World: w, Name: string(k.id), Content: content}, err
}

// matches says whether an order is the one that the record is of.
func (k *order) matches(o airtime.Order, s subscriberKey) bool {
	return k.Subscriber == "" || // nothing is known of it but its id
		k.Subscriber == s.name && k.Edition == o.Product.Edition && k.Asked == o.Amount.Minor && k.In == o.Amount.Currency
}

// due is when the network is through with the order.
func (k *order) due() time.Time { return time.UnixMilli(k.Due) }

// referenceLetter begins the network's references.
const referenceLetter = 'N'

func (k *order) reference() string { return txn.Reference(referenceLetter, k.number) }

// answer is what TopUp answers once the order is due.
func (k *order) answer() (reference string, err error) {
	if no := k.why(); no != nil {
		return "", no
	}
	return k.reference(), nil
}

// why says why nothing is credited; nil when something is.
func (k *order) why() *decline.Error {
	switch k.State {
	case declined:
		return &decline.Error{Reason: k.Refusal.Reason, Text: k.Refusal.Text, Field: k.Refusal.Field}
	case reversed:
		return decline.New(decline.DeclinedByMNO, "the order was taken back")
	}
	return nil
}

// progress is what a status query is told at an instant.
func (k *order) progress(now time.Time) airtime.Progress {
	switch no := k.why(); {
	case no != nil:
		return airtime.Progress{Stage: airtime.Failed, Why: no}
	case now.Before(k.due()):
		return airtime.Progress{Stage: airtime.Pending}
	}
	return airtime.Progress{Stage: airtime.Done, Reference: k.reference()}
}
