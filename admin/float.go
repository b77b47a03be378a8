package admin

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// FloatView is what an account has to buy airtime against. One that never had a deposit has no currency.
type FloatView struct {
	airtime.Float
	Account *Account
	Low     bool // the account buys against it, and it is at or below the account's threshold, which is not 0
}

func floatView(a *Account, f airtime.Float) FloatView {
	s := a.Settings
	return FloatView{Float: f, Account: a, Low: s.Prepaid && s.LowFloat > 0 && f.Balance.Available <= s.LowFloat}
}

// Float shows an account's float.
func (o *Office) Float(ctx context.Context, by By, name string) (FloatView, error) {
	if err := by.may(SeeFloats); err != nil {
		return FloatView{}, err
	}
	return o.findFloat(ctx, by.World, name)
}

func (o *Office) findFloat(ctx context.Context, w ident.World, name string) (FloatView, error) {
	a, err := o.findAccount(w, name)
	if err != nil {
		return FloatView{}, err
	}
	var float airtime.Float
	err = o.airtime.View(ctx, airtime.Keys{World: w, Float: a.Number}, func(tx airtime.Tx) error {
		float, _ = tx.Float(a.Number)
		return nil
	})
	return floatView(a, float), err
}

// Floats gives floats by the numbers of their accounts.
func (o *Office) Floats(ctx context.Context, by By, after int64, limit int) ([]FloatView, int64, error) {
	if err := by.may(SeeFloats); err != nil {
		return nil, 0, err
	}
	return page(after, limit, o.fetchFloats(ctx), func(f airtime.Float) (FloatView, int64, bool, error) {
		a, found := o.register.Account(f.Account)
		if !found || f.World != by.World {
			return FloatView{}, int64(f.Account), false, nil
		}
		return floatView(a, f), int64(f.Account), true, nil
	})
}

func (o *Office) fetchFloats(ctx context.Context) func(after int64, limit int) ([]airtime.Float, error) {
	return func(after int64, limit int) ([]airtime.Float, error) {
		return o.reports.Floats(ctx, ident.Account(after), limit)
	}
}

// Prepaid gives the floats of all accounts of a world that buy against one, by number, also of those that never had a
// deposit. It is what metrics and alarms ask.
func (o *Office) Prepaid(ctx context.Context, w ident.World) ([]FloatView, error) {
	floats := map[ident.Account]airtime.Float{}
	fetch := o.fetchFloats(ctx)
	for after := int64(0); ; {
		found, err := fetch(after, scanLimit)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			floats[f.Account], after = f, int64(f.Account)
		}
		if len(found) < scanLimit {
			break
		}
	}
	var views []FloatView
	for _, a := range o.register.Accounts(w) {
		if a.Settings.Prepaid {
			views = append(views, floatView(a, floats[a.Number]))
		}
	}
	return views, nil
}

// DepositFloat puts what an account has paid in into its float by one balanced entry. The first deposit gives the float
// its currency; 0 is the office's own, and later the float's.
func (o *Office) DepositFloat(ctx context.Context, by By, name string, amount money.Minor, currency money.Currency) (FloatView, error) {
	return o.pay(ctx, by, DepositFloat, name, money.Amount{Minor: amount, Currency: currency})
}

// WithdrawFloat takes what is paid out to an account off its float by one balanced entry, no more than is available.
func (o *Office) WithdrawFloat(ctx context.Context, by By, name string, amount money.Minor, currency money.Currency) (FloatView, error) {
	return o.pay(ctx, by, WithdrawFloat, name, money.Amount{Minor: amount, Currency: currency})
}

func (o *Office) pay(ctx context.Context, by By, act Act, name string, amount money.Amount) (FloatView, error) {
	if err := by.mayWithReason(act); err != nil {
		return FloatView{}, err
	}
	before, err := o.findFloat(ctx, by.World, name)
	if err != nil {
		return FloatView{}, err
	}
	if amount.Currency == 0 {
		if amount.Currency = before.Currency; amount.Currency == 0 {
			amount.Currency = o.currency
		}
	}
	if amount.Currency == 0 {
		return FloatView{}, invalid("currency", "must be given: the float has none yet")
	}
	err = o.vendor.Pay(ctx, airtime.Payment{
		World: by.World, Account: before.Account.Number, ID: o.newID(), At: by.At, Amount: amount, Withdraw: act == WithdrawFloat,
		Note: func(tx airtime.Tx, message int64, before, after airtime.Float) error {
			return o.note(tx, by.World, message, by.entry(act, "account/"+name).from(floatFacts(before), floatFacts(after)))
		},
	})
	if err != nil {
		return FloatView{}, err
	}
	return o.findFloat(ctx, by.World, name)
}

func floatFacts(f airtime.Float) Facts {
	return Facts{
		"currency": f.Currency.String(), "book": fmt.Sprint(int64(f.Balance.Book)), "available": fmt.Sprint(int64(f.Balance.Available)),
	}
}
