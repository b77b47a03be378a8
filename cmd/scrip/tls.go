package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// tlsFlags are what a command that calls somebody's server by https may need.
type tlsFlags struct {
	CA       string `type:"existingfile" help:"PEM file of the authorities to trust for https, in place of the system's."`
	Cert     string `type:"existingfile" and:"pair" help:"PEM file of our client certificate."`
	Key      string `type:"existingfile" and:"pair" help:"PEM file of its key."`
	Insecure bool   `help:"Accept any certificate of the server."`
}

// config reads the certificates.
func (f tlsFlags) config() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: f.Insecure}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, err
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate in it", f.CA)
		}
	}
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
