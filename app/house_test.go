package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/money"
)

// operatorToken is the first operator's in every house.
const operatorToken = "a-token-for-tests-of-the-whole-program-0123456789"

const currency money.Currency = 710

// house is a running program, driven as from outside: over HTTP.
type house struct {
	*app.App  // nil when it runs in a process of its own
	settings  app.Settings
	messages  string
	operators string
	client    *http.Client
}

// open starts a program in this process and stops it with the test. What settings leave open is filled in.
func open(t *testing.T, s app.Settings) *house {
	t.Helper()
	h := &house{settings: complete(s), client: newClient()}
	h.start(t)
	t.Cleanup(func() {
		h.client.CloseIdleConnections()
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// complete fills in what settings leave open.
func complete(s app.Settings) app.Settings {
	s.Listen, s.Token = "127.0.0.1:0", operatorToken
	s.Institution = ident.Reference{Institution: "30000001", Identifier: "Scrip"}
	s.Currency = currency
	return s
}

// start starts the program; a second time at the addresses of the first.
func (h *house) start(t testing.TB) {
	t.Helper()
	a, err := app.New(t.Context(), h.settings)
	if err != nil {
		t.Fatal(err)
	}
	h.serve(t, a)
}

// serve starts a program that was made.
func (h *house) serve(t testing.TB, a *app.App) {
	t.Helper()
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	scheme := "http"
	if h.settings.TLS != nil {
		scheme = "https"
	}
	h.App, h.settings.Listen, h.settings.AdminListen = a, a.Address().String(), a.AdminAddress().String()
	h.messages, h.operators = scheme+"://"+h.settings.Listen, "http://"+h.settings.AdminListen
}

// restart stops the program cleanly and starts it again on what it has kept, with other settings if there is a change.
func (h *house) restart(t testing.TB, changes ...func(*app.Settings)) {
	t.Helper()
	for _, change := range changes {
		change(&h.settings)
	}
	if err := h.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.start(t)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newClient gives a client that follows no redirect and keeps its connections apart from other tests'.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// members is a JSON object.
type members map[string]any

// answer is what came back. A status of 0 stands for no answer at all.
type answer struct {
	status int
	header http.Header
	text   []byte
}

// String shows an answer.
func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.text) }

// member gives the value at a path of the body, nil when there is none.
func (a answer) member(path ...string) (value any) {
	if json.Unmarshal(a.text, &value) != nil {
		return nil
	}
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// refusal is the answer's error type, empty when it is none.
func (a answer) refusal() string {
	reason, _ := a.member("errorType").(string)
	return reason
}

// minor gives one of the answer's amounts in minor units, and -1 when it is not there.
func (a answer) minor(name string) int64 {
	amount, found := a.member("amounts", name, "amount").(float64)
	if !found {
		return -1
	}
	return int64(amount)
}

// must checks status and error type of an answer.
func (a answer) must(t testing.TB, status int, refusal string) answer {
	t.Helper()
	if a.status != status || a.refusal() != refusal {
		t.Fatalf("answered %v, want %d %s", a, status, refusal)
	}
	return a
}

// call makes an HTTP call. Its body is JSON unless it is a sheet.
func call(client *http.Client, method, url string, body any, prepare func(*http.Request)) (answer, error) {
	text, kind, err := encode(body)
	if err != nil {
		return answer{}, err
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", kind)
	prepare(r)
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, text}, err
}

// sheet is a file of comma-separated values.
type sheet string

func encode(body any) (text []byte, kind string, err error) {
	const asJSON = "application/json"
	switch body := body.(type) {
	case nil:
		return nil, asJSON, nil
	case sheet:
		return []byte(body), "text/csv", nil
	}
	text, err = json.Marshal(body)
	return text, asJSON, err
}

// operate has the first operator do something over the operators' interface, which must succeed.
func (h *house) operate(t testing.TB, method, path string, body any) answer {
	t.Helper()
	a, err := h.tryOperate(method, path, body)
	if err != nil || a.status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %v %v", method, path, a, err)
	}
	return a
}

// tryOperate has the first operator do something, whether or not it succeeds.
func (h *house) tryOperate(method, path string, body any) (answer, error) {
	return call(h.client, method, h.operators+"/admin/v1"+path, body, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+operatorToken)
	})
}

// at is a till that sends to this program instead of another.
func (h *house) at(l *till) *till {
	moved := *l
	moved.base, moved.client = h.messages, h.client
	return &moved
}

// look gets a path of the operators' listener that needs no token.
func (h *house) look(t testing.TB, path string) answer {
	t.Helper()
	a, err := call(h.client, http.MethodGet, h.operators+path, nil, func(*http.Request) {})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// account makes an account that may do everything, and gives a till of its.
func (h *house) account(t testing.TB, name string, settings members) *till {
	t.Helper()
	password := name + "'s own password"
	h.operate(t, http.MethodPost, "/accounts", members{"name": name, "password": password, "settings": settings})
	return &till{base: h.messages, client: h.client, user: name, password: password}
}

// product makes a product whose cards open with what is asked for.
func (h *house) product(t testing.TB, id string) {
	t.Helper()
	h.operate(t, http.MethodPost, "/products", members{"id": id, "settings": members{"currency": "710", "opening": "requested"}})
}

// card adds a card that has not been activated.
func (h *house) card(t testing.TB, pan string) card {
	t.Helper()
	c := card{pan: pan, expiry: "4912"}
	h.operate(t, http.MethodPost, "/cards", members{"pan": c.pan, "expiry": c.expiry, "currency": "710"})
	return c
}

// booksAreRight recomputes everything from the entries.
func (h *house) booksAreRight(t *testing.T) *invariant.Report {
	t.Helper()
	report, err := invariant.Check(t.Context(), h.Store.Driver())
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range report.Faults {
		t.Error(fault)
	}
	if report.Messages == 0 {
		t.Error("there are no messages, so nothing was checked")
	}
	return report
}
