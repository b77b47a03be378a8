package sqlite

import (
	"context"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

const tailCallers = 32

var tailCards = flag.Int("tailcards", 20_000, "how many cards the benchmark of the tail spends from")

// BenchmarkTail measures how long messages take while housekeeping goes on: how long the slowest of them had to wait.
// One operation is one redemption by one of 32 callers.
func BenchmarkTail(b *testing.B) {
	for _, run := range []struct {
		name   string
		limits limits
		beside func(*testing.B, *Driver, <-chan struct{})
	}{
		{"usual", usual, nil},
		{"log never emptied", limits{check: 1 << 30, few: 256, pressing: 1 << 30}, nil},
		{"copying", usual, copyAgain},
		{"optimizing", usual, optimizeAgain},
	} {
		b.Run(run.name, func(b *testing.B) {
			before := usual
			usual = run.limits
			defer func() { usual = before }()
			s, d := openStore(b, filepath.Join(b.TempDir(), "scrip.db"))
			defer s.Close()
			stockTail(b, s)
			over := make(chan struct{})
			var beside sync.WaitGroup
			if run.beside != nil {
				beside.Go(func() { run.beside(b, d, over) })
			}
			measureTail(b, s)
			close(over)
			beside.Wait()
		})
	}
}

func copyAgain(b *testing.B, d *Driver, over <-chan struct{}) {
	copies := 0
	for {
		select {
		case <-over:
			b.ReportMetric(float64(copies), "copies")
			return
		default:
			if copied, _, err := d.Backup(context.Background()); err != nil {
				b.Error(err)
			} else if err := copied.Close(); err != nil {
				b.Error(err)
			}
			copies++
		}
	}
}

func optimizeAgain(b *testing.B, d *Driver, over <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			if err := d.Optimize(context.Background()); err != nil {
				b.Error(err)
			}
		}
	}
}

func stockTail(b *testing.B, s *store.Store) {
	const atOnce = 5000
	for first := 1; first <= *tailCards; first += atOnce {
		err := s.Do(b.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
			for n := first; n < first+atOnce && n <= *tailCards; n++ {
				c := giftcard.Card{ID: tx.NextSeq(), World: ident.Production, Balance: ledger.Balance{Book: crashStock, Available: crashStock}}
				tx.AddCard(giftcard.NewCard{Card: c, Detail: giftcard.Detail{Card: c.ID, SealedPAN: make([]byte, 52)}, Number: tailNumber(c.ID)})
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func measureTail(b *testing.B, s *store.Store) {
	took := make([][]time.Duration, tailCallers)
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	b.ResetTimer()
	for n := range tailCallers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for left.Add(-1) >= 0 {
				began := time.Now()
				if err := tailRedeem(s, random); err != nil {
					b.Error(err)
					return
				}
				took[n] = append(took[n], time.Since(began))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	sorted := slices.Concat(took...)
	slices.Sort(sorted)
	at := func(share float64) float64 {
		return float64(sorted[min(len(sorted)-1, int(share*float64(len(sorted))))].Microseconds()) / 1000
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(0.999), "p99.9-ms")
	b.ReportMetric(at(1), "max-ms")
}

// tailNumber gives the digest of a card's number.
func tailNumber(card int64) (d secret.Digest) {
	d.Key = 1
	binary.BigEndian.PutUint64(d.Sum[:], uint64(card)*0x9e3779b97f4a7c15)
	return d
}

func tailRedeem(s *store.Store, random *rand.Rand) error {
	id, card := newID(), 1+random.Int64N(int64(*tailCards))
	k := store.Keys{World: ident.Production, IDs: []ident.ID{id}, Cards: []giftcard.CardKey{{tailNumber(card)}}}
	body := make([]byte, 220)
	for i := range body {
		body[i] = byte(random.Uint32())
	}
	references := []int64{random.Int64(), random.Int64()}
	return s.Do(context.Background(), k, func(tx *store.Tx) error {
		c, _ := tx.CardByNumber(k.Cards[0])
		m := txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: id, Account: 3, Family: txn.Redemption, Role: txn.Request, State: txn.Open,
			At: time.Now(), Card: c.ID, Amount: 1, Requested: 1, Currency: 710, Body: body, References: references,
			Links: []txn.Link{{Card: c.ID, Previous: c.LastMessage}},
		}
		e := ledger.Entry{Message: m.Seq, Request: m.Seq, Debit: c.Account(), Credit: ledger.AccountOf(ledger.Redeemed, 1), Amount: 1, Currency: 710, Phase: ledger.Pending}
		c.LastMessage = m.Seq
		var err error
		if c.Balance, err = c.Balance.Debited(e); err != nil {
			return err
		}
		tx.Insert(m)
		tx.Enter(e)
		tx.PutCard(c)
		return nil
	})
}
