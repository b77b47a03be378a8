package airtimehttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// clientOf is a client of the server at an address.
func clientOf(t testing.TB, url string, credentials exchange.Credentials) *airtimehttp.Client {
	t.Helper()
	wire, err := exchange.NewClient(exchange.ClientSettings{URL: url, Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	return airtimehttp.NewClient(wire)
}

// logins are the credentials of a vendor's accounts, as they are first met.
type logins struct {
	mu    sync.Mutex // guards names
	names map[ident.Account]string
}

func (l *logins) know(account ident.Account, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names[account] = name
}

// For implements exchange.Credentials.
func (l *logins) For(account ident.Account) (exchange.Credential, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, known := l.names[account]
	return exchange.Basic(name, passwordOf(name)), known
}

// judgedThroughClient is a vendor that messages in words reach by way of client and server.
type judgedThroughClient struct {
	*airtimetest.Judged
	logins *logins
	target conform.Target
}

// Do implements conform.Target.
func (j judgedThroughClient) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	name := j.Name(m.Account)
	j.logins.know(j.Named(name).Account, name)
	return j.target.Do(ctx, m)
}

// till says of requests where they come from.
type till struct {
	airtime.Service
	logins *logins
}

func (s till) name(r *airtime.Request) *airtime.Request {
	s.logins.mu.Lock()
	defer s.logins.mu.Unlock()
	r.Origin = origin(s.logins.names[r.Sender.Account])
	return r
}

func (s till) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	return s.Service.Request(ctx, s.name(r))
}

func (s till) Trial(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	return s.Service.Trial(ctx, s.name(r))
}

// through plays scripts against a vendor in words, by way of client and server.
func through(t *testing.T, compatible bool, options conform.Options) {
	direct := judgedOverHTTP(t, compatible)
	l := &logins{names: map[ident.Account]string{}}
	client := clientOf(t, direct.url, l)
	options.Now = direct.Now
	conform.Test(t, judgedThroughClient{direct.Judged, l, direct.Through(till{client, l})}, options)
}

// The scripts that judge the vendor in words pass unchanged when the words go over the wire and back.
func TestRuleScriptsThroughTheClient(t *testing.T) {
	through(t, false, conform.Options{Match: regexp.MustCompile(`^airtime/`)})
}

// A server that answers statuses and look-ups with 202 is understood as well. An unknown number, left out, has a network
// there.
func TestRuleScriptsThroughTheClientOfACompatibleServer(t *testing.T) {
	through(t, true, conform.Options{Match: regexp.MustCompile(`^airtime/(status/|msisdn/([^a]|a[^n]))`)})
}

// metAtDoor is a gate that tells a client who has come.
type metAtDoor struct {
	gate
	logins *logins
}

func (m metAtDoor) Admit(r *http.Request, advice bool) (*txn.Sender, func(), error) {
	sender, release, err := m.gate.Admit(r, advice)
	if err == nil {
		name, _, _ := r.BasicAuth()
		m.logins.know(sender.Account, name)
	}
	return sender, release, err
}

// The scripts that judge the vendor over HTTP pass unchanged when a server in front of a client stands between: bytes go
// through as they are, both ways.
func TestRuleScriptsThroughServerAndClient(t *testing.T) {
	direct := judgedOverHTTP(t, false)
	l := &logins{names: map[ident.Account]string{}}
	between, err := airtimehttp.New(airtimehttp.Settings{
		Settings: exchange.Settings{Gate: metAtDoor{gate{direct.Judged}, l}, Institution: ourselves, Now: direct.Now},
		Service:  clientOf(t, direct.url, l),
	})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(between)
	t.Cleanup(listening.Close)
	target := overHTTP{direct.Judged, targetAt(t, direct.Judged, listening), listening.URL}
	conform.Test(t, target, conform.Options{Now: direct.Now, Match: regexp.MustCompile(`^airtime/`)})
}

// upstream answers everything alike, and remembers what came last.
type upstream struct {
	status int
	body   string

	path, method, sent, query string
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.path, u.method, u.sent, u.query = r.URL.EscapedPath(), r.Method, string(body), r.URL.RawQuery
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(u.status)
	_, _ = io.WriteString(w, u.body)
}

// answering is a client of a server that answers everything alike.
func answering(t testing.TB, u *upstream) *airtimehttp.Client {
	t.Helper()
	listening := httptest.NewServer(u)
	t.Cleanup(listening.Close)
	return clientOf(t, listening.URL, exchange.Same(exchange.Basic("till", "secret")))
}

const anAnswer = `{"id":"` + requestID + `","settlementEntity":{"id":"acme","name":"Acme"},"receiver":{"id":"scrip","name":"Scrip"},` +
	`"thirdPartyIdentifiers":[{"institutionId":"acme","transactionIdentifier":"X7"},{"institutionId":"scrip","transactionIdentifier":"A12"}],` +
	`"slipData":{"messageLines":[],"issuerReference":"A12"},"amounts":{"approvedAmount":{"amount":12000,"currency":"710"}},` +
	`"product":{"productId":"A10","name":"Ten","type":"AIRTIME_FIXED","isDirectTopup":false},"msisdn":{"msisdn":"+27831234567"},` +
	`"voucher":{"pin":"70529136","expiryDate":"2100-07-01T12:00:00.000Z","serialNumber":"S7","batchNumber":"B1","redeemInstructions":["Dial"]}}`

func TestAnswersAreReadIntoWords(t *testing.T) {
	u := &upstream{status: http.StatusCreated, body: anAnswer}
	client := answering(t, u)
	pin, err := airtime.ParseVoucherPIN("70529136")
	if err != nil {
		t.Fatal(err)
	}
	want := &airtime.Response{
		Reference: "A12", Provider: "scrip", Amount: rand(12000), Recipient: said().Recipient,
		Product: &airtime.Product{ID: "A10", Name: "Ten", Type: airtime.AirtimeFixed},
		Voucher: &airtime.Issued{PIN: pin, Serial: "S7", Batch: "B1", Expiry: noon, Instructions: []string{"Dial"}},
		References: []ident.Reference{
			{Institution: "acme", Identifier: "X7"}, {Institution: "scrip", Identifier: "A12"},
		},
		Answer: &txn.Answer{Status: http.StatusCreated, Body: txn.Wire(anAnswer)},
	}
	for place, ask := range map[string]func() (*airtime.Response, error){
		"POST /airtime/v5/purchases":        func() (*airtime.Response, error) { return client.Request(t.Context(), said()) },
		"POST /airtime/v5/purchases/trials": func() (*airtime.Response, error) { return client.Trial(t.Context(), said()) },
		"GET /airtime/v5/purchases/status": func() (*airtime.Response, error) {
			return client.Status(t.Context(), &airtime.Query{Sender: said().Sender, ID: requestID})
		},
	} {
		got, err := ask()
		if err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v\nwant %+v", place, got, want)
		}
		if came := u.method + " " + u.path; came != place {
			t.Errorf("%s came instead of %s", came, place)
		}
	}
}

// A voucher that was asked for in the older way is the product that was asked for, when nothing else is said.
func TestVouchersOfTheOlderWay(t *testing.T) {
	r := said()
	r.Family, r.Recipient = txn.Voucher, ident.MSISDN{}
	u := &upstream{status: http.StatusCreated, body: `{"voucher":{"pin":"1","serialNumber":"S7"}}`}
	got, err := answering(t, u).Request(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got.Product.ID != "A10" || got.Voucher.PIN.Reveal() != "1" || !got.Voucher.Expiry.IsZero() || u.path != "/airtime/v5/vouchers/"+requestID {
		t.Errorf("read %+v from %s", got, u.path)
	}
}

// What cannot be read is no approval, and no refusal either.
func TestAnswersThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		family txn.Family
	}{
		"nothing":              {"", txn.Purchase},
		"no JSON":              {"<html>", txn.Purchase},
		"no object":            {"[]", txn.Purchase},
		"another message":      {`{"id":"` + adviceID + `"}`, txn.Purchase},
		"half a cent":          {`{"amounts":{"approvedAmount":{"amount":1.5,"currency":"710"}}}`, txn.Purchase},
		"a voucher of no use":  {`{"voucher":{"serialNumber":"S7"}}`, txn.Purchase},
		"an odd PIN":           {`{"voucher":{"serialNumber":"S7","pin":"7052-9136"}}`, txn.Purchase},
		"a nameless voucher":   {`{"voucher":{"pin":"70529136"}}`, txn.Purchase},
		"no voucher":           {`{"id":"` + requestID + `"}`, txn.Voucher},
		"nothing of a voucher": {`{"id":"` + requestID + `","voucher":null}`, txn.Voucher},
	} {
		t.Run(name, func(t *testing.T) {
			r := said()
			if r.Family = c.family; r.Family == txn.Voucher {
				r.Recipient = ident.MSISDN{}
			}
			_, err := answering(t, &upstream{status: http.StatusCreated, body: c.body}).Request(t.Context(), r)
			isUnknown(t, err)
		})
	}
	client := answering(t, &upstream{status: http.StatusOK, body: `{"availableProducts":`})
	_, err := client.LookUp(t.Context(), &airtime.LookUp{Sender: said().Sender, MSISDN: said().Recipient})
	isUnknown(t, err)
	_, err = client.Products(t.Context(), &airtime.Listing{Sender: said().Sender})
	isUnknown(t, err)
	_, err = answering(t, &upstream{status: http.StatusOK, body: `{}`}).Products(t.Context(), &airtime.Listing{Sender: said().Sender})
	isUnknown(t, err)
}

func isUnknown(t *testing.T, err error) {
	t.Helper()
	var refusal *decline.Error
	var turned *decline.NotTaken
	if err == nil || errors.As(err, &refusal) || errors.As(err, &turned) {
		t.Errorf("got %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "9136") {
		t.Errorf("%q tells a PIN", err)
	}
}

// Bytes and parameters that are at hand go as they are.
func TestBytesAreSentAsTheyCame(t *testing.T) {
	u := &upstream{status: http.StatusOK, body: `{}`}
	client := answering(t, u)
	r := said()
	r.Wire, r.Origin = txn.Wire(`{"id": "x" , "unknown":1.50}`), nil
	if _, err := client.Request(t.Context(), r); err != nil || u.sent != string(r.Wire) {
		t.Errorf("came %s, %v", u.sent, err)
	}
	a := &airtime.Advice{Advice: txn.Advice{
		Family: txn.Voucher, Role: txn.Confirmation, ID: "a/b", RequestID: "c?d", Sender: r.Sender, Wire: txn.Wire(`{ }`),
	}}
	if _, err := client.Advise(t.Context(), a); err != nil || u.sent != `{ }` || u.path != "/airtime/v5/vouchers/c%3Fd/confirmations/a%2Fb" {
		t.Errorf("to %s came %s, %v", u.path, u.sent, err)
	}
	asked := txn.Wire("msisdn=+2783&new=1&new=2")
	if _, err := client.LookUp(t.Context(), &airtime.LookUp{Sender: r.Sender, Wire: asked}); err != nil || u.query != string(asked) {
		t.Errorf("came ?%s, %v", u.query, err)
	}
	if _, err := client.Status(t.Context(), &airtime.Query{Sender: r.Sender, Wire: asked}); err != nil || u.query != string(asked) {
		t.Errorf("came ?%s, %v", u.query, err)
	}
	u.body = `[]`
	if _, err := client.Products(t.Context(), &airtime.Listing{Sender: r.Sender, Wire: asked}); err != nil || u.query != string(asked) {
		t.Errorf("came ?%s, %v", u.query, err)
	}
}

// Parameters are understood as they were meant.
func TestQueriesAreUnderstoodAsTheyWereMeant(t *testing.T) {
	e := newEdge(t, false)
	listening := httptest.NewServer(e)
	t.Cleanup(listening.Close)
	client := clientOf(t, listening.URL, exchange.Same(exchange.Basic("till", "secret")))
	sender := said().Sender
	rapid.Check(t, func(rt *rapid.T) {
		w := words{rt}
		word := func(label string) string { return w.perhaps(`[^\x00]{1,20}`, label) }
		q := &airtime.Query{Sender: sender, ID: w.id(), Reference: word("reference"), Provider: word("provider")}
		number, _ := ident.ParseMSISDN(w.text(`[1-9][0-9]{1,14}`, "msisdn"))
		l := &airtime.LookUp{Sender: sender, MSISDN: number, Operator: word("operator"), Buyer: w.number(), Filter: airtime.Filter{
			Type: airtime.ProductType(word("type")), Channel: word("channel"), Category: word("category"),
		}}
		g := &airtime.Listing{Sender: sender, Filter: airtime.Filter{Channel: word("listed")}}
		_, err := client.Status(t.Context(), q)
		if err == nil || !strings.Contains(err.Error(), "another message") { // which is what the service answers
			rt.Fatal(err)
		}
		if _, err := client.LookUp(t.Context(), l); err != nil {
			rt.Fatal(err)
		}
		if _, err := client.Products(t.Context(), g); err != nil {
			rt.Fatal(err)
		}
		heardQuery, heardLookUp, heardListing := *e.service.query, *e.service.lookUp, *e.service.listing
		heardQuery.Wire, heardLookUp.Wire, heardListing.Wire = nil, nil, nil
		heardQuery.Received, heardLookUp.Received, heardListing.Received = time.Time{}, time.Time{}, time.Time{}
		heardQuery.Sender, heardLookUp.Sender, heardListing.Sender = sender, sender, sender
		if !reflect.DeepEqual(&heardQuery, q) || !reflect.DeepEqual(&heardLookUp, l) || !reflect.DeepEqual(&heardListing, g) {
			rt.Fatalf("understood %+v %+v %+v\nmeant %+v %+v %+v", heardQuery, heardLookUp, heardListing, q, l, g)
		}
	})
}

func TestWhatQueriesCannotSay(t *testing.T) {
	u := &upstream{status: http.StatusOK, body: `{}`}
	client := answering(t, u)
	r := said()
	status := func(q airtime.Query) error {
		q.Sender = r.Sender
		_, err := client.Status(t.Context(), &q)
		return err
	}
	lookUp := func(l airtime.LookUp) error {
		l.Sender = r.Sender
		_, err := client.LookUp(t.Context(), &l)
		return err
	}
	long := strings.Repeat("x", 41)
	names(t, status(airtime.Query{}), "originalMsgId")
	names(t, status(airtime.Query{Reference: "A1"}), "originalMsgId")
	names(t, status(airtime.Query{ID: "a b"}), "originalMsgId")
	names(t, status(airtime.Query{Reference: strings.Repeat("x", 257), Provider: "p"}), "purchaseReference")
	names(t, lookUp(airtime.LookUp{}), "msisdn")
	names(t, lookUp(airtime.LookUp{MSISDN: r.Recipient, Operator: long}), "operator")
	_, err := client.Products(t.Context(), &airtime.Listing{Sender: r.Sender, Filter: airtime.Filter{Type: airtime.Data}})
	names(t, err, "productType")
	r.Origin.Terminal = ""
	_, err = client.Trial(t.Context(), r)
	names(t, err, "originator.terminalId")
	_, err = client.Advise(t.Context(), &airtime.Advice{Advice: txn.Advice{Family: txn.Purchase, Role: txn.Reversal, ID: adviceID, Received: noon, Sender: r.Sender}})
	names(t, err, "requestId")
	r.Family = txn.Load
	_, err = client.Request(t.Context(), r)
	isNotOurs(t, err)
	_, err = client.Advise(t.Context(), &airtime.Advice{Advice: txn.Advice{Family: txn.Load, Role: txn.Reversal, Sender: r.Sender}})
	isNotOurs(t, err)
	if u.method != "" {
		t.Errorf("%s was sent", u.path)
	}
}

// What is on sale, and what is known of a number, comes back as the server in front of it was told.
func TestCataloguesComeBack(t *testing.T) {
	spring := &airtime.Promotion{Name: "Spring", Text: "Spring", Start: noon, End: noon.Add(time.Hour)}
	network := &airtime.Network{ID: "net1", Name: "Network One", Country: "ZA"}
	offers := []airtime.Offer{
		{Network: &airtime.Network{ID: "net1", Name: "Network One"}, Product: &airtime.Product{
			ID: "D1", Barcode: "600", Name: "Data", Type: airtime.Data, TopUp: true, Network: "net1", Wholesale: rand(900),
			Values: []money.Amount{*rand(1000), {Minor: 55, Currency: 840}}, RecipientAmount: rand(1000),
			Description: airtime.Description{Primary: "Data", Short: "D", Additional: map[string]string{"en": "Data"}},
			Validity:    &airtime.Validity{Duration: 30, Unit: "DAYS"}, Contents: []airtime.Content{{Amount: 100, Unit: "MB"}},
			Channels: []airtime.Channel{{Name: "web", DisplayName: "D", DisplayCategory: "C", Identifier: "7", SortOrder: new(1.5)}},
		}},
		{Product: &airtime.Product{
			ID: "V1", Type: airtime.AirtimeVariable, Wholesale: rand(500), RecipientAmount: rand(500),
			Limits: []airtime.Limit{{Currency: 710, Min: 500, Max: 100_000}, {Currency: 840, Min: 1, Max: 1}},
		}},
	}
	e := newEdge(t, false)
	e.service.products = offers
	e.service.subscriber = airtime.Subscriber{
		MSISDN: said().Recipient, Country: "ZA", Network: network, Products: offers, Promotion: spring,
		Balance: &ledger.Balance{Book: 77, Available: 77}, Currency: 710,
	}
	listening := httptest.NewServer(e)
	t.Cleanup(listening.Close)
	client := clientOf(t, listening.URL, exchange.Same(exchange.Basic("till", "secret")))
	sold, err := client.Products(t.Context(), &airtime.Listing{Sender: said().Sender})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(sold.Offers, offers) || sold.Answer == nil {
		t.Errorf("on sale are %+v %+v", sold.Offers[0].Product, sold.Offers[1].Product)
	}
	known, err := client.LookUp(t.Context(), &airtime.LookUp{Sender: said().Sender, MSISDN: said().Recipient})
	if err != nil {
		t.Fatal(err)
	}
	if known.Answer == nil {
		t.Error("the answer is missing")
	}
	known.Answer = nil
	if !reflect.DeepEqual(known, &e.service.subscriber) {
		t.Errorf("known is %+v", known)
	}
}

// Values of a variable product that are no pairs of least and most stay values.
func TestValuesThatAreNoLimits(t *testing.T) {
	for _, values := range []string{
		`{"amount":5,"currency":"710"}`, `{"amount":5,"currency":"710"},{"amount":4,"currency":"710"}`,
		`{"amount":5,"currency":"710"},{"amount":9,"currency":"840"}`,
	} {
		body := `[{"productId":"V1","type":"DATA_VARIABLE","productValues":[` + values + `]},{"name":"nameless"}]`
		all, err := answering(t, &upstream{status: http.StatusOK, body: body}).Products(t.Context(), &airtime.Listing{Sender: said().Sender})
		if err != nil || len(all.Offers) != 1 || all.Offers[0].Limits != nil || len(all.Offers[0].Values) == 0 {
			t.Errorf("%s became %+v, %v", values, all, err)
		}
	}
}

// A refusal is the upstream's own, in our spelling, with the message that it is about.
func TestRefusalsOfAnUpstream(t *testing.T) {
	body := func(errorType string) string {
		return `{"errorType":"` + errorType + `","id":"x","originalId":"` + adviceID + `","errorMessage":"no"}`
	}
	r := said()
	for _, c := range []struct {
		errorType string
		ask       func(c *airtimehttp.Client) error
		want      decline.Error
	}{
		{"DO_NOT_HONOR", func(c *airtimehttp.Client) error { _, err := c.Request(t.Context(), r); return err }, decline.Error{Reason: decline.DoNotHonour}},
		{
			"ACCOUNT_ALREADY_SETTLED", func(c *airtimehttp.Client) error { _, err := c.Request(t.Context(), r); return err },
			decline.Error{Reason: decline.AccountAlreadySettled, Detail: decline.Detail{ReversalID: adviceID}},
		},
		{
			"ACCOUNT_ALREADY_SETTLED", func(c *airtimehttp.Client) error {
				_, err := c.Status(t.Context(), &airtime.Query{Sender: r.Sender, ID: adviceID})
				return err
			},
			decline.Error{Reason: decline.AccountAlreadySettled, Detail: decline.Detail{RequestID: adviceID}},
		},
		{
			"INVALID_AMOUNT", func(c *airtimehttp.Client) error {
				_, err := c.Advise(t.Context(), &airtime.Advice{Advice: txn.Advice{
					Family: txn.Purchase, Role: txn.Confirmation, ID: "y", RequestID: adviceID, Received: noon, Sender: r.Sender,
				}})
				return err
			},
			decline.Error{Reason: decline.InvalidAmount, Detail: decline.Detail{RequestID: adviceID}},
		},
	} {
		u := &upstream{status: http.StatusBadRequest, body: body(c.errorType)}
		err := c.ask(answering(t, u))
		var refusal *decline.Error
		if !errors.As(err, &refusal) || refusal.Reason != c.want.Reason || refusal.Detail != c.want.Detail ||
			string(refusal.Wire) != u.body || refusal.Status != http.StatusBadRequest {
			t.Errorf("%s became %+v", c.errorType, err)
		}
	}
}

// The contract has no body for the 404 that a reversal ends well with.
func TestReversalsOfWhatIsNotThere(t *testing.T) {
	_, err := answering(t, &upstream{status: http.StatusNotFound}).Advise(t.Context(), &airtime.Advice{Advice: txn.Advice{
		Family: txn.Purchase, Role: txn.Reversal, ID: adviceID, RequestID: requestID, Received: noon, Sender: said().Sender,
	}})
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != decline.UnableToLocateRecord || refusal.Wire != nil {
		t.Errorf("got %v", err)
	}
}

// Whatever is answered, it is read or it is not, it is passed on as it came, and no error tells a secret.
func FuzzAnswers(f *testing.F) {
	const pin = "70529136"
	f.Add(anAnswer)
	f.Add(`[{"productId":"V1","type":"DATA_VARIABLE","productValues":[{"amount":5,"currency":"710"},null],"channels":[{"channelName":"x","productDisplaySortOrder":1e999}]}]`)
	f.Add(`{"voucher":{"pin":"` + pin + `x","serialNumber":"` + pin + `"}}`)
	f.Add(`{"id":"` + pin + `","amounts":{"approvedAmount":{"amount":"` + pin + `x"}}}`)
	f.Add(`{"msisdn":{"operator":{"id":"n"}},"amounts":{"balanceAmount":{"amount":1,"currency":"710"}},"availableProducts":[{}],"promotion":{"promotion":"p"}}`)
	asked := &airtime.LookUp{MSISDN: said().Recipient}
	f.Fuzz(func(t *testing.T, body string) {
		answer := &txn.Answer{Status: http.StatusOK, Body: txn.Wire(body)}
		check := func(passed *txn.Answer, err error) {
			if (err == nil) != (passed == answer) || string(answer.Body) != body {
				t.Fatalf("%q became %v, %v", body, passed, err)
			}
			if err != nil && strings.Contains(err.Error(), pin) {
				t.Fatalf("%q tells a secret", err)
			}
		}
		response, err := airtimehttp.ReadResponse(answer, requestID, said())
		if response == nil {
			response = &airtime.Response{}
		}
		check(response.Answer, err)
		known, err := airtimehttp.ReadSubscriber(asked, answer)
		if known == nil {
			known = &airtime.Subscriber{}
		}
		check(known.Answer, err)
		sold, err := airtimehttp.ReadRange(answer)
		if sold == nil {
			sold = &airtime.Range{}
		}
		check(sold.Answer, err)
	})
}
