package network

import (
	"github.com/scripworks/scrip/airtime"
)

// manner is how an order is treated, beyond what the rules say.
type manner uint8

const (
	plain   manner = iota
	refused        // declined, and nobody says why
	late           // credited, and answered long after
	silent         // credited, and never answered
	deaf           // never arrives
	limited        // declined for a limit of the subscriber's
	spent          // credited, and gone at once
)

// manners are the numbers that behave badly, by their last digits; the package comment tells people of them.
var manners = map[string]manner{
	"0001": refused,
	"0002": late,
	"0003": silent,
	"0004": deaf,
	"0005": limited,
	"0006": spent,
}

// suffix is how many digits of a number decide on its manner.
const suffix = 4

// mannerOf gives the manner of an order. It is the same whenever the order is asked for again.
func (n *Network) mannerOf(o airtime.Order) manner {
	if m := n.badly(o); m != plain {
		return m
	}
	if uint64(n.keys.ID(o.World, o.ID))%wholeShare < uint64(n.settings.LateShare) {
		return late
	}
	return plain
}

func (n *Network) badly(o airtime.Order) manner {
	digits := o.Recipient.Reveal()
	if !n.settings.Badly || len(digits) <= suffix {
		return plain
	}
	return manners[digits[len(digits)-suffix:]]
}
