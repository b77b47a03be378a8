package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/config"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/saf"
)

// relayCmd is `scrip relay`.
type relayCmd struct {
	Upstream        string        `required:"" placeholder:"URL" env:"SCRIP_RELAY_UPSTREAM" help:"Base URL of the server to pass messages on to, without /giftcard/v3 and /airtime/v5."`
	Account         []pairFlag    `required:"" sep:"," placeholder:"NAME:PASSWORD" env:"SCRIP_RELAY_ACCOUNT" help:"An account that may come in; again for each. The same pair is presented upstream, unless --upstream-account says otherwise. It is held in memory only: give it again at each start. A comma in a password is written \\,."`
	UpstreamAccount *pairFlag     `placeholder:"NAME:PASSWORD" env:"SCRIP_RELAY_UPSTREAM_ACCOUNT" help:"What is presented upstream for all accounts."`
	UpstreamTimeout time.Duration `default:"50s" help:"How long a request waits for its upstream; less than --request-timeout."`
	UpstreamCA      string        `name:"upstream-ca" placeholder:"FILE" help:"PEM file of the authorities by which the upstream is known, instead of the system's."`
	UpstreamCert    string        `placeholder:"FILE" help:"PEM file of the client certificate that is shown upstream."`
	UpstreamKey     string        `placeholder:"FILE" help:"PEM file of its private key."`
	Interface       string        `enum:"both,giftcard,airtime" default:"both" help:"What the upstream speaks: both, giftcard or airtime."`
	Without         []string      `sep:"," enum:"confirmations,reversals,status,trials,partial-amounts" placeholder:"WHAT,..." help:"What the upstream lacks of its contract: confirmations, reversals, status, trials, partial-amounts."`
	Window          int           `default:"16" help:"Queued advices that are sent at once."`

	config.Serve
}

// Help gives the example.
func (relayCmd) Help() string {
	return "Example: a switch in front of a sandbox\n" +
		"  scrip relay --upstream http://127.0.0.1:8080 --account demo:demo --data ./relay --listen 127.0.0.1:8090 --admin-listen 127.0.0.1:8091\n\n" +
		"Requests are recorded before they are passed on; what has no answer is reversed; advices are kept on disk and repeated until\n" +
		"they are answered for good. An advice whose account is not given any more waits: scrip saf list --state attention."
}

// pairFlag is NAME:PASSWORD.
type pairFlag struct{ app.Pair }

// UnmarshalText takes a pair. The error never shows the password.
func (p *pairFlag) UnmarshalText(text []byte) error {
	name, password, found := strings.Cut(string(text), ":")
	if !found || name == "" || password == "" {
		return errors.New("an account is given as NAME:PASSWORD")
	}
	p.Name, p.Password = name, password
	return nil
}

// relayUpstream is how records and operators call the one upstream.
const relayUpstream = "upstream"

// Run relays until it is told to stop.
func (c *relayCmd) Run(ctx context.Context, out console) error {
	settings, err := settingsOf(&c.Serve, out)
	if err != nil {
		return usageError{err}
	}
	upstream, err := c.upstream()
	if err != nil {
		return usageError{err}
	}
	settings.Network = nil
	settings.Upstreams = []app.Upstream{upstream}
	settings.Routes = c.routes()
	for _, p := range c.Account {
		settings.Pairs = append(settings.Pairs, p.Pair)
	}
	a, err := app.New(ctx, settings)
	if err != nil {
		return err
	}
	announce(a, &c.Serve, out)
	return live(ctx, a, out, func() { serving(a, &c.Serve, out) })
}

// upstream says whom messages are passed on to.
func (c *relayCmd) upstream() (app.Upstream, error) {
	if c.UpstreamTimeout <= 0 || c.UpstreamTimeout >= c.RequestTimeout {
		return app.Upstream{}, fmt.Errorf("--upstream-timeout is %s; it must be above 0 and below --request-timeout (%s)", c.UpstreamTimeout, c.RequestTimeout)
	}
	pace := saf.Pace{Window: c.Window}
	if err := pace.Check(); err != nil {
		return app.Upstream{}, fmt.Errorf("--window: %w", err)
	}
	u := app.Upstream{
		Name: relayUpstream, Client: exchange.ClientSettings{URL: c.Upstream, Timeout: c.UpstreamTimeout},
		Giftcard: c.Interface != "airtime", Airtime: c.Interface != "giftcard", Profile: c.profile(), Pace: pace,
	}
	u.Present.Pairs = c.UpstreamAccount == nil
	if p := c.UpstreamAccount; p != nil {
		u.Present.All = exchange.Basic(p.Name, p.Password)
	}
	if c.UpstreamCA != "" || c.UpstreamCert != "" || c.UpstreamKey != "" {
		var err error
		if u.Client.TLS, err = exchange.LoadTLS(c.UpstreamCA, c.UpstreamCert, c.UpstreamKey, ""); err != nil {
			return app.Upstream{}, err
		}
	}
	return u, nil
}

func (c *relayCmd) profile() relay.Profile {
	p := relay.Profile{Timeout: c.UpstreamTimeout}
	for _, lacks := range c.Without {
		switch lacks {
		case "confirmations":
			p.NoConfirmations = true
		case "reversals":
			p.NoReversals = true
		case "status":
			p.NoStatus = true
		case "trials":
			p.NoTrials = true
		case "partial-amounts":
			p.NoPartial = true
		}
	}
	return p
}

// routes passes everything on that the upstream speaks.
func (c *relayCmd) routes() []router.Route {
	r := router.Route{To: []string{relayUpstream}}
	if c.Interface != "both" {
		r.Interface = router.Interface(c.Interface)
	}
	return []router.Route{r}
}
