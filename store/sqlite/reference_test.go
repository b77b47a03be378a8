package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// A search finds a message wherever its reference is: in a complete run, in one that is being written, in memory,
// and after a start that has dropped half a run.
func TestReferencesAreFoundInEveryRun(t *testing.T) {
	const everywhere, batch, batches = 77, 100, 400
	path := filepath.Join(t.TempDir(), "scrip.db")
	s, d := openStore(t, path)
	defer func() { _ = s.Close() }()
	total := int64(0)
	check := func() {
		t.Helper()
		for _, seq := range []int64{1, total / 3, total / 2, total - batch, total} {
			found(t, d, ownHash(seq), seq)
		}
		found(t, d, 1<<40, nil...)
		all, err := d.MessagesByReference(t.Context(), ident.Production, everywhere, int(total)+1)
		if err != nil || int64(len(all)) != total {
			t.Fatalf("%d of %d messages have the common reference, %v", len(all), total, err)
		}
		for i, m := range all {
			if m.Seq != int64(i+1) {
				t.Fatalf("message %d comes at place %d", m.Seq, i)
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
	if d.references.runs < 2 || !halfway {
		t.Fatalf("%d complete runs, one in hand: %t", d.references.runs, halfway)
	}
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
	got, err := d.MessagesByReference(t.Context(), ident.Production, hash, 10)
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
