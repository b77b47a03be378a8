package giftcard_test

import (
	"context"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/store/fleet"
)

// The rule scripts judge the issuer by itself, without a wire, on every store. Whatever they did to it, the books
// are right afterwards.
func TestRuleScripts(t *testing.T) {
	fleet.Each(t, func(t *testing.T, open fleet.Opener) {
		i := giftcardtest.New(t, giftcardtest.Settings{Open: open})
		conform.Test(t, i, conform.Options{Now: i.Now})
		booksAreRight(t, i)
	})
}

func TestRuleScriptsOfTheCompatibilityProfile(t *testing.T) {
	i := giftcardtest.New(t, giftcardtest.Settings{Open: fleet.Memory(t), Compatible: true})
	conform.Test(t, i, conform.Options{Now: i.Now, Profile: conform.Compatibility})
	booksAreRight(t, i)
}

// judge is who is told what is wrong: a test, or a random one.
type judge interface {
	Helper()
	Error(...any)
	Errorf(string, ...any)
	Fatal(...any)
}

func booksAreRight(t judge, i *giftcardtest.Issuer) {
	t.Helper()
	report, err := invariant.Check(context.Background(), i.Store.Driver())
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range report.Faults {
		t.Error(fault)
	}
	if report.Cards == 0 || report.Messages+report.Pruned == 0 {
		t.Errorf("%d cards and %d messages were checked", report.Cards, report.Messages)
	}
}

// ownRules are rules that follow from the issuer's, and that no other issuer has to have.
const ownRules = `
case a card that takes over has been loaded when the old one was
product p1 opening=sum start=1000 singleLoad=yes
card c1 product=p1
card c2 product=p1
active c1
load id=l1 card=c1 amount=100
confirm of=l1
replace id=x1 card=c1 to=c2
confirm of=x1
# [2.3/issuer/single-load]
load card=c2 amount=100
-> declined TRANSACTION_NOT_SUPPORTED book=1100 available=1100

case a replaced card keeps an activation from being reversed
product p1 opening=sum start=1000
card c1 product=p1
card c2 product=p1
activate id=a1 card=c1
confirm of=a1
replace id=x1 card=c1 to=c2
# [2.4/activation/voided-since] it refuses as a voided one does
reverse of=a1
-> declined CARD_VOIDED book=0 available=0
`

func TestRulesOfOurOwn(t *testing.T) {
	script, err := conform.Parse("own", ownRules)
	if err != nil {
		t.Fatal(err)
	}
	i := giftcardtest.New(t, giftcardtest.Settings{Open: fleet.Memory(t)})
	conform.Test(t, i, conform.Options{Now: i.Now, Scripts: []conform.Script{script}})
	booksAreRight(t, i)
}
