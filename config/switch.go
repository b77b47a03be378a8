package config

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/router"
)

// Bounds of what upstreams name.
const (
	maxPassword = 4 << 10 // bytes of a file with a password
)

// Switch is what a server passes on, and to whom. The zero value passes nothing on.
type Switch struct {
	Upstreams []Upstream
	// Routes are as router.Check wants them. Without any, everything is served by this process.
	Routes []router.Route
	// Warnings are what can be, and yet is likely meant otherwise.
	Warnings []string
}

// Switch reads the upstreams and routes of the settings' file, and the files that they name. An error names file and
// line. Without a file, or with one that has neither, it gives the zero value.
func (s *Serve) Switch() (*Switch, error) {
	if s.File == "" {
		return &Switch{}, nil
	}
	text, err := readFile(string(s.File), maxFile)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	v, err := parse(string(s.File), text)
	if err != nil {
		return nil, err
	}
	made := &Switch{Routes: v.routes(), Warnings: v.warnings()}
	for i := range v.upstreams {
		u := &v.upstreams[i]
		if err := errors.Join(u.checkAgainst(v, s), u.open(v)); err != nil {
			return nil, err
		}
		made.Upstreams = append(made.Upstreams, u.Upstream)
	}
	return made, nil
}

// list takes one of the two lists of the file.
func (v *values) list(key string, n *yaml.Node) (err error) {
	if key == "upstreams" {
		v.upstreams, err = entries(v, n, key, maxUpstreams, takeUpstream)
	} else {
		v.routeList, err = entries(v, n, key, router.MaxRoutes, takeRoute)
	}
	return err
}

// checkLists judges what of the two lists needs the whole file.
func (v *values) checkLists() error {
	names, providers := map[string]*upstream{}, map[string]*upstream{}
	for i := range v.upstreams {
		u := &v.upstreams[i]
		if err := u.check(v); err != nil {
			return err
		}
		if before := names[u.Name]; before != nil {
			return u.fault(v, "name", "it is there a second time, first in line %d", before.at[""].Line)
		}
		if before := providers[u.Provider]; before != nil && u.Provider != "" {
			return u.fault(v, "provider", "provider %s is upstream %s already", u.Provider, before.Name)
		}
		names[u.Name], providers[u.Provider] = u, u
	}
	return v.checkRoutes(names)
}

// warnings tell of upstreams that get no requests. They may have been left to deliver what is queued.
func (v *values) warnings() (all []string) {
	for i := range v.upstreams {
		u := &v.upstreams[i]
		led := slices.ContainsFunc(v.routeList, func(r route) bool { return slices.Contains(r.To, u.Name) })
		if !led && u.Provider == "" {
			all = append(all, u.fault(v, "name", "no route leads to it: it gets the advices that are queued for it, and nothing else").Error())
		}
	}
	return all
}

// checkAgainst judges an upstream by the other settings, and gives it the time-out that it has not.
func (u *upstream) checkAgainst(v *values, s *Serve) error {
	switch {
	case u.Profile.Timeout == 0:
		u.Profile.Timeout = s.RequestTimeout * 5 / 6
	case u.Profile.Timeout >= s.RequestTimeout:
		return u.fault(v, "timeout", "timeout is %s; it must be below request-timeout (%s), or those who ask here hear nothing in time", u.Profile.Timeout, s.RequestTimeout)
	}
	if u.Provider != "" && u.Provider == s.Network {
		return u.fault(v, "provider", "%s is the network that is built in (airtime.network)", u.Provider)
	}
	return nil
}

// open reads the files that an upstream names.
func (u *upstream) open(v *values) (err error) {
	read := func(key, file string) (secret Secret) {
		if err == nil && file != "" {
			secret, err = u.secret(v, key, file)
		}
		return secret
	}
	if u.user != "" {
		u.Basic = &Basic{User: u.user, Password: read("password-file", u.passwordFile)}
	}
	if o := u.oauth2; u.hasOAuth2() {
		u.OAuth2 = &OAuth2{
			TokenURL: o.tokenURL, Grant: o.grant, ClientID: o.clientID, ClientSecret: read("oauth2", o.secretFile),
			User: Basic{User: o.user, Password: read("oauth2", o.passwordFile)}, Scopes: o.scopes,
		}
	}
	for _, a := range u.accounts {
		if u.Accounts == nil {
			u.Accounts = map[string]Basic{}
		}
		u.at["its account"] = a.at["password-file"]
		u.Accounts[a.name] = Basic{User: a.user, Password: read("its account", a.passwordFile)}
	}
	if err == nil {
		u.TLS, err = u.openTLS(v)
	}
	return err
}

// secret reads a file with a password, without the line's end. The error never holds any of it.
func (u *upstream) secret(v *values, key, file string) (Secret, error) {
	text, err := readFile(file, maxPassword)
	if err != nil {
		return Secret{}, u.fault(v, key, "%v", err)
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 || bytes.ContainsAny(text, "\r\n") {
		return Secret{}, u.fault(v, key, "%s must hold one line that is not empty", file)
	}
	return Secret{string(text)}, nil
}

// openTLS reads the files of TLS; nil when nothing is set. A client certificate is read again when it changes.
func (u *upstream) openTLS(v *values) (*tls.Config, error) {
	if u.tls == (tlsFiles{}) {
		return nil, nil
	}
	made, err := exchange.LoadTLS(u.tls.ca, u.tls.cert, u.tls.key, u.tls.serverName)
	if err != nil {
		return nil, u.fault(v, "tls", "%v", err)
	}
	return made, nil
}
