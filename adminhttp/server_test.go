package adminhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/storetest"
)

// house is a server on loopback over a store in memory.
type house struct {
	*testing.T
	url      string
	office   *admin.Office
	register *admin.Register
	issuer   *giftcard.Issuer
	vendor   *airtime.Vendor
	store    *store.Store
	queues   *queues
	driver   *storetest.Doubtful
	tokens   map[string]string // by role
	logged   *bytes.Buffer
	ids      int
}

var started = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func build(t *testing.T) *house {
	keys, err := secret.Generate()
	must(t, err)
	h := &house{T: t, driver: &storetest.Doubtful{Driver: memstore.New()}, tokens: map[string]string{}, logged: &bytes.Buffer{}, queues: &queues{}}
	h.register, err = admin.LoadRegister(t.Context(), h.driver, adminhttp.Codec{})
	must(t, err)
	s := store.New(h.driver, store.Settings{Keys: keys, Now: time.Now, Unfinished: h.register.Unfinished})
	t.Cleanup(func() { s.Close() })
	h.store = s
	h.issuer = giftcard.NewIssuer(giftcard.Settings{Store: store.Giftcard(s), Keys: keys, Products: h.register})
	h.vendor = airtime.NewVendor(airtime.Settings{
		Store: store.Airtime(s), Unsettled: h.driver, Keys: keys, Catalogue: h.register.Catalogue(), Senders: h.register,
		Institution: ident.Reference{Institution: "1", Identifier: "Scrip"},
	})
	h.office = admin.NewOffice(admin.Settings{
		Store: store.Admin(s), Reports: h.driver, Register: h.register, Keys: keys, Codec: adminhttp.Codec{}, Issuer: h.issuer,
		Airtime: store.Airtime(s), Vendor: h.vendor, Providers: []string{"mno"}, Queues: h.queues, Tells: adminhttp.Tells,
		Carries: adminhttp.Carries, NewID: h.newID, NewToken: secret.NewToken, NewPassword: secret.NewToken, Currency: 710,
	})
	handler, err := adminhttp.New(adminhttp.Settings{
		Office: h.office, Now: func() time.Time { return started }, Log: slog.New(slog.NewTextHandler(h.logged, nil)),
	})
	must(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	h.url = server.URL
	h.hire()
	return h
}

func (h *house) newID() ident.ID { h.ids++; return ident.ID(fmt.Sprintf("id-%d", h.ids)) }

// hire makes an operator of each role, named like it.
func (h *house) hire() {
	first, err := h.office.Bootstrap(h.Context(), started, "")
	must(h.T, err)
	h.tokens["first"] = first
	for role := admin.Viewer; role <= admin.Admin; role++ {
		made := created(h, "first", "/operators", fmt.Sprintf(`{"name":"%s","role":"%s"}`, role, role))
		h.tokens[role.String()] = made["token"].(string)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
}

func (a answer) json(t *testing.T) (value map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.text), &value); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.text, err)
	}
	return value
}

// call calls as an operator.
func (h *house) call(who, method, path, body string) answer {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, h.url+adminapi.Base+path, strings.NewReader(body))
	must(h.T, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return h.send(who, r)
}

func (h *house) send(who string, r *http.Request) answer {
	h.Helper()
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+h.tokens[who])
	}
	response, err := http.DefaultClient.Do(r)
	must(h.T, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(h.T, err)
	return answer{response.StatusCode, response.Header, string(text)}
}

// created posts what must be created, and got asks for what must be there.
func created(h *house, who, path, body string) map[string]any {
	h.Helper()
	return expect(h, http.StatusCreated, h.call(who, "POST", path, body))
}

func got(h *house, who, path string) map[string]any {
	h.Helper()
	return expect(h, http.StatusOK, h.call(who, "GET", path, ""))
}

// done posts an act that must be done.
func done(h *house, who, path, body string) map[string]any {
	h.Helper()
	return expect(h, http.StatusOK, h.call(who, "POST", path, body))
}

func expect(h *house, status int, a answer) map[string]any {
	h.Helper()
	if a.status != status {
		h.Fatalf("answered %d %s, want %d", a.status, a.text, status)
	}
	return a.json(h.T)
}

// refusedAs checks status, code and field of an answer.
func (h *house) refusedAs(a answer, status int, code, field string) {
	h.Helper()
	e := a.json(h.T)
	at, _ := e["field"].(string)
	if a.status != status || e["code"] != code || at != field || e["message"] == "" {
		h.Errorf("answered %d %s, want %d %s at %q", a.status, a.text, status, code, field)
	}
}

// operation is one operation of the document.
type operation struct{ id, method, path, role string }

func operations(t *testing.T) (found []operation) {
	doc, err := openapi3.NewLoader().LoadFromData(adminapi.Document)
	must(t, err)
	must(t, doc.Validate(context.Background()))
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			role, _ := o.Extensions["x-scrip-role"].(string)
			found = append(found, operation{o.OperationID, method, path, role})
		}
	}
	return found
}

// bodies hold, for each operation that has one, what the document accepts.
var bodies = map[string]string{
	"createAccount": `{"name":"x"}`, "changeAccount": `{"settings":{},"reason":"x"}`, "suspendAccount": `{"reason":"x"}`,
	"resumeAccount": `{"reason":"x"}`, "addCredential": `{"reason":"x"}`, "revokeCredential": `{"reason":"x"}`,
	"createProduct": `{"id":"x","settings":{"currency":"710"}}`, "changeProduct": `{"settings":{"currency":"710"},"reason":"x"}`,
	"addCard": `{"pan":"1","expiry":"4010"}`, "findCard": `{"pan":"9"}`, "freezeCard": `{"reason":"x"}`, "unfreezeCard": `{"reason":"x"}`,
	"unlockCard": `{"reason":"x"}`, "adjustCard": `{"kind":"credit","amount":1,"reason":"x"}`, "settle": `{"ending":"confirm","reason":"x"}`,
	"createOperator": `{"name":"x","role":"viewer"}`, "revokeOperator": `{"reason":"x"}`, "importCards": "pan,expiry\n",
	"putAirtimeProduct": `{"settings":{"name":"x","type":"DATA","topUp":true},"reason":"x"}`, "putNetwork": `{"settings":{"name":"x","country":"ZA"},"reason":"x"}`,
	"withdrawAirtimeProduct": `{"reason":"x"}`, "restoreAirtimeProduct": `{"reason":"x"}`, "importVouchers": "serial,pin\n",
	"findVouchers": `{"serial":"x"}`, "releaseVoucher": `{"reason":"x"}`, "withdrawVoucher": `{"reason":"x"}`, "revealVoucher": `{"reason":"x"}`,
	"closeBatch": `{"reason":"x"}`, "openBatch": `{"reason":"x"}`, "searchTransactions": `{"serial":"x"}`,
	"depositFloat": `{"amount":1,"reason":"x"}`, "withdrawFloat": `{"amount":1,"reason":"x"}`,
	"pauseUpstream": `{"reason":"x"}`, "resumeUpstream": `{"reason":"x"}`, "retryQueueItem": `{"reason":"x"}`, "parkQueueItem": `{"reason":"x"}`,
	"closeQueueItem": `{"reason":"x"}`, "backUpStore": `{"reason":"x"}`,
}

// callable fills a path's parameters with things that are not there.
var callable = strings.NewReplacer("{account}", "none", "{product}", "none", "{card}", "999999", "{transaction}", "999999",
	"{operator}", "none", "{upstream}", "none", "{item}", "999999", "{credential}", "1", "{network}", "none", "{voucher}", "999999", "{batch}", "999999")

func (h *house) try(who string, o operation) answer {
	path := callable.Replace(o.path)
	switch o.id {
	case "importCards":
		path += "?mode=skip"
	case "findTransactions":
		path += "?id=x"
	case "importVouchers":
		path += "?mode=skip&product=none"
	case "listVouchers":
		path += "?status=stock"
	}
	r, err := http.NewRequestWithContext(h.Context(), o.method, h.url+adminapi.Base+path, strings.NewReader(bodies[o.id]))
	must(h.T, err)
	if r.Header.Set("Content-Type", "application/json"); o.id == "importCards" || o.id == "importVouchers" {
		r.Header.Set("Content-Type", "text/csv")
	}
	return h.send(who, r)
}

// The document says which role an operation takes; the server holds everybody to it, and lets those in who may.
func TestEveryOperationAgainstEveryRole(t *testing.T) {
	h := build(t)
	for _, o := range operations(t) {
		least, known := admin.ParseRole(o.role)
		if !known {
			t.Errorf("%s: the document names no role", o.id)
		}
		h.refusedAs(h.try("", o), http.StatusUnauthorized, "UNAUTHENTICATED", "")
		for role := admin.Viewer; role <= admin.Admin; role++ {
			a := h.try(role.String(), o)
			if forbidden := a.status == http.StatusForbidden; forbidden != (role < least) {
				t.Errorf("%s by a %s, where it takes %s: %d %s", o.id, role, least, a.status, a.text)
			}
			if a.status >= 500 {
				t.Errorf("%s by a %s: %d %s", o.id, role, a.status, a.text)
			}
		}
	}
}

func TestOnlyATokenThatCountsCounts(t *testing.T) {
	h := build(t)
	done(h, "admin", "/operators/viewer/revoke", `{"reason":"left"}`)
	for name, header := range map[string]string{
		"nothing": "", "another scheme": "Basic " + h.tokens["admin"], "another token": "Bearer scrip_x", "a revoked token": "Bearer " + h.tokens["viewer"],
		"an empty token": "Bearer ",
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", h.url+adminapi.Base+"/operators/me", nil)
		must(t, err)
		r.Header.Set("Authorization", header)
		a := h.send("", r)
		if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if me := got(h, "auditor", "/operators/me"); me["name"] != "auditor" || me["role"] != "auditor" {
		t.Errorf("I am %v", me)
	}
}

func TestWhatIsNoCallIsRefusedInJSON(t *testing.T) {
	h := build(t)
	h.refusedAs(h.call("viewer", "GET", "/nowhere", ""), 404, "NOT_FOUND", "")
	h.refusedAs(h.call("viewer", "DELETE", "/accounts", ""), 405, "METHOD_NOT_ALLOWED", "")
	h.refusedAs(h.call("viewer", "GET", "/cards/seven", ""), 400, "INVALID", "card")
	h.refusedAs(h.call("viewer", "GET", "/accounts?limit=many", ""), 400, "INVALID", "limit")
	h.refusedAs(h.call("viewer", "GET", "/transactions/open?olderThan=yesterday", ""), 400, "INVALID", "olderThan")
	h.refusedAs(h.call("viewer", "GET", "/transactions", ""), 400, "INVALID", "id")
	h.refusedAs(h.call("viewer", "GET", "/cards/1/history?before=x", ""), 400, "INVALID", "before")
	for settings, want := range map[string]string{
		`{"barcode":"12-3"}`: "must be 0 to 13 letters and digits", `{"limits":[{"currency":"R","min":1,"max":2}]}`: "must be 3 digits",
	} {
		refused := h.call("admin", "PUT", "/airtime/products/x", `{"reason":"x","settings":{"name":"x","type":"DATA",`+settings[1:]+`}`)
		if !strings.Contains(refused.text, `"`+want+`"`) {
			t.Errorf("%s is refused as %s, want %q", settings, refused.text, want)
		}
	}
	h.refusedAs(h.call("admin", "POST", "/products", `{"id":"gold"`), 400, "INVALID", "")
	h.refusedAs(h.call("admin", "POST", "/products", `{"id":"gold"}`), 400, "INVALID", "settings")
	h.refusedAs(h.call("admin", "POST", "/products", `{"id":"gold","settings":{"currency":"710","maxload":5}}`), 400, "INVALID", "settings")
	h.refusedAs(h.call("admin", "POST", "/products", `{"id":"gold","settings":{"currency":"710","maxLoad":-5}}`), 400, "INVALID", "settings.maxLoad")
	h.refusedAs(h.call("admin", "POST", "/products", `{"id":"gold","settings":{"currency":"710","maxLoad":1.5}}`), 400, "INVALID", "settings.maxLoad")
	h.refusedAs(h.call("operator", "POST", "/cards/1/freeze", `{}`), 400, "INVALID", "reason")
	h.refusedAs(h.call("admin", "POST", "/products", `{"id":"`+strings.Repeat("x", 300<<10)+`"}`), 413, "TOO_LARGE", "")

	r, err := http.NewRequestWithContext(t.Context(), "POST", h.url+adminapi.Base+"/products", strings.NewReader(`{}`))
	must(t, err)
	r.Header.Set("Content-Type", "text/plain")
	h.refusedAs(h.send("admin", r), 415, "UNSUPPORTED_MEDIA_TYPE", "")
}

// A number and a PIN that are not as the document says are not quoted back.
func TestRefusalsDoNotQuoteSecrets(t *testing.T) {
	h := build(t)
	for _, body := range []string{
		`{"pan":"6001000000000001x","expiry":"4010"}`, `{"pan":"6001000000000001","expiry":"4013","clearPin":"98765"}`,
		`{"pan":"6001000000000001","expiry":"4010","clearPin":"98765x"}`, `{"pan":"6001000000000001","expiry":"4010","pin":"98765"}`,
		`{"pan":6001000000000001,"expiry":"4010"}`,
	} {
		a := h.call("operator", "POST", "/cards", body)
		if a.status != 400 || strings.Contains(a.text, "6001000000000001") || strings.Contains(a.text, "98765") {
			t.Errorf("%d %s", a.status, a.text)
		}
	}
	if strings.Contains(h.logged.String(), "6001000000000001") || strings.Contains(h.logged.String(), "98765") {
		t.Error("the log tells the number or the PIN")
	}
}

func TestTheDocumentAndItsPageAreServed(t *testing.T) {
	h := build(t)
	for path, want := range map[string]string{adminhttp.DocumentPath: "openapi: 3.0.3", adminhttp.PagePath: "Scrip administration"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", h.url+path, nil)
		must(t, err)
		if a := h.send("", r); a.status != 200 || !strings.Contains(a.text, want) {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
