package admin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// VoucherView is a voucher as operators see it: never with its PIN.
type VoucherView struct {
	airtime.Voucher
	ProductID string
	BatchName string
	Expiry    time.Time // zero when it never expires
}

// VoucherName is how a voucher is named to people.
type VoucherName struct {
	Number int64
	Serial string
}

func unknownVoucher() *Refusal { return refuse(NotFound, "there is no such voucher") }

func voucherSubject(id int64) string { return fmt.Sprintf("voucher/%d", id) }

func (o *Office) serialHash(w ident.World, serial string) int64 {
	return o.keys.Found(w, secret.BySerial, serial)
}

func (o *Office) pinHash(w ident.World, pin airtime.VoucherPIN) int64 {
	return o.keys.Found(w, secret.ByPIN, pin.Reveal())
}

// hasPIN says whether a voucher has a PIN. Only a voucher that its hash leads to is opened for that.
func (o *Office) hasPIN(v airtime.Voucher, pin airtime.VoucherPIN) (bool, error) {
	its, err := airtime.RevealPIN(o.keys, v)
	return err == nil && its == pin, err
}

// FindVouchersBySerial gives the vouchers with a serial: one, or none.
func (o *Office) FindVouchersBySerial(ctx context.Context, by By, serial string) ([]VoucherView, error) {
	if err := by.may(SeeStock); err != nil {
		return nil, err
	}
	found, err := o.vouchersBySerial(ctx, by.World, serial)
	if err != nil {
		return nil, err
	}
	return o.voucherViews(ctx, found)
}

// FindVouchersByPIN gives the vouchers with a PIN: one, or none. The PIN is compared by its keyed hash and kept
// nowhere.
func (o *Office) FindVouchersByPIN(ctx context.Context, by By, pin airtime.VoucherPIN) ([]VoucherView, error) {
	if err := by.may(SeeStock); err != nil {
		return nil, err
	}
	found, err := o.vouchersByPIN(ctx, by.World, pin)
	if err != nil {
		return nil, err
	}
	return o.voucherViews(ctx, found)
}

func (o *Office) vouchersBySerial(ctx context.Context, w ident.World, serial string) ([]airtime.Voucher, error) {
	return o.vouchersByHash(ctx, w, o.serialHash(w, serial), func(v airtime.Voucher) (bool, error) { return v.Serial == serial, nil })
}

func (o *Office) vouchersByPIN(ctx context.Context, w ident.World, pin airtime.VoucherPIN) ([]airtime.Voucher, error) {
	return o.vouchersByHash(ctx, w, o.pinHash(w, pin), func(v airtime.Voucher) (bool, error) { return o.hasPIN(v, pin) })
}

// vouchersByHash gives the vouchers that a hash leads to, without those that only share it and those of an import that
// is not complete.
func (o *Office) vouchersByHash(ctx context.Context, w ident.World, hash int64, is func(airtime.Voucher) (bool, error)) (found []airtime.Voucher, err error) {
	var candidates []airtime.Voucher
	err = o.airtime.View(ctx, airtime.Keys{World: w, Hashes: []int64{hash}}, func(tx airtime.Tx) error {
		candidates = tx.VouchersByHash(hash)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, v := range candidates {
		same, err := is(v)
		if err != nil {
			return nil, fmt.Errorf("voucher %d: %w", v.ID, err)
		}
		if same && v.World == w && !o.register.unopened(v.Batch) {
			found = append(found, v)
		}
	}
	return found, nil
}

// unopened says whether a batch is unknown to everybody because the import that brings it is not complete, or not known
// here to be: another process may bring it. What was made for its sale has no batch.
func (r *Register) unopened(batch int32) bool {
	if batch == 0 {
		return false
	}
	i := r.now.Load().imports[batch]
	return i == nil || i.Kind == OfVouchers && i.State != Complete
}

// Voucher shows the voucher with an id.
func (o *Office) Voucher(ctx context.Context, by By, id int64) (VoucherView, error) {
	if err := by.may(SeeStock); err != nil {
		return VoucherView{}, err
	}
	return o.viewVoucher(ctx, by.World, id)
}

func (o *Office) viewVoucher(ctx context.Context, w ident.World, id int64) (VoucherView, error) {
	v, err := o.findVoucher(ctx, w, id)
	if err != nil {
		return VoucherView{}, err
	}
	return o.voucherView(ctx, v)
}

// findVoucher gives a voucher that exists for everybody.
func (o *Office) findVoucher(ctx context.Context, w ident.World, id int64) (airtime.Voucher, error) {
	vouchers, err := o.reports.Vouchers(ctx, id-1, 1)
	if err != nil {
		return airtime.Voucher{}, err
	}
	if len(vouchers) == 0 || vouchers[0].ID != id || vouchers[0].World != w || o.register.unopened(vouchers[0].Batch) {
		return airtime.Voucher{}, unknownVoucher()
	}
	return vouchers[0], nil
}

func (o *Office) voucherViews(ctx context.Context, vouchers []airtime.Voucher) ([]VoucherView, error) {
	views := make([]VoucherView, len(vouchers))
	for i, v := range vouchers {
		var err error
		if views[i], err = o.voucherView(ctx, v); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// voucherView adds what the batch of a voucher tells of it. One that was made for its sale has none; its message tells
// the product.
func (o *Office) voucherView(ctx context.Context, v airtime.Voucher) (VoucherView, error) {
	if v.Batch == 0 {
		return o.madeVoucher(ctx, v)
	}
	b, err := o.findBatch(ctx, v.World, v.Batch)
	if err != nil {
		return VoucherView{}, err
	}
	return o.voucherOf(v, b), nil
}

func (o *Office) voucherOf(v airtime.Voucher, b airtime.Batch) VoucherView {
	return VoucherView{Voucher: v, ProductID: o.productID(b.Product), BatchName: b.Name, Expiry: b.Expiry}
}

// productID gives the id of the product of airtime with a number.
func (o *Office) productID(number int32) string {
	if p, found := o.register.Catalogue().Newest(number); found {
		return p.ID
	}
	return ""
}

func (o *Office) madeVoucher(ctx context.Context, v airtime.Voucher) (VoucherView, error) {
	view := VoucherView{Voucher: v}
	m, err := o.message(ctx, v.World, v.LastMessage)
	if err == nil && m.Request != 0 {
		m, err = o.message(ctx, v.World, m.Request)
	}
	if err != nil {
		return view, err
	}
	if p, found := o.register.Catalogue().Edition(v.World, m.Product); found {
		view.ProductID = p.ID
	}
	return view, nil
}

// VoucherCursor is a place in a list of vouchers, which goes batch by batch.
type VoucherCursor struct {
	Batch int32
	After int64 // voucher of that batch
}

// String writes the cursor for ParseVoucherCursor; empty for the zero cursor.
func (c VoucherCursor) String() string {
	if c == (VoucherCursor{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d", c.Batch, c.After)
}

// ParseVoucherCursor reads what String wrote.
func ParseVoucherCursor(s string) (c VoucherCursor, err error) {
	if s == "" {
		return VoucherCursor{}, nil
	}
	batch, after, _ := strings.Cut(s, ".")
	number, err := strconv.ParseInt(batch, 10, 32)
	if c.Batch = int32(number); err == nil {
		c.After, err = strconv.ParseInt(after, 10, 64)
	}
	if err != nil || c.Batch < 1 || c.After < 0 || c.String() != s {
		return VoucherCursor{}, invalid("after", "must be the next of an earlier answer")
	}
	return c, nil
}

// VoucherQuery says which vouchers of the stock are wanted. What is empty does not matter.
type VoucherQuery struct {
	Status  airtime.VoucherStatus // always needed
	Batch   int32
	Product string // id
	From    VoucherCursor
	Limit   int
}

// Vouchers gives vouchers of the stock in a status, batch by batch. next is zero when there are no more.
func (o *Office) Vouchers(ctx context.Context, by By, q VoucherQuery) (found []VoucherView, next VoucherCursor, err error) {
	if err := by.may(SeeStock); err != nil {
		return nil, next, err
	}
	if q.Status < airtime.InStock || q.Status > airtime.Withdrawn {
		return nil, next, invalid("status", "is not known")
	}
	batches, err := o.batches(ctx, by.World, q.From.Batch-1, func(b airtime.Batch) bool {
		return (q.Batch == 0 || b.Number == q.Batch) && (q.Product == "" || o.productID(b.Product) == q.Product) && !o.register.unopened(b.Number)
	})
	if err != nil {
		return nil, next, err
	}
	limit := bounded(q.Limit)
	for _, b := range batches {
		after := int64(0)
		if b.Number == q.From.Batch {
			after = q.From.After
		}
		vouchers, err := o.reports.VouchersOf(ctx, b.Number, q.Status, after, limit+1-len(found))
		if err != nil {
			return nil, next, err
		}
		for _, v := range vouchers {
			if len(found) == limit {
				return found, next, nil
			}
			found, next = append(found, o.voucherOf(v, b)), VoucherCursor{b.Number, v.ID}
		}
	}
	return found, VoucherCursor{}, nil
}

// RevealVoucher gives the PIN of a sold voucher, for its customer to have it printed again. The reading is recorded
// first. A voucher that is not sold is nobody's yet, and is not revealed.
func (o *Office) RevealVoucher(ctx context.Context, by By, id int64) (VoucherView, airtime.VoucherPIN, error) {
	if err := by.mayWithReason(RevealVoucher); err != nil {
		return VoucherView{}, airtime.VoucherPIN{}, err
	}
	view, err := o.viewVoucher(ctx, by.World, id)
	if err != nil {
		return VoucherView{}, airtime.VoucherPIN{}, err
	}
	err = o.store.Update(ctx, giftcard.Keys{World: by.World}, func(tx Tx) error {
		if v := tx.Voucher(id); v.Status != airtime.Sold {
			return refuse(Conflict, "only a sold voucher is revealed; this one is %s", standing(v.Status))
		}
		return o.record(tx, by.World, tx.NextSeq(), by.entry(RevealVoucher, voucherSubject(id)))
	})
	if err != nil {
		return VoucherView{}, airtime.VoucherPIN{}, err
	}
	pin, err := airtime.RevealPIN(o.keys, view.Voucher)
	if err != nil {
		return VoucherView{}, airtime.VoucherPIN{}, errors.New("the voucher's PIN cannot be opened with the keys in use")
	}
	return view, pin, nil
}

// ReleaseVoucher puts a voucher from quarantine back to stock.
func (o *Office) ReleaseVoucher(ctx context.Context, by By, id int64) (VoucherView, error) {
	return o.place(ctx, by, ReleaseVoucher, id, airtime.InStock)
}

// WithdrawVoucher takes a voucher out of stock or quarantine for good.
func (o *Office) WithdrawVoucher(ctx context.Context, by By, id int64) (VoucherView, error) {
	return o.place(ctx, by, WithdrawVoucher, id, airtime.Withdrawn)
}

func (o *Office) place(ctx context.Context, by By, act Act, id int64, to airtime.VoucherStatus) (VoucherView, error) {
	if err := by.mayWithReason(act); err != nil {
		return VoucherView{}, err
	}
	if _, err := o.findVoucher(ctx, by.World, id); err != nil {
		return VoucherView{}, err
	}
	err := o.vendor.Place(ctx, airtime.Placement{
		World: by.World, Voucher: id, ID: o.newID(), At: by.At, To: to,
		Note: func(tx airtime.Tx, message int64, before, after airtime.Voucher) error {
			return o.note(tx, by.World, message, by.entry(act, voucherSubject(id)).from(voucherFacts(before), voucherFacts(after)))
		},
	})
	if refusal := (*decline.Error)(nil); errors.As(err, &refusal) && refusal.Reason == decline.TransactionNotSupported {
		err = o.misplaced(ctx, by.World, id, to)
	}
	if err != nil {
		return VoucherView{}, err
	}
	return o.viewVoucher(ctx, by.World, id)
}

// misplaced says why a voucher cannot be put into a status from where it stands.
func (o *Office) misplaced(ctx context.Context, w ident.World, id int64, to airtime.VoucherStatus) error {
	v, err := o.findVoucher(ctx, w, id)
	switch {
	case err != nil:
		return err
	case to == airtime.Withdrawn:
		return refuse(Conflict, "only a voucher in stock or in quarantine is withdrawn; this one is %s", standing(v.Status))
	case v.Batch == 0:
		return refuse(Conflict, "the voucher was made for its sale, so there is no stock to release it to")
	}
	return refuse(Conflict, "only a voucher in quarantine is released; this one is %s", standing(v.Status))
}

// standing says in a sentence where a voucher is.
func standing(s airtime.VoucherStatus) string {
	if s == airtime.InStock || s == airtime.Quarantined {
		return "in " + s.String()
	}
	return s.String()
}

func voucherFacts(v airtime.Voucher) Facts { return Facts{"status": v.Status.String()} }
