package conform

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// defaultCurrency is the currency of what does not name one.
const defaultCurrency = "710"

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
}

// heldCard is a card of the case: what the script says of it, and what the target gave.
type heldCard struct {
	Card
	spec    CardSpec
	product string
}

// sentRequest is what an advice has to know of its request: its kind and the card whose balances count.
type sentRequest struct {
	kind Kind
	card string
}

func newRun(target Target, o Options, file string) *run {
	setup, ok := target.(Setup)
	if !ok {
		setup = NoSetup{}
	}
	return &run{target: target, setup: setup, options: o, file: file, account: "a", names: map[string]string{},
		products: map[string]Product{}, cards: map[string]*heldCard{}, requests: map[string]sentRequest{}}
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
	}
	if err := r.prepare(ctx, s); err != nil {
		return fmt.Errorf("line %d: %s: %w", s.Line, s.Verb, err)
	}
	return nil
}

// prepare does what the contract has no message for.
func (r *run) prepare(ctx context.Context, s Step) error {
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
	if len(s.Expects) == 0 {
		return r.found(s, &m, r.succeeded(m, answer))
	}
	e := s.Expects[0]
	problems := append(r.judge(m, answer, e), r.onWire(m, answer, e)...)
	for _, name := range concerned(card, e.Keys) {
		prefix := ""
		if name != card {
			prefix = name + "."
		}
		problems = append(problems, r.balance(ctx, name, e.Keys[prefix+"book"], e.Keys[prefix+"available"])...)
	}
	return r.found(s, &m, problems)
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
	return nil
}

func (r *run) do(ctx context.Context, m Message) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	return r.target.Do(ctx, m)
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

// together sends messages at the same time and compares the answers as a whole.
func (r *run) together(ctx context.Context, s Step) error {
	messages, err := r.messages(s)
	if err != nil {
		return fmt.Errorf("line %d: %w", s.Line, err)
	}
	answers, errs := r.sendAll(ctx, messages)
	var problems []problem
	got := map[string]int{}
	for i, answer := range answers {
		if errs[i] != nil {
			got["no answer"]++
			continue
		}
		got[outcomeOf(answer).label()]++
		problems = append(problems, r.onWire(messages[i], answer, Expect{Counts: []Count{outcomeOf(answer)}})...)
	}
	if !slices.ContainsFunc(s.Expects, func(e Expect) bool { return e.matches(got) }) {
		var want []string
		for _, e := range s.Expects {
			want = append(want, strings.TrimSpace(strings.TrimPrefix(e.Text, "->")))
		}
		problems = append(problems, problem{strings.Join(want, " or "), showCounts(got)})
	}
	return r.found(s, nil, problems)
}

// messages builds what a together block sends.
func (r *run) messages(s Step) ([]Message, error) {
	account := r.account
	defer func() { r.account = account }()
	var all []Message
	for _, t := range s.Together {
		if t.Verb == "as" {
			r.account = t.Names[0]
			continue
		}
		for range t.times() {
			m, _, err := r.message(t)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// sendAll sends all messages from a common start.
func (r *run) sendAll(ctx context.Context, messages []Message) ([]Answer, []error) {
	answers, errs := make([]Answer, len(messages)), make([]error, len(messages))
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, m := range messages {
		all.Go(func() {
			<-start
			answers[i], errs[i] = r.do(ctx, m)
		})
	}
	close(start)
	all.Wait()
	return answers, errs
}

// outcomeOf is an answer as a together block counts it.
func outcomeOf(a Answer) Count {
	c := Count{N: 1, Outcome: a.outcome(), Type: a.ErrorType}
	if c.Outcome == Unknown {
		c.Status = a.Status
	}
	return c
}

// label is what a count counts.
func (c Count) label() string {
	c.N = 1
	return strings.TrimPrefix(c.String(), "1 ")
}

// matches says whether the answers are just those expected.
func (e Expect) matches(got map[string]int) bool {
	want := map[string]int{}
	for _, c := range e.Counts {
		if c.N > 0 {
			want[c.label()] += c.N
		}
	}
	if len(want) != len(got) {
		return false
	}
	for label, n := range want {
		if got[label] != n {
			return false
		}
	}
	return true
}

func showCounts(got map[string]int) string {
	var all []string
	for label, n := range got {
		all = append(all, fmt.Sprintf("%d %s", n, label))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
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
		failure := Failure{File: r.file, Line: s.Line, Rules: s.Rules, Expected: s.Text, Got: clean(p.came, m)}
		if m != nil {
			failure.Sent = m.String()
		}
		if len(s.Expects) > 0 {
			failure.Line, failure.Expected = s.Expects[0].Line, s.Expects[0].Text
		}
		if p.want != "" {
			failure.Expected = clean(p.want, m)
		}
		f.failures = append(f.failures, failure)
	}
	return f
}

var longNumber = regexp.MustCompile(`[0-9]{11,19}`)

// clean masks what may be a PAN, and takes out the PINs that were sent.
func clean(text string, m *Message) string {
	text = longNumber.ReplaceAllStringFunc(text, maskPAN)
	if m == nil {
		return text
	}
	for _, secret := range m.secrets() {
		text = strings.ReplaceAll(text, string(quote(secret)), `"***"`)
	}
	return text
}

// message builds the message of a step, and names the card whose balances the answer states.
func (r *run) message(s Step) (m Message, card string, err error) {
	m = Message{Act: Request, Account: or(s.Keys["by"], r.account), ID: r.name(s.Keys["id"]), Time: r.clock()}
	m.Edits = r.fillEdits(s.Edits)
	if s.isAdvice() {
		card = r.advice(s, &m)
		return m, card, nil
	}
	m.Kind = Kind(s.Verb)
	card = s.Keys[mainCard(m.Kind)]
	if err := r.request(s, &m); err != nil {
		return Message{}, "", err
	}
	if _, sent := r.requests[s.Keys["id"]]; !sent && s.Keys["id"] != "" {
		r.requests[s.Keys["id"]] = sentRequest{kind: m.Kind, card: card}
	}
	return m, card, nil
}

func (r *run) advice(s Step, m *Message) (card string) {
	request := r.requests[s.Keys["of"]]
	m.Kind, m.RequestID = Kind(or(s.Keys["kind"], string(request.kind))), r.name(s.Keys["of"])
	m.Act = Confirmation
	if s.Verb == "reverse" {
		m.Act, m.Reason = Reversal, or(s.Keys["reason"], "TIMEOUT")
	}
	m.Approved = amount(s.Keys["approved"], or(s.Keys["currency"], r.currency(request.card)))
	return request.card
}

func (r *run) request(s Step, m *Message) error {
	card := s.Keys["card"]
	m.Card = r.cardField(card, s.Keys["expiry"])
	r.giveDefaults(s, m, card)
	m.Target = r.cardField(s.Keys["to"], s.Keys["toExpiry"])
	if m.Target != nil {
		m.Target.ClearPIN = s.Keys["toPin"]
	}
	m.Holder = nil
	if m.Kind == Lookup {
		m.Holder = r.holder(s.Keys)
	}
	if m.Kind == Activate || s.Keys["product"] != "" {
		name := or(s.Keys["product"], r.productOf(card))
		if name == "" {
			return fmt.Errorf("%s has no product", card)
		}
		m.Product = r.name(name)
	}
	m.Points = optional(s.Keys["points"])
	return nil
}

// giveDefaults fills in PIN and amount. A PIN that the script gives the card when it sets it up stands for
// the one that the target's card has.
func (r *run) giveDefaults(s Step, m *Message, card string) {
	m.Amount = amount(s.Keys["amount"], or(s.Keys["currency"], r.currency(card)))
	if m.Card == nil {
		return
	}
	m.Card.ClearPIN, m.Card.EncryptedPIN = s.Keys["pin"], s.Keys["encryptedPin"]
	if held := r.cards[card]; held != nil {
		m.Card.ClearPIN = stands(m.Card.ClearPIN, held.spec.ClearPIN, held.ClearPIN)
		m.Card.EncryptedPIN = stands(m.Card.EncryptedPIN, held.spec.EncryptedPIN, held.EncryptedPIN)
	}
	if object, ok := s.Keys["pinObject"]; ok {
		kind, value, _ := strings.Cut(object, ":")
		m.Card.PIN = &PIN{Type: kind, Value: r.fill(value)}
	}
}

// stands returns the actual PIN for the one of the script, and any other as it is.
func stands(text, script, actual string) string {
	if text == script {
		if text == "" {
			return ""
		}
		return actual
	}
	return text
}

func amount(minor, currency string) *Amount {
	n := optional(minor)
	if n == nil {
		return nil
	}
	return &Amount{Minor: *n, Currency: currency}
}

// cardField is what a message says about a card: its PAN and, unless told otherwise, its expiry.
func (r *run) cardField(name, expiry string) *Card {
	if name == "" {
		return nil
	}
	c := Card{PAN: unknownPAN, Expiry: "4010"}
	if held := r.cards[name]; held != nil {
		c = Card{PAN: held.PAN, Expiry: held.Expiry}
	}
	switch expiry {
	case "":
	case "none":
		c.Expiry = ""
	case "wrong":
		c.Expiry = anotherMonth(c.Expiry)
	default:
		c.Expiry = expiry
	}
	return &c
}

// unknownPAN is a number that no issuer has given to a card: its range is not assigned.
const unknownPAN = "0000001111111111116"

// anotherMonth is a date of the same year that differs.
func anotherMonth(expiry string) string {
	if len(expiry) != 4 || expiry[2:] == "12" {
		return "4011"
	}
	return expiry[:2] + "12"
}

func (r *run) currency(card string) string {
	if held := r.cards[card]; held != nil {
		return held.spec.Currency
	}
	return defaultCurrency
}

func (r *run) productOf(card string) string {
	if held := r.cards[card]; held != nil {
		return held.product
	}
	return ""
}

// holder gives the names of a card holder fresh values of the right form, the same for the same name.
func (r *run) holder(keys map[string]string) *Holder {
	h := Holder{}
	if name := keys["profile"]; name != "" {
		h.ProfileID = r.name(name)
	}
	if name := keys["msisdn"]; name != "" {
		if r.names[name] == "" {
			r.names[name] = "+27" + randomDigits(9)
		}
		h.MSISDN = r.names[name]
	}
	if name := keys["email"]; name != "" {
		if r.names[name] == "" {
			r.names[name] = randomText() + "@example.org"
		}
		h.Email = r.names[name]
	}
	if h == (Holder{}) {
		return nil
	}
	return &h
}

// name returns what a name of the script stands for, a fresh id when it is new, or when there is none.
func (r *run) name(name string) string {
	if name == "" {
		return newID()
	}
	if _, known := r.names[name]; !known {
		r.names[name] = newID()
		if name == "unknown" {
			r.names[name] = "unknown" + randomText() // of letters and digits, as the id of a product is
		}
	}
	return r.names[name]
}

var placeholder = regexp.MustCompile(`\{[a-z][A-Za-z0-9]*(\.[a-z]+)?\}`)

// fill puts values in the place of {names}.
func (r *run) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name, part, _ := strings.Cut(strings.Trim(match, "{}"), ".")
		if name == "random" {
			return randomText()
		}
		card := r.cards[name]
		switch {
		case card == nil:
			return r.name(name)
		case part == "pin":
			return card.ClearPIN
		case part == "encrypted":
			return card.EncryptedPIN
		case part == "expiry":
			return card.Expiry
		case part == "masked":
			return maskPAN(card.PAN)
		}
		return card.PAN
	})
}

func (r *run) fillEdits(edits []Edit) []Edit {
	filled := slices.Clone(edits)
	for i := range filled {
		filled[i].Text = r.fill(filled[i].Text)
	}
	return filled
}

// clock is the sender's time. It ends in .120 so that a server which trims zeros is found out by every
// message (rule C8).
func (r *run) clock() string { return r.options.Now().UTC().Format("2006-01-02T15:04:05") + ".120Z" }

// newID is a random UUID, version 4.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// randomText is twelve fresh characters, each a digit or a letter.
func randomText() string { return strings.ReplaceAll(newID(), "-", "")[:12] }

func randomDigits(n int) string {
	var b strings.Builder
	for range n {
		digit, err := rand.Int(rand.Reader, big.NewInt(10))
		if err != nil {
			panic(err) // the system's random source does not fail
		}
		b.WriteString(digit.String())
	}
	return b.String()
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// shown is an amount for a report.
func shown(n *int64) string {
	if n == nil {
		return "absent"
	}
	return decimal(*n)
}
