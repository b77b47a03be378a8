package giftcardhttp

import (
	"fmt"

	"github.com/scripworks/scrip/api/wire"
)

// slots are the places in messages that the server reads. A path has one slot in all models.
type slots struct {
	id, time, requestID                                    wire.Slot
	originator, client, settlementEntity, receiver         wire.Slot
	settlementID, receiverID                               wire.Slot
	references, posInfo, productID                         wire.Slot
	basketRef, tranType, srcAccType, destAccType           wire.Slot
	stan, rrn, amounts                                     wire.Slot
	requestAmount, requestMinor, requestCurrency           wire.Slot
	approvedAmount, approvedMinor, approvedCurrency        wire.Slot
	cardHolder, profileID, msisdn, emailAddress, pointsAsk wire.Slot
	card, oldCard, newCard, sourceCard, targetCard         cardSlots
}

// cardSlots are the places in a card.
type cardSlots struct {
	name                            string
	whole, pan, expiry, rank        wire.Slot
	clearPIN, encryptedPIN          wire.Slot
	pin, pinType, pinText, pinBlock wire.Slot
}

// ask finds the slots of all models. Paths that a model does not have are left alone.
func ask(models []*wire.Model) (s slots, err error) {
	known := map[string]bool{}
	slot := func(path string) (found wire.Slot) {
		for _, m := range models {
			if m.Has(path) {
				found, known[path] = m.Slot(path), true
			}
		}
		if !known[path] {
			err = fmt.Errorf("the document has no member %s", path)
		}
		return found
	}
	card := func(name string) cardSlots {
		return cardSlots{
			name: name, whole: slot(name), pan: slot(name + ".pan"), expiry: slot(name + ".expiryDate"), rank: slot(name + ".rank"),
			clearPIN: slot(name + ".clearPin"), encryptedPIN: slot(name + ".encryptedPin"),
			pin: slot(name + ".pin"), pinType: slot(name + ".pin.type"), pinText: slot(name + ".pin.pin"), pinBlock: slot(name + ".pin.pinBlock"),
		}
	}
	s = slots{
		id: slot("id"), time: slot("time"), requestID: slot("requestId"),
		originator: slot("originator"), client: slot("client"), settlementEntity: slot("settlementEntity"), receiver: slot("receiver"),
		settlementID: slot("settlementEntity.id"), receiverID: slot("receiver.id"),
		references: slot("thirdPartyIdentifiers"), posInfo: slot("posInfo"), productID: slot("product.id"),
		basketRef: slot("basketRef"), tranType: slot("tranType"), srcAccType: slot("srcAccType"), destAccType: slot("destAccType"),
		stan: slot("stan"), rrn: slot("rrn"), amounts: slot("amounts"),
		requestAmount: slot("amounts.requestAmount"), requestMinor: slot("amounts.requestAmount.amount"), requestCurrency: slot("amounts.requestAmount.currency"),
		approvedAmount: slot("amounts.approvedAmount"), approvedMinor: slot("amounts.approvedAmount.amount"), approvedCurrency: slot("amounts.approvedAmount.currency"),
		cardHolder: slot("cardHolder"), profileID: slot("cardHolder.profileId"), msisdn: slot("cardHolder.msisdn"), emailAddress: slot("cardHolder.emailAddress"),
		pointsAsk: slot("points.requestAmount"),
		card:      card("card"), oldCard: card("oldCard"), newCard: card("newCard"), sourceCard: card("sourceCard"), targetCard: card("targetCard"),
	}
	return s, err
}
