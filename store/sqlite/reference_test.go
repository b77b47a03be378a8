package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// A search finds a message wherever its reference is: in a complete run, in one that is being written, in memory,
// and after a start that has dropped half a run. Runs may be as small as those of releases before, and their directories
// more than are kept in memory.
func TestReferencesAreFoundInEveryRun(t *testing.T) {
	const everywhere, batch, batches = 77, 100, 400
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, d := openStore(t, path)
	d.references.bucket = 16 << 10
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
	if len(d.references.complete) < 2 || !halfway {
		t.Fatalf("%d complete runs, one in hand: %t", len(d.references.complete), halfway)
	}
	d.references.complete[0].firsts = nil
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
			d.references.bucket = 1000
			total := int64(0)
			for ; len(d.references.complete) < 3; total += batch {
				if total > 100*batch {
					t.Fatal("no runs are completed")
				}
				insertMany(t, s, total, batch, everywhere)
				d.references.sorting.Wait()
			}
			firstRun := d.references.complete[0].upto
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
		seqs, err := scanPart(data, string(prefix(0x0102030405<<24)), nil)
		if err == nil && len(seqs) > len(data) {
			t.Errorf("%d messages in %d bytes", len(seqs), len(data))
		}
	})
}

// Directories that do not fit into what is meant for them stay on disk.
func TestDirectoriesInMemoryAreBounded(t *testing.T) {
	var r references
	large := make([]byte, maxDirectories/2)
	for n := range int64(5) {
		r.completed(directory{firsts: large, upto: n + 1})
	}
	r.completed(directory{firsts: []byte("small"), upto: 6})
	kept := 0
	for n, d := range r.complete {
		kept += len(d.firsts)
		if d.upto != int64(n+1) {
			t.Errorf("run %d covers message %d", n, d.upto)
		}
	}
	if kept != maxDirectories || r.kept != kept || r.complete[1].firsts == nil || r.complete[2].firsts != nil {
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
func writeRun(b *testing.B, d *Driver, after, messages int64) {
	r := &d.references
	for seq := after + 1; seq <= after+messages; seq++ {
		hashes := []int64{ownHash(seq / 2), 7}
		r.add(seq, hashes[:1+seq%2])
	}
	r.turn()
	if err := d.writer.exec("BEGIN"); err != nil {
		b.Fatal(err)
	}
	for before := len(r.complete); len(r.complete) == before; r.committed() {
		if err := r.write(d.writer, 1000); err != nil {
			b.Fatal(err)
		}
		runtime.Gosched() // while it is being sorted
	}
	if err := d.writer.exec("COMMIT"); err != nil {
		b.Fatal(err)
	}
}
