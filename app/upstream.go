package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Upstream is somebody else's server, to which messages are passed on.
type Upstream struct {
	Name     string
	Client   exchange.ClientSettings // where it is
	Present  Presented               // when Client has no Credentials
	Giftcard bool                    // it speaks Giftcard v3
	Airtime  bool                    // it speaks Airtime v5
	Profile  relay.Profile
	Pace     saf.Pace
	// Bound says that the name does not tell which server it is: while something is not at its end, it is at the address it
	// was at, unless Moved says that this is the same server elsewhere.
	Bound, Moved bool
	// Provider is the name by which products of airtime name it as their provider; empty when it is none. Its top-ups say
	// that they come from Origin, whose Client is named as what is presented for the account admin.VendorAccount (rule A4).
	Provider string
	Origin   txn.Origin
}

// passing is the switch within the program: the relay, and the connections to its upstreams.
type passing struct {
	*relay.Relay
	clients []*exchange.Client
}

// The relay reckons with leases as the store keeps them.
var _ = [0]struct{}([store.LeaseTime - relay.LeaseTime]struct{}{})

// makeRelay connects the upstreams, if there are any. Nothing is sent before the relay is started.
func (a *App) makeRelay(observer *edge.Observer) error {
	if len(a.settings.Upstreams) == 0 {
		return nil
	}
	s, p := a.settings, &passing{}
	settings := relay.Settings{
		Store: store.Queue(a.Store), Reports: a.Store.Driver(), Keys: a.Keys, Institution: s.Institution, AdviceWait: s.AdviceWait,
		Hold: s.Hold, Now: s.Now, Paused: a.Register.Paused, Alarm: observer.Alarm, Log: a.log, Observer: newSent(a.Metrics.Registerer()),
	}
	if driver := a.Store.Driver(); driver.Shared() {
		settings.Leases = driver
	}
	for _, u := range s.Upstreams {
		connected, err := a.connect(u, p)
		if err != nil {
			return fmt.Errorf("upstream %s: %w", u.Name, err)
		}
		settings.Upstreams = append(settings.Upstreams, connected)
	}
	var err error
	if p.Relay, err = relay.New(settings); err != nil {
		return err
	}
	a.passing = p
	a.Metrics.Registerer().MustRegister(newLines(p.Queues, s.Now))
	return nil
}

// startRelay starts what passes messages on. Where nothing does it fails, and names the upstream, when something stands as
// sent to one or is queued for one: a relay with nobody behind it starts only when there is nothing of this kind.
func (a *App) startRelay(ctx context.Context) error {
	if a.passing != nil {
		if err := a.keepAddresses(ctx); err != nil {
			return err
		}
		return a.passing.Start(ctx)
	}
	nobody, err := relay.New(relay.Settings{Store: store.Queue(a.Store), Reports: a.Store.Driver(), Keys: a.Keys})
	if err != nil {
		return err
	}
	return errors.Join(nobody.Start(ctx), nobody.Close(ctx))
}

// connect makes the connection to one upstream.
func (a *App) connect(u Upstream, p *passing) (relay.Upstream, error) {
	settings, lane := u.Client, func(ident.Account) string { return "" }
	if settings.Credentials == nil {
		settings.Credentials, lane = a.credentials(u.Present)
	}
	settings.Now, settings.Late = a.settings.Now, a.late(u.Name)
	client, err := exchange.NewClient(settings)
	if err != nil {
		return relay.Upstream{}, err
	}
	p.clients = append(p.clients, client)
	connected := relay.Upstream{Name: u.Name, Profile: u.Profile, Pace: u.Pace, Lane: lane}
	if u.Giftcard {
		connected.Giftcard = giftcardhttp.NewClient(client)
	}
	if u.Airtime {
		connected.Airtime = airtimehttp.NewClient(client)
	}
	if a.settings.services != nil {
		connected.Giftcard, connected.Airtime = a.settings.services(connected.Giftcard, connected.Airtime)
	}
	return connected, nil
}

// late logs an answer that came after its request had been given up: the request has been reversed, or is being asked about.
func (a *App) late(upstream string) func(exchange.LateAnswer) {
	return func(l exchange.LateAnswer) {
		a.log.Warn("an answer came too late and was ignored", "upstream", upstream, "message", l.String())
	}
}

// services gives who answers the contracts: the issuer and the vendor of this process, or whom the routes name.
func (a *App) services(local router.Services) (router.Services, error) {
	if a.passing == nil {
		return local, nil
	}
	chosen, err := router.New(router.Settings{
		Routes: a.settings.Routes, Local: local, Passed: a.passed, Relay: a.any(), Taken: a.passing.Upstream, Provider: a.providerOf,
	})
	if err != nil {
		return router.Services{}, err
	}
	return router.Services{Giftcard: chosen.Giftcard(), Airtime: chosen.Airtime()}, nil
}

// passed gives the services of a route, as far as its upstreams speak the contracts.
func (a *App) passed(names []string) router.Services {
	var s router.Services
	if a.speak(names, func(u Upstream) bool { return u.Giftcard }) {
		s.Giftcard = a.passing.Giftcard(names...)
	}
	if a.speak(names, func(u Upstream) bool { return u.Airtime }) {
		s.Airtime = a.passing.Airtime(names...)
	}
	return s
}

// speak says whether all upstreams with these names speak a contract.
func (a *App) speak(names []string, contract func(Upstream) bool) bool {
	for _, name := range names {
		i := slices.IndexFunc(a.settings.Upstreams, func(u Upstream) bool { return u.Name == name })
		if i < 0 || !contract(a.settings.Upstreams[i]) {
			return false
		}
	}
	return true
}

// any gives services for advices and status queries, which go to the upstream that took their request.
func (a *App) any() (s router.Services) {
	for _, u := range a.settings.Upstreams {
		one := a.passed([]string{u.Name})
		if s.Giftcard == nil {
			s.Giftcard = one.Giftcard
		}
		if s.Airtime == nil {
			s.Airtime = one.Airtime
		}
	}
	return s
}

// providerOf gives the provider that the catalogue names for a product.
func (a *App) providerOf(w ident.World, product string) (provider string, known bool) {
	p, found := a.catalogue().ProductByID(w, product)
	if !found {
		return "", false
	}
	return p.Provider, true
}

// close ends the connections, after the relay has finished what is in hand.
func (p *passing) close(ctx context.Context) error {
	err := p.Close(ctx)
	for _, c := range p.clients {
		c.Close()
	}
	return err
}
