package exchange

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Bounds of a client.
const (
	DefaultMaxConns = 256              // connections to one upstream
	MaxAnswer       = 1 << 20          // bytes of an answer; more is no answer
	maxAnswerHead   = 64 << 10         // bytes of its head
	lateGrace       = 60 * time.Second // for which an answer is still waited for after it has been given up
	maxLate         = 256              // answers that are waited for like that at once
	dialTimeout     = 10 * time.Second
	idleTimeout     = 90 * time.Second
	keepAlive       = 30 * time.Second
)

// ClientSettings say where an upstream is, and what is presented there.
type ClientSettings struct {
	URL         string        // below which the base paths of the contracts lie; it may have a path of its own
	Timeout     time.Duration // for an answer; 0 is DefaultRequestTimeout
	Credentials Credentials
	TLS         *tls.Config // nil is the system's; see LoadTLS
	MaxConns    int         // 0 is DefaultMaxConns
	Now         func() time.Time
	// Late hears of answers that came after they had been given up; it may be nil.
	Late func(LateAnswer)
}

// LateAnswer is an answer that came after its message had been given up. It changes nothing any more: the outcome was
// unknown, and somebody has reversed.
type LateAnswer struct {
	Operation string // as Outgoing names it
	Status    int
	After     time.Duration // since it had been sent
}

// String tells it in one line.
func (l LateAnswer) String() string {
	return fmt.Sprintf("%s was answered %d after %s", l.Operation, l.Status, l.After.Round(time.Millisecond))
}

// Outgoing is one message to be sent.
type Outgoing struct {
	Method, Path string   // the path begins with a contract's base path
	Query        txn.Wire // the parameters, escaped
	Body         txn.Wire
	Account      ident.Account // whose credential is presented
	Role         txn.Role      // Request, also of a query; or Confirmation or Reversal
	Location     string        // name of the operation, for people
	// EmptyIsUnlocated says that a 404 without a body to a reversal says that there is no such request.
	EmptyIsUnlocated bool
}

func (o *Outgoing) advice() bool { return o.Role == txn.Confirmation || o.Role == txn.Reversal }

// Client sends messages to one upstream. It never sends a message twice, but once more after a 401 that a fresh token may
// mend; follows no redirect; and asks no proxy.
type Client struct {
	base        string
	timeout     time.Duration
	credentials Credentials
	now         func() time.Time
	late        func(LateAnswer)
	transport   *http.Transport

	life  context.Context // ends with Close
	end   context.CancelFunc
	trips sync.WaitGroup
	left  atomic.Int64 // trips that nobody waits for any more
}

// NewClient makes a client. It fails when the settings cannot be.
func NewClient(s ClientSettings) (*Client, error) {
	at, err := url.Parse(s.URL)
	switch {
	case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https":
		return nil, errors.New("the URL must begin with https:// or http:// and name a host")
	case at.User != nil || at.RawQuery != "" || at.Fragment != "":
		return nil, errors.New("the URL must have no user, no query and no fragment")
	case s.Credentials == nil:
		return nil, errors.New("there are no credentials to present")
	}
	c := &Client{
		base: strings.TrimRight(s.URL, "/"), timeout: cmp.Or(s.Timeout, DefaultRequestTimeout), credentials: s.Credentials,
		now: s.Now, late: s.Late, transport: newTransport(s.TLS, cmp.Or(s.MaxConns, DefaultMaxConns)),
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.late == nil {
		c.late = func(LateAnswer) {}
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

// newTransport makes connections that are used again and again. HTTP/2 is left out: there a message that was refused may be
// sent again by the transport itself. HTTP/1.1's transport does so only with what has not been written at all.
func newTransport(of *tls.Config, conns int) *http.Transport {
	return &http.Transport{
		DialContext:     (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext,
		TLSClientConfig: of, TLSHandshakeTimeout: dialTimeout, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxIdleConns: conns, MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns, IdleConnTimeout: idleTimeout,
		MaxResponseHeaderBytes: maxAnswerHead, DisableCompression: true,
	}
}

// Close gives up what is waited for, and ends the connections.
func (c *Client) Close() {
	c.end()
	c.trips.Wait()
	c.transport.CloseIdleConnections()
}

// Send sends a message and waits for its answer, until the context ends or the client's time is over. The outcome is the
// error: nil is success; a *decline.Error is a definite no, in the upstream's words where it has any; a *decline.NotTaken
// was surely not applied: Unreached when no connection came about, Unauthenticated, Forbidden, Misdirected, NoCredential,
// Overloaded; any other error is an unknown outcome, of an advice an *Again where the upstream answered at all.
func (c *Client) Send(ctx context.Context, o Outgoing) (*txn.Answer, error) {
	credential, found := c.credentials.For(o.Account)
	if !found {
		return nil, &decline.NotTaken{Cause: decline.NoCredential, Text: "there is no credential for the account"}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, presented, err := c.send(ctx, &o, credential)
	if err == nil && r.status == http.StatusUnauthorized && credential.Renew(ctx, presented) {
		r, _, err = c.send(ctx, &o, credential)
	}
	if err != nil {
		return nil, err
	}
	return o.judge(r, c.now())
}

// send sends a message once.
func (c *Client) send(ctx context.Context, o *Outgoing, credential Credential) (r *reply, presented string, err error) {
	t := &trip{client: c, name: o.Location, done: make(chan struct{})}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t.cancel = cancel
	request, err := c.request(httptrace.WithClientTrace(life, t.trace()), o)
	if err == nil {
		err = credential.Authorize(ctx, request)
	}
	if err != nil {
		cancel()
		return nil, "", err
	}
	c.trips.Add(1)
	go t.run(request)
	r, err = t.await(ctx)
	return r, request.Header.Get("Authorization"), err
}

func (c *Client) request(ctx context.Context, o *Outgoing) (*http.Request, error) {
	at := c.base + o.Path
	if len(o.Query) > 0 {
		at += "?" + string(o.Query)
	}
	var body io.Reader
	if o.Method != http.MethodGet {
		body = bytes.NewReader(bytes.Clone(o.Body)) // the sender's memory is good only while it waits
	}
	request, err := http.NewRequestWithContext(ctx, o.Method, at, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.Header["Accept"] = jsonType
	if body != nil {
		request.Header["Content-Type"] = jsonType
	}
	return request, nil
}

// trip is one message on its way and its answer on the way back.
type trip struct {
	client *Client
	name   string
	cancel context.CancelFunc
	begun  time.Time

	connected atomic.Bool // there was a connection, so something may have been written
	state     atomic.Int32
	done      chan struct{}
	reply     *reply
	err       error
}

// States of a trip.
const (
	flying   int32 = iota
	landed         // its sender gets the answer
	forsaken       // nobody waits any more
)

// trace notes whether there was a connection. When a connection breaks before anything was written, the transport asks for
// another one.
func (t *trip) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { t.connected.Store(true) },
	}
}

// run makes the trip.
func (t *trip) run(request *http.Request) {
	defer t.client.trips.Done()
	defer t.cancel()
	defer context.AfterFunc(t.client.life, t.cancel)()
	t.begun = time.Now()
	t.reply, t.err = t.client.roundTrip(request)
	if t.state.CompareAndSwap(flying, landed) {
		close(t.done)
		return
	}
	t.client.left.Add(-1)
	if t.err == nil {
		t.client.late(LateAnswer{Operation: t.name, Status: t.reply.status, After: time.Since(t.begun)})
	}
}

// roundTrip sends a request and reads the whole answer.
func (c *Client) roundTrip(request *http.Request) (*reply, error) {
	answer, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end, or given up
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxAnswer+1))
	if err == nil && len(body) > MaxAnswer {
		err = errors.New("the answer is too long")
	}
	return &reply{status: answer.StatusCode, header: answer.Header, body: body}, err
}

// await waits for the answer. What cannot be waited for any longer goes on alone for a while, if it was sent at all.
func (t *trip) await(ctx context.Context) (*reply, error) {
	select {
	case <-t.done:
		return t.outcome()
	case <-ctx.Done():
	}
	if !t.connected.Load() || !t.forsake() {
		t.cancel()
		<-t.done
		return t.outcome()
	}
	return nil, errNoAnswer
}

// forsake has the trip go on for a while without anybody waiting; false when it has landed, or when there are too many
// such trips already.
func (t *trip) forsake() bool {
	if t.client.left.Add(1) > maxLate || !t.state.CompareAndSwap(flying, forsaken) {
		t.client.left.Add(-1)
		return false
	}
	time.AfterFunc(lateGrace, t.cancel)
	return true
}

// outcome gives what came of a trip that has ended.
func (t *trip) outcome() (*reply, error) {
	switch {
	case t.err == nil:
		return t.reply, nil
	case !t.connected.Load():
		return nil, unreached(reason(t.err))
	}
	return nil, fmt.Errorf("the connection to the upstream broke: %s", reason(t.err))
}

// reason words a transport's error without the address and the path, which may name a card or a number.
func reason(err error) string {
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return "the time is over"
	case errors.As(err, &op) && op.Err != nil:
		return op.Op + ": " + op.Err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the time is over"
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return certificate.Error()
	}
	return "the answer ended early"
}
