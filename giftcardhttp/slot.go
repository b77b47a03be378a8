package giftcardhttp

import (
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/exchange"
)

// slots are the places in messages that only gift cards have.
type slots struct {
	posInfo, productID                             wire.Slot
	cardHolder, profileID, msisdn, emailAddress    wire.Slot
	pointsAsk                                      wire.Slot
	card, oldCard, newCard, sourceCard, targetCard cardSlots
}

// cardSlots are the places in a card.
type cardSlots struct {
	name                            string
	pan, expiry, rank               wire.Slot
	clearPIN, encryptedPIN          wire.Slot
	pin, pinType, pinText, pinBlock wire.Slot
}

func findSlots(s *exchange.Server) slots {
	card := func(name string) cardSlots {
		slot := func(member string) wire.Slot { return s.Slot(name + "." + member) }
		return cardSlots{
			name: name, pan: slot("pan"), expiry: slot("expiryDate"), rank: slot("rank"),
			clearPIN: slot("clearPin"), encryptedPIN: slot("encryptedPin"),
			pin: slot("pin"), pinType: slot("pin.type"), pinText: slot("pin.pin"), pinBlock: slot("pin.pinBlock"),
		}
	}
	return slots{
		posInfo: s.Slot("posInfo"), productID: s.Slot("product.id"), cardHolder: s.Slot("cardHolder"),
		profileID: s.Slot("cardHolder.profileId"), msisdn: s.Slot("cardHolder.msisdn"), emailAddress: s.Slot("cardHolder.emailAddress"),
		pointsAsk: s.Slot("points.requestAmount"),
		card:      card("card"), oldCard: card("oldCard"), newCard: card("newCard"), sourceCard: card("sourceCard"), targetCard: card("targetCard"),
	}
}
