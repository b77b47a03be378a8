package relay

import (
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// rules are what the two contracts say differently of the life of a request.
type rules struct {
	late        decline.Reason // of a request whose reversal came before it (rule L8)
	unknown     decline.Reason // of a request that was not answered
	otherEnding func(advice txn.Role, f txn.Family) decline.Reason
	whole       func(request txn.Message) (full money.Minor, partial bool)
}

var (
	ofGiftcards = rules{giftcard.Late, decline.GeneralError, giftcard.OtherEnding, giftcard.Whole}
	ofAirtime   = rules{
		airtime.Late, decline.OutcomeUnknown,
		func(txn.Role, txn.Family) decline.Reason { return airtime.OtherEnding }, airtime.Whole,
	}
)

func rulesOf(f txn.Family) *rules {
	if f.IsAirtime() {
		return &ofAirtime
	}
	return &ofGiftcards
}
