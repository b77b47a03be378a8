package conform

import (
	"context"
	"slices"
	"strings"
	"time"
)

// prepare does what the contract has no message for.
func (r *run) prepare(ctx context.Context, s Step) error {
	if slices.Contains(sellVerbs, s.Verb) {
		return r.sell(ctx, s)
	}
	switch s.Verb {
	case "product":
		return r.addProduct(ctx, s)
	case "card":
		return r.addCard(ctx, s)
	case "account":
		return r.addAccount(ctx, s)
	case "settle":
		return r.setup.Settle(ctx, r.account, r.name(s.Names[0]), s.Names[1] == "confirm")
	case "advance":
		d, _ := time.ParseDuration(s.Names[0]) // judged when it was read
		return r.setup.Advance(ctx, d)
	case "restart":
		return r.setup.Restart(ctx)
	}
	card := r.cards[s.Names[0]]
	switch s.Verb {
	case "freeze":
		return r.setup.Freeze(ctx, card.PAN)
	case "unfreeze":
		return r.setup.Unfreeze(ctx, card.PAN)
	case "unlock":
		return r.setup.Unlock(ctx, card.PAN)
	}
	expiry, err := r.setup.Expire(ctx, card.PAN)
	card.Expiry = expiry
	return err
}

func (r *run) addProduct(ctx context.Context, s Step) error {
	p, err := parseProduct(s.Keys)
	if err != nil {
		return err
	}
	p.ID = "conform" + randomText()
	if p.ID, err = r.setup.Product(ctx, p); err == nil {
		r.products[s.Names[0]], r.names[s.Names[0]] = p, p.ID
	}
	return err
}

func (r *run) addCard(ctx context.Context, s Step) error {
	product := r.products[s.Keys["product"]]
	now := r.options.Now().UTC()
	spec := CardSpec{Product: product.ID, Currency: or(s.Keys["currency"], or(product.Currency, defaultCurrency)),
		Expiry: expiryDate(s.Keys["expiry"], now), ClearPIN: s.Keys["pin"], EncryptedPIN: s.Keys["encryptedPin"],
		Holder: r.holder(s.Keys)}
	spec.Past = spec.Expiry < now.Format("0601")
	card, err := r.setup.Card(ctx, spec)
	if err == nil {
		r.cards[s.Names[0]] = &heldCard{Card: card, spec: spec, product: s.Keys["product"]}
	}
	return err
}

func (r *run) addAccount(ctx context.Context, s Step) error {
	a := Account{Name: s.Names[0], HolderLookup: s.Keys["holderLookup"] == "yes"}
	for word := range strings.SplitSeq(s.Keys["operations"], ",") {
		if word != "" {
			a.Operations = append(a.Operations, Kind(word))
		}
	}
	for word := range strings.SplitSeq(s.Keys["products"], ",") {
		if word != "" {
			a.Products = append(a.Products, r.products[word].ID)
		}
	}
	for word := range strings.SplitSeq(s.Keys["cards"], ",") {
		if word != "" {
			a.PANs = append(a.PANs, r.cards[word].PAN)
		}
	}
	a.WrongPerMinute = int(number(s.Keys["wrongPerMinute"]))
	a.Velocity, _ = parseVelocity(s.Keys["velocity"]) // judged when it was read
	return r.setup.Account(ctx, a)
}

// expiryDate gives the words for expiry dates their YYMM: past, lastMonth, thisMonth, or any date as it is.
func expiryDate(word string, now time.Time) string {
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	switch word {
	case "":
		return "4010"
	case "past":
		return "1510"
	case "lastMonth":
		return first.AddDate(0, -1, 0).Format("0601")
	case "thisMonth":
		return first.Format("0601")
	}
	return word
}
