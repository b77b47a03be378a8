package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/keyset"
)

// approvals are the ids of requests whose approval was heard.
type approvals struct {
	mu  sync.Mutex
	ids []string
}

func (a *approvals) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids = append(a.ids, id)
}

func (a *approvals) soFar() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ids)
}

// A backup that is made under load and put where a server looks for it serves: its books are right, and whatever was
// approved before the backup was asked for is known.
func TestABackupUnderLoadIsRestored(t *testing.T) {
	data := t.TempDir()
	h := open(t, app.Settings{Data: data})
	l := h.account(t, "till", members{})
	h.product(t, "gold")
	const tills, enough = 8, 400
	var approved approvals
	first, over := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var working sync.WaitGroup
	for n := range tills {
		c := h.card(t, strconv.Itoa(6001000000000000+n))
		l.activate(t, c, crashOpening)
		working.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				id := newID()
				if a := l.ask("redemptions", id, c, 1); a.status != http.StatusCreated {
					t.Errorf("answered %v", a)
					return
				}
				if approved.add(id); len(approved.soFar()) >= enough {
					once.Do(func() { close(first) })
				}
			}
		})
	}
	<-first
	before := approved.soFar()
	copied := h.operate(t, http.MethodPost, "/backups", members{"reason": "a test"})
	after := approved.soFar()
	close(over)
	working.Wait()
	if len(after) == len(before) {
		t.Error("nothing was approved while the backup was made")
	}

	restored := t.TempDir()
	must(t, os.WriteFile(app.StorePath(restored), copied.text, 0o600))
	keys, err := os.ReadFile(filepath.Join(data, keyset.Name))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(restored, keyset.Name), keys, 0o600))
	r := open(t, app.Settings{Data: restored})
	if report := r.booksAreRight(t); report.Messages < int64(len(before)) {
		t.Errorf("%d messages, and %d requests were approved before", report.Messages, len(before))
	}
	at, c := r.at(l), card{pan: "6001000000000000", expiry: "4912"}
	for n, id := range before {
		if n%10 == 0 || n > len(before)-50 { // those at the end are what might be missing
			at.ask("redemptions", id, c, 1).must(t, http.StatusBadRequest, "DUPLICATE_RECORD")
		}
	}
}
