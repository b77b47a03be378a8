package adminhttp_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

const pan = "6001000000000001"

func TestAProductComesBackAsItWent(t *testing.T) {
	h := build(t)
	const settings = `{"barcode":"123","type":"physical","currency":"710","startBalance":5000,"opening":"sum","minLoad":1,"maxLoad":2,
		"maxBalance":3,"singleLoad":true,"pinRequired":true,"pinTries":4,"singleUse":true,"validMonths":5,"replaceFrozen":true,
		"velocity":[{"family":"load","windowSeconds":3600,"maxCount":6,"maxAmount":7}]}`
	created(h, "admin", "/products", `{"id":"gold","settings":`+settings+`}`)
	var want map[string]any
	must(t, json.Unmarshal([]byte(settings), &want))
	if back := got(h, "viewer", "/products/gold"); !reflect.DeepEqual(back["settings"], want) {
		t.Errorf("came back as %v, want %v", back["settings"], want)
	}
	h.refusedAs(h.call("admin", "POST", "/products", `{"id":"gold","settings":{"currency":"710"}}`), 409, "EXISTS", "id")
	h.refusedAs(h.call("admin", "POST", "/products", `{"id":"tin","settings":{"currency":"710","opening":"requested","startBalance":5}}`), 400, "INVALID", "settings.startBalance")
	changed := expect(h, 200, h.call("admin", "PUT", "/products/gold", `{"settings":{"currency":"710","maxLoad":9},"reason":"simpler"}`))
	if fmt.Sprint(changed["settings"]) != "map[currency:710 maxLoad:9 opening:requested]" {
		t.Errorf("changed to %v", changed["settings"])
	}
	created(h, "admin", "/products", `{"id":"tin","settings":{"currency":"710"}}`)
	page := got(h, "viewer", "/products?limit=1")
	rest := got(h, "viewer", fmt.Sprintf("/products?after=%v", page["next"]))
	if len(page["products"].([]any)) != 1 || len(rest["products"].([]any)) != 1 || rest["next"] != nil {
		t.Errorf("pages %v and %v", page, rest)
	}
}

func TestAnAccountComesBackAsItWent(t *testing.T) {
	h := build(t)
	created(h, "admin", "/products", `{"id":"gold","settings":{"currency":"710"}}`)
	const settings = `{"families":["load","redemption"],"products":["gold"],"ranges":[{"first":"60","last":"61"}],"holderLookUps":true,
		"wrongPerMinute":1,"requestsPerSecond":2,"burst":3,"velocity":[{"family":"load","windowSeconds":60,"maxCount":1}],
		"certificates":[{"kind":"san","value":"till.example"}]}`
	made := created(h, "admin", "/accounts", `{"name":"till@shop.example","settings":`+settings+`}`)
	if made["password"] != nil {
		t.Error("an account with a certificate was given a password")
	}
	var want map[string]any
	must(t, json.Unmarshal([]byte(settings), &want))
	if back := got(h, "viewer", "/accounts/till@shop.example"); !reflect.DeepEqual(back["settings"], want) {
		t.Errorf("came back as %v, want %v", back["settings"], want)
	}
	credential := created(h, "admin", "/accounts/till@shop.example/credentials", `{"reason":"rotate","notAfter":"2030-01-01T00:00:00Z"}`)
	password := credential["password"].(string)
	if a := h.call("viewer", "GET", "/accounts", ""); strings.Contains(a.text, password) || strings.Contains(a.text, "argon2") {
		t.Error("the list shows a password or its hash")
	}
	back := done(h, "admin", "/accounts/till@shop.example/credentials/1/revoke", `{"reason":"rotated"}`)
	if len(back["credentials"].([]any)) != 0 {
		t.Errorf("credentials after the revocation: %v", back["credentials"])
	}
	if suspended := done(h, "operator", "/accounts/till@shop.example/suspend", `{"reason":"stolen"}`); suspended["suspended"] != true {
		t.Errorf("suspended: %v", suspended)
	}
	if resumed := done(h, "operator", "/accounts/till@shop.example/resume", `{"reason":"found"}`); resumed["suspended"] != false {
		t.Errorf("resumed: %v", resumed)
	}
	changed := expect(h, 200, h.call("admin", "PUT", "/accounts/till@shop.example", `{"settings":{},"reason":"all"}`))
	if fmt.Sprint(changed["settings"]) != "map[wrongPerMinute:30]" {
		t.Errorf("changed to %v", changed["settings"])
	}
}

// Who says nothing has the bound on guesses; only a 0 that was said is none.
func TestAnAccountIsBoundInItsGuessesByDefault(t *testing.T) {
	h := build(t)
	for name, c := range map[string]struct {
		body string
		want float64
	}{
		"nothing":  {`{"name":"nothing"}`, admin.DefaultWrongPerMinute},
		"settings": {`{"name":"settings","settings":{"burst":1}}`, admin.DefaultWrongPerMinute},
		"none":     {`{"name":"none","settings":{"wrongPerMinute":0}}`, 0},
		"few":      {`{"name":"few","settings":{"wrongPerMinute":3}}`, 3},
	} {
		created(h, "admin", "/accounts", c.body)
		settings := got(h, "viewer", "/accounts/"+name)["settings"].(map[string]any)
		if settings["wrongPerMinute"] != c.want {
			t.Errorf("%s: the bound is %v, want %v", name, settings["wrongPerMinute"], c.want)
		}
	}
}

// shop makes an account, a product and a card with 500 on it, and gives the card's number in the store.
func (h *house) shop() int64 {
	h.Helper()
	created(h, "admin", "/products", `{"id":"gold","settings":{"currency":"710","pinTries":3}}`)
	created(h, "admin", "/accounts", `{"name":"till"}`)
	made := created(h, "operator", "/cards", `{"pan":"`+pan+`","expiry":"4010"}`)
	h.advise(txn.Activation, h.ask(txn.Activation, 500))
	return int64(made["number"].(float64))
}

func (h *house) sender() *txn.Sender {
	account, _ := h.register.AccountByName(ident.Production, "till")
	sender, _ := h.register.Sender(ident.Production, account.Number)
	return sender
}

// ask sends a request of the till that must be approved.
func (h *house) ask(f txn.Family, amount money.Minor) ident.ID {
	h.Helper()
	number, err := ident.ParsePAN(pan)
	must(h.T, err)
	r := &giftcard.Request{
		Family: f, ID: h.newID(), Sender: h.sender(), Received: started, Card: giftcard.Presented{PAN: number, Expiry: "4010"}, Product: "gold",
		References: []ident.Reference{{Institution: "44", Identifier: "slip-17"}}, Merchant: "000000000012345",
		Body: []byte(`{"thirdPartyIdentifiers":[{"institutionId":"44","transactionIdentifier":"slip-17"}],"amount":1000000000000000001,` +
			`"originator":{"merchant":{"merchantId":"000000000012345"}}}`),
	}
	if amount != 0 {
		r.Amount = &money.Amount{Minor: amount, Currency: 710}
	}
	_, err = h.issuer.Request(h.Context(), r)
	must(h.T, err)
	return r.ID
}

func (h *house) advise(f txn.Family, request ident.ID) {
	h.Helper()
	_, err := h.issuer.Advise(h.Context(), &txn.Advice{
		Family: f, Role: txn.Confirmation, ID: h.newID(), RequestID: request, Sender: h.sender(), Received: started,
	})
	must(h.T, err)
}

func TestTheLifeOfACard(t *testing.T) {
	h := build(t)
	number := h.shop()
	path := fmt.Sprintf("/cards/%d", number)
	found := done(h, "viewer", "/cards/search", `{"pan":"`+pan+`"}`)
	if found["number"] != float64(number) || found["pan"] != "600100******0001" || found["product"] != "gold" || found["status"] != "ACTIVATED_CONFIRMED" {
		t.Errorf("found %v", found)
	}
	if shown := got(h, "viewer", path); !reflect.DeepEqual(shown, found) {
		t.Errorf("shown %v, found %v", shown, found)
	}
	done(h, "operator", path+"/freeze", `{"reason":"lost"}`)
	done(h, "operator", path+"/unfreeze", `{"reason":"found"}`)
	done(h, "operator", path+"/unlock", `{"reason":"asked"}`)
	credited := created(h, "admin", path+"/adjustments", `{"kind":"credit","amount":100,"reason":"goodwill"}`)
	if fmt.Sprint(credited["balance"]) != "map[available:600 book:600]" {
		t.Errorf("balance %v", credited["balance"])
	}
	h.refusedAs(h.call("admin", "POST", path+"/adjustments", `{"kind":"debit","amount":601,"reason":"x"}`), 409, "CONFLICT", "amount")
	h.refusedAs(h.call("admin", "POST", path+"/adjustments", `{"kind":"writeOff","reason":"x"}`), 409, "CONFLICT", "")
	h.refusedAs(h.call("operator", "POST", "/cards", `{"pan":"`+pan+`","expiry":"4010"}`), 409, "EXISTS", "pan")

	page := got(h, "viewer", path+"/history?limit=2")
	items := page["items"].([]any)
	newest := items[0].(map[string]any)
	if len(items) != 2 || newest["operator"] != "admin" || newest["reason"] != "goodwill" || fmt.Sprint(newest["balance"]) != "map[available:600 book:600]" {
		t.Errorf("history %v", items)
	}
	rest := got(h, "viewer", path+"/history?before="+page["next"].(string))
	if oldest := rest["items"].([]any)[0].(map[string]any); rest["next"] != nil || fmt.Sprint(oldest["balance"]) != "map[available:0 book:500]" {
		t.Errorf("history goes on with %v", rest)
	}
	trail := got(h, "auditor", fmt.Sprintf("/audit?subject=card/%d", number))
	var acts []any
	for _, e := range trail["entries"].([]any) {
		acts = append(acts, e.(map[string]any)["act"])
	}
	if fmt.Sprint(acts) != "[card.add card.freeze card.unfreeze card.unlock card.credit]" {
		t.Errorf("acts %v", acts)
	}
}

func TestATransactionIsFoundReadAndSettled(t *testing.T) {
	h := build(t)
	h.shop()
	id := h.ask(txn.Redemption, 200)
	byID := got(h, "viewer", "/transactions?id="+string(id))["transactions"].([]any)[0].(map[string]any)
	path := fmt.Sprintf("/transactions/%.0f", byID["number"])
	for _, query := range []string{"institution=44&identifier=slip-17", "identifier=" + byID["reference"].(string)} {
		found := got(h, "viewer", "/transactions?"+query)["transactions"].([]any)
		if last := found[len(found)-1]; !reflect.DeepEqual(last, byID) {
			t.Errorf("by %s: %v", query, found)
		}
	}
	h.refusedAs(h.call("viewer", "GET", "/transactions?institution=44&id="+string(id), ""), 400, "INVALID", "institution")
	from, to := started.Format(time.RFC3339), started.Add(time.Hour).Format(time.RFC3339)
	atMerchant := func(merchant, more string) []any {
		return got(h, "viewer", "/transactions/by-merchant?merchant="+merchant+"&from="+from+"&to="+to+more)["transactions"].([]any)
	}
	if found := atMerchant("000000000012345", ""); len(found) == 0 || !reflect.DeepEqual(found[len(found)-1], byID) {
		t.Errorf("by merchant and time: %v", found)
	}
	if found := atMerchant("000000000012346", ""); len(found) != 0 {
		t.Errorf("of another merchant: %v", found)
	}
	first := got(h, "viewer", "/transactions/by-merchant?merchant=000000000012345&limit=1&from="+from+"&to="+to)
	if rest := atMerchant("000000000012345", "&after="+first["next"].(string)); len(rest) == 0 || reflect.DeepEqual(rest[0], first["transactions"].([]any)[0]) {
		t.Errorf("after %v comes %v", first, rest)
	}
	if a := h.call("auditor", "GET", path+"/body", ""); a.status != 200 || !strings.Contains(a.text, "1000000000000000001") {
		t.Errorf("body: %d %s", a.status, a.text)
	}
	open := got(h, "viewer", "/transactions/open?account=till&olderThan=0s")["transactions"].([]any)
	if len(open) != 1 || open[0].(map[string]any)["state"] != "open" {
		t.Errorf("open: %v", open)
	}
	if none := got(h, "viewer", "/transactions/open?olderThan=1h")["transactions"].([]any); len(none) != 0 {
		t.Errorf("open for an hour: %v", none)
	}
	totals := got(h, "viewer", "/transactions/open/totals")["totals"].([]any)
	if len(totals) != 1 || totals[0].(map[string]any)["value"] != "200" || totals[0].(map[string]any)["account"] != "till" {
		t.Errorf("totals: %v", totals)
	}
	settled := done(h, "operator", path+"/settle", `{"ending":"reverse","reason":"till is gone"}`)
	if settled["state"] != "reversed" || settled["ended"].(map[string]any)["by"] != "operator" {
		t.Errorf("settled: %v", settled)
	}
	h.refusedAs(h.call("operator", "POST", path+"/settle", `{"ending":"confirm","reason":"x"}`), 409, "CONFLICT", "")
	if shown := got(h, "viewer", path); shown["state"] != "reversed" {
		t.Errorf("shown: %v", shown)
	}
}

func TestTheListOfOperatorsHasNoTokens(t *testing.T) {
	h := build(t)
	a := h.call("admin", "GET", "/operators", "")
	if a.status != 200 || strings.Count(a.text, `"name"`) != 5 || strings.Contains(a.text, "token") {
		t.Errorf("%d %s", a.status, a.text)
	}
}
