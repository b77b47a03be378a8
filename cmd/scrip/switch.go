package main

import (
	"fmt"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/config"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/relay"
)

// addSwitch adds the upstreams and routes of the settings' file to what the program is made of.
func addSwitch(settings *app.Settings, s *config.Serve) error {
	sw, err := s.Switch()
	if err != nil {
		return err
	}
	for _, warning := range sw.Warnings {
		settings.Log.Warn(warning)
	}
	settings.Routes = sw.Routes
	for _, u := range sw.Upstreams {
		connected, err := upstreamOf(u)
		if err != nil {
			return fmt.Errorf("upstream %s: %w", u.Name, err)
		}
		settings.Upstreams = append(settings.Upstreams, connected)
	}
	return nil
}

// upstreamOf turns an upstream of the file into one of the program.
func upstreamOf(u config.Upstream) (app.Upstream, error) {
	present, err := presented(u)
	return app.Upstream{
		Name: u.Name, Client: exchange.ClientSettings{URL: u.URL, Timeout: u.Profile.Timeout, TLS: u.TLS}, Present: present,
		Giftcard: u.Giftcard, Airtime: u.Airtime, Profile: relay.Profile(u.Profile), Pace: u.Pace, Provider: u.Provider, Origin: u.Origin,
	}, err
}

// presented makes the credentials of an upstream: for single accounts, and for all others where there is one.
func presented(u config.Upstream) (app.Presented, error) {
	p := app.Presented{Accounts: map[string]exchange.Credential{}}
	for name, pair := range u.Accounts {
		made, err := credential(u, pair)
		if err != nil {
			return p, err
		}
		p.Accounts[name] = made
	}
	all := u.Basic
	if u.OAuth2 != nil && (u.OAuth2.Grant == config.ClientCredentials || u.OAuth2.User.User != "") {
		all = &u.OAuth2.User
	}
	if all == nil {
		return p, nil
	}
	var err error
	p.All, err = credential(u, *all)
	return p, err
}

// credential presents a pair as the upstream wants it: by HTTP Basic, or for a token.
func credential(u config.Upstream, pair config.Basic) (exchange.Credential, error) {
	o := u.OAuth2
	if o == nil {
		return exchange.Basic(pair.User, pair.Password.Reveal()), nil
	}
	return exchange.OAuth2(exchange.OAuth2Settings{
		TokenURL: o.TokenURL, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(),
		User: pair.User, Password: pair.Password.Reveal(), Scopes: o.Scopes, TLS: u.TLS,
	})
}
