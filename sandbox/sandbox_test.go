package sandbox

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/scripworks/scrip/conform"
)

// An existing integrator's test client passes again and again, for several senders at once, and whether anything is
// kept or not.
func TestIntegratorsClient(t *testing.T) {
	for name, data := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			a := open(t, data, MaxWorlds)
			var together sync.WaitGroup
			for _, user := range []string{"22222222", "44444444", ""} {
				together.Go(func() {
					c := newClient(t, a, user, "password")
					integrate(c)
					integrate(c)
				})
			}
			together.Wait()
			sound(t, a)
		})
	}
}

// integrate is everything that such a client tries, in its order.
func integrate(c *client) {
	c.reset()
	fresh(c)
	activations(c)
	loads(c)
	redemptions(c)
	pins(c)
	voids(c)
	replaceAndTransfer(c)
	refusals(c)
	formats(c)
}

// fresh looks at the world as it comes from the seed.
func fresh(c *client) {
	all := c.get("testServerAdmin/data").is(200)
	if cards, products := all.at("cards").([]any), all.at("products").([]any); len(cards) < 4 || len(products) < 10 {
		c.Errorf("there are %d cards and %d products", len(cards), len(products))
	}
	for n := range all.at("cards").([]any) {
		card := fmt.Sprintf("cards.%d.", n)
		all.has(card+"status", "NEW").has(card+"product", nil)
		all.has(card+"balance.balanceAmount.amount", 0).has(card+"balance.availableBalance.amount", 0).has(card+"balance.balanceAmount.currency", "710")
	}
	all.has("cards.1.card.encryptedPin", "30DED59C").has("cards.2.card.clearPin", "7052").has("cards.2.card.expiryDate", "4007")
	all.has("products.4.product.id", "product005").has("products.4.product.barcode", "0537683686557").has("products.4.startingBalance.amount", 10000)

	one := c.get("testServerAdmin/data/card/8561725642498548895").is(200)
	one.has("cards.0.card.pan", plain["pan"]).has("cards.1", nil).has("products", "[]")
	c.get("testServerAdmin/data/card/1").is(200).has("cards", "[]").has("products", "[]")
	c.get("testServerAdmin/data/product/product003").is(200).has("products.0.startingBalance.amount", 1000).has("products.1", nil).has("cards", "[]")
	c.get("testServerAdmin/data/product/none").is(200).has("cards", "[]").has("products", "[]")
	for _, flags := range []any{object{}, object{"userDataWillBeLost": "TRUE"}, object{"userDataWillBeLost": "FALSE", "resetUserData": "TRUE"}, nil} {
		if c.post("testServerAdmin/reset", flags).is(400).at("outcome") == nil {
			c.Error("a reset that was not wanted has no outcome")
		}
	}
}

func activations(c *client) {
	product := object{"product": object{"id": "product003"}}
	id, r := c.ask("activations", plain, 500, product)
	r.is(201).balances(500, 500, 1500, 0).has("id", id).has("time", sentTime).has("card.pan", plain["pan"])
	r.has("originator.merchant.merchantName.city", "Cape Town").has("client.id", "22222222")
	r.has("thirdPartyIdentifiers.0.transactionIdentifier", "T1").has("thirdPartyIdentifiers.1.transactionIdentifier", "S1")
	if r.at("thirdPartyIdentifiers.3.transactionIdentifier") == nil || r.at("slipData.messageLines.0.text") == nil {
		c.Errorf("our own identifiers or the slip are missing: %s", r.text)
	}
	if r.header.Get("Location") == "" {
		c.Error("there is no Location")
	}
	c.state(plain, "ACTIVATED", 1500, 0)
	_, again := c.ask("activations", plain, nil, product)
	again.refused(400, "CARD_ACTIVATED")
	_, early := c.ask("loads", plain, 100)
	early.refused(400, "CARD_NOT_ACTIVATED")

	c.reverse("activations", id).is(202).has("requestId", id).has("time", sentTime)
	c.state(plain, "NEW", 0, 0)
	c.confirm("activations", id).refused(400, "GENERAL_ERROR").has("originalId", id)
	second := c.approved("activations", plain, nil, product)
	c.state(plain, "ACTIVATED_CONFIRMED", 1000, 1000)
	c.look(plain, 1000, 1000, "product003")
	c.reverse("activations", second).refused(400, "CARD_ACTIVATED")
}

// state checks what the test server shows of a card.
func (c *client) state(card object, status string, book, available int64) {
	c.Helper()
	c.get("testServerAdmin/data/card/"+card["pan"].(string)).has("cards.0.status", status).
		has("cards.0.balance.balanceAmount.amount", book).has("cards.0.balance.availableBalance.amount", available)
}

func loads(c *client) {
	id, r := c.ask("loads", plain, "0250") // as text, as some clients do
	r.is(201).balances(250, 250, 1250, 1000)
	c.confirm("loads", id).is(202).has("requestId", id)
	c.look(plain, 1250, 1250, "product003")
	c.confirm("loads", id).is(202)
	c.reverse("loads", id).refused(400, "TRANSACTION_NOT_SUPPORTED")

	id, r = c.ask("loads", plain, 100)
	r.is(201).balances(100, 100, 1350, 1250)
	c.reverse("loads", id).is(202)
	c.reverse("loads", id).is(202)
	c.confirm("loads", id).refused(400, "GENERAL_ERROR")
	c.look(plain, 1250, 1250, "product003")
}

func redemptions(c *client) {
	id, r := c.ask("redemptions", plain, 1250)
	r.is(201).balances(1250, 1250, 0, 0)
	_, r = c.ask("redemptions", plain, 1)
	r.refused(400, "INSUFFICIENT_FUNDS").has("requestType", "REDEMPTION_REQUEST").has("originalId", nil)
	c.reverse("redemptions", id).is(202)
	c.look(plain, 1250, 1250, "product003")
	id = c.approved("redemptions", plain, 250)
	c.reverse("redemptions", id).refused(400, "TRANSACTION_NOT_SUPPORTED").has("originalId", id)
	c.post("redemptions/"+id, message(id, plain).but(object{"amounts": asked(250)})).refused(400, "DUPLICATE_RECORD").has("id", id)
	c.look(plain, 1000, 1000, "product003")
}

func pins(c *client) {
	for _, card := range []object{encrypted, pinned} {
		c.approved("activations", card.but(object{"encryptedPin": nil, "clearPin": nil}), 300, gold)
		for _, wrong := range []object{
			{"encryptedPin": nil, "clearPin": nil}, {"encryptedPin": "00000000", "clearPin": nil}, {"encryptedPin": nil, "clearPin": "0000"},
		} {
			_, r := c.ask("redemptions", card.but(wrong), 100)
			r.refused(400, "INCORRECT_PIN")
		}
		id, r := c.ask("redemptions", card, 100)
		r.is(201).has("card.clearPin", nil).has("card.encryptedPin", nil)
		c.confirm("redemptions", id).is(202)
		c.look(card, 200, 200, "product001")
	}
}

// voids also sees what is refused on a voided card, among it what only the public test server refuses.
func voids(c *client) {
	open, r := c.ask("loads", plain, 70)
	r.is(201)
	_, r = c.ask("voids", plain.but(object{"expiryDate": "4011"}), nil)
	r.refused(400, "GENERAL_ERROR")
	id, r := c.ask("voids", plain, nil)
	r.is(201).balances(-1, -1, 1070, 1000).has("product.id", "product003")
	_, r = c.ask("redemptions", plain, 1)
	r.refused(400, "CARD_VOIDED")
	c.reverse("loads", open).refused(400, "CARD_VOIDED")
	c.reverse("voids", id).is(202)
	c.reverse("loads", open).is(202)
	c.state(plain, "ACTIVATED_CONFIRMED", 1000, 1000)
	id = c.approved("voids", plain, nil)
	c.reverse("voids", id).refused(400, "CARD_VOIDED")
	c.state(plain, "VOIDED_CONFIRMED", 1000, 1000)
	_, r = c.ask("activations", plain, nil, gold)
	r.refused(400, "CARD_VOIDED")
}

// replaceAndTransfer are in the interface; the test server does not have them, so the client begins anew for them.
func replaceAndTransfer(c *client) {
	c.reset()
	c.approved("activations", plain, 500, gold)
	c.approved("activations", pinned.but(object{"clearPin": nil}), 100, gold)
	id, r := c.ask("transfers", plain, 200, object{"card": nil, "sourceCard": plain, "targetCard": pinned})
	r.is(201).balances(200, 200, 300, 300)
	c.confirm("transfers", id).is(202)
	c.look(pinned, 300, 300, "product001")
	id, r = c.ask("replaces", plain, nil, object{"card": nil, "oldCard": plain, "newCard": encrypted})
	r.is(201).balances(-1, -1, 300, 0)
	c.confirm("replaces", id).is(202)
	c.look(encrypted, 300, 300, "product001")
	_, r = c.ask("redemptions", plain, 1)
	r.refused(400, "CARD_VOIDED")
	c.reset()
	c.look(plain, 0, 0, nil)
}

func refusals(c *client) {
	for _, resource := range []string{"activations", "loads", "redemptions", "voids"} {
		_, r := c.ask(resource, unknown, 100, gold)
		r.refused(400, "INVALID_CARD_NUMBER")
		id := newID()
		for _, r := range []reply{c.reverse(resource, id), c.confirm(resource, id)} {
			r.refused(404, "UNABLE_TO_LOCATE_RECORD").has("originalId", id)
		}
		late := c.post(resource+"/"+id, message(id, plain).but(gold).but(object{"amounts": asked(100)}))
		late.refused(400, "GENERAL_ERROR")
	}
	for _, resource := range []string{"loads", "redemptions", "voids"} {
		_, r := c.ask(resource, plain, 100)
		r.refused(400, "CARD_NOT_ACTIVATED")
	}
	_, r := c.ask("lookupGiftcard", unknown, nil)
	r.refused(400, "INVALID_CARD_NUMBER")
	_, r = c.ask("activations", plain, nil, object{"product": object{"id": "product000"}})
	r.refused(400, "INVALID_PRODUCT")
	_, r = c.ask("activations", expired, nil, gold)
	r.refused(400, "CARD_EXPIRED")
	_, r = c.ask("activations", plain.but(object{"expiryDate": "4009"}), nil, gold)
	r.refused(400, "CARD_EXPIRED")
}

func formats(c *client) {
	id := newID()
	for path, body := range map[string]object{
		"id":                    message(id, plain).but(object{"id": nil}),
		"time":                  message(id, plain).but(object{"time": nil}),
		"originator":            message(id, plain).but(object{"originator": nil}),
		"client":                message(id, plain).but(object{"client": nil}),
		"originator.terminalId": message(id, plain).but(object{"originator": message(id, plain)["originator"].(object).but(object{"terminalId": nil})}),
		"amounts":               message(id, plain),
		"card":                  message(id, nil).but(object{"card": nil}),
	} {
		if path != "amounts" {
			body["amounts"] = asked(1)
		}
		r := c.post("redemptions/"+id, body).refused(400, "FORMAT_ERROR").has("id", id).has("requestType", "REDEMPTION_REQUEST")
		r.has("detailMessage.formatErrors.0.field", path).has("detailMessage.formatErrors.0.msg", path+" may not be null").has("detailMessage.formatErrors.1", nil)
	}
	for _, body := range []any{nil, `{"id":`, `[]`, `"x"`} {
		c.post("loads/"+id, body).refused(400, "FORMAT_ERROR").has("id", id)
	}
	c.post("loads/"+id, message(newID(), plain).but(object{"amounts": asked(1)})).refused(400, "FORMAT_ERROR").has("detailMessage.pathId", id)
	c.get("nowhere").is(501).has("errorType", "FUNCTION_NOT_SUPPORTED")
}

// The suite passes with the sandbox's seed and the compatibility profile.
func TestConformance(t *testing.T) {
	a := open(t, "", MaxWorlds)
	target, err := conform.NewHTTPTarget(conform.HTTPTarget{
		BaseURL: "http://" + a.Address().String(), Reset: true,
		Accounts: [2]conform.Credentials{{Name: "till", Password: "one"}, {Name: "till", Password: "another"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := conform.Run(t.Context(), target, conform.Options{Profile: conform.Compatibility})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Name, f)
		}
	}
	played := map[string]int{}
	for _, r := range report.Results {
		contract, _, _ := strings.Cut(r.Name, "/")
		if r.Status == conform.Passed {
			played[contract]++
		}
	}
	if played["giftcard"] < 100 || played["airtime"] < 100 {
		t.Errorf("only these cases were played: %v", played)
	}
	sound(t, a)
}
