package exchange_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	giftcardapi "github.com/scripworks/scrip/api/giftcard"
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// plainAdvices are the schemas of the advices that have no members of their own: what is composed of words alone is whole.
var plainAdvices = map[string]struct {
	document []byte
	schemas  map[string]txn.Role
}{
	"giftcard": {giftcardapi.Document, map[string]txn.Role{
		"ActivationConfirmation": txn.Confirmation, "LoadConfirmation": txn.Confirmation, "RedemptionConfirmation": txn.Confirmation,
		"ReplaceConfirmation": txn.Confirmation, "TransferConfirmation": txn.Confirmation, "VoidConfirmation": txn.Confirmation,
		"ActivationReversal": txn.Reversal, "LoadReversal": txn.Reversal, "RedemptionReversal": txn.Reversal, "ReplaceReversal": txn.Reversal,
		"TransferReversal": txn.Reversal, "VoidReversal": txn.Reversal, "BasicReversal": txn.Reversal,
	}},
	"airtime": {airtimeapi.Document, map[string]txn.Role{"PurchaseReversal": txn.Reversal, "BasicReversal": txn.Reversal}},
}

var anAdvice = txn.Advice{
	ID: adviceID, RequestID: requestID, Received: time.Date(2026, 3, 4, 12, 11, 12, 120_999_999, time.FixedZone("", 7200)),
	References: []ident.Reference{{Institution: "1", Identifier: `A"83`}, {Institution: "627"}},
}

func TestComposedAdvicesAreWhatTheDocumentsHave(t *testing.T) {
	for contract, of := range plainAdvices {
		document, err := wire.Compile(of.document)
		if err != nil {
			t.Fatal(err)
		}
		for name, role := range of.schemas {
			model, err := document.Model(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, why := range []txn.ReversalReason{"", txn.TimedOut, txn.Cancelled, txn.ResponseNotFinal} {
				for _, approved := range []*money.Amount{nil, {Minor: 0, Currency: 36}, {Minor: money.MaxMinor, Currency: 710}} {
					a := anAdvice
					a.Role, a.Why, a.Approved = role, why, approved
					if err := model.Read(exchange.ComposeAdvice(&a), &wire.Message{}); err != nil {
						t.Errorf("%s %s for %q of %v: %v", contract, name, why, approved, err)
					}
				}
			}
		}
	}
}

func TestTheWordsOfAnAdvice(t *testing.T) {
	head := `{"id":"` + adviceID + `","requestId":"` + requestID + `","time":"2026-03-04T10:11:12.120Z","thirdPartyIdentifiers":[` +
		`{"institutionId":"1","transactionIdentifier":"A\"83"},{"institutionId":"627"}]`
	partial := &money.Amount{Minor: 0, Currency: 36}
	for want, change := range map[string]func(*txn.Advice){
		head + `,"tenders":[]}`: func(a *txn.Advice) { a.Role, a.Why = txn.Confirmation, txn.Cancelled },
		head + `,"amounts":{"approvedAmount":{"amount":0,"currency":"036"}},"tenders":[]}`: func(a *txn.Advice) { a.Role, a.Approved = txn.Confirmation, partial },
		head + `,"reversalReason":"TIMEOUT"}`:                                              func(a *txn.Advice) { a.Role = txn.Reversal },
		head + `,"reversalReason":"CANCELLED"}`:                                            func(a *txn.Advice) { a.Role, a.Why = txn.Reversal, txn.Cancelled },
		strings.Split(head, "[")[0] + `[],"reversalReason":"TIMEOUT"}`:                     func(a *txn.Advice) { a.Role, a.References = txn.Reversal, nil },
	} {
		a := anAdvice
		change(&a)
		if got := exchange.ComposeAdvice(&a); string(got) != want {
			t.Errorf("have %s\nwant %s", string(got), want)
		}
	}
}

func TestTheWordsOfAnOrigin(t *testing.T) {
	o := *head.Origin
	o.Operator, o.Channel, o.Settlement, o.Receiver = "7", "POS", &txn.Party{ID: "3", Name: "Settler"}, &txn.Party{ID: "4"}
	w := &exchange.Writer{}
	w.Open("")
	exchange.ComposeOrigin(w, &o)
	w.Close()
	const want = `{"originator":{"institution":{"id":"1","name":"Corner Stores"},"terminalId":"T0000001","merchant":{"merchantType":"5411",` +
		`"merchantId":"000000000012345","merchantName":{"name":"Corner Store 12","city":"Cape Town","region":"WC","country":"ZA"}},"operatorId":"7",` +
		`"channelId":"POS"},"client":{"id":"7654321","name":"Retail Switch"},"settlementEntity":{"id":"3","name":"Settler"},"receiver":{"id":"4"}}`
	if got := w.Bytes(); string(got) != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
}

// What rests of a message has no card number and no PIN, at any depth; all else is as it was.
func TestWhatIsKeptOfAMessage(t *testing.T) {
	const pin, pan = "4711", secretPAN
	body := `{"id":"1","card":{"pan":"` + pan + `","pin":{"clearPin":"` + pin + `"},"holder":"A"},"x":[{"y":[{"encryptedPin":"` + pin + `","cardNumber":"` + pan + `"}]}],"amount": 5 }`
	kept := exchange.Keep(txn.Wire(body))
	if strings.Contains(string(kept), pin) || strings.Contains(string(kept), pan) {
		t.Errorf("%s is kept", kept)
	}
	var read struct {
		ID     string
		Card   struct{ Holder string }
		Amount int
	}
	if err := json.Unmarshal(kept, &read); err != nil || read.ID != "1" || read.Card.Holder != "A" || read.Amount != 5 {
		t.Errorf("%s is kept (%v)", kept, err)
	}
}
