package config

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// Bounds of upstreams.
const (
	maxUpstreams    = 100
	maxUpstreamName = 40
	maxAccounts     = 1000 // with a credential of their own at one upstream
)

// Upstream is somebody else's server, to which messages are passed on.
type Upstream struct {
	Name              string // as records, routes and operators call it
	URL               string // where its contracts lie below
	Giftcard, Airtime bool   // the contracts that it speaks
	Basic             *Basic // what is presented; nil of an upstream with OAuth2, or that knows us by our certificate alone
	OAuth2            *OAuth2
	// Accounts are presented for single accounts, by their names, in place of Basic or of the user in OAuth2.
	Accounts map[string]Basic
	TLS      *tls.Config // nil is the system's authorities and no certificate of ours
	Profile  Profile
	Pace     saf.Pace
	Provider string // name by which products of airtime name it as their provider; empty when it is none
	// Origin is where the top-ups come from that it is asked for as a provider; its Client is always named.
	Origin txn.Origin
}

// Profile is what an upstream lacks of its contracts, and how long a request waits for its answer. It has the fields of
// relay.Profile, and converts to it.
type Profile struct {
	NoConfirmations bool
	NoReversals     bool
	NoStatus        bool
	NoTrials        bool
	NoPartial       bool
	Timeout         time.Duration // always set
}

// Basic is a user name with its password.
type Basic struct {
	User     string
	Password Secret
}

// OAuth2 is how tokens are had for an upstream.
type OAuth2 struct {
	TokenURL     string
	Grant        string // ClientCredentials or PasswordGrant
	ClientID     string
	ClientSecret Secret // empty when there is none
	User         Basic  // of PasswordGrant; empty when only Accounts have one
	Scopes       []string
}

// The grants of OAuth2.
const (
	ClientCredentials = "client-credentials"
	PasswordGrant     = "password"
)

// Secret is a text that never prints.
type Secret struct{ text string }

// Reveal gives the text. Call it only where it is presented.
func (s Secret) Reveal() string { return s.text }

// Format hides the text under every verb.
func (Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "****") // a writer that fails has a caller who knows
}

// MarshalText hides the text, so that no encoder writes it.
func (Secret) MarshalText() ([]byte, error) { return []byte("****"), nil }

// upstream is an entry of the file. Files are named in it, and not read yet.
type upstream struct {
	Upstream
	at                  nodes
	interfaces, without []string
	plainHTTP           bool
	user, passwordFile  string
	oauth2              oauth2
	accounts            []account
	tls                 tlsFiles
	origin              origin
}

type oauth2 struct {
	tokenURL, grant, clientID, secretFile, user, passwordFile string
	scopes                                                    []string
}

type account struct {
	at                       nodes
	name, user, passwordFile string
}

type tlsFiles struct{ ca, cert, key, serverName string }

// What an upstream may lack.
const (
	withoutConfirmations = "confirmations"
	withoutReversals     = "reversals"
	withoutStatus        = "status"
	withoutTrials        = "trials"
	withoutPartial       = "partial-amounts"
)

// upstreamMembers are the keys of an upstream, with their explanations for the reference.
var upstreamMembers = []member[upstream]{
	{"name", "Its name, as routes, records, metrics and operators call it: up to 40 letters, digits, dots, dashes and underscores. Advices are queued under it, so it is never changed.", text(func(u *upstream) *string { return &u.Name })},
	{"url", "Its address, below which the contracts lie: `https://HOST/PATH`.", text(func(u *upstream) *string { return &u.URL })},
	{"plain-http", "`true` permits an address of `http://` that is not loopback.", yes(func(u *upstream) *bool { return &u.plainHTTP })},
	{"interfaces", "The contracts that it speaks: `giftcard`, `airtime`. Both if nothing is said.", list(func(u *upstream) *[]string { return &u.interfaces }, string(router.Giftcard), string(router.Airtime))},
	{"account", "The user name that is presented there by HTTP Basic.", text(func(u *upstream) *string { return &u.user })},
	{"password-file", "File with its password.", text(func(u *upstream) *string { return &u.passwordFile })},
	{"oauth2", "Present a token in place of a password; its keys follow.", section("oauth2", oauth2Members, func(u *upstream) *oauth2 { return &u.oauth2 })},
	{"accounts", "What is presented for single accounts instead: a list of entries, whose keys follow.", func(v *values, n *yaml.Node, u *upstream) (err error) {
		u.accounts, err = entries(v, n, "accounts", maxAccounts, takeAccount)
		return err
	}},
	{"tls", "How its server and we ourselves are known; its keys follow. Files are read at the start.", section("tls", tlsMembers, func(u *upstream) *tlsFiles { return &u.tls })},
	{"timeout", "How long a request waits for its answer, less than `request-timeout`; five sixths of that if nothing is said.", duration(func(u *upstream) *time.Duration { return &u.Profile.Timeout })},
	{"advice-window", "Advices of different requests that are sent at once: 1 to 256, and 16 if nothing is said.", count(func(u *upstream) *int { return &u.Pace.Window })},
	{"shortest-wait", "How long an advice without an answer waits before it is sent again: `1s` if nothing is said. It is doubled each time.", duration(func(u *upstream) *time.Duration { return &u.Pace.MinWait })},
	{"longest-wait", "The most that it is doubled to: `30s` if nothing is said, and at most `1h`.", duration(func(u *upstream) *time.Duration { return &u.Pace.MaxWait })},
	{"park-after", "How often an advice is sent in vain, while others get through, until it is parked: 8 if nothing is said.", count(func(u *upstream) *int { return &u.Pace.ParkAfter })},
	{"break-after", "How many messages in a row have no answer until the breaker opens: 5 if nothing is said.", count(func(u *upstream) *int { return &u.Pace.BreakAfter })},
	{"without", "What it lacks of its contracts: `confirmations`, `reversals` (of airtime only), `status`, `trials`, `partial-amounts`.", list(func(u *upstream) *[]string { return &u.without },
		withoutConfirmations, withoutReversals, withoutStatus, withoutTrials, withoutPartial)},
	{"provider", "The name by which products of airtime name it as the provider that tops up.", text(func(u *upstream) *string { return &u.Provider })},
	{"origin", "Needed beside `provider`: what the top-ups say of where they come from. Its keys follow.", takeOrigin},
}

var oauth2Members = []member[oauth2]{
	{"token-url", "Where tokens are given out.", text(func(o *oauth2) *string { return &o.tokenURL })},
	{"grant", "`client-credentials` or `password`.", word(func(o *oauth2) *string { return &o.grant }, ClientCredentials, PasswordGrant)},
	{"client-id", "Our id as a client.", text(func(o *oauth2) *string { return &o.clientID })},
	{"client-secret-file", "File with its secret.", text(func(o *oauth2) *string { return &o.secretFile })},
	{"username", "Of the grant `password`: the user.", text(func(o *oauth2) *string { return &o.user })},
	{"password-file", "Of the grant `password`: file with the user's password.", text(func(o *oauth2) *string { return &o.passwordFile })},
	{"scopes", "What is asked for.", list(func(o *oauth2) *[]string { return &o.scopes })},
}

var accountMembers = []member[account]{
	{"account", "Name of the account here.", text(func(a *account) *string { return &a.name })},
	{"user", "The user name that is presented there for it.", text(func(a *account) *string { return &a.user })},
	{"password-file", "File with its password.", text(func(a *account) *string { return &a.passwordFile })},
}

var tlsMembers = []member[tlsFiles]{
	{"ca", "PEM file of the authorities that its certificate may come from, in place of the system's.", text(func(t *tlsFiles) *string { return &t.ca })},
	{"cert", "PEM file of our own certificate.", text(func(t *tlsFiles) *string { return &t.cert })},
	{"key", "PEM file of its private key.", text(func(t *tlsFiles) *string { return &t.key })},
	{"server-name", "The name that its certificate is for, when that is not the host of the address.", text(func(t *tlsFiles) *string { return &t.serverName })},
}

func takeUpstream(v *values, n *yaml.Node, u *upstream) (err error) {
	if u.at, err = entry(v, n, "an upstream", upstreamMembers, u); err != nil {
		return err
	}
	u.at[""] = n
	u.Giftcard = len(u.interfaces) == 0 || slices.Contains(u.interfaces, string(router.Giftcard))
	u.Airtime = len(u.interfaces) == 0 || slices.Contains(u.interfaces, string(router.Airtime))
	lacks := func(what string) bool { return slices.Contains(u.without, what) }
	u.Profile.NoConfirmations, u.Profile.NoReversals = lacks(withoutConfirmations), lacks(withoutReversals)
	u.Profile.NoStatus, u.Profile.NoTrials, u.Profile.NoPartial = lacks(withoutStatus), lacks(withoutTrials), lacks(withoutPartial)
	return nil
}

func takeAccount(v *values, n *yaml.Node, a *account) (err error) {
	if a.at, err = entry(v, n, "an account", accountMembers, a); err != nil {
		return err
	}
	if a.name == "" || a.user == "" || a.passwordFile == "" {
		return v.at(n, "an account needs account, user and password-file")
	}
	return nil
}

// fault is an error at one of the upstream's keys, or at its beginning when it has no such key.
func (u *upstream) fault(v *values, key, format string, args ...any) error {
	n := u.at[key]
	if n == nil {
		n = u.at[""]
	}
	name := u.Name
	if name == "" {
		name = "without a name"
	}
	return v.at(n, "upstream %s: %s", name, fmt.Sprintf(format, args...))
}

// check judges an upstream by itself, apart from the files it names.
func (u *upstream) check(v *values) error {
	for _, check := range []func(*values) error{u.checkName, u.checkAddress, u.checkCredentials, u.checkOAuth2, u.checkAccounts, u.checkProfile, u.checkProvider, u.checkPace} {
		if err := check(v); err != nil {
			return err
		}
	}
	return nil
}

func (u *upstream) checkName(v *values) error {
	switch {
	case u.Name == "":
		return u.fault(v, "name", "name is missing")
	case u.Name == router.Local:
		return u.fault(v, "name", "%s is this process itself", router.Local)
	case len(u.Name) > maxUpstreamName || strings.ContainsFunc(u.Name, notInName):
		return u.fault(v, "name", "a name has 1 to %d letters, digits, dots, dashes and underscores", maxUpstreamName)
	}
	return nil
}

func notInName(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("._-", r)
}

func (u *upstream) checkAddress(v *values) error {
	if u.URL == "" {
		return u.fault(v, "url", "url is missing")
	}
	if why := u.wrongAddress(u.URL); why != "" {
		return u.fault(v, "url", "url %s", why)
	}
	return nil
}

// wrongAddress says what is wrong with an address, or nothing. It does not quote it: there may be a password in it.
func (u *upstream) wrongAddress(text string) string {
	at, err := url.Parse(text)
	switch {
	case err != nil || at.Hostname() == "" || at.Scheme != "https" && at.Scheme != "http":
		return "must be https://HOST/PATH"
	case at.User != nil:
		return "must not have a user or a password in it"
	case at.RawQuery != "" || at.ForceQuery || at.Fragment != "":
		return "must have no query and no fragment"
	case at.Scheme == "http" && !isLoopback(at.Hostname()) && !u.plainHTTP:
		return "is plain HTTP, by which others can listen in: give https://, or plain-http: true"
	case at.Scheme == "http" && u.tls != tlsFiles{}:
		return "is plain HTTP, and there is tls"
	}
	return ""
}

func (u *upstream) hasOAuth2() bool { return u.at["oauth2"] != nil }

func (u *upstream) checkCredentials(v *values) error {
	switch {
	case u.user != "" && u.hasOAuth2():
		return u.fault(v, "oauth2", "account and oauth2 exclude each other")
	case u.user != "" && u.passwordFile == "":
		return u.fault(v, "account", "password-file is missing beside account")
	case u.passwordFile != "" && u.user == "":
		return u.fault(v, "password-file", "account is missing beside password-file")
	case strings.Contains(u.user, ":"):
		return u.fault(v, "account", "a user name has no colon")
	case (u.tls.cert == "") != (u.tls.key == ""):
		return u.fault(v, "tls", "tls.cert and tls.key are given together")
	case u.user == "" && !u.hasOAuth2() && len(u.accounts) == 0 && u.tls.cert == "":
		return u.fault(v, "account", "there is nothing to present to it: give account, oauth2, accounts or tls.cert")
	}
	return nil
}

func (u *upstream) checkOAuth2(v *values) error {
	o := u.oauth2
	if !u.hasOAuth2() {
		return nil
	}
	switch why := u.wrongAddress(o.tokenURL); {
	case o.tokenURL == "" || o.grant == "" || o.clientID == "":
		return u.fault(v, "oauth2", "oauth2 needs token-url, grant and client-id")
	case why != "":
		return u.fault(v, "oauth2", "token-url %s", why)
	case (o.user == "") != (o.passwordFile == ""):
		return u.fault(v, "oauth2", "username and password-file are given together")
	case o.grant == ClientCredentials && o.secretFile == "" && u.tls.cert == "":
		return u.fault(v, "oauth2", "the grant %s needs client-secret-file, or a certificate (tls.cert)", ClientCredentials)
	case o.grant == ClientCredentials && o.user != "":
		return u.fault(v, "oauth2", "the grant %s has no username", ClientCredentials)
	case o.grant == ClientCredentials && len(u.accounts) > 0:
		return u.fault(v, "accounts", "the grant %s has no users, so there can be no accounts", ClientCredentials)
	case o.grant == PasswordGrant && o.user == "" && len(u.accounts) == 0:
		return u.fault(v, "oauth2", "the grant %s needs username and password-file, or accounts", PasswordGrant)
	}
	return nil
}

func (u *upstream) checkAccounts(v *values) error {
	seen := map[string]*yaml.Node{}
	for _, a := range u.accounts {
		if before := seen[a.name]; before != nil {
			return v.at(a.at["account"], "upstream %s: account %s is there a second time, first in line %d", u.Name, a.name, before.Line)
		}
		if strings.Contains(a.user, ":") && !u.hasOAuth2() {
			return v.at(a.at["user"], "upstream %s: a user name has no colon", u.Name)
		}
		seen[a.name] = a.at["account"]
	}
	return nil
}

// checkProfile sees to it that the end of a request can be learned.
func (u *upstream) checkProfile(v *values) error {
	switch p := u.Profile; {
	case p.NoReversals && u.Giftcard:
		return u.fault(v, "without", "gift cards cannot do without reversals: nobody could say what became of a request without an answer (give interfaces: [airtime] if it has no gift cards)")
	case p.NoReversals && p.NoStatus:
		return u.fault(v, "without", "without reversals and without status nobody could say what became of a request without an answer")
	}
	return nil
}

// checkPace sees to it that what is given is above 0, which would stand for what is good in most cases.
func (u *upstream) checkPace(v *values) error {
	for _, setting := range []struct {
		key   string
		above bool
	}{
		{"timeout", u.Profile.Timeout > 0}, {"advice-window", u.Pace.Window > 0}, {"shortest-wait", u.Pace.MinWait > 0},
		{"longest-wait", u.Pace.MaxWait > 0}, {"park-after", u.Pace.ParkAfter > 0}, {"break-after", u.Pace.BreakAfter > 0},
	} {
		if u.at[setting.key] != nil && !setting.above {
			return u.fault(v, setting.key, "%s must be above 0", setting.key)
		}
	}
	if err := u.Pace.Check(); err != nil {
		return u.fault(v, "", "%v", err)
	}
	return nil
}
