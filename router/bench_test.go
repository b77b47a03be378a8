package router

import (
	"fmt"
	"testing"
)

// What choosing among as many routes as there may be costs each message.
func BenchmarkChoose(b *testing.B) {
	for _, count := range []int{3, MaxRoutes} {
		b.Run(fmt.Sprintf("routes=%d", count), func(b *testing.B) {
			all := make([]Route, count)
			for i := range all {
				all[i] = Route{To: []string{"acme"}, Cards: []Range{cardRange(b, fmt.Sprintf("6%03d*", i))}, Accounts: []string{"till-1"}}
			}
			rules, err := compile(all)
			if err != nil {
				b.Fatal(err)
			}
			r, w := &Router{rules: rules}, &words{operation: Load, account: "till-1", card: numberOf("6002000000000001")}
			b.ReportAllocs()
			for b.Loop() {
				if r.choose(w) == nil {
					b.Fatal("no route")
				}
			}
		})
	}
}
