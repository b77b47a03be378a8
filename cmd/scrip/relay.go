package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
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
	Account         []pairFlag    `required:"" sep:"," placeholder:"NAME:PASSWORD" env:"SCRIP_RELAY_ACCOUNT" help:"An account that may come in; again for each. The same pair is presented upstream, unless --upstream-account says otherwise. It is held in memory only: give it again at each start; better by the environment, since others see command lines. A comma in a password is written \\,."`
	UpstreamAccount *pairFlag     `placeholder:"NAME:PASSWORD" env:"SCRIP_RELAY_UPSTREAM_ACCOUNT" help:"What is presented upstream for all accounts."`
	UpstreamMoved   bool          `help:"The upstream is the same one as before, at another address. Without this another address is refused while something is queued or not ended."`
	UpstreamTimeout time.Duration `default:"50s" help:"How long a request waits for its upstream; less than --request-timeout."`
	UpstreamPlain   bool          `name:"upstream-plain-http" help:"Permit an upstream of http:// that is not loopback: others can listen in."`
	UpstreamCA      string        `name:"upstream-ca" placeholder:"FILE" help:"PEM file of the authorities by which the upstream is known, instead of the system's."`
	UpstreamCert    string        `placeholder:"FILE" help:"PEM file of the client certificate that is shown upstream."`
	UpstreamKey     string        `placeholder:"FILE" help:"PEM file of its private key."`
	Interface       string        `enum:"both,giftcard,airtime" default:"both" help:"What the upstream speaks: both, giftcard or airtime."`
	Without         []string      `sep:"," enum:"confirmations,reversals,status,trials,partial-amounts" placeholder:"WHAT" help:"What the upstream lacks of its contract: confirmations, reversals, status, trials, partial-amounts."`
	Window          int           `default:"16" help:"Queued advices that are sent at once."`

	config.Serve
}

// Help gives the example.
func (relayCmd) Help() string {
	return "Example: a switch in front of a sandbox\n" +
		"  scrip relay --upstream http://127.0.0.1:8080 --account demo:demo --data ./relay --listen 127.0.0.1:8090 --admin-listen 127.0.0.1:8091\n\n" +
		"Requests are recorded before they are passed on; what has no answer is reversed; advices are kept on disk and repeated until\n" +
		"they are answered for good. An advice whose account is not given any more waits: scrip saf list --state attention.\n\n" +
		"Flags of its own come first. The others are those of scrip serve, which can do more: several upstreams, and routes to them."
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
	if err := c.check(); err != nil {
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
	return live(ctx, a, &c.Serve, out, func() { serving(ctx, a, &c.Serve, out) })
}

// check judges what is given before anything is made.
func (c *relayCmd) check() error {
	if sw, err := c.Switch(); err != nil {
		return err
	} else if len(sw.Upstreams) > 0 || len(sw.Routes) > 0 {
		return fmt.Errorf("%s has upstreams or routes, which are for scrip serve: scrip relay has the one upstream that --upstream names", c.File)
	}
	names := map[string]bool{}
	for _, p := range c.Account {
		if names[p.Name] {
			return fmt.Errorf("--account: %s is given twice", p.Name)
		}
		names[p.Name] = true
	}
	if c.UpstreamTimeout <= 0 || c.UpstreamTimeout >= c.RequestTimeout {
		return fmt.Errorf("--upstream-timeout is %s; it must be above 0 and below --request-timeout (%s)", c.UpstreamTimeout, c.RequestTimeout)
	}
	if err := (saf.Pace{Window: c.Window}).Check(); err != nil || c.Window < 1 {
		return fmt.Errorf("--window is %d; it must be from 1 to %d", c.Window, saf.MaxWindow)
	}
	return errors.Join(c.checkAddress(), c.checkWithout())
}

// checkAddress judges where messages would go to.
func (c *relayCmd) checkAddress() error {
	client, err := exchange.NewClient(exchange.ClientSettings{URL: c.Upstream, Credentials: exchange.Same(exchange.Nothing())})
	if err != nil {
		return fmt.Errorf("--upstream: %w", err)
	}
	client.Close()
	at, err := url.Parse(c.Upstream)
	if err != nil {
		return fmt.Errorf("--upstream: %w", err)
	}
	ip, _ := netip.ParseAddr(at.Hostname()) // an invalid one is not loopback
	switch path := strings.TrimRight(at.Path, "/"); {
	case strings.HasSuffix(path, "/giftcard/v3") || strings.HasSuffix(path, "/airtime/v5"):
		return errors.New("--upstream: leave /giftcard/v3 and /airtime/v5 away, they are added")
	case at.Scheme == "http" && at.Hostname() != "localhost" && !ip.Unmap().IsLoopback() && !c.UpstreamPlain:
		return errors.New("--upstream: it is plain HTTP, by which others can listen in: give https://, or --upstream-plain-http")
	case at.Scheme == "http" && (c.UpstreamCA != "" || c.UpstreamCert != "" || c.UpstreamKey != ""):
		return errors.New("--upstream: it is plain HTTP, and --upstream-ca, --upstream-cert and --upstream-key are for https://")
	}
	return nil
}

// checkWithout refuses an upstream of which nobody could say what became of a request without an answer.
func (c *relayCmd) checkWithout() error {
	switch p := c.profile(); {
	case p.NoReversals && c.Interface != "airtime":
		return errors.New("--without: gift cards cannot do without reversals (give --interface airtime if the upstream has no gift cards)")
	case p.NoReversals && p.NoStatus:
		return errors.New("--without: without reversals and without status nobody could say what became of a request without an answer")
	}
	return nil
}

// upstream says whom messages are passed on to.
func (c *relayCmd) upstream() (app.Upstream, error) {
	u := app.Upstream{
		Name: relayUpstream, Bound: true, Moved: c.UpstreamMoved, Client: exchange.ClientSettings{URL: c.Upstream, Timeout: c.UpstreamTimeout},
		Giftcard: c.Interface != "airtime", Airtime: c.Interface != "giftcard", Profile: c.profile(), Pace: saf.Pace{Window: c.Window},
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
