package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcardhttp"
)

// conformCmd is `scrip conform`.
type conformCmd struct {
	Server conformServerCmd `cmd:"" help:"Play the rules of Giftcard v3 and Airtime v5 against anybody's server, over HTTP."`
}

// Help gives the example.
func (conformCmd) Help() string {
	return "Example: the sandbox of this program, started beside it\n" +
		"  scrip conform server http://127.0.0.1:8080 --reset --profile compatibility --account one:secret --account two:secret"
}

// conformServerCmd is `scrip conform server`.
type conformServerCmd struct {
	URL     string   `arg:"" help:"Base URL of the server, with or without /giftcard/v3 or /airtime/v5."`
	Account []string `sep:" " env:"SCRIP_CONFORM_ACCOUNTS" placeholder:"NAME:PASSWORD" help:"Given twice: the two accounts to send from, which may do everything and have no bound on wrong cards. Since others see command lines, better given by the environment, with a space between them. Not needed with --admin-url, which makes two."`
	Profile string   `enum:"production,compatibility" default:"production" help:"Whose rules, where they differ: those of production, or those of compatibility, the public test servers' and the sandbox's."`

	AdminURL   string           `xor:"setup" placeholder:"URL" help:"One of three: the operators' listener of a Scrip server, over which cards, products, vouchers and accounts are made."`
	Reset      bool             `xor:"setup" help:"One of three: it is a test server with testServerAdmin, and may be reset before each case: all data of the two accounts are lost."`
	Cards      string           `xor:"setup" type:"existingfile" help:"One of three: a file with cards that the server has and nobody has activated, one a line: PAN,expiry,PIN. Each is used up by one case."`
	AdminToken string           `env:"SCRIP_ADMIN_TOKEN" help:"With --admin-url, the token of an operator with the role admin; better given by the environment."`
	Product    map[string]int64 `placeholder:"ID=START" help:"With --cards, a product that the server has, and its start balance in minor units. May be given several times."`

	Voucher []string `sep:"none" placeholder:"ID" help:"With --cards, a product of airtime that the server sells as a voucher, without an amount and never out of stock. May be given several times."`

	Match   string         `placeholder:"REGEXP" help:"Only cases whose name, such as giftcard/load/two loads, it matches."`
	Without []conform.Kind `enum:"activate,load,redeem,void,replace,transfer,lookup,provision,purchase,trial,status,msisdn,products" help:"Kind of request that the server does not have at all: activate, load, redeem, void, replace, transfer or lookup; provision, purchase, trial, status, msisdn or products. May be given several times."`
	Timeout time.Duration  `default:"20s" help:"How long to wait for each answer."`
	JSON    bool           `name:"json" help:"Print the report as JSON, with each case, instead of text for people."`

	tlsFlags
}

// Help gives the examples.
func (conformServerCmd) Help() string {
	return `Give one of --admin-url, --reset and --cards, which say where cards and products come from. A case that cannot be played for want of
something is skipped, and said so with its reason. It is real traffic: never judge a server that holds people's money.

Example: a server of your own, and somebody's with the cards and vouchers that it has
  SCRIP_ADMIN_TOKEN=scrip_… scrip conform server http://127.0.0.1:8080 --admin-url http://127.0.0.1:8081
  SCRIP_CONFORM_ACCOUNTS='one:secret two:secret' scrip conform server https://issuer.example --cards cards.csv --product gold=0 --voucher ten
  … --match ^airtime/                                              only the rules of airtime; ^giftcard/ likewise

The exit code is 1 when a case failed, and when none could be played.`
}

// Validate wants to know where cards and products come from. That only one way is given, the tags see to.
func (c *conformServerCmd) Validate() error {
	if c.AdminURL == "" && !c.Reset && c.Cards == "" {
		return errors.New("one of --admin-url, --reset and --cards must be given")
	}
	return nil
}

// Run judges the server and prints the report.
func (c *conformServerCmd) Run(ctx context.Context, at console) error {
	target, options, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	report, err := conform.Run(ctx, target, options)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if c.JSON {
		err = report.JSON(at.out)
	} else {
		err = report.Text(at.out)
	}
	return errors.Join(err, verdict(report))
}

// verdict is nil for a server that kept the rules. Of one that played none nothing is known.
func verdict(r conform.Report) error {
	switch {
	case r.OK():
		return nil
	case r.Count(conform.Failed) == 0:
		return fmt.Errorf("no case was played, %d were skipped", r.Count(conform.Skipped))
	}
	return fmt.Errorf("the server does not conform: %d cases passed, %d failed, %d were skipped",
		r.Count(conform.Passed), r.Count(conform.Failed), r.Count(conform.Skipped))
}

// prepare reads the command line, and asks whether there is a server at all.
func (c *conformServerCmd) prepare(ctx context.Context) (target conform.Target, o conform.Options, err error) {
	o = conform.Options{Profile: conform.Profile(c.Profile), Without: c.Without, Timeout: c.Timeout}
	if c.Match != "" {
		if o.Match, err = regexp.Compile(c.Match); err != nil {
			return nil, o, usageError{fmt.Errorf("--match: %w", err)}
		}
	}
	t := conform.HTTPTarget{
		BaseURL:  strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(c.URL, "/"), giftcardhttp.Base), airtimehttp.Base),
		AdminURL: c.AdminURL, AdminToken: c.AdminToken, Reset: c.Reset,
	}
	if t.Accounts, err = parseAccounts(c.Account); err != nil {
		return nil, o, usageError{err}
	}
	if t.Cards, t.Products, err = c.seeds(); err != nil {
		return nil, o, usageError{err}
	}
	for _, id := range c.Voucher {
		t.Offers = append(t.Offers, conform.Offer{ID: id, Plenty: true})
	}
	if t.Client, err = c.client(); err != nil {
		return nil, o, usageError{err}
	}
	if target, err = conform.NewHTTPTarget(t); err != nil {
		return nil, o, usageError{err}
	}
	return target, o, reach(ctx, t.Client, t.BaseURL)
}

// parseAccounts reads NAME:PASSWORD twice, or not at all. Its error shows no password.
func parseAccounts(texts []string) (accounts [2]conform.Credentials, err error) {
	if len(texts) == 0 {
		return accounts, nil
	}
	if len(texts) != len(accounts) {
		return accounts, fmt.Errorf("--account: must be given twice, and was %d times", len(texts))
	}
	for i, text := range texts {
		name, password, ok := strings.Cut(text, ":")
		if !ok || name == "" {
			return accounts, errors.New("--account: must be NAME:PASSWORD")
		}
		accounts[i] = conform.Credentials{Name: name, Password: password}
	}
	return accounts, nil
}

// seeds are the cards and products that the server is said to have.
func (c *conformServerCmd) seeds() (cards []conform.SeedCard, products []conform.SeedProduct, err error) {
	for _, id := range slices.Sorted(maps.Keys(c.Product)) {
		products = append(products, conform.SeedProduct{ID: id, Start: c.Product[id]})
	}
	if c.Cards == "" {
		return nil, products, nil
	}
	file, err := os.Open(c.Cards)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	read, err := bench.ReadCards(file)
	for _, card := range read {
		cards = append(cards, conform.SeedCard{Card: conform.Card{PAN: card.PAN, Expiry: card.Expiry, ClearPIN: card.PIN}})
	}
	return cards, products, err
}

// client sends the messages, with as many idle connections as a case sends messages at once.
func (c *conformServerCmd) client() (*http.Client, error) {
	config, err := c.config()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.MaxIdleConnsPerHost = config, conformConnections
	return &http.Client{Transport: transport}, nil
}

// conformConnections bounds the idle connections to a server under judgement.
const conformConnections = 64

// reach says whether anything answers, so that a wrong URL is one failure and not one for each case.
func reach(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return usageError{err}
	}
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the server cannot be reached: %w", err)
	}
	return response.Body.Close()
}
