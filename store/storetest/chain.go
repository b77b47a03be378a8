package storetest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func testChains(t *testing.T, h *harness) {
	t.Run("a chain is read as its messages are", h.chains)
	t.Run("a chain that leads nowhere ends", h.with(chainToNowhere))
}

// followed reads a chain as an office does: what is left of it is said ahead before each message.
func followed(tx *store.Tx, c admin.Chain) (found []txn.Message) {
	for c.Most > 0 {
		tx.Ahead(admin.Ahead{Chains: []admin.Chain{c}})
		m, there := tx.MessageAt(c.From)
		if !there {
			break
		}
		found = append(found, m)
		for _, l := range m.Links {
			if l.Card == c.Of {
				c.From, c.Most = l.Previous, c.Most-1
				break
			}
		}
		if c.From == 0 || c.From == m.Seq {
			break
		}
	}
	return found
}

// chains puts random messages, each of which touches some of a few cards, and reads the chain of each card: by views, and by a
// writer, from its newest message or from within.
func (h *harness) chains(t *testing.T) {
	h.check(t, func(rt *rapid.T) {
		r := h.start(t)
		defer r.close()
		of := chainsOf(rt, r)
		for card, chain := range of {
			from := rapid.IntRange(0, len(chain)-1).Draw(rt, "from")
			c := admin.Chain{Of: card, From: chain[from].Seq, Most: rapid.IntRange(1, len(chain)+1).Draw(rt, "most")}
			want := chain[from:min(from+c.Most, len(chain))]
			check := func(tx *store.Tx) { r.same(fmt.Sprintf("%+v", c), followed(tx, c), want) }
			r.read(check)
			r.do(check)
		}
	})
}

// chainsOf saves random messages and gives the chain of each card, newest first. Some cards and places are far from others, and
// some messages touch nothing.
func chainsOf(rt *rapid.T, r *room) map[int64][]txn.Message {
	cards := []int64{1, 2, 3, 200, 1 << 39, 1 << 61}
	of := map[int64][]txn.Message{}
	var all []txn.Message
	seq := int64(0)
	for n := range rapid.IntRange(1, 30).Draw(rt, "messages") {
		seq += rapid.OneOf(rapid.Int64Range(1, 3), rapid.SampledFrom([]int64{63, 64, 8191, 8192, 1 << 20, 1 << 38, 1 << 45})).Draw(rt, "after")
		m := request(seq, uuid(n))
		m.Card = rapid.SampledFrom(append(cards, 0)).Draw(rt, "card")
		for _, card := range rapid.Permutation(cards).Draw(rt, "linked")[:rapid.IntRange(0, 4).Draw(rt, "links")] {
			link := txn.Link{Card: card}
			if len(of[card]) > 0 {
				link.Previous = of[card][0].Seq
			}
			m.Links = append(m.Links, link)
		}
		m.References = rapid.SliceOfN(rapid.Int64(), 0, 2).Draw(rt, "references")
		if len(m.References) == 0 {
			m.References = nil
		}
		for _, l := range m.Links {
			of[l.Card] = append([]txn.Message{m}, of[l.Card]...)
		}
		all = append(all, m)
	}
	r.do(func(tx *store.Tx) {
		for _, m := range all {
			tx.Insert(m)
		}
	})
	return of
}

// chainToNowhere has a chain lead to what is not there, to itself and forward, as a damaged one might.
func chainToNowhere(r *room) {
	links := func(seq, previous int64) txn.Message {
		m := request(seq, uuid(int(seq)))
		m.Links = []txn.Link{{Card: 5, Previous: previous}}
		return m
	}
	lost, itself, forward, newest := links(3, 1), links(4, 4), links(6, 7), links(7, 6)
	r.insert(lost, itself, forward, newest)
	r.everyWay(func(string) {
		r.read(func(tx *store.Tx) {
			r.same("to what is not there", followed(tx, admin.Chain{Of: 5, From: 3, Most: 9}), []txn.Message{lost})
			r.same("to itself", followed(tx, admin.Chain{Of: 5, From: 4, Most: 9}), []txn.Message{itself})
			r.same("in a ring", followed(tx, admin.Chain{Of: 5, From: 7, Most: 3}), []txn.Message{newest, forward, newest})
			r.same("from nowhere", len(followed(tx, admin.Chain{Of: 5, From: 99, Most: 9})), 0)
		})
		r.readIn(ident.Production+1, func(tx *store.Tx) {
			r.same("of another world", len(followed(tx, admin.Chain{Of: 5, From: 3, Most: 9})), 0)
		})
	})
}
