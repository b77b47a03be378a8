package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ReloadInterval is how often a listener looks whether its TLS files have changed.
const ReloadInterval = 10 * time.Second

// maxPEM bounds a TLS file, in bytes.
const maxPEM = 1 << 20

// ClientAuth is whether clients have to show a certificate.
type ClientAuth string

// The modes. A certificate that is shown must be verified in every mode but NoClientAuth, which does not ask
// for one.
const (
	NoClientAuth       ClientAuth = "none"
	OptionalClientAuth ClientAuth = "optional"
	RequiredClientAuth ClientAuth = "required"
)

var clientAuthTypes = map[ClientAuth]tls.ClientAuthType{
	"": tls.NoClientCert, NoClientAuth: tls.NoClientCert,
	OptionalClientAuth: tls.VerifyClientCertIfGiven, RequiredClientAuth: tls.RequireAndVerifyClientCert,
}

// TLS names the PEM files of a listener. They are taken up again when they change.
type TLS struct {
	Certificate string // the server's certificate, followed by those up to the authority
	Key         string // its private key
	ClientCA    string // the authorities of client certificates; needed unless ClientAuth is none
	ClientAuth  ClientAuth
}

// keeper holds the TLS configuration that counts, and makes a new one when the files have changed.
type keeper struct {
	files    TLS
	listener string
	metrics  *Metrics
	log      *slog.Logger

	current atomic.Pointer[tls.Config] // given to each new connection

	mu       sync.Mutex // one reload at a time
	read     [3][]byte  // what current was made of
	lastFail string     // what was last said to be wrong, so that it is said once
}

// newKeeper reads the files for the first time.
func newKeeper(files TLS, listener string, m *Metrics, log *slog.Logger) (*keeper, error) {
	if _, known := clientAuthTypes[files.ClientAuth]; !known {
		return nil, fmt.Errorf("client authentication %q is none of none, optional and required", files.ClientAuth)
	}
	k := &keeper{files: files, listener: listener, metrics: m, log: log}
	return k, k.reload()
}

// reload takes up the files as they are now. When they are the same it does nothing; when they are broken the
// old ones count on, and the error says what is wrong.
func (k *keeper) reload() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	read, err := k.readAll()
	if err == nil && k.current.Load() != nil && slices.EqualFunc(read[:], k.read[:], bytes.Equal) {
		k.lastFail = ""
		return nil
	}
	var made *tls.Config
	if err == nil {
		made, err = k.files.config(read)
	}
	if err != nil {
		k.failed(err)
		return err
	}
	first := k.current.Swap(made) == nil
	k.read, k.lastFail = read, ""
	end := made.Certificates[0].Leaf.NotAfter
	k.metrics.expiry.WithLabelValues(k.listener).Set(float64(end.Unix()))
	if !first {
		k.metrics.reloads.WithLabelValues(k.listener, "taken").Inc()
		k.log.Info("took up changed TLS files", "listener", k.listener, "notAfter", end)
	}
	return nil
}

// failed says that a new set of files is broken, once for each thing that is wrong with it.
func (k *keeper) failed(err error) {
	if k.current.Load() == nil || err.Error() == k.lastFail {
		return
	}
	k.lastFail = err.Error()
	k.metrics.reloads.WithLabelValues(k.listener, "broken").Inc()
	k.log.Error("changed TLS files are broken; the old ones count on", "listener", k.listener, "cause", err)
}

func (k *keeper) readAll() (read [3][]byte, err error) {
	for i, name := range []string{k.files.Certificate, k.files.Key, k.files.ClientCA} {
		if name == "" {
			continue
		}
		if read[i], err = readPEM(name); err != nil {
			return read, err
		}
	}
	return read, nil
}

func readPEM(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(text) > maxPEM {
		err = fmt.Errorf("%s has more than %d bytes", name, maxPEM)
	}
	return text, err
}

// config makes a configuration of what was read: certificate, key and client authorities.
func (t TLS) config(read [3][]byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(read[0], read[1])
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", t.Certificate, t.Key, err)
	}
	if pair.Leaf == nil { // left out under GODEBUG=x509keypairleaf=0
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, fmt.Errorf("certificate %s: %w", t.Certificate, err)
		}
	}
	made := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{pair},
		ClientAuth:   clientAuthTypes[t.ClientAuth],
	}
	if made.ClientAuth == tls.NoClientCert {
		return made, nil
	}
	made.ClientCAs = x509.NewCertPool()
	if !made.ClientCAs.AppendCertsFromPEM(read[2]) {
		return nil, errors.New("client authorities " + t.ClientCA + ": there is no certificate in it")
	}
	return made, nil
}

// forClient is the configuration of one new connection. Each reload makes a new one, whose session tickets are
// its own: nobody resumes a session that another set of authorities has let in.
func (k *keeper) forClient(*tls.ClientHelloInfo) (*tls.Config, error) { return k.current.Load(), nil }

// watch reloads at an interval until the context ends.
func (k *keeper) watch(ctx context.Context) {
	tick := time.NewTicker(ReloadInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = k.reload() // it has been logged
		}
	}
}
