package sqlite

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

// The log stays short although views read all the time and the writer never pauses.
func TestLogStaysBounded(t *testing.T) {
	small := limits{check: 300, few: 20, pressing: 900}
	before := usual
	usual = small
	defer func() { usual = before }()
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, d := openStore(t, path)
	defer s.Close()
	over := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					if _, err := d.Rows(t.Context(), admin.AuditRow, 0, 100); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	longest, written := int64(0), int64(0)
	for n := range int64(3000) {
		row := admin.Row{Kind: admin.AuditRow, Number: 1 + n%50, World: 1, Content: make([]byte, 3*pageSize)}
		put(t, s, row)
		written += 3 * pageSize
		longest = max(longest, size(t, path+"-wal"))
	}
	close(over)
	readers.Wait()
	if bound := int64(2*small.pressing) * pageSize; longest > bound || written < 4*bound {
		t.Errorf("the log grew to %d bytes with %d written, want at most %d", longest, written, bound)
	}
}

func openStore(t testing.TB, path string) (*store.Store, *Driver) {
	t.Helper()
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store.New(d, store.Settings{Keys: testKeys()}), d
}

// testKeys are the same in a child as in the test that started it.
var testKeys = sync.OnceValue(func() *secret.Keys {
	var k *secret.Keys
	var err error
	if handed := os.Getenv(childKeys); handed != "" {
		k, err = secret.Parse([]byte(handed))
	} else {
		k, err = secret.Generate()
	}
	if err != nil {
		panic(err)
	}
	return k
})

func put(t testing.TB, s *store.Store, rows ...admin.Row) {
	t.Helper()
	err := s.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for _, row := range rows {
			tx.PutRow(row)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("put: %v", err)
	}
}

func size(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
