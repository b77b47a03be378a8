package invariant

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
)

// serials tells which vouchers of a world may have the same serial. It keeps 16 bytes of each, since a store may have
// millions.
type serials struct {
	seed maphash.Seed
	kept []hashed
}

// hashed is a voucher, and the hash of its world and serial.
type hashed struct {
	hash uint64
	id   int64
}

func newSerials() serials { return serials{seed: maphash.MakeSeed()} }

func (s *serials) add(v airtime.Voucher) {
	key := struct {
		world  ident.World
		serial string
	}{v.World, v.Serial}
	s.kept = append(s.kept, hashed{maphash.Comparable(s.seed, key), v.ID})
}

// alike gives pairs of vouchers whose hashes are the same, each voucher with the one before it.
func (s *serials) alike(yield func(a, b int64) bool) {
	slices.SortFunc(s.kept, func(a, b hashed) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.id, b.id)) })
	for i := 1; i < len(s.kept); i++ {
		if a, b := s.kept[i-1], s.kept[i]; a.hash == b.hash && !yield(a.id, b.id) {
			return
		}
	}
}

// compareSerials asks that no two vouchers of a world that are not withdrawn have the same serial: one of them was
// brought, and may be sold, twice. Hashes lead to them, and the vouchers themselves are compared.
func (c *checker) compareSerials(ctx context.Context, store admin.Reports) error {
	for a, b := range c.serials.alike {
		same, err := sameSerial(ctx, store, a, b)
		if err != nil {
			return err
		}
		if same {
			c.fault("voucher %d: it has the serial of voucher %d, and neither is withdrawn", b, a)
		}
	}
	return nil
}

func sameSerial(ctx context.Context, store admin.Reports, a, b int64) (bool, error) {
	var pair [2]airtime.Voucher
	for i, id := range [...]int64{a, b} {
		found, err := store.Vouchers(ctx, id-1, 1)
		if err != nil {
			return false, fmt.Errorf("read voucher %d: %w", id, err)
		}
		if len(found) == 1 {
			pair[i] = found[0]
		}
	}
	return pair[0].ID == a && pair[1].ID == b && pair[0].World == pair[1].World && pair[0].Serial == pair[1].Serial, nil
}
