package edge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
)

// authority signs certificates for a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a.certificate = sign(t, template, template, &a.key.PublicKey, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, template, parent *x509.Certificate, public *ecdsa.PublicKey, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// issue makes a certificate for a name, usable on both ends, and its key.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	leaf := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, &key.PublicKey, a.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// safe is a directory with the TLS files of a listener.
type safe struct{ dir string }

func newSafe(t *testing.T) safe { return safe{t.TempDir()} }

func (s safe) files(mode ClientAuth) *TLS {
	return &TLS{Certificate: s.path("cert.pem"), Key: s.path("key.pem"), ClientCA: s.path("ca.pem"), ClientAuth: mode}
}

func (s safe) path(name string) string { return filepath.Join(s.dir, name) }

func (s safe) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(s.path(name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// keep writes the server's certificate and key, and the authority of clients.
func (s safe) keep(t *testing.T, pair tls.Certificate, clients *authority) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	s.write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	s.write(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: clients.certificate.Raw}))
}

// house is a server that runs, with what a test looks at.
type house struct {
	*Server
	log     *lines
	metrics *Metrics
	ended   chan struct{} // closed when Serve has returned
	err     error         // what it returned
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// open starts a server on a free port of loopback and stops it with the test.
func open(t *testing.T, h http.Handler, change ...func(*Listener)) *house {
	t.Helper()
	log := &lines{}
	l := Listener{
		Name: "messages", Address: "127.0.0.1:0", Bounds: DefaultBounds(time.Minute),
		Metrics: NewMetrics("test"), Log: slog.New(slog.NewJSONHandler(log, nil)),
	}
	for _, c := range change {
		c(&l)
	}
	s, err := Listen(l)
	if err != nil {
		t.Fatal(err)
	}
	started := &house{Server: s, log: log, metrics: l.Metrics, ended: make(chan struct{})}
	go func() {
		defer close(started.ended)
		started.err = s.Serve(h)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Stop(ctx)
		<-started.ended
	})
	return started
}

func withTLS(files *TLS) func(*Listener) { return func(l *Listener) { l.TLS = files } }

// hello answers with who the client is by its certificate, and by which protocol it came.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	name := "nobody"
	if c := certificateOf(r); c != nil {
		name = c.Subject.CommonName
	}
	_, _ = io.WriteString(w, name+" by "+r.Proto)
})

// client is a client that trusts an authority and shows certificates, on connections of its own.
func client(t *testing.T, trusted *authority, shown ...tls.Certificate) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted.pool(), Certificates: shown}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (h *house) url(scheme string) string { return scheme + "://" + h.Address().String() + "/" }

func get(c *http.Client, url string) (string, error) {
	answer, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func TestPlainHTTPOnLoopbackOnly(t *testing.T) {
	tests := []struct {
		address string
		plain   bool
		starts  bool
	}{
		{"127.0.0.1:0", false, true},
		{"localhost:0", false, true},
		{":0", false, false},
		{"0.0.0.0:0", false, false},
		{"[::]:0", false, false},
		{"0.0.0.0:0", true, true},
	}
	for _, test := range tests {
		s, err := Listen(Listener{Name: "m", Address: test.address, PlainHTTP: test.plain, Metrics: NewMetrics("test"), Log: slog.New(slog.DiscardHandler)})
		if started := err == nil; started != test.starts || !started && !errors.Is(err, ErrPlainHTTP) {
			t.Errorf("%s with plain HTTP %t: got %v", test.address, test.plain, err)
		}
		if err == nil {
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestListenNamesWhatIsWrong(t *testing.T) {
	own := newAuthority(t)
	tests := []struct {
		name   string
		change func(*Listener, safe)
		want   string
	}{
		{"address", func(l *Listener, _ safe) { l.Address = "127.0.0.1" }, "missing port"},
		{"no certificate", func(_ *Listener, s safe) { _ = os.Remove(s.path("cert.pem")) }, "cert.pem"},
		{"key of another", func(_ *Listener, s safe) {
			pem, _ := os.ReadFile(s.path("cert.pem"))
			s.keep(t, own.issue(t, "other"), own)
			s.write(t, "cert.pem", pem)
		}, "private key does not match"},
		{"empty authorities", func(_ *Listener, s safe) { s.write(t, "ca.pem", nil) }, "there is no certificate in it"},
		{"no authorities", func(l *Listener, _ safe) { l.TLS.ClientCA = "" }, "there is no certificate in it"},
		{"file too large", func(_ *Listener, s safe) { s.write(t, "ca.pem", make([]byte, maxPEM+1)) }, "more than"},
		{"mode", func(l *Listener, _ safe) { l.TLS.ClientAuth = "maybe" }, `"maybe"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSafe(t)
			s.keep(t, own.issue(t, "server"), own)
			l := Listener{Name: "m", Address: "127.0.0.1:0", TLS: s.files(RequiredClientAuth), Metrics: NewMetrics("test"), Log: slog.New(slog.DiscardHandler)}
			test.change(&l, s)
			if _, err := Listen(l); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestClientAuthentication(t *testing.T) {
	own, foreign := newAuthority(t), newAuthority(t)
	s := newSafe(t)
	s.keep(t, own.issue(t, "server"), own)
	till, stranger := own.issue(t, "till"), foreign.issue(t, "stranger")
	tests := []struct {
		name  string
		mode  ClientAuth
		shown []tls.Certificate
		want  string // empty for no answer
	}{
		{"none asked, none shown", NoClientAuth, nil, "nobody by HTTP/2.0"},
		{"none asked, one there", NoClientAuth, []tls.Certificate{till}, "nobody by HTTP/2.0"},
		{"optional, none shown", OptionalClientAuth, nil, "nobody by HTTP/2.0"},
		{"optional, one shown", OptionalClientAuth, []tls.Certificate{till}, "till by HTTP/2.0"},
		{"required, one shown", RequiredClientAuth, []tls.Certificate{till}, "till by HTTP/2.0"},
		{"required, none shown", RequiredClientAuth, nil, ""},
		{"required, of another authority", RequiredClientAuth, []tls.Certificate{stranger}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := open(t, hello, withTLS(s.files(test.mode)))
			got, err := get(client(t, own, test.shown...), h.url("https"))
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// From a real handshake through the gate to an account, by each kind of binding.
func TestCertificateLeadsToItsAccount(t *testing.T) {
	own := newAuthority(t)
	s := newSafe(t)
	s.keep(t, own.issue(t, "server"), own)
	pair := own.issue(t, "till.example")
	for _, bound := range namesOf(pair.Leaf) {
		l := newLobby(t, func(s *Settings) { s.Now = time.Now })
		l.people[1].Settings.Certificates = []admin.Certificate{bound}
		h := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sender, release, err := l.Admit(r, false)
			if err != nil {
				_, _ = io.WriteString(w, err.Error())
				return
			}
			defer release()
			if sender.Account == 1 {
				_, _ = io.WriteString(w, "till")
			}
		}), withTLS(s.files(RequiredClientAuth)))
		c := client(t, own, pair)
		for range 2 { // the second time the connection knows its names
			if got, err := get(c, h.url("https")); got != "till" {
				t.Errorf("%s %s: got %q (%v)", bound.Kind, bound.Value, got, err)
			}
		}
	}
}

func TestNamesOfACertificate(t *testing.T) {
	c := newAuthority(t).issue(t, "Till.Example").Leaf
	got := map[admin.Certificate]bool{}
	for _, n := range namesOf(c) {
		got[n] = true
	}
	for _, want := range []admin.Certificate{
		{Kind: admin.Subject, Value: "CN=Till.Example"}, {Kind: admin.SAN, Value: "till.example"}, {Kind: admin.SAN, Value: "127.0.0.1"},
	} {
		if !got[want] {
			t.Errorf("%v is missing in %v", want, got)
		}
	}
	for n := range got {
		if n.Kind == admin.SPKI && len(n.Value) != 64 {
			t.Errorf("the key's digest is %q", n.Value)
		}
	}
	c.DNSNames = make([]string, 2*maxNames)
	if n := len(namesOf(c)); n != maxNames {
		t.Errorf("%d names are looked at, want %d", n, maxNames)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	own := newAuthority(t)
	s := newSafe(t)
	s.keep(t, own.issue(t, "server"), own)
	h := open(t, hello, withTLS(s.files(NoClientAuth)))
	for version, accepted := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", h.Address().String(), &tls.Config{RootCAs: own.pool(), MinVersion: tls.VersionTLS10, MaxVersion: version})
		if (err == nil) != accepted {
			t.Errorf("%s: got %v", tls.VersionName(version), err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// A connection that is open goes on while the certificate and the authority of clients change; a new one meets
// the new ones.
func TestReloadWhileConnectionsLive(t *testing.T) {
	before, after := newAuthority(t), newAuthority(t)
	s := newSafe(t)
	s.keep(t, before.issue(t, "server"), before)
	h := open(t, hello, withTLS(s.files(RequiredClientAuth)))
	old := client(t, before, before.issue(t, "old"))
	expect := func(c *http.Client, want string) {
		t.Helper()
		if got, err := get(c, h.url("https")); got != want || (err == nil) != (want != "") {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
	expect(old, "old by HTTP/2.0")

	s.keep(t, after.issue(t, "server"), after)
	if err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	expect(old, "old by HTTP/2.0")
	expect(client(t, after, after.issue(t, "new")), "new by HTTP/2.0")
	expect(client(t, after, before.issue(t, "old")), "")
	expect(client(t, before, after.issue(t, "new")), "")
	if got := testutil.ToFloat64(h.metrics.reloads.WithLabelValues("messages", "taken")); got != 1 {
		t.Errorf("%v reloads were counted, want 1", got)
	}
}

// A broken new file keeps the old one, and says so once.
func TestReloadOfBrokenFiles(t *testing.T) {
	own := newAuthority(t)
	s := newSafe(t)
	s.keep(t, own.issue(t, "server"), own)
	h := open(t, hello, withTLS(s.files(NoClientAuth)))
	if err := h.Reload(); err != nil {
		t.Fatalf("files that did not change: %v", err)
	}
	s.write(t, "key.pem", []byte("half a k"))
	for range 3 {
		if err := h.Reload(); err == nil || !strings.Contains(err.Error(), "key.pem") {
			t.Errorf("got %v, want an error that names the file", err)
		}
	}
	if got, err := get(client(t, own), h.url("https")); got != "nobody by HTTP/2.0" {
		t.Errorf("with the old files: got %q (%v)", got, err)
	}
	if n := strings.Count(h.log.String(), "the old ones count on"); n != 1 {
		t.Errorf("it was said %d times, want once:\n%s", n, h.log)
	}
	s.keep(t, own.issue(t, "server"), own)
	if err := h.Reload(); err != nil {
		t.Errorf("after the files were mended: %v", err)
	}
}

func TestFilesAreWatched(t *testing.T) {
	own := newAuthority(t)
	s := newSafe(t)
	s.keep(t, own.issue(t, "server"), own)
	synctest.Test(t, func(t *testing.T) {
		k, err := newKeeper(*s.files(NoClientAuth), "messages", NewMetrics("test"), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go k.watch(ctx)
		first := k.current.Load()
		time.Sleep(ReloadInterval) // the bubble's clock, not ours
		synctest.Wait()
		if k.current.Load() != first {
			t.Error("files that did not change were taken up again")
		}
		s.keep(t, own.issue(t, "server"), own)
		time.Sleep(ReloadInterval)
		synctest.Wait()
		if k.current.Load() == first {
			t.Error("changed files were not taken up")
		}
		cancel()
	})
}

// Stopping finishes what is in hand, turns away what comes after on open connections, and ends.
func TestStopFinishesWhatIsInHand(t *testing.T) {
	l := newLobby(t)
	entered, finish := make(chan struct{}), make(chan struct{})
	h := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, release, err := l.Admit(r, false)
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		defer release()
		if r.URL.Path == "/slow" {
			close(entered)
			<-finish
		}
		_, _ = io.WriteString(w, "done")
	}), func(s *Listener) { s.Gate = l.Gate })

	slow, kept := dial(t, h), dial(t, h)
	slow.send(t, "/slow")
	<-entered
	kept.send(t, "/fast")
	if status, _ := kept.answer(t); status != http.StatusOK {
		t.Fatalf("before stopping: %d", status)
	}
	l.Stop()
	kept.send(t, "/fast")
	if status, _ := kept.answer(t); status != http.StatusServiceUnavailable {
		t.Errorf("on a kept connection: %d, want 503", status)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- h.Stop(context.Background()) }()
	late := dial(t, h)
	late.send(t, "/fast")
	if status, _ := late.answer(t); status != http.StatusServiceUnavailable {
		t.Errorf("on a new connection: %d, want 503", status)
	}
	select {
	case err := <-stopped:
		t.Fatalf("Stop returned %v with a message in hand", err)
	default:
	}
	close(finish)
	<-h.ended
	if h.err != nil {
		t.Errorf("Serve returned %v", h.err)
	}
	if status, text := slow.answer(t); status != http.StatusOK || text != "done" {
		t.Errorf("the message in hand got %d %q", status, text)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop returned %v", err)
	}
	if _, err := net.Dial("tcp", h.Address().String()); err == nil {
		t.Error("the listener still takes connections")
	}
}

// What is in hand cannot hold up the end for ever.
func TestStopIsBounded(t *testing.T) {
	entered := make(chan struct{})
	h := open(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}))
	c := dial(t, h)
	c.send(t, "/")
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Stop(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("got %v, want an error that something was cut off", err)
	}
	if _, err := c.reader.ReadByte(); err == nil {
		t.Error("the connection is still open")
	}
}

func TestStopBeforeServe(t *testing.T) {
	s, err := Listen(Listener{Name: "m", Address: "127.0.0.1:0", Metrics: NewMetrics("test"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.Address().String()); err == nil {
		t.Error("the listener still takes connections")
	}
	if err := s.Serve(hello); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestStopStopsTheGate(t *testing.T) {
	l := newLobby(t)
	h := open(t, hello, func(s *Listener) { s.Gate = l.Gate })
	if err := h.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if got := l.admit(t, from("till", "open sesame")); got != decline.Stopping {
		t.Errorf("got cause %d, want Stopping", got)
	}
}

// line is one connection of HTTP/1.1.
type line struct {
	net.Conn
	reader *bufio.Reader
}

func dial(t *testing.T, h *house) *line {
	t.Helper()
	c, err := net.Dial("tcp", h.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &line{c, bufio.NewReader(c)}
}

func (l *line) send(t *testing.T, path string) {
	t.Helper()
	_, err := io.WriteString(l, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Basic "+encoded("till:open sesame")+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
}

func (l *line) answer(t *testing.T) (int, string) {
	t.Helper()
	answer, err := http.ReadResponse(l.reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestConnectionsAreBounded(t *testing.T) {
	h := open(t, hello, func(l *Listener) { l.Bounds.Connections = 1 })
	first := dial(t, h)
	first.send(t, "/")
	first.answer(t)
	if _, err := dial(t, h).reader.ReadByte(); err == nil {
		t.Error("a connection too many was kept")
	}
	first.send(t, "/")
	if status, _ := first.answer(t); status != http.StatusOK {
		t.Errorf("the first connection got %d", status)
	}
	if got := testutil.ToFloat64(h.metrics.closed.WithLabelValues("messages")); got != 1 {
		t.Errorf("%v were counted as too many, want 1", got)
	}
	first.Close()
	for answered := false; !answered; { // until the server has noticed that there is room again
		next := dial(t, h)
		_, _ = io.WriteString(next, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // what counts is the answer
		_, err := http.ReadResponse(next.reader, nil)
		answered = err == nil
	}
}

func TestHeadersAreBounded(t *testing.T) {
	h := open(t, hello, func(l *Listener) { l.Bounds.HeaderBytes, l.Bounds.HeaderTimeout = 1<<10, 50*time.Millisecond })
	large := dial(t, h)
	_, _ = io.WriteString(large, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	if status, _ := large.answer(t); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large headers got %d, want 431", status)
	}
	slow := dial(t, h)
	_, _ = io.WriteString(slow, "GET / HTTP/1.1\r\nHost: ")
	_, _ = io.ReadAll(slow.reader) // ends only because the server does not wait any longer
}

// Whoever's message broke down must not take it for a no, and what it broke down with is nobody's business.
func TestBreakdownEndsTheConnection(t *testing.T) {
	h := open(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("pan=6001000000000001") }))
	c := dial(t, h)
	c.send(t, "/")
	if text, _ := io.ReadAll(c.reader); len(text) > 0 {
		t.Errorf("got an answer: %q", text)
	}
	if text := h.log.String(); !strings.Contains(text, `"kind":"string"`) || strings.Contains(text, "6001000000000001") {
		t.Errorf("the log is not as it should be:\n%s", text)
	}
	if got := testutil.ToFloat64(h.metrics.panics); got != 1 {
		t.Errorf("%v were counted, want 1", got)
	}
}

func TestHandshakeFloodIsLoggedSparingly(t *testing.T) {
	log := &lines{}
	c := &complaints{log: slog.New(slog.NewJSONHandler(log, nil)), listener: "messages", sampler: sampler{window: time.Hour, lines: 2}}
	for range 100 {
		_, _ = c.Write([]byte("http: TLS handshake error from 192.0.2.1:1: " + strings.Repeat("x", 2*maxComplaint)))
	}
	if n := strings.Count(log.String(), "\n"); n != 2 || len(log.String()) > 2*(maxComplaint+200) {
		t.Errorf("%d lines of %d bytes in all, want 2 short ones", n, len(log.String()))
	}
}

// All causes have a name in the metrics, and so a bound on their lines; the reference knows it.
func TestEveryCauseHasAName(t *testing.T) {
	reference, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, cause := range decline.Causes() {
		if name := causes[cause]; name == "" || !strings.Contains(string(reference), "`"+name+"`") {
			t.Errorf("cause %d is called %q, and docs/metrics.md does not know that", cause, name)
		}
	}
}
