package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/txn"
)

// The outcome of a message is the error. Who gets an error that is neither a refusal nor a message not taken does not know,
// and reverses.
func ExampleClient_Send() {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errorType":"INSUFFICIENT_FUNDS"}`)
	}))
	defer upstream.Close()
	client, err := exchange.NewClient(exchange.ClientSettings{URL: upstream.URL, Credentials: exchange.Same(exchange.Basic("till", "secret"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	answer, err := client.Send(context.Background(), exchange.Outgoing{
		Method: http.MethodPost, Path: "/giftcard/v3/redemptions/5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10", Body: txn.Wire(`{}`), Role: txn.Request,
	})
	var refusal *decline.Error
	var notTaken *decline.NotTaken
	switch {
	case err == nil:
		fmt.Println("successful:", answer)
	case errors.As(err, &refusal):
		fmt.Println("failed:", refusal.Reason)
	case errors.As(err, &notTaken):
		fmt.Println("not taken:", notTaken.Cause)
	default:
		fmt.Println("unknown:", err)
	}
	// Output: failed: INSUFFICIENT_FUNDS
}
