package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// switchOf reads the switch of a file, in whose text DIR stands for a directory with files to name.
func switchOf(t *testing.T, text string) (*Switch, error) {
	t.Helper()
	s, err := given(t, strings.ReplaceAll(text, "DIR", files(t)), nil)
	if err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s.Switch()
}

// files makes a directory with what an upstream may name: passwords, a certificate with its key, and things that are wrong.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	certificate, key := certificate(t)
	for name, text := range map[string]string{
		"password": "opensesame\n", "other": "other\r\n", "empty": "\n", "lines": "one\ntwo\n", "cert.pem": certificate, "key.pem": key, "text.pem": "text",
		"large": strings.Repeat("x", maxPassword+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func certificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)
}

const whole = `data: x
upstreams:
  - name: acme
    url: https://acme.example/base
    account: scrip
    password-file: DIR/password
    accounts: [{account: till-1, user: one, password-file: DIR/other}]
    tls: {ca: DIR/cert.pem, cert: DIR/cert.pem, key: DIR/key.pem, server-name: other.example}
    timeout: 20s
    advice-window: 64
    shortest-wait: 2s
    longest-wait: 2m
    park-after: 3
    break-after: 4
    without: [confirmations, trials, partial-amounts]
    provider: acme
    origin:
      institution-id: "627482"
      institution-name: Example Gift Cards
      terminal: 00000001
      channel: web
      merchant-type: 4814
      merchant-id: 000000000000001
      merchant-name: Example
      merchant-city: Cape Town
      merchant-region: WC
      merchant-country: ZA
      client-name: Scrip
  - name: topup
    url: http://127.0.0.1:9999
    interfaces: airtime
    oauth2: {token-url: "https://login.example/token", grant: password, client-id: us, client-secret-file: DIR/other, username: scrip, password-file: DIR/password, scopes: [a, b]}
    without: reversals
routes:
  - {to: [acme], interface: giftcard}
  - to: [topup, acme]
    interface: airtime
    operations: [purchase, msisdn]
    accounts: [till-1, "007"]
    products: [A10]
    providers: simulated
    channels: [web]
  - {to: topup, msisdns: ["+2782*", 27830000000-27839999999], operations: purchase}
  - {to: local, cards: [7001*]}
`

func TestAWholeSwitch(t *testing.T) {
	got, err := switchOf(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Upstreams) != 2 || len(got.Routes) != 4 || len(got.Warnings) != 0 {
		t.Fatalf("got %+v", got)
	}
	acme, topup := got.Upstreams[0], got.Upstreams[1]
	if acme.TLS == nil || acme.TLS.ServerName != "other.example" || acme.TLS.RootCAs == nil || acme.TLS.GetClientCertificate == nil {
		t.Errorf("TLS is %+v", acme.TLS)
	}
	acme.TLS = nil
	if want := (Upstream{
		Name: "acme", URL: "https://acme.example/base", Giftcard: true, Airtime: true, Provider: "acme",
		Basic: &Basic{"scrip", Secret{"opensesame"}}, Accounts: map[string]Basic{"till-1": {"one", Secret{"other"}}},
		Profile: Profile{NoConfirmations: true, NoTrials: true, NoPartial: true, Timeout: 20 * time.Second},
		Pace:    saf.Pace{Window: 64, MinWait: 2 * time.Second, MaxWait: 2 * time.Minute, ParkAfter: 3, BreakAfter: 4},
		Origin: txn.Origin{
			Institution: txn.Party{ID: "627482", Name: "Example Gift Cards"}, Terminal: "00000001", Channel: "web", Client: txn.Party{ID: "scrip", Name: "Scrip"},
			Merchant: txn.Merchant{Type: "4814", ID: "000000000000001", Name: "Example", City: "Cape Town", Region: "WC", Country: "ZA"},
		},
	}); !reflect.DeepEqual(acme, want) {
		t.Errorf("got %+v\nwant %+v", acme, want)
	}
	if want := (Upstream{
		Name: "topup", URL: "http://127.0.0.1:9999", Airtime: true, Profile: Profile{NoReversals: true, Timeout: 50 * time.Second},
		OAuth2: &OAuth2{
			TokenURL: "https://login.example/token", Grant: PasswordGrant, ClientID: "us", ClientSecret: Secret{"other"},
			User: Basic{"scrip", Secret{"opensesame"}}, Scopes: []string{"a", "b"},
		},
	}); !reflect.DeepEqual(topup, want) {
		t.Errorf("got %+v\nwant %+v", topup, want)
	}
	cards, _ := router.ParseCards("7001*")
	for i, want := range []router.Route{
		{To: []string{"acme"}, Interface: router.Giftcard},
		{
			To: []string{"topup", "acme"}, Interface: router.Airtime, Operations: []router.Operation{router.Purchase, router.MSISDN},
			Accounts: []string{"till-1", "007"}, Products: []string{"A10"}, Providers: []string{"simulated"}, Channels: []string{"web"},
		},
		{To: []string{"topup"}, Operations: []router.Operation{router.Purchase}, MSISDNs: got.Routes[2].MSISDNs},
		{To: []string{"local"}, Cards: []router.Range{cards}},
	} {
		if want.Name = got.Routes[i].Name; !reflect.DeepEqual(got.Routes[i], want) {
			t.Errorf("got %+v\nwant %+v", got.Routes[i], want)
		}
	}
	if len(got.Routes[2].MSISDNs) != 2 || got.Routes[0].Name != "the route in line 35" {
		t.Errorf("got %+v", got.Routes)
	}
}

func TestNoSwitch(t *testing.T) {
	if got, err := (&Serve{}).Switch(); err != nil || !reflect.DeepEqual(got, &Switch{}) {
		t.Errorf("without a file: got %+v (%v)", got, err)
	}
	if got, err := switchOf(t, "data: x\n"); err != nil || !reflect.DeepEqual(got, &Switch{}) {
		t.Errorf("with a file that has none: got %+v (%v)", got, err)
	}
	if _, err := (&Serve{File: "/nonexistent"}).Switch(); err == nil {
		t.Error("a missing file is none")
	}
}

// What is secret comes out by name alone.
func TestSecretsNeverPrint(t *testing.T) {
	got, err := switchOf(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	a, b := got.Upstreams[0].Basic, got.Upstreams[1].OAuth2
	encoded, err := json.Marshal([]any{a, b, got.Upstreams[0].Accounts})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %x %q %d %s %v %#v %s", a, a, *a, a.Password, a.Password, a.Password, a.Password, encoded, b, *b, got.Upstreams[0].Accounts)
	for _, secret := range []string{"opensesame", "6f70656e736573616d65", `"other"`, "{other}"} {
		if strings.Contains(printed, secret) {
			t.Errorf("%s is in %s", secret, printed)
		}
	}
	if a.Password.Reveal() != "opensesame" {
		t.Error("it is not revealed either")
	}
}

// An upstream without route is left to deliver what is queued; so much is said.
func TestAnUpstreamWithoutRoute(t *testing.T) {
	const text = `data: x
upstreams:
  - {name: old, url: "https://old.example", account: a, password-file: DIR/password}
  - {name: topup, url: "https://topup.example", account: a, password-file: DIR/password, provider: topup, ` + anOrigin + `}
`
	got, err := switchOf(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "scrip.yaml:3: upstream old: no route leads to it") {
		t.Errorf("got %q", got.Warnings)
	}
}

// upstreamWith gives a file with one good upstream in line 2, all on one line, and something more in it.
func upstreamWith(more string) string {
	return "data: x\nupstreams: [{name: a, url: \"https://a.example\", account: u, password-file: DIR/password, " + more + "}]\n"
}

// anOrigin is a good one, on one line.
const anOrigin = `origin: {institution-id: "1", institution-name: us, terminal: "00000001", merchant-type: "4814", merchant-id: "000000000000001", ` +
	`merchant-name: us, merchant-city: here, merchant-region: WC, merchant-country: ZA, client-name: us}`

// routesOf gives a file with two good upstreams and these routes, of which the first stands in line 5.
func routesOf(routes ...string) string {
	text := "upstreams:\n" +
		"- {name: a, url: \"https://a.example\", account: u, password-file: DIR/password}\n" +
		"- {name: air, url: \"https://b.example\", interfaces: [airtime], without: [reversals], account: u, password-file: DIR/password}\n" +
		"routes:\n"
	for _, r := range routes {
		text += "- {" + r + "}\n"
	}
	return text + "data: x\n"
}

func TestSwitchesThatAreRefused(t *testing.T) {
	one := func(members string) string { return "upstreams:\n- {" + members + "}\ndata: x\n" }
	tests := []struct{ name, file, want string }{
		{"unknown key", "upstreams:\n- name: a\n  uri: b\n", "3: unknown setting uri of an upstream"},
		{"unknown key of a section", "upstreams:\n- name: a\n  tls:\n    crt: b\n", "4: unknown setting crt of tls"},
		{"unknown key of oauth2", "upstreams:\n- name: a\n  oauth2:\n    url: b\n", "4: unknown setting url of oauth2"},
		{"unknown key of an account", "upstreams:\n- name: a\n  accounts:\n  - password: b\n", "4: unknown setting password of an account"},
		{"unknown key of a route", "routes:\n- to: local\n  card: 7*\n", "3: unknown setting card of a route"},
		{"a key twice", "upstreams:\n- name: a\n  name: b\n", "3: name is there a second time, first in line 2"},
		{"a list twice", "routes: [{to: local}]\nroutes: [{to: local}]\n", "2: routes is there a second time"},
		{"no list", "upstreams: {name: a}\n", "1: upstreams must be a list"},
		{"an empty list", "routes: []\n", "1: routes must be a list"},
		{"no entry", "routes: [local]\n", "1: a route must hold settings"},
		{"an alias", "upstreams: [&a {name: a}, *a]\n", "1: an upstream must hold settings"},
		{"no value", one("name: "), "2: a value is missing"},
		{"a list for a value", one("name: [a]"), "2: a single value must stand here"},
		{"an empty list for a list", one("name: a, without: []"), "2: a list must stand here"},
		{"too many", "routes:\n" + strings.Repeat("- {to: local}\n", router.MaxRoutes+1), "2: routes has more than 200 entries"},

		{"no name", one("url: \"https://a.example\""), "2: upstream without a name: name is missing"},
		{"our own name", one("name: local"), "2: upstream local: local is this process itself"},
		{"no such name", one("name: a b"), "2: upstream a b: a name has 1 to 40"},
		{"a long name", one("name: " + strings.Repeat("a", 41)), ": a name has 1 to 40"},
		{"a name twice", "upstreams:\n" + strings.Repeat("- {name: a, url: \"https://a.example\", account: u, password-file: f}\n", 2),
			"3: upstream a: it is there a second time, first in line 2"},

		{"no address", one("name: a"), "2: upstream a: url is missing"},
		{"no such address", one("name: a, url: acme.example"), "2: upstream a: url must be https://HOST/PATH"},
		{"another scheme", one("name: a, url: \"ftp://acme.example\""), "2: upstream a: url must be https://HOST/PATH"},
		{"a password in the address", one("name: a, url: \"https://u:p@acme.example\""), "2: upstream a: url must not have a user"},
		{"a query in the address", one("name: a, url: \"https://acme.example?a\""), "2: upstream a: url must have no query"},
		{"plain HTTP", one("name: a, url: \"http://acme.example\""), "2: upstream a: url is plain HTTP"},
		{"plain HTTP with TLS", one("name: a, url: \"http://127.0.0.1\", tls: {server-name: b}"), "2: upstream a: url is plain HTTP, and there is tls"},

		{"nothing to present", one("name: a, url: \"https://a.example\""), "2: upstream a: there is nothing to present to it"},
		{"no password", one("name: a, url: \"https://a.example\", account: u"), "2: upstream a: password-file is missing"},
		{"no user", one("name: a, url: \"https://a.example\", password-file: f"), "2: upstream a: account is missing"},
		{"a colon", one("name: a, url: \"https://a.example\", account: \"u:v\", password-file: f"), "2: upstream a: a user name has no colon"},
		{"two ways", upstreamWith("oauth2: {}"), "2: upstream a: account and oauth2 exclude each other"},
		{"a certificate without key", upstreamWith("tls: {cert: f}"), "2: upstream a: tls.cert and tls.key are given together"},
		{"an unknown grant", upstreamWith("oauth2: {grant: implicit}"), `2: "implicit" is none of client-credentials, password`},
		{"an account without user", upstreamWith("accounts: [{account: b, password-file: f}]"), "2: an account needs account, user and password-file"},
		{"an account twice", "upstreams:\n- name: a\n  url: https://a.example\n  accounts:\n  - {account: b, user: c, password-file: f}\n  - {account: b, user: d, password-file: f}\n",
			"6: upstream a: account b is there a second time, first in line 5"},
		{"a colon in an account's user", upstreamWith("accounts: [{account: b, user: \"c:d\", password-file: f}]"), "2: upstream a: a user name has no colon"},

		{"an unknown contract", upstreamWith("interfaces: [loyalty]"), `2: "loyalty" is none of giftcard, airtime`},
		{"an unknown lack", upstreamWith("without: [money]"), `2: "money" is none of confirmations`},
		{"gift cards without reversals", upstreamWith("without: [reversals]"), "2: upstream a: gift cards cannot do without reversals"},
		{"neither reversals nor status", upstreamWith("interfaces: [airtime], without: [reversals, status]"), "2: upstream a: without reversals and without status"},
		{"a provider of gift cards", upstreamWith("interfaces: [giftcard], provider: p"), "2: upstream a: a provider speaks airtime"},
		{"a long provider", upstreamWith("provider: " + strings.Repeat("p", 41)), "2: upstream a: the provider's name has more than 40 bytes"},
		{"the built-in provider", upstreamWith("provider: simulated, " + anOrigin), "2: upstream a: simulated is the network that is built in"},
		{"a provider twice", "upstreams:\n" + strings.ReplaceAll("- {name: a, X}\n- {name: b, X}\n", "X", "url: \"https://a.example\", account: u, password-file: f, provider: p, "+anOrigin),
			"3: upstream b: provider p is upstream a already"},

		{"a time-out without unit", upstreamWith("timeout: 50"), `2: "50" is not a time with its unit`},
		{"a time-out of nothing", upstreamWith("timeout: 0s"), "2: upstream a: timeout must be above 0"},
		{"a time-out below nothing", upstreamWith("timeout: -1s"), "2: upstream a: timeout must be above 0"},
		{"a time-out that is too long", upstreamWith("timeout: 60s"), "2: upstream a: timeout is 1m0s; it must be below request-timeout (1m0s)"},
		{"no window", upstreamWith("advice-window: 0"), "2: upstream a: advice-window must be above 0"},
		{"no number", upstreamWith("advice-window: many"), `2: "many" is not a whole number`},
		{"a wide window", upstreamWith("advice-window: 257"), "2: upstream a: window: 257 is not from 1 to 256"},
		{"a long wait", upstreamWith("longest-wait: 2h"), "2: upstream a: longest wait: 2h0m0s is above 1h0m0s"},
		{"waits that cross", upstreamWith("shortest-wait: 10s, longest-wait: 5s"), "2: upstream a: longest wait: it is below the shortest"},
		{"neither yes nor no", upstreamWith("plain-http: perhaps"), `2: "perhaps" is not true or false`},

		{"a file that is not there", one("name: a, url: \"https://a.example\", account: u, password-file: DIR/none"), "no such file"},
		{"an empty password", one("name: a, url: \"https://a.example\", account: u, password-file: DIR/empty"), "empty must hold one line"},
		{"two passwords", one("name: a, url: \"https://a.example\", account: u, password-file: DIR/lines"), "lines must hold one line"},
		{"a large password", one("name: a, url: \"https://a.example\", account: u, password-file: DIR/large"), "large has more than 4096 bytes"},
		{"an account's password that is not there", upstreamWith("accounts: [{account: b, user: c, password-file: DIR/none}]"), "2: upstream a: open "},
		{"authorities that are not there", upstreamWith("tls: {ca: DIR/none}"), "no such file"},
		{"authorities that are none", upstreamWith("tls: {ca: DIR/text.pem}"), "text.pem holds no PEM certificate"},
		{"a key that is not there", upstreamWith("tls: {cert: DIR/cert.pem, key: DIR/none}"), "no such file"},
		{"a key that is none", upstreamWith("tls: {cert: DIR/cert.pem, key: DIR/text.pem}"), "2: upstream a: "},

		{"a route to nobody", routesOf("interface: giftcard"), "5: the route leads nowhere"},
		{"a route to an unknown upstream", routesOf("to: a", "to: b, cards: [7*]"), "6: the route leads to upstream b, which is not among the upstreams"},
		{"a route to local and elsewhere", routesOf("to: [a, local]"), "5: the route leads to local and elsewhere"},
		{"a route to one twice", routesOf("to: [a, a]"), "5: the route leads to the same upstream twice"},
		{"a contract that the upstream does not speak", routesOf("to: air"), "5: the route leads to upstream air, which does not speak giftcard"},
		{"a second upstream that does not speak it", routesOf("to: [a, air], cards: [7*]"), "5: the route leads to upstream air, which does not speak giftcard"},
		{"vouchers where no status tells of them", routesOf("to: air, interface: airtime"), "5: the route leads to upstream air, which has no reversals, and takes voucher messages"},
		{"two routes that tie", routesOf("to: a, cards: [7*]", "to: local", "to: local, cards: [7001000-7001999, 7*]"), "7: the route ties with the route in line 5"},
		{"two routes for everything", routesOf("to: a", "to: local"), "6: the route ties with the route in line 5"},
		{"ranges that overlap in part", routesOf("to: a, cards: [10-19]", "to: local, cards: [15-24]"), "6: the route ties with the route in line 5"},
		{"conditions that exclude each other", routesOf("to: a, interface: airtime, cards: [7*]"), "5: the route can take no message"},
		{"an unknown operation", routesOf("to: a, operations: [refund]"), `5: "refund" is none of activation`},
		{"an unknown contract of a route", routesOf("to: a, interface: loyalty"), `5: "loyalty" is none of giftcard, airtime`},
		{"a range that is none", routesOf("to: a, cards: [6001]"), "5: it is no range"},
		{"a range the wrong way round", routesOf("to: a, cards: [\"6009-6001\"]"), "5: it is no range"},
		{"a range of long numbers", routesOf("to: a, msisdns: [\"1000000000000000*\"]"), "5: it is a range of longer numbers"},
		{"a range without country", routesOf("to: a, msisdns: [\"082*\"]"), "5: it is a range without country code"},
	}
	for _, test := range tests {
		_, err := switchOf(t, test.file)
		if err == nil {
			t.Errorf("%s: taken", test.name)
			continue
		}
		// the file is written with its directory before it
		if _, rest, found := strings.Cut(err.Error(), "scrip.yaml:"); !found || !strings.Contains(rest, test.want) || strings.Contains(rest, "\n") {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		} else if line, _, _ := strings.Cut(rest, ":"); strings.Trim(line, "0123456789") != "" || line == "" {
			t.Errorf("%s: no line in %v", test.name, err)
		}
	}
}

// The credentials that need something else to be there.
func TestCredentialsThatAreRefused(t *testing.T) {
	for _, test := range []struct{ members, want string }{
		{"oauth2: {}", "oauth2 needs token-url, grant and client-id"},
		{"oauth2: {token-url: \"https://l.example\", grant: password}", "oauth2 needs token-url, grant and client-id"},
		{"oauth2: {token-url: \"http://l.example\", grant: password, client-id: c}", "token-url is plain HTTP"},
		{"oauth2: {token-url: l, grant: password, client-id: c}", "token-url must be https://HOST/PATH"},
		{"oauth2: {token-url: \"https://l.example\", grant: password, client-id: c}", "the grant password needs username and password-file, or accounts"},
		{"oauth2: {token-url: \"https://l.example\", grant: password, client-id: c, username: u}", "username and password-file are given together"},
		{"oauth2: {token-url: \"https://l.example\", grant: client-credentials, client-id: c}", "the grant client-credentials needs client-secret-file"},
		{"oauth2: {token-url: \"https://l.example\", grant: client-credentials, client-id: c, client-secret-file: f, username: u, password-file: f}", "the grant client-credentials has no username"},
		{"oauth2: {token-url: \"https://l.example\", grant: client-credentials, client-id: c, client-secret-file: f}, accounts: [{account: a, user: b, password-file: f}]", "so there can be no accounts"},
		{"oauth2: {token-url: \"https://l.example\", grant: client-credentials, client-id: c, client-secret-file: DIR/none}", "no such file"},
	} {
		_, err := switchOf(t, "data: x\nupstreams:\n- {name: a, url: \"https://a.example\", "+test.members+"}\n")
		if err == nil || !strings.Contains(err.Error(), "scrip.yaml:3: upstream a: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", test.members, err)
		}
	}
}

// The credentials that are enough.
func TestCredentialsThatAreTaken(t *testing.T) {
	for _, members := range []string{
		"account: u, password-file: DIR/password",
		"accounts: [{account: a, user: b, password-file: DIR/password}]",
		"tls: {cert: DIR/cert.pem, key: DIR/key.pem}",
		"oauth2: {token-url: \"https://l.example\", grant: client-credentials, client-id: c, client-secret-file: DIR/password}",
		"oauth2: {token-url: \"https://l.example\", grant: client-credentials, client-id: c}, tls: {cert: DIR/cert.pem, key: DIR/key.pem}",
		"oauth2: {token-url: \"https://l.example\", grant: password, client-id: c}, accounts: [{account: a, user: \"b:c\", password-file: DIR/password}]",
		"plain-http: true, account: u, password-file: DIR/password, url: \"http://a.example\"",
		"account: u, password-file: DIR/password, url: \"http://localhost:8080/base\"",
	} {
		if !strings.Contains(members, " url:") {
			members += ", url: \"https://a.example\""
		}
		if got, err := switchOf(t, "data: x\nupstreams:\n- {name: a, "+members+"}\n"); err != nil || len(got.Upstreams) != 1 {
			t.Errorf("%s: %v", members, err)
		}
	}
}

// The time-out is measured against request-timeout, wherever that is given.
func TestATimeOutWithinAnother(t *testing.T) {
	s, err := given(t, strings.ReplaceAll(upstreamWith("timeout: 40s"), "DIR", files(t)), nil, "--request-timeout=30s")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Switch(); err == nil || !strings.Contains(err.Error(), "below request-timeout (30s)") {
		t.Errorf("got %v", err)
	}
}

// The example and the tables of the reference are those of the program.
func TestReferenceOfTheSwitch(t *testing.T) {
	const name = "../docs/configuration.md"
	upstreams, routes := SwitchReference()
	for section, table := range map[string]string{"upstreams": upstreams, "routes": routes} {
		document, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		before, got, after := cut(t, string(document), section)
		if *update {
			if err := os.WriteFile(name, []byte(before+table+after), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got != table {
			t.Errorf("the table of %s is not up to date; go test ./config -update writes it. Want:\n%s", section, table)
		}
	}
}

// cut takes a document apart around what stands between two marks.
func cut(t *testing.T, document, section string) (before, between, after string) {
	t.Helper()
	begin, end := "<!-- "+section+": begin -->\n", "<!-- "+section+": end -->\n"
	head, rest, found := strings.Cut(document, begin)
	between, tail, found2 := strings.Cut(rest, end)
	if !found || !found2 {
		t.Fatalf("the marks around %s are missing", section)
	}
	return head + begin, between, end + tail
}

func TestExampleOfTheSwitch(t *testing.T) {
	document, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := cut(t, string(document), "switch")
	example = strings.TrimSuffix(strings.TrimPrefix(example, "```yaml\n"), "```\n")
	dir := files(t)
	for _, name := range []string{"/run/secrets/acme-till-1", "/run/secrets/acme", "/run/secrets/mobile", "/run/secrets/north"} {
		example = strings.ReplaceAll(example, name, dir+"/password")
	}
	example = strings.ReplaceAll(example, "/etc/scrip/tls/mobile-ca.pem", dir+"/cert.pem")
	s, err := given(t, "data: x\n"+example, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Switch()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Upstreams) != 4 || len(got.Routes) != 3 || len(got.Warnings) > 0 || !slices.Equal(got.Routes[0].To, []string{"acme", "acme-south"}) {
		t.Errorf("got %+v", got)
	}
}
