package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

var _ airtime.Catalogue = Catalogue{}

// Catalogue is what the register holds as the rules of airtime ask for it.
type Catalogue struct{ register *Register }

// Catalogue gives what is on sale of airtime, as it stands at each question.
func (r *Register) Catalogue() Catalogue { return Catalogue{r} }

// ProductByID implements airtime.Catalogue.
func (c Catalogue) ProductByID(w ident.World, id string) (*airtime.Product, bool) {
	p, found := c.register.now.Load().world(w).airtime[id]
	return p, found
}

// Edition implements airtime.Catalogue.
func (c Catalogue) Edition(w ident.World, edition int32) (*airtime.Product, bool) {
	p, found := c.register.now.Load().editions[edition]
	if !found || p.World != w {
		return nil, false
	}
	return p, true
}

// Products implements airtime.Catalogue. The list is shared: nobody may change it.
func (c Catalogue) Products(w ident.World) []*airtime.Product {
	return c.register.now.Load().world(w).listed
}

// Newest gives the newest edition of the product with a number.
func (c Catalogue) Newest(number int32) (*airtime.Product, bool) {
	p, found := c.register.now.Load().airtime[number]
	return p, found
}

// NetworkOf implements airtime.Catalogue.
func (c Catalogue) NetworkOf(w ident.World, m ident.MSISDN) (*airtime.Network, bool) {
	return c.register.now.Load().world(w).prefixes.Of(m)
}

// Network implements airtime.Catalogue.
func (c Catalogue) Network(w ident.World, id string) (*airtime.Network, bool) {
	n, found := c.register.now.Load().world(w).networks[id]
	return n, found
}

// newestEdition is the row of a product of airtime: which of its editions counts now.
type newestEdition struct{ Edition int32 }

func (s *snapshot) putEdition(p *airtime.Product) { s.editions[p.Edition] = p }

// takeNewest puts what the row of a product names, whose editions have been read before.
func takeNewest(codec Codec, row Row, s *snapshot) error {
	var newest newestEdition
	if err := codec.Decode(row.Content, &newest); err != nil {
		return fmt.Errorf("decode %s %d: %w", row.Kind, row.Number, err)
	}
	p := s.editions[newest.Edition]
	if p == nil {
		return fmt.Errorf("%s %d: edition %d is missing", row.Kind, row.Number, newest.Edition)
	}
	s.putAirtimeProduct(p)
	return nil
}

// putAirtimeProduct makes an edition the newest of its product.
func (s *snapshot) putAirtimeProduct(p *airtime.Product) {
	w := s.fresh(p.World)
	s.editions[p.Edition], s.airtime[p.Number], w.airtime[p.ID] = p, p, p
	at, there := slices.BinarySearchFunc(w.listed, p.ID, func(q *airtime.Product, id string) int { return strings.Compare(q.ID, id) })
	if there {
		w.listed[at] = p
	} else {
		w.listed = slices.Insert(w.listed, at, p)
	}
}

// AirtimeProducts gives the newest editions of all products of airtime, by number.
func (o *Office) AirtimeProducts(_ context.Context, by By, after int64, limit int) ([]*airtime.Product, int64, error) {
	if err := by.may(SeeProducts); err != nil {
		return nil, 0, err
	}
	number := func(p *airtime.Product) int64 { return int64(p.Number) }
	found, next := above(sorted(o.register.now.Load().world(by.World).airtime, number), number, after, limit)
	return found, next, nil
}

// AirtimeProduct gives the newest edition of the product of airtime with an id.
func (o *Office) AirtimeProduct(_ context.Context, by By, id string) (*airtime.Product, error) {
	if err := by.may(SeeProducts); err != nil {
		return nil, err
	}
	return o.findAirtimeProduct(by.World, id)
}

func (o *Office) findAirtimeProduct(w ident.World, id string) (*airtime.Product, error) {
	if p, found := o.register.Catalogue().ProductByID(w, id); found {
		return p, nil
	}
	return nil, refuse(NotFound, "there is no such product")
}

// PutAirtimeProduct makes a product of airtime, or gives the product with this id a new edition. What was sold goes on
// pointing to the edition that it was sold as. Whether it is a voucher or a top-up never changes, nor does a change
// put a withdrawn product back on sale.
func (o *Office) PutAirtimeProduct(ctx context.Context, by By, p airtime.Product) (*airtime.Product, error) {
	if err := by.mayWithReason(PutAirtimeProduct); err != nil {
		return nil, err
	}
	return o.saveAirtimeProduct(ctx, by, PutAirtimeProduct, p.ID, func(before *airtime.Product) (airtime.Product, error) {
		p.Withdrawn = before != nil && before.Withdrawn
		if before != nil && before.TopUp != p.TopUp {
			return p, &Refusal{Code: Conflict, Field: "settings.topUp", Text: "cannot change: make another product"}
		}
		return p, nil
	})
}

// WithdrawAirtimeProduct takes a product of airtime off sale.
func (o *Office) WithdrawAirtimeProduct(ctx context.Context, by By, id string) (*airtime.Product, error) {
	return o.withdrawProduct(ctx, by, WithdrawAirtimeProduct, id, true)
}

// RestoreAirtimeProduct puts a withdrawn product of airtime on sale again.
func (o *Office) RestoreAirtimeProduct(ctx context.Context, by By, id string) (*airtime.Product, error) {
	return o.withdrawProduct(ctx, by, RestoreAirtimeProduct, id, false)
}

func (o *Office) withdrawProduct(ctx context.Context, by By, act Act, id string, withdrawn bool) (*airtime.Product, error) {
	if err := by.mayWithReason(act); err != nil {
		return nil, err
	}
	return o.saveAirtimeProduct(ctx, by, act, id, func(before *airtime.Product) (airtime.Product, error) {
		switch {
		case before == nil:
			return airtime.Product{}, refuse(NotFound, "there is no such product")
		case before.Withdrawn == withdrawn:
			return airtime.Product{}, refuse(Conflict, "the product is in that state already")
		}
		after := *before
		after.Withdrawn = withdrawn
		return after, nil
	})
}

// saveAirtimeProduct lets edit say what becomes of the product with an id, which may be new, and saves that as an edition.
func (o *Office) saveAirtimeProduct(ctx context.Context, by By, act Act, id string,
	edit func(before *airtime.Product) (airtime.Product, error)) (*airtime.Product, error) {
	var saved *airtime.Product
	err := o.act(ctx, func(now *snapshot) (change, error) {
		before := now.world(by.World).airtime[id]
		p, err := edit(before)
		if err != nil {
			return change{}, err
		}
		saved = now.edition(by.World, before, p)
		if err := now.checkAirtimeProduct(saved); err != nil {
			return change{}, err
		}
		if err := o.checkProvider(before, saved); err != nil {
			return change{}, err
		}
		return o.newEdition(by.entry(act, "airtime/"+id).from(airtimeFacts(before), airtimeFacts(saved)), saved)
	})
	if err != nil {
		return nil, err
	}
	return saved, nil
}

// edition numbers what comes after an edition of a product, or the first of a new one when that is nil.
func (s *snapshot) edition(w ident.World, before *airtime.Product, p airtime.Product) *airtime.Product {
	p.World, p.Edition, p.Number = w, following(s.editions), following(s.airtime)
	if before != nil {
		p.Number = before.Number
	}
	p = p.WithDefaults()
	return &p
}

// newEdition is the change that makes an edition the newest of its product.
func (o *Office) newEdition(audit Audit, p *airtime.Product) (change, error) {
	content, err := o.codec.Encode(p)
	if err != nil {
		return change{}, fmt.Errorf("encode %s: %w", EditionRow, err)
	}
	return change{
		row:   Row{Kind: AirtimeProductRow, Number: int64(p.Number), World: p.World, Name: p.ID},
		value: newestEdition{p.Edition}, also: []Row{{Kind: EditionRow, Number: int64(p.Edition), World: p.World, Content: content}},
		audit: audit, put: func(s *snapshot) { s.putAirtimeProduct(p) },
	}, nil
}

// checkAirtimeProduct refuses a product that cannot be by itself or beside what else there is.
func (s *snapshot) checkAirtimeProduct(p *airtime.Product) error {
	if err := p.Check(); err != nil {
		return settingAtFault(err)
	}
	w := s.world(p.World)
	if p.Network != "" && w.networks[p.Network] == nil {
		return invalid("settings.network", "there is no network %s", p.Network)
	}
	for _, other := range w.listed {
		if p.Barcode != "" && other.Barcode == p.Barcode && other.Number != p.Number {
			return &Refusal{Code: Exists, Field: "settings.barcode", Text: "another product has this barcode"}
		}
	}
	return nil
}

// checkProvider refuses a top-up that names a provider which is not connected, unless it was named before: it may be
// away for a while only, and the product must stay changeable.
func (o *Office) checkProvider(before, p *airtime.Product) error {
	switch {
	case !p.TopUp || before != nil && before.Provider == p.Provider || slices.Contains(o.providers, p.Provider):
		return nil
	case len(o.providers) == 0:
		return invalid("settings.provider", "no provider is connected, so nothing can be topped up")
	}
	return invalid("settings.provider", "there is no such provider; connected: %s", strings.Join(o.providers, ", "))
}

// settingAtFault turns a complaint of the rules, which begins with the field, into a refusal that names it.
func settingAtFault(err error) error {
	field, text, _ := strings.Cut(err.Error(), ": ")
	if field != "id" {
		field = "settings." + field
	}
	return invalid(field, "%s", text)
}

// airtimeFacts are what the audit trail says of a product of airtime.
func airtimeFacts(p *airtime.Product) Facts {
	if p == nil {
		return nil
	}
	return Facts{
		"edition": fmt.Sprint(p.Edition), "withdrawn": fmt.Sprint(p.Withdrawn), "barcode": p.Barcode, "name": p.Name,
		"type": string(p.Type), "topUp": fmt.Sprint(p.TopUp), "provider": p.Provider, "network": p.Network,
		"values": amountsFact(p.Values), "limits": limitsFact(p.Limits), "wholesale": amountFact(p.Wholesale),
		"discount": fmt.Sprint(p.Discount), "recipientAmount": amountFact(p.RecipientAmount), "validity": validityFact(p.Validity),
		"contents": fmt.Sprint(p.Contents), "channels": channelsFact(p.Channels), "promotion": p.Promotion,
		"description": p.Description.Primary, "source": string(p.Source), "returned": string(p.Returned),
		"lowStock": fmt.Sprint(p.LowStock), "instructions": strings.Join(p.Instructions, " / "),
	}
}

func amountFact(a *money.Amount) string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%d of %s", int64(a.Minor), a.Currency)
}

func amountsFact(amounts []money.Amount) string {
	texts := make([]string, len(amounts))
	for i := range amounts {
		texts[i] = amountFact(&amounts[i])
	}
	return strings.Join(texts, "; ")
}

func limitsFact(limits []airtime.Limit) string {
	texts := make([]string, len(limits))
	for i, l := range limits {
		texts[i] = fmt.Sprintf("%d to %d of %s", int64(l.Min), int64(l.Max), l.Currency)
	}
	return strings.Join(texts, "; ")
}

func validityFact(v *airtime.Validity) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%d %s", v.Duration, v.Unit)
}

func channelsFact(channels []airtime.Channel) string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = c.Name
	}
	return strings.Join(names, "; ")
}
