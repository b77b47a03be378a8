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
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scripworks/scrip/app"
)

// maxAllocations bounds what a redemption allocates outside the HTTP library, in its own goroutine and in the committer's, and
// although nobody shares its commit.
const maxAllocations = 64

// What is promised of a redemption is measured here without sockets and without what net/http does for a message: gate,
// judging, rules, the batch, SQLite and the sync of the disk.
func TestAllocationsOfARedemption(t *testing.T) {
	if testing.Short() {
		t.Skip("short runs are those of the race detector, which allocates, too")
	}
	const times = 200
	c := newCounter(t, 1)
	sale := c.sales(t, 0, 1+times)
	got := testing.AllocsPerRun(times, func() { sale.next(t) }) // which runs it once more, to warm up
	t.Logf("%.1f allocations", got)
	if got > maxAllocations {
		t.Errorf("a redemption makes %.1f allocations, want at most %d", got, maxAllocations)
	}
}

// BenchmarkRedemption measures the same for one, 32 and 128 clients at once, each with a card of its own. With -cpuprofile,
// -memprofile, -blockprofile or -mutexprofile go test shows where the time goes (docs/performance.md).
func BenchmarkRedemption(b *testing.B) {
	for _, clients := range []int{1, 32, 128} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			c := newCounter(b, clients)
			lines := make([]*sales, clients)
			for n := range lines {
				lines[n] = c.sales(b, n, b.N/clients+1)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			for _, line := range lines {
				all.Go(func() {
					for line.more() && left.Add(-1) >= 0 {
						line.next(b)
					}
				})
			}
			all.Wait()
		})
	}
}

// counter is a program with a till and activated cards.
type counter struct {
	*house
	till  *till
	cards []card
}

func newCounter(t testing.TB, cards int) *counter {
	t.Helper()
	dir, err := os.MkdirTemp("", "scrip-counter")
	must(t, err)
	c := &counter{house: &house{settings: complete(app.Settings{Data: filepath.Join(dir, "data")}), client: newClient()}}
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

func (s *sales) more() bool { return len(s.ids) > 0 }

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
