package airtimehttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/exchange"
)

func Example() {
	vendor := &service{subscriber: airtime.Subscriber{Country: "ZA", Products: []airtime.Offer{{Product: ten}}}}
	server, err := airtimehttp.New(airtimehttp.Settings{
		Settings: exchange.Settings{Gate: &door{}, Institution: ourselves, Now: time.Now},
		Service:  vendor,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, airtimehttp.Base+"/msisdn?msisdn=%2B27831234567", nil))
	fmt.Println(answer.Code, answer.Body)
	// Output:
	// 200 {"msisdn":{"msisdn":"+27831234567","country":"ZA"},"availableProducts":[{"isDirectTopup":false,"productId":"A10","name":"Ten","type":"AIRTIME_FIXED","recipientAmount":{"amount":1000,"currency":"710"},"wholesalePrice":{"amount":1000,"currency":"710"},"productValues":[{"amount":1000,"currency":"710"}]}]}
}
