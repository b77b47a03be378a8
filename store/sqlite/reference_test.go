package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// smallRuns makes runs so small, and merges so many of them.
func smallRuns(t testing.TB, references int, merged int64) {
	usual, usually := runReferences, mergedRuns
	runReferences, mergedRuns = references, merged
	t.Cleanup(func() { runReferences, mergedRuns = usual, usually })
}

// A search finds a message wherever its reference is: in a complete run, in one that is being written, in memory,
// and after a start that has dropped half a run. Runs may be as small as those of releases before, and their directories
// more than are kept in memory.
func TestReferencesAreFoundInEveryRun(t *testing.T) {
	const everywhere, batch, batches = 77, 100, 400
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, d := openStore(t, path)
	smallRuns(t, 16<<10, 32)
	defer func() { _ = s.Close() }()
	total := int64(0)
	check := func() {
		t.Helper()
		for _, seq := range []int64{1, total / 3, total / 2, total - batch, total} {
			found(t, d, ownHash(seq), seq)
		}
		found(t, d, 1<<40, nil...)
		all, err := d.MessagesByReference(t.Context(), ident.Production, everywhere, 0, int(total)+1)
		if err != nil || int64(len(all)) != total {
			t.Fatalf("%d of %d messages have the common reference, %v", len(all), total, err)
		}
		for i, m := range all {
			if m.Seq != int64(i+1) {
				t.Fatalf("message %d comes at place %d", m.Seq, i)
			}
		}
		for _, after := range []int64{1, total / 3, total / 2, total - 3, total} {
			page, err := d.MessagesByReference(t.Context(), ident.Production, everywhere, after, 2)
			if want := all[after:min(after+2, total)]; err != nil || len(page) != len(want) || len(page) > 0 && (page[0].Seq != after+1 || page[1].Seq != after+2) {
				t.Fatalf("%d messages come after %d, %v", len(page), after, err)
			}
		}
	}
	var halfway bool
	for n := range batches {
		insertMany(t, s, total, batch, everywhere)
		if total += batch; n%99 == 98 {
			check()
		}
		if halfway = d.references.sealing != nil && d.references.sealing.parts > 0; halfway && n > batches/2 {
			break
		}
	}
	if len(d.references.shelf.runs) < 2 || !halfway {
		t.Fatalf("%d complete runs, one in hand: %t", len(d.references.shelf.runs), halfway)
	}
	d.references.shelf.runs[0].firsts = nil
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, d = openStore(t, path)
	if len(d.references.tail) == 0 || d.references.sealing != nil {
		t.Errorf("%d references were gathered again", len(d.references.tail))
	}
	check()
	insertMany(t, s, total, 1, everywhere)
	total++
	check()
}

// Runs are merged, and merged again after a start, while searches find the same: whoever had begun to look, and whatever
// was rolled back. What was merged is deleted.
func TestRunsAreMerged(t *testing.T) {
	const everywhere, batch, fan = 77, 50, 3
	smallRuns(t, 1000, fan)
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, d := openStore(t, path)
	defer func() { _ = s.Close() }()
	total := int64(0)
	more := func() {
		insertMany(t, s, total, batch, everywhere)
		d.references.sorting.Wait()
		total += batch
	}
	check := func() {
		t.Helper()
		found(t, d, ownHash(1+total/2), 1+total/2)
		page(t, d, everywhere, 0, total, int(total))
		after := rand.Int64N(total)
		page(t, d, everywhere, after, total, 7)
	}
	until := func(what string, holds func(r *references) bool) {
		t.Helper()
		for from := total; !holds(&d.references); more() {
			if check(); total > from+400*batch {
				t.Fatalf("%s after %d messages", what, total-from)
			}
		}
		check()
	}
	more()
	until("no merge begins", func(r *references) bool { return r.merging != nil && r.merging.parts > 1 })
	half := d.references.merging.parts
	transact(t, d, 2, false)
	if d.references.merging.parts != half || len(d.references.merging.pending) == 0 {
		t.Fatalf("%d parts are merged and %d wait, after %d", d.references.merging.parts, len(d.references.merging.pending), half)
	}
	runs, _, done := d.references.look()
	until("no run is merged", func(r *references) bool { return r.merged() == 1 })
	for range 20 {
		more()
	}
	for _, looked := range runs {
		if _, err := looked.probe(d.writer, everywhere, 0, func(int64) (bool, error) { return false, nil }); err != nil {
			t.Errorf("a run that is looked through is gone: %v", err)
		}
	}
	done()
	until("what was merged stays", func(r *references) bool { return r.superseded == nil && r.merged() == 2 })
	until("no third merge begins", func(r *references) bool { return r.merging != nil && r.merging.parts > 1 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, d = openStore(t, path)
	check()
	until("runs are not merged after a start", func(r *references) bool { return r.superseded == nil && r.merged() == 4 })
	if n, most := countRows(t, d, "reference_run"), 2*fan*30; n > most {
		t.Errorf("%d rows of runs stay, more than %d", n, most)
	}
}

// page wants the messages after one that have a reference which all have.
func page(t *testing.T, d *Driver, hash, after, total int64, limit int) {
	t.Helper()
	got, err := d.MessagesByReference(t.Context(), ident.Production, hash, after, limit)
	if want := int(min(total-after, int64(limit))); err != nil || len(got) != want {
		t.Fatalf("%d messages come after %d, want %d: %v", len(got), after, want, err)
	}
	for i, m := range got {
		if m.Seq != after+int64(i+1) {
			t.Fatalf("message %d comes at place %d after %d", m.Seq, i, after)
		}
	}
}

func countRows(t *testing.T, d *Driver, table string) (rows int) {
	t.Helper()
	s, _, err := d.writer.PrepareTransient(`SELECT count(*) FROM ` + table)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Finalize()
	if _, err := s.Step(); err != nil {
		t.Fatal(err)
	}
	return s.ColumnInt(0)
}

// A merge keeps every reference, in order, whatever is rolled back and whichever run is written meanwhile.
func TestAMergeKeepsEveryReference(t *testing.T) {
	const fan = 4
	smallRuns(t, 1<<20, fan)
	s, d := openStore(t, filepath.Join(t.TempDir(), "scrip.db"))
	defer s.Close()
	r := &d.references
	var want []reference
	seq := int64(0)
	bring := func(n int) {
		for range n {
			seq += rand.Int64N(3)
			hash := rand.Uint64() >> rand.IntN(64)
			if r.add(seq, []int64{int64(hash)}); r.next < fan {
				want = append(want, reference{hash >> droppedBits << droppedBits, seq})
			}
		}
		r.messages = runMessages
		r.turn()
	}
	for _, n := range []int{1000 + rand.IntN(5000), 0, rand.IntN(5000), 3000} {
		bring(n)
		writeAll(t, d, false)
	}
	for r.merged() == 0 {
		if r.sealing == nil && rand.IntN(3) == 0 {
			bring(2000)
		}
		transact(t, d, 1+rand.IntN(3), rand.IntN(3) > 0)
	}
	writeAll(t, d, true)
	slices.SortStableFunc(want, compareReferences)
	c := cursor{run: r.shelf.runs[0]}
	for i := range len(want) + 1 {
		more, err := c.advance(d.writer)
		if err != nil || more != (i < len(want)) || more && c.ref != want[i] {
			t.Fatalf("reference %d of %d is %v, %v", i, len(want), c.ref, err)
		}
	}
}

// When all runs are merged and deleted, the next one has a number of its own all the same.
func TestNumbersOfRunsAreNotUsedAgain(t *testing.T) {
	s, d := openStore(t, filepath.Join(t.TempDir(), "scrip.db"))
	defer s.Close()
	smallRuns(t, 1<<20, 4)
	for n := range int64(4) {
		writeRun(t, d, 100*n, 100)
	}
	var after references
	if err := after.recover(d.writer, true); err != nil || countRows(t, d, "reference_run") != 0 {
		t.Fatalf("%d rows of runs that were merged, %v", countRows(t, d, "reference_run"), err)
	}
	if after.merged() != 1 || after.next != 4 || after.upto != 400 {
		t.Errorf("after %d merged runs up to message %d the next has number %d", after.merged(), after.upto, after.next)
	}
}

// A damaged run is not merged, and nobody's message is refused for it.
func TestADamagedRunIsNotMerged(t *testing.T) {
	const everywhere, batch = 77, 50
	s, d := openStore(t, filepath.Join(t.TempDir(), "scrip.db"))
	defer s.Close()
	smallRuns(t, 1000, 3)
	total := int64(0)
	for ; len(d.references.shelf.runs) < 2; total += batch {
		insertMany(t, s, total, batch, everywhere)
		d.references.sorting.Wait()
	}
	if err := d.writer.exec(fmt.Sprintf(`UPDATE reference_run SET data = substr(data, 1, 100) WHERE place = %d`, 1<<partBits|1)); err != nil {
		t.Fatal(err)
	}
	for ; len(d.references.shelf.runs) < 5; total += batch {
		insertMany(t, s, total, batch, everywhere)
		d.references.sorting.Wait()
	}
	if !d.references.damaged || d.references.merging != nil || d.references.merged() != 0 {
		t.Errorf("%d runs are merged, damaged: %t", d.references.merged(), d.references.damaged)
	}
	page(t, d, everywhere, d.references.shelf.runs[1].upto, total, 100)
}

// Damage to the index of a search keeps nobody from serving: the searches that come there fail, and no others.
func TestADamagedRunStopsItsSearchesAlone(t *testing.T) {
	const everywhere, batch = 77, 100
	directoryOf := func(run int64) int64 { return run<<partBits | directoryPart }
	for name, damage := range map[string]string{
		"lost": `DELETE FROM reference_run WHERE place = %d`,
		"cut":  `UPDATE reference_run SET data = substr(data, 1, 3) WHERE place = %d`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scrip.db")
			s, d := openStore(t, path)
			smallRuns(t, 1000, 32)
			total := int64(0)
			for ; len(d.references.shelf.runs) < 3; total += batch {
				if total > 100*batch {
					t.Fatal("no runs are completed")
				}
				insertMany(t, s, total, batch, everywhere)
				d.references.sorting.Wait()
			}
			firstRun := d.references.shelf.runs[0].upto
			if err := d.writer.exec(fmt.Sprintf(damage, directoryOf(1))); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, d = openStore(t, path)
			defer s.Close()
			insertMany(t, s, total, 1, everywhere)
			if all, err := d.MessagesByReference(t.Context(), ident.Production, everywhere, 0, int(firstRun)); err != nil || int64(len(all)) != firstRun {
				t.Errorf("%d of %d messages before the damage are found, %v", len(all), firstRun, err)
			}
			for _, hash := range []int64{everywhere, ownHash(1), ownHash(total)} {
				if some, err := d.MessagesByReference(t.Context(), ident.Production, hash, 0, int(total)); !errors.Is(err, errRun) {
					t.Errorf("%x leads to %d messages across the damage, error %v", hash, len(some), err)
				}
			}
		})
	}
}

// A search that goes on within a run tells of damage wherever it looks for its place.
func TestASearchThatGoesOnTellsOfDamage(t *testing.T) {
	const messages = 20_000
	smallRuns(t, 1<<20, 32)
	s, d := openStore(t, filepath.Join(t.TempDir(), "scrip.db"))
	defer s.Close()
	writeRun(t, d, 0, messages) // every other message has the reference 7, so that many parts begin with it
	if err := d.writer.exec(`UPDATE reference_run SET data = x'ff' WHERE place & 65535 < 65535`); err != nil {
		t.Fatal(err)
	}
	for _, after := range []int64{0, 1, messages / 2, messages - 2} {
		if _, err := d.MessagesByReference(t.Context(), ident.Production, 7, after, 10); !errors.Is(err, errRun) {
			t.Errorf("after %d it is told %v", after, err)
		}
	}
}

// ownHash spreads seqs over all hashes.
func ownHash(seq int64) int64 { return int64(uint64(seq) * 0x9e3779b97f4a7c15) }

func insertMany(t *testing.T, s *store.Store, after, count, common int64) {
	t.Helper()
	err := s.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for seq := after + 1; seq <= after+count; seq++ {
			tx.Insert(txn.Message{
				Seq: seq, World: ident.Production, ID: ident.ID(fmt.Sprint("m", seq)), References: []int64{ownHash(seq), common},
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func found(t *testing.T, d *Driver, hash int64, want ...int64) {
	t.Helper()
	got, err := d.MessagesByReference(t.Context(), ident.Production, hash, 0, 10)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%x leads to %d messages, want %d: %v", hash, len(got), len(want), err)
	}
	for i, m := range got {
		if m.Seq != want[i] {
			t.Errorf("%x leads to message %d, want %d", hash, m.Seq, want[i])
		}
	}
}

// FuzzPart reads what may stand in a damaged row.
func FuzzPart(f *testing.F) {
	f.Add([]byte{2, 1, 2, 3, 4, 5, 9})
	f.Add([]byte{})
	f.Add([]byte{2, 1, 2, 3, 4, 5, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		found := 0
		_, err := eachIn(data, 0x0102030405<<24, func(int64) (bool, error) { found++; return false, nil })
		if err == nil && found > len(data) {
			t.Errorf("%d messages in %d bytes", found, len(data))
		}
	})
}

// Directories that do not fit into what is meant for them stay on disk.
func TestDirectoriesInMemoryAreBounded(t *testing.T) {
	var r references
	large := make([]byte, maxDirectories/2)
	for n := range int64(5) {
		r.completed(run{firsts: large, upto: n + 1})
	}
	r.completed(run{firsts: []byte("small"), upto: 6})
	kept := 0
	for n, d := range r.shelf.runs {
		kept += len(d.firsts)
		if d.upto != int64(n+1) {
			t.Errorf("run %d covers message %d", n, d.upto)
		}
	}
	if kept != maxDirectories || r.kept != kept || r.shelf.runs[1].firsts == nil || r.shelf.runs[2].firsts != nil {
		t.Errorf("%d bytes are kept, and %d counted", kept, r.kept)
	}
}

// How long a search takes in a history of many runs. -benchtime=1x is enough to see that it is made.
func BenchmarkSearch(b *testing.B) {
	const runs, messages = 100, 64 << 10
	d, err := Open(filepath.Join(b.TempDir(), "scrip.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for n := range int64(runs) {
		writeRun(b, d, n*messages, messages)
	}
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n++ {
		if _, err := d.MessagesByReference(b.Context(), ident.Production, ownHash(-1-n), 0, 100); err != nil {
			b.Fatal(err)
		}
	}
}

// writeRun writes a complete run of messages with an identifier each, which every other message shares with its request.
func writeRun(t testing.TB, d *Driver, after, messages int64) {
	r := &d.references
	for seq := after + 1; seq <= after+messages; seq++ {
		hashes := []int64{ownHash(seq / 2), 7}
		r.add(seq, hashes[:1+seq%2])
	}
	r.messages = runMessages
	r.turn()
	writeAll(t, d, true)
}

// writeAll writes what is due, and merges and deletes, too, when it is told to.
func writeAll(t testing.TB, d *Driver, merge bool) {
	for r := &d.references; r.sealing != nil || merge && (r.superseded != nil || r.merging != nil || r.enough() != nil); {
		transact(t, d, 1000, true)
		runtime.Gosched() // while it is being sorted
	}
}

// transact writes some of what is due, and commits it or does not.
func transact(t testing.TB, d *Driver, rows int, commit bool) {
	if err := d.writer.exec("BEGIN"); err != nil {
		t.Fatal(err)
	}
	if err := d.references.write(d.writer, rows); err != nil {
		t.Fatal(err)
	}
	if !commit {
		if err := d.writer.exec("ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := d.writer.exec("COMMIT"); err != nil {
		t.Fatal(err)
	}
	d.references.committed()
}
