package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// slow is a message that is sent in pieces over a connection of its own.
type slow struct {
	net.Conn
	t    *testing.T
	rest string
}

// begin connects and sends as much of a message as is asked for, from 0 (nothing) to 1 (all).
func (l *till) begin(t *testing.T, path string, body members, part float64) *slow {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	r, err := http.NewRequest(http.MethodPost, l.base+"/giftcard/v3/"+path, strings.NewReader(string(text)))
	must(t, err)
	r.SetBasicAuth(l.user, l.password)
	r.Header.Set("Content-Type", "application/json")
	var whole strings.Builder
	must(t, r.Write(&whole))
	c, err := net.Dial("tcp", r.URL.Host)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.SetDeadline(time.Now().Add(patience)))
	cut := int(part * float64(whole.Len()))
	s := &slow{Conn: c, t: t, rest: whole.String()[cut:]}
	_, err = io.WriteString(c, whole.String()[:cut])
	must(t, err)
	return s
}

// finish sends the rest and reads the answer.
func (s *slow) finish() answer {
	s.t.Helper()
	_, err := io.WriteString(s, s.rest)
	must(s.t, err)
	response, err := http.ReadResponse(bufio.NewReader(s), nil)
	must(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(s.t, err)
	return answer{response.StatusCode, response.Header, text}
}

// await asks the operators' listener again and again until it answers as wanted.
func (h *house) await(t *testing.T, path string, wanted func(answer) bool) {
	t.Helper()
	until := time.Now().Add(patience)
	for last := h.look(t, path); !wanted(last); last = h.look(t, path) {
		if time.Now().After(until) {
			t.Fatalf("%s answers %v for ever", path, last)
		}
	}
}

// awaitTurnedAway waits until look-ups are turned away.
func (l *till) awaitTurnedAway(t *testing.T, c card) {
	t.Helper()
	for until := time.Now().Add(patience); l.ask("lookupGiftcard", newID(), c, -1).status == http.StatusCreated; {
		if time.Now().After(until) {
			t.Fatal("look-ups are answered for ever")
		}
	}
}

// inHand waits until so many messages of a kind, request or advice, are in hand.
func (h *house) inHand(t *testing.T, kind string, count int) {
	t.Helper()
	line := fmt.Sprintf("scrip_in_hand{kind=%q} %d\n", kind, count)
	h.await(t, "/metrics", func(a answer) bool { return strings.Contains(string(a.text), line) })
}

// A server that stops says so, finishes what is in hand, and takes nothing new; it says to each kind of message what
// keeps its sender from losing it.
func TestStop(t *testing.T) {
	h := open(t, app.Settings{Data: t.TempDir()})
	l := h.account(t, "till", members{})
	h.product(t, "gold")
	c := h.card(t, "6001000000000001")
	l.activate(t, c, 1000)
	id, late, unheard := newID(), newID(), newID()
	l.ask("redemptions", unheard, c, 5).must(t, http.StatusCreated, "")
	held := l.begin(t, "redemptions/"+id, requestBody(id, c, 10), 0.9)
	h.inHand(t, "request", 1)

	stopped := make(chan error)
	go func() { stopped <- h.Stop(context.Background()) }()
	h.await(t, "/readyz", func(a answer) bool { return a.status == http.StatusServiceUnavailable })
	l.awaitTurnedAway(t, c)
	l.ask("redemptions", late, c, 10).must(t, http.StatusServiceUnavailable, "TEMPORARY_FAILURE")
	l.confirm("redemptions", unheard, newID()).must(t, http.StatusInternalServerError, "GENERAL_ERROR")
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request in hand: %v", err)
	default:
	}
	held.finish().must(t, http.StatusCreated, "")
	must(t, <-stopped)

	h.start(t)
	l.ask("redemptions", id, c, 10).must(t, http.StatusBadRequest, "DUPLICATE_RECORD")
	l.ask("redemptions", late, c, 10).must(t, http.StatusCreated, "")
	l.confirm("redemptions", unheard, newID()).must(t, http.StatusAccepted, "")
	if _, available := l.balance(t, c); available != 1000-10-10-5 {
		t.Errorf("available is %d", available)
	}
	h.booksAreRight(t)
}

// What does not end in time is cut off, and the stop says so.
func TestStopCutsOffWhatDoesNotEnd(t *testing.T) {
	h := &house{settings: app.Settings{Listen: "127.0.0.1:0", Token: operatorToken, StopWithin: time.Millisecond}, client: newClient()}
	h.start(t)
	l := h.account(t, "till", members{})
	id := newID()
	l.begin(t, "redemptions/"+id, requestBody(id, card{pan: "1"}, 10), 0.9)
	h.inHand(t, "request", 1)
	if err := h.Stop(context.Background()); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("stopped with %v", err)
	}
}

// SIGTERM under load ends the process with 0. Whatever was answered with success is there afterwards.
func TestTerminate(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data)
	l := p.account(t, "till", members{})
	p.product(t, "gold")
	c := p.card(t, "6001000000000001")
	l.activate(t, c, crashOpening)
	tills := newTraffic(1, crashTills, crashOpening, c)
	for _, c := range tills.tills {
		c.stopping = true
	}
	var came atomic.Int64
	code := make(chan int, 1)
	tills.run(t, l, func() {
		if came.Add(1) == 100 {
			go func() { code <- p.stop(t) }()
		}
	})
	if code := <-code; code != 0 {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
	verify(t, data)
	p = serve(t, data)
	tills.find(t, p.at(l))
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// fresh is the till with a new connection for each message, as balancers and new clients have them.
func (l *till) fresh() *till {
	apart := *l
	apart.client = newClient()
	apart.client.Transport.(*http.Transport).DisableKeepAlives = true
	return &apart
}

// A server that stops goes on taking messages for its drain delay, over new connections too, while it says that it is not
// ready: so long balancers may take to see it. Then it takes none, and whatever it has approved is there.
func TestAServerThatDrainsStillServes(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data, "--drain-delay", (2 * nodeDrain).String())
	l := p.account(t, "till", members{})
	p.product(t, "gold")
	c := p.card(t, "6001000000000001")
	l.activate(t, c, crashOpening)

	told := time.Now()
	must(t, p.command.Process.Signal(syscall.SIGTERM))
	p.await(t, "/readyz", func(a answer) bool { return a.status == http.StatusServiceUnavailable })
	approved, last := int64(0), answer{status: http.StatusCreated}
	for tick := time.Tick(lookEvery); last.status == http.StatusCreated; <-tick {
		if last = l.fresh().ask("redemptions", newID(), c, 1); last.status == http.StatusCreated {
			approved++
		}
	}
	drained := time.Since(told)
	if last.status != 0 {
		last.must(t, http.StatusServiceUnavailable, "TEMPORARY_FAILURE")
	}
	if approved == 0 || drained < 2*nodeDrain {
		t.Errorf("%d requests were approved, and after %s no more", approved, drained)
	}
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
	if a := l.fresh().ask("redemptions", newID(), c, 1); a.status != 0 {
		t.Errorf("a server that has ended answers %v", a)
	}
	if book, _ := serve(t, data).at(l).balance(t, c); book != crashOpening-approved {
		t.Errorf("the card has %d after %d redemptions", book, approved)
	}
}

// hold keeps the store busy with a decision that does not end before release is called.
func (h *house) hold(t *testing.T) (release func()) {
	t.Helper()
	begun, end, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- h.Store.Do(context.Background(), store.Keys{World: ident.Production}, func(*store.Tx) error {
			close(begun)
			<-end
			return nil
		})
	}()
	<-begun
	return func() {
		t.Helper()
		close(end)
		must(t, <-done)
	}
}

// A request whose time is over before its batch begins is not applied: 504, and its reversal finds nothing.
func TestDeadline(t *testing.T) {
	h := open(t, app.Settings{Timeout: 300 * time.Millisecond})
	l := h.account(t, "till", members{})
	h.product(t, "gold")
	c := h.card(t, "6001000000000001")
	l.activate(t, c, 1000)

	release := h.hold(t)
	id := newID()
	l.ask("redemptions", id, c, 10).must(t, http.StatusGatewayTimeout, "TEMPORARY_FAILURE")
	release()

	l.reverse("redemptions", id, newID()).must(t, http.StatusNotFound, "UNABLE_TO_LOCATE_RECORD")
	l.ask("redemptions", id, c, 10).must(t, http.StatusBadRequest, "GENERAL_ERROR")
	if book, _ := l.balance(t, c); book != 1000 {
		t.Errorf("book is %d", book)
	}
}

// A request whose sender has gone before its batch begins is not applied either. An advice, once read, is.
func TestSenderHasGone(t *testing.T) {
	h := open(t, app.Settings{})
	l := h.account(t, "till", members{})
	h.product(t, "gold")
	c := h.card(t, "6001000000000001")
	l.activate(t, c, 1000)
	asked, gone, reversal := newID(), newID(), newID()
	l.ask("redemptions", asked, c, 10).must(t, http.StatusCreated, "")

	release := h.hold(t)
	request := l.begin(t, "redemptions/"+gone, requestBody(gone, c, 20), 1)
	advice := l.begin(t, "redemptions/"+asked+"/reversals/"+reversal, adviceBody(reversal, asked), 1)
	h.inHand(t, "request", 1)
	h.inHand(t, "advice", 1)
	must(t, request.Close())
	must(t, advice.Close())
	h.inHand(t, "request", 0)
	release()
	h.inHand(t, "advice", 0)

	l.reverse("redemptions", gone, newID()).must(t, http.StatusNotFound, "UNABLE_TO_LOCATE_RECORD")
	l.confirm("redemptions", asked, newID()).must(t, http.StatusBadRequest, "GENERAL_ERROR")
	if book, _ := l.balance(t, c); book != 1000 {
		t.Errorf("book is %d", book)
	}
}
