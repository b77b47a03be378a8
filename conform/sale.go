package conform

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// offerKeys are what may be said of an airtime product.
var offerKeys = []string{"value", "min", "max", "currency", "wholesale", "discount", "gives", "type", "channel", "category",
	"promotion", "network"}

var behaviours = []Behaviour{Credits, Refuses, Limits, Late, Silent, Loses, Spends}

// parseOffer reads the keys of an airtime product, all but its id.
func parseOffer(verb string, keys map[string]string) (o Offer, err error) {
	o = Offer{TopUp: verb == "topup", Min: number(keys["min"]), Max: number(keys["max"]), Currency: or(keys["currency"], defaultCurrency),
		Discount: number(keys["discount"]), Type: keys["type"], Channel: keys["channel"], Category: keys["category"],
		Promotion: keys["promotion"], ToStock: keys["returned"] == "stock"}
	o.Plenty = !o.TopUp && keys["stock"] == ""
	for _, money := range []struct {
		key string
		to  **Amount
	}{{"wholesale", &o.Wholesale}, {"gives", &o.RecipientAmount}} {
		all, wrong := parseAmounts(keys[money.key], o.Currency)
		if wrong != nil || len(all) > 1 {
			return Offer{}, fmt.Errorf("%s is one amount", money.key)
		}
		if len(all) == 1 {
			*money.to = &all[0]
		}
	}
	if o.Values, err = parseAmounts(keys["value"], o.Currency); err != nil {
		return Offer{}, err
	}
	if returned := keys["returned"]; returned != "" && returned != "stock" && returned != "quarantine" {
		return Offer{}, errors.New("returned is stock or quarantine")
	}
	return o, nil
}

// parseAmounts reads "1000,55/840": amounts, each with its currency after a slash or in the usual one.
func parseAmounts(text, usual string) (all []Amount, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		minor, currency, _ := strings.Cut(part, "/")
		n, err := strconv.ParseInt(minor, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not like 1000 or 55/840", part)
		}
		all = append(all, Amount{Minor: n, Currency: or(currency, usual)})
	}
	return all, nil
}

// parseBatch reads the keys of a batch, all but its name and product. It expires so long after now.
func parseBatch(keys map[string]string, now time.Time) (b Batch, err error) {
	if b.Count, err = strconv.ParseInt(keys["count"], 10, 64); err != nil || b.Count < 1 {
		return Batch{}, errors.New("a batch has a count of vouchers")
	}
	if text := keys["expires"]; text != "" {
		d, err := time.ParseDuration(text)
		b.Expiry = now.Add(d)
		return b, err
	}
	return b, nil
}

// sellVerbs are those that set a vendor up.
var sellVerbs = []string{"voucher", "topup", "batch", "withdraw", "network", "number", "float"}

// sell sets the vendor up.
func (r *run) sell(ctx context.Context, s Step) (err error) {
	name := s.Names[0]
	switch s.Verb {
	case "voucher", "topup":
		return r.addOffer(ctx, s)
	case "batch":
		b, _ := parseBatch(s.Keys, r.options.Now()) // judged when it was read
		b.Name, b.Product = "B"+randomText(), r.names[s.Keys["of"]]
		r.names[name], err = r.vendor.Batch(ctx, b)
	case "withdraw":
		return r.vendor.Withdraw(ctx, r.names[name])
	case "network":
		n := Network{ID: "net" + randomText(), Name: "Network " + name, Country: or(s.Keys["country"], "ZA"), Promotion: s.Keys["promotion"]}
		r.names[name], err = r.vendor.Network(ctx, n)
	case "number":
		r.names[name], err = r.vendor.Number(ctx, r.names[s.Keys["network"]], Behaviour(s.Keys["topups"]))
	case "float":
		return r.vendor.Prepay(ctx, name, Amount{Minor: number(s.Names[1]), Currency: defaultCurrency})
	}
	return err
}

func (r *run) addOffer(ctx context.Context, s Step) error {
	o, err := parseOffer(s.Verb, s.Keys)
	if err != nil {
		return err
	}
	o.ID, o.Network = "air"+randomText(), r.names[s.Keys["network"]]
	if o.ID, err = r.vendor.Offer(ctx, o); err != nil {
		return err
	}
	r.offers[s.Names[0]], r.names[s.Names[0]] = o, o.ID
	if count := number(s.Keys["stock"]); count > 0 {
		_, err = r.vendor.Batch(ctx, Batch{Name: "B" + randomText(), Product: o.ID, Count: count})
	}
	return err
}

// currency is that in which the product is sold when nothing else is said.
func (o Offer) currency() string {
	if len(o.Values) > 0 {
		return o.Values[0].Currency
	}
	return or(o.Currency, defaultCurrency)
}

// saleRequest fills in a message of airtime.
func (r *run) saleRequest(s Step, m *Message) {
	m.Buyer = r.numberOf(s.Keys["from"])
	switch m.Kind {
	case PurchaseStatus:
		r.statusQuery(s, m)
	case LookupMSISDN, ListProducts:
		m.ID, m.Recipient = "", r.numberOf(s.Keys["number"])
		m.Query = Query{Operator: r.known(s.Keys["operator"]), ProductType: s.Keys["type"], Channel: s.Keys["channel"],
			Category: s.Keys["category"]}
	default:
		name := s.Keys["product"]
		m.Product, m.Recipient = r.name(name), r.numberOf(s.Keys["to"])
		m.Amount = amount(s.Keys["amount"], or(s.Keys["currency"], r.offers[name].currency()))
	}
}

// statusQuery asks for a purchase by its id, or by what its answer said.
func (r *run) statusQuery(s Step, m *Message) {
	m.ID = ""
	of := s.Keys["of"]
	switch s.Keys["by"] {
	case "reference":
		m.Query = Query{Reference: r.names[of+".reference"], Provider: r.names[of+".provider"]}
	case "settlement":
		m.Query = Query{Reference: r.names[of+".settlement"], Provider: r.names[of+".settlementname"]}
	default:
		m.RequestID = r.name(of)
	}
}

var literalNumber = regexp.MustCompile(`^\+?[0-9]`)

// numberOf gives the name of a number its digits; digits stand for themselves.
func (r *run) numberOf(name string) string {
	if literalNumber.MatchString(name) {
		return name
	}
	return r.names[name]
}

// remember keeps what an approval says of its sale, for later steps and for {name.part}.
func (r *run) remember(s Step, m Message, a Answer) {
	name := s.Keys["id"]
	if name == "" || !m.Kind.airtime() || m.Act != Request || a.outcome() != Approved {
		return
	}
	r.answers[name] = a
	parts := map[string]string{"reference": a.Sale.Reference, "provider": a.Sale.Provider, "settlement": a.Sale.SettlementID,
		"settlementname": a.Sale.SettlementName}
	if v := a.Sale.Voucher; v != nil {
		parts["serial"], parts["pin"], parts["batch"] = v.Serial, v.PIN, v.Batch
	}
	for part, value := range parts {
		r.names[name+"."+part] = value
	}
}

// judgeSale compares what an approval says of a sale or of a number.
func (r *run) judgeSale(m Message, a Answer, keys map[string]string) (problems []problem) {
	if m.Kind == PurchaseStatus {
		problems = r.judgeStatus(m, a, keys)
	} else {
		problems = r.judgeVoucher(m, a, keys)
	}
	for key, came := range map[string]string{"msisdn": a.Sale.MSISDN, "operator": a.Sale.Operator, "promotion": a.Sale.Promotion} {
		want, stated := keys[key]
		want = r.known(want)
		if stated && want != "any" && strings.TrimPrefix(want, "+") != strings.TrimPrefix(came, "+") {
			problems = append(problems, problem{key + "=" + or(want, "none"), or(came, "none")})
		}
		if stated && want == "any" && came == "" {
			problems = append(problems, problem{key, "none"})
		}
	}
	if want, stated := keys["products"]; stated {
		if came := r.ownProducts(a.Sale.Products); came != want {
			problems = append(problems, problem{"products=" + want, came})
		}
	}
	return problems
}

// ownProducts names those of the case's products that an answer lists, in the order of the names; other cases may have
// left others there.
func (r *run) ownProducts(ids []string) string {
	var names []string
	for name, offer := range r.offers {
		if slices.Contains(ids, offer.ID) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return or(strings.Join(names, ","), "none")
}

// judgeVoucher wants every voucher that is sold to be one that was not sold before, unless the script says whose it is.
func (r *run) judgeVoucher(m Message, a Answer, keys map[string]string) []problem {
	if m.Kind != Provision && m.Kind != Purchase {
		return r.noVoucher(a, "voucher=none")
	}
	want, stated := keys["voucher"]
	v := a.Sale.Voucher
	switch {
	case want == "none":
		return r.noVoucher(a, "voucher=none")
	case v == nil:
		if stated || m.Kind == Provision {
			return []problem{{"a voucher", "none"}}
		}
		return nil
	case stated && want != "new":
		if v.Serial != r.names[want+".serial"] || v.PIN != r.names[want+".pin"] {
			return []problem{{"the voucher of " + want, v.String()}}
		}
	case r.sold[v.Serial] || r.pins[v.PIN]:
		return []problem{{"a voucher that was not sold before", v.String()}}
	}
	r.sold[v.Serial], r.pins[v.PIN] = true, true
	if batch := keys["batch"]; batch != "" && v.Batch != r.names[batch] {
		return []problem{{"batch=" + batch, or(v.Batch, "none")}}
	}
	return nil
}

func (r *run) noVoucher(a Answer, want string) []problem {
	if a.Sale.Voucher == nil {
		return nil
	}
	return []problem{{want, a.Sale.Voucher.String()}}
}

// judgeStatus wants the answer that the purchase had, member for member (3.2 rule 4).
func (r *run) judgeStatus(m Message, a Answer, keys map[string]string) []problem {
	name := keys["as"]
	for candidate, id := range r.names {
		if name == "" && m.RequestID != "" && id == m.RequestID {
			name = candidate
		}
	}
	before, some := r.answers[name]
	if !some {
		return nil
	}
	if a.Body == nil {
		if !reflect.DeepEqual(before.Sale, a.Sale) || !reflect.DeepEqual(before.Amounts, a.Amounts) {
			return []problem{{"the answer that the purchase had: " + before.String(), a.String()}}
		}
		return nil
	}
	was, _ := parseJSON(before.Body)
	is, _ := parseJSON(a.Body)
	if path := difference("", was, is); path != "" {
		return []problem{{"the answer that the purchase had", "it differs in " + path}}
	}
	return nil
}

// difference gives the path at which two JSON values differ first, by name; empty when they are alike.
func difference(path string, was, is any) string {
	before, isObject := was.(map[string]any)
	now, isToo := is.(map[string]any)
	if !isObject || !isToo {
		if reflect.DeepEqual(was, is) {
			return ""
		}
		return or(strings.TrimPrefix(path, "."), "everything")
	}
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	var found []string
	for name := range names {
		if inner := difference(path+"."+name, before[name], now[name]); inner != "" {
			found = append(found, inner)
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

// counted compares the stock of the message's product and the float of its account afterwards, where they are stated.
func (r *run) counted(ctx context.Context, product, account string, keys map[string]string) (problems []problem, err error) {
	if want, stated := keys["stock"]; stated {
		if problems, err = r.stock(ctx, product, want); err != nil {
			return nil, err
		}
	}
	if want, stated := keys["float"]; stated {
		more, err := r.prepaid(ctx, account, want)
		return append(problems, more...), err
	}
	return problems, nil
}

// stock compares how many vouchers of a product can be sold.
func (r *run) stock(ctx context.Context, product, want string) ([]problem, error) {
	n, err := r.vendor.Stock(ctx, r.names[product])
	if err != nil {
		return nil, fmt.Errorf("count stock: %w", err)
	}
	if decimal(n) == want {
		return nil, nil
	}
	return []problem{{"stock=" + want + " of " + product + " afterwards", decimal(n)}}, nil
}

// prepaid compares the two balances of an account's float, written as book/available.
func (r *run) prepaid(ctx context.Context, account, want string) ([]problem, error) {
	book, available, err := r.vendor.Prepaid(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("look at the float: %w", err)
	}
	if came := decimal(book) + "/" + decimal(available); came != want {
		return []problem{{"float=" + want + " of " + account + " afterwards", came}}, nil
	}
	return nil, nil
}
