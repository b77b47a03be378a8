package config

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/txn"
)

// origin is what the top-ups that an upstream is asked for say of where they come from.
type origin struct {
	txn.Origin
	at nodes
}

// originMembers are the keys of an origin, with their explanations for the reference.
var originMembers = []member[origin]{
	{"institution-id", "Id of the institution that sells here.", text(func(o *origin) *string { return &o.Institution.ID })},
	{"institution-name", "Its name, up to 40 characters.", text(func(o *origin) *string { return &o.Institution.Name })},
	{"terminal", "What stands for a till: exactly 8 characters.", text(func(o *origin) *string { return &o.Terminal })},
	{"channel", "The way customers came in, if the upstream wants to know.", text(func(o *origin) *string { return &o.Channel })},
	{"merchant-type", "Category of the shop: four digits of ISO 18245.", text(func(o *origin) *string { return &o.Merchant.Type })},
	{"merchant-id", "Its id: exactly 15 characters.", text(func(o *origin) *string { return &o.Merchant.ID })},
	{"merchant-name", "Its name, up to 23 characters.", text(func(o *origin) *string { return &o.Merchant.Name })},
	{"merchant-city", "Its city, up to 13.", text(func(o *origin) *string { return &o.Merchant.City })},
	{"merchant-region", "Its state or province, up to 2.", text(func(o *origin) *string { return &o.Merchant.Region })},
	{"merchant-country", "Its country, up to 2.", text(func(o *origin) *string { return &o.Merchant.Country })},
	{"client-id", "Our own id there. It is the user name that is presented for the account `vendor`, unless something else is said; where there is none, with a token of the grant `client-credentials` or a certificate alone, it has to be said.", text(func(o *origin) *string { return &o.Client.ID })},
	{"client-name", "Our own name there, up to 40 characters.", text(func(o *origin) *string { return &o.Client.Name })},
}

// mayLack are the keys that an origin need not have.
var mayLack = []string{"channel", "client-id"}

// originKeys are the keys by the paths under which the contract has their words.
var originKeys = map[string]string{
	"originator.institution.id":                "institution-id",
	"originator.institution.name":              "institution-name",
	"originator.terminalId":                    "terminal",
	"originator.channelId":                     "channel",
	"originator.merchant.merchantType":         "merchant-type",
	"originator.merchant.merchantId":           "merchant-id",
	"originator.merchant.merchantName.name":    "merchant-name",
	"originator.merchant.merchantName.city":    "merchant-city",
	"originator.merchant.merchantName.region":  "merchant-region",
	"originator.merchant.merchantName.country": "merchant-country",
	"client.id":   "client-id",
	"client.name": "client-name",
}

func takeOrigin(v *values, n *yaml.Node, u *upstream) (err error) {
	u.origin.at, err = entry(v, n, "origin", originMembers, &u.origin)
	return err
}

// checkProvider judges what an upstream needs to top up.
func (u *upstream) checkProvider(v *values) error {
	switch hasOrigin := u.at["origin"] != nil; {
	case u.Provider == "" && hasOrigin:
		return u.fault(v, "origin", "origin is for a provider, and provider is missing")
	case u.Provider == "":
		return nil
	case !u.Airtime:
		return u.fault(v, "provider", "a provider speaks airtime")
	case len(u.Provider) > maxUpstreamName:
		return u.fault(v, "provider", "the provider's name has more than %d bytes", maxUpstreamName)
	case !hasOrigin:
		return u.fault(v, "provider", "origin is missing beside provider: what is topped up has to say where it comes from")
	}
	return u.checkOrigin(v)
}

func (u *upstream) checkOrigin(v *values) error {
	for _, m := range originMembers {
		if u.origin.at[m.key] == nil && !slices.Contains(mayLack, m.key) {
			return u.fault(v, "origin", "origin.%s is missing", m.key)
		}
	}
	user, presented := u.vendorsUser()
	u.Origin = u.origin.Origin
	u.Origin.Client.ID = cmp.Or(u.Origin.Client.ID, user)
	switch {
	case !presented:
		return u.fault(v, "provider", "nothing is presented to it for the account %s, which buys there: give account, or an entry of accounts", admin.VendorAccount)
	case u.Origin.Client.ID == "":
		return u.fault(v, "origin", "origin.client-id is missing, and what is presented has no user name")
	}
	return u.wrongOrigin(v, airtimehttp.CheckOrigin(u.Origin))
}

// wrongOrigin tells what the contract has against an origin at the key that is at fault.
func (u *upstream) wrongOrigin(v *values, err error) error {
	var refusal *decline.Error
	if !errors.As(err, &refusal) {
		return err
	}
	key, n := originKeys[refusal.Field], u.at["origin"]
	if at := u.origin.at[key]; at != nil {
		n = at
	}
	return v.at(n, "upstream %s: origin.%s%s", u.Name, key, strings.TrimPrefix(refusal.Text, refusal.Field))
}

// vendorsUser gives the user name that is presented for the account under which the vendor buys, which may be none, and
// says whether anything is presented for it.
func (u *upstream) vendorsUser() (user string, presented bool) {
	own := slices.IndexFunc(u.accounts, func(a account) bool { return a.name == admin.VendorAccount })
	switch {
	case own >= 0:
		return u.accounts[own].user, true
	case u.user != "":
		return u.user, true
	case u.hasOAuth2():
		return u.oauth2.user, u.oauth2.user != "" || u.oauth2.grant == ClientCredentials
	}
	return "", len(u.accounts) == 0
}
