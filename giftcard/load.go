package giftcard

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
)

// judgeLoad makes the checks of docs/rules.md 2.3, Load, in their order.
func (d *decision) judgeLoad() *decline.Error {
	if refusal := d.checkAmount(); refusal != nil {
		return refusal
	}
	if refusal := d.checkUsable(d.card); refusal != nil {
		return refusal
	}
	if refusal := d.checkLoadLimits(); refusal != nil {
		return refusal
	}
	if refusal := d.checkExpiry(d.card, d.request.Card); refusal != nil {
		return refusal
	}
	return d.checkVelocity(d.request.Amount.Minor)
}

func (d *decision) checkLoadLimits() *decline.Error {
	amount, p := d.request.Amount.Minor, d.product
	switch {
	case amount < p.MinLoad:
		return invalidAmount("a load must be at least %d", p.MinLoad)
	case p.MaxLoad > 0 && amount > p.MaxLoad:
		return invalidAmount("a load must be at most %d", p.MaxLoad)
	}
	if refusal := checkMaximum(d.card, p, amount); refusal != nil {
		return refusal
	}
	if p.SingleLoad && d.card.Loads > 0 {
		return decline.New(decline.TransactionNotSupported, "the card may be loaded once")
	}
	return nil
}

// checkMaximum asks that the book balance stays within the product's maximum, and within what can be counted.
func checkMaximum(c *Card, p *Product, amount money.Minor) *decline.Error {
	book, err := c.Balance.Book.Add(amount)
	if err != nil || book > money.MaxMinor || (p.MaxBalance > 0 && book > p.MaxBalance) {
		return invalidAmount("the card would hold too much")
	}
	return nil
}

// applyLoad adds the amount to the book balance; it becomes available when it is confirmed.
func (d *decision) applyLoad() error {
	d.card.Loads++
	return d.work.Enter(d.message.Seq, ledger.Pending, d.sender(ledger.Funding), d.card.Account(), d.take(), d.card.Currency)
}
