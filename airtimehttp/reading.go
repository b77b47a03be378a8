package airtimehttp

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// readResponse reads the answer to a purchase, a trial, a voucher request or a status into words. Of the request its
// family counts, and its product where the answer names none.
func readResponse(a *txn.Answer, id ident.ID, r *airtime.Request) (*airtime.Response, error) {
	x, err := exchange.Read(a, id)
	if err != nil {
		return nil, err
	}
	issuer := x.Issuer()
	response := &airtime.Response{
		Reference: issuer.Identifier, Provider: issuer.Institution, Product: readSold(x, r.Product), Amount: x.Amount("approvedAmount"),
		Voucher: readVoucher(x), References: x.References(), Answer: a,
	}
	response.Recipient, _ = ident.ParseMSISDN(exchange.TextIn(x.Member("msisdn").Member("msisdn")))
	if r.Family == txn.Voucher && response.Voucher == nil {
		x.Fail("voucher")
	}
	if err := x.Err(); err != nil {
		return nil, err
	}
	return response, nil
}

// readSold reads the product that was sold. An answer that does not name it is about the one that was asked for; nil
// when nobody knows.
func readSold(x *exchange.Reading, asked string) *airtime.Product {
	sold := x.Member("product")
	if !sold.Exists() {
		sold = x.Member("responseProduct")
	}
	p := readOffer(sold).Product
	if p.ID == "" {
		p.ID = asked
	}
	if p.ID == "" {
		return nil
	}
	return p
}

// readVoucher reads the voucher; nil when there is none. One without its PIN or its serial is worth nothing to its buyer.
func readVoucher(x *exchange.Reading) *airtime.Issued {
	v := x.Member("voucher")
	if !v.Exists() {
		return nil
	}
	pin, err := airtime.ParseVoucherPIN(exchange.TextIn(v.Member("pin")))
	issued := &airtime.Issued{
		PIN: pin, Serial: exchange.TextIn(v.Member("serialNumber")), Batch: exchange.TextIn(v.Member("batchNumber")),
		Expiry: timeIn(v.Member("expiryDate")), Instructions: v.Member("redeemInstructions").Texts(),
	}
	if err != nil || issued.Serial == "" {
		x.Fail("voucher")
	}
	return issued
}

// timeIn gives the instant that a value is; the zero time when it is none.
func timeIn(v wire.Value) time.Time {
	parsed, err := wire.ParseTime(exchange.TextIn(v))
	if err != nil {
		return time.Time{}
	}
	return parsed.Instant()
}

// readSubscriber reads what is known of a number.
func readSubscriber(l *airtime.LookUp, a *txn.Answer) (*airtime.Subscriber, error) {
	x, err := exchange.Read(a, "")
	if err != nil {
		return nil, err
	}
	number := x.Member("msisdn")
	known := &airtime.Subscriber{
		MSISDN: l.MSISDN, Asked: l.Operator, Country: exchange.TextIn(number.Member("country")),
		Network: readNetwork(number.Member("operator")), Products: readOffers(x.Member("availableProducts")),
		Promotion: readPromotion(x.Member("promotion")), Answer: a,
	}
	if known.Network != nil {
		known.Network.Country = known.Country
	}
	if balance := x.Amount("balanceAmount"); balance != nil {
		known.Balance = &ledger.Balance{Book: balance.Minor, Available: balance.Minor}
		known.Currency = balance.Currency
	}
	if err := x.Err(); err != nil {
		return nil, err
	}
	return known, nil
}

func readNetwork(v wire.Value) *airtime.Network {
	id := exchange.TextIn(v.Member("id"))
	if id == "" {
		return nil
	}
	return &airtime.Network{ID: id, Name: exchange.TextIn(v.Member("name"))}
}

func readPromotion(v wire.Value) *airtime.Promotion {
	text := exchange.TextIn(v.Member("promotion"))
	if text == "" {
		return nil
	}
	return &airtime.Promotion{Name: text, Text: text, Start: timeIn(v.Member("startDate")), End: timeIn(v.Member("endDate"))}
}

// readRange reads the products on sale.
func readRange(a *txn.Answer) (*airtime.Range, error) {
	list, err := wire.Parse(a.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if !list.IsArray() {
		return nil, errors.New("read the answer: it is no list")
	}
	return &airtime.Range{Offers: readOffers(list), Answer: a}, nil
}

// readOffers reads a list of products. What has no id cannot be bought, and is left out.
func readOffers(list wire.Value) []airtime.Offer {
	var all []airtime.Offer
	for v := range list.Elements() {
		if o := readOffer(v); o.ID != "" {
			all = append(all, o)
		}
	}
	return all
}

// readOffer reads a product as listProduct writes it. What cannot be read of it is left out.
func readOffer(v wire.Value) airtime.Offer {
	text := func(name string) string { return exchange.TextIn(v.Member(name)) }
	p := &airtime.Product{
		ID: text("productId"), Barcode: text("barcode"), Name: text("name"), Type: airtime.ProductType(text("type")),
		TopUp: string(v.Member("isDirectTopup").Raw()) == "true", Description: readDescription(v.Member("description")),
		Wholesale: amountIn(v.Member("wholesalePrice")), RecipientAmount: amountIn(v.Member("recipientAmount")),
		Validity: readValidity(v.Member("validityPeriod")), Contents: readContents(v.Member("productContents")),
		Channels: readChannels(v.Member("channels")),
	}
	readValues(p, v.Member("productValues"))
	network := readNetwork(v.Member("operator"))
	if network != nil {
		p.Network = network.ID
	}
	return airtime.Offer{Product: p, Network: network}
}

func amountIn(v wire.Value) *money.Amount {
	if a, ok := exchange.AmountIn(v); ok {
		return &a
	}
	return nil
}

// readValues reads the values of a product: of a variable one the least and the most of each of its limits, one after the
// other, as showPrices writes them.
func readValues(p *airtime.Product, list wire.Value) {
	for v := range list.Elements() {
		if a, ok := exchange.AmountIn(v); ok {
			p.Values = append(p.Values, a)
		}
	}
	if limits := limitsOf(p); limits != nil {
		p.Values, p.Limits = nil, limits
	}
}

// limitsOf takes a variable product's values for pairs; nil when they are not.
func limitsOf(p *airtime.Product) (limits []airtime.Limit) {
	variable := p.Type == airtime.AirtimeVariable || p.Type == airtime.DataVariable
	if !variable || len(p.Values)%2 != 0 {
		return nil
	}
	for i := 0; i < len(p.Values); i += 2 {
		least, most := p.Values[i], p.Values[i+1]
		if least.Currency != most.Currency || least.Minor > most.Minor {
			return nil
		}
		limits = append(limits, airtime.Limit{Currency: least.Currency, Min: least.Minor, Max: most.Minor})
	}
	return limits
}

func readDescription(v wire.Value) (d airtime.Description) {
	d.Primary, d.Short = exchange.TextIn(v.Member("primaryDescription")), exchange.TextIn(v.Member("shortDescription"))
	for name, text := range v.Member("additionalDescriptions").Members() {
		if d.Additional == nil {
			d.Additional = map[string]string{}
		}
		d.Additional[name] = exchange.TextIn(text)
	}
	return d
}

func readValidity(v wire.Value) *airtime.Validity {
	unit := exchange.TextIn(v.Member("durationUnit"))
	if unit == "" {
		return nil
	}
	return &airtime.Validity{Duration: intIn(v.Member("duration")), Unit: unit}
}

func readContents(list wire.Value) (all []airtime.Content) {
	for v := range list.Elements() {
		if unit := exchange.TextIn(v.Member("unit")); unit != "" {
			all = append(all, airtime.Content{Amount: intIn(v.Member("amount")), Unit: unit})
		}
	}
	return all
}

// intIn gives the integer that a value is; 0 when it is none.
func intIn(v wire.Value) int64 {
	n, err := strconv.ParseInt(string(v.Raw()), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func readChannels(list wire.Value) (all []airtime.Channel) {
	for v := range list.Elements() {
		text := func(name string) string { return exchange.TextIn(v.Member(name)) }
		c := airtime.Channel{
			Name: text("channelName"), DisplayName: text("productDisplayName"), DisplayCategory: text("productDisplayCategory"),
			Identifier: text("channelProductIdentifier"),
		}
		if order, err := strconv.ParseFloat(string(v.Member("productDisplaySortOrder").Raw()), 64); err == nil {
			c.SortOrder = &order
		}
		if c.Name != "" {
			all = append(all, c)
		}
	}
	return all
}
