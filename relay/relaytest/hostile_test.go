package relaytest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/relay/relaytest"
)

// counting answers each message with its body, and counts what arrives.
type counting struct {
	mu      sync.Mutex
	arrived []string
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived = append(c.arrived, string(body))
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(body)
}

func TestMischief(t *testing.T) {
	for _, c := range []struct {
		mischief relaytest.Mischief
		status   int // 0: no whole answer comes
		arrives  int
	}{
		{relaytest.None, 201, 1}, {relaytest.Lost, 0, 0}, {relaytest.AnswerLost, 0, 1}, {relaytest.Doubled, 201, 2},
		{relaytest.DoubledOld, 201, 2}, {relaytest.Late, 201, 1}, {relaytest.HeldBack, 504, 1}, {relaytest.Overtaken, 201, 1},
		{relaytest.Gateway, 502, 1}, {relaytest.Refused, 503, 0}, {relaytest.TimedOut, 504, 1}, {relaytest.Halved, 0, 1},
	} {
		server := &counting{}
		h := &relaytest.Hostile{Server: server, Delay: time.Millisecond, Choose: func(*http.Request) relaytest.Mischief { return c.mischief }}
		front := httptest.NewServer(h)
		status := post(front.URL, "hello, upstream")
		front.Close()
		h.Wait()
		if status != c.status || len(server.arrived) != c.arrives {
			t.Errorf("mischief %d: status %d, arrived %q", c.mischief, status, server.arrived)
		}
		if h.Done()[c.mischief] != 1 {
			t.Errorf("mischief %d was done %v", c.mischief, h.Done())
		}
	}
}

// post gives the status of a whole answer, and 0 when none comes.
func post(url, body string) int {
	response, err := http.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); err != nil {
		return 0
	}
	return response.StatusCode
}

func TestTheSameSeedDoesTheSame(t *testing.T) {
	run := func() map[relaytest.Mischief]int {
		h := &relaytest.Hostile{Server: &counting{}, Odds: 0.5, Seed: 7, Delay: time.Microsecond}
		front := httptest.NewServer(h)
		defer front.Close()
		for range 200 {
			post(front.URL, "x")
		}
		h.Wait()
		return h.Done()
	}
	first, second := run(), run()
	for _, m := range relaytest.All {
		if first[m] == 0 || first[m] != second[m] {
			t.Errorf("mischief %d was done %d times, then %d", m, first[m], second[m])
		}
	}
}

func TestCalm(t *testing.T) {
	h := &relaytest.Hostile{Server: &counting{}, Odds: 1}
	front := httptest.NewServer(h)
	defer front.Close()
	h.Calm()
	if status := post(front.URL, "x"); status != http.StatusCreated {
		t.Error(status)
	}
}
