package exchange

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// LoadTLS makes the TLS of a client: ca names the PEM file of the authorities by which the upstream is known, empty for the
// system's; cert and key the files of the client certificate that is shown, both empty for none, which are taken up again
// when they change; serverName what the upstream's certificate must name, empty for the host of its URL. The error names the
// file.
func LoadTLS(ca, cert, key, serverName string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("authorities of the upstream: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authorities of the upstream: %s holds no PEM certificate", ca)
		}
	}
	if (cert == "") != (key == "") {
		return nil, fmt.Errorf("client certificate: certificate (%q) and private key (%q) belong together", cert, key)
	}
	if cert != "" {
		shown := &shown{cert: cert, key: key}
		if _, err := shown.certificate(nil); err != nil {
			return nil, err
		}
		c.GetClientCertificate = shown.certificate
	}
	return c, nil
}

// shown is a client certificate that is read again when its file has changed.
type shown struct {
	cert, key string

	mu      sync.Mutex
	changed time.Time
	loaded  *tls.Certificate
}

// certificate gives the certificate as it is in the files. One that cannot be read does not replace the one before.
func (s *shown) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.cert)
	if err == nil && s.loaded != nil && info.ModTime().Equal(s.changed) {
		return s.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(s.cert, s.key)
	}
	switch {
	case err == nil:
		s.loaded, s.changed = &pair, info.ModTime()
	case s.loaded == nil:
		return nil, fmt.Errorf("client certificate %s with key %s: %w", s.cert, s.key, err)
	}
	return s.loaded, nil
}

// certificateAlerts are what a server says that does not accept a client's certificate, or misses one. Since TLS 1.3 it says
// so only after the client has written already; but it has read nothing then.
var certificateAlerts = func() map[string]bool {
	const firstOfCertificates, accessDenied, certificateRequired = 42, 49, 116
	all := map[string]bool{tls.AlertError(certificateRequired).Error(): true}
	for alert := firstOfCertificates; alert <= accessDenied; alert++ {
		all[tls.AlertError(alert).Error()] = alert != illegalParameter
	}
	return all
}()

// illegalParameter is the one alert in between that says nothing of certificates.
const illegalParameter = 47

// isCertificateRefused says whether a connection broke because the server does not accept our certificate.
func isCertificateRefused(err error) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error" && remote.Err != nil && certificateAlerts[remote.Err.Error()]
}
