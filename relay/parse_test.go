package relay

import (
	"encoding/json"
	"testing"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// What an upstream answers to a status may be anything at all: a purchase is named only by a text, and only where JSON
// has one.
func FuzzAbout(f *testing.F) {
	f.Add([]byte(`{"id":"r1","originalId":"r2"}`))
	f.Add([]byte(`{"id":7}`))
	f.Add([]byte(`[{"id":"r1"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		answered := about(&airtime.Response{Answer: &txn.Answer{Body: body}}, nil)
		refused := about(nil, &decline.Error{Wire: append([]byte{}, body...)})
		if (answered != "" || refused != "") && !json.Valid(body) {
			t.Errorf("%q and %q are read from %q", answered, refused, body)
		}
	})
}

// What is kept of a request may lack its identifiers, or have odd ones: its reversal goes out all the same.
func FuzzIdentifiers(f *testing.F) {
	keys, err := secret.Generate()
	if err != nil {
		f.Fatal(err)
	}
	r := &Relay{settings: Settings{Keys: keys}}
	f.Add([]byte(`{"thirdPartyIdentifiers":[{"institutionId":"33","transactionIdentifier":"T1"}]}`))
	f.Add([]byte(`{"thirdPartyIdentifiers":[null,7]}`))
	f.Add([]byte(`{"thirdPartyIdentifiers":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sealed, err := keys.SealBody(body)
		if err != nil {
			t.Skip(err)
		}
		found, err := r.identifiers(txn.Message{Seq: 1, Body: sealed})
		if err != nil || len(found) > 0 && !json.Valid(body) {
			t.Errorf("%v, %v from %q", found, err, body)
		}
	})
}
