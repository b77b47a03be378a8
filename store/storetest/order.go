package storetest

import (
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/store"
)

// orderRace has both nodes link messages to the same card, some of which look for the card only when they have a place. A
// card's messages stand in the order in which they touched it, whoever decided them.
func orderRace(p *pair) {
	const times = 30
	n := newCard(1)
	p.a.add(n)
	key := giftcard.CardKey{n.Number}
	p.race(times, func(r *room, caller, _ int) {
		k := declared()
		if late := caller%2 == 1; !late {
			k.Cards = []giftcard.CardKey{key}
		}
		var seq, before int64
		r.doKeys(k, func(tx *store.Tx) {
			seq = tx.NextSeq()
			c, _ := tx.CardByNumber(key)
			before, c.LastMessage = c.LastMessage, seq
			tx.PutCard(c)
		})
		if seq <= before {
			r.Errorf("the message at place %d follows the one at %d", seq, before)
		}
	})
}
