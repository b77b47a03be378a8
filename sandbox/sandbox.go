// Package sandbox runs everything at once for integrators' tests: the issuer with seeded cards and products, any
// credentials, and the compatibility profile of the public test servers (docs/rules.md sections 2.6 and 8).
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

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
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
	base := "http://" + address + giftcardhttp.Base
	return "Scrip's sandbox serves Giftcard v3 on " + base + "\n" +
		"Its document is at http://" + address + "/openapi/giftcard, operators are at http://" + operators + "\n\n" +
		"Look at a card, activate it with 50.00, confirm that, redeem 12.50 and confirm that:\n\n" + strings.ReplaceAll(walk, "BASE", base)
}

// walk is a first transaction in curl. The ids are fixed, so a second walk starts with the reset.
const walk = `MERCHANT='"originator":{"institution":{"id":"1","name":"Shop"},"terminalId":"00000001","merchant":{"merchantType":"5411","merchantId":"000000000000001","merchantName":{"name":"Corner shop","city":"Cape Town","region":"WC","country":"ZA"}}},"client":{"id":"1","name":"Shop"},"thirdPartyIdentifiers":[]'
CARD='"card":{"pan":"8561725642498548895","expiryDate":"4010"}'
post() { curl -sS -u demo:demo -H 'Content-Type: application/json' -d "$2" "BASE/$1"; echo; }

post testServerAdmin/reset '{"userDataWillBeLost":"TRUE","resetUserData":"TRUE"}'
post lookupGiftcard/a0000000-0000-4000-8000-000000000001 '{"id":"a0000000-0000-4000-8000-000000000001","time":"2030-01-01T12:00:00.000Z",'"$MERCHANT,$CARD"'}'
post activations/a0000000-0000-4000-8000-000000000002 '{"id":"a0000000-0000-4000-8000-000000000002","time":"2030-01-01T12:00:01.000Z",'"$MERCHANT,$CARD"',"product":{"id":"product001"},"amounts":{"requestAmount":{"amount":5000,"currency":"710"}}}'
post activations/a0000000-0000-4000-8000-000000000002/confirmations/a0000000-0000-4000-8000-000000000003 '{"id":"a0000000-0000-4000-8000-000000000003","requestId":"a0000000-0000-4000-8000-000000000002","time":"2030-01-01T12:00:02.000Z","thirdPartyIdentifiers":[],"tenders":[]}'
post redemptions/a0000000-0000-4000-8000-000000000004 '{"id":"a0000000-0000-4000-8000-000000000004","time":"2030-01-01T12:00:03.000Z",'"$MERCHANT,$CARD"',"amounts":{"requestAmount":{"amount":1250,"currency":"710"}}}'
post redemptions/a0000000-0000-4000-8000-000000000004/confirmations/a0000000-0000-4000-8000-000000000005 '{"id":"a0000000-0000-4000-8000-000000000005","requestId":"a0000000-0000-4000-8000-000000000004","time":"2030-01-01T12:00:04.000Z","thirdPartyIdentifiers":[]}'
`
