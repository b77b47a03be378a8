package conform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

var _ Vendor = (*administered)(nil)

// What the admin API is told of airtime products unless a script says otherwise.
const (
	usualValue        = 1000        // minor units
	simulatedProvider = "simulated" // the mobile network that our own server has in it
)

// money is an amount as the admin API has it; nil is left out.
func money(a *Amount) any {
	if a == nil {
		return nil
	}
	return members{"amount": a.Minor, "currency": a.Currency}
}

// said leaves out what a script does not say.
func said(m members) members {
	for name, value := range m {
		switch value {
		case nil, "", int64(0), false:
			delete(m, name)
		}
	}
	return m
}

// Offer creates the product under the id that the case has made for it.
func (a *administered) Offer(ctx context.Context, o Offer) (string, error) {
	kind := "AIRTIME_FIXED"
	if o.Max > 0 {
		kind = "AIRTIME_VARIABLE"
	}
	settings := members{"name": "Product " + o.ID, "type": or(o.Type, kind), "topUp": o.TopUp, "network": o.Network,
		"promotion": o.Promotion, "discount": o.Discount, "wholesale": money(o.Wholesale), "recipientAmount": money(o.RecipientAmount)}
	switch {
	case o.TopUp:
		settings["provider"] = simulatedProvider
	case o.Plenty:
		settings["source"] = "made"
	case o.ToStock:
		settings["returned"] = "stock"
	}
	said(settings)
	if o.Max > 0 {
		settings["limits"] = []members{{"currency": or(o.Currency, defaultCurrency), "min": o.Min, "max": o.Max}}
	} else {
		settings["values"] = valuesOf(o)
	}
	if o.Channel != "" || o.Category != "" {
		settings["channels"] = []members{said(members{"name": or(o.Channel, "any"), "displayCategory": o.Category})}
	}
	return o.ID, a.call(ctx, http.MethodPut, "/airtime/products/"+o.ID, members{"settings": settings, "reason": why}, nil)
}

// valuesOf gives a product of fixed value the usual one where the script names none.
func valuesOf(o Offer) (all []any) {
	for _, value := range o.Values {
		all = append(all, money(&value))
	}
	if len(all) == 0 {
		all = append(all, money(&Amount{Minor: usualValue, Currency: or(o.Currency, defaultCurrency)}))
	}
	return all
}

// Withdraw takes the product off sale.
func (a *administered) Withdraw(ctx context.Context, product string) error {
	return a.call(ctx, http.MethodPost, "/airtime/products/"+product+"/withdraw", members{"reason": why}, nil)
}

// Batch imports vouchers with fresh serials and PINs.
func (a *administered) Batch(ctx context.Context, b Batch) (string, error) {
	query := url.Values{"product": {b.Product}, "mode": {"all"}, "name": {b.Name}, "lines": {decimal(b.Count)}, "reason": {why}}
	if !b.Expiry.IsZero() {
		query.Set("expiry", b.Expiry.UTC().Format(time.RFC3339))
	}
	var file strings.Builder
	file.WriteString("serial,pin\n")
	for range b.Count {
		const digits = 16
		fmt.Fprintf(&file, "%s,%s\n", randomText(), randomDigits(digits))
	}
	answer, err := a.send(ctx, http.MethodPost, "/vouchers/imports?"+query.Encode(), "text/csv", []byte(file.String()))
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(answer), `"complete"`) {
		return "", errors.New("admin API: the import of vouchers was not completed")
	}
	return b.Name, nil
}

// Stock reads the product's level.
func (a *administered) Stock(ctx context.Context, product string) (int64, error) {
	var found struct{ Levels []struct{ OnSale int64 } }
	err := a.call(ctx, http.MethodGet, "/vouchers/levels?product="+url.QueryEscape(product), nil, &found)
	if err == nil && len(found.Levels) != 1 {
		err = errors.New("admin API: the product has no level of stock")
	}
	if err != nil {
		return 0, err
	}
	return found.Levels[0].OnSale, nil
}

// Network creates the network, with a beginning of numbers that no other has. No country has it either: what numbers of
// theirs are possible is another question than whose they are.
func (a *administered) Network(ctx context.Context, n Network) (string, error) {
	const nobodys, digits = "999", 7
	prefix := nobodys + randomDigits(digits)
	settings := members{"name": n.Name, "country": n.Country, "prefixes": []string{prefix}}
	if n.Promotion != "" {
		settings["promotion"] = members{"name": n.Promotion, "text": "The offer of " + n.Promotion}
	}
	a.prefixes[n.ID] = prefix
	return n.ID, a.call(ctx, http.MethodPut, "/airtime/networks/"+n.ID, members{"settings": settings, "reason": why}, nil)
}

// Number gives a fresh number of the network, or one that no network has.
func (a *administered) Number(_ context.Context, network string, topUps Behaviour) (string, error) {
	if topUps != Credits {
		return "", Lacks("its provider cannot be told to let top-ups be %s", topUps)
	}
	if network == "" {
		return unknownNumber(), nil
	}
	const digits = 4
	return a.prefixes[network] + randomDigits(digits), nil
}

// Prepay has the account buy against a float from here on.
func (a *administered) Prepay(ctx context.Context, account string, amount Amount) error {
	settings := a.settings[account]
	if settings == nil {
		return Lacks("the settings of account %s are not ours to change", account)
	}
	settings["prepaid"] = true
	path := "/accounts/" + url.PathEscape(a.credentials[account].Name)
	if err := a.call(ctx, http.MethodPut, path, members{"settings": settings, "reason": why}, nil); err != nil {
		return err
	}
	body := members{"amount": amount.Minor, "currency": amount.Currency, "reason": why}
	return a.call(ctx, http.MethodPost, path+"/float/deposit", body, nil)
}

// Prepaid reads the account's float.
func (a *administered) Prepaid(ctx context.Context, account string) (book, available int64, err error) {
	var found struct {
		Balance struct{ Book, Available int64 }
	}
	err = a.call(ctx, http.MethodGet, "/accounts/"+url.PathEscape(a.credentials[account].Name)+"/float", nil, &found)
	return found.Balance.Book, found.Balance.Available, err
}
