package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/edge"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	made := certify(t, "authority", template, nil, key, key)
	return &authority{certificate: made, key: key}
}

// certify signs a certificate; a nil parent means that it signs itself.
func certify(t *testing.T, name string, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	template.SerialNumber, template.Subject = serial, pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	must(t, err)
	made, err := x509.ParseCertificate(der)
	must(t, err)
	return made
}

// issue makes a certificate for a name, with its key.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	made := certify(t, name, &x509.Certificate{
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, key, a.key)
	return tls.Certificate{Certificate: [][]byte{made.Raw}, PrivateKey: key, Leaf: made}
}

// write puts a certificate and its key into the files that a server reads.
func write(t *testing.T, files *edge.TLS, c tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	must(t, err)
	writePEM(t, files.Certificate, "CERTIFICATE", c.Certificate[0])
	writePEM(t, files.Key, "PRIVATE KEY", key)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// secured opens a house that serves TLS with a certificate of the authority, and takes client certificates of it.
func secured(t *testing.T, a *authority, auth edge.ClientAuth) (*house, *edge.TLS) {
	t.Helper()
	dir := t.TempDir()
	files := &edge.TLS{
		Certificate: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key"),
		ClientCA: filepath.Join(dir, "clients.pem"), ClientAuth: auth,
	}
	write(t, files, a.issue(t, "first.example"))
	writePEM(t, files.ClientCA, "CERTIFICATE", a.certificate.Raw)
	return open(t, app.Settings{TLS: files}), files
}

// client trusts the authority and shows the certificates it is given. Each message takes a new connection.
func (a *authority) client(own ...tls.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: own},
	}}
}

// Over TLS an account is known by its password, by its certificate, or by both, which must then agree.
func TestClientCertificates(t *testing.T) {
	a := newAuthority(t)
	h, _ := secured(t, a, edge.OptionalClientAuth)
	one := h.account(t, "one", members{"certificates": []members{{"kind": "san", "value": "one.example"}}})
	two := h.account(t, "two", members{})
	h.product(t, "gold")
	c := h.card(t, "6001000000000001")

	nameless := till{base: h.messages}
	for name, test := range map[string]struct {
		who     *till
		client  *http.Client
		status  int
		refusal string
	}{
		"password":                         {one, a.client(), http.StatusCreated, ""},
		"certificate":                      {&nameless, a.client(a.issue(t, "one.example")), http.StatusCreated, ""},
		"both":                             {one, a.client(a.issue(t, "one.example")), http.StatusCreated, ""},
		"neither":                          {&nameless, a.client(), http.StatusUnauthorized, "GENERAL_ERROR"},
		"certificate of nobody":            {&nameless, a.client(a.issue(t, "stranger.example")), http.StatusUnauthorized, "GENERAL_ERROR"},
		"another's certificate":            {two, a.client(a.issue(t, "one.example")), http.StatusForbidden, "GENERAL_ERROR"},
		"certificate of another authority": {one, withCertificate(a.client(), newAuthority(t).issue(t, "one.example")), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := *test.who
			l.client = test.client
			l.ask("lookupGiftcard", newID(), c, -1).must(t, test.status, test.refusal)
		})
	}

	t.Run("a request asked with a password is its account's by certificate, too", func(t *testing.T) {
		id := newID()
		one.client, nameless.client = a.client(), a.client(a.issue(t, "one.example"))
		one.ask("activations", id, c, 100).must(t, http.StatusCreated, "")
		nameless.confirm("activations", id, newID()).must(t, http.StatusAccepted, "")
	})
}

// withCertificate has a client show a certificate even where the server says that it would not trust it.
func withCertificate(c *http.Client, shown tls.Certificate) *http.Client {
	c.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &shown, nil
	}
	return c
}

// Where client certificates are required nobody gets as far as a message without one.
func TestRequiredClientCertificates(t *testing.T) {
	a := newAuthority(t)
	h, _ := secured(t, a, edge.RequiredClientAuth)
	l := h.account(t, "one", members{"certificates": []members{{"kind": "san", "value": "one.example"}}})
	c := card{pan: "6001000000000001", expiry: "4912"}
	l.client = a.client()
	l.ask("lookupGiftcard", newID(), c, -1).must(t, 0, "")
	l.client = a.client(a.issue(t, "one.example"))
	l.ask("lookupGiftcard", newID(), c, -1).must(t, http.StatusBadRequest, "INVALID_CARD_NUMBER")
}

// Certificates are replaced under the running server: new connections get the new one, those that are open go on,
// and broken files change nothing.
func TestCertificatesAreReplaced(t *testing.T) {
	a := newAuthority(t)
	h, files := secured(t, a, edge.NoClientAuth)
	old := connect(t, h, a)
	if name := shownName(old); name != "first.example" {
		t.Fatalf("the server shows %s", name)
	}

	write(t, files, a.issue(t, "second.example"))
	must(t, h.Reload())
	if name := shownName(connect(t, h, a)); name != "second.example" {
		t.Errorf("after the files were replaced the server shows %s", name)
	}
	if _, err := old.Write([]byte("GET /openapi/giftcard.yaml HTTP/1.0\r\n\r\n")); err != nil {
		t.Errorf("an open connection broke: %v", err)
	}
	if _, err := old.Read(make([]byte, 1)); err != nil {
		t.Errorf("an open connection broke: %v", err)
	}

	must(t, os.WriteFile(files.Certificate, []byte("broken"), 0o600))
	if err := h.Reload(); err == nil {
		t.Error("broken files were taken up")
	}
	if name := shownName(connect(t, h, a)); name != "second.example" {
		t.Errorf("with broken files the server shows %s", name)
	}
}

func connect(t *testing.T, h *house, a *authority) *tls.Conn {
	t.Helper()
	config := a.client().Transport.(*http.Transport).TLSClientConfig
	config.ServerName = "127.0.0.1"
	c, err := tls.Dial("tcp", h.settings.Listen, config)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func shownName(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].DNSNames[0] }
