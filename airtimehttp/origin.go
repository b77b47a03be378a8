package airtimehttp

import (
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/txn"
)

// CheckOrigin says whether a purchase can tell of itself that it comes from an origin: whoever is to send many finds out
// before the first. The error is that of Compose; its field is the path of the word that is at fault.
func CheckOrigin(o txn.Origin) error {
	_, err := Compose(&airtime.Request{
		Family: txn.Purchase, ID: "sample", Received: time.Unix(0, 0), Product: "sample", Origin: &o,
	})
	return err
}
