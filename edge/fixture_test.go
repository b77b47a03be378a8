package edge

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"crypto/tls"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: noon} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// people are accounts by number.
type people map[ident.Account]*admin.Account

func (p people) AccountByName(w ident.World, name string) (*admin.Account, bool) {
	for _, a := range p {
		if a.World == w && a.Name == name {
			return a, true
		}
	}
	return nil, false
}

func (p people) AccountByCertificate(w ident.World, c admin.Certificate) (*admin.Account, bool) {
	for _, a := range p {
		for _, own := range a.Settings.Certificates {
			if a.World == w && own == c {
				return a, true
			}
		}
	}
	return nil, false
}

func (p people) Account(number ident.Account) (*admin.Account, bool) {
	a, found := p[number]
	return a, found
}

func (p people) Sender(_ ident.World, number ident.Account) (*txn.Sender, bool) {
	a, found := p[number]
	if !found {
		return nil, false
	}
	return a.Sender(), true
}

// plain is a verifier whose hashes are the passwords themselves. It remembers nothing unless told to, and counts
// what it had to compute.
type plain struct {
	mu         sync.Mutex
	computed   int
	remembered map[string]bool // passwords of which is known whether they are right
	hold       chan struct{}   // when it is there, a computation ends only with it
	held       chan struct{}   // is told of each computation that is held
}

func (p *plain) Recall(hash, password string, _ time.Time) (right, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	right, known = p.remembered[password]
	return right && hash == password, known
}

func (p *plain) Verify(hash, password string, _ time.Time) bool {
	p.mu.Lock()
	p.computed++
	p.mu.Unlock()
	if p.hold != nil {
		p.held <- struct{}{}
		<-p.hold
	}
	return hash != "" && hash == password
}

// lobby is a gate with what a test looks at.
type lobby struct {
	*Gate
	clock    *clock
	people   people
	verifier *plain
	log      *bytes.Buffer
	metrics  *Metrics
}

// newLobby makes a gate with the accounts till (password "open sesame"), other (password "pass by") and gone,
// which is suspended.
func newLobby(t *testing.T, change ...func(*Settings)) *lobby {
	t.Helper()
	l := &lobby{clock: newClock(), verifier: &plain{}, log: &bytes.Buffer{}, metrics: NewMetrics("test"), people: people{
		1: account(1, "till", "open sesame"),
		2: account(2, "other", "pass by"),
		3: account(3, "gone", "still right"),
	}}
	l.people[3].Suspended = true
	s := Settings{Accounts: l.people, Passwords: l.verifier, Metrics: l.metrics, Log: logTo(l.log), Now: l.clock.now}
	for _, c := range change {
		c(&s)
	}
	l.Gate = NewGate(s)
	return l
}

func account(number ident.Account, name string, passwords ...string) *admin.Account {
	a := &admin.Account{Number: number, World: ident.Production, Name: name}
	for i, p := range passwords {
		a.Credentials = append(a.Credentials, admin.Credential{Number: int32(i + 1), Hash: p})
	}
	return a
}

// logTo writes log lines into a buffer; slog holds a lock while it writes.
func logTo(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, nil))
}

// from makes a message with a user name and a password.
func from(user, password string) *http.Request {
	r := bare()
	r.SetBasicAuth(user, password)
	return r
}

// bare makes a message without credentials.
func bare() *http.Request {
	return httptest.NewRequest(http.MethodPost, "/giftcard/v3/redemptions/r1", nil)
}

// saying makes a message with Authorization headers as they are given.
func saying(lines ...string) *http.Request {
	r := bare()
	r.Header["Authorization"] = lines
	return r
}

// at has a message come from an address.
func at(address string, r *http.Request) *http.Request {
	r.RemoteAddr = address
	return r
}

// showing adds a client certificate that TLS has verified.
func showing(r *http.Request, c *x509.Certificate) *http.Request {
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
	return r
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// causeOf gives why a message was turned away, and 0 when it was not.
func causeOf(t *testing.T, err error) decline.Cause {
	t.Helper()
	if err == nil {
		return 0
	}
	var refusal *decline.NotTaken
	if !errors.As(err, &refusal) {
		t.Fatalf("got the error %v, which is not a *decline.NotTaken", err)
	}
	return refusal.Cause
}

// admit takes a message in and lets it go, and gives why it was turned away.
func (l *lobby) admit(t *testing.T, r *http.Request) decline.Cause {
	t.Helper()
	_, release, err := l.Admit(r, false)
	if err == nil {
		release()
	}
	return causeOf(t, err)
}
