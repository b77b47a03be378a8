package exchange_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.certificate, a.key, a.pem = a.sign(t, template)
	return a
}

// sign makes a certificate; the authority's own when it has none yet.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<60))
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// pair makes a certificate for a name, with its key, as PEM.
func (a *authority) pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	_, private, cert := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// mutual is a server with a certificate for upstream.example that asks for one of the same authority, and answers whom it
// has seen.
func mutual(t *testing.T, a *authority) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `"`+r.TLS.PeerCertificates[0].Subject.CommonName+" "+r.Proto+`"`)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = a.serverTLS(t)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func (a *authority) serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	cert, key := a.pair(t, "upstream.example")
	own, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
}

// paper are the files of a client.
type paper struct{ ca, cert, key string }

func papers(t *testing.T, a *authority, name string) paper {
	t.Helper()
	dir := t.TempDir()
	cert, key := a.pair(t, name)
	return paper{write(t, filepath.Join(dir, "ca.pem"), a.pem), write(t, filepath.Join(dir, "cert.pem"), cert), write(t, filepath.Join(dir, "key.pem"), key)}
}

func (p paper) load(t *testing.T, serverName string) *tls.Config {
	t.Helper()
	c, err := exchange.LoadTLS(p.ca, p.cert, p.key, serverName)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientCertificates(t *testing.T) {
	a := newAuthority(t)
	url := mutual(t, a)
	p := papers(t, a, "till-1")
	of := p.load(t, "upstream.example")
	of.NextProtos = []string{"h2", "http/1.1"} // which the client does not speak, whatever it is given
	client := clientOf(t, exchange.ClientSettings{URL: url, TLS: of})
	shows := func(want string) {
		t.Helper()
		answer, err := client.Send(t.Context(), aLoad)
		if err != nil || string(answer.Body) != want {
			t.Errorf("%v, %s, want %s", err, answer.Body, want)
		}
	}
	shows(`"till-1 HTTP/1.1"`)

	// A new pair is shown as soon as both files are there; until then, and when they are gone, the old one is.
	cert, key := a.pair(t, "till-2")
	write(t, p.cert, cert)
	touch(t, p.cert, time.Now().Add(time.Second))
	shows(`"till-1 HTTP/1.1"`)
	write(t, p.key, key)
	shows(`"till-2 HTTP/1.1"`)
	if err := os.Remove(p.cert); err != nil {
		t.Fatal(err)
	}
	shows(`"till-2 HTTP/1.1"`)
}

// touch gives a file a time of its own: the clock of a file system may be coarse.
func touch(t *testing.T, name string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestAnUpstreamThatCannotBeTrustedIsNotTalkedTo(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	url := mutual(t, a)
	mine := papers(t, a, "till")
	for name, of := range map[string]*tls.Config{
		"another name":                 mine.load(t, "elsewhere.example"),
		"the address, not named there": mine.load(t, ""),
		"another authority":            paper{papers(t, other, "x").ca, mine.cert, mine.key}.load(t, "upstream.example"),
		"the system's authorities":     paper{"", mine.cert, mine.key}.load(t, "upstream.example"),
	} {
		if _, err := clientOf(t, exchange.ClientSettings{URL: url, TLS: of}).Send(t.Context(), aLoad); !notTaken(err, decline.Unreached) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server of TLS 1.3 refuses a certificate only when the message is out already; it has not read it, though.
func TestAClientCertificateThatIsNotAccepted(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := a.serverTLS(t)
		server.MaxVersion = version
		url := strings.Replace(rawServer(t, refuseAll(server)), "http:", "https:", 1)
		for name, p := range map[string]paper{
			"none": {ca: papers(t, a, "x").ca}, "of another authority": {papers(t, a, "x").ca, papers(t, other, "x").cert, ""},
		} {
			if p.cert != "" {
				of := papers(t, other, "till")
				p.cert, p.key = of.cert, of.key
			}
			_, err := clientOf(t, exchange.ClientSettings{URL: url, TLS: p.load(t, "upstream.example")}).Send(t.Context(), aLoad)
			want := map[uint16]decline.Cause{tls.VersionTLS12: decline.Unreached, tls.VersionTLS13: decline.Unauthenticated}[version]
			if !notTaken(err, want) || !strings.Contains(err.Error(), "certificate") && !strings.Contains(err.Error(), "handshake failure") {
				t.Errorf("%s, with %s: %v", name, tls.VersionName(version), err)
			}
		}
	}
}

// refuseAll lets nobody in, and waits until they have heard.
func refuseAll(of *tls.Config) conversation {
	return func(conn net.Conn, _ *bufio.Reader) {
		_ = tls.Server(conn, of).Handshake()
		_, _ = io.Copy(io.Discard, conn)
	}
}

func TestABadFileIsNamed(t *testing.T) {
	good := papers(t, newAuthority(t), "till")
	junk := write(t, filepath.Join(t.TempDir(), "junk.pem"), []byte("no PEM"))
	other := papers(t, newAuthority(t), "other")
	for named, p := range map[string]paper{
		"missing-ca.pem": {"missing-ca.pem", "", ""}, junk: {junk, "", ""}, good.key: {"", "", good.key}, good.cert: {"", good.cert, ""},
		"missing-cert.pem": {"", "missing-cert.pem", good.key}, "missing-key.pem": {"", good.cert, "missing-key.pem"},
		other.key: {"", good.cert, other.key},
	} {
		if _, err := exchange.LoadTLS(p.ca, p.cert, p.key, ""); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v", named, err)
		}
	}
	for _, p := range []paper{{"", junk, good.key}, {"", good.cert, junk}} {
		if _, err := exchange.LoadTLS("", p.cert, p.key, ""); err == nil || !strings.Contains(err.Error(), junk) {
			t.Errorf("junk: %v", err)
		}
	}
	if c, err := exchange.LoadTLS("", "", "", ""); err != nil || c.RootCAs != nil || c.GetClientCertificate != nil || c.MinVersion != tls.VersionTLS12 {
		t.Errorf("the system's: %v, %v", c, err)
	}
}
