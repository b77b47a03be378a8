package relay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/sqlite"
	"github.com/scripworks/scrip/txn"
)

// BenchmarkDrain sends advices over HTTP to an upstream that accepts everything: bare, by as many goroutines as there are
// parallel sends, and from a queue that holds them in memory or in SQLite. A backlog should drain at half the bare rate
// at least.
func BenchmarkDrain(b *testing.B) {
	for _, window := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("window=%d/bare", window), func(b *testing.B) { benchmarkBare(b, window) })
		b.Run(fmt.Sprintf("window=%d/memory", window), func(b *testing.B) {
			benchmarkDrain(b, window, memstore.New())
		})
		b.Run(fmt.Sprintf("window=%d/sqlite", window), func(b *testing.B) {
			driver, err := sqlite.Open(filepath.Join(b.TempDir(), "scrip.db"), sqlite.Options{})
			if err != nil {
				b.Fatal(err)
			}
			benchmarkDrain(b, window, driver)
		})
	}
}

// benchBody is as long as a reversal usually is.
var benchBody = []byte(`{"id":"8f14e45f-ceea-467f-9a11-1b2c3d4e5f60","requestId":"8f14e45f-ceea-467f-9a11-1b2c3d4e5f61",` +
	`"time":"2026-03-01T12:00:00.000Z","reversalReason":"TIMEOUT","thirdPartyIdentifiers":[{"institutionId":"acquirer",` +
	`"transactionIdentifier":"0123456789"},{"institutionId":"issuer","transactionIdentifier":"9876543210"}]}`)

// sender sends to a stub upstream.
func sender(b *testing.B, window int) func(ctx context.Context, i saf.Item, body txn.Wire) (*txn.Answer, error) {
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(benchBody)
	}))
	b.Cleanup(stub.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: window}}
	b.Cleanup(client.CloseIdleConnections)
	return func(ctx context.Context, _ saf.Item, body txn.Wire) (*txn.Answer, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, stub.URL, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer func() { _ = response.Body.Close() }()
		answer, err := io.ReadAll(response.Body)
		return &txn.Answer{Status: response.StatusCode, Body: answer}, err
	}
}

func benchmarkBare(b *testing.B, window int) {
	send := sender(b, window)
	var sent atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range window {
		all.Go(func() {
			for sent.Add(1) <= int64(b.N) {
				if _, err := send(b.Context(), saf.Item{}, benchBody); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func benchmarkDrain(b *testing.B, window int, driver store.Driver) {
	keys, err := secret.Generate()
	if err != nil {
		b.Fatal(err)
	}
	base := store.New(driver, store.Settings{Keys: keys})
	defer func() { _ = base.Close() }()
	fill(b, store.Queue(base), keys)
	q := newQueue(queueSettings{
		upstream: "up", pace: saf.Pace{Window: window}, store: store.Queue(base), reports: driver, keys: keys, now: time.Now,
		log: slog.New(slog.DiscardHandler), send: sender(b, window),
	})
	b.ResetTimer()
	q.start()
	if err := q.drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if v := q.view(); v.Repeats > 0 {
		b.Errorf("%d were sent twice", v.Repeats)
	}
	q.close(b.Context())
}

// fill commits b.N items.
func fill(b *testing.B, s saf.Store, keys *secret.Keys) {
	sealed, err := keys.SealBody(benchBody)
	if err != nil {
		b.Fatal(err)
	}
	const at = 1000
	for from := 1; from <= b.N; from += at {
		err := s.Update(b.Context(), saf.Keys{World: ident.Production}, func(tx saf.Tx) error {
			for seq := int64(from); seq < int64(min(from+at, b.N+1)); seq++ {
				tx.AddItem(saf.Item{
					Seq: seq, Upstream: "up", World: ident.Production, Account: 1, Family: txn.Redemption, Role: txn.Reversal,
					ID: "8f14e45f-ceea-467f-9a11-1b2c3d4e5f60", Request: seq, RequestID: "8f14e45f-ceea-467f-9a11-1b2c3d4e5f61",
					At: time.Now().Truncate(time.Millisecond), Amount: 100, Currency: 710, Body: sealed, State: saf.Waiting,
				})
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
