package conform

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// run plays one case: it knows what the script's names stand for.
type run struct {
	target  Target
	setup   Setup
	options Options
	file    string
	account string
	// names gives ids, products and holders their fresh values.
	names    map[string]string
	products map[string]Product
	cards    map[string]*heldCard
	// requests holds what was sent first under each id; a duplicate does not take its place.
	requests map[string]sentRequest

	vendor Vendor
	offers map[string]Offer
	// answers holds what requests of airtime were answered; sold and pins, which vouchers were.
	answers    map[string]Answer
	sold, pins map[string]bool
}

// heldCard is a card of the case: what the script says of it, and what the target gave.
type heldCard struct {
	Card
	spec    CardSpec
	product string
}

// sentRequest is what an advice has to know of its request: its kind, and the card whose balances count or the product
// whose stock does.
type sentRequest struct {
	kind          Kind
	card, product string
}

func newRun(target Target, o Options, file string) *run {
	setup, ok := target.(Setup)
	if !ok {
		setup = NoSetup{}
	}
	vendor, ok := target.(Vendor)
	if !ok {
		vendor = NoVendor{}
	}
	return &run{target: target, setup: setup, options: o, file: file, account: "a", names: map[string]string{},
		products: map[string]Product{}, cards: map[string]*heldCard{}, requests: map[string]sentRequest{},
		vendor: vendor, offers: map[string]Offer{}, answers: map[string]Answer{}, sold: map[string]bool{}, pins: map[string]bool{}}
}

// play plays the steps until one fails.
func (r *run) play(ctx context.Context, c Case) error {
	if err := r.setup.Begin(ctx); err != nil {
		return err
	}
	for _, s := range c.Steps {
		if err := r.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) step(ctx context.Context, s Step) error {
	switch {
	case s.Verb == "together":
		return r.together(ctx, s)
	case s.isMessage():
		return r.exchange(ctx, s)
	}
	switch s.Verb {
	case "as":
		r.account = s.Names[0]
		return nil
	case "call":
		r.names[s.Names[0]] = r.fill(s.Names[1])
		return nil
	case "active":
		return r.activate(ctx, s)
	case "balance":
		return r.found(s, nil, r.balance(ctx, s.Names[0], s.Keys["book"], s.Keys["available"]))
	case "stock":
		return r.looked(s)(r.stock(ctx, s.Names[0], s.Names[1]))
	case "prepaid":
		return r.looked(s)(r.prepaid(ctx, s.Names[0], s.Keys["book"]+"/"+s.Keys["available"]))
	}
	if err := r.prepare(ctx, s); err != nil {
		return fmt.Errorf("line %d: %s: %w", s.Line, s.Verb, err)
	}
	return nil
}

// exchange sends one message and judges its answer, and the balances after it.
func (r *run) exchange(ctx context.Context, s Step) error {
	m, card, err := r.message(s)
	if err != nil {
		return fmt.Errorf("line %d: %w", s.Line, err)
	}
	answer, err := r.do(ctx, m)
	if err != nil {
		return r.found(s, &m, []problem{{came: "no answer: " + err.Error()}})
	}
	r.remember(s, m, answer)
	if len(s.Expects) == 0 {
		return r.found(s, &m, r.succeeded(m, answer))
	}
	e := s.Expects[0]
	problems := append(r.judge(m, answer, e), r.onWire(m, answer, e)...)
	counts, err := r.counted(ctx, r.productFor(s), r.account, e.Keys)
	if err != nil {
		return fmt.Errorf("line %d: %w", s.Line, err)
	}
	problems = append(problems, counts...)
	for _, name := range concerned(card, e.Keys) {
		prefix := ""
		if name != card {
			prefix = name + "."
		}
		problems = append(problems, r.balance(ctx, name, e.Keys[prefix+"book"], e.Keys[prefix+"available"])...)
	}
	return r.found(s, &m, problems)
}

// looked gives what a look at the vendor found as the step's end.
func (r *run) looked(s Step) func([]problem, error) error {
	return func(problems []problem, err error) error {
		if err != nil {
			return fmt.Errorf("line %d: %w", s.Line, err)
		}
		return r.found(s, nil, problems)
	}
}

// productFor names the airtime product that a message is about.
func (r *run) productFor(s Step) string {
	if s.isAdvice() || s.Verb == string(PurchaseStatus) {
		return r.requests[s.Keys["of"]].product
	}
	return s.Keys["product"]
}

// concerned lists the cards whose balances the expectation states: the message's own, then others by name.
func concerned(card string, keys map[string]string) []string {
	var names []string
	if card != "" && keys["book"] != "" {
		names = append(names, card)
	}
	for key := range keys {
		if name, ok := strings.CutSuffix(key, ".book"); ok {
			names = append(names, name)
		}
	}
	return names
}

// succeeded judges a step that only prepares.
func (r *run) succeeded(m Message, answer Answer) []problem {
	want := Approved
	if m.Act != Request {
		want = Accepted
	}
	if answer.outcome() != want {
		return []problem{{string(want), answer.String()}}
	}
	if m.Kind.airtime() && m.Act == Request {
		return r.judgeSale(m, answer, nil)
	}
	return nil
}

func (r *run) do(ctx context.Context, m Message) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	answer, err := r.target.Do(ctx, m)
	answer.query = m.Kind.query()
	return answer, err
}

// balance looks a card up and compares both its balances.
func (r *run) balance(ctx context.Context, name, book, available string) []problem {
	card := r.cards[name]
	m := Message{Kind: Lookup, Act: Request, Account: r.watcher(), ID: newID(), Time: r.clock(),
		Card: &Card{PAN: card.PAN, Expiry: card.Expiry}}
	answer, err := r.do(ctx, m)
	if err != nil {
		return []problem{{"a look-up of " + name + " afterwards", "no answer: " + err.Error()}}
	}
	if answer.outcome() != Approved {
		return []problem{{"a look-up of " + name + " afterwards", answer.String()}}
	}
	want := map[string]string{"book": book, "available": available}
	var problems []problem
	for _, a := range answer.Amounts.members() {
		if expected := want[a.name]; expected != "" && shown(a.value) != expected {
			problems = append(problems, problem{a.name + "=" + expected + " of " + name + " afterwards", shown(a.value)})
		}
	}
	return problems
}

// watcher is the account that looks balances up: the one that is acting, if it is one of the first two,
// which see everything. In the compatibility profile it must be that one, for the card is in its world.
func (r *run) watcher() string {
	if r.account == "b" {
		return "b"
	}
	return "a"
}

// activate brings a card into use with two messages, which must succeed.
func (r *run) activate(ctx context.Context, s Step) error {
	id := "active " + s.Names[0]
	keys := map[string]string{"id": id, "card": s.Names[0]}
	for key, value := range s.Keys {
		keys[key] = value
	}
	request := Step{Line: s.Line, Text: s.Text, Verb: string(Activate), Keys: keys}
	if err := r.exchange(ctx, request); err != nil {
		return err
	}
	return r.exchange(ctx, Step{Line: s.Line, Text: s.Text, Verb: "confirm", Keys: map[string]string{"of": id}})
}

// problem is one thing expected, and what came instead. Without want, it is the step's whole expectation
// that was not met.
type problem struct{ want, came string }

// found turns problems into the error that ends a case; without problems it is nil.
func (r *run) found(s Step, m *Message, problems []problem) error {
	if len(problems) == 0 {
		return nil
	}
	f := &findings{}
	for _, p := range problems {
		failure := Failure{File: r.file, Line: s.Line, Rules: s.Rules, Expected: s.Text, Got: r.clean(p.came, m)}
		if m != nil {
			failure.Sent = m.String()
		}
		if len(s.Expects) > 0 {
			failure.Line, failure.Expected = s.Expects[0].Line, s.Expects[0].Text
		}
		if p.want != "" {
			failure.Expected = r.clean(p.want, m)
		}
		f.failures = append(f.failures, failure)
	}
	return f
}

var longNumber = regexp.MustCompile(`[0-9]{11,19}`)

// clean masks what may be a PAN, and takes out the PINs that were sent or sold.
func (r *run) clean(text string, m *Message) string {
	secrets := slices.Collect(maps.Keys(r.pins))
	if m != nil {
		secrets = append(secrets, m.secrets()...)
	}
	for pin := range r.pins {
		text = strings.ReplaceAll(text, pin, "***")
	}
	text = longNumber.ReplaceAllStringFunc(text, maskPAN)
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, string(quote(secret)), `"***"`)
	}
	return text
}

// shown is an amount for a report.
func shown(n *int64) string {
	if n == nil {
		return "absent"
	}
	return decimal(*n)
}
