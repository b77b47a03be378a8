package stub_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scripworks/scrip/bench/stub"
)

func TestServer(t *testing.T) {
	front := httptest.NewServer(new(stub.Server))
	defer front.Close()
	for _, c := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"/giftcard/v3/redemptions/r1", `{"id":"r1","amounts":{"requestAmount":{"amount":7,"currency":"710"}}}`, 201, `"approvedAmount":{"amount":7,"currency":"710"}`},
		{"/giftcard/v3/redemptions/r1", `{"id":`, 400, "unexpected"},
		{"/giftcard/v3/redemptions/r1/confirmations/c1", `{"id":"c1"}`, 202, `"id"`},
		{"/giftcard/v3/redemptions/r1/reversals/c2", `{"id":"c2"}`, 202, `"id"`},
		{"/advices", ``, 200, "2"},
	} {
		response, err := http.Post(front.URL+c.path, "application/json", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != c.status || !strings.Contains(string(text), c.says) {
			t.Errorf("%s: %d %s", c.path, response.StatusCode, text)
		}
	}
}
