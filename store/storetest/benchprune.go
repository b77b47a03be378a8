package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/store"
)

// BenchPrune measures pruning of so many confirmed redemptions on so many cards. One operation is one message. It tells
// how long a redemption takes while nothing is pruned, and while a part is pruned again and again with a rest four times as long
// after it; and how many messages are pruned in a second with nothing beside it, at the beginning and at the end.
func BenchPrune(b *testing.B, open Opener, cards, transactions int) {
	d := open(b)
	Grow(b, keptOpen{d}, cards, transactions)
	h := &harness{open: func(testing.TB) store.Driver { return d }}
	s := &shop{room: h.start(b), cards: cards}
	p := &pruner{shop: s}
	quiet := s.latencies(nil)
	beside := s.latencies(p.part)
	inBetween := p.gone
	b.ResetTimer()
	var rates []float64
	for more := true; more; {
		began, before := time.Now(), p.gone
		for range 64 {
			if more = p.next(); !more {
				break
			}
		}
		if p.gone-before > 0 { // at the end stand redemptions that are open
			rates = append(rates, float64(p.gone-before)/time.Since(began).Seconds())
		}
	}
	b.ReportMetric(quantile(quiet, .5), "quiet-p50-µs")
	b.ReportMetric(quantile(quiet, .99), "quiet-p99-µs")
	b.ReportMetric(quantile(beside, .5), "beside-p50-µs")
	b.ReportMetric(quantile(beside, .99), "beside-p99-µs")
	b.ReportMetric(float64(inBetween)/besideFor.Seconds(), "beside-messages/s")
	quarter := max(1, len(rates)/4)
	b.ReportMetric(mean(rates[:quarter]), "first-messages/s")
	b.ReportMetric(mean(rates[len(rates)-quarter:][:quarter]), "last-messages/s")
	if p.gone < 2*transactions {
		b.Errorf("%d messages were pruned, of %d", p.gone, 2*transactions)
	}
}

// keptOpen is a driver that outlives its store.
type keptOpen struct{ store.Driver }

// Close implements store.Driver.
func (keptOpen) Close() error { return nil }

// pruner prunes a shop's messages part by part.
type pruner struct {
	*shop
	after int64
	gone  int
}

// next prunes a part and says whether there is more.
func (p *pruner) next() bool {
	done, err := p.store.Prune(p.Context(), noon.Add(time.Millisecond), p.after)
	if err != nil {
		p.Fatal(err)
	}
	p.gone += done.Messages
	p.after = done.Next
	return done.Next != 0
}

// part prunes a part and rests.
func (p *pruner) part() {
	began := time.Now()
	p.next()
	time.Sleep(max(10*time.Millisecond, 4*time.Since(began)))
}

const (
	besideCallers = 16
	besideFor     = 5 * time.Second
)

// latencies gives how long redemptions take, in order, while something else is done again and again.
func (s *shop) latencies(beside func()) (all []time.Duration) {
	over := time.Now().Add(besideFor)
	var mu sync.Mutex
	var working sync.WaitGroup
	for n := range besideCallers {
		working.Go(func() {
			t := &till{shop: s, random: rand.New(rand.NewPCG(uint64(n), uint64(time.Now().UnixNano())))}
			var took []time.Duration
			for time.Now().Before(over) {
				began := time.Now()
				t.redeem()
				took = append(took, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	for beside != nil && time.Now().Before(over) {
		beside()
	}
	working.Wait()
	slices.Sort(all)
	return all
}

func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		panic(fmt.Sprint("nothing was measured for ", q))
	}
	return float64(sorted[int(q*float64(len(sorted)-1))].Microseconds())
}

func mean(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
