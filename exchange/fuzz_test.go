package exchange_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever comes to whatever place is answered with JSON, and with an ErrorDetail when it fails.
func FuzzCalls(f *testing.F) {
	for _, c := range []call{purchase, trial, confirmation, status, lookUp, voucher, reversal} {
		path, query, _ := strings.Cut(c.path, "?")
		f.Add(c.method == http.MethodPost, path, query, []byte(c.body))
	}
	f.Add(false, "msisdn", "msisdn=%ff&a\"=1&;&=&msisdn=1", []byte(nil))
	f.Add(true, "vouchers/\xff/", "", []byte(`{"id":"\u0000","requestId":"a"}`))
	f.Add(true, "purchases", "", []byte(strings.Replace(aRequest, `"thirdPartyIdentifiers":[`, `"thirdPartyIdentifiers":[null`, 1)))
	r := newRoom(f)
	f.Fuzz(func(t *testing.T, post bool, path, query string, body []byte) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		h := httptest.NewRequest(method, base, strings.NewReader(string(body)))
		h.Header.Set("Content-Type", "application/json")
		h.URL = &url.URL{Path: base + path, RawQuery: query}
		if answer, _ := r.answer(t, h); answer.Code == http.StatusInternalServerError {
			t.Errorf("nobody knows: %v", r.cause)
		}
	})
}
