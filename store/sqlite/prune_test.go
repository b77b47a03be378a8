package sqlite_test

import (
	"flag"
	"testing"

	"github.com/scripworks/scrip/store/storetest"
)

var toPrune = flag.Int("prune", 20_000, "transactions that BenchmarkPrune prunes")

func BenchmarkPrune(b *testing.B) { storetest.BenchPrune(b, openNew, *cards, *toPrune) }
