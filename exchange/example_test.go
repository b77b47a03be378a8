package exchange_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// anyone lets everybody in.
type anyone struct{}

func (anyone) Admit(*http.Request, bool) (*txn.Sender, func(), error) {
	return &txn.Sender{Account: 1, World: ident.Production}, func() {}, nil
}

func (anyone) Guessed(*txn.Sender) {}

// A room is a table of operations, with a function for each that answers it.
func Example() {
	sell := func(_ context.Context, x *exchange.Exchange) error {
		w := x.Approve(exchange.Approval{Reference: "P1", Line: "AIRTIME"})
		w.Open("product")
		w.Text("productId", "A5")
		w.Close()
		w.Close()
		return nil
	}
	confirm := func(_ context.Context, x *exchange.Exchange) error {
		advice, err := x.Advice()
		if err != nil {
			return err
		}
		fmt.Println("confirmed:", advice.RequestID)
		x.Receipt().Close()
		return nil
	}
	server, err := exchange.New(exchange.Contract{
		Base: "/airtime/v5", Document: airtimeapi.Document,
		Operations: []*exchange.Operation{{
			ID: "purchase", Method: http.MethodPost, Path: "purchases", Family: txn.Purchase, Role: txn.Request,
			RequestType: "PURCHASE_REQUEST", Schema: "PurchaseRequest", Status: http.StatusCreated, Answer: sell,
		}, {
			ID: "purchaseConfirmation", Method: http.MethodPost, Path: "purchases/confirmations", Family: txn.Purchase, Role: txn.Confirmation,
			RequestType: "PURCHASE_CONFIRMATION", Schema: "PurchaseConfirmation", Status: http.StatusAccepted, Answer: confirm,
		}},
	}, exchange.Settings{Gate: anyone{}, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/airtime/v5/purchases/confirmations",
		strings.NewReader(`{"id":"a1","requestId":"p1","time":"2026-03-04T10:11:12.120Z"}`))
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, r)
	fmt.Println(answer.Code, answer.Body)
	// Output:
	// confirmed: p1
	// 202 {"id":"a1","requestId":"p1","time":"2026-03-04T10:11:12.120Z","thirdPartyIdentifiers":[]}
}
