package giftcard

import (
	"time"

	"github.com/scripworks/scrip/txn"
)

// paces gives the rules that bear on a request of a family: the product's for the card, the sender's for the account.
func paces(f txn.Family, at time.Time, card int64, product *Product, sender *txn.Sender) []txn.Pace {
	var found []txn.Pace
	if product != nil {
		found = txn.Paces(found, product.Velocity, false, card, f, at)
	}
	return txn.Paces(found, sender.Velocity, true, int64(sender.Account), f, at)
}
