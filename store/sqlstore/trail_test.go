package sqlstore

import (
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/txn"
)

func TestTrailComesBack(t *testing.T) {
	any64 := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
	rapid.Check(t, func(t *rapid.T) {
		m := txn.Message{Seq: any64.Draw(t, "seq"), Card: any64.Draw(t, "card")}
		for range rapid.IntRange(0, 3).Draw(t, "links") {
			m.Links = append(m.Links, txn.Link{Card: any64.Draw(t, "linked"), Previous: any64.Draw(t, "previous")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "references") {
			m.References = append(m.References, any64.Draw(t, "hash"))
		}
		back := txn.Message{Seq: m.Seq, Card: m.Card}
		if err := readTrail(appendTrail(nil, &m), &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, m) {
			t.Fatalf("%+v came back as %+v", m, back)
		}
	})
}

func TestDistanceComesBack(t *testing.T) {
	any64 := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
	rapid.Check(t, func(t *rapid.T) {
		from, to := any64.Draw(t, "from"), any64.Draw(t, "to")
		if back := distance(from, distance(from, to)); back != to {
			t.Fatalf("%d seen from %d came back as %d", to, from, back)
		}
	})
}

func FuzzTrail(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := txn.Message{Seq: 9, Card: 3}
		if err := readTrail(b, &m); err != nil {
			return
		}
		again := txn.Message{Seq: 9, Card: 3}
		if err := readTrail(appendTrail(nil, &m), &again); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v came back as %+v, %v", m, again, err)
		}
	})
}
