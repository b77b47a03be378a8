package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/sdk"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyOneProcessHasTheDirectory(t *testing.T) {
	w := inWorld(t)
	till := w.till()
	defer till.Close()
	if _, _, err := sdk.Open(t.Context(), w.settings()); !errors.Is(err, sdk.ErrInUse) {
		t.Errorf("got %v", err)
	}
}

func TestADirectoryWithoutItsKeysIsNotOpened(t *testing.T) {
	w := inWorld(t)
	check(t, w.activated(plainCard, 100).Close())
	keys := filepath.Join(w.dir, "keys.json")
	info, err := os.Stat(keys)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the keys: %v", info.Mode())
	}
	check(t, os.Rename(keys, keys+".away"))
	if _, _, err := sdk.Open(t.Context(), w.settings()); !errors.Is(err, sdk.ErrKeys) {
		t.Errorf("without its keys: %v", err)
	}
	other := w.settings()
	other.Data = t.TempDir()
	till, _, err := sdk.Open(t.Context(), other)
	check(t, err)
	check(t, till.Close())
	check(t, os.Rename(filepath.Join(other.Data, "keys.json"), keys))
	if _, _, err := sdk.Open(t.Context(), w.settings()); !errors.Is(err, sdk.ErrKeys) {
		t.Errorf("with another's keys: %v", err)
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	good := func() sdk.Settings {
		return sdk.Settings{
			Data: filepath.Join(t.TempDir(), "never made"), Identity: identity, Currency: "710",
			Upstream: sdk.Upstream{URL: "http://127.0.0.1:1", User: "shop-17", Password: "secret"},
		}
	}
	for field, spoil := range map[string]func(*sdk.Settings){
		"Data":                      func(s *sdk.Settings) { s.Data = "" },
		"Upstream.URL":              func(s *sdk.Settings) { s.Upstream.URL = "" },
		"Upstream":                  func(s *sdk.Settings) { s.Upstream.URL = "ftp://example" },
		"Upstream.OAuth2":           func(s *sdk.Settings) { s.Upstream.OAuth2 = &sdk.OAuth2{TokenURL: "http://127.0.0.1:1/token"} },
		"Upstream.Without":          func(s *sdk.Settings) { s.Upstream.Without = sdk.Without{Reversals: true, Status: true} },
		"Currency":                  func(s *sdk.Settings) { s.Currency = "ZAR" },
		"SettleWithin":              func(s *sdk.Settings) { s.SettleWithin = -1 },
		"Identity.Terminal":         func(s *sdk.Settings) { s.Identity.Terminal = "42" },
		"Identity.Institution.ID":   func(s *sdk.Settings) { s.Identity.Institution.ID = "" },
		"Identity.Merchant.ID":      func(s *sdk.Settings) { s.Identity.Merchant.ID = "17" },
		"Identity.Merchant.Type":    func(s *sdk.Settings) { s.Identity.Merchant.Type = "" },
		"Identity.Merchant.Name":    func(s *sdk.Settings) { s.Identity.Merchant.Name = strings.Repeat("x", 24) },
		"Identity.Settlement.Name":  func(s *sdk.Settings) { s.Identity.Settlement = &sdk.Party{ID: "1"} },
		"Identity.Receiver.ID":      func(s *sdk.Settings) { s.Identity.Receiver = &sdk.Party{Name: "1"} },
		"Identity.Merchant.Country": func(s *sdk.Settings) { s.Identity.Merchant.Country = "ZAF" },
	} {
		s := good()
		spoil(&s)
		till, _, err := sdk.Open(t.Context(), s)
		if err == nil {
			_ = till.Close()
		}
		invalid, is := errors.AsType[*sdk.Invalid](err)
		if !is || invalid.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestValuesThatCannotBeSent(t *testing.T) {
	w := inWorld(t)
	settings := w.settings()
	settings.Currency = ""
	till, _, err := sdk.Open(t.Context(), settings)
	check(t, err)
	defer till.Close()
	ctx := t.Context()
	redeem := func(r sdk.Redemption) func() error {
		return func() error { _, err := till.Redeem(ctx, r); return err }
	}
	purchase := func(o sdk.Order) func() error {
		return func() error { _, err := till.Purchase(ctx, o); return err }
	}
	for _, c := range []struct {
		field string
		do    func() error
	}{
		{"Card.PAN", redeem(sdk.Redemption{Amount: 1, Currency: "710"})},
		{"Card.PAN", redeem(sdk.Redemption{Card: sdk.Card{PAN: "60010x"}, Amount: 1, Currency: "710"})},
		{"Card.Expiry", redeem(sdk.Redemption{Card: sdk.Card{PAN: "6001", Expiry: "4013"}, Amount: 1, Currency: "710"})},
		{"Amount", redeem(sdk.Redemption{Card: plainCard, Currency: "710"})},
		{"Amount", redeem(sdk.Redemption{Card: plainCard, Amount: -1, Currency: "710"})},
		{"Currency", redeem(sdk.Redemption{Card: plainCard, Amount: 1})},
		{"Currency", redeem(sdk.Redemption{Card: plainCard, Amount: 1, Currency: "R"})},
		{"Reference", redeem(sdk.Redemption{Card: plainCard, Amount: 1, Currency: "710", Reference: strings.Repeat("x", sdk.MaxReference+1)})},
		{"Product", purchase(sdk.Order{})},
		{"Recipient", purchase(sdk.Order{Product: "p", Recipient: "0831234567"})},
		{"Buyer", purchase(sdk.Order{Product: "p", Buyer: "x"})},
		{"product.productId", purchase(sdk.Order{Product: "no such code!"})},
		{"Product", func() error { _, err := till.Activate(ctx, sdk.Activation{Card: plainCard}); return err }},
		{"New.PAN", func() error { _, err := till.Replace(ctx, sdk.Replacement{Old: plainCard}); return err }},
		{"To.PAN", func() error { _, err := till.Transfer(ctx, sdk.Transfer{From: plainCard, Amount: 1}); return err }},
		{"MSISDN", func() error { _, err := till.LookUpMSISDN(ctx, sdk.Number{}); return err }},
		{"Card.PAN", func() error { _, err := till.LookUp(ctx, sdk.LookUp{}); return err }},
		{"reference", func() error { _, err := till.StatusByReference(ctx, "A1", ""); return err }},
		{"id", func() error { _, err := till.Status(ctx, ""); return err }},
	} {
		invalid, is := errors.AsType[*sdk.Invalid](c.do())
		if !is || invalid.Field != c.field {
			t.Errorf("%s: got %v", c.field, invalid)
		}
		if is && strings.Contains(invalid.Error(), "60010x") {
			t.Errorf("the error quotes the value: %v", invalid)
		}
	}
	if unsettled, err := till.Unsettled(ctx); err != nil || len(unsettled) != 0 {
		t.Errorf("something was sent: %v, %v", unsettled, err)
	}
}

// Where nothing can be taken back, airtime has a status to ask for, and gift cards have nothing.
func TestGiftCardsNeedReversals(t *testing.T) {
	w := inWorld(t)
	settings := w.settings()
	settings.Upstream.Without.Reversals = true
	till, _, err := sdk.Open(t.Context(), settings)
	check(t, err)
	defer till.Close()
	_, err = till.Activate(t.Context(), sdk.Activation{Card: plainCard, Product: "product001", Amount: 100})
	if invalid, is := errors.AsType[*sdk.Invalid](err); !is || invalid.Field != "Upstream.Without" {
		t.Errorf("got %v", err)
	}
	_, err = till.LookUp(t.Context(), sdk.LookUp{Card: plainCard})
	check(t, err)
	bought, err := till.Purchase(t.Context(), sdk.Order{Product: "productId123"})
	check(t, err)
	check(t, bought.Confirm(t.Context()))
}

func TestNothingSecretIsPrinted(t *testing.T) {
	approval := sdk.Approval{Answer: sdk.Answer{Reference: "G1", Body: []byte("8561725642498548895")}}
	purchase := sdk.Purchase{Voucher: &sdk.Voucher{PIN: "123456789012", Serial: "S1"}, Answer: sdk.Answer{Body: []byte("123456789012")}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{plainCard, sdk.Redemption{Card: pinCard, Amount: 1}, approval.Answer, purchase.Voucher, purchase.Answer} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range []string{plainCard.PAN, pinCard.PAN, "7052", "123456789012"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s shows %s of %T", verb, secret, v)
				}
			}
		}
	}
}

// What was approved in another life is found again with what a program needs to decide.
func TestUnsettledTellsWhatItIsAbout(t *testing.T) {
	w := inWorld(t)
	till := w.activated(plainCard, 50_00)
	ctx := t.Context()
	before := time.Now().Truncate(time.Millisecond)
	sale, err := till.Redeem(ctx, sdk.Redemption{Card: plainCard, Amount: 12_50, Reference: "receipt 1"})
	check(t, err)
	bought, err := till.Purchase(ctx, sdk.Order{Product: "productId123"})
	check(t, err)
	check(t, till.Close())
	till, unsettled, err := sdk.Open(ctx, w.settings())
	check(t, err)
	defer till.Close()
	if len(unsettled) != 2 {
		t.Fatalf("got %+v", unsettled)
	}
	first, second := unsettled[0], unsettled[1]
	if first.ID != sale.ID || first.Operation != sdk.OpRedemption || first.Amount != sale.Amount || first.Reference != "receipt 1" ||
		first.At.Before(before) || first.At.After(time.Now()) {
		t.Errorf("got %+v", first)
	}
	if second.ID != bought.ID || second.Operation != sdk.OpPurchase || second.Amount != bought.Amount ||
		second.Reference != "" || second.Product != "productId123" {
		t.Errorf("got %+v", second)
	}
	check(t, first.Confirm(ctx))
	check(t, second.Reverse(ctx))
	if left, err := till.Unsettled(ctx); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := second.Confirm(ctx); !errors.Is(err, sdk.ErrEnded) {
		t.Errorf("confirmed after its reversal: %v", err)
	}
	check(t, first.Confirm(ctx))
	check(t, till.Drain(ctx))
}

// What the upstream does not let be confirmed is open again, and can be reversed.
func TestARefusedDecisionLeavesTheTransactionAsItWas(t *testing.T) {
	w := inWorld(t)
	till := w.till()
	defer till.Close()
	ctx := t.Context()
	bought, err := till.Purchase(ctx, sdk.Order{Product: "productId123"})
	check(t, err)
	err = bought.ConfirmPart(ctx, 5_00)
	declined, is := errors.AsType[*sdk.Declined](err)
	if !is || declined.Reason != decline.InvalidAmount || errors.Is(err, sdk.ErrEnded) {
		t.Errorf("got %v", err)
	}
	check(t, bought.Reverse(ctx))
}

func TestStatusByReference(t *testing.T) {
	w := inWorld(t)
	till := w.till()
	defer till.Close()
	ctx := t.Context()
	bought, err := till.Purchase(ctx, sdk.Order{Product: "greenAirtime", Amount: 10_00, Recipient: "+27831234567", Reference: "receipt 9"})
	check(t, err)
	found, err := till.StatusByReference(ctx, bought.Answer.Reference, bought.Provider)
	check(t, err)
	if found.ID != bought.ID || found.Amount != bought.Amount || found.Reference != "receipt 9" {
		t.Errorf("got %+v, bought was %+v", found, bought)
	}
	check(t, found.Reverse(ctx))
	_, err = till.Status(ctx, bought.ID)
	if declined, is := errors.AsType[*sdk.Declined](err); !is || declined.Reason != decline.AccountAlreadySettled {
		t.Errorf("the status of what was reversed: %v", err)
	}
}

func TestAfterCloseNothingIsSent(t *testing.T) {
	w := inWorld(t)
	till := w.till()
	check(t, till.Close())
	check(t, till.Close())
	_, err := till.Redeem(context.Background(), sdk.Redemption{Card: plainCard, Amount: 1})
	if notTaken, is := errors.AsType[*sdk.NotTaken](err); !is || notTaken.Cause != sdk.Closed {
		t.Errorf("got %v", err)
	}
}

func TestWhyItWasNotTaken(t *testing.T) {
	w := inWorld(t)
	w.cut()
	defer w.mend()
	till := w.till()
	defer till.Close()
	_, err := till.Redeem(t.Context(), sdk.Redemption{Card: plainCard, Amount: 1})
	if notTaken, is := errors.AsType[*sdk.NotTaken](err); !is || notTaken.Cause != sdk.Unreached {
		t.Errorf("nobody there: %v", err)
	}
	_, err = till.Products(t.Context(), "")
	if notTaken, is := errors.AsType[*sdk.NotTaken](err); !is || notTaken.Cause != sdk.Unreached {
		t.Errorf("nobody there: %v", err)
	}
}
