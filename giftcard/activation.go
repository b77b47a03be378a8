package giftcard

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
)

// judgeActivation makes the checks of docs/rules.md 2.3, Activation, in their order.
func (d *decision) judgeActivation() *decline.Error {
	total, refusal := d.opening()
	if refusal != nil {
		return refusal
	}
	switch d.card.Status {
	case New:
	case Activated, ActivatedConfirmed:
		return d.activated(d.card)
	default:
		return d.voided(d.card)
	}
	if refusal := frozen(d.card); refusal != nil {
		return refusal
	}
	if d.product.MaxBalance > 0 && total > d.product.MaxBalance {
		return invalidAmount("a card of this product holds at most %d", d.product.MaxBalance)
	}
	if d.request.Card.Hashed {
		return hashedPIN("card.pin")
	}
	if refusal := d.checkExpiry(d.card, d.request.Card); refusal != nil {
		return refusal
	}
	return d.checkVelocity(total)
}

// requested gives the requested amount, 0 when none was named.
func (d *decision) requested() money.Minor {
	if d.request.Amount == nil {
		return 0
	}
	return d.request.Amount.Minor
}

// opening gives the amount that the activation puts on the card, by the product's rule (docs/rules.md 2.2).
func (d *decision) opening() (money.Minor, *decline.Error) {
	asked, start := d.requested(), d.product.StartBalance
	switch {
	case asked < 0:
		return 0, invalidAmount("the amount must not be negative")
	case d.request.Amount != nil && d.request.Amount.Currency != d.product.Currency:
		return 0, invalidAmount("the product is sold in currency %s", d.product.Currency)
	case d.card.Currency != d.product.Currency:
		return 0, invalidAmount("the card is kept in currency %s", d.card.Currency)
	case d.product.Opening == OpeningFixed && asked != 0 && asked != start:
		return 0, invalidAmount("the product opens with %d", start)
	case d.product.Opening == OpeningFixed:
		return start, nil
	}
	total, err := start.Add(asked)
	if err != nil || total > money.MaxMinor {
		return 0, invalidAmount("the amount is too large")
	}
	return total, nil
}

// applyActivation opens the card: its amount is pending, and a PIN that was sent replaces the card's.
func (d *decision) applyActivation() error {
	total, refusal := d.opening()
	if refusal != nil {
		return refusal
	}
	c := d.card
	c.Status, c.Product, c.Activation = Activated, d.product.Number, d.message.Seq
	c.Loads, c.WrongPINs, c.ValidThrough = 0, 0, 0
	if d.product.ValidMonths > 0 {
		c.ValidThrough = ExpiryIn(d.now, int(d.product.ValidMonths))
	}
	d.setPIN(c, d.pin)
	d.remember(c)
	d.message.Product, d.message.Amount = d.product.Number, total
	if d.product.Opening != OpeningFixed {
		d.message.Requested = d.requested()
	}
	return d.work.Enter(d.message.Seq, ledger.Pending, d.sender(ledger.Funding), c.Account(), total, c.Currency)
}

// setPIN makes a PIN that was sent the card's.
func (d *decision) setPIN(c *Card, p presentedPIN) {
	if p.isZero() {
		return
	}
	detail := d.tx.Detail(c.ID)
	detail.PINs = p.replacing()
	d.tx.PutDetail(detail)
	c.HasPIN = true
}

// remember keeps who holds the card, when the request says so.
func (d *decision) remember(c *Card) {
	if d.holder == (HolderDigests{}) {
		return
	}
	detail := d.tx.Detail(c.ID)
	detail.Holder = d.holder
	d.tx.PutDetail(detail)
}

// closeActivation makes the card new again: no product, no balance, the seeded PIN, nobody's.
func closeActivation(tx Tx, c *Card) {
	c.Status, c.Product, c.ValidThrough, c.Loads, c.WrongPINs = New, 0, 0, 0, 0
	d := tx.Detail(c.ID)
	if d.PINs != d.Seeded || d.Holder != d.SeededHolder {
		d.PINs, d.Holder = d.Seeded, d.SeededHolder
		tx.PutDetail(d)
	}
	c.HasPIN = !d.PINs.IsZero()
}
