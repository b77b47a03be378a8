package airtime_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// pair is a vendor and a model that hear the same.
type pair struct {
	*shop
	model   *model
	heard   map[string]int // answers, so that no kind of them is missed
	forgets bool           // the vendor prunes, and has no answer any more for some purchases that stand
}

func newPair(t testing.TB, heard map[string]int) *pair {
	s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout})
	s.sell(airtime.Product{ID: "plain", Values: []money.Amount{rand(100)}})
	s.sell(airtime.Product{ID: "back", Values: []money.Amount{rand(50)}, Returned: airtime.ToStock})
	s.topUp = s.sell(airtime.Product{
		ID: "topup", TopUp: true, Provider: airtimetest.ProviderName, Discount: 1000, Limits: []airtime.Limit{{Currency: 710, Min: 10, Max: 200}},
	})
	s.prepaid(300)
	p := &pair{s, &model{
		now: s.Now(), can: s.Provider.Can(), purse: 300,
		shelves: map[string][]int{}, requests: map[string]*modelPurchase{}, early: map[string]bool{},
	}, heard, false}
	for _, id := range []string{"plain", "back"} {
		p.fill(id, 3)
	}
	return p
}

// fill brings vouchers into stock. Each shelf counts its own.
func (p *pair) fill(id string, count int) {
	kept, _ := p.Catalogue.ProductByID(ident.Production, id)
	batch, err := p.Deliver(context.Background(), kept, count, time.Time{})
	p.must(err)
	for n := range count {
		p.model.shelves[id] = append(p.model.shelves[id], int(batch)*100+n)
	}
}

func (p *pair) agree(t *rapid.T, what, got, want string) {
	p.heard[what+": "+got]++
	if got != want {
		t.Fatalf("%s: %s, the model says %s", what, got, want)
	}
}

// some draws an id: of a purchase that was sent, or of one that was not yet.
func (p *pair) some(t *rapid.T) string {
	return fmt.Sprint("p", rapid.IntRange(0, len(p.model.requests)).Draw(t, "of"))
}

// its draws the account that sent a purchase, and now and then another.
func (p *pair) its(t *rapid.T, id string) string {
	r := p.model.requests[id]
	if r == nil || rapid.IntRange(0, 9).Draw(t, "any account") == 0 {
		return rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account")
	}
	return r.account
}

func (p *pair) buyOne(t *rapid.T) {
	id, account := fmt.Sprint("p", len(p.model.requests)), rapid.SampledFrom([]string{"a", "a", "b"}).Draw(t, "account")
	if rapid.IntRange(0, 9).Draw(t, "repeat") == 0 {
		id = p.some(t)
	}
	product := rapid.SampledFrom([]string{"plain", "back", "topup", "topup", "topup", "nothing"}).Draw(t, "product")
	amount := int64(0)
	if product == "topup" || rapid.IntRange(0, 5).Draw(t, "named") == 0 {
		amount = rapid.SampledFrom([]int64{100, 100, 50, 10, 200, 9, 201, 77}).Draw(t, "amount")
	}
	r := &airtime.Request{Family: txn.Purchase, ID: ident.ID(id), Sender: p.Named(account), Received: p.Now(), Product: product, Recipient: msisdn(numberOne)}
	if amount != 0 {
		r.Amount = new(rand(amount))
	}
	if p.model.requests[id] == nil && !p.model.early[account+id] { // a trial tells what the purchase will be told, but for its provider
		_, err := p.Trial(context.Background(), r)
		defer func(trial string) {
			if kept := p.model.requests[id]; kept.state == "declined" && !kept.refused != (trial != good) {
				t.Fatalf("the trial was told %s, the purchase %s", trial, kept.reason)
			}
		}(word(err))
	}
	response, err := p.Request(context.Background(), r)
	p.agree(t, "purchase", word(err), p.model.request(id, account, product, amount))
	if err == nil && response.Voucher != nil {
		batch, place := p.model.requests[id].voucher/100, p.model.requests[id].voucher%100
		p.agree(t, "serial", fmt.Sprint(response.Voucher.Serial == airtimetest.Serial(int32(batch), place)), "true")
	}
}

func (p *pair) adviseOne(t *rapid.T) {
	of := p.some(t)
	account, reversal := p.its(t, of), rapid.Bool().Draw(t, "reversal")
	a := &airtime.Advice{Advice: txn.Advice{
		Family: txn.Purchase, Role: txn.Confirmation, ID: ident.ID("k" + of), RequestID: ident.ID(of), Sender: p.Named(account), Received: p.Now(),
	}}
	if reversal {
		a.Role, a.ID = txn.Reversal, ident.ID("w"+of)
	}
	if rapid.Bool().Draw(t, "new id") {
		a.ID = newID()
	}
	p.agree(t, a.Role.String(), advised(p.Advise(context.Background(), a)), p.model.advice(account, of, reversal))
}

func (p *pair) settleOne(t *rapid.T) {
	of := p.some(t)
	account, reversal := p.its(t, of), rapid.Bool().Draw(t, "reversal")
	act := airtime.Settlement{
		World: ident.Production, Family: txn.Purchase, RequestID: ident.ID(of), Role: txn.Confirmation, ID: newID(), At: p.Now(),
		Sender: p.Named(account), Note: func(airtime.Tx, int64) error { return nil },
	}
	if reversal {
		act.Role = txn.Reversal
	}
	p.agree(t, "settlement", word(p.Settle(context.Background(), act)), p.model.settle(account, of, reversal))
}

func (p *pair) askOne(t *rapid.T) {
	of := p.some(t)
	account := p.its(t, of)
	_, err := p.Status(context.Background(), &airtime.Query{Sender: p.Named(account), Received: p.Now(), ID: ident.ID(of)})
	want := p.model.status(account, of)
	if p.forgets && p.state(of).Pruned && want == good {
		p.agree(t, "status of what was pruned", word(err), "unknown")
		return
	}
	p.agree(t, "status", word(err), want)
}

func (p *pair) changeProvider(t *rapid.T) {
	p.model.manner = rapid.SampledFrom([]airtimetest.Manner{airtimetest.Prompt, airtimetest.Prompt, airtimetest.Breaks, airtimetest.Drops, airtimetest.Refuses}).Draw(t, "manner")
	p.model.can = airtime.Capabilities{Status: rapid.Bool().Draw(t, "status"), Reverses: rapid.Bool().Draw(t, "reverses")}
	p.model.mute, p.model.keeps = rapid.IntRange(0, 4).Draw(t, "mute") == 0, rapid.IntRange(0, 4).Draw(t, "keeps") == 0
	p.Provider.Behave(p.model.manner, 0)
	p.Provider.Able(p.model.can)
	p.Provider.Mute(p.model.mute)
	p.Provider.Keep(p.model.keeps)
}

func (p *pair) payIn(t *rapid.T) {
	amount := rapid.Int64Range(1, 200).Draw(t, "amount")
	p.must(p.Deposit(context.Background(), p.Named("a").Account, rand(amount)))
	p.model.purse += amount
}

func (p *pair) moveClock(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{time.Second, timeout, 2 * timeout}).Draw(t, "by")
	p.Advance(d)
	p.model.now = p.model.now.Add(d)
}

// several does some things one after the other, mostly such that messages meet.
func (p *pair) several(t *rapid.T) {
	steps := []func(*rapid.T){
		p.buyOne, p.buyOne, p.buyOne, p.buyOne, p.adviseOne, p.adviseOne, p.adviseOne, p.settleOne, p.askOne, p.askOne,
		p.changeProvider, p.payIn, p.moveClock, p.sweepOnce, p.fillOne, func(*rapid.T) { p.Crash() },
	}
	for range 8 {
		steps[rapid.IntRange(0, len(steps)-1).Draw(t, "step")](t)
	}
}

func (p *pair) sweepOnce(t *rapid.T) {
	p.agree(t, "sweep", fmt.Sprint(p.resolve()), fmt.Sprint(p.model.sweep()))
}

func (p *pair) fillOne(t *rapid.T) {
	p.fill(rapid.SampledFrom([]string{"plain", "back"}).Draw(t, "product"), 1)
}

// compare wants stock, float, states and the provider to be the model's.
func (p *pair) compare(t *rapid.T) {
	p.agree(t, "float", p.float(), fmt.Sprintf("book %d available %d", p.model.purse, p.model.purse))
	for id, shelf := range p.model.shelves {
		kept, _ := p.Catalogue.ProductByID(ident.Production, id)
		count, err := p.InStock(context.Background(), kept)
		p.must(err)
		p.agree(t, "stock", fmt.Sprint(count), fmt.Sprint(len(shelf)))
	}
	for id, r := range p.model.requests {
		p.agree(t, "state", p.state(id).State.String(), r.state)
		if p.Provider.Asked(ident.ID(id)) > 1 || (p.Provider.Credited(ident.ID(id)) == 1) != r.credited {
			t.Fatalf("%s is credited %d times after %d orders; the model says %t", id, p.Provider.Credited(ident.ID(id)), p.Provider.Asked(ident.ID(id)), r.credited)
		}
	}
}

// Whatever is sent in whatever order, with restarts between, the vendor answers as the model does.
func TestTheVendorAgreesWithTheModel(t *testing.T) {
	heard := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		p := newPair(t, heard)
		rt.Repeat(map[string]func(*rapid.T){"steps": p.several, "": p.compare})
		p.booksAreRight()
		p.Stop()
	})
	for _, answer := range []string{
		"purchase: good", "purchase: unknown", "purchase: DECLINED_BY_MNO", "purchase: OUT_OF_STOCK", "purchase: INSUFFICIENT_FUNDS",
		"purchase: DUPLICATE_RECORD", "purchase: INVALID_AMOUNT", "purchase: ACCOUNT_ALREADY_SETTLED", "purchase: INVALID_PRODUCT",
		"confirmation: good", "confirmation: undecided", "confirmation: GENERAL_ERROR", "confirmation: ACCOUNT_ALREADY_SETTLED",
		"reversal: good", "reversal: undecided", "reversal: TRANSACTION_NOT_SUPPORTED", "reversal: ACCOUNT_ALREADY_SETTLED",
		"reversal: GENERAL_ERROR", "reversal: UNABLE_TO_LOCATE_RECORD", "settlement: good",
		"settlement: TRANSACTION_NOT_SUPPORTED", "status: good", "status: unknown", "status: UPSTREAM_UNAVAILABLE",
		"sweep: 0", "sweep: 1", "state: working", "state: reversing",
	} {
		if heard[answer] == 0 && !testing.Short() {
			t.Errorf("never heard: %s", answer)
		}
	}
}
