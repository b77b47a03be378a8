package sdk

import (
	"testing"

	"github.com/scripworks/scrip/txn"
)

// Whatever an upstream answers, what is read of it for people is a part of it, or nothing.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"slipData":{"messageLines":[{"text":"GIFT CARD"},{"text":"THANK YOU"}]}}`))
	f.Add([]byte(`{"slipData":null}`))
	f.Add([]byte(`{"slipData":{"messageLines":{}}}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := answerOf("G1", &txn.Answer{Status: 201, Body: body})
		if answer.Reference != "G1" || string(answer.Body) != string(body) {
			t.Errorf("got %+v", answer)
		}
		length := 0
		for _, line := range answer.Lines {
			length += len(line)
		}
		const widest = 3 // bytes of the character that stands for one that is none
		if length > widest*len(body) {
			t.Errorf("%d bytes of lines out of %d", length, len(body))
		}
	})
}
