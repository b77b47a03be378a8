package exchange

import (
	"fmt"
	"slices"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/txn"
)

// slots are the places that the messages of all contracts have. A path has one slot in all models.
type slots struct {
	id, time, requestID                            wire.Slot
	originator, client, settlementEntity, receiver wire.Slot
	settlementID, receiverID                       wire.Slot
	references                                     wire.Slot
	basketRef, tranType, srcAccType, destAccType   wire.Slot
	stan, rrn, amounts, reason                     wire.Slot
	requestAmount, approvedAmount                  amountSlots
}

type amountSlots struct{ whole, minor, currency wire.Slot }

// Slot asks for the value at a dotted path, in every message and query that has it. It is asked before the first
// message is served. A path that the document has nowhere is a mistake of the program, and panics.
func (s *Server) Slot(path string) (found wire.Slot) {
	known := false
	for _, m := range s.models {
		if m.Has(path) {
			found, known = m.Slot(path), true
		}
	}
	if !known {
		panic(fmt.Sprintf("exchange: no message below %s has a member %s", s.contract.Base, path))
	}
	return found
}

func (s *Server) common() slots {
	amount := func(path string) amountSlots {
		return amountSlots{s.Slot(path), s.Slot(path + ".amount"), s.Slot(path + ".currency")}
	}
	var reason wire.Slot
	if slices.ContainsFunc(s.contract.Operations, func(o *Operation) bool { return o.Role == txn.Reversal }) {
		reason = s.Slot("reversalReason")
	}
	return slots{
		reason: reason,
		id:     s.Slot("id"), time: s.Slot("time"), requestID: s.Slot("requestId"),
		originator: s.Slot("originator"), client: s.Slot("client"),
		settlementEntity: s.Slot("settlementEntity"), receiver: s.Slot("receiver"),
		settlementID: s.Slot("settlementEntity.id"), receiverID: s.Slot("receiver.id"),
		references: s.Slot("thirdPartyIdentifiers"), basketRef: s.Slot("basketRef"), tranType: s.Slot("tranType"),
		srcAccType: s.Slot("srcAccType"), destAccType: s.Slot("destAccType"),
		stan: s.Slot("stan"), rrn: s.Slot("rrn"), amounts: s.Slot("amounts"),
		requestAmount: amount("amounts.requestAmount"), approvedAmount: amount("amounts.approvedAmount"),
	}
}
