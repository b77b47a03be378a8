package admin_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/storetest"
	"github.com/scripworks/scrip/txn"
)

// doubt has the office work on a disk that can be made to leave commits in doubt.
func (d *desk) doubt() *storetest.Doubtful {
	disk := &storetest.Doubtful{Driver: d.driver}
	register, err := admin.LoadRegister(bg, disk, codec{})
	must(d.t, err)
	kept := store.New(disk, store.Settings{Keys: d.keys, Now: func() time.Time { return d.now }, Unfinished: register.Unfinished})
	d.t.Cleanup(func() { kept.Close() })
	settings := admin.Settings{
		Store: store.Admin(kept), Reports: disk, Register: register, Keys: d.keys, Codec: codec{}, Airtime: store.Airtime(kept), Currency: 710,
	}
	if d.queues != nil {
		settings.Queues = d.queues
	}
	d.office = admin.NewOffice(settings)
	return disk
}

// An import that its last commit completed stays complete, though that commit reported an error.
func TestAnImportThatEndedInDoubtIsNotAbandoned(t *testing.T) {
	for _, mode := range []admin.Mode{admin.All, admin.Skip} {
		d := newDesk(t)
		d.airtimeProduct(voucherProduct("fifty"))
		disk := d.doubt()
		cards, err := d.office.BeginImport(bg, d.by(admin.Attendant), mode, 0)
		must(t, err)
		endInDoubt(d, disk, cards, d.lines(1, 3))
		endInDoubt(d, disk, d.beginStock(mode), d.vouchers(1, 3))
		for range 2 {
			if !d.known(newcomer) || d.onSale() != 3 {
				t.Errorf("mode %s: the card known=%v, %d vouchers are on sale", mode, d.known(newcomer), d.onSale())
			}
			again, _ := d.stock(admin.Skip, d.vouchers(1, 3))
			tally(t, again, "complete 3/0/0/3")
			d.open()
		}
	}
}

// endInDoubt finishes an import with a commit in doubt, and then abandons it as it has to.
func endInDoubt[S any](d *desk, disk *storetest.Doubtful, i *admin.Importing[S], lines []admin.Line[S]) {
	d.t.Helper()
	_, err := i.Add(bg, lines)
	must(d.t, err)
	disk.Doubt = 1
	if _, err := i.Finish(bg, d.now); !errors.Is(err, storetest.ErrDoubt) {
		d.t.Fatalf("finished with %v", err)
	}
	ended, err := i.Abandon(bg, d.now)
	must(d.t, err)
	tally(d.t, ended, "complete 3/3/0/0")
}

// While nobody can read how an import ended, its vouchers are there already: they may be on sale.
func TestAnImportThatNobodyCanReadIsNotTakenOver(t *testing.T) {
	d := newDesk(t)
	d.airtimeProduct(voucherProduct("fifty"))
	d.account("kiosk", admin.AccountSettings{})
	disk := d.doubt()
	i := d.beginStock(admin.All)
	_, err := i.Add(bg, d.vouchers(1, 3))
	must(t, err)
	disk.Doubt, disk.Blind = 1, true
	if _, err := i.Finish(bg, d.now); !errors.Is(err, storetest.ErrDoubt) {
		t.Fatalf("finished with %v", err)
	}
	if _, err := i.Abandon(bg, d.now); !errors.Is(err, storetest.ErrDoubt) {
		t.Fatalf("abandoned with %v", err)
	}
	disk.Blind = false
	first, _ := d.sold()
	again, _ := d.stock(admin.Skip, d.vouchers(1, 3))
	tally(t, again, "complete 3/0/0/3")
	d.open()
	if second, _ := d.sold(); second == first || d.onSale() != 1 {
		t.Errorf("sold %s and %s, %d are left", first, second, d.onSale())
	}
}

// abandonUnseen has the row of an import say that it was abandoned, and nothing else follow.
func (d *desk) abandonUnseen(number int32) {
	d.t.Helper()
	rows, err := d.driver.Rows(bg, admin.ImportRow, int64(number)-1, 1)
	must(d.t, err)
	var i admin.Import
	must(d.t, codec{}.Decode(rows[0].Content, &i))
	i.State = admin.Abandoned
	rows[0].Content, err = codec{}.Encode(i)
	must(d.t, err)
	must(d.t, store.Admin(d.store).Update(bg, giftcard.Keys{World: ident.Production}, func(tx admin.Tx) error {
		tx.PutRow(rows[0])
		return nil
	}))
	d.open()
}

// What was sold stays sold, though the import that brought it calls itself abandoned: its PIN is not brought again.
func TestWhatAMessageHasTouchedIsNotTakenOver(t *testing.T) {
	d := newDesk(t)
	d.kiosk(4)
	seen := map[string]bool{}
	for range 2 {
		first, _ := d.sold()
		seen[first] = true
	}
	back, id := d.sold()
	d.handBack(id)
	d.abandonUnseen(1)
	again, rejects := d.stock(admin.Skip, d.vouchers(1, 4))
	tally(t, again, "complete 4/1/0/3")
	if len(rejects) != 3 || rejects[0].Reason.Field != "serial" {
		t.Errorf("rejects %+v", rejects)
	}
	last, _ := d.sold()
	if _, _, err := d.buy(airtime.Request{Product: "fifty"}); err == nil || seen[last] || last == back {
		t.Errorf("sold %v, one that came back as %s, then %s, then %v", seen, back, last, err)
	}
}

// A card with money on it keeps that, though the import that brought it calls itself abandoned.
func TestACardThatAMessageHasTouchedIsNotTakenOver(t *testing.T) {
	d := newDesk(t)
	d.product(giftcard.Product{ID: "gold", Currency: 710})
	d.account("till", admin.AccountSettings{})
	d.bring(admin.All, d.lines(1, 2))
	d.approve(txn.Activation, newcomer, 500) // which is in the book until it is confirmed
	d.abandonUnseen(1)
	again, rejects := d.bring(admin.Skip, d.lines(1, 2))
	tally(t, again, "complete 2/1/0/1")
	if len(rejects) != 1 || rejects[0].Reason.Field != "pan" {
		t.Errorf("rejects %+v", rejects)
	}
	_, err := d.office.AddCard(bg, d.by(admin.Attendant), d.seed(newcomer))
	refused(t, err, admin.Exists, "pan")
	cards, err := d.driver.Cards(bg, 0, 10)
	must(t, err)
	if got := fmt.Sprint(cards[0].Balance); len(cards) != 2 || got != "{500 0}" {
		t.Errorf("%d cards, the first with %s", len(cards), got)
	}
}

// The commit that abandons an import closes its batch, however that came to be open.
func TestAnAbandonedImportClosesItsBatch(t *testing.T) {
	d := newDesk(t)
	d.airtimeProduct(voucherProduct("fifty"))
	i := d.beginStock(admin.All)
	_, err := i.Add(bg, d.vouchers(1, 3))
	must(t, err)
	must(t, store.Admin(d.store).Update(bg, giftcard.Keys{World: ident.Production}, func(tx admin.Tx) error {
		b := tx.Batch(1)
		b.Closed = false
		tx.PutBatch(b)
		return nil
	}))
	_, err = i.Abandon(bg, d.now)
	must(t, err)
	batches, err := d.driver.VoucherBatches(bg, 0, 1)
	must(t, err)
	if !batches[0].Closed || batches[0].InStock != 3 {
		t.Errorf("the batch is %+v", batches[0])
	}
}
