package airtimeapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	"github.com/scripworks/scrip/api/wire"
)

func Example() {
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		fmt.Println(user, r.Method, r.URL)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusGatewayTimeout)
		fmt.Fprint(w, `{"errorType":"OUTCOME_UNKNOWN","requestType":"PURCHASE_STATUS_REQUEST","id":"s1","originalId":"p1","errorMessage":"Still pending"}`)
	}))
	defer vendor.Close()

	client, err := airtimeapi.NewClientWithResponses(vendor.URL+"/airtime/v5", airtimeapi.WithRequestEditorFn(
		func(_ context.Context, request *http.Request) error {
			request.SetBasicAuth("till", "secret")
			return nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	purchase := "p1"
	answer, err := client.PurchaseStatusWithResponse(context.Background(), &airtimeapi.PurchaseStatusParams{OriginalMsgID: &purchase})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.StatusCode(), answer.JSON504.ErrorType)
	// Output:
	// till GET /airtime/v5/purchases/status?originalMsgId=p1
	// 504 OUTCOME_UNKNOWN
}

// Absent members are left out and zeros are not (rule C5); a voucher product says that it is no top-up.
func TestWhatIsWritten(t *testing.T) {
	voucherProduct := false
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"a product by its code": {airtimeapi.Product{ProductID: "A10"}, `{"productId":"A10"}`},
		"a voucher product":     {airtimeapi.Product{ProductID: "A10", IsDirectTopup: &voucherProduct}, `{"isDirectTopup":false,"productId":"A10"}`},
		"a quantity of nothing": {airtimeapi.ProductContent{Unit: airtimeapi.ProductUnitMinutes}, `{"amount":0,"unit":"Minutes"}`},
		"a validity of nothing": {airtimeapi.ValidityPeriod{DurationUnit: airtimeapi.ChronoUnitForever}, `{"duration":0,"durationUnit":"FOREVER"}`},
		"a number alone":        {airtimeapi.MSISDNInfoResponse{MSISDN: airtimeapi.MSISDN{MSISDN: "+27831234567"}}, `{"msisdn":{"msisdn":"+27831234567"}}`},
		"an empty list":         {airtimeapi.Voucher{SerialNumber: "7", RedeemInstructions: []string{}}, `{"redeemInstructions":[],"serialNumber":"7"}`},
		"no labels":             {airtimeapi.PurchaseConfirmation{ID: "c1"}, `{"id":"c1","requestId":"","time":""}`},
	} {
		if got, err := json.Marshal(c.value); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
}

func TestWhatIsRead(t *testing.T) {
	var request airtimeapi.PurchaseRequest
	body := `{"time":"2019-09-25T09:50:33.120Z","amounts":{"requestAmount":{"amount":"0100","currency":"710"}},` +
		`"transactionLabels":{"campaign":["spring",1]},"unknown":1}`
	if err := json.Unmarshal([]byte(body), &request); err != nil {
		t.Fatal(err)
	}
	if request.Time != "2019-09-25T09:50:33.120Z" {
		t.Errorf("the time is %s, want the characters received (rule C8)", request.Time)
	}
	if got := request.Amounts.RequestAmount.Amount; got != wire.Amount(100) {
		t.Errorf("the amount is %d, want 100 (rule C7)", got)
	}
	if got := string(request.TransactionLabels); got != `{"campaign":["spring",1]}` {
		t.Errorf("the labels are %s, want them as they came", got)
	}
}

func TestPaymentTellsItsFormApart(t *testing.T) {
	var method airtimeapi.PaymentMethod
	if err := method.FromWalletPayment(airtimeapi.WalletPayment{WalletID: "w1"}); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(airtimeapi.PurchaseRequest{
		Time: "2019-09-25T09:50:33.120Z", PaymentMethods: []airtimeapi.PaymentMethod{method},
	})
	if err != nil {
		t.Fatal(err)
	}
	var read airtimeapi.PurchaseRequest
	if err := json.Unmarshal(body, &read); err != nil {
		t.Fatal(err)
	}
	form, err := read.PaymentMethods[0].ValueByDiscriminator()
	if err != nil {
		t.Fatal(err)
	}
	if wallet, ok := form.(airtimeapi.WalletPayment); !ok || wallet.WalletID != "w1" {
		t.Errorf("%s was read as %T", body, form)
	}
}

func TestUnknownPaymentIsPassedOnUntouched(t *testing.T) {
	const body = `{"type":"SEASHELLS","count":12,"beach":{"name":"Muizenberg"}}`
	var method airtimeapi.PaymentMethod
	if err := json.Unmarshal([]byte(body), &method); err != nil {
		t.Fatal(err)
	}
	if written, err := json.Marshal(method); err != nil || string(written) != body {
		t.Errorf("%s, %v; want %s", written, err, body)
	}
}
