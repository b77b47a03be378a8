package giftcardhttp_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
)

// Whatever body comes to whatever place, it is answered with what the document declares for it, and no PIN.
func FuzzMessages(f *testing.F) {
	i := newIssuer(f, false)
	if err := i.Sell(giftcard.Product{ID: "plain", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 100_000}); err != nil {
		f.Fatal(err)
	}
	const pin = "70529136"
	card, err := i.Card(f.Context(), conform.CardSpec{Currency: "710", Expiry: "4010", ClearPIN: pin})
	if err != nil {
		f.Fatal(err)
	}
	told := &observer{}
	server, err := giftcardhttp.New(i, exchange.Settings{
		Gate: &door{}, Observer: told, Institution: ourselves, Now: i.Now,
	})
	if err != nil {
		f.Fatal(err)
	}
	for n, m := range messages() {
		m.body = strings.ReplaceAll(m.body, "6001000000000000001", card.PAN)
		m.body = strings.ReplaceAll(m.body, "7052", pin)
		f.Add(uint8(n), "", []byte(m.body))
	}
	f.Add(uint8(6), "", []byte(redemption.with(f, references, `"thirdPartyIdentifiers":[{}]`).body))
	f.Add(uint8(8), "", []byte(redemptionReversal.with(f, adviceReferences, `"thirdPartyIdentifiers":[{}]`).body))
	f.Add(uint8(6), "", []byte(redemption.with(f, "T10:11:12.120Z", "t10:11:12.120z").body))
	f.Add(uint8(0), "/giftcard/v3/loads/\xff/reversals/%", []byte(`{"id":"\u0000"}`))
	f.Add(uint8(0), "/giftcard/v3", []byte("null"))
	f.Add(uint8(7), "/giftcard/v3/redemptions/a/", []byte(`{"id":"a","id":"b"}`))
	all := messages()
	f.Fuzz(func(t *testing.T, n uint8, path string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, all[int(n)%len(all)].path, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if path != "" {
			r.URL = &url.URL{Path: path}
		}
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		if answer.Code == http.StatusInternalServerError {
			t.Fatalf("nobody knows: %v", told.cause)
		}
		if err := keepsContract(told.operation, answer); err != nil {
			t.Fatal(err)
		}
		asPIN := strings.Count(string(body), pin) == 1 && strings.Contains(string(body), `"clearPin":"`+pin+`"`)
		if asPIN && strings.Contains(answer.Body.String(), pin) {
			t.Fatalf("the PIN comes back: %s", answer.Body)
		}
	})
}
