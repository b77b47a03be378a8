package storetest

import (
	"testing"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
)

// Of a long queue, as it is eaten: so many items are read at once, and so many are dropped in one commit.
const (
	queueWindow = 512
	queueCommit = 128
)

// BenchQueue measures a queue of so many items for two upstreams: how long it takes to read a window of it in the middle,
// to count it, and to deliver an item, when the queue is long and when little is left. One operation is one item of the
// first upstream, read and dropped.
func BenchQueue(b *testing.B, open Opener, items int) {
	r := (&harness{open: open}).start(b)
	r.fillQueue(items)
	took := func(ask func()) float64 {
		began := time.Now()
		ask()
		return float64(time.Since(began).Microseconds()) / 1000
	}
	levels := took(func() { must(r.driver.Levels(b.Context())) })
	window := took(func() {
		must(r.driver.Items(b.Context(), "other", []saf.State{saf.Waiting}, int64(items/2), queueWindow))
	})
	b.ResetTimer()
	times := r.eatQueue(b.N)
	b.StopTimer()
	tenth := max(1, len(times)/10)
	b.ReportMetric(levels, "ms/levels")
	b.ReportMetric(window, "ms/window")
	b.ReportMetric(perItem(times[:tenth]), "µs/first")
	b.ReportMetric(perItem(times[len(times)-tenth:]), "µs/last")
}

// fillQueue adds items by turns for two upstreams.
func (r *room) fillQueue(items int) {
	for first := 1; first <= items; first += stockBatch {
		r.do(func(tx *store.Tx) {
			for seq := first; seq < first+stockBatch && seq <= items; seq++ {
				i := newItem(int64(seq))
				i.Upstream, i.Account, i.Body = []string{"issuer", "other"}[seq%2], ident.Account(seq%7), make([]byte, adviceBody)
				tx.AddItem(i)
			}
		})
	}
}

// eatQueue reads and drops so many items of the first upstream, and gives how long each window took.
func (r *room) eatQueue(items int) (times []time.Duration) {
	for after := int64(0); items > 0; {
		began := time.Now()
		window := must(r.driver.Items(r.Context(), "issuer", []saf.State{saf.Waiting}, after, queueWindow))
		if len(window) == 0 {
			break
		}
		for at := 0; at < len(window); at += queueCommit {
			r.do(func(tx *store.Tx) {
				for _, i := range window[at:min(at+queueCommit, len(window))] {
					tx.DropItem(i.Seq)
				}
			})
		}
		after, items = window[len(window)-1].Seq, items-len(window)
		times = append(times, time.Since(began))
	}
	return times
}

// perItem gives microseconds.
func perItem(windows []time.Duration) float64 {
	var sum time.Duration
	for _, t := range windows {
		sum += t
	}
	return float64(sum.Nanoseconds()) / 1000 / float64(len(windows)*queueWindow)
}
