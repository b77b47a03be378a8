package airtimehttp

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/money"
)

// showSold writes the product that was sold, by the id that the request named it by (docs/rules.md 3.1, 3.2).
func (s *Server) showSold(w *exchange.Writer, name string, x *exchange.Exchange, p *airtime.Product) {
	w.Open(name)
	w.Bool("isDirectTopup", p.TopUp)
	w.Raw("productId", x.Message.Raw(s.slots.productID))
	describe(w, p)
	if p.RecipientAmount != nil {
		showAmount(w, "recipientAmount", *p.RecipientAmount)
	}
	showValidity(w, p)
	showContents(w, p.Contents)
	w.Close()
}

// describe writes what a product is called and is.
func describe(w *exchange.Writer, p *airtime.Product) {
	w.Say("barcode", p.Barcode)
	w.Say("name", p.Name)
	w.Say("type", string(p.Type))
}

func showAmount(w *exchange.Writer, name string, a money.Amount) { w.Amount(name, a.Minor, a.Currency) }

// listProduct writes a product as it is offered.
func listProduct(w *exchange.Writer, o airtime.Offer) {
	p := o.Product
	w.Open("")
	w.Bool("isDirectTopup", p.TopUp)
	w.Text("productId", p.ID)
	describe(w, p)
	showRecipientAmount(w, p)
	showDescription(w, p.Description)
	showPrices(w, p)
	showValidity(w, p)
	showContents(w, p.Contents)
	if p.Network != "" {
		name := p.Network
		if o.Network != nil {
			name = o.Network.Name
		}
		showInstitution(w, "operator", p.Network, name)
	}
	showChannels(w, p.Channels)
	w.Close()
}

func showInstitution(w *exchange.Writer, member, id, name string) {
	w.Open(member)
	w.Text("id", id)
	w.Text("name", name)
	w.Close()
}

func showDescription(w *exchange.Writer, d airtime.Description) {
	if d.Primary == "" && d.Short == "" && len(d.Additional) == 0 {
		return
	}
	w.Open("description")
	w.Say("primaryDescription", d.Primary)
	w.Say("shortDescription", d.Short)
	if len(d.Additional) > 0 {
		w.Open("additionalDescriptions")
		for _, name := range slices.Sorted(maps.Keys(d.Additional)) {
			w.Named(name, d.Additional[name])
		}
		w.Close()
	}
	w.Close()
}

// showPrices writes what a product is sold for: what it costs, by default for its first value, and all of its values.
// The contract has no member for limits: those of a variable product stand among its values, each with its least and
// its most.
func showPrices(w *exchange.Writer, p *airtime.Product) {
	values := valuesOf(p)
	switch {
	case len(values) > 0:
		showAmount(w, "wholesalePrice", p.Price(values[0]))
	case p.Wholesale != nil:
		showAmount(w, "wholesalePrice", *p.Wholesale)
	}
	if len(values) == 0 {
		return
	}
	w.OpenList("productValues")
	for _, value := range values {
		showAmount(w, "", value)
	}
	w.CloseList()
}

// valuesOf gives the values of a fixed product, or the bounds of a variable one.
func valuesOf(p *airtime.Product) []money.Amount {
	values := slices.Clip(p.Values)
	for _, l := range p.Limits {
		values = append(values, money.Amount{Minor: l.Min, Currency: l.Currency}, money.Amount{Minor: l.Max, Currency: l.Currency})
	}
	return values
}

// showRecipientAmount writes what the recipient gets: by default the first value.
func showRecipientAmount(w *exchange.Writer, p *airtime.Product) {
	if p.RecipientAmount != nil {
		showAmount(w, "recipientAmount", *p.RecipientAmount)
	} else if values := valuesOf(p); len(values) > 0 {
		showAmount(w, "recipientAmount", values[0])
	}
}

func showValidity(w *exchange.Writer, p *airtime.Product) {
	if p.Validity == nil {
		return
	}
	w.Open("validityPeriod")
	w.Int("duration", p.Validity.Duration)
	w.Text("durationUnit", p.Validity.Unit)
	w.Close()
}

func showContents(w *exchange.Writer, contents []airtime.Content) {
	if len(contents) == 0 {
		return
	}
	w.OpenList("productContents")
	for _, c := range contents {
		w.Open("")
		w.Int("amount", c.Amount)
		w.Text("unit", c.Unit)
		w.Close()
	}
	w.CloseList()
}

func showChannels(w *exchange.Writer, channels []airtime.Channel) {
	if len(channels) == 0 {
		return
	}
	w.OpenList("channels")
	for _, c := range channels {
		w.Open("")
		w.Text("channelName", c.Name)
		w.Say("productDisplayName", c.DisplayName)
		w.Say("productDisplayCategory", c.DisplayCategory)
		if c.SortOrder != nil {
			w.Raw("productDisplaySortOrder", double(*c.SortOrder))
		}
		w.Say("channelProductIdentifier", c.Identifier)
		w.Close()
	}
	w.CloseList()
}

// double writes a number as the contract's doubles are written, with a decimal point.
func double(f float64) []byte {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return []byte(text)
}

// showSubscriber writes what is known of a number; what is not known is left out (docs/rules.md 3.3).
func (s *Server) showSubscriber(x *exchange.Exchange, known *airtime.Subscriber) {
	w := x.Answer()
	w.Open("")
	w.Open("msisdn")
	w.Raw("msisdn", x.Message.Raw(s.slots.msisdn))
	w.Say("country", known.Country)
	s.showOperator(w, known)
	w.Close()
	if known.Balance != nil {
		w.Open("amounts")
		w.Amount("balanceAmount", known.Balance.Book, known.Currency)
		w.Close()
	}
	if len(known.Products) > 0 {
		w.OpenList("availableProducts")
		for _, o := range known.Products {
			listProduct(w, o)
		}
		w.CloseList()
	}
	showPromotion(w, known.Promotion)
	w.Close()
}

// unknownOperator is the network of a number that nobody knows, for the public test server's clients: they expect one
// with every number.
const unknownOperator = "unknown"

// showOperator writes the network that a number belongs to, under the name that the look-up gave it, if any.
func (s *Server) showOperator(w *exchange.Writer, known *airtime.Subscriber) {
	id, name := known.Asked, known.Asked
	if s.compatible && known.Network == nil && name == "" {
		id, name = unknownOperator, unknownOperator
	}
	if known.Network != nil {
		id = known.Network.ID
		if name == "" {
			name = known.Network.Name
		}
	}
	if id != "" {
		showInstitution(w, "operator", id, name)
	}
}

func showPromotion(w *exchange.Writer, p *airtime.Promotion) {
	if p == nil {
		return
	}
	text := p.Text
	if text == "" {
		text = p.Name
	}
	w.Open("promotion")
	w.Text("promotion", text)
	if !p.Start.IsZero() {
		w.Time("startDate", p.Start)
	}
	if !p.End.IsZero() {
		w.Time("endDate", p.End)
	}
	w.Close()
}
