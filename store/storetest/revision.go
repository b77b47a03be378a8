package storetest

import (
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/store"
)

func testRevisions(t *testing.T, h *harness) {
	t.Run("rows of the register raise it, and nothing else", h.with(revisionRaised))
	t.Run("acts and reports have the same", h.with(revisionAgrees))
	t.Run("an act sees what an earlier one of its batch has set", h.bubble(revisionInBatch))
	t.Run("it outlives the process where others go on", h.with(revisionStays))
}

// revision gives what reports say.
func (r *room) revision() int64 {
	r.Helper()
	revision, err := r.driver.Revision(r.Context())
	if err != nil {
		r.Fatalf("revision: %v", err)
	}
	return revision
}

// raises checks by how much a step raises the revision.
func (r *room) raises(what string, by int64, step func()) {
	r.Helper()
	before := r.revision()
	step()
	r.same(what, r.revision()-before, by)
}

// setting gives a row of the register with nothing special about it.
func setting(number int64) admin.Row {
	return admin.Row{Kind: admin.SettingRow, Number: number, World: 1, Content: []byte("set")}
}

func revisionRaised(r *room) {
	for _, c := range []struct {
		kind admin.Kind
		by   int64
	}{
		{admin.AccountRow, 1}, {admin.ProductRow, 1}, {admin.OperatorRow, 1}, {admin.ImportRow, 1}, {admin.SettingRow, 1},
		{admin.AirtimeProductRow, 1}, {admin.EditionRow, 1}, {admin.NetworkRow, 1},
		{admin.AuditRow, 0}, {admin.SubscriberRow, 0}, {admin.OrderRow, 0},
	} {
		row := admin.Row{Kind: c.kind, Number: 1, World: 1, Name: "one", Content: []byte("x")}
		r.raises(string(c.kind)+" added", c.by, func() { r.put(row) })
		r.raises(string(c.kind)+" replaced", c.by, func() { r.put(row) })
		row.Content = nil
		r.raises(string(c.kind)+" deleted", c.by, func() { r.put(row) })
	}
	r.raises("three rows in one commit", 1, func() {
		r.put(setting(1), setting(2), admin.Row{Kind: admin.AuditRow, Number: 3, World: 1, Content: []byte("x")})
	})
	r.raises("a card", 0, func() { r.add(newCard(1)) })
	r.raises("a message", 0, func() { r.insert(request(1, uuid(1))) })
	r.raises("an act that fails", 0, func() {
		_ = r.try(declared(), func(tx *store.Tx) error { tx.PutRow(setting(9)); return errOwn })
	})
	r.raises("an act that the database refuses", 0, func() {
		twin := admin.Row{Kind: admin.ProductRow, Number: 6, World: 1, Name: "tea", Content: []byte("b")}
		other := twin
		other.Number = 7
		if err := r.tryPut(twin, other); err == nil {
			r.Error("two rows have one name")
		}
	})
}

func revisionAgrees(r *room) {
	for range 3 {
		r.put(setting(1))
		want := r.revision()
		keys := declared()
		for _, keys.Register = range []bool{true, false} {
			err := r.try(keys, func(tx *store.Tx) error {
				r.same("in an act", tx.Revision(), want)
				tx.PutRow(setting(2))
				r.same("after what the act itself has set", tx.Revision(), want+1)
				return errOwn
			})
			r.same("error", err, error(errOwn))
		}
		r.read(func(tx *store.Tx) { r.same("in a view", tx.Revision(), want) })
		err := store.Admin(r.store).Update(r.Context(), giftcard.Keys{World: 1}, func(tx admin.Tx) error {
			r.same("in an operator's act", tx.Revision(), want)
			return nil
		})
		r.same("error", err, error(nil))
	}
}

func revisionInBatch(b *batchRoom) {
	before := b.revision()
	var seen []int64
	look := func(tx *store.Tx) { seen = append(seen, tx.Revision()-before) }
	b.together(
		good(look),
		message{decide: func(tx *store.Tx) error { tx.PutRow(setting(1)); return errOwn }},
		good(look),
		good(func(tx *store.Tx) {
			look(tx)
			tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: 1, World: 1, Content: []byte("x")})
		}),
		good(func(tx *store.Tx) { look(tx); tx.PutRow(setting(2)) }),
		good(func(tx *store.Tx) { look(tx); tx.PutRow(setting(3)) }),
		good(look),
	)
	b.same("seen", seen, []int64{0, 0, 0, 0, 1, 1})
	b.same("saved", b.revision()-before, int64(1))
}

func revisionStays(r *room) {
	r.put(setting(1))
	r.put(setting(1))
	before := r.revision()
	r.again()
	if r.driver.Shared() {
		r.same("after a restart", r.revision(), before)
	}
	r.raises("a row after a restart", 1, func() { r.put(setting(1)) })
}
