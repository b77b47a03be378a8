package sqlstore

import (
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

func TestHuskComesBack(t *testing.T) {
	any64 := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
	rapid.Check(t, func(t *rapid.T) {
		h := txn.Husk{Message: txn.Message{
			Seq: any64.Draw(t, "seq"), Account: ident.Account(rapid.Int32().Draw(t, "account")), Family: txn.Family(rapid.Byte().Draw(t, "family")),
			Role: txn.Role(rapid.ByteRange(0, 15).Draw(t, "role")), State: txn.State(rapid.ByteRange(0, 15).Draw(t, "state")),
			Request: any64.Draw(t, "request"), Card: any64.Draw(t, "card"), Names: any64.Draw(t, "names"),
			Amount: money.Minor(any64.Draw(t, "amount")), Requested: money.Minor(any64.Draw(t, "requested")), Final: money.Minor(any64.Draw(t, "final")),
			Currency: money.Currency(rapid.Uint16().Draw(t, "currency")),
			Reason:   decline.Reason(rapid.String().Draw(t, "reason")), Upstream: rapid.String().Draw(t, "upstream"),
		}}
		back := txn.Message{Seq: h.Seq}
		if err := readHusk(appendHusk(nil, &h), &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, h.Message) {
			t.Fatalf("%+v came back as %+v", h.Message, back)
		}
	})
}

func FuzzHusk(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendHusk(nil, &txn.Husk{Message: txn.Message{Seq: 9, Family: txn.Load, Role: txn.Request, State: txn.Declined, Reason: "R"}}))
	f.Add([]byte{1, 17, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h := txn.Husk{Message: txn.Message{Seq: 9}}
		if err := readHusk(b, &h.Message); err != nil {
			return
		}
		again := txn.Message{Seq: 9}
		if err := readHusk(appendHusk(nil, &h), &again); err != nil || !reflect.DeepEqual(again, h.Message) {
			t.Errorf("%+v came back as %+v, %v", h.Message, again, err)
		}
	})
}
