package giftcard

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ledger"
)

// judgeTransfer makes the checks of docs/rules.md 2.5, Transfer, in their order.
func (d *decision) judgeTransfer() *decline.Error {
	for _, c := range []*Card{d.card, d.target} {
		if refusal := d.checkUsable(c); refusal != nil {
			return refusal
		}
	}
	if refusal := d.checkTransferAmount(); refusal != nil {
		return refusal
	}
	amount := d.request.Amount.Minor
	if refusal := d.checkFunds(amount); refusal != nil {
		return refusal
	}
	if refusal := d.checkPIN(d.card, d.product, d.pin); refusal != nil {
		return refusal
	}
	if refusal := d.checkBothExpiries(); refusal != nil {
		return refusal
	}
	return d.checkVelocity(amount)
}

func (d *decision) checkTransferAmount() *decline.Error {
	if refusal := d.checkAmount(); refusal != nil {
		return refusal
	}
	if d.target.Currency != d.card.Currency {
		return invalidAmount("the cards are kept in different currencies")
	}
	into, found := d.issuer.products.Product(d.target.World, d.target.Product)
	if !found {
		return decline.New(decline.InvalidProduct, "the target card's product is gone")
	}
	if !d.request.Sender.MaySell(into.ID) {
		return decline.New(decline.TransactionNotSupported, "the account may not touch cards of this product")
	}
	if refusal := checkMaximum(d.target, into, d.request.Amount.Minor); refusal != nil {
		return refusal
	}
	return d.checkSpentWhole(d.request.Amount.Minor)
}

// applyTransfer takes the amount out of the source at once; the target has it when the transfer is confirmed.
func (d *decision) applyTransfer() error {
	return d.work.Enter(d.message.Seq, ledger.Pending, d.card.Account(), d.target.Account(), d.take(), d.card.Currency)
}
