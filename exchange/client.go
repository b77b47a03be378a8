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
	MaxAnswer       = 1 << 20          // bytes of an answer; more is not read
	maxAnswerHead   = 64 << 10         // bytes of its head
	lateGrace       = 60 * time.Second // for which an answer is still waited for after it has been given up
	lateShare       = 4                // one connection in so many may be kept by answers that are waited for like that
	dialTimeout     = 10 * time.Second // and as much again for the handshake of TLS
	idleTimeout     = 30 * time.Second // shorter than servers have it, which else end a connection just when it is used
	keepAlive       = 30 * time.Second
)

// ClientSettings say where an upstream is, and what is presented there.
type ClientSettings struct {
	URL     string        // below which the base paths of the contracts lie; it may have a path of its own
	Timeout time.Duration // for an answer, a token that has to be asked for first included; 0 is DefaultRequestTimeout
	// Credentials are the client's own: those that have a method Close are closed with it.
	Credentials Credentials
	TLS         *tls.Config // nil is the system's; see LoadTLS
	MaxConns    int         // 0 is DefaultMaxConns
	Now         func() time.Time
	// Late hears of answers that came after they had been given up; it may be nil. Close waits for it.
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
	Method, Path string        // the path is escaped and begins with a contract's base path
	Query        txn.Wire      // the parameters, escaped
	Body         txn.Wire      // not of a GET
	Account      ident.Account // whose credential is presented
	Role         txn.Role      // Request, also of a query; or Confirmation or Reversal
	Location     string        // name of the operation, for people
	// EmptyIsUnlocated says that the contract has no body for the 404 that says that there is nothing of the kind. It does
	// not hold for a confirmation.
	EmptyIsUnlocated bool
}

func (o *Outgoing) advice() bool { return o.Role == txn.Confirmation || o.Role == txn.Reversal }

// Client sends messages to one upstream. It never sends a POST twice, but once more after a 401 that a fresh token may
// mend; follows no redirect; and asks no proxy. A GET, which moves nothing, may be sent again when the upstream ended a
// connection that had been used before.
type Client struct {
	base        url.URL // scheme, host and the path below which the contracts lie
	prefix      string  // that path, escaped
	timeout     time.Duration
	credentials Credentials
	now         func() time.Time
	late        func(LateAnswer)
	transport   *http.Transport

	life context.Context // ends with Close
	end  context.CancelFunc

	left    atomic.Int64 // trips that nobody waits for any more
	maxLeft int64

	mu     sync.Mutex // guards closed, and that no trip begins once it is
	closed bool
	trips  sync.WaitGroup
}

// NewClient makes a client. It fails when the settings cannot be.
func NewClient(s ClientSettings) (*Client, error) {
	at, err := url.Parse(s.URL)
	switch {
	case err != nil || at.Hostname() == "" || at.Scheme != "http" && at.Scheme != "https":
		return nil, errors.New("the URL must begin with https:// or http:// and name a host")
	case at.User != nil || at.RawQuery != "" || at.Fragment != "":
		return nil, errors.New("the URL must have no user, no query and no fragment")
	case s.Credentials == nil:
		return nil, errors.New("there are no credentials to present")
	case s.Timeout < 0 || s.MaxConns < 0:
		return nil, errors.New("the time-out and the number of connections must not be negative")
	}
	conns := cmp.Or(s.MaxConns, DefaultMaxConns)
	c := &Client{
		base: url.URL{Scheme: at.Scheme, Host: at.Host}, prefix: strings.TrimRight(at.EscapedPath(), "/"),
		timeout: cmp.Or(s.Timeout, DefaultRequestTimeout), credentials: s.Credentials,
		now: s.Now, late: s.Late, transport: newTransport(s.TLS, conns), maxLeft: int64(conns / lateShare),
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

// String says where it leads.
func (c *Client) String() string { return "client of " + c.base.String() + c.prefix }

// GoString says no more.
func (c *Client) GoString() string { return c.String() }

// newTransport makes connections that are used again and again. HTTP/2 is left out: there a message that was refused may be
// sent again by the transport itself. HTTP/1.1's transport does so only with what has not been written at all, and with GETs.
func newTransport(of *tls.Config, conns int) *http.Transport {
	if of != nil {
		of = of.Clone()
		of.NextProtos = nil // whoever is offered HTTP/2 may choose it
	}
	return &http.Transport{
		DialContext:     (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext,
		TLSClientConfig: of, TLSHandshakeTimeout: dialTimeout, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxIdleConns: conns, MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns, IdleConnTimeout: idleTimeout,
		MaxResponseHeaderBytes: maxAnswerHead, DisableCompression: true,
	}
}

// Close gives up what is waited for, ends the connections, and waits until nothing of the client runs any more. What is
// sent afterwards is not taken.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end()
	c.trips.Wait()
	c.transport.CloseIdleConnections()
	closeIf(c.credentials)
}

// begin counts a trip in; false once the client is closed.
func (c *Client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.trips.Add(1)
	}
	return !c.closed
}

// Send sends a message and waits for its answer, until the context ends or the client's time is over. The outcome is the
// error: nil is success; a *decline.Error is a definite no, in the upstream's words where it has any; a *decline.NotTaken
// was surely not applied: Unreached when no connection came about, Unauthenticated, Forbidden, Misdirected, NoCredential,
// Overloaded, Stopping once the client is closed; any other error is an unknown outcome, of an advice an *Again where the
// upstream answered at all. The message is the caller's again once Send has returned.
func (c *Client) Send(ctx context.Context, o Outgoing) (*txn.Answer, error) {
	credential, found := c.credentials.For(o.Account)
	if !found {
		return nil, &decline.NotTaken{Cause: decline.NoCredential, Text: "there is no credential for the account"}
	}
	if ctx.Err() != nil {
		return nil, unreached("the time was over before it began")
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
	life, cancel := context.WithCancel(c.life)
	t.cancel = cancel
	request, err := c.request(httptrace.WithClientTrace(life, t.trace()), o)
	if err == nil {
		err = authorize(ctx, credential, request)
	}
	if err == nil && !c.begin() {
		err = &decline.NotTaken{Cause: decline.Stopping, Text: "the way to the upstream is closed"}
	}
	if err != nil {
		cancel()
		return nil, "", err
	}
	presented = request.Header.Get("Authorization")
	t.begun = time.Now()
	go t.run(request)
	r, err = t.await(ctx)
	return r, presented, err
}

// request makes the request. One whose path or parameters have no place in an address will never be sent.
func (c *Client) request(ctx context.Context, o *Outgoing) (*http.Request, error) {
	at, ok := c.address(o)
	if !ok {
		return nil, decline.New(decline.FormatError, "the path or the parameters are not escaped as an address has them")
	}
	var body io.Reader
	if o.Method != http.MethodGet {
		body = bytes.NewReader(bytes.Clone(o.Body)) // the sender's memory is good only while it waits
	}
	request, err := http.NewRequestWithContext(ctx, o.Method, "", body)
	if err != nil {
		return nil, decline.New(decline.FormatError, "there is no such method")
	}
	request.URL = at
	request.Header["Accept"] = jsonType
	if body != nil {
		request.Header["Content-Type"] = jsonType
	}
	return request, nil
}

// address gives where a message goes, escaped just as it is in the message: an id may have a slash in it.
func (c *Client) address(o *Outgoing) (at *url.URL, ok bool) {
	escaped := c.prefix + o.Path
	path, err := url.PathUnescape(escaped)
	if err != nil || !strings.HasPrefix(o.Path, "/") || bytes.ContainsFunc(o.Query, outsideQuery) {
		return nil, false
	}
	at = &url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: path, RawPath: escaped, RawQuery: string(o.Query)}
	return at, at.EscapedPath() == escaped
}

// outsideQuery says that a character would end the parameters, or the line that they are in.
func outsideQuery(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }

// trip is one message on its way and its answer on the way back.
type trip struct {
	client *Client
	name   string
	cancel context.CancelFunc
	begun  time.Time

	connected atomic.Bool // there was a connection, so something may have been written
	reused    atomic.Bool // it had been used before
	state     atomic.Int32
	grace     *time.Timer // of a trip that is forsaken
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

// trace notes whether there was a connection. When a connection that had been used before breaks and nothing was written,
// the transport asks for another one: then it is as if there had been none.
func (t *trip) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.connected.Store(false) },
		GotConn: func(with httptrace.GotConnInfo) {
			t.reused.Store(with.Reused)
			t.connected.Store(true)
		},
	}
}

// run makes the trip.
func (t *trip) run(request *http.Request) {
	defer t.client.trips.Done()
	defer t.cancel()
	t.reply, t.err = t.client.roundTrip(request)
	if t.state.CompareAndSwap(flying, landed) {
		close(t.done)
		return
	}
	t.grace.Stop()
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
	body, err := readAnswer(answer)
	r := &reply{status: answer.StatusCode, header: answer.Header, body: body}
	if err != nil {
		r.body, r.unread, r.broken = nil, true, !errors.Is(err, errLong)
	}
	return r, nil
}

// readAnswer reads a whole body.
func readAnswer(answer *http.Response) ([]byte, error) {
	switch n := answer.ContentLength; {
	case n > MaxAnswer:
		return nil, errLong
	case n >= 0:
		body := make([]byte, n)
		_, err := io.ReadFull(answer.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxAnswer+1))
	if err == nil && len(body) > MaxAnswer {
		err = errLong
	}
	return body, err
}

// await waits for the answer. What cannot be waited for any longer goes on alone for a while, if it was sent at all.
func (t *trip) await(ctx context.Context) (*reply, error) {
	select {
	case <-t.done:
		return t.outcome()
	case <-ctx.Done():
	}
	if t.connected.Load() && t.forsake() {
		return nil, errNoAnswer
	}
	t.cancel()
	<-t.done
	return t.outcome()
}

// forsake has the trip go on for a while without anybody waiting; false when it has landed, or when there are too many
// such trips already.
func (t *trip) forsake() bool {
	if t.client.left.Add(1) <= t.client.maxLeft {
		t.grace = time.AfterFunc(lateGrace, t.cancel)
		if t.state.CompareAndSwap(flying, forsaken) {
			return true
		}
		t.grace.Stop()
	}
	t.client.left.Add(-1)
	return false
}

// outcome gives what came of a trip that has ended.
func (t *trip) outcome() (*reply, error) {
	switch {
	case t.err == nil:
		return t.reply, nil
	case !t.connected.Load():
		return nil, unreached(reason(t.err, "no connection came about"))
	case !t.reused.Load() && isCertificateRefused(t.err): // before anything was read of the message
		return nil, &decline.NotTaken{Cause: decline.Unauthenticated, Text: "the upstream does not accept the client certificate: " + reason(t.err, "")}
	}
	return nil, fmt.Errorf("the connection to the upstream broke: %s", reason(t.err, "there was no answer"))
}

var errLong = errors.New("the answer is too long")

// reason words a transport's error without the address, the path and what was answered, which may name a card or a number.
func reason(err error, otherwise string) string {
	var operation *net.OpError
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return "the time is over"
	case errors.As(err, &operation) && operation.Err != nil:
		return operation.Op + ": " + operation.Err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the time is over"
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &record):
		return "what answers does not speak TLS"
	}
	return otherwise
}
