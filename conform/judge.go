package conform

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// judge looks for what makes no sense in one step, so that a slip of the pen is found when the script is
// read and not when it is played.
func (s Step) judge(together bool) error {
	for _, key := range []string{"amount", "approved", "points", "start", "minLoad", "maxLoad", "maxBalance",
		"pinTries", "wrongPerMinute", "book", "available", "min", "max", "discount", "count", "stock"} {
		if value, ok := s.Keys[key]; ok {
			if _, err := strconv.ParseInt(value, 10, 64); err != nil {
				return fmt.Errorf("%s=%s is not a number", key, value)
			}
		}
	}
	if times, ok := s.Keys["times"]; ok {
		if !together {
			return errors.New("times is for messages sent together")
		}
		if _, err := parseCount(times, maxTimes); err != nil {
			return err
		}
	}
	switch s.Verb {
	case "product":
		_, err := parseProduct(s.Keys)
		return err
	case "balance", "prepaid":
		if len(s.Keys) != 2 {
			return fmt.Errorf("%s states book and available", s.Verb)
		}
	case "voucher", "topup":
		_, err := parseOffer(s.Verb, s.Keys)
		return err
	case "batch":
		_, err := parseBatch(s.Keys, time.Time{})
		return err
	case "number":
		if b := Behaviour(s.Keys["topups"]); !slices.Contains(behaviours, b) {
			return fmt.Errorf("no top-ups are %s", b)
		}
	case "float", "stock":
		_, err := strconv.ParseInt(s.Names[1], 10, 64)
		return err
	case "account":
		_, err := parseVelocity(s.Keys["velocity"])
		return err
	case "advance":
		_, err := time.ParseDuration(s.Names[0])
		return err
	case "settle":
		if s.Names[1] != "confirm" && s.Names[1] != "reverse" {
			return errors.New("settle ends with confirm or reverse")
		}
	}
	if s.isAdvice() && s.Keys["of"] == "" {
		return fmt.Errorf("%s says what it is of", s.Verb)
	}
	return nil
}

// judge looks at a case as a whole: names are known where they are used, what is asserted names its rule
// and states both balances, and what looks at the wire says so. The line is that of what is wrong.
func judge(c Case) (line int, err error) {
	seen := seen{cards: map[string]bool{nobody: false}, requests: map[string]string{}, shop: map[string]bool{"unknown": true}}
	asserted := false
	for _, s := range c.Steps {
		if err := seen.step(s); err != nil {
			return s.Line, err
		}
		wire := len(s.Edits) > 0
		for _, e := range s.Expects {
			wire = wire || len(e.Checks) > 0
		}
		for _, t := range s.Together {
			wire = wire || len(t.Edits) > 0
		}
		if wire && !c.Wire {
			return s.Line, errors.New("looks at the wire, but the case is not marked wire")
		}
		asserted = asserted || len(s.Expects) > 0 || slices.Contains(looks[1:], s.Verb)
	}
	if !asserted {
		return c.Line, errors.New("the case expects nothing")
	}
	return 0, nil
}

// seen is what the steps so far have named. cards tells whether a card exists; requests gives the card of
// a request, empty when it has none that exists; shop has what airtime is sold with: products, networks, numbers, batches.
type seen struct {
	cards    map[string]bool
	requests map[string]string
	shop     map[string]bool
}

// vending judges a step that sets a vendor up, or looks at it.
func (k seen) vending(s Step) error {
	switch s.Verb {
	case "withdraw", "stock":
		if !k.shop[s.Names[0]] {
			return fmt.Errorf("there is no product %s", s.Names[0])
		}
	case "voucher", "topup", "batch", "network", "number":
		k.shop[s.Names[0]] = true
	}
	for _, key := range []string{"of", "network"} {
		if name, ok := s.Keys[key]; ok && !k.shop[name] {
			return fmt.Errorf("nothing is called %s", name)
		}
	}
	return nil
}

// sale judges the names in a message of airtime.
func (k seen) sale(s Step) error {
	for _, key := range []string{"product", "to", "from", "number"} {
		name, ok := s.Keys[key]
		if ok && !k.shop[name] && (key == "product" || !literalNumber.MatchString(name)) {
			return fmt.Errorf("nothing is called %s", name)
		}
	}
	return nil
}

func (k seen) step(s Step) error {
	switch {
	case slices.Contains(sellVerbs, s.Verb) || s.Verb == "stock":
		return k.vending(s)
	case s.Verb == "card":
		k.cards[s.Names[0]] = true
	case slices.Contains([]string{"freeze", "unfreeze", "unlock", "expire", "active", "balance"}, s.Verb):
		if !k.cards[s.Names[0]] {
			return fmt.Errorf("there is no card %s", s.Names[0])
		}
	case s.Verb == "together":
		return k.together(s)
	case s.isMessage():
		card, err := k.message(s)
		if err != nil {
			return err
		}
		return s.states(card)
	}
	return nil
}

func (k seen) together(s Step) error {
	for _, t := range s.Together {
		if _, err := k.message(t); t.isMessage() && err != nil {
			return err
		}
	}
	if len(s.Expects) == 0 || len(s.Together) == 0 {
		return errors.New("together wants messages, and an arrow after its end")
	}
	if len(s.Rules) == 0 {
		return errors.New("names no rule")
	}
	total := 0
	for _, t := range s.Together {
		if t.isMessage() {
			total += t.times()
		}
	}
	for _, e := range s.Expects {
		n := 0
		for _, c := range e.Counts {
			n += c.N
		}
		if n != total {
			return fmt.Errorf("%d messages cannot have %d answers", total, n)
		}
	}
	return nil
}

// message returns the card whose balances the answer speaks of, empty when there is none.
func (k seen) message(s Step) (string, error) {
	if Kind(s.Verb).airtime() {
		if name := s.Keys["id"]; name != "" {
			k.requests[name] = "" // which stands for no card
		}
		return "", k.sale(s)
	}
	for _, key := range []string{"card", "to"} {
		if name, ok := s.Keys[key]; ok {
			if _, known := k.cards[name]; !known {
				return "", fmt.Errorf("there is no card %s", name)
			}
		}
	}
	card := s.Keys[mainCard(Kind(s.Verb))]
	if s.isAdvice() {
		known := false
		if card, known = k.requests[s.Keys["of"]]; !known && s.Keys["kind"] == "" {
			return "", fmt.Errorf("%s was never sent: say of what kind it is", s.Keys["of"])
		}
	}
	if !k.cards[card] {
		card = ""
	}
	if _, sent := k.requests[s.Keys["id"]]; !sent && s.Keys["id"] != "" && !s.isAdvice() {
		k.requests[s.Keys["id"]] = card
	}
	return card, nil
}

// mainCard is the field of the card whose balances the answer to a request states.
func mainCard(kind Kind) string {
	if kind == Replace {
		return "to"
	}
	return "card"
}

// states judges the expectation of a message: it names a rule, and both balances when a card is concerned.
func (s Step) states(card string) error {
	if len(s.Expects) == 0 {
		return nil
	}
	if len(s.Rules) == 0 {
		return errors.New("names no rule")
	}
	e := s.Expects[0]
	for key := range e.Keys {
		if name, of, other := strings.Cut(key, "."); other && e.Keys[name+".book"]+e.Keys[name+".available"] == e.Keys[key] {
			return fmt.Errorf("%s.%s is stated alone", name, of)
		}
	}
	if outcome := e.Counts[0].Outcome; card == "" || outcome != Approved && outcome != Accepted && outcome != Declined {
		return nil
	}
	if e.Keys["book"] == "" || e.Keys["available"] == "" {
		return fmt.Errorf("does not state both balances of %s", card)
	}
	return nil
}

// times is how often the message is sent.
func (s Step) times() int {
	n, err := strconv.Atoi(s.Keys["times"])
	if err != nil {
		return 1
	}
	return n
}

// parseProduct reads the keys of a product, all but its id.
func parseProduct(keys map[string]string) (Product, error) {
	p := Product{Currency: or(keys["currency"], defaultCurrency), Opening: keys["opening"],
		Start:   number(keys["start"]),
		MinLoad: number(keys["minLoad"]), MaxLoad: number(keys["maxLoad"]), MaxBalance: number(keys["maxBalance"]),
		PINTries: number(keys["pinTries"])}
	if p.Opening != "" && !slices.Contains([]string{"sum", "fixed", "requested"}, p.Opening) {
		return Product{}, fmt.Errorf("no opening is called %q", p.Opening)
	}
	for key, flag := range map[string]*bool{"singleLoad": &p.SingleLoad, "singleUse": &p.SingleUse,
		"pinRequired": &p.PINRequired, "replaceFrozen": &p.ReplaceFrozen} {
		switch keys[key] {
		case "yes":
			*flag = true
		case "", "no":
		default:
			return Product{}, fmt.Errorf("%s is yes or no", key)
		}
	}
	var err error
	p.Velocity, err = parseVelocity(keys["velocity"])
	return p, err
}

// parseVelocity reads "redeem 3/24h, load amount 5000/24h": a kind, a number of requests or an amount, a time.
func parseVelocity(text string) ([]Velocity, error) {
	var all []Velocity
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		words := strings.Fields(part)
		bound, in, _ := strings.Cut(words[len(words)-1], "/")
		n, err := strconv.ParseInt(bound, 10, 64)
		d, err2 := time.ParseDuration(in)
		v := Velocity{Kind: Kind(words[0]), Count: n, In: d}
		if len(words) == 3 && words[1] == "amount" {
			v.Count, v.Amount = 0, n
		} else if len(words) != 2 {
			err = errors.New("too many words")
		}
		if _, known := kindNames[v.Kind]; !known || err != nil || err2 != nil {
			return nil, fmt.Errorf("velocity %q is not like redeem 3/24h or load amount 5000/24h", part)
		}
		all = append(all, v)
	}
	return all, nil
}

// number reads a number that may be absent, which counts as zero. The text has been judged before.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// optional reads a number that may be absent. The text has been judged before.
func optional(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// or returns the first text, or the second when that is empty.
func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
