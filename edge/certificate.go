package edge

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/scripworks/scrip/admin"
)

// maxNames bounds the alternative names of a client certificate that are looked at.
const maxNames = 64

// namesOf gives what of a certificate may be bound to an account: the digest of its key, its subject, and each
// of its alternative names. DNS names are in lower case, the others as the certificate has them.
func namesOf(c *x509.Certificate) []admin.Certificate {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	names := []admin.Certificate{
		{Kind: admin.SPKI, Value: hex.EncodeToString(sum[:])},
		{Kind: admin.Subject, Value: c.Subject.String()},
	}
	for _, name := range alternatives(c) {
		if len(names) == maxNames {
			break
		}
		names = append(names, admin.Certificate{Kind: admin.SAN, Value: name})
	}
	return names
}

func alternatives(c *x509.Certificate) []string {
	var names []string
	for _, n := range c.DNSNames {
		names = append(names, strings.ToLower(n))
	}
	names = append(names, c.EmailAddresses...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	return names
}

// peer is the other end of one connection. It remembers what was worked out of its certificate, which stays the
// same as long as the connection.
type peer struct {
	once  sync.Once
	names []admin.Certificate
}

type peerKey struct{}

// withPeer is a server's ConnContext.
func withPeer(ctx context.Context) context.Context {
	return context.WithValue(ctx, peerKey{}, new(peer))
}

// certificateOf gives the client certificate that TLS has verified, or nil.
func certificateOf(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

// namesFor gives the names of the connection's certificate.
func namesFor(r *http.Request, c *x509.Certificate) []admin.Certificate {
	p, found := r.Context().Value(peerKey{}).(*peer)
	if !found {
		return namesOf(c)
	}
	p.once.Do(func() { p.names = namesOf(c) })
	return p.names
}

// current says whether a certificate is within its time. TLS has asked that when the connection began, which
// may be long ago.
func current(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}
