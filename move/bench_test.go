package move

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

var transactions = flag.Int("transactions", 10_000, "how many redemptions with their confirmations the benchmark moves")

// BenchmarkMove measures how fast a store moves from a file into a database: reading, writing, verifying both and comparing.
func BenchmarkMove(b *testing.B) {
	pageSize = 2000
	defer func() { pageSize = 60 }()
	for b.Loop() {
		b.StopTimer()
		from, to := openSQLite(b), openPostgres(b)
		g := &grower{from: from}
		g.activate(b)
		g.grow(b, *transactions)
		runtime.GC()
		b.StartTimer()
		began := time.Now()
		s := settings(from, to, g.issuer.Keys)
		s.Told = func(kind string, records int64, done bool) {
			if done && records > 0 {
				b.Logf("%8v %9d %s", time.Since(began).Round(time.Millisecond), records, kind)
			}
		}
		report, err := Run(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		b.ReportMetric(float64(report.To.Messages)/time.Since(began).Minutes(), "messages/min")
		b.ReportMetric(float64(memory.Sys>>20), "MB")
	}
}

// grower makes a store with many messages that are as they should be.
type grower struct {
	from   store.Whole
	issuer *giftcardtest.Issuer
	cards  []giftcard.Card
	last   int64
	likes  [2]txn.Message // a redemption and its confirmation
	enters [2]ledger.Entry
}

// activate puts cards into the store, and one redemption with its confirmation to be like.
func (g *grower) activate(b *testing.B) {
	g.issuer = giftcardtest.New(b, giftcardtest.Settings{Open: func(testing.TB) store.Driver { return g.from }})
	must(b, g.issuer.Sell(giftcard.Product{ID: "plain", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 1_000_000_000}))
	send := func(m conform.Message, want int) {
		m.Account = "a"
		if answer, err := g.issuer.Do(b.Context(), m); err != nil || answer.Status != want {
			b.Fatalf("%s: %s, %v", m, answer, err)
		}
	}
	var card *conform.Card
	for n := range 100 {
		made, err := g.issuer.Card(b.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"})
		must(b, err)
		card = &conform.Card{PAN: made.PAN, Expiry: "4010"}
		id := fmt.Sprint("activation ", n)
		send(conform.Message{Kind: conform.Activate, Act: conform.Request, ID: id, Card: card, Product: "plain"}, 201)
		send(conform.Message{Kind: conform.Activate, Act: conform.Confirmation, ID: "end of " + id, RequestID: id}, 202)
	}
	send(conform.Message{Kind: conform.Redeem, Act: conform.Request, ID: "one", Card: card, Amount: &conform.Amount{Minor: 1, Currency: "710"}}, 201)
	send(conform.Message{Kind: conform.Redeem, Act: conform.Confirmation, ID: "end of one", RequestID: "one"}, 202)
	all, err := g.from.Messages(b.Context(), 0, 1000)
	must(b, err)
	for i := range g.likes {
		g.likes[i] = all[len(all)-2+i]
		entries, err := g.from.EntriesOf(b.Context(), []int64{g.likes[i].Seq})
		must(b, err)
		g.enters[i] = entries[0]
		g.likes[i].References = []int64{int64(i), 7}
		g.likes[i].Body = make([]byte, 200)
	}
	g.cards, err = g.from.Cards(b.Context(), 0, 1000)
	must(b, err)
	g.last, err = g.from.LastPlace(b.Context())
	must(b, err)
}

func (g *grower) grow(b *testing.B, transactions int) {
	for n := 0; n < transactions; {
		must(b, save(b.Context(), g.from, func(c *store.Changes) error {
			for range min(5000, transactions-n) {
				g.pair(b, c, n)
				n++
			}
			return nil
		}))
	}
	must(b, save(b.Context(), g.from, func(c *store.Changes) error {
		for i := range g.cards {
			c.Cards = append(c.Cards, &g.cards[i])
		}
		return nil
	}))
	must(b, g.from.Advance(b.Context(), g.last))
}

// pair adds a redemption and its confirmation.
func (g *grower) pair(b *testing.B, c *store.Changes, n int) {
	card := &g.cards[n%len(g.cards)]
	request, end := g.likes[0], g.likes[1]
	request.Seq, end.Seq = g.last+1, g.last+2
	request.Ended, end.Request = end.Seq, request.Seq
	for i, m := range []*txn.Message{&request, &end} {
		g.last++
		m.ID, m.Card = ident.ID(fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(m.Seq)*2654435761, m.Seq)), card.ID
		m.Links = []txn.Link{{Card: card.ID, Previous: card.LastMessage}}
		card.LastMessage = m.Seq
		e := g.enters[i]
		e.Message, e.Request, e.Debit = m.Seq, request.Seq, card.Account()
		var err error
		card.Balance, err = card.Balance.Debited(e)
		must(b, err)
		c.Inserted = append(c.Inserted, &store.Inserted{Message: *m, Hash: g.issuer.Keys.ID(m.World, m.ID)})
		c.Entries = append(c.Entries, e)
	}
}
