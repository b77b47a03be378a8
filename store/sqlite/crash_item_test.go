package sqlite

import (
	"testing"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// crashUpstream is whom everything in the crash test is passed on to.
const crashUpstream = "issuer"

// enqueue puts a confirmation into the queue, in its own commit.
func enqueue(tx *store.Tx, m txn.Message) {
	tx.AddItem(saf.Item{
		Seq: m.Seq, Upstream: crashUpstream, World: m.World, Role: m.Role, ID: m.ID, Request: m.Request, At: time.UnixMilli(m.Seq),
		Amount: m.Amount, Body: m.Body, State: saf.Waiting,
	})
}

// serve has what became of an item noted in the commit of a request, which names it: one of even seq is delivered, one of
// odd seq is parked.
func serve(tx *store.Tx, item int64) {
	if item%2 == 0 {
		tx.DropItem(item)
		return
	}
	i, _ := tx.Item(item)
	i.State, i.Attempts, i.Tried, i.Why = saf.Parked, 1, time.UnixMilli(item), "it did not answer"
	tx.PutItem(i)
}

// inspectQueue checks that an item is there just when its message is, and that it was delivered or parked just when the
// message is there that did that.
func inspectQueue(t *testing.T, d *Driver, messages map[int64]txn.Message) {
	t.Helper()
	served := map[int64]bool{}
	for _, m := range messages {
		if m.Names != 0 {
			served[m.Names] = true
		}
	}
	waiting, parked := queueOf(t, d, saf.Waiting), queueOf(t, d, saf.Parked)
	for seq, m := range messages {
		switch i, waits := waiting[seq]; {
		case m.Role == txn.Request && (waits || m.Upstream != crashUpstream):
			t.Errorf("request %d waits in the queue: %t; it was passed on to %q", seq, waits, m.Upstream)
		case m.Role == txn.Request:
			continue
		case waits == served[seq]:
			t.Errorf("advice %d waits in the queue: %t; it was delivered or parked: %t", seq, waits, served[seq])
		case waits && (i.ID != m.ID || i.Request != m.Request || len(i.Body) != len(m.Body) || i.Attempts != 0):
			t.Errorf("advice %d is %+v in the queue", seq, i)
		}
		i, found := parked[seq]
		if want := served[seq] && seq%2 == 1; found != want || found && (i.Attempts != 1 || i.Why == "") {
			t.Errorf("advice %d is parked: %t, with %d attempts and %q; it should be: %t", seq, found, i.Attempts, i.Why, want)
		}
		delete(waiting, seq)
		delete(parked, seq)
	}
	if len(waiting) > 0 || len(parked) > 0 {
		t.Errorf("%d items wait and %d are parked whose messages are not there", len(waiting), len(parked))
	}
}

// queueOf gives the items in a state, as they are found page by page and by their seq.
func queueOf(t *testing.T, d *Driver, s saf.State) map[int64]saf.Item {
	t.Helper()
	found := map[int64]saf.Item{}
	for after := int64(0); ; {
		page, err := d.Items(t.Context(), crashUpstream, []saf.State{s}, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, i := range page {
			found[i.Seq], after = i, i.Seq
		}
	}
	anybodys, err := d.Items(t.Context(), "", []saf.State{s}, 0, len(found)+1)
	if err != nil || len(anybodys) != len(found) {
		t.Errorf("%d items of %s, %d in all, %v", len(found), crashUpstream, len(anybodys), err)
	}
	return found
}

// lastAdvice finds a confirmation by its id.
func lastAdvice(tx *store.Tx, id ident.ID) (seq int64) {
	for _, m := range tx.Messages(id) {
		seq = m.Seq
	}
	return seq
}
