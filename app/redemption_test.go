package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// onBoth are the stores on which a redemption is measured, and what bounds its allocations outside the HTTP library, in its own
// goroutine and in the committer's: on SQLite although nobody shares its commit. On PostgreSQL a commit takes some 190, most of them
// the client library's, which so many clients share.
var onBoth = []struct {
	store          string
	database       func(testing.TB) string
	clients        int
	maxAllocations float64
}{
	{"SQLite", func(testing.TB) string { return "" }, 1, 64},
	{"PostgreSQL", func(tb testing.TB) string { return pgtest.Shared(tb).Database(tb) }, 32, 100},
}

// What is promised of a redemption is measured here without sockets and without what net/http does for a message: gate,
// judging, rules, the batch, the store and the sync of the disk.
func TestAllocationsOfARedemption(t *testing.T) {
	if testing.Short() {
		t.Skip("short runs are those of the race detector, which allocates, too")
	}
	for _, on := range onBoth {
		t.Run(on.store, func(t *testing.T) {
			const times = 400
			sell := newCounter(t, on.clients, on.database(t)).selling(t, on.clients, 1+2*times/on.clients)
			sell(times) // to warm up
			before := allocations()
			sell(times)
			got := float64(allocations()-before) / times
			t.Logf("%.1f allocations with %d clients", got, on.clients)
			if got > on.maxAllocations {
				t.Errorf("a redemption makes %.1f allocations with %d clients, want at most %.0f", got, on.clients, on.maxAllocations)
			}
		})
	}
}

// allocations counts those of the whole process.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// BenchmarkRedemption measures the same for one, 32 and 128 clients at once, each with a card of its own. With -cpuprofile,
// -memprofile, -blockprofile or -mutexprofile go test shows where the time goes (docs/performance.md).
func BenchmarkRedemption(b *testing.B) {
	for _, on := range onBoth {
		for _, clients := range []int{1, 32, 128} {
			b.Run(fmt.Sprintf("%s/clients=%d", on.store, clients), func(b *testing.B) {
				sell := newCounter(b, clients, on.database(b)).selling(b, clients, 1+b.N/clients)
				b.ReportAllocs()
				b.ResetTimer()
				sell(b.N)
			})
		}
	}
}

// selling prepares so many redemptions for each client. What it returns has the clients sell so often in all, at once.
func (c *counter) selling(tb testing.TB, clients, each int) func(times int) {
	lines := make([]*sales, clients)
	for n := range lines {
		lines[n] = c.sales(tb, n, each)
	}
	return func(times int) {
		var all sync.WaitGroup
		for n, line := range lines {
			all.Go(func() {
				for range (times + n) / clients {
					line.next(tb)
				}
			})
		}
		all.Wait()
	}
}

// counter is a program with a till and activated cards.
type counter struct {
	*house
	till  *till
	cards []card
}

func newCounter(t testing.TB, cards int, database string) *counter {
	t.Helper()
	dir, err := os.MkdirTemp("", "scrip-counter")
	must(t, err)
	c := &counter{house: &house{settings: complete(app.Settings{Data: filepath.Join(dir, "data"), Database: database}), client: newClient()}}
	c.start(t)
	t.Cleanup(func() {
		c.client.CloseIdleConnections()
		must(t, c.Stop(context.Background()))
		must(t, os.RemoveAll(dir))
	})
	c.product(t, "gold")
	c.till = c.account(t, "till", members{"requestsPerSecond": 1_000_000, "burst": 1_000_000})
	for n := range cards {
		one := c.card(t, fmt.Sprintf("60010000%08d", n))
		c.till.activate(t, one, 1_000_000_000)
		c.cards = append(c.cards, one)
	}
	return c
}

// sales are redemptions of one on a card, made ready beforehand.
type sales struct {
	handler http.Handler
	request *http.Request
	body    []byte
	id      []byte // where it stands in the body
	reader  bytes.Reader
	ids     []string
	paths   []string
	answer  unread
}

// sales makes so many of them ready, on the card with a number.
func (c *counter) sales(t testing.TB, number, count int) *sales {
	t.Helper()
	s := &sales{handler: c.Contract(), answer: unread{header: http.Header{}}}
	for range count {
		id := newID()
		s.ids = append(s.ids, id)
		s.paths = append(s.paths, "/giftcard/v3/redemptions/"+id)
	}
	message := requestBody(s.ids[0], c.cards[number], 1)
	delete(message, "product")
	message["thirdPartyIdentifiers"] = []any{
		members{"institutionId": "1234567", "transactionIdentifier": "A83-000171"},
		members{"institutionId": "7654321", "transactionIdentifier": "9931-1771"},
	}
	message["stan"], message["rrn"] = "000123", "603410000123"
	message["posInfo"] = members{"entryMode": members{"panEntryMode": "BARCODE", "pinEntryCapability": "CAN_ACCEPT"}}
	var err error
	s.body, err = json.Marshal(message)
	must(t, err)
	at := bytes.Index(s.body, []byte(s.ids[0]))
	s.id = s.body[at:][:len(s.ids[0])]
	ctx, cancel := context.WithCancel(t.Context()) // as a connection's
	t.Cleanup(cancel)
	s.request = (&http.Request{
		Method: http.MethodPost, URL: &url.URL{}, Body: io.NopCloser(&s.reader), ContentLength: int64(len(s.body)),
		Header: http.Header{"Content-Type": {"application/json"}}, RemoteAddr: "192.0.2.1:1",
	}).WithContext(ctx)
	s.request.SetBasicAuth(c.till.user, c.till.password)
	return s
}

// next sends the next one.
func (s *sales) next(t testing.TB) {
	copy(s.id, s.ids[0])
	s.request.URL.Path = s.paths[0]
	s.reader.Reset(s.body)
	s.ids, s.paths = s.ids[1:], s.paths[1:]
	s.handler.ServeHTTP(&s.answer, s.request)
	if s.answer.status != http.StatusCreated {
		t.Errorf("answered %d %s", s.answer.status, s.answer.last)
	}
}

// unread is an answer that nobody reads.
type unread struct {
	header http.Header
	status int
	last   []byte
}

func (u *unread) Header() http.Header { return u.header }

func (u *unread) WriteHeader(status int) { u.status = status }

func (u *unread) Write(b []byte) (int, error) {
	u.last = b
	return len(b), nil
}
