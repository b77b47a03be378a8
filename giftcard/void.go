package giftcard

import "github.com/scripworks/scrip/decline"

// judgeVoid makes the checks of docs/rules.md 2.3, Void, in their order. A balance is no obstacle. A wrong expiry
// has another type here than elsewhere.
func (d *decision) judgeVoid() *decline.Error {
	if refusal := d.checkUsable(d.card); refusal != nil {
		return refusal
	}
	if !d.card.expiryIs(d.request.Card.Expiry) {
		return decline.New(decline.GeneralError, "the expiry is not the card's").At("card.expiryDate")
	}
	if d.card.expired(d.now) {
		return decline.New(decline.CardExpired, "the card has expired").At("card.expiryDate")
	}
	return d.checkVelocity(0)
}

// applyVoid takes the card out of use. Its balances stay as they are.
func (d *decision) applyVoid() {
	d.card.Status, d.card.Void = Voided, d.message.Seq
	d.message.Amount = d.card.Balance.Available
}
