package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// providerOf gives the file of an upstream that tops up, with these credentials; what its origin says besides stands in
// line 6 and after it. A change to nothing leaves a key out.
func providerOf(credentials string, changes ...string) string {
	origin := map[string]string{
		"institution-id": "1", "institution-name": "us", "terminal": "00000001", "merchant-type": "4814", "merchant-id": "000000000000001",
		"merchant-name": "us", "merchant-city": "here", "merchant-region": "WC", "merchant-country": "ZA", "client-name": "us",
	}
	for _, change := range changes {
		key, value, _ := strings.Cut(change, "=")
		origin[key] = value
	}
	text := "upstreams:\n- name: a\n  url: https://a.example\n  provider: p\n  origin:\n"
	for _, key := range slices.Sorted(maps.Keys(origin)) {
		if origin[key] != "" {
			text += fmt.Sprintf("    %s: %q\n", key, origin[key])
		}
	}
	return text + "  " + cmp.Or(credentials, basic) + "\ndata: x\n"
}

// What may be presented, as members of an upstream.
const (
	basic    = "account: us\n  password-file: DIR/password"
	token    = "oauth2: {token-url: \"https://l.example\", grant: client-credentials, client-id: c, client-secret-file: DIR/password}"
	forUsers = "oauth2: {token-url: \"https://l.example\", grant: password, client-id: c}\n  accounts: [{account: till, user: t, password-file: DIR/password}]"
	noUser   = "tls: {cert: DIR/cert.pem, key: DIR/key.pem}"
)

// What is sent must name as its client whoever it is presented as.
func TestTheClientOfAnOrigin(t *testing.T) {
	for _, test := range []struct{ credentials, said, want string }{
		{basic, "", "us"},
		{basic, "client-id=them", "them"},
		{basic + "\n  accounts: [{account: till, user: t, password-file: DIR/password}]", "", "us"},
		{basic + "\n  accounts: [{account: vendor, user: v, password-file: DIR/password}]", "", "v"},
		{"accounts: [{account: vendor, user: v, password-file: DIR/password}]", "", "v"},
		{token, "client-id=them", "them"},
		{strings.ReplaceAll(forUsers, "client-id: c", "client-id: c, username: u, password-file: DIR/password"), "", "u"},
		{strings.ReplaceAll(forUsers, "till", "vendor"), "", "t"},
		{noUser, "client-id=them", "them"},
	} {
		got, err := switchOf(t, providerOf(test.credentials, cmp.Or(test.said, "client-id=")))
		if err != nil {
			t.Errorf("%s: %v", test.credentials, err)
		} else if id := got.Upstreams[0].Origin.Client.ID; id != test.want {
			t.Errorf("%s: the client is %q, not %q", test.credentials, id, test.want)
		}
	}
}

func TestProvidersThatAreRefused(t *testing.T) {
	all := slices.Collect(maps.Values(originKeys))
	for _, m := range originMembers {
		if !slices.Contains(all, m.key) {
			t.Errorf("a fault of %s could not be told", m.key)
		}
		if !slices.Contains(mayLack, m.key) {
			refuses(t, providerOf("", m.key+"="), "5: upstream a: origin."+m.key+" is missing")
		}
	}
	long := strings.Repeat("x", 51)
	for _, test := range []struct{ change, want string }{
		{"institution-name=" + long, "8: upstream a: origin.institution-name must have at most 40 characters"},
		{"terminal=1", "15: upstream a: origin.terminal must have exactly 8 characters"},
		{"channel=" + long, "6: upstream a: origin.channel must have at most 50 characters"},
		{"merchant-type=telecom", "14: upstream a: origin.merchant-type must match ^[0-9]{4}$"},
		{"merchant-id=1", "11: upstream a: origin.merchant-id must have exactly 15 characters"},
		{"merchant-name=" + long, "12: upstream a: origin.merchant-name must have at most 23 characters"},
		{"merchant-city=" + long, "9: upstream a: origin.merchant-city must have at most 13 characters"},
		{"merchant-region=Cape", "13: upstream a: origin.merchant-region must have at most 2 characters"},
		{"merchant-country=RSA", "10: upstream a: origin.merchant-country must have at most 2 characters"},
		{"client-name=" + long, "6: upstream a: origin.client-name must have at most 40 characters"},
		{"till=1", "16: unknown setting till of origin"},
	} {
		refuses(t, providerOf("", test.change), test.want)
	}
	refuses(t, strings.ReplaceAll(providerOf(""), "  provider: p\n", ""), "4: upstream a: origin is for a provider, and provider is missing")
	refuses(t, upstreamWith("provider: p"), "2: upstream a: origin is missing beside provider")
	refuses(t, upstreamWith("origin: us"), "2: origin must hold settings")
	refuses(t, providerOf(token), "5: upstream a: origin.client-id is missing")
	refuses(t, providerOf(noUser), "5: upstream a: origin.client-id is missing")
	refuses(t, providerOf(forUsers), "4: upstream a: nothing is presented to it for the account vendor")
	refuses(t, providerOf("accounts: [{account: till, user: t, password-file: DIR/password}]"), "4: upstream a: nothing is presented to it for the account vendor")
}

func refuses(t *testing.T, file, want string) {
	t.Helper()
	if _, err := switchOf(t, file); err == nil || !strings.Contains(err.Error(), "scrip.yaml:"+want) {
		t.Errorf("got %v, not %s", err, want)
	}
}
