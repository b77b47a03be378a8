package adminhttp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

const fifty = `{"settings":{"name":"Fifty","type":"AIRTIME_FIXED","values":[{"amount":5000,"currency":"710"}]},"reason":"new"}`

// put puts what must be taken.
func put(h *house, path, body string) map[string]any {
	h.Helper()
	return expect(h, 200, h.call("admin", "PUT", path, body))
}

// kiosk makes an account and a voucher product.
func (h *house) kiosk() {
	h.Helper()
	put(h, "/airtime/products/fifty", fifty)
	created(h, "admin", "/accounts", `{"name":"till"}`)
}

func serial(n int) string { return fmt.Sprintf("S%07d", n) }

func pinOf(n int) string { return fmt.Sprintf("77%012d", n) }

// vouchers gives a file of vouchers, made while it is read.
func vouchers(rows int) *file {
	return &file{rows: rows, rest: "serial,pin\n", end: io.EOF, row: func(n int) string { return serial(n) + "," + pinOf(n) + "\n" }}
}

// stock sends a file of vouchers of the product fifty.
func (h *house) stock(query string, body io.Reader) ([]adminapi.ImportEvent, error) {
	return h.bringTo("/vouchers/imports?product=fifty&"+query, body)
}

// buy sells a voucher, which must be approved.
func (h *house) buy() *airtime.Response {
	h.Helper()
	r, err := h.vendor.Request(h.Context(), &airtime.Request{
		Family: txn.Purchase, ID: h.newID(), Sender: h.sender(), Received: started, Product: "fifty",
		References: []ident.Reference{{Institution: "44", Identifier: "slip-17"}}, Labels: []string{"blue"},
		Body: []byte(`{"thirdPartyIdentifiers":[{"institutionId":"44","transactionIdentifier":"slip-17"}],"transactionLabels":["blue"]}`),
	})
	must(h.T, err)
	return r
}

func TestAnAirtimeProductComesBackAsItWent(t *testing.T) {
	h := build(t)
	put(h, "/airtime/networks/mno", `{"settings":{"name":"MNO","country":"ZA"},"reason":"new"}`)
	const settings = `{"name":"Data","barcode":"123","description":{"primary":"p","short":"s","additional":{"a":"b"}},"type":"DATA","network":"mno",
		"values":[{"amount":5000,"currency":"710"},{"amount":300,"currency":"840"}],"wholesale":{"amount":4500,"currency":"710"},
		"recipientAmount":{"amount":1,"currency":"840"},"validity":{"duration":30,"unit":"DAYS"},"contents":[{"amount":1,"unit":"GB"}],
		"channels":[{"name":"web","displayName":"W","displayCategory":"C","identifier":"i","sortOrder":1.5}],"promotion":"summer",
		"source":"stock","returned":"stock","lowStock":10,"instructions":["Dial *1#"]}`
	put(h, "/airtime/products/data", `{"settings":`+settings+`,"reason":"new"}`)
	var want map[string]any
	must(t, json.Unmarshal([]byte(settings), &want))
	if back := got(h, "viewer", "/airtime/products/data"); !reflect.DeepEqual(back["settings"], want) {
		t.Errorf("came back as %v, want %v", back["settings"], want)
	}
	const variable = `{"name":"Any","type":"AIRTIME_VARIABLE","topUp":true,"provider":"mno","limits":[{"currency":"710","min":100,"max":9000}],"discount":250}`
	put(h, "/airtime/products/any", `{"settings":`+variable+`,"reason":"new"}`)
	want = nil
	must(t, json.Unmarshal([]byte(variable), &want))
	if back := got(h, "viewer", "/airtime/products/any"); !reflect.DeepEqual(back["settings"], want) || back["edition"] != 2.0 || back["number"] != 2.0 {
		t.Errorf("came back as %v, want %v", back, want)
	}
	if gone := done(h, "operator", "/airtime/products/any/withdraw", `{"reason":"dear"}`); gone["withdrawn"] != true || gone["edition"] != 3.0 {
		t.Errorf("withdrawn as %v", gone)
	}
	done(h, "operator", "/airtime/products/any/restore", `{"reason":"cheap"}`)
	page := got(h, "viewer", "/airtime/products?limit=1")
	rest := got(h, "viewer", fmt.Sprintf("/airtime/products?after=%v", page["next"]))
	if len(page["products"].([]any)) != 1 || len(rest["products"].([]any)) != 1 || rest["next"] != nil {
		t.Errorf("pages %v and %v", page, rest)
	}
	h.refusedAs(h.call("admin", "PUT", "/airtime/products/x", `{"settings":{"name":"x","type":"DATA","discount":5},"reason":"x"}`), 400, "INVALID", "settings.discount")
	h.refusedAs(h.call("admin", "PUT", "/airtime/products/x", `{"settings":{"name":"x","type":"CAKE"},"reason":"x"}`), 400, "INVALID", "settings.type")
}

func TestANetworkComesBackAsItWent(t *testing.T) {
	h := build(t)
	const settings = `{"name":"MNO","country":"ZA","prefixes":["2782","27"],
		"promotion":{"name":"summer","text":"More for less","start":"2026-11-01T00:00:00Z","end":"2026-12-01T00:00:00Z"}}`
	put(h, "/airtime/networks/mno", `{"settings":`+settings+`,"reason":"new"}`)
	var want map[string]any
	must(t, json.Unmarshal([]byte(settings), &want))
	back := got(h, "viewer", "/airtime/networks/mno")
	listed := got(h, "viewer", "/airtime/networks")["networks"].([]any)
	if !reflect.DeepEqual(back["settings"], want) || !reflect.DeepEqual(listed, []any{back}) {
		t.Errorf("came back as %v, want %v; listed as %v", back["settings"], want, listed)
	}
	h.refusedAs(h.call("admin", "PUT", "/airtime/networks/b", `{"settings":{"name":"B","country":"ZA","prefixes":["27"]},"reason":"x"}`), 409, "EXISTS", "settings.prefixes.0")
	h.refusedAs(h.call("viewer", "GET", "/airtime/networks/b", ""), 404, "NOT_FOUND", "")
}

func TestTheLifeOfAVoucher(t *testing.T) {
	h := build(t)
	h.kiosk()
	events, err := h.stock("mode=all&name=B7&expiry=2030-01-01T00:00:00Z&lines=3", vouchers(3))
	h.ends(events, err, "complete 3/3/0/0")
	if i := events[len(events)-1].Summary; i.Kind != "vouchers" || i.Product != "fifty" {
		t.Errorf("summary %+v", i)
	}
	sold := h.buy().Voucher
	if sold.Batch != "B7" || !sold.Expiry.Equal(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)) || sold.PIN.Reveal() != pinOf(1) {
		t.Errorf("sold %+v", sold)
	}
	for _, query := range []string{`{"serial":"` + sold.Serial + `"}`, `{"pin":"` + pinOf(1) + `"}`} {
		found := done(h, "viewer", "/vouchers/search", query)["vouchers"].([]any)
		if len(found) != 1 || found[0].(map[string]any)["serial"] != sold.Serial || found[0].(map[string]any)["status"] != "sold" {
			t.Errorf("by %s: %v", query, found)
		}
		purchases := done(h, "viewer", "/transactions/search", query)["transactions"].([]any)
		if len(purchases) != 1 || purchases[0].(map[string]any)["state"] != "open" {
			t.Errorf("purchases by %s: %v", query, purchases)
		}
	}
	h.refusedAs(h.call("viewer", "POST", "/vouchers/search", `{}`), 400, "INVALID", "")
	if working := got(h, "viewer", "/transactions/working?account=till")["transactions"].([]any); len(working) != 0 {
		t.Errorf("a sold voucher is worked on: %v", working)
	}
	h.refusedAs(h.call("viewer", "POST", "/transactions/search", `{"serial":"S","pin":"1"}`), 400, "INVALID", "")

	purchase := got(h, "viewer", "/transactions?institution=44&identifier=slip-17")["transactions"].([]any)[0].(map[string]any)
	labelled := done(h, "viewer", "/transactions/search", `{"label":"blue"}`)["transactions"].([]any)
	ours := got(h, "viewer", "/transactions?identifier="+purchase["reference"].(string))["transactions"].([]any)
	if !reflect.DeepEqual(labelled, []any{purchase}) || !reflect.DeepEqual(ours, []any{purchase}) {
		t.Errorf("found by label %v, by our reference %v, want %v", labelled, ours, purchase)
	}
	voucher := purchase["voucher"].(map[string]any)
	path := fmt.Sprintf("/vouchers/%.0f", voucher["number"])
	revealed := done(h, "operator", path+"/reveal", `{"reason":"slip torn"}`)
	if revealed["pin"] != pinOf(1) || voucher["serial"] != sold.Serial || purchase["product"] != "fifty" {
		t.Errorf("revealed %v of %v", revealed, purchase)
	}
	reversed := done(h, "operator", fmt.Sprintf("/transactions/%.0f/settle", purchase["number"]), `{"ending":"reverse","reason":"till is gone"}`)
	if reversed["state"] != "reversed" {
		t.Errorf("settled as %v", reversed)
	}
	h.refusedAs(h.call("operator", "POST", path+"/reveal", `{"reason":"again"}`), 409, "CONFLICT", "")
	listed := got(h, "viewer", "/vouchers?status=quarantine")["vouchers"].([]any)
	if len(listed) != 1 || listed[0].(map[string]any)["batchName"] != "B7" {
		t.Errorf("in quarantine: %v", listed)
	}
	done(h, "admin", path+"/release", `{"reason":"never printed"}`)
	if gone := done(h, "operator", path+"/withdraw", `{"reason":"printed after all"}`); gone["status"] != "withdrawn" {
		t.Errorf("withdrawn as %v", gone)
	}
	if closed := done(h, "operator", "/batches/1/close", `{"reason":"recalled"}`); closed["state"] != "closed" || closed["inStock"] != 2.0 {
		t.Errorf("closed as %v", closed)
	}
	levels := got(h, "viewer", "/vouchers/levels?product=fifty")["levels"].([]any)[0].(map[string]any)
	batch := levels["batches"].([]any)[0].(map[string]any)
	if levels["onSale"] != 0.0 || batch["inStock"] != 2.0 || batch["sold"] != 0.0 || batch["withdrawn"] != 1.0 {
		t.Errorf("levels %v", levels)
	}
	done(h, "operator", "/batches/1/open", `{"reason":"all good"}`)
	trail := got(h, "auditor", fmt.Sprintf("/audit?subject=voucher/%.0f", voucher["number"]))
	var acts []any
	for _, e := range trail["entries"].([]any) {
		acts = append(acts, e.(map[string]any)["act"])
	}
	if fmt.Sprint(acts) != "[voucher.reveal voucher.release voucher.withdraw]" || strings.Contains(h.logged.String(), pinOf(1)) {
		t.Errorf("acts %v, log %s", acts, h.logged)
	}
}

func TestRejectedVouchersAreReportedWithoutPINs(t *testing.T) {
	h := build(t)
	h.kiosk()
	const text = "pin,serial\n111222333,N1\n444555666x,N2\n444555667,N-3\n111222333,N4\n888999111,N1\n,N5\n"
	events, err := h.stock("mode=skip", strings.NewReader(text))
	h.ends(events, err, "complete 6/1/0/5")
	var rejects []string
	for _, e := range events {
		if e.Reject.Line != 0 {
			rejects = append(rejects, fmt.Sprint(e.Reject.Line, " ", e.Reject.Field))
		}
	}
	if fmt.Sprint(rejects) != "[3 pin 4 serial 5 pin 6 serial 7 pin]" {
		t.Errorf("rejects %v", rejects)
	}
	for _, secret := range []string{"111222333", "444555666", "444555667", "888999111"} {
		if strings.Contains(fmt.Sprint(events), secret) || strings.Contains(h.logged.String(), secret) {
			t.Errorf("the report or the log tells %s", secret)
		}
	}
	events, err = h.stock("mode=all", strings.NewReader(text))
	h.ends(events, err, "abandoned 6/0/0/6")
}

func TestAFileOfVouchersThatWasCut(t *testing.T) {
	for name, c := range map[string]struct{ query, text, want string }{
		"in a line":          {"mode=all", "serial,pin\nN1,111\nN2,22", "INVALID "},
		"in a line, skip":    {"mode=skip", "serial,pin\nN1,111\nN2,22", "INVALID "},
		"between lines":      {"mode=all&lines=3", "serial,pin\nN1,111\nN2,222\n", "INVALID lines"},
		"in the first line":  {"mode=skip", "serial,p", "INVALID "},
		"without a PIN":      {"mode=skip", "serial\nN1\n", "INVALID pin"},
		"with other columns": {"mode=skip", "serial,pin,expiry\nN1,111,4010\n", "INVALID "},
		"empty":              {"mode=skip", "", "INVALID "},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t)
			h.kiosk()
			events, err := h.stock(c.query, strings.NewReader(c.text))
			h.ends(events, err, c.want)
			if h.state() != "abandoned" || h.onSale() != 0.0 {
				t.Errorf("the import is %v, %v are on sale", h.state(), h.onSale())
			}
			events, err = h.stock("mode=all", strings.NewReader("serial,pin\nN1,111\nN2,222\n"))
			h.ends(events, err, "complete 2/2/0/0")
		})
	}
}

func TestImportsOfVouchersThatCannotBe(t *testing.T) {
	h := build(t)
	h.kiosk()
	for query, want := range map[string]string{
		"mode=some": "400", "": "400", "mode=all&expiry=tomorrow": "400", "mode=all&expiry=2020-01-01T00:00:00Z": "400", "mode=all&name=a-b": "400",
	} {
		if _, err := h.stock(query, vouchers(1)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", query, err)
		}
	}
	if _, err := h.bringTo("/vouchers/imports?mode=all&product=none", vouchers(1)); err == nil || !strings.HasPrefix(err.Error(), "400") {
		t.Errorf("of a product that is not there: %v", err)
	}
}

// onSale gives how many vouchers of the product fifty are on sale.
func (h *house) onSale() any {
	h.Helper()
	return got(h, "viewer", "/vouchers/levels")["levels"].([]any)[0].(map[string]any)["onSale"]
}

// A sender that breaks off leaves nothing that can be sold in either mode, and the same file may be sent again.
func TestABodyOfVouchersThatBreaksOff(t *testing.T) {
	for _, mode := range []string{"all", "skip"} {
		h := build(t)
		h.kiosk()
		broken := vouchers(1000)
		broken.end = io.ErrUnexpectedEOF
		if _, err := h.stock("mode="+mode, broken); err == nil {
			t.Error("the sender saw a whole report")
		}
		h.rested()
		if h.state() != "abandoned" || h.onSale() != 0.0 {
			t.Errorf("mode %s: the import is %v, %v are on sale", mode, h.state(), h.onSale())
		}
		events, err := h.stock("mode="+mode, vouchers(1000))
		h.ends(events, err, "complete 1000/1000/0/0")
		if h.onSale() != 1000.0 {
			t.Errorf("mode %s: %v are on sale", mode, h.onSale())
		}
	}
}

// A voucher is sold once, though the last commit of the import that brought it reported an error, and whoever sent the
// file sends it again.
func TestAFileOfVouchersThatEndsInDoubt(t *testing.T) {
	h := build(t)
	h.kiosk()
	h.driver.Doubt = 3 // after the commits that begin the import and bring its lines
	events, err := h.stock("mode=all", vouchers(3))
	h.ends(events, err, "UNKNOWN_OUTCOME ")
	if h.state() != "complete" || h.onSale() != 3.0 {
		t.Errorf("the import is %v, %v are on sale", h.state(), h.onSale())
	}
	first := h.buy().Voucher.Serial
	events, err = h.stock("mode=skip", vouchers(3))
	h.ends(events, err, "complete 3/0/0/3")
	if second := h.buy().Voucher.Serial; second == first || h.onSale() != 1.0 {
		t.Errorf("sold %s and %s, %v are left", first, second, h.onSale())
	}
}

func TestAFloatOverHTTP(t *testing.T) {
	h := build(t)
	created(h, "admin", "/accounts", `{"name":"till","settings":{"prepaid":true,"intermediary":true,"lowFloat":500}}`)
	settings := got(h, "viewer", "/accounts/till")["settings"].(map[string]any)
	if settings["prepaid"] != true || settings["intermediary"] != true || settings["lowFloat"] != 500.0 {
		t.Errorf("settings %v", settings)
	}
	if f := got(h, "viewer", "/accounts/till/float"); f["currency"] != nil || f["low"] != true || f["prepaid"] != true {
		t.Errorf("before a deposit: %v", f)
	}
	done(h, "admin", "/accounts/till/float/deposit", `{"amount":1000,"currency":"840","reason":"paid in"}`)
	h.refusedAs(h.call("admin", "POST", "/accounts/till/float/withdraw", `{"amount":1001,"reason":"x"}`), 409, "CONFLICT", "amount")
	f := done(h, "admin", "/accounts/till/float/withdraw", `{"amount":400,"reason":"paid out"}`)
	if fmt.Sprint(f["balance"]) != "map[available:600 book:600]" || f["currency"] != "840" || f["low"] != false {
		t.Errorf("after both: %v", f)
	}
	if all := got(h, "viewer", "/floats")["floats"].([]any); !reflect.DeepEqual(all, []any{f}) {
		t.Errorf("listed %v", all)
	}
	h.refusedAs(h.call("admin", "POST", "/accounts/nobody/float/deposit", `{"amount":1,"reason":"x"}`), 404, "NOT_FOUND", "")
}

// A voucher's PIN that is not as the document says is not quoted back.
func TestRefusalsDoNotQuoteVoucherPINs(t *testing.T) {
	h := build(t)
	for _, path := range []string{"/vouchers/search", "/transactions/search"} {
		for _, body := range []string{`{"pin":"123454321x"}`, `{"pin":123454321}`, `{"serial":"x","pin":"123454321"}`, `{"PIN":"123454321"}`} {
			a := h.call("viewer", "POST", path, body)
			if a.status != http.StatusBadRequest || strings.Contains(a.text, "123454321") || strings.Contains(h.logged.String(), "123454321") {
				t.Errorf("%d %s", a.status, a.text)
			}
		}
	}
}
