package conform_test

import (
	"context"
	"fmt"
	"os"

	"github.com/scripworks/scrip/conform"
)

// declining is a server that declines everything.
type declining struct{ conform.NoSetup }

func (declining) Do(_ context.Context, m conform.Message) (conform.Answer, error) {
	return conform.Answer{Status: 400, ErrorType: "GENERAL_ERROR", RequestType: m.RequestType(), ID: m.ID}, nil
}

func ExampleRun() {
	script, err := conform.Parse("example", `
case an unknown card
# [2.3/lookup/1]
lookup card=nobody
-> declined INVALID_CARD_NUMBER
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := conform.Run(context.Background(), declining{}, conform.Options{Scripts: []conform.Script{script}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Results[0].Failures {
		fmt.Println(f.Expected, "but", f.Got)
	}
	// Output: -> declined INVALID_CARD_NUMBER but declined 400 GENERAL_ERROR
}

func ExampleNewHTTPTarget() {
	cards, products := conform.SandboxSeed()
	target, err := conform.NewHTTPTarget(conform.HTTPTarget{
		BaseURL:  "http://127.0.0.1:8080",
		Accounts: [2]conform.Credentials{{Name: "till-1", Password: "password"}, {Name: "till-2", Password: "password"}},
		Cards:    cards, Products: products, Reset: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := conform.Run(context.Background(), target, conform.Options{Profile: conform.Compatibility})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = report.Text(os.Stdout) // there is nobody to tell when this fails
}

func ExampleRules() {
	rules, err := conform.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rules[0].Number, rules[0].Says)
	// Output: C1 gift card operations live under /giftcard/v3, airtime operations under /airtime/v5
}
