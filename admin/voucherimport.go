package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
)

// VoucherSeed is a voucher as it comes from its maker.
type VoucherSeed struct {
	Serial string
	PIN    airtime.VoucherPIN
}

// NewBatch is what all vouchers of an import have in common.
type NewBatch struct {
	Product string    // id of a product that is sold from stock
	Name    string    // the maker's batch number; may be empty
	Expiry  time.Time // zero when they never expire
}

// BeginVoucherImport begins an import of vouchers into a batch of its own, whose number is that of the import. In both
// modes the batch stays closed until Finish opens it, and for good when the import breaks off: whoever brings the same
// vouchers again takes them over into his batch. It is refused while another import is under way.
func (o *Office) BeginVoucherImport(ctx context.Context, by By, mode Mode, b NewBatch) (*Importing[VoucherSeed], error) {
	if err := by.may(ImportVouchers); err != nil {
		return nil, err
	}
	if _, err := o.register.Refresh(ctx); err != nil {
		return nil, unread(err)
	}
	p, found := o.register.Catalogue().ProductByID(by.World, b.Product)
	switch {
	case !found:
		return nil, invalid("product", "there is no such product")
	case p.TopUp || p.Source != airtime.FromStock:
		return nil, invalid("product", "the product is not sold from stock")
	case !b.Expiry.IsZero() && !b.Expiry.After(by.At):
		return nil, invalid("expiry", "has passed already")
	}
	batch := airtime.Batch{World: by.World, Product: p.Number, Name: b.Name, Expiry: b.Expiry.UTC().Truncate(time.Millisecond), Closed: true}
	if err := batch.Check(); err != nil {
		field, text, _ := strings.Cut(err.Error(), ": ")
		return nil, invalid(field, "%s", text)
	}
	return begin(ctx, &Importing[VoucherSeed]{
		office: o, by: by, lot: &vouchers{office: o, world: by.World, batch: batch},
		record: Import{Kind: OfVouchers, Product: p.ID, Mode: mode},
	})
}

// vouchers is the lot of an import of vouchers.
type vouchers struct {
	office *Office
	world  ident.World
	batch  airtime.Batch // as it begins
}

func (*vouchers) check(s *VoucherSeed) *Refusal {
	if err := airtime.CheckSerial(s.Serial); err != nil {
		return invalid("serial", "%s", err.Error())
	}
	if s.PIN == (airtime.VoucherPIN{}) {
		return invalid("pin", "must be given")
	}
	return nil
}

// masked names no voucher: where the columns of a file were mixed up, the serial may be a PIN.
func (*vouchers) masked(VoucherSeed) string { return "" }

// mark puts the batch in at the beginning, opens it at the end of an import that is complete, and sees that it is closed
// at the end of any other.
func (v *vouchers) mark(tx Tx, record Import) error {
	switch record.State {
	case Running:
		b := v.batch
		b.Number = record.Number
		tx.PutBatch(b)
	case Complete, Abandoned:
		setClosed(tx, record.Number, record.State == Abandoned)
	}
	return nil
}

func setClosed(tx Tx, batch int32, closed bool) {
	b := tx.Batch(batch)
	b.Closed = closed
	tx.PutBatch(b)
}

// sealedVoucher is a voucher made ready to be kept: all that needs no record.
type sealedVoucher struct {
	VoucherSeed
	sealed              []byte
	serialHash, pinHash int64
}

func (o *Office) sealVoucher(w ident.World, s VoucherSeed) (sealedVoucher, error) {
	sealed, err := airtime.SealPIN(o.keys, w, s.Serial, s.PIN)
	return sealedVoucher{s, sealed, o.serialHash(w, s.Serial), o.pinHash(w, s.PIN)}, err
}

func (v *vouchers) update(ctx context.Context, number int32, lines []Line[VoucherSeed], decide func(keeper) error) error {
	ready := make([]sealedVoucher, len(lines))
	keys := airtime.Keys{World: v.world, Hashes: make([]int64, 0, 2*len(lines))}
	for n, l := range lines {
		if l.Fault != nil {
			continue
		}
		var err error
		if ready[n], err = v.office.sealVoucher(v.world, l.Seed); err != nil {
			return err
		}
		keys.Hashes = append(keys.Hashes, ready[n].serialHash, ready[n].pinHash)
	}
	return v.office.airtime.Update(ctx, keys, func(tx airtime.Tx) error {
		return decide(func(n int) (kept, *Refusal, error) { return v.keep(tx, ready[n], number) })
	})
}

// keep adds a voucher unless its serial or its PIN is there already. What an import that broke off has left with
// either is withdrawn, since its batch is never opened.
func (v *vouchers) keep(tx airtime.Tx, s sealedVoucher, batch int32) (kept, *Refusal, error) {
	left, field, err := v.there(tx, s, batch)
	if err != nil || field != "" {
		return differs, &Refusal{Code: Exists, Field: field, Text: "a voucher with this value is there already"}, err
	}
	for _, old := range left {
		old.Status = airtime.Withdrawn
		tx.PutVoucher(old)
	}
	tx.AddVoucher(airtime.NewVoucher{
		Voucher: airtime.Voucher{
			ID: tx.NextSeq(), World: v.world, Batch: batch, Status: airtime.InStock, Serial: s.Serial, SealedPIN: s.sealed,
		},
		SerialHash: s.serialHash, PINHash: s.pinHash,
	})
	return added, nil, nil
}

// there names the field in which a voucher is like one that is there, and gives what broken imports have left in stock.
// A voucher that a message has touched is there, whatever its import says: somebody may know its PIN.
func (v *vouchers) there(tx airtime.Tx, s sealedVoucher, batch int32) (left []airtime.Voucher, field string, err error) {
	for _, by := range []struct {
		field string
		hash  int64
		same  func(airtime.Voucher) (bool, error)
	}{
		{"serial", s.serialHash, func(w airtime.Voucher) (bool, error) { return w.Serial == s.Serial, nil }},
		{"pin", s.pinHash, func(w airtime.Voucher) (bool, error) { return v.office.hasPIN(w, s.PIN) }},
	} {
		for _, w := range tx.VouchersByHash(by.hash) {
			same, err := by.same(w)
			switch {
			case err != nil:
				return nil, "", err
			case !same || w.World != v.world:
			case w.Batch == batch || !v.office.register.abandoned(w.Batch) || !untouched(w):
				return nil, by.field, nil
			case w.Status == airtime.InStock && !slices.ContainsFunc(left, func(l airtime.Voucher) bool { return l.ID == w.ID }):
				left = append(left, w)
			}
		}
	}
	return left, "", nil
}

// untouched says whether a voucher stands where imports alone can have put it.
func untouched(v airtime.Voucher) bool {
	return v.LastMessage == 0 && (v.Status == airtime.InStock || v.Status == airtime.Withdrawn)
}
