package app_test

import (
	"net/http"
	"testing"

	"github.com/scripworks/scrip/secret"
)

// till sends messages as a retailer does.
type till struct {
	base           string
	client         *http.Client
	user, password string
}

// card is what a till knows of a card.
type card struct{ pan, expiry, pin string }

func (c card) members() members {
	m := members{"pan": c.pan, "expiryDate": c.expiry}
	if c.pin != "" {
		m["clearPin"] = c.pin
	}
	return m
}

// newID makes a message id.
func newID() string { return string(secret.NewID()) }

// The contract's times and parties, of which nothing depends in these tests.
const messageTime = "2030-01-01T12:00:00.000Z"

func party(id string) members { return members{"id": id, "name": "Corner Stores"} }

func originator() members {
	return members{
		"institution": party("1"), "terminalId": "00000117",
		"merchant": members{
			"merchantType": "5411", "merchantId": "000000000012345",
			"merchantName": members{"name": "Corner Store", "city": "Cape Town", "region": "WC", "country": "ZA"},
		},
	}
}

// requestBody is a request about a card, with an amount unless it is negative.
func requestBody(id string, c card, amount int64) members {
	m := members{
		"id": id, "time": messageTime, "originator": originator(), "client": party("1"),
		"thirdPartyIdentifiers": []any{}, "card": c.members(), "product": members{"id": "gold"},
	}
	if amount >= 0 {
		m["amounts"] = members{"requestAmount": members{"amount": amount, "currency": "710"}}
	}
	return m
}

func adviceBody(id, request string) members {
	return members{
		"id": id, "requestId": request, "time": messageTime, "thirdPartyIdentifiers": []any{}, "tenders": []any{},
		"reversalReason": "TIMEOUT",
	}
}

// post sends one message about a card.
func (l *till) post(path string, body members) answer {
	return l.send(http.MethodPost, "/giftcard/v3/"+path, body)
}

// send sends one message; a status of 0 says that no answer came.
func (l *till) send(method, path string, body any) answer {
	a, err := call(l.client, method, l.base+path, body, func(r *http.Request) {
		if l.user != "" {
			r.SetBasicAuth(l.user, l.password)
		}
	})
	if err != nil {
		return answer{text: []byte(err.Error())}
	}
	return a
}

// ask sends a request of a resource, such as "redemptions".
func (l *till) ask(resource, id string, c card, amount int64) answer {
	return l.post(resource+"/"+id, requestBody(id, c, amount))
}

// confirm and reverse advise of a request under a given id.
func (l *till) confirm(resource, request, id string) answer {
	return l.post(resource+"/"+request+"/confirmations/"+id, adviceBody(id, request))
}

func (l *till) reverse(resource, request, id string) answer {
	return l.post(resource+"/"+request+"/reversals/"+id, adviceBody(id, request))
}

// activate activates a card with an amount and confirms it.
func (l *till) activate(t testing.TB, c card, amount int64) {
	t.Helper()
	id := newID()
	l.ask("activations", id, c, amount).must(t, http.StatusCreated, "")
	l.confirm("activations", id, newID()).must(t, http.StatusAccepted, "")
}

// balance asks for a card's book and available balance.
func (l *till) balance(t testing.TB, c card) (book, available int64) {
	t.Helper()
	a := l.ask("lookupGiftcard", newID(), c, -1).must(t, http.StatusCreated, "")
	return a.minor("balanceAmount"), a.minor("availableBalance")
}
