package exchange

import (
	"testing"
	"time"

	"github.com/scripworks/scrip/api/wire"
)

func TestWriter(t *testing.T) {
	var w Writer
	w.Open("")
	w.Text("text", "a\"\\\n\xff")
	w.Say("left out", "")
	w.Raw("left out", nil)
	w.OpenList("list")
	w.Int("", -1)
	w.Bool("", true)
	w.Open("")
	w.Close()
	w.OpenList("")
	w.CloseList()
	w.CloseList()
	w.Time("time", time.Date(2026, 3, 4, 5, 6, 7, 120_999_999, time.FixedZone("", 7200)))
	w.Amount("amount", 0, 710)
	w.Raw("raw", []byte("null"))
	w.Close()
	const want = `{"text":"a\"\\\u000a` + "\uFFFD" + `","list":[-1,true,{},[]],"time":"2026-03-04T03:06:07.120Z",` +
		`"amount":{"amount":0,"currency":"710"},"raw":null}`
	if got := string(w.b); got != want {
		t.Errorf("wrote %s\nwant  %s", got, want)
	}
}

// An idle exchange holds nothing of the message that it was used for, nor of its answer.
func TestAnExchangeForgets(t *testing.T) {
	x := &Exchange{server: &Server{}, parsed: new(wire.Message), OriginalID: "p1", id: "a1"}
	x.buffer.WriteString("PIN 7052")
	x.Answer().Text("", "PIN 7052")
	body, answer := x.buffer.Bytes(), x.answer.b
	x.reset()
	for _, kept := range [][]byte{body, answer} {
		for _, c := range kept {
			if c != 0 {
				t.Fatalf("%q is still there", kept)
			}
		}
	}
	if x.OriginalID != "" || x.id != "" || x.buffer.Len() != 0 || len(x.answer.b) != 0 || x.server == nil {
		t.Errorf("%+v", x)
	}
	x.buffer.Write(make([]byte, maxKept+1))
	x.answer.b = make([]byte, maxKept+1)
	x.reset()
	if x.buffer.Cap() > maxKept || cap(x.answer.b) > maxKept {
		t.Error("an idle exchange keeps a large buffer")
	}
}
