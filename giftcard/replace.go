package giftcard

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ledger"
)

// judgeReplace makes the checks of docs/rules.md 2.5, Replace, in their order.
func (d *decision) judgeReplace() *decline.Error {
	old, fresh := d.card, d.target
	if old.Currency != fresh.Currency {
		return decline.New(decline.InvalidAmount, "the cards are kept in different currencies").At("newCard")
	}
	switch old.Status {
	case New, Activated:
		return d.notActivated(old)
	case ActivatedConfirmed:
	default:
		return d.voided(old)
	}
	if refusal := d.checkFrozen(); refusal != nil {
		return refusal
	}
	switch fresh.Status {
	case New:
	case Activated, ActivatedConfirmed:
		return d.activated(fresh)
	default:
		return d.voided(fresh)
	}
	if refusal := d.checkPIN(old, d.product, d.pin); refusal != nil {
		return refusal
	}
	if d.request.Target.Hashed {
		return hashedPIN("newCard.pin")
	}
	if refusal := d.checkBothExpiries(); refusal != nil {
		return refusal
	}
	return d.checkVelocity(old.Balance.Available)
}

func (d *decision) checkFrozen() *decline.Error {
	if !d.product.ReplaceFrozen {
		if refusal := frozen(d.card); refusal != nil {
			return refusal
		}
	}
	return frozen(d.target)
}

func (d *decision) checkBothExpiries() *decline.Error {
	if refusal := d.checkExpiry(d.card, d.request.Card); refusal != nil {
		return refusal
	}
	return d.checkExpiry(d.target, d.request.Target)
}

// applyReplace retires the old card and moves what it has available to the new one, pending until confirmed.
func (d *decision) applyReplace() error {
	old, fresh := d.card, d.target
	sum := old.Balance.Available
	old.Status, old.Successor, old.Void = Replaced, fresh.ID, d.message.Seq
	fresh.Status, fresh.Product, fresh.Activation = Activated, old.Product, d.message.Seq
	fresh.ValidThrough, fresh.Loads, fresh.WrongPINs = old.ValidThrough, old.Loads, 0
	d.setPIN(fresh, d.targetPIN)
	d.message.Amount = sum
	return d.work.Enter(d.message.Seq, ledger.Pending, old.Account(), fresh.Account(), sum, old.Currency)
}
