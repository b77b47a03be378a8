package sandbox

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/ident"
)

// newAirtimeClient is an integrator's own test client of Airtime v5.
func newAirtimeClient(t testing.TB, a *app.App, user, password string) *client {
	return &client{t, "http://" + a.Address().String() + "/airtime/v5", user, password}
}

// The numbers that a fresh world knows, and one that it does not.
const (
	promoted = "27749670999"
	abroad   = "98987654356789"
	nobodys  = "486451465135"
)

// sale is a request for airtime as a till behind a switch sends it, in the name of the client.
func (c *client) sale(id string) object {
	return message(id, nil).but(object{"card": nil, "client": object{"id": c.user, "name": "Till Group"}, "product": object{"productId": "productId123"}})
}

// provide asks for a voucher in the older way.
func (c *client) provide(changes object) (string, reply) {
	c.Helper()
	id := newID()
	return id, c.post("vouchers/"+id, c.sale(id).but(changes))
}

// buy asks for a purchase.
func (c *client) buy(changes object) (string, reply) {
	c.Helper()
	id := newID()
	return id, c.post("purchases", c.sale(id).but(changes))
}

// end sends a confirmation or a reversal of a purchase.
func (c *client) end(kind, id, request string) reply {
	c.Helper()
	return c.post("purchases/"+kind, advice(id, request))
}

// filled checks that texts are there, of a form.
func (r reply) filled(form string, paths ...string) reply {
	r.Helper()
	for _, path := range paths {
		if text, _ := r.at(path).(string); !regexp.MustCompile(`\A(?:` + form + `)\z`).MatchString(text) {
			r.Errorf("%s is %q, want %s, in %s", path, text, form, r.text)
		}
	}
	return r
}

// An existing integrator's test client of Airtime passes again and again, beside those of gift cards, for several
// senders at once, and whether anything is kept or not.
func TestIntegratorsAirtimeClient(t *testing.T) {
	for name, data := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			a := open(t, data, MaxWorlds)
			var together sync.WaitGroup
			for _, user := range []string{"22222222", "44444444"} {
				together.Go(func() {
					cards, airtime := newClient(t, a, user, "password"), newAirtimeClient(t, a, user, "password")
					for range 2 {
						sell(airtime)
						integrate(cards)
						sell(airtime)
					}
				})
			}
			together.Go(func() {
				for range 4 {
					sell(newAirtimeClient(t, a, "55555555", "password"))
				}
			})
			together.Wait()
			sound(t, a)
		})
	}
}

// sell is everything that such a client tries, in its order.
func sell(c *client) {
	vouchers(c)
	purchases(c)
	statuses(c)
	numbers(c)
	airtimeRefusals(c)
	airtimeFormats(c)
	offers(c)
}

func vouchers(c *client) {
	id, r := c.provide(nil)
	r.is(201).has("id", id).has("time", sentTime).has("client.id", c.user).has("responseProduct.productId", "productId123")
	r.has("originator.merchant.merchantName.city", "Cape Town").has("thirdPartyIdentifiers.0.transactionIdentifier", "T1")
	r.filled("[0-9]{1,20}", "voucher.pin").filled("[0-9a-zA-Z]{1,20}", "voucher.serialNumber")
	r.filled(".+", "thirdPartyIdentifiers.3.transactionIdentifier", "settlementEntity.id", "settlementEntity.name", "slipData.messageLines.0.text")
	if !strings.HasSuffix(r.header.Get("Location"), "/vouchers/"+id) {
		c.Errorf("the Location is %q", r.header.Get("Location"))
	}
	c.post("vouchers/"+id, c.sale(id)).refused(400, "DUPLICATE_RECORD").has("id", id).has("requestType", "VOUCHER_REQUEST").has("originalId", nil)
	c.confirm("vouchers", id).is(202).has("requestId", id).has("voucher", nil)
	c.confirm("vouchers", id).is(202)
	c.reverse("vouchers", id).refused(400, "ACCOUNT_ALREADY_SETTLED").has("originalId", id).has("requestType", "VOUCHER_REVERSAL")

	second, again := c.provide(nil)
	if again.is(201).at("voucher.pin") == r.at("voucher.pin") {
		c.Error("two vouchers have one PIN")
	}
	c.reverse("vouchers", second).is(202).has("time", sentTime)
	c.reverse("vouchers", second).is(202)
	c.confirm("vouchers", second).refused(400, "ACCOUNT_ALREADY_SETTLED").has("originalId", second).has("requestType", "VOUCHER_CONFIRMATION")
	c.post("vouchers/"+second, c.sale(second)).refused(400, "DUPLICATE_RECORD")

	unknown := newID()
	c.confirm("vouchers", unknown).refused(404, "UNABLE_TO_LOCATE_RECORD").has("originalId", unknown)
	reversal := newID()
	for range 2 {
		c.post("vouchers/"+unknown+"/reversals/"+reversal, advice(reversal, unknown)).refused(404, "UNABLE_TO_LOCATE_RECORD").has("originalId", unknown)
	}
	c.post("vouchers/"+unknown, c.sale(unknown)).refused(400, "ACCOUNT_ALREADY_SETTLED").has("originalId", reversal).has("id", unknown)
}

func purchases(c *client) {
	id, r := c.buy(nil)
	r.is(201).has("id", id).has("time", sentTime).has("product.productId", "productId123").has("client.id", c.user)
	r.filled("[0-9a-zA-Z]+", "settlementEntity.id", "settlementEntity.name").filled(`\+?[1-9][0-9]{1,14}`, "msisdn.msisdn")
	r.filled("[0-9]{1,20}", "voucher.pin").filled(".+", "thirdPartyIdentifiers.3.transactionIdentifier", "product.name", "product.type")
	if r.at("amounts.approvedAmount.amount") == nil {
		c.Errorf("no approved amount in %s", r.text)
	}
	c.post("purchases/", c.sale(id)).refused(400, "DUPLICATE_RECORD").has("id", id).has("originalId", nil)
	first := newID()
	c.end("confirmations", first, id).is(202).has("id", first).has("requestId", id)
	c.end("confirmations", first, id).is(202)
	c.end("confirmations", newID(), id).is(202)
	last := newID()
	c.end("reversals", last, id).refused(400, "ACCOUNT_ALREADY_SETTLED").has("id", last).has("originalId", id).has("requestType", "PURCHASE_REVERSAL")

	id, r = c.buy(object{"paymentMethods": []object{{"type": "WALLET", "walletId": "w1"}}, "recipientMsisdn": object{"msisdn": promoted}})
	r.is(201).has("msisdn.msisdn", promoted)
	c.end("reversals", newID(), id).is(202).has("reversalReason", "TIMEOUT")
	c.end("reversals", newID(), id).is(202)
	c.end("confirmations", newID(), id).refused(400, "ACCOUNT_ALREADY_SETTLED").has("originalId", id).has("requestType", "PURCHASE_CONFIRMATION")

	unknown, reversal := newID(), newID()
	c.end("confirmations", newID(), unknown).refused(404, "UNABLE_TO_LOCATE_RECORD").has("originalId", unknown)
	c.end("reversals", reversal, unknown).refused(404, "UNABLE_TO_LOCATE_RECORD").has("originalId", unknown)
	c.post("purchases", c.sale(unknown)).refused(400, "ACCOUNT_ALREADY_SETTLED").has("originalId", reversal).has("requestType", "PURCHASE_REQUEST")
}

func statuses(c *client) {
	id, r := c.buy(nil)
	r.is(201)
	byReference := fmt.Sprintf("purchases/status?purchaseReference=%v&provider=%v", r.at("settlementEntity.id"), r.at("settlementEntity.name"))
	for _, path := range []string{"purchases/status?originalMsgId=" + id, byReference} {
		if again := c.get(path).is(202); again.text != r.text {
			c.Errorf("the status is %s, the purchase was %s", again.text, r.text)
		}
	}
	c.get("purchases/status?purchaseReference=nobodys&provider=nobody").refused(404, "UNABLE_TO_LOCATE_RECORD").has("originalId", "nobodys")
	unknown := newID()
	c.get("purchases/status?originalMsgId="+unknown).refused(404, "UNABLE_TO_LOCATE_RECORD").has("originalId", unknown)
	for _, too := range []string{"", "?provider=nobody", "?purchaseReference=nobodys"} {
		c.get("purchases/status"+too).refused(400, "FORMAT_ERROR").has("requestType", "PURCHASE_STATUS_REQUEST").has("detailMessage.formatErrors", nil)
	}
	c.end("reversals", newID(), id).is(202)
	for _, path := range []string{"purchases/status?originalMsgId=" + id, byReference} {
		c.get(path).refused(400, "ACCOUNT_ALREADY_SETTLED").has("originalId", id)
	}
}

func numbers(c *client) {
	for number, want := range map[string]struct {
		products  int
		promotion bool
	}{promoted: {2, true}, abroad: {3, false}, nobodys: {0, false}} {
		r := c.get("msisdn?operator=Operator&msisdn="+number).is(202).has("msisdn.msisdn", number).has("msisdn.operator.name", "Operator")
		c.get("msisdn?msisdn="+number).is(202).filled(".+", "msisdn.operator.id", "msisdn.operator.name")
		if country, some := r.at("msisdn.country").(string); some && len(country) != 2 {
			c.Errorf("the country is %q", country)
		}
		products, _ := r.at("availableProducts").([]any)
		if len(products) < want.products || want.products == 0 && len(products) > 0 {
			c.Errorf("%s has %d products, want at least %d", number, len(products), want.products)
		}
		for i := range products {
			product := fmt.Sprintf("availableProducts.%d.", i)
			r.filled(".+", product+"productId", product+"name", product+"type")
			for _, amount := range []string{"wholesalePrice", "recipientAmount", "productValues.0", "productValues.1"} {
				r.filled("[0-9]{3}", product+amount+".currency")
			}
		}
		if (r.at("promotion.promotion") != nil) != want.promotion {
			c.Errorf("%s: a promotion in %s", number, r.text)
		}
	}
	r := c.get("msisdn/?msisdn="+promoted+"&productType=DATA_FIXED").is(202).has("availableProducts.0.productId", "blueData1GB").has("availableProducts.1", nil)
	r.has("msisdn.operator.id", "blue").has("msisdn.country", "ZA")
	c.get("msisdn").refused(400, "FORMAT_ERROR").has("requestType", "MSISDN_INFO_REQUEST").
		has("detailMessage.formatErrors.0.msg", "query param msisdn may not be null").has("detailMessage.formatErrors.1", nil)
}

// airtimeRefusals also sees that a user name has to be the client's, and that nobody's never is.
func airtimeRefusals(c *client) {
	for _, user := range []string{"wrongUsername", ""} {
		stranger := &client{c.TB, c.base, user, "password"}
		id := newID()
		for path, kind := range map[string]string{"vouchers/" + id: "VOUCHER_REQUEST", "purchases": "PURCHASE_REQUEST", "purchases/trials": "TRIAL_PURCHASE_REQUEST"} {
			r := stranger.post(path, c.sale(id)).refused(400, "FORMAT_ERROR").has("id", id).has("requestType", kind).has("originalId", nil)
			r.has("detailMessage.client.id", c.user)
		}
		stranger.end("reversals", newID(), id).refused(404, "UNABLE_TO_LOCATE_RECORD")
		stranger.get("msisdn?msisdn=" + promoted).is(202)
	}
	_, r := c.buy(object{"product": object{"productId": "nothing"}})
	r.refused(400, "INVALID_PRODUCT")
	_, r = c.buy(object{"product": object{"productId": "greenAirtime10"}})
	r.refused(400, "INVALID_MSISDN")
	_, r = c.buy(object{"amounts": asked(1)})
	r.refused(400, "INVALID_AMOUNT")
}

func airtimeFormats(c *client) {
	id := newID()
	whole := c.sale(id)
	origin := whole["originator"].(object)
	merchant := origin["merchant"].(object)
	for path, body := range map[string]object{
		"id":                    whole.but(object{"id": nil}),
		"time":                  whole.but(object{"time": nil}),
		"originator":            whole.but(object{"originator": nil}),
		"client":                whole.but(object{"client": nil}),
		"product":               whole.but(object{"product": nil}),
		"product.productId":     whole.but(object{"product": object{}}),
		"originator.terminalId": whole.but(object{"originator": origin.but(object{"terminalId": nil})}),
		"originator.merchant":   whole.but(object{"originator": origin.but(object{"merchant": nil})}),
		"originator.merchant.merchantName.city": whole.but(object{"originator": origin.but(object{"merchant": merchant.but(object{
			"merchantName": merchant["merchantName"].(object).but(object{"city": nil})})})}),
	} {
		for at, kind := range map[string]string{"vouchers/" + id: "VOUCHER_REQUEST", "purchases": "PURCHASE_REQUEST"} {
			r := c.post(at, body).refused(400, "FORMAT_ERROR").has("requestType", kind)
			r.has("detailMessage.formatErrors.0.msg", path+" may not be null").has("detailMessage.formatErrors.1", nil)
		}
	}
	for _, body := range []any{nil, `{"id":`, `[]`} {
		c.post("vouchers/"+id, body).refused(400, "FORMAT_ERROR").has("id", id)
		c.post("purchases", body).refused(400, "FORMAT_ERROR")
	}
	c.post("vouchers/"+newID(), whole).refused(400, "FORMAT_ERROR").has("id", id)
	_, r := c.provide(nil)
	request := r.is(201).at("id").(string)
	body := advice(newID(), request).but(object{"voucher": object{"batchNumber": "1"}})
	c.post("vouchers/"+request+"/confirmations/"+body["id"].(string), body).refused(400, "FORMAT_ERROR").
		has("detailMessage.formatErrors.0.msg", "voucher.serialNumber may not be null").has("originalId", request)
	c.confirm("vouchers", request).is(202)
	c.get("nowhere").is(501).has("errorType", "FUNCTION_NOT_SUPPORTED")
}

// offers are trials, the list of products, and top-ups with the numbers that behave badly.
func offers(c *client) {
	id := newID()
	c.post("purchases/trials", c.sale(id)).is(200).has("voucher", nil).has("product.productId", "productId123")
	c.get("purchases/status?originalMsgId="+id).refused(404, "UNABLE_TO_LOCATE_RECORD")
	if all, _ := c.get("products").is(200).body.([]any); len(all) < 10 {
		c.Errorf("%d products are listed", len(all))
	}
	c.get("products/?channelName=web").is(200).has("0.productId", "blueData1GB").has("1.productId", "productId123").has("2", nil)

	topUp := func(number string) object {
		return object{"product": object{"productId": "greenAirtime"}, "amounts": asked(2500), "recipientMsisdn": object{"msisdn": number}}
	}
	id, r := c.buy(topUp("+27831234567"))
	r.is(201).has("voucher", nil).has("msisdn.msisdn", "+27831234567").has("amounts.approvedAmount.amount", 2500)
	c.end("reversals", newID(), id).is(202)
	_, r = c.buy(topUp("27831230001"))
	r.refused(400, "DECLINED_BY_MNO")
	_, r = c.buy(topUp("27831230005"))
	r.refused(400, "LIMIT_EXCEEDED")
	id, r = c.buy(topUp("27831230006"))
	r.is(201)
	c.end("reversals", newID(), id).refused(400, "TRANSACTION_NOT_SUPPORTED").has("originalId", id)
	c.end("confirmations", newID(), id).is(202)
}

// Numbers of the simulated network that are answered late, if ever, go as the rules say, where that need not be waited
// for.
func TestTopUpsThatAreNotAnswered(t *testing.T) {
	const patience = time.Second
	a, err := build(t.Context(), app.Settings{
		Listen: "127.0.0.1:0", Institution: ident.Reference{Institution: "1", Identifier: "Scrip"}, ProviderTimeout: patience,
	}, MaxWorlds)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	cards, products := conform.SandboxSeed()
	offers, networks := conform.SandboxAirtime()
	for i := range networks {
		networks[i].Brief = true
	}
	target, err := conform.NewHTTPTarget(conform.HTTPTarget{
		BaseURL: "http://" + a.Address().String(), Cards: cards, Products: products, Offers: offers, Networks: networks, Reset: true,
		Accounts: [2]conform.Credentials{{Name: "till", Password: "one"}, {Name: "till", Password: "another"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := conform.Run(t.Context(), target, conform.Options{Profile: conform.Compatibility, Match: regexp.MustCompile("^airtime/topup/")})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Name, f)
		}
	}
	if most := len(report.Results) - 1; report.Count(conform.Passed) != most { // all but the one with a float
		t.Errorf("%d of %d cases were played", report.Count(conform.Passed), most)
	}
	sound(t, a)
}

// A reset forgets purchases, and a restart does not.
func TestPurchasesAreKeptUntilTheReset(t *testing.T) {
	data := t.TempDir()
	a := start(t, data, MaxWorlds)
	id, r := newAirtimeClient(t, a, "till", "one").buy(nil)
	r.is(201)
	stop(t, a)

	a = open(t, data, MaxWorlds)
	c := newAirtimeClient(t, a, "till", "one")
	c.get("purchases/status?originalMsgId=" + id).is(202)
	c.post("purchases", c.sale(id)).refused(400, "DUPLICATE_RECORD")
	c.end("confirmations", newID(), id).is(202)
	newAirtimeClient(t, a, "till", "another").get("purchases/status?originalMsgId="+id).refused(404, "UNABLE_TO_LOCATE_RECORD")

	newClient(t, a, "till", "one").reset()
	c.get("purchases/status?originalMsgId="+id).refused(404, "UNABLE_TO_LOCATE_RECORD")
	c.post("purchases", c.sale(id)).is(201)
	sound(t, a)
}

// The seed is read strictly.
func TestASeedWithAFaultIsRefused(t *testing.T) {
	for what, change := range map[string][2]string{
		"an unknown member":   {"topUp: true", "topup: true"},
		"no amount":           {`"1000/710"`, `"1000"`},
		"a foreign country":   {"country: IR", "country: Iran"},
		"a limit upside down": {"500-100000/710", "5000-100/710"},
		"a type of its own":   {"type: COMBO", "type: BUNDLE"},
	} {
		spoilt := strings.Replace(string(seedFile), change[0], change[1], 1)
		if spoilt == string(seedFile) {
			t.Errorf("%s: the seed has no %s", what, change[0])
		}
		if _, err := readSeed([]byte(spoilt)); err == nil {
			t.Errorf("%s: the seed is taken", what)
		}
	}
}
