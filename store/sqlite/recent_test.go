package sqlite

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/storetest"
)

// smallBuckets makes buckets so small that ids go into the index all the time.
func smallBuckets(t testing.TB, size int) {
	usual := bucketSize
	bucketSize = size
	t.Cleanup(func() { bucketSize = usual })
}

func TestDriverWithSmallBuckets(t *testing.T) {
	if testing.Short() {
		t.Skip("it is the whole suite once more")
	}
	smallBuckets(t, 3)
	var paths sync.Map
	openAt := func(t testing.TB, path string) store.Driver {
		d, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		paths.Store(d, path)
		return d
	}
	storetest.Run(t,
		func(t testing.TB) store.Driver { return openAt(t, filepath.Join(t.TempDir(), "scrip.db")) },
		func(t testing.TB, d store.Driver) store.Driver {
			path, _ := paths.Load(d)
			return openAt(t, path.(string))
		})
}

// A bucket of ids grows with their index, within bounds, and after a start is as large as it was.
func TestABucketGrowsWithItsIndex(t *testing.T) {
	smallBuckets(t, 100)
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, d := openStore(t, path)
	for _, want := range []struct{ newest, full int }{
		{6400, 100}, {12_800, 200}, {25_600, 400}, {1 << 40, 400}, {1 << 41, 400},
	} {
		insertMany(t, s, int64(want.newest)-2, 2, 1)
		if got := d.recent.full(); got != want.full {
			t.Errorf("of %d ids %d fill a bucket, want %d", want.newest, got, want.full)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, d = openStore(t, path)
	defer s.Close()
	if ids, hashes := d.recent.full(), d.hashes.full(); ids != 400 || hashes != 400 {
		t.Errorf("after a start %d ids and %d hashes fill a bucket", ids, hashes)
	}
}

// A view finds by id what was committed when it began, although the ids have gone from memory into the index since.
func TestViewOutlivesBuckets(t *testing.T) {
	smallBuckets(t, 50)
	s, d := openStore(t, filepath.Join(t.TempDir(), "scrip.db"))
	defer s.Close()
	insertMany(t, s, 0, 20, 1)
	err := s.Read(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.MessageAt(1) // the instant that the view shows
		for n := range int64(400) {
			insertMany(t, s, 20+n, 1, 1)
		}
		if d.recent.generation < 3 {
			t.Errorf("%d buckets have left memory, so this test proves little", d.recent.generation)
		}
		for seq := 1; seq <= 420; seq++ {
			want := 0
			if seq <= 20 {
				want = 1
			}
			if found := tx.Messages(ident.ID(fmt.Sprint("m", seq))); len(found) != want {
				t.Errorf("message %d is %d times there, want %d", seq, len(found), want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever is added, taken back, merged and recovered: a bucket gives what a plain map gives.
func TestBucketAgreesWithAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, plain := newBucket(), map[int64][]int64{}
		var order []int64
		add := func(p idPlace) {
			b.add(p)
			plain[p.hash], order = append(plain[p.hash], p.seq), append(order, p.hash)
		}
		compare := func(t *rapid.T) {
			for hash := int64(-301); hash <= 301; hash++ {
				if found := b.find(hash, nil); !slices.Equal(found, plain[hash]) {
					t.Fatalf("%d: got %v, want %v", hash, found, plain[hash])
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				add(idPlace{hash: rapid.Int64Range(-2, 2).Draw(t, "hash"), seq: rapid.Int64().Draw(t, "seq")})
			},
			"add many": func(t *rapid.T) { // so that the table grows
				first, apart := rapid.Int64Range(-300, 300).Draw(t, "first"), rapid.Int64Range(-300, 300).Draw(t, "apart")
				for seq := range int64(smallestTable/2 + 1) {
					add(idPlace{(first + seq*apart) % 301, seq})
				}
			},
			"drop": func(t *rapid.T) {
				if len(order) == 0 {
					t.Skip("it is empty")
				}
				hash := order[len(order)-1]
				b.drop()
				plain[hash], order = plain[hash][:len(plain[hash])-1], order[:len(order)-1]
			},
			"compare": compare,
		})
		compare(t)
	})
}

func FuzzEachPlace(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		places := 0
		err := eachPlace(data, func(idPlace) { places++ })
		if err == nil && (places == 0) != (len(data) == 0) || places > len(data)/(idBytes+1) {
			t.Errorf("%d places in %d bytes, %v", places, len(data), err)
		}
	})
}
