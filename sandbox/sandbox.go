// Package sandbox runs everything at once for integrators' tests: the issuer with seeded cards and products, the airtime
// vendor with seeded products and a simulated mobile network, any credentials, and the compatibility profile of the
// public test servers (docs/rules.md sections 2.6 and 8).
//
// It promises that existing integrators' test clients pass against it, unchanged and repeatedly: each pair of
// user name and password has a world of its own, which a reset puts back to the seed. Everything that the
// profile does not name behaves as in production.
package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/network"
)

// New makes the program in its sandbox form out of settings for a plain one: anybody may come in, also over plain
// HTTP from anywhere. Start it and Stop it as any other.
func New(ctx context.Context, s app.Settings) (*app.App, error) { return build(ctx, s, MaxWorlds) }

// build makes a sandbox of so many worlds at most.
func build(ctx context.Context, s app.Settings, most int) (*app.App, error) {
	seed, err := readSeed(seedFile)
	if err != nil {
		return nil, err
	}
	w := &worlds{seed: seed, most: most, now: s.Now, log: s.Log, guests: map[string]*guest{}}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	s.Compatible, s.PlainHTTP = true, true
	s.Products = products{seed: seed, app: func() giftcard.Products { return w.app.Register }}
	seed.airtime.app = func() airtime.Catalogue { return w.app.Register.Catalogue() }
	s.Catalogue, s.Network = seed.airtime, &network.Settings{Badly: true}
	s.Guests = func(user, password string) (edge.Identity, error) { return w.admit(user, password) }
	s.Extra = func(rw http.ResponseWriter, r *http.Request) bool { return w.serve(rw, r) }
	if s.Currency == 0 {
		s.Currency = seed.currency
	}
	a, err := app.New(ctx, s)
	if err != nil {
		return nil, err
	}
	w.app = a
	if w.now == nil {
		w.now = a.Now
	}
	if err := errors.Join(w.load(ctx), w.sweep(ctx)); err != nil {
		return nil, errors.Join(err, a.Stop(ctx))
	}
	return a, nil
}

// Welcome says where the sandbox listens, with lines that can be pasted into a shell.
func Welcome(address, operators string) string {
	server := "http://" + address
	return "Scrip's sandbox serves Giftcard v3 on " + server + giftcardhttp.Base + " and Airtime v5 on " + server + airtimehttp.Base + "\n" +
		"Their documents are at " + server + "/openapi/giftcard and /openapi/airtime, operators are at http://" + operators + "\n\n" +
		"Look at a card, activate it with 50.00, confirm that, redeem 12.50 and confirm that; then buy a voucher, confirm that,\n" +
		"and top a number up with 10.00:\n\n" + strings.ReplaceAll(walk, "SERVER", server)
}

// walk is a first transaction of each contract in curl. The ids are fixed, so a second walk starts with the reset.
const walk = `MERCHANT='"originator":{"institution":{"id":"1","name":"Shop"},"terminalId":"00000001","merchant":{"merchantType":"5411","merchantId":"000000000000001","merchantName":{"name":"Corner shop","city":"Cape Town","region":"WC","country":"ZA"}}},"client":{"id":"demo","name":"Shop"},"thirdPartyIdentifiers":[]'
CARD='"card":{"pan":"8561725642498548895","expiryDate":"4010"}'
post() { curl -sS -u demo:demo -H 'Content-Type: application/json' -d "$2" "SERVER/$1"; echo; }

post giftcard/v3/testServerAdmin/reset '{"userDataWillBeLost":"TRUE","resetUserData":"TRUE"}'
post giftcard/v3/lookupGiftcard/a0000000-0000-4000-8000-000000000001 '{"id":"a0000000-0000-4000-8000-000000000001","time":"2030-01-01T12:00:00.000Z",'"$MERCHANT,$CARD"'}'
post giftcard/v3/activations/a0000000-0000-4000-8000-000000000002 '{"id":"a0000000-0000-4000-8000-000000000002","time":"2030-01-01T12:00:01.000Z",'"$MERCHANT,$CARD"',"product":{"id":"product001"},"amounts":{"requestAmount":{"amount":5000,"currency":"710"}}}'
post giftcard/v3/activations/a0000000-0000-4000-8000-000000000002/confirmations/a0000000-0000-4000-8000-000000000003 '{"id":"a0000000-0000-4000-8000-000000000003","requestId":"a0000000-0000-4000-8000-000000000002","time":"2030-01-01T12:00:02.000Z","thirdPartyIdentifiers":[],"tenders":[]}'
post giftcard/v3/redemptions/a0000000-0000-4000-8000-000000000004 '{"id":"a0000000-0000-4000-8000-000000000004","time":"2030-01-01T12:00:03.000Z",'"$MERCHANT,$CARD"',"amounts":{"requestAmount":{"amount":1250,"currency":"710"}}}'
post giftcard/v3/redemptions/a0000000-0000-4000-8000-000000000004/confirmations/a0000000-0000-4000-8000-000000000005 '{"id":"a0000000-0000-4000-8000-000000000005","requestId":"a0000000-0000-4000-8000-000000000004","time":"2030-01-01T12:00:04.000Z","thirdPartyIdentifiers":[]}'

post airtime/v5/purchases '{"id":"a0000000-0000-4000-8000-000000000006","time":"2030-01-01T12:00:05.000Z",'"$MERCHANT"',"product":{"productId":"productId123"}}'
post airtime/v5/purchases/confirmations '{"id":"a0000000-0000-4000-8000-000000000007","requestId":"a0000000-0000-4000-8000-000000000006","time":"2030-01-01T12:00:06.000Z","thirdPartyIdentifiers":[],"tenders":[]}'
post airtime/v5/purchases '{"id":"a0000000-0000-4000-8000-000000000008","time":"2030-01-01T12:00:07.000Z",'"$MERCHANT"',"product":{"productId":"greenAirtime"},"amounts":{"requestAmount":{"amount":1000,"currency":"710"}},"recipientMsisdn":{"msisdn":"27831234567"}}'
`
