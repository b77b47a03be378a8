package airtimetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Judged is a vendor that the rule scripts can be played against. Its clock goes, and can be put forward until the next
// case begins.
type Judged struct {
	conform.NoSetup
	*Vendor

	mu       sync.Mutex // guards what follows
	ahead    time.Duration
	names    map[string]string            // of accounts, by the names that the present case has for them
	batches  map[int32]delivered          // by number
	networks map[string]string            // the beginning of a network's numbers, by its id
	numbers  int                          // made so far, and accounts
	topUps   map[string]conform.Behaviour // by number
	sent     map[string]conform.Message   // requests, by account and id; of two kinds with one id, the first
	byRef    map[string]string            // such keys, by our reference
}

var (
	_ conform.Target = (*Judged)(nil)
	_ conform.Setup  = (*Judged)(nil)
	_ conform.Vendor = (*Judged)(nil)
)

// delivered is a batch as a script has it.
type delivered struct {
	product string
	expiry  time.Time
}

// patience is how long its provider may take, and how long an advice waits for a request in flight at least.
const patience = 400 * time.Millisecond

// NewJudged starts a vendor for the rule scripts over what Open gives.
func NewJudged(t testing.TB, open func(testing.TB) store.Driver) *Judged {
	return NewJudgedWith(t, Settings{Open: open})
}

// NewJudgedWith starts a vendor for the rule scripts with more settings. Its clock and its provider's time-out are those
// of every vendor that is judged.
func NewJudgedWith(t testing.TB, settings Settings) *Judged {
	j := &Judged{
		names: map[string]string{}, batches: map[int32]delivered{},
		networks: map[string]string{}, topUps: map[string]conform.Behaviour{}, sent: map[string]conform.Message{}, byRef: map[string]string{},
	}
	settings.ProviderTimeout, settings.Now = patience, j.clock
	j.Vendor = New(t, settings)
	return j
}

func (j *Judged) clock() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Now().Add(j.ahead)
}

// Begin implements conform.Setup: only the clock is put back, for cases have everything else of their own.
func (j *Judged) Begin(context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ahead = 0
	return nil
}

// Advance implements conform.Setup.
func (j *Judged) Advance(_ context.Context, d time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ahead += d
	return nil
}

// Restart implements conform.Setup.
func (j *Judged) Restart(context.Context) error {
	j.Stop()
	j.start()
	return nil
}

// Account implements conform.Setup. An account that was there already makes room for one of its own number.
func (j *Judged) Account(_ context.Context, a conform.Account) error {
	s := txn.Sender{Products: a.Products, Velocity: giftcardtest.Velocity(a.Velocity)}
	for _, kind := range a.Operations {
		s.Families = append(s.Families, giftcardtest.Family(kind))
	}
	j.mu.Lock()
	j.numbers++
	j.names[a.Name] = fmt.Sprintf("%s-%d", a.Name, j.numbers)
	name := j.names[a.Name]
	j.mu.Unlock()
	j.Vendor.Account(name, s)
	return nil
}

// Name gives an account's own name, under which no case before had it.
func (j *Judged) Name(account string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if name, found := j.names[account]; found {
		return name
	}
	return account
}

// account gives an account by its name in the script.
func (j *Judged) account(name string) *txn.Sender { return j.Named(j.Name(name)) }

// Settle implements conform.Setup.
func (j *Judged) Settle(ctx context.Context, account, requestID string, confirm bool) error {
	j.mu.Lock()
	request := j.sent[account+" "+requestID]
	j.mu.Unlock()
	s := airtime.Settlement{
		World: ident.Production, Family: giftcardtest.Family(request.Kind), RequestID: ident.ID(requestID), Role: txn.Reversal,
		ID: ident.ID("settle-" + requestID), At: j.Now(), Sender: j.account(account), Note: func(airtime.Tx, int64) error { return nil },
	}
	if confirm {
		s.Role = txn.Confirmation
	}
	return j.Vendor.Settle(ctx, s)
}

// Offer implements conform.Vendor.
func (j *Judged) Offer(_ context.Context, o conform.Offer) (string, error) {
	p := airtime.Product{
		ID: o.ID, Name: "Product " + o.ID, TopUp: o.TopUp, Network: o.Network, Type: airtime.ProductType(o.Type), Promotion: o.Promotion,
		Discount: int32(o.Discount), Wholesale: giftcardtest.Amount(o.Wholesale), RecipientAmount: giftcardtest.Amount(o.RecipientAmount),
	}
	for _, value := range o.Values {
		p.Values = append(p.Values, *giftcardtest.Amount(&value))
	}
	switch currency := giftcardtest.Amount(&conform.Amount{Currency: o.Currency}).Currency; {
	case o.Max > 0:
		p.Limits = []airtime.Limit{{Currency: currency, Min: money.Minor(o.Min), Max: money.Minor(o.Max)}}
	case len(o.Values) == 0:
		p.Values = []money.Amount{{Minor: usualValue, Currency: currency}}
	}
	switch {
	case p.Type != "":
	case o.Max > 0:
		p.Type = airtime.AirtimeVariable
	default:
		p.Type = airtime.AirtimeFixed
	}
	if o.Channel != "" || o.Category != "" {
		p.Channels = []airtime.Channel{{Name: o.Channel, DisplayCategory: o.Category}}
	}
	switch {
	case o.TopUp:
		p.Provider = ProviderName
	case o.Plenty:
		p.Source = airtime.Made
	case o.ToStock:
		p.Returned = airtime.ToStock
	}
	_, err := j.Catalogue.Sell(p)
	return o.ID, err
}

// usualValue is that of a product for which a script names none.
const usualValue = 1000

func (j *Judged) product(id string) (airtime.Product, error) {
	p, found := j.Catalogue.ProductByID(ident.Production, id)
	if !found {
		return airtime.Product{}, fmt.Errorf("there is no product %s", id)
	}
	return *p, nil
}

// Withdraw implements conform.Vendor.
func (j *Judged) Withdraw(_ context.Context, product string) error {
	p, err := j.product(product)
	if err != nil {
		return err
	}
	p.Withdrawn = true
	_, err = j.Catalogue.Sell(p)
	return err
}

// Batch implements conform.Vendor.
func (j *Judged) Batch(ctx context.Context, b conform.Batch) (string, error) {
	p, err := j.product(b.Product)
	if err != nil {
		return "", err
	}
	number, err := j.Deliver(ctx, &p, int(b.Count), b.Expiry)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.batches[number] = delivered{p.ID, b.Expiry}
	return fmt.Sprintf("B%d", number), err
}

// Stock implements conform.Vendor.
func (j *Judged) Stock(ctx context.Context, product string) (int64, error) {
	all, err := j.Vouchers(ctx)
	now, count := j.Now(), int64(0)
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, v := range all {
		b := j.batches[v.Batch]
		if b.product == product && v.Status == airtime.InStock && (b.expiry.IsZero() || now.Before(b.expiry)) {
			count++
		}
	}
	return count, err
}

// Network implements conform.Vendor.
func (j *Judged) Network(_ context.Context, n conform.Network) (string, error) {
	j.mu.Lock()
	j.networks[n.ID] = fmt.Sprintf("2776%04d", len(j.networks))
	prefix := j.networks[n.ID]
	j.mu.Unlock()
	made := airtime.Network{ID: n.ID, Name: n.Name, Country: n.Country, Prefixes: []string{prefix}}
	if n.Promotion != "" {
		made.Promotion = &airtime.Promotion{Name: n.Promotion, Text: "The offer of " + n.Promotion}
	}
	return n.ID, j.Catalogue.Connect(made)
}

// Number implements conform.Vendor.
func (j *Judged) Number(_ context.Context, network string, topUps conform.Behaviour) (string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.numbers++
	if network == "" {
		return fmt.Sprintf("999%09d", j.numbers), nil
	}
	number := fmt.Sprintf("%s%03d", j.networks[network], j.numbers%1000)
	j.topUps[number] = topUps
	return number, nil
}

// Prepay implements conform.Vendor.
func (j *Judged) Prepay(ctx context.Context, account string, amount conform.Amount) error {
	s := *j.account(account)
	s.Prepaid = true
	return j.Deposit(ctx, j.Vendor.Account(j.Name(account), s).Account, *giftcardtest.Amount(&amount))
}

// Prepaid implements conform.Vendor.
func (j *Judged) Prepaid(ctx context.Context, account string) (book, available int64, err error) {
	f, err := j.Float(ctx, j.account(account).Account)
	return int64(f.Balance.Book), int64(f.Balance.Available), err
}

// Expect tells of a message that is about to be sent: what its number's provider does, and what it will be found by
// when an operator settles it. Whoever sends a message otherwise than by Do says so first.
func (j *Judged) Expect(m conform.Message) {
	key := m.Account + " " + m.ID
	j.mu.Lock()
	_, again := j.sent[key]
	switch {
	case m.Act != conform.Request:
		m.Recipient = j.sent[m.Account+" "+m.RequestID].Recipient
	case !again && (m.Kind == conform.Purchase || m.Kind == conform.Provision):
		j.sent[key] = m
	}
	topUps := j.topUps[m.Recipient]
	j.mu.Unlock()
	j.behave(topUps, m.Act == conform.Confirmation)
}

// behave has the provider treat what comes now in one way.
func (j *Judged) behave(b conform.Behaviour, confirms bool) {
	manner, refusal := map[conform.Behaviour]Manner{
		conform.Refuses: Refuses, conform.Limits: Refuses, conform.Late: Late, conform.Silent: Lost, conform.Loses: Forgets,
	}[b], &decline.Error{Text: "not today"}
	if b == conform.Limits {
		refusal.Reason = decline.LimitExceeded
	}
	j.Provider.Behave(manner, time.Hour)
	j.Provider.Keep(b == conform.Spends)
	j.Provider.Mute(b == conform.Late && confirms) // it says nothing yet, but takes back what it is told to
	j.Provider.locked(func() {
		j.Provider.refusal, j.Provider.trial = refusal, nil
		if manner == Refuses {
			j.Provider.trial = refusal
		}
	})
}

// Do implements conform.Target: it puts the message to the service in its own words, without a wire.
func (j *Judged) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	return (&through{j, j}).Do(ctx, m)
}

// Through gives a target that puts messages in words to a service that leads to this vendor, and sets the vendor up
// directly.
func (j *Judged) Through(service airtime.Service) conform.Target { return &through{j, service} }

// through is a vendor behind something else, or itself.
type through struct {
	*Judged
	service airtime.Service
}

// Do implements conform.Target.
func (t *through) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	sender := t.account(m.Account)
	t.Expect(m)
	switch {
	case m.Act != conform.Request:
		return t.advise(ctx, m, sender), nil
	case m.Kind == conform.PurchaseStatus:
		return t.status(ctx, m, sender), nil
	case m.Kind == conform.LookupMSISDN:
		return t.lookUp(ctx, m, sender), nil
	case m.Kind == conform.ListProducts:
		return t.list(ctx, m, sender), nil
	}
	return t.sell(ctx, m, sender), nil
}

func (t *through) list(ctx context.Context, m conform.Message, sender *txn.Sender) conform.Answer {
	all, err := t.service.Products(ctx, &airtime.Listing{Sender: sender, Received: t.Now(), Filter: airtime.Filter{Channel: m.Query.Channel}})
	if err != nil {
		return refused(m, err)
	}
	return conform.Answer{Status: http.StatusOK, Sale: conform.Sale{Products: idsOf(all.Offers)}}
}

// sell asks for a purchase, a voucher or a trial.
func (t *through) sell(ctx context.Context, m conform.Message, sender *txn.Sender) conform.Answer {
	ask, status := t.service.Request, http.StatusCreated
	if m.Kind == conform.Trial {
		ask, status = t.service.Trial, http.StatusOK
	}
	response, err := ask(ctx, &airtime.Request{
		Family: giftcardtest.Family(m.Kind), ID: ident.ID(m.ID), Sender: sender, Received: t.Now(), Product: m.Product,
		Amount: giftcardtest.Amount(m.Amount), Recipient: number(m.Recipient), Buyer: number(m.Buyer),
	})
	if err != nil {
		return refused(m, err)
	}
	t.mu.Lock()
	t.byRef[response.Reference] = m.Account + " " + m.ID
	t.mu.Unlock()
	a := approved(response, m.Recipient)
	a.Status, a.ID = status, m.ID
	if m.Amount != nil {
		a.Amounts.Requested = &m.Amount.Minor
	}
	return a
}

// number reads a number; what is none is left out.
func number(digits string) ident.MSISDN {
	m, _ := ident.ParseMSISDN(digits)
	return m
}

func approved(r *airtime.Response, recipient string) conform.Answer {
	a := conform.Answer{Product: new(r.Product.ID), Sale: conform.Sale{Reference: r.Reference, Provider: r.Provider, MSISDN: recipient}}
	if r.Amount != nil {
		a.Amounts.Approved = new(int64(r.Amount.Minor))
	}
	if v := r.Voucher; v != nil {
		a.Sale.Voucher = &conform.SoldVoucher{PIN: v.PIN.Reveal(), Serial: v.Serial, Batch: v.Batch}
	}
	return a
}

func (t *through) advise(ctx context.Context, m conform.Message, sender *txn.Sender) conform.Answer {
	a := txn.Advice{
		Family: giftcardtest.Family(m.Kind), Role: txn.Confirmation, ID: ident.ID(m.ID), RequestID: ident.ID(m.RequestID),
		Sender: sender, Received: t.Now(), Approved: giftcardtest.Amount(m.Approved),
	}
	if m.Act == conform.Reversal {
		a.Role = txn.Reversal
	}
	if _, err := t.service.Advise(ctx, &airtime.Advice{Advice: a}); err != nil {
		return refused(m, err)
	}
	return conform.Answer{Status: http.StatusAccepted, ID: m.ID}
}

// status gives of the request's own words what the wire would take from the kept message.
func (t *through) status(ctx context.Context, m conform.Message, sender *txn.Sender) conform.Answer {
	response, err := t.service.Status(ctx, &airtime.Query{
		Sender: sender, Received: t.Now(), ID: ident.ID(m.RequestID), Reference: m.Query.Reference, Provider: m.Query.Provider,
	})
	if err != nil {
		return refused(m, err)
	}
	t.mu.Lock()
	request := t.sent[t.byRef[response.Reference]]
	t.mu.Unlock()
	a := approved(response, request.Recipient)
	a.Status, a.ID = http.StatusOK, request.ID
	if request.Amount != nil {
		a.Amounts.Requested = &request.Amount.Minor
	}
	return a
}

func (t *through) lookUp(ctx context.Context, m conform.Message, sender *txn.Sender) conform.Answer {
	found, err := t.service.LookUp(ctx, &airtime.LookUp{
		Sender: sender, Received: t.Now(), MSISDN: number(m.Recipient), Operator: m.Query.Operator, Buyer: number(m.Buyer),
		Filter: airtime.Filter{Type: airtime.ProductType(m.Query.ProductType), Channel: m.Query.Channel, Category: m.Query.Category},
	})
	if err != nil {
		return refused(m, err)
	}
	sale := conform.Sale{MSISDN: m.Recipient, Operator: found.Asked, Products: idsOf(found.Products)}
	if found.Network != nil {
		sale.Operator = found.Network.ID
	}
	if found.Promotion != nil {
		sale.Promotion = found.Promotion.Text
	}
	return conform.Answer{Status: http.StatusOK, Sale: sale}
}

func idsOf(products []airtime.Offer) (ids []string) {
	for _, p := range products {
		ids = append(ids, p.ID)
	}
	return ids
}

// refused gives a failure as the answer that it would be on the wire: of a late request with the id of its reversal, of
// a status with that of the purchase (docs/rules.md 1.3).
func refused(m conform.Message, err error) conform.Answer {
	a := giftcardtest.Refused(m, err)
	var refusal *decline.Error
	var unknown *decline.Unknown
	switch {
	case errors.As(err, &unknown) && m.Act == conform.Request:
		a.Status, a.ErrorType = http.StatusGatewayTimeout, string(unknown.Reason)
	case errors.As(err, &refusal) && m.Kind == conform.PurchaseStatus:
		if a.OriginalID = string(refusal.Detail.RequestID); a.OriginalID == "" {
			a.OriginalID = m.RequestID + m.Query.Reference
		}
	case errors.As(err, &refusal) && refusal.Reason == decline.AccountAlreadySettled && m.Act == conform.Request:
		a.OriginalID = string(refusal.Detail.ReversalID)
	}
	if a.ErrorType == string(decline.TemporaryFailure) {
		a.ErrorType = string(decline.SystemMalfunction)
	}
	return a
}
