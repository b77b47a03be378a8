package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/secret"
)

// open runs a sandbox of so many worlds at most, and stops it with the test.
func open(t *testing.T, data string, most int) *app.App {
	t.Helper()
	a := start(t, data, most)
	t.Cleanup(func() { stop(t, a) })
	return a
}

func start(t testing.TB, data string, most int) *app.App {
	t.Helper()
	a, err := build(context.Background(), app.Settings{
		Data: data, Listen: "127.0.0.1:0", Institution: ident.Reference{Institution: "1", Identifier: "Scrip"},
	}, most)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	return a
}

func stop(t testing.TB, a *app.App) {
	t.Helper()
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// sound recomputes everything from the entries.
func sound(t testing.TB, a *app.App) {
	t.Helper()
	report, err := invariant.Check(context.Background(), a.Store.Driver())
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range report.Faults {
		t.Error(fault)
	}
}

// client is an integrator's own test client. It knows the published contract, and nothing of us.
type client struct {
	testing.TB
	base           string
	user, password string
}

func newClient(t testing.TB, a *app.App, user, password string) *client {
	return &client{t, "http://" + a.Address().String() + "/giftcard/v3", user, password}
}

// object is a JSON object.
type object map[string]any

// reply is what came back.
type reply struct {
	testing.TB
	status int
	header http.Header
	text   string
	body   any
}

func (c *client) call(method, path string, body any) reply {
	c.Helper()
	var text []byte
	switch body := body.(type) {
	case nil:
	case string:
		text = []byte(body)
	default:
		var err error
		if text, err = json.Marshal(body); err != nil {
			c.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, c.base+"/"+path, bytes.NewReader(text))
	if err != nil {
		c.Fatal(err)
	}
	if c.user != "" {
		r.SetBasicAuth(c.user, c.password)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(response.Body); err != nil {
		c.Fatal(err)
	}
	got := reply{TB: c, status: response.StatusCode, header: response.Header, text: string(text)}
	if err := json.Unmarshal(text, &got.body); err != nil {
		c.Errorf("%s: the answer is not JSON: %s", path, text)
	}
	return got
}

func (c *client) post(path string, body any) reply {
	c.Helper()
	return c.call(http.MethodPost, path, body)
}
func (c *client) get(path string) reply { c.Helper(); return c.call(http.MethodGet, path, nil) }

// at gives the value at a dotted path; numbers select from lists.
func (r reply) at(path string) any {
	value := r.body
	for name := range strings.SplitSeq(path, ".") {
		switch in := value.(type) {
		case map[string]any:
			value = in[name]
		case []any:
			var n int
			if _, err := fmt.Sscan(name, &n); err != nil || n >= len(in) {
				return nil
			}
			value = in[n]
		default:
			return nil
		}
	}
	return value
}

// has checks the value at a path, as JSON would write it.
func (r reply) has(path string, want any) reply {
	r.Helper()
	if got := r.at(path); fmt.Sprint(got) != fmt.Sprint(want) {
		r.Errorf("%s is %v, want %v, in %d %s", path, got, want, r.status, r.text)
	}
	return r
}

// is checks the status.
func (r reply) is(status int) reply {
	r.Helper()
	if r.status != status {
		r.Fatalf("answered %d %s, want %d", r.status, r.text, status)
	}
	return r
}

// refused checks that an answer is an ErrorDetail with this type.
func (r reply) refused(status int, kind string) reply {
	r.Helper()
	r.is(status).has("errorType", kind)
	for _, required := range []string{"id", "requestType", "errorMessage"} {
		if text, _ := r.at(required).(string); text == "" || required == "errorMessage" && len(text) > 20 {
			r.Errorf("%s is %q in %s", required, text, r.text)
		}
	}
	return r
}

// balances checks the four amounts of an answer, in minor units; a negative one must not be there.
func (r reply) balances(requested, approved, book, available int64) reply {
	r.Helper()
	for name, want := range map[string]int64{
		"requestAmount": requested, "approvedAmount": approved, "balanceAmount": book, "availableBalance": available,
	} {
		path := "amounts." + name + ".amount"
		if want < 0 {
			r.has(path, nil)
		} else {
			r.has(path, want)
		}
	}
	return r
}

// The seeded cards.
var (
	plain     = object{"pan": "8561725642498548895", "expiryDate": "4010"}
	encrypted = object{"pan": "0597253373808397921", "expiryDate": "4001", "encryptedPin": "30DED59C"}
	pinned    = object{"pan": "1258554313683463442", "expiryDate": "4007", "clearPin": "7052"}
	expired   = object{"pan": "3587368856326842130", "expiryDate": "1510", "clearPin": "1043"}
	unknown   = object{"pan": "1111111111111111111", "expiryDate": "4010"}
)

// but copies an object with some members changed; a nil value takes a member out.
func (o object) but(changes object) object {
	changed := object{}
	for name, value := range o {
		changed[name] = value
	}
	for name, value := range changes {
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
	}
	return changed
}

func newID() string { return string(secret.NewID()) }

// sentTime has the form in which clients compare it.
const sentTime = "2026-04-05T06:07:08.120Z"

func asked(amount any) object {
	return object{"requestAmount": object{"amount": amount, "currency": "710"}}
}

// message is a request as a till behind a switch sends it.
func message(id string, card object) object {
	return object{
		"id": id, "time": sentTime, "card": card,
		"originator": object{
			"institution": object{"id": "22222222", "name": "Till Group"}, "terminalId": "12345678",
			"merchant": object{
				"merchantType": "5411", "merchantId": "123456789012345",
				"merchantName": object{"name": "Shop", "city": "Cape Town", "region": "WC", "country": "ZA"},
			},
		},
		"client": object{"id": "22222222", "name": "Till Group"},
		"thirdPartyIdentifiers": []object{
			{"institutionId": "22222222", "transactionIdentifier": "T1"}, {"institutionId": "33333333", "transactionIdentifier": "S1"},
		},
		"slipWidth": 42, // no member of ours, to be ignored
	}
}

func advice(id, request string) object {
	return object{
		"id": id, "requestId": request, "time": sentTime, "tenders": []object{}, "reversalReason": "TIMEOUT",
		"thirdPartyIdentifiers": []object{{"institutionId": "22222222", "transactionIdentifier": "T1"}},
	}
}

// ask sends a request under a fresh id, with an amount unless it is nil.
func (c *client) ask(resource string, card object, amount any, more ...object) (string, reply) {
	c.Helper()
	id := newID()
	body := message(id, card)
	if amount != nil {
		body["amounts"] = asked(amount)
	}
	for _, m := range more {
		body = body.but(m)
	}
	return id, c.post(resource+"/"+id, body)
}

func (c *client) confirm(resource, request string) reply {
	c.Helper()
	id := newID()
	return c.post(resource+"/"+request+"/confirmations/"+id, advice(id, request))
}

func (c *client) reverse(resource, request string) reply {
	c.Helper()
	id := newID()
	return c.post(resource+"/"+request+"/reversals/"+id, advice(id, request))
}

// approved sends a request that must be approved and confirmed.
func (c *client) approved(resource string, card object, amount any, more ...object) string {
	c.Helper()
	id, r := c.ask(resource, card, amount, more...)
	r.is(201)
	c.confirm(resource, id).is(202)
	return id
}

// gold names a product that opens with what is asked for.
var gold = object{"product": object{"id": "product001"}}

func (c *client) reset() {
	c.Helper()
	r := c.post("testServerAdmin/reset", object{"userDataWillBeLost": "TRUE", "resetUserData": "TRUE"}).is(200)
	if r.at("outcome") == nil {
		c.Errorf("no outcome in %s", r.text)
	}
}

// look checks a card's balances and its product.
func (c *client) look(card object, book, available int64, product any) {
	c.Helper()
	_, r := c.ask("lookupGiftcard", card, nil)
	r.is(201).balances(-1, -1, book, available).has("product.id", product)
}
