package giftcardhttp

import (
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/txn"
)

// slots are the places in messages that only gift cards have.
type slots struct {
	posInfo, productID, channelID, merchantID   wire.Slot
	cardHolder, profileID, msisdn, emailAddress wire.Slot
	pointsAsk                                   wire.Slot
	cards                                       map[txn.Family]cardPair
}

// cardPair are the places of the cards that a family names.
type cardPair struct {
	first  cardSlots
	second *cardSlots // nil when it names one only
}

// cardsOf gives the places of a family's cards.
func (s *slots) cardsOf(f txn.Family) (first cardSlots, second *cardSlots) {
	pair := s.cards[f]
	return pair.first, pair.second
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
	pair := func(f txn.Family) (p cardPair) {
		first, second := cardNames(f)
		if p.first = card(first); second != "" {
			target := card(second)
			p.second = &target
		}
		return p
	}
	found := slots{
		posInfo: s.Slot("posInfo"), productID: s.Slot("product.id"), channelID: s.Slot("originator.channelId"), cardHolder: s.Slot("cardHolder"),
		merchantID: s.Slot("originator.merchant.merchantId"),
		profileID:  s.Slot("cardHolder.profileId"), msisdn: s.Slot("cardHolder.msisdn"), emailAddress: s.Slot("cardHolder.emailAddress"),
		pointsAsk: s.Slot("points.requestAmount"), cards: map[txn.Family]cardPair{txn.LookUp: pair(txn.LookUp)},
	}
	for _, k := range ended {
		found.cards[k.family] = pair(k.family)
	}
	return found
}
