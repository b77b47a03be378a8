package bench_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/bench/echo"
)

// A hundred redemptions by four clients, against the echo, which approves everything.
func ExampleRun() {
	server := httptest.NewServer(echo.NewHandler(1200))
	defer server.Close()
	cards, err := bench.ConsecutiveCards("6001000000000000", 10, "4912")
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := bench.Run(context.Background(), bench.Plan{
		Target: bench.Target{URL: server.URL, User: "till1", Password: "secret"},
		Mode:   bench.ModeRedeemOnly, Cards: cards, Clients: 4, Cycles: 100,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range report.Acknowledged {
		fmt.Println(a.Count, a.Kind, a.Outcome)
	}
	// Output: 100 REDEMPTION_REQUEST approved
}
