package giftcardhttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// clientOf is a client of the server at an address.
func clientOf(t testing.TB, url string, credentials exchange.Credentials) *giftcardhttp.Client {
	t.Helper()
	wire, err := exchange.NewClient(exchange.ClientSettings{URL: url, Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	return giftcardhttp.NewClient(wire)
}

// logins are the credentials of an issuer's accounts, as they are set up.
type logins struct {
	*giftcardtest.Issuer
	mu    sync.Mutex // guards names
	names map[ident.Account]string
}

// Account implements conform.Setup.
func (l *logins) Account(ctx context.Context, a conform.Account) error {
	if err := l.Issuer.Account(ctx, a); err != nil {
		return err
	}
	l.know(a.Name)
	return nil
}

func (l *logins) know(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names[l.Sender(name).Account] = name
}

// For implements exchange.Credentials.
func (l *logins) For(account ident.Account) (exchange.Credential, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, known := l.names[account]
	return exchange.Basic(name, passwordOf(name)), known
}

// judgedThroughClient is an issuer that messages in words reach by way of client and server.
type judgedThroughClient struct {
	*logins
	target conform.Target
}

// Do implements conform.Target.
func (j judgedThroughClient) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	return j.target.Do(ctx, m)
}

// till says of requests where they come from. What words cannot say, which are points and hashed PINs, it says in bytes.
type till struct{ giftcard.Service }

func (s till) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	r.Origin = origin()
	if !r.Points && !r.Card.Hashed {
		return s.Service.Request(ctx, r)
	}
	plain := *r
	plain.Points, plain.Card.Hashed = false, false
	body, err := giftcardhttp.Compose(&plain)
	if err != nil {
		return nil, err
	}
	text := strings.Replace(string(body), `"card":{`, `"card":{"pin":{"type":"HASHED_PIN","hash":"AB"},`, 1)
	if r.Points {
		text = strings.TrimSuffix(string(body), "}") + `,"points":{"requestAmount":{"amount":5}}}`
	}
	r.Wire = txn.Wire(text)
	return s.Service.Request(ctx, r)
}

// The scripts that judge the issuer in words pass unchanged when the words go over the wire and back.
func TestRuleScriptsThroughTheClient(t *testing.T) {
	i := newIssuer(t, false)
	l := &logins{Issuer: i, names: map[ident.Account]string{}}
	l.know("a")
	l.know("b")
	client := clientOf(t, serve(t, i).URL, l)
	conform.Test(t, judgedThroughClient{l, i.Through(till{client})}, conform.Options{Now: i.Now})
	booksAreRight(t, i)
}

// doorman lets in the accounts of an issuer, and leaves it to somebody else to count their guesses.
type doorman struct{ gate }

func (doorman) Guessed(*txn.Sender) {}

// The scripts that judge the issuer over HTTP pass unchanged when a server in front of a client stands between: bytes go
// through as they are, both ways.
func TestRuleScriptsThroughServerAndClient(t *testing.T) {
	i := newIssuer(t, false)
	l := &logins{Issuer: i, names: map[ident.Account]string{}}
	l.know("a")
	l.know("b")
	between, err := giftcardhttp.New(clientOf(t, serve(t, i).URL, l), exchange.Settings{
		Gate: doorman{gate{i}}, Institution: ident.Reference{Institution: "between", Identifier: "Between"}, Now: i.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(between)
	t.Cleanup(listening.Close)
	conform.Test(t, targetAt(t, listening, l), conform.Options{Now: i.Now})
	booksAreRight(t, i)
}

// upstream answers everything alike, and remembers what came last.
type upstream struct {
	status int
	body   string

	path, method, sent string
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.path, u.method, u.sent = r.URL.EscapedPath(), r.Method, string(body)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(u.status)
	_, _ = io.WriteString(w, u.body)
}

// answering is a client of a server that answers everything alike.
func answering(t testing.TB, u *upstream) *giftcardhttp.Client {
	t.Helper()
	listening := httptest.NewServer(u)
	t.Cleanup(listening.Close)
	return clientOf(t, listening.URL, exchange.Same(exchange.Basic("till", "secret")))
}

// from is a request with a sender.
func from(r *giftcard.Request) *giftcard.Request {
	r.Sender = &txn.Sender{Account: 1, World: 1}
	return r
}

const anAnswer = `{"id":"` + requestID + `","settlementEntity":{"id":"acme","name":"Acme"},"receiver":{"id":"scrip","name":"Scrip"},` +
	`"thirdPartyIdentifiers":[{"institutionId":"scrip","transactionIdentifier":"ours"},{"institutionId":"acme","transactionIdentifier":"X7"},` +
	`{"institutionId":"scrip","transactionIdentifier":"G12"}],"amounts":{"requestAmount":{"amount":12500,"currency":"710"},` +
	`"approvedAmount":{"amount":"12000","currency":"710"},"balanceAmount":{"amount":0,"currency":"710"},` +
	`"availableBalance":{"amount":-5,"currency":"710"}},"card":{"pan":"6001000000000000001","expiryDate":"4010"},` +
	`"product":{"id":"plain","barcode":"600","type":"gift"},"unknown":[{"x":null}]}`

func TestAnswersAreReadIntoWords(t *testing.T) {
	u := &upstream{status: http.StatusCreated, body: anAnswer}
	client := answering(t, u)
	got, err := client.Request(t.Context(), from(said(txn.Redemption)))
	if err != nil {
		t.Fatal(err)
	}
	want := &giftcard.Response{
		Reference: "G12", Balance: ledger.Balance{Book: 0, Available: -5}, Currency: 710,
		Requested: new(money.Minor(12500)), Approved: new(money.Minor(12000)),
		Product: &giftcard.Product{ID: "plain", Barcode: "600", Type: "gift"},
		References: []ident.Reference{
			{Institution: "scrip", Identifier: "ours"}, {Institution: "acme", Identifier: "X7"}, {Institution: "scrip", Identifier: "G12"},
		},
		Answer: &txn.Answer{Status: http.StatusCreated, Body: txn.Wire(anAnswer)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
}

func TestWhatAnswersMayLack(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want giftcard.Response
	}{
		"everything":   {`{}`, giftcard.Response{}},
		"one balance":  {`{"amounts":{"balanceAmount":{"amount":7,"currency":"840"}}}`, giftcard.Response{Balance: ledger.Balance{Book: 7, Available: 7}, Currency: 840}},
		"the other":    {`{"amounts":{"availableBalance":{"amount":7,"currency":"840"}}}`, giftcard.Response{Balance: ledger.Balance{Book: 7, Available: 7}, Currency: 840}},
		"its receiver": {strings.Replace(anAnswer[:strings.Index(anAnswer, `,"amounts"`)], `"receiver"`, `"r"`, 1) + "}", giftcard.Response{Reference: "X7"}},
		"a printed one": {
			`{"slipData":{"issuerReference":"P1"},"receiver":{"id":"a"},"thirdPartyIdentifiers":[{"institutionId":"a","transactionIdentifier":"b"}]}`,
			giftcard.Response{Reference: "P1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := &upstream{status: http.StatusOK, body: c.body}
			got, err := answering(t, u).Request(t.Context(), from(said(txn.Redemption)))
			if err != nil {
				t.Fatal(err)
			}
			if got.Answer == nil || got.Answer.Status != http.StatusOK || string(got.Answer.Body) != c.body {
				t.Errorf("the answer is %v", got.Answer)
			}
			got.Answer, got.References = nil, nil
			if !reflect.DeepEqual(got, &c.want) {
				t.Errorf("read %+v\nwant %+v", got, &c.want)
			}
		})
	}
}

// A look-up by holder brings the card, one of a card does not.
func TestCardsThatWereFound(t *testing.T) {
	client := answering(t, &upstream{status: http.StatusCreated, body: anAnswer})
	r := from(said(txn.LookUp))
	byCard, err := client.Request(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Card, r.Holder = giftcard.Presented{}, giftcard.Holder{ProfileID: "7"}
	byHolder, err := client.Request(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !byCard.Card.IsZero() || byHolder.Card.Reveal() != "6001000000000000001" || byHolder.Expiry != 4010 {
		t.Errorf("found %v, and %v %v", byCard.Card, byHolder.Card, byHolder.Expiry)
	}
}

// What cannot be read is no approval, and no refusal either.
func TestAnswersThatCannotBeRead(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "<html>", "no object": `["x"]`, "null": "null", "cut short": anAnswer[:40], "a name twice": `{"id":"` + requestID + `","id":"x"}`,
		"another message": `{"id":"` + adviceID + `"}`,
		"half a cent":     `{"amounts":{"approvedAmount":{"amount":1.5,"currency":"710"}}}`,
		"no currency":     `{"amounts":{"balanceAmount":{"amount":1}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, &upstream{status: http.StatusCreated, body: body}).Request(t.Context(), from(said(txn.Redemption)))
			var refusal *decline.Error
			var turned *decline.NotTaken
			if err == nil || errors.As(err, &refusal) || errors.As(err, &turned) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Bytes that are at hand go as they are, to the place of their ids.
func TestBytesAreSentAsTheyCame(t *testing.T) {
	u := &upstream{status: http.StatusCreated, body: anAnswer}
	client := answering(t, u)
	r := from(said(txn.Transfer))
	r.ID, r.Wire, r.Origin = "a/b?c%", txn.Wire(`{"id": "a/b?c%", "unknown" : [1.50]}`), nil
	u.body = `{"id":"a/b?c%"}`
	if _, err := client.Request(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if u.sent != string(r.Wire) || u.path != "/giftcard/v3/transfers/a%2Fb%3Fc%25" || u.method != http.MethodPost {
		t.Errorf("%s to %s came %s", u.method, u.path, u.sent)
	}
	a := &txn.Advice{
		Family: txn.Void, Role: txn.Reversal, ID: adviceID, RequestID: "a/b", Sender: r.Sender, Wire: txn.Wire(`{ "requestId":"a/b" }`),
	}
	u.status = http.StatusAccepted
	if _, err := client.Advise(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if u.sent != string(a.Wire) || u.path != "/giftcard/v3/voids/a%2Fb/reversals/"+adviceID {
		t.Errorf("to %s came %s", u.path, u.sent)
	}
}

// An advice is done whatever is answered with a success; only an object is passed on.
func TestReceipts(t *testing.T) {
	for body, passed := range map[string]bool{`{"id":"x"}`: true, "": false, "OK": false, "[]": false} {
		u := &upstream{status: http.StatusAccepted, body: body}
		answer, err := answering(t, u).Advise(t.Context(), &txn.Advice{
			Family: txn.Load, Role: txn.Confirmation, ID: adviceID, RequestID: requestID, Received: noon, Sender: &txn.Sender{Account: 1},
		})
		if err != nil || (answer != nil) != passed || passed && string(answer.Body) != body {
			t.Errorf("%q became %v, %v", body, answer, err)
		}
	}
}

// A refusal is the upstream's own, with the request that it is about.
func TestRefusalsOfAdvices(t *testing.T) {
	u := &upstream{status: http.StatusBadRequest, body: `{"errorType":"CARD_VOIDED","id":"` + adviceID + `","originalId":"` + requestID + `","errorMessage":"no"}`}
	_, err := answering(t, u).Advise(t.Context(), &txn.Advice{
		Family: txn.Load, Role: txn.Confirmation, ID: adviceID, RequestID: requestID, Received: noon, Sender: &txn.Sender{Account: 1},
	})
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != decline.CardVoided || refusal.Detail.RequestID != requestID || string(refusal.Wire) != u.body {
		t.Errorf("got %v", err)
	}
}

// What cannot be said, or is not of the contract, is not sent.
func TestNothingIsSentThatCannotBeSaid(t *testing.T) {
	u := &upstream{status: http.StatusCreated, body: anAnswer}
	client := answering(t, u)
	r := from(said(txn.Load))
	r.Origin.Terminal = "1"
	_, err := client.Request(t.Context(), r)
	names(t, err, "originator.terminalId")
	_, err = client.Advise(t.Context(), &txn.Advice{Family: txn.Load, Role: txn.Reversal, ID: adviceID, Received: noon, Sender: r.Sender})
	names(t, err, "requestId")
	_, err = client.Request(t.Context(), from(said(txn.Purchase)))
	isNotOurs(t, err)
	_, err = client.Advise(t.Context(), &txn.Advice{Family: txn.LookUp, Role: txn.Reversal, Sender: r.Sender})
	isNotOurs(t, err)
	if u.method != "" {
		t.Errorf("%s was sent", u.path)
	}
}

// Whatever is answered, it is read or it is not, it is passed on as it came, and no error tells a secret.
func FuzzAnswers(f *testing.F) {
	const pin, pan = "70529136", "6001000000000000001"
	f.Add(anAnswer)
	f.Add(`{"amounts":{"approvedAmount":{"amount":"` + pin + `x","currency":"` + pan + `"}},"thirdPartyIdentifiers":{"a":[1]}}`)
	f.Add(`{"id":"` + pan + `","card":{"pan":"` + pan + `","clearPin":"` + pin + `"}}`)
	byHolder := said(txn.LookUp)
	byHolder.Card, byHolder.Holder = giftcard.Presented{}, giftcard.Holder{ProfileID: "7"}
	f.Fuzz(func(t *testing.T, body string) {
		answer := &txn.Answer{Status: http.StatusCreated, Body: txn.Wire(body)}
		for _, r := range []*giftcard.Request{said(txn.Redemption), byHolder} {
			response, err := giftcardhttp.ReadResponse(r, answer)
			if (err == nil) != (response != nil && response.Answer == answer) || string(answer.Body) != body {
				t.Fatalf("%q became %v, %v", body, response, err)
			}
			if err != nil && (strings.Contains(err.Error(), pin) || strings.Contains(err.Error(), pan)) {
				t.Fatalf("%q tells a secret", err)
			}
		}
	})
}
