package postgres_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/txn"
)

// put puts rows one after the other in a single message.
func (s till) put(rows ...admin.Row) error {
	return s.Do(context.Background(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for _, r := range rows {
			tx.PutRow(r)
		}
		return nil
	})
}

func audit(number int64, name, content string) admin.Row {
	r := admin.Row{Kind: admin.AuditRow, Number: number, World: ident.Production, Name: name}
	if content != "" {
		r.Content = []byte(content)
	}
	return r
}

// Sets go out one statement after the other; what a message does in turn has to come out as if each row went out alone.
func TestRowsThatMeetInOneBatch(t *testing.T) {
	s := openTill(t, must(t, emptyDatabase(t)))
	for _, c := range []struct {
		what string
		rows []admin.Row
		want string
	}{
		{"the last one counts", []admin.Row{audit(1, "a", "1"), audit(1, "a", "2"), audit(1, "a", "3")}, "a=3"},
		{"deleted and put again", []admin.Row{audit(1, "a", ""), audit(1, "a", "4")}, "a=4"},
		{"put, deleted and put", []admin.Row{audit(1, "b", "5"), audit(1, "b", ""), audit(1, "c", "6")}, "c=6"},
		{"put and deleted", []admin.Row{audit(1, "c", "7"), audit(1, "c", "")}, ""},
		{"a name goes over", []admin.Row{audit(1, "d", "1"), audit(2, "e", "2"), audit(1, "", ""), audit(2, "d", "3")}, "d=3"},
		{"a name goes round", []admin.Row{audit(3, "x", "1"), audit(3, "y", "2"), audit(4, "x", "3"), audit(3, "z", "4")}, "d=3 z=4 x=3"},
	} {
		if err := s.put(c.rows...); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		found, err := s.Driver().Rows(context.Background(), admin.AuditRow, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range found {
			got = append(got, r.Name+"="+string(r.Content))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.what, got, c.want)
		}
	}
}

func must(t *testing.T, dsn string) store.Driver {
	t.Helper()
	d, err := postgres.Open(context.Background(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A text that the database refuses fails its own message, and none beside it.
func TestATextThatIsRefusedFailsAlone(t *testing.T) {
	s := openTill(t, must(t, emptyDatabase(t)))
	var all sync.WaitGroup
	outcomes := make([]string, 60)
	for n := range outcomes {
		all.Go(func() {
			err := s.Do(context.Background(), store.Keys{World: ident.Production, IDs: []ident.ID{number(n)}}, func(tx *store.Tx) error {
				m := txn.Message{Seq: tx.NextSeq(), World: ident.Production, ID: number(n), Account: 3, Family: txn.Load, Role: txn.Request, State: txn.Open}
				if n%20 == 7 {
					m.ProviderRef = "a\x00b"
				}
				tx.Insert(m)
				return nil
			})
			outcomes[n] = s.outcome(err)
		})
	}
	all.Wait()
	for n, outcome := range outcomes {
		if want := map[bool]string{true: "not taken", false: "saved"}[n%20 == 7]; outcome != want || s.has(n) != (want == "saved") {
			t.Errorf("message %d is %s, want %s", n, outcome, want)
		}
	}
}
