package giftcardapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	giftcardapi "github.com/scripworks/scrip/api/giftcard"
	"github.com/scripworks/scrip/api/wire"
)

func Example() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		fmt.Println(user, r.Method, r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"errorType":"INSUFFICIENT_FUNDS","requestType":"REDEMPTION_REQUEST","id":"r1","errorMessage":"Insufficient funds"}`)
	}))
	defer issuer.Close()

	client, err := giftcardapi.NewClientWithResponses(issuer.URL+"/giftcard/v3", giftcardapi.WithRequestEditorFn(
		func(_ context.Context, request *http.Request) error {
			request.SetBasicAuth("till", "secret")
			return nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := client.RedemptionWithResponse(context.Background(), "r1", giftcardapi.RedemptionRequest{
		ID:      "r1",
		Time:    "2019-09-25T09:50:33.120Z",
		Amounts: giftcardapi.GiftcardAmounts{RequestAmount: giftcardapi.LedgerAmount{Amount: 10000, Currency: "710"}},
		Card:    giftcardapi.Card{PAN: "6001000000000001"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.StatusCode(), answer.JSON400.ErrorType)
	// Output:
	// till POST /giftcard/v3/redemptions/r1
	// 400 INSUFFICIENT_FUNDS
}

// Absent members are left out and zeros are not (rule C5); an empty list is neither absent nor lost.
func TestWhatIsWritten(t *testing.T) {
	nothing := giftcardapi.LedgerAmount{Amount: 0, Currency: "710"}
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"an amount of zero":   {giftcardapi.GiftcardAmounts{AvailableBalance: nothing}, `{"availableBalance":{"amount":0,"currency":"710"}}`},
		"no amounts":          {giftcardapi.GiftcardAmounts{}, `{}`},
		"a card without PIN":  {giftcardapi.Card{PAN: "6001"}, `{"pan":"6001"}`},
		"no tenders":          {giftcardapi.TenderAdvice{ID: "c1"}, `{"id":"c1","requestId":"","time":""}`},
		"an empty list":       {giftcardapi.TenderAdvice{Tenders: []giftcardapi.Tender{}}, `{"id":"","requestId":"","tenders":[],"time":""}`},
		"an error's details":  {giftcardapi.ErrorDetail{DetailMessage: json.RawMessage(`{"freeString":""}`)}, `{"detailMessage":{"freeString":""},"errorMessage":"","errorType":"","id":""}`},
		"an attribute's flag": {giftcardapi.MarketingAttribute{Name: "vip"}, `{"marketToCustomer":false,"member":false,"name":"vip"}`},
	} {
		if got, err := json.Marshal(c.value); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
}

func TestWhatIsRead(t *testing.T) {
	var request giftcardapi.LoadRequest
	body := `{"time":"2019-09-25T09:50:33.120Z","amounts":{"requestAmount":{"amount":"0100","currency":"710"}},"unknown":1}`
	if err := json.Unmarshal([]byte(body), &request); err != nil {
		t.Fatal(err)
	}
	if request.Time != "2019-09-25T09:50:33.120Z" {
		t.Errorf("the time is %s, want the characters received (rule C8)", request.Time)
	}
	if got := request.Amounts.RequestAmount.Amount; got != wire.Amount(100) {
		t.Errorf("the amount is %d, want 100 (rule C7)", got)
	}
	if err := json.Unmarshal([]byte(`{"amounts":{"requestAmount":{"amount":50.9}}}`), &request); err == nil {
		t.Error("a fraction of a minor unit was read without an error")
	}
}

func TestPINTellsItsFormApart(t *testing.T) {
	var card giftcardapi.Card
	if err := card.PIN.FromPINEncrypted(giftcardapi.PINEncrypted{PINBlock: "00112233AABBCCDD"}); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	var read giftcardapi.Card
	if err := json.Unmarshal(body, &read); err != nil {
		t.Fatal(err)
	}
	form, err := read.PIN.ValueByDiscriminator()
	if err != nil {
		t.Fatal(err)
	}
	if pin, ok := form.(giftcardapi.PINEncrypted); !ok || pin.PINBlock != "00112233AABBCCDD" {
		t.Errorf("%s was read as %T", body, form)
	}
}
