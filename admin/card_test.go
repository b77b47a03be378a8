package admin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

func TestAddAndFindACard(t *testing.T) {
	d := newDesk(t)
	seed := d.seed(pan1)
	seed.Currency, seed.PIN, seed.Holder = 0, giftcard.PIN{Clear: "1234"}, giftcard.Holder{MSISDN: "27820000000"}
	made, err := d.office.AddCard(bg, d.by(admin.Attendant), seed)
	must(t, err)
	found := d.find(pan1)
	if found != made {
		t.Errorf("found %+v, made %+v", found, made)
	}
	if found.Masked != "600100******0001" || !found.HasPIN || !found.HolderKnown || found.Currency != 710 || found.Status != giftcard.New {
		t.Errorf("found %+v", found)
	}
	if printed := fmt.Sprintf("%+v", d.trail()); strings.Contains(printed, pan1) || strings.Contains(printed, "1234") {
		t.Error("the audit trail tells the card number or the PIN")
	}
	_, err = d.office.AddCard(bg, d.by(admin.Attendant), seed)
	refused(t, err, admin.Exists, "pan")
	if strings.Contains(err.Error(), pan1) {
		t.Error("the refusal tells the card number")
	}
	_, err = d.office.FindCard(bg, d.by(admin.Viewer), parsePAN(t, pan2))
	refused(t, err, admin.NotFound, "")
}

func TestCardsThatCannotBe(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		field string
		spoil func(s *admin.Seed)
	}{
		{"pan", func(s *admin.Seed) { s.PAN = admin.Seed{}.PAN }},
		{"expiry", func(s *admin.Seed) { s.Expiry = 0 }},
		{"clearPin", func(s *admin.Seed) { s.PIN.Clear = "12x4" }},
		{"clearPin", func(s *admin.Seed) { s.PIN = giftcard.PIN{Clear: "1", Encrypted: "AA"} }},
		{"encryptedPin", func(s *admin.Seed) { s.PIN.Encrypted = "xyz" }},
		{"encryptedPin", func(s *admin.Seed) { s.PIN.Encrypted = strings.Repeat("A", 65) }},
		{"holder.profileId", func(s *admin.Seed) { s.Holder.ProfileID = strings.Repeat("A", 101) }},
		{"holder.msisdn", func(s *admin.Seed) { s.Holder.MSISDN = strings.Repeat("1", 21) }},
		{"holder.emailAddress", func(s *admin.Seed) { s.Holder.EmailAddress = strings.Repeat("a", 201) }},
	} {
		seed := d.seed(pan1)
		c.spoil(&seed)
		_, err := d.office.AddCard(bg, d.by(admin.Attendant), seed)
		refused(t, err, admin.Invalid, c.field)
	}
}

func TestAFrozenCardIsBlockedUntilItIsNot(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	id := d.find(pan1).ID
	frozen, err := d.office.FreezeCard(bg, d.by(admin.Attendant), id)
	must(t, err)
	if !frozen.Frozen {
		t.Error("not frozen")
	}
	_, err = d.ask(txn.Redemption, pan1, 100)
	declined(t, err, decline.CardBlocked)
	_, err = d.office.FreezeCard(bg, d.by(admin.Attendant), id)
	refused(t, err, admin.Conflict, "")
	_, err = d.office.UnfreezeCard(bg, d.by(admin.Attendant), id)
	must(t, err)
	d.approve(txn.Redemption, pan1, 100)
}

func declined(t *testing.T, err error, reason decline.Reason) {
	t.Helper()
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != reason {
		t.Errorf("got %v, want %s", err, reason)
	}
}

func TestUnlockAPIN(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	for range 3 {
		_, err := d.askFor(&giftcard.Request{Family: txn.Redemption, Card: giftcard.Presented{
			PAN: parsePAN(t, pan1), Expiry: "4010", PIN: giftcard.PIN{Clear: "9999"}}}, 100)
		declined(t, err, decline.IncorrectPIN)
	}
	if v := d.find(pan1); !v.PINLocked || v.WrongPINs != 3 {
		t.Fatalf("after three wrong PINs: %+v", v)
	}
	_, err := d.ask(txn.Redemption, pan1, 100)
	declined(t, err, decline.PINAttemptsExceeded)
	v, err := d.office.UnlockPIN(bg, d.by(admin.Attendant), d.find(pan1).ID)
	must(t, err)
	if v.PINLocked || v.WrongPINs != 0 {
		t.Errorf("after the unlock: %+v", v)
	}
	d.approve(txn.Redemption, pan1, 100)
}

func (d *desk) adjust(pan string, kind admin.Act, amount money.Minor) error {
	_, err := d.office.Adjust(d.t.Context(), d.by(admin.Admin), d.find(pan).ID, admin.Adjustment{Kind: kind, Amount: amount})
	return err
}

func TestCreditAndDebit(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	must(t, d.adjust(pan1, admin.CreditCard, 200))
	d.balance(pan1, 700, 700)
	must(t, d.adjust(pan1, admin.DebitCard, 700))
	d.balance(pan1, 0, 0)
	declined(t, d.adjust(pan1, admin.DebitCard, 1), decline.InsufficientFunds)
	declined(t, d.adjust(pan2, admin.CreditCard, 1), decline.CardNotActivated)
	refused(t, d.adjust(pan1, admin.CreditCard, 0), admin.Invalid, "amount")
	refused(t, d.adjust(pan1, admin.CreditCard, -5), admin.Invalid, "amount")
	_, err := d.office.Adjust(bg, d.by(admin.Admin), d.find(pan1).ID, admin.Adjustment{Kind: admin.CreditCard, Amount: 1, Currency: 840})
	refused(t, err, admin.Invalid, "currency")
	d.sumsToZero()
}

// A debit takes what is available, and no more: what is pending belongs to nobody yet.
func TestADebitLeavesWhatIsPending(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	d.approve(txn.Load, pan1, 300)
	d.balance(pan1, 800, 500)
	declined(t, d.adjust(pan1, admin.DebitCard, 501), decline.InsufficientFunds)
	must(t, d.adjust(pan1, admin.DebitCard, 500))
	d.balance(pan1, 300, 0)
}

func TestWriteOff(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	declined(t, d.adjust(pan1, admin.WriteOffCard, 0), decline.TransactionNotSupported)
	must(t, d.advise(txn.Void, txn.Confirmation, d.approve(txn.Void, pan1, 0)))
	refused(t, d.adjust(pan1, admin.WriteOffCard, 100), admin.Invalid, "amount")
	must(t, d.adjust(pan1, admin.WriteOffCard, 0))
	d.balance(pan1, 0, 0)
	refused(t, d.adjust(pan1, admin.WriteOffCard, 0), admin.Conflict, "")

	d.activate(pan2, 300)
	d.now = time.Date(2041, 1, 1, 0, 0, 0, 0, time.UTC) // past 4010
	must(t, d.adjust(pan2, admin.WriteOffCard, 0))
	d.balance(pan2, 0, 0)

	var breakage money.Minor
	entries, err := d.driver.Entries(bg, 0, 1000)
	must(t, err)
	for _, e := range entries {
		if e.Credit == ledger.AccountOf(ledger.Breakage, 0) {
			breakage += e.Amount
		}
	}
	if breakage != 800 {
		t.Errorf("breakage is %d, want 800", breakage)
	}
	d.sumsToZero()
}

func TestACreditToAReplacedCardNamesItsSuccessor(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	request, err := d.askFor(&giftcard.Request{
		Family: txn.Replace, Card: giftcard.Presented{PAN: parsePAN(t, pan1), Expiry: "4010"}, Target: giftcard.Presented{PAN: parsePAN(t, pan2), Expiry: "4010"},
	}, 0)
	must(t, err)
	must(t, d.advise(txn.Replace, txn.Confirmation, request))
	err = d.adjust(pan1, admin.CreditCard, 100)
	refused(t, err, admin.Conflict, "")
	if err == nil || !strings.Contains(err.Error(), "600100******0002") {
		t.Errorf("the refusal does not name the successor: %v", err)
	}
	if v := d.find(pan1); v.Successor.Masked != "600100******0002" {
		t.Errorf("successor %+v", v.Successor)
	}
}

// sumsToZero checks that each card's balance is what its entries add up to.
func (d *desk) sumsToZero() {
	d.t.Helper()
	entries, err := d.driver.Entries(d.t.Context(), 0, 10_000)
	must(d.t, err)
	sums := map[ledger.Account]ledger.Balance{}
	for _, e := range entries {
		if sums[e.Debit], err = sums[e.Debit].Debited(e); err != nil {
			d.t.Fatal(err)
		}
		if sums[e.Credit], err = sums[e.Credit].Credited(e); err != nil {
			d.t.Fatal(err)
		}
	}
	cards, err := d.driver.Cards(d.t.Context(), 0, 1000)
	must(d.t, err)
	for _, c := range cards {
		if c.Balance != sums[c.Account()] {
			d.t.Errorf("card %d has %+v, its entries add up to %+v", c.ID, c.Balance, sums[c.Account()])
		}
	}
}
