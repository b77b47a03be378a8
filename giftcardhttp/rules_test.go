package giftcardhttp_test

import (
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/invariant"
)

// overHTTP sets the issuer up directly and sends it messages through its server.
func overHTTP(t *testing.T, i *giftcardtest.Issuer) conform.Target {
	t.Helper()
	return targetAt(t, serve(t, i), i)
}

// targetAt is what listens somewhere, set up directly.
func targetAt(t *testing.T, listening *httptest.Server, setup conform.Setup) conform.Target {
	t.Helper()
	target, err := conform.NewHTTPTarget(conform.HTTPTarget{
		BaseURL: listening.URL, Client: listening.Client(), Setup: setup,
		Login: func(account string) conform.Credentials {
			return conform.Credentials{Name: account, Password: passwordOf(account)}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestRuleScripts(t *testing.T) {
	i := newIssuer(t, false)
	conform.Test(t, overHTTP(t, i), conform.Options{Now: i.Now})
	booksAreRight(t, i)
}

// The test server's administration and its open door are the sandbox's, not this room's.
func TestRuleScriptsOfTheCompatibilityProfile(t *testing.T) {
	i := newIssuer(t, true)
	ours := regexp.MustCompile(`each account has its own world|points are ignored|/voided/|/ids/|/answer/|/error/`)
	conform.Test(t, overHTTP(t, i), conform.Options{Now: i.Now, Profile: conform.Compatibility, Match: ours})
	booksAreRight(t, i)
}

func booksAreRight(t *testing.T, i *giftcardtest.Issuer) {
	t.Helper()
	report, err := invariant.Check(t.Context(), i.Store.Driver())
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range report.Faults {
		t.Error(fault)
	}
	if report.Messages == 0 {
		t.Error("no messages were checked")
	}
}
