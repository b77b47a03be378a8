package giftcard

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
)

// judgeRedemption makes the checks of docs/rules.md 2.3, Redemption, in their order.
func (d *decision) judgeRedemption() *decline.Error {
	if refusal := d.checkAmount(); refusal != nil {
		return refusal
	}
	if refusal := d.checkUsable(d.card); refusal != nil {
		return refusal
	}
	amount := d.request.Amount.Minor
	if refusal := d.checkSpentWhole(amount); refusal != nil {
		return refusal
	}
	if refusal := d.checkFunds(amount); refusal != nil {
		return refusal
	}
	if refusal := d.checkPIN(d.card, d.product, d.pin); refusal != nil {
		return refusal
	}
	if refusal := d.checkExpiry(d.card, d.request.Card); refusal != nil {
		return refusal
	}
	return d.checkVelocity(amount)
}

// checkSpentWhole asks that a single-use card is spent at once.
func (d *decision) checkSpentWhole(amount money.Minor) *decline.Error {
	if d.product.SingleUse && amount < d.card.Balance.Available {
		return invalidAmount("the card must be spent in one redemption")
	}
	return nil
}

// applyRedemption takes the amount out of both balances at once.
func (d *decision) applyRedemption() error {
	return d.work.Enter(d.message.Seq, ledger.Pending, d.card.Account(), d.sender(ledger.Redeemed), d.take(), d.card.Currency)
}
