package giftcardhttp_test

import (
	"context"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/invariant"
)

// overHTTP sets up the issuer directly and sends it messages through its server.
type overHTTP struct {
	conform.Setup
	*httptest.Server
}

func credentials(name string) conform.Credentials {
	return conform.Credentials{Name: name, Password: passwordOf(name)}
}

// Wire says that the scripts which look at the wire can be played.
func (overHTTP) Wire() bool { return true }

// Do sends a message. The suite's own client knows two accounts, so the message's account is its first.
func (o overHTTP) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	other := "a"
	if m.Account == other {
		other = "b"
	}
	client, err := conform.NewHTTPTarget(conform.HTTPTarget{
		BaseURL: o.URL, Client: o.Client(), Accounts: [2]conform.Credentials{credentials(m.Account), credentials(other)},
	})
	if err != nil {
		return conform.Answer{}, err
	}
	m.Account = "a"
	return client.Do(ctx, m)
}

func TestRuleScripts(t *testing.T) {
	i := newIssuer(t, false)
	conform.Test(t, overHTTP{i, serve(t, i)}, conform.Options{Now: i.Now})
	booksAreRight(t, i)
}

// The test server's administration and its open door are the sandbox's, not this room's.
func TestRuleScriptsOfTheCompatibilityProfile(t *testing.T) {
	i := newIssuer(t, true)
	ours := regexp.MustCompile(`each account has its own world|points are ignored|/voided/|/ids/|/answer/|/error/`)
	conform.Test(t, overHTTP{i, serve(t, i)}, conform.Options{Now: i.Now, Profile: conform.Compatibility, Match: ours})
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
