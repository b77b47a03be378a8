package airtimehttp_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever body or parameters come to whatever place, they are answered with what the document declares for it, and no
// PIN. What was bought is answered again by a status, byte for byte.
func FuzzMessages(f *testing.F) {
	const pin = "70529136"
	for n, m := range messages() {
		path, parameters, _ := strings.Cut(m.path, "?")
		f.Add(uint8(n), "", parameters, []byte(strings.Replace(m.body, `"city"`, `"pin":"`+pin+`","city"`, 1)))
		f.Add(uint8(n), "/airtime/v5"+path, "msisdn=+1&msisdn=%", []byte(`{"id":"\u0000"}`))
	}
	f.Add(uint8(0), "", "", []byte(purchase.also(`"paymentMethods":[{"type":"X","token":["`+pin+`"]}],"transactionLabels":{"pin":"`+pin+`"}`).body))
	f.Add(uint8(0), "", "", []byte(purchase.with(f, references, `"thirdPartyIdentifiers":[{}]`).body))
	f.Add(uint8(2), "", "", []byte(purchaseConfirmation.with(f, adviceReferences, `"thirdPartyIdentifiers":[{}],"tenders":[[1e400]]`).body))
	f.Add(uint8(0), "", "", []byte(purchase.with(f, "T10:11:12.120Z", "t10:11:12.120z").body))
	f.Add(uint8(0), "/airtime/v5/vouchers/\xff/reversals/%", "", []byte(`{"id":"a","id":"b"}`))
	f.Add(uint8(2), "/airtime/v5", "", []byte("null"))
	e := newEdge(f, true)
	all := messages()
	f.Fuzz(func(t *testing.T, n uint8, path, parameters string, body []byte) {
		r := all[int(n)%len(all)].sent()
		if r.Method == http.MethodPost {
			post := httptest.NewRequest(http.MethodPost, r.URL.Path, bytes.NewReader(body))
			post.Header.Set("Content-Type", "application/json")
			r = post
		}
		if path != "" {
			r.URL = &url.URL{Path: path}
		}
		r.URL.RawQuery = parameters
		e.service.forget()
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		if answer.Code == http.StatusInternalServerError {
			t.Fatalf("nobody knows: %v", e.observer.cause)
		}
		if err := keepsContract(e.observer.operation, answer); err != nil {
			t.Fatal(err)
		}
		asPIN := strings.Count(string(body), pin) == 1 && strings.Contains(string(body), `"pin":"`+pin+`"`)
		if asPIN && strings.Contains(answer.Body.String(), pin) {
			t.Fatalf("the PIN comes back: %s", answer.Body)
		}
		if e.service.request == nil || e.observer.operation != "purchase" {
			return
		}
		if again := e.answer(status); !bytes.Equal(again.Body.Bytes(), answer.Body.Bytes()) {
			t.Fatalf("a status answers %s after %s", again.Body, answer.Body)
		}
	})
}
