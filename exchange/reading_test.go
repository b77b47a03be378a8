package exchange_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

func answered(body string) *txn.Answer {
	return &txn.Answer{Status: http.StatusCreated, Body: txn.Wire(body)}
}

func TestReadingTakesObjectsToItsOwnMessage(t *testing.T) {
	for body, good := range map[string]bool{
		`{}`: true, `{"id":null}`: true, `{"id":"` + requestID + `"}`: true, `{"id":5}`: true,
		``: false, `null`: false, `[]`: false, `"x"`: false, `{"id":`: false, `{"id":"` + adviceID + `"}`: false, `{"a":1,"a":2}`: false,
	} {
		if _, err := exchange.Read(answered(body), requestID); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
	if _, err := exchange.Read(answered(`{"id":"x"}`), ""); err != nil {
		t.Errorf("an answer to nobody knows what: %v", err)
	}
}

func reading(t *testing.T, body string) *exchange.Reading {
	t.Helper()
	x, err := exchange.Read(answered(body), "")
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// A value that is there and cannot be read spoils the answer; one that is not there does not.
func TestReadingAmounts(t *testing.T) {
	x := reading(t, `{"amounts":{"a":{"amount":"012","currency":"710"},"b":{"amount":-1,"currency":"036"},"c":null}}`)
	a, b := x.Amount("a"), x.Amount("b")
	if *a != (money.Amount{Minor: 12, Currency: 710}) || *b != (money.Amount{Minor: -1, Currency: 36}) {
		t.Errorf("read %v and %v", a, b)
	}
	if x.Amount("c") != nil || x.Amount("d") != nil || x.Err() != nil {
		t.Errorf("what is not there spoils the answer: %v", x.Err())
	}
	for _, broken := range []string{`5`, `{}`, `{"amount":1}`, `{"amount":1.0,"currency":"710"}`, `{"amount":1,"currency":710}`, `{"amount":"x","currency":"710"}`} {
		x := reading(t, `{"amounts":{"a":`+broken+`}}`)
		if x.Amount("a") != nil || x.Err() == nil || !strings.Contains(x.Err().Error(), "amounts.a") {
			t.Errorf("%s: %v", broken, x.Err())
		}
	}
}

func TestReadingReferences(t *testing.T) {
	const all = `"thirdPartyIdentifiers":[{"institutionId":"a","transactionIdentifier":"1"},{"institutionId":"b","transactionIdentifier":"2"},` +
		`{"institutionId":"a","transactionIdentifier":"3"},{"institutionId":"a"},null,5]`
	got := reading(t, "{"+all+"}").References()
	want := []ident.Reference{{Institution: "a", Identifier: "1"}, {Institution: "b", Identifier: "2"}, {Institution: "a", Identifier: "3"}, {Institution: "a"}}
	if !slices.Equal(got[:4], want) {
		t.Errorf("read %v", got)
	}
	for body, issuer := range map[string]ident.Reference{
		all: {},
		all + `,"receiver":{"id":"b"},"settlementEntity":{"id":"a"}`: {Institution: "b", Identifier: "2"},
		all + `,"receiver":{"id":"c"},"settlementEntity":{"id":"b"}`: {Institution: "b", Identifier: "2"},
		all + `,"slipData":{"issuerReference":"P"}`:                  {Identifier: "P"},
		all + `,"slipData":{"issuerReference":"P"},"receiver":{"id":"b"}`: {
			Institution: "b", Identifier: "P",
		},
	} {
		if got := reading(t, "{"+body+"}").Issuer(); got != issuer {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// Only what an upstream has said of itself is read from a refusal.
func TestRefusalsOfAnUpstream(t *testing.T) {
	refusal := &decline.Error{Reason: decline.CardVoided, Wire: []byte(`{"originalId":"x"}`)}
	if got, original := exchange.Refusal(fmt.Errorf("send: %w", refusal)); got != refusal || original != "x" {
		t.Errorf("got %v about %q", got, original)
	}
	for _, body := range []string{`{}`, `[]`, `{"originalId":`, `{"originalId":""}`, `{"originalId":"a b"}`} {
		refusal.Wire = []byte(body)
		if got, original := exchange.Refusal(refusal); got != refusal || original != "" {
			t.Errorf("%s: got %v about %q", body, got, original)
		}
	}
	refusal.Wire = nil
	for _, err := range []error{nil, refusal, http.ErrServerClosed} {
		if got, _ := exchange.Refusal(err); got != nil {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestReceiptsAreObjects(t *testing.T) {
	for body, good := range map[string]bool{`{}`: true, ` {"a":1}`: true, ``: false, `[]`: false, `OK`: false} {
		if got := exchange.Receipt(answered(body)); (got != nil) != good {
			t.Errorf("%q became %v", body, got)
		}
	}
	if exchange.Receipt(nil) != nil {
		t.Error("nothing became something")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"id":"x","amounts":{"a":{"amount":1,"currency":"710"}},"thirdPartyIdentifiers":[{"institutionId":"a"}],"receiver":{"id":"a"}}`))
	f.Add([]byte(`{"amounts":[{}],"thirdPartyIdentifiers":{"a":[]},"receiver":5,"slipData":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		x, err := exchange.Read(&txn.Answer{Body: body}, "")
		if err != nil {
			return
		}
		if a := x.Amount("a"); (a == nil) != (x.Err() != nil || !x.Member("amounts").Member("a").Exists()) {
			t.Errorf("read %v, %v", a, x.Err())
		}
		x.References()
		x.Issuer()
	})
}
