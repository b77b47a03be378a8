package giftcard

import (
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// presentedPIN is a PIN of a message as verifiers under every key; none means absent.
type presentedPIN struct{ clear, encrypted []secret.Digest }

func (i *Issuer) presented(w ident.World, p Presented) presentedPIN {
	return presentedPIN{
		clear:     i.keys.PIN(w, p.PAN, secret.ClearPIN, p.PIN.Clear),
		encrypted: i.keys.PIN(w, p.PAN, secret.EncryptedPIN, p.PIN.Encrypted),
	}
}

func (p presentedPIN) isZero() bool { return len(p.clear) == 0 && len(p.encrypted) == 0 }

// replacing gives the PIN that an activation or replacement sets: a clear one first, else an encrypted one.
func (p presentedPIN) replacing() PINs {
	switch {
	case len(p.clear) > 0:
		return PINs{Clear: p.clear[0]}
	case len(p.encrypted) > 0:
		return PINs{Encrypted: p.encrypted[0]}
	}
	return PINs{}
}

// right compares clear with clear and encrypted with encrypted, an absent one counting as empty; both must match.
func (p presentedPIN) right(kept PINs) bool {
	return among(kept.Clear, p.clear) && among(kept.Encrypted, p.encrypted)
}

func among(kept secret.Digest, presented []secret.Digest) bool {
	if kept.IsZero() {
		return len(presented) == 0
	}
	for _, d := range presented {
		if d == kept {
			return true
		}
	}
	return false
}

// renewed gives the kept PINs under the primary key, once the presented ones have been found right.
func (p presentedPIN) renewed() PINs {
	var pins PINs
	if len(p.clear) > 0 {
		pins.Clear = p.clear[0]
	}
	if len(p.encrypted) > 0 {
		pins.Encrypted = p.encrypted[0]
	}
	return pins
}

// checkPIN is the PIN check of redemptions, replacements and transfers (docs/rules.md 2.3): locked first, also
// for the right PIN; then required but not there, or wrong. A wrong one counts although the request is declined.
func (d *decision) checkPIN(card *Card, product *Product, p presentedPIN) *decline.Error {
	tries := product.PINTries
	if tries > 0 && card.WrongPINs >= tries {
		return decline.New(decline.PINAttemptsExceeded, "the PIN is locked")
	}
	if d.request.Card.Hashed {
		return hashedPIN("card.pin")
	}
	var kept PINs
	if card.HasPIN {
		kept = d.tx.Detail(card.ID).PINs
	}
	if p.right(kept) && (card.HasPIN || !product.PINRequired) {
		d.rightPIN(card, kept, p)
		return nil
	}
	if tries > 0 {
		card.WrongPINs++
	}
	return decline.New(decline.IncorrectPIN, "the PIN is not the card's").At("card")
}

// hashedPIN refuses what can be neither compared nor kept.
func hashedPIN(field string) *decline.Error {
	return decline.New(decline.FunctionNotSupported, "a hashed PIN can be neither compared nor kept").At(field)
}

func (d *decision) rightPIN(card *Card, kept PINs, p presentedPIN) {
	card.WrongPINs = 0
	if fresh := p.renewed(); fresh != kept {
		detail := d.tx.Detail(card.ID)
		detail.PINs = fresh
		d.tx.PutDetail(detail)
	}
}
