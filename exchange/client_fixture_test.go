package exchange_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/txn"
)

// A message of each kind, on its way to an upstream. The path and the body hold what no error may show.
var (
	aLoad = exchange.Outgoing{
		Method: http.MethodPost, Path: "/giftcard/v3/loads/" + requestID, Body: txn.Wire(`{"pan":"` + secretPAN + `"}`), Role: txn.Request, Location: "load",
	}
	aConfirm = exchange.Outgoing{
		Method: http.MethodPost, Path: "/giftcard/v3/loads/" + requestID + "/confirmations/" + adviceID, Body: txn.Wire(`{}`), Role: txn.Confirmation, Location: "loadConfirmation",
	}
	aQuery = exchange.Outgoing{
		Method: http.MethodGet, Path: "/airtime/v5/msisdn", Query: txn.Wire("msisdn=%2B" + secretNumber), Role: txn.Request, Location: "lookupMsisdn",
	}
)

const (
	secretPAN      = "6001000000000001"
	secretNumber   = "27821234567"
	secretPassword = "hunter-2"
)

// clientOf makes a client that is closed with the test.
func clientOf(t testing.TB, s exchange.ClientSettings) *exchange.Client {
	t.Helper()
	if s.Credentials == nil {
		s.Credentials = exchange.Same(exchange.Basic("till", secretPassword))
	}
	client, err := exchange.NewClient(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// notTaken says whether an error is that a message was surely not applied, for a cause.
func notTaken(err error, cause decline.Cause) bool {
	var turned *decline.NotTaken
	return errors.As(err, &turned) && turned.Cause == cause
}

// isUnknown says whether an error is an unknown outcome.
func isUnknown(err error) bool {
	var refusal *decline.Error
	var turned *decline.NotTaken
	return err != nil && !errors.As(err, &refusal) && !errors.As(err, &turned)
}

// conversation is what a server does with a connection; it is closed afterwards.
type conversation func(conn net.Conn, in *bufio.Reader)

// rawServer holds a conversation on each connection over loopback, and gives its URL. It has ended when the test has.
func rawServer(t testing.TB, talk conversation) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { hold(conn, talk) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		all.Wait()
	})
	return "http://" + listener.Addr().String()
}

func hold(conn net.Conn, talk conversation) {
	defer func() { _ = conn.Close() }()
	talk(conn, bufio.NewReader(conn))
}

// piped has a client's connections be pipes, on whose other ends conversations are held: within a synctest bubble time
// stands still while they wait. dialled has the address of each.
type piped struct {
	talk conversation
	all  sync.WaitGroup

	mu      sync.Mutex
	dialled []string
}

func (p *piped) dial(_ context.Context, _, address string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.mu.Lock()
	p.dialled = append(p.dialled, address)
	p.mu.Unlock()
	p.all.Go(func() { hold(theirs, p.talk) })
	return ours, nil
}

// pipedClient makes a client whose connections are pipes. The caller closes it, so that the bubble can end.
func pipedClient(t *testing.T, s exchange.ClientSettings, talk conversation) (*exchange.Client, *piped) {
	t.Helper()
	p := &piped{talk: talk}
	s.URL = "http://upstream.example"
	client := clientOf(t, s)
	client.DialWith(p.dial)
	return client, p
}

// take reads one message whole; false when there is none any more.
func take(in *bufio.Reader) (*http.Request, string, bool) {
	request, err := http.ReadRequest(in)
	if err != nil {
		return nil, "", false
	}
	body, err := io.ReadAll(request.Body)
	return request, string(body), err == nil
}

// answerWith answers each message of a connection with the same bytes.
func answerWith(text string) conversation {
	return func(conn net.Conn, in *bufio.Reader) {
		for {
			if _, _, ok := take(in); !ok {
				return
			}
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

// once answers the first message of a connection with some bytes and ends it.
func once(text string) conversation {
	return func(conn net.Conn, in *bufio.Reader) {
		if _, _, ok := take(in); ok {
			_, _ = io.WriteString(conn, text)
		}
	}
}

// answerText is an answer as it is on the line.
func answerText(status, body string, headers ...string) string {
	return "HTTP/1.1 " + status + "\r\nContent-Length: " + itoa(len(body)) + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n" + body
}
