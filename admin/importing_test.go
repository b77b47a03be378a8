package admin_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/txn"
)

// lines gives lines for cards from a first number on.
func (d *desk) lines(first, count int) (lines []admin.Line[admin.Seed]) {
	for n := range count {
		lines = append(lines, admin.Line[admin.Seed]{Number: int64(n + 2), Seed: d.seed(fmt.Sprintf("6002%012d", first+n))})
	}
	return lines
}

// bring imports lines and gives what came of it.
func (d *desk) bring(mode admin.Mode, lines []admin.Line[admin.Seed]) (admin.Import, []admin.Reject) {
	d.t.Helper()
	i, err := d.office.BeginImport(d.t.Context(), d.by(admin.Attendant), mode, 0)
	must(d.t, err)
	rejects, err := i.Add(d.t.Context(), lines)
	must(d.t, err)
	ended, err := i.Finish(d.t.Context(), d.now)
	must(d.t, err)
	return ended, rejects
}

// known says whether messages and operators find a card.
func (d *desk) known(pan string) bool {
	d.t.Helper()
	_, err := d.office.FindCard(d.t.Context(), d.by(admin.Viewer), parsePAN(d.t, pan))
	var r *admin.Refusal
	if err != nil && (!errors.As(err, &r) || r.Code != admin.NotFound) {
		d.t.Fatal(err)
	}
	return err == nil
}

// tally compares counts with lines/added/present/rejected.
func tally(t testing.TB, got admin.Import, want string) {
	t.Helper()
	if s := fmt.Sprintf("%s %d/%d/%d/%d", got.State, got.Lines, got.Added, got.Present, got.Rejected); s != want {
		t.Errorf("import came to %s, want %s", s, want)
	}
}

const newcomer = "6002000000000001"

func TestTheSameFileTwiceIsSafe(t *testing.T) {
	for _, mode := range []admin.Mode{admin.All, admin.Skip} {
		d := newDesk(t)
		first, _ := d.bring(mode, d.lines(1, 5))
		tally(t, first, "complete 5/5/0/0")
		second, _ := d.bring(mode, d.lines(1, 6))
		tally(t, second, "complete 6/1/5/0")
		d.open()
		if !d.known(newcomer) || !d.known("6002000000000006") {
			t.Errorf("mode %s: cards are not known after a restart", mode)
		}
	}
}

func TestOneBadLine(t *testing.T) {
	for mode, want := range map[admin.Mode]string{admin.All: "abandoned 3/2/0/1", admin.Skip: "complete 3/2/0/1"} {
		d := newDesk(t)
		lines := d.lines(1, 3)
		lines[1].Seed.PIN.Clear = "12x4"
		ended, rejects := d.bring(mode, lines)
		tally(t, ended, want)
		if len(rejects) != 1 || rejects[0].Line != 3 || rejects[0].Reason.Field != "clearPin" || rejects[0].Masked != "600200******0002" {
			t.Errorf("rejects %+v", rejects)
		}
		if d.known(newcomer) != (mode == admin.Skip) {
			t.Errorf("mode %s: the good card known=%v", mode, d.known(newcomer))
		}
		again, _ := d.bring(mode, d.lines(1, 3)) // the line was mended
		if mode == admin.All {
			tally(t, again, "complete 3/3/0/0")
		} else {
			tally(t, again, "complete 3/1/2/0")
		}
		if !d.known(newcomer) || !d.known("6002000000000002") {
			t.Errorf("mode %s: cards are not known after the second import", mode)
		}
	}
}

func TestACardWithOtherDataIsRejected(t *testing.T) {
	d := newDesk(t)
	d.shop()
	pin := d.seed(pan1)
	pin.PIN.Clear = "1234"
	holder := d.seed(pan1)
	holder.Holder.MSISDN = "27820000000"
	expiry := d.seed(pan1)
	expiry.Expiry = 4011
	currency := d.seed(pan1)
	currency.Currency = 840
	_, rejects := d.bring(admin.Skip, []admin.Line[admin.Seed]{
		{Number: 2, Seed: pin}, {Number: 3, Seed: holder}, {Number: 4, Seed: expiry}, {Number: 5, Seed: currency}, {Number: 6, Seed: d.seed(pan1)},
	})
	var fields []string
	for _, r := range rejects {
		fields = append(fields, r.Reason.Field)
	}
	if fmt.Sprint(fields) != "[clearPin holder expiry currency]" {
		t.Errorf("rejected for %v", fields)
	}
}

// A card that has been activated since, by somebody, still is the card of the file.
func TestAnActivatedCardIsPresent(t *testing.T) {
	d := newDesk(t)
	d.shop()
	lines := []admin.Line[admin.Seed]{{Number: 2, Seed: d.seed(pan1)}}
	_, err := d.askFor(&giftcard.Request{
		Family: txn.Activation, Card: giftcard.Presented{PAN: parsePAN(t, pan1), Expiry: "4010", PIN: giftcard.PIN{Clear: "4321"}},
		Holder: giftcard.Holder{MSISDN: "27820000000"},
	}, 500)
	must(t, err)
	ended, _ := d.bring(admin.All, lines)
	tally(t, ended, "complete 1/0/1/0")
}

func TestACardTwiceInAFile(t *testing.T) {
	d := newDesk(t)
	lines := append(d.lines(1, 1), d.lines(1, 1)...)
	other := d.lines(1, 1)
	other[0].Seed.Expiry = 4011
	ended, rejects := d.bring(admin.Skip, append(lines, other...))
	tally(t, ended, "complete 3/1/1/1")
	if len(rejects) != 1 || rejects[0].Reason.Field != "expiry" {
		t.Errorf("rejects %+v", rejects)
	}
}

func TestCardsOfAnImportUnderWayAreUnknown(t *testing.T) {
	d := newDesk(t)
	d.product(giftcard.Product{ID: "gold", Currency: 710})
	d.account("till", admin.AccountSettings{})
	i, err := d.office.BeginImport(bg, d.by(admin.Attendant), admin.All, 0)
	must(t, err)
	_, err = i.Add(bg, d.lines(1, 2))
	must(t, err)
	if d.known(newcomer) {
		t.Error("an operator sees the card")
	}
	if _, err := d.ask(txn.Activation, newcomer, 100); err == nil {
		t.Error("a message sees the card")
	}
	_, err = d.office.AddCard(bg, d.by(admin.Attendant), d.seed(newcomer))
	refused(t, err, admin.Exists, "pan")
	_, err = d.office.BeginImport(bg, d.by(admin.Attendant), admin.Skip, 0)
	refused(t, err, admin.Busy, "")
	_, err = i.Finish(bg, d.now)
	must(t, err)
	d.approve(txn.Activation, newcomer, 100)
}

// What a broken import left behind stands in nobody's way: not in that of another import, in either mode, nor of
// somebody who adds the card by hand, with the same data or other.
func TestWhatABrokenImportLeftIsTakenOver(t *testing.T) {
	for name, leave := range map[string]func(*desk, *admin.Importing[admin.Seed]){
		"abandoned": func(d *desk, i *admin.Importing[admin.Seed]) {
			ended, err := i.Abandon(bg, d.now)
			must(d.t, err)
			tally(d.t, ended, "abandoned 3/3/0/0")
		},
		"crashed": func(d *desk, _ *admin.Importing[admin.Seed]) { d.open() },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			i, err := d.office.BeginImport(bg, d.by(admin.Attendant), admin.All, 0)
			must(t, err)
			_, err = i.Add(bg, d.lines(1, 3))
			must(t, err)
			leave(d, i)
			if d.known(newcomer) {
				t.Fatal("the card is known")
			}
			byHand := d.seed(newcomer)
			byHand.Expiry, byHand.PIN.Clear = 4111, "7777"
			v, err := d.office.AddCard(bg, d.by(admin.Attendant), byHand)
			must(t, err)
			if v.Expiry != 4111 || !v.HasPIN || v.Import != 0 {
				t.Errorf("taken over by hand as %+v", v)
			}
			skipped, _ := d.bring(admin.Skip, d.lines(2, 1))
			tally(t, skipped, "complete 1/1/0/0")
			all, _ := d.bring(admin.All, d.lines(3, 1))
			tally(t, all, "complete 1/1/0/0")
			for _, pan := range []string{newcomer, "6002000000000002", "6002000000000003"} {
				if !d.known(pan) {
					t.Errorf("%s is not known", pan)
				}
			}
			d.open()
			if !d.known("6002000000000003") {
				t.Error("a restart hid a card of a complete import")
			}
		})
	}
}

func TestAnImportOfMoreThanABatchIsRefused(t *testing.T) {
	d := newDesk(t)
	i, err := d.office.BeginImport(bg, d.by(admin.Attendant), admin.Skip, 0)
	must(t, err)
	if _, err := i.Add(bg, d.lines(1, admin.MaxBatch+1)); err == nil {
		t.Error("a batch without bound was taken")
	}
	_, err = i.Abandon(bg, d.now)
	must(t, err)
	ended, _ := d.bring(admin.Skip, d.lines(1, admin.MaxBatch))
	if ended.Added != admin.MaxBatch {
		t.Errorf("added %d", ended.Added)
	}
}
