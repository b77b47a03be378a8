package router

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// routes reads routes, one in a line: a name, and conditions as key=value,value.
func routes(t testing.TB, text string) (all []Route) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fields := strings.Fields(line)
		r := Route{Name: fields[0], To: []string{fields[0]}}
		for _, field := range fields[1:] {
			key, value, _ := strings.Cut(field, "=")
			condition(t, &r, key, strings.Split(value, ","))
		}
		all = append(all, r)
	}
	return all
}

func condition(t testing.TB, r *Route, key string, values []string) {
	t.Helper()
	switch key {
	case "interface":
		r.Interface = Interface(values[0])
	case "operations":
		for _, v := range values {
			r.Operations = append(r.Operations, Operation(v))
		}
	case "accounts":
		r.Accounts = values
	case "cards":
		for _, v := range values {
			r.Cards = append(r.Cards, cardRange(t, v))
		}
	case "msisdns":
		for _, v := range values {
			r.MSISDNs = append(r.MSISDNs, cardRange(t, v))
		}
	case "products":
		r.Products = values
	case "providers":
		r.Providers = values
	case "channels":
		r.Channels = values
	case "to":
		r.To = values
	default:
		t.Fatalf("what is %s?", key)
	}
}

// message reads what routes look at: an operation, and key=value.
func message(t testing.TB, text string) *words {
	t.Helper()
	fields := strings.Fields(text)
	w := &words{operation: Operation(fields[0])}
	for _, field := range fields[1:] {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "account":
			w.account = value
		case "card":
			w.card = numberOf(value)
		case "msisdn":
			w.msisdn = numberOf(value)
		case "product":
			w.product = value
		case "provider":
			w.provider = value
		case "channel":
			w.channel = value
		default:
			t.Fatalf("what is %s?", key)
		}
	}
	return w
}

func choice(t testing.TB, all []Route, w *words) string {
	t.Helper()
	rules, err := compile(all)
	if err != nil {
		t.Fatal(err)
	}
	if chosen := (&Router{rules: rules}).choose(w); chosen != nil {
		return chosen.route.Name
	}
	return "none"
}

func TestEveryConditionChooses(t *testing.T) {
	for _, test := range []struct{ route, fits, fitsNot string }{
		{"interface=giftcard", "load card=1|lookup|transfer card=1", "purchase|voucher|msisdn|products"},
		{"interface=airtime", "purchase|voucher|msisdn msisdn=27|products", "load|activation product=a"},
		{"operations=load,purchase", "load|purchase msisdn=27", "void|voucher|msisdn"},
		{"operations=activation", "activation", "load"},
		{"operations=redemption,void,replace,transfer,lookup", "redemption|void|replace|transfer|lookup", "load|activation"},
		{"operations=voucher,msisdn,products", "voucher|msisdn|products", "purchase|lookup"},
		{"accounts=till-1,till-2", "load account=till-1|purchase account=till-2|products account=till-1", "load account=till-3|load"},
		{"cards=6001-6002,7*", "load card=6001|void card=7|lookup card=79999", "load card=6003|load|lookup card=60011|purchase"},
		{"msisdns=2782*", "purchase msisdn=27821234567|msisdn msisdn=2782|voucher msisdn=2782", "purchase msisdn=2783|purchase|products|load card=2782"},
		{"products=a,b", "activation product=a|purchase product=b|voucher product=a", "purchase product=c|purchase|load product=a|products"},
		{"providers=acme", "purchase provider=acme|voucher provider=acme", "purchase provider=other|purchase|msisdn"},
		{"channels=web", "load channel=web|purchase channel=web|products channel=web|msisdn channel=web", "load channel=shop|products"},
		{"cards=7* channels=web accounts=a", "load card=7 channel=web account=a", "load card=7 channel=web|load card=7 account=a|load channel=web account=a"},
		{"", "load|purchase|products", ""},
	} {
		all := routes(t, "it "+test.route)
		for m := range strings.SplitSeq(test.fits, "|") {
			if got := choice(t, all, message(t, m)); got != "it" {
				t.Errorf("%q does not fit %s", test.route, m)
			}
		}
		for m := range strings.SplitSeq(test.fitsNot, "|") {
			if m != "" && choice(t, all, message(t, m)) != "none" {
				t.Errorf("%q fits %s", test.route, m)
			}
		}
	}
}

// The conditions from the strongest to the weakest, and within one on numbers the fewer before the more.
func TestTheMoreSpecificRouteWins(t *testing.T) {
	for _, test := range []struct{ routes, message, want string }{
		{"account accounts=a\ncards cards=7001*", "load account=a card=7001", "account"},
		{"account accounts=a,b\nmore accounts=a channels=web", "load account=a channel=web", "more"},
		{"wide cards=7*\nnarrow cards=7001*", "load card=70012", "narrow"},
		{"wide cards=7*\nnarrow cards=7001*", "load card=70022", "wide"},
		{"wide cards=7* channels=web\nnarrow cards=7001*", "load card=7001 channel=web", "narrow"},
		{"wide cards=7000-7999\nnarrow cards=7500-7501", "load card=7500", "narrow"},
		{"both cards=7*,7001*\nbetween cards=70*", "load card=7001", "both"},
		{"both cards=7*,7001*\nbetween cards=70*", "load card=7002", "between"},
		{"both cards=7*,7001*\nbetween cards=70*", "load card=71", "both"},
		{"any cards=*\nproduct products=a", "activation card=1 product=a", "any"},
		{"msisdn msisdns=2*\nproduct products=a", "purchase msisdn=27 product=a", "msisdn"},
		{"msisdn msisdns=27*\nwide msisdns=2*", "msisdn msisdn=27", "msisdn"},
		{"product products=a\nprovider providers=acme", "purchase product=a provider=acme", "product"},
		{"provider providers=acme\nchannel channels=web", "purchase provider=acme channel=web", "provider"},
		{"channel channels=web\noperation operations=load", "load channel=web", "channel"},
		{"operation operations=load\ncontract interface=giftcard", "load", "operation"},
		{"contract interface=giftcard\nrest", "load", "contract"},
		{"contract interface=giftcard\nrest", "purchase", "rest"},
		{"two products=a channels=web\none products=a", "activation product=a channel=web", "two"},
		{"two products=a channels=web\none products=a", "activation product=a", "one"},
		{"web channels=web\nshop channels=shop", "products channel=shop", "shop"},
		{"web channels=web\nshop channels=shop", "products", "none"},
	} {
		all := routes(t, test.routes)
		for range 2 {
			if got := choice(t, all, message(t, test.message)); got != test.want {
				t.Errorf("of\n%s\n%s takes %s, want %s", test.routes, got, test.message, test.want)
			}
			slices.Reverse(all)
		}
	}
}

func TestTies(t *testing.T) {
	for _, test := range []struct {
		routes string
		tie    bool
	}{
		{"a\nb", true},
		{"a interface=giftcard\nb interface=airtime", false},
		{"a interface=giftcard\nb interface=giftcard", true},
		{"a interface=giftcard\nb cards=7*", false},
		{"a interface=giftcard cards=7*\nb cards=7*", true}, // cards are of gift cards anyway
		{"a operations=load\nb operations=load,void", true},
		{"a operations=load\nb operations=void", false},
		{"a operations=load interface=giftcard\nb operations=load", true},
		{"a accounts=x,y\nb accounts=y,z", true},
		{"a accounts=x\nb accounts=y", false},
		{"a accounts=x channels=web\nb accounts=x", false},
		{"a channels=web\nb products=p", false},
		{"a cards=10-19\nb cards=20-29", false},
		{"a cards=10-19\nb cards=10-19", true},
		{"a cards=10-19\nb cards=12-15", false},
		{"a cards=10-19\nb cards=15-24", true}, // neither lies within the other
		{"a cards=10-19 channels=web\nb cards=15-24", true},
		{"a cards=10-19 channels=web\nb cards=15-24 channels=shop", false},
		{"a cards=10-19 accounts=x\nb cards=15-24", false},
		{"a cards=10-19 operations=load\nb cards=10-19 operations=void", false},
		{"a cards=7*\nb cards=7000-7999", true},
		{"a cards=7*\nb msisdns=7*", false},
		{"a cards=7*,80-89\nb cards=80-89", true},
		{"a products=p\nb providers=p", false},
		{"a products=p operations=activation\nb products=p interface=airtime", false},
		{"a operations=load\nb interface=airtime\nc operations=load channels=web\nd", false},
	} {
		all := routes(t, test.routes)
		for range 2 {
			err := Check(all)
			if f, is := err.(*Fault); is != test.tie || is && (f.Index != 1 || !strings.Contains(f.Text, "ties with "+all[0].Name+":")) {
				t.Errorf("\n%s\ngot %v, want a tie: %t", test.routes, err, test.tie)
			}
			slices.Reverse(all)
		}
	}
}

func TestRoutesThatCannotBe(t *testing.T) {
	many := strings.Repeat("x,", MaxNames) + "x"
	for _, test := range []struct{ route, want string }{
		{"a to=", "leads to an upstream without a name"},
		{"a to=local,acme", "leads to local and elsewhere"},
		{"a to=acme,local", "leads to local and elsewhere"},
		{"a to=acme,acme", "leads to the same upstream twice"},
		{"a interface=loyalty", `is of "loyalty", which is neither giftcard nor airtime`},
		{"a operations=refund", `takes "refund", which is no operation`},
		{"a operations=load interface=airtime", "can take no message"},
		{"a cards=7* msisdns=27*", "can take no message"},
		{"a cards=7* interface=airtime", "can take no message"},
		{"a products=p operations=load", "can take no message"},
		{"a providers=p operations=activation", "can take no message"},
		{"a accounts=" + many, "has more than 1000 names in one condition"},
		{"a cards=" + strings.Repeat("7*,", MaxRanges) + "7*", "has more than 100 ranges in one condition"},
	} {
		err := Check(routes(t, test.route))
		if f, is := err.(*Fault); !is || !strings.HasPrefix(f.Text, test.want) {
			t.Errorf("%.60s: got %v", test.route, err)
		}
	}
	if err := Check([]Route{{}}); err == nil || err.Error() != "route 1 leads nowhere" {
		t.Errorf("got %v", err)
	}
	if err := Check(make([]Route, MaxRoutes+1)); err == nil || !strings.Contains(err.Error(), "more than there may be") {
		t.Errorf("got %v", err)
	}
	if err := Check([]Route{{To: []string{"a"}}, {To: []string{"b"}}}); err == nil || !strings.Contains(err.Error(), "route 2 ties with route 1") {
		t.Errorf("got %v", err)
	}
}

// small routes and messages, so that they meet often and all messages can be tried.
var (
	someRanges = []string{"*", "1*", "2*", "12*", "10-19", "12-13", "15-24", "20-29", "1-2"}
	someCards  = []string{"", "1", "2", "11", "12", "13", "15", "19", "20", "24", "25", "121"}
	someNames  = []string{"", "x", "y"}
)

func drawRoutes(count int) *rapid.Generator[[]Route] {
	pick := func(rt *rapid.T, what string, from []string) []string {
		if rapid.IntRange(0, 2).Draw(rt, "asks for "+what) > 0 {
			return nil
		}
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 2, rapid.ID).Draw(rt, what)
	}
	return rapid.Custom(func(rt *rapid.T) []Route {
		all := make([]Route, count)
		for i := range all {
			r := Route{Name: fmt.Sprintf("r%d", i), To: []string{fmt.Sprintf("r%d", i)}}
			r.Interface = rapid.SampledFrom([]Interface{"", "", Giftcard, Airtime}).Draw(rt, "interface")
			for _, o := range pick(rt, "operations", []string{"load", "activation", "purchase"}) {
				r.Operations = append(r.Operations, Operation(o))
			}
			r.Accounts, r.Products = pick(rt, "accounts", someNames[1:]), pick(rt, "products", someNames[1:])
			for _, text := range pick(rt, "cards", someRanges) {
				parsed, err := ParseCards(text)
				if err != nil {
					rt.Fatal(err)
				}
				r.Cards = append(r.Cards, parsed)
			}
			all[i] = r
		}
		return all
	})
}

// everyMessage gives all small messages.
func everyMessage(yield func(*words) bool) {
	for _, o := range []Operation{Load, Activation, Purchase, MSISDN} {
		for _, account := range someNames {
			for _, product := range someNames {
				for _, card := range someCards {
					w := &words{operation: o, account: account}
					if namesProduct.meets(kind(o)) {
						w.product = product
					}
					if namesCard.meets(kind(o)) {
						w.card = numberOf(card)
					}
					if !yield(w) {
						return
					}
				}
			}
		}
	}
}

// Whatever the order of routes, the same one takes a message.
func TestTheOrderOfRoutesDoesNotMatter(t *testing.T) {
	chosen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		all := drawRoutes(4).Draw(rt, "routes")
		for err := Check(all); err != nil; err = Check(all) { // leave out what is refused
			at := err.(*Fault).Index
			all = slices.Delete(all, at, at+1)
		}
		shuffled := rapid.Permutation(all).Draw(rt, "shuffled")
		if err := Check(shuffled); err != nil {
			rt.Fatalf("in another order: %v", err)
		}
		for w := range everyMessage {
			a, b := choice(t, all, w), choice(t, shuffled, w)
			if a != b {
				rt.Fatalf("%+v goes to %s, in another order to %s", w, a, b)
			}
			chosen[a]++
		}
	})
	if len(chosen) < 4 || chosen["none"] == 0 {
		t.Errorf("nothing much was tried: %v", chosen)
	}
}

// Two routes tie just if there is a message that both fit and neither fits better, as a plain reading of the rule has it.
func TestTiesAreWhatTheRuleSays(t *testing.T) {
	found := map[bool]int{}
	rapid.Check(t, func(rt *rapid.T) {
		many := rapid.SliceOfN(drawRoutes(2), 50, 50).Draw(rt, "pairs")
		for _, pair := range many {
			for i := range pair {
				pair[i].Cards = pair[i].Cards[:min(len(pair[i].Cards), 1)] // the rule looks at the range that holds the card
			}
			if pair[0].kinds() == 0 || pair[1].kinds() == 0 {
				continue
			}
			a, b := newRule(&pair[0]), newRule(&pair[1])
			want := false
			for w := range everyMessage {
				_, fits := a.rank(w)
				_, fits2 := b.rank(w)
				want = want || fits && fits2 && undecided(a, b, w)
			}
			if got := a.ties(b); got != want {
				rt.Fatalf("tie: %t, want %t\n%+v\n%+v", got, want, pair[0], pair[1])
			}
			found[want]++
		}
	})
	if found[true] == 0 || found[false] == 0 {
		t.Errorf("nothing much was tried: %v", found)
	}
}

// undecided goes through the conditions by the book, for a message that fits both.
func undecided(a, b *rule, w *words) bool {
	if x, y := len(a.accounts) > 0, len(b.accounts) > 0; x != y {
		return false
	}
	if x, y := len(a.route.Cards) > 0, len(b.route.Cards) > 0; x != y {
		return false
	} else if x {
		inA, inB := held(a.route.Cards[0], w.card.length), held(b.route.Cards[0], w.card.length)
		within := func(x, y map[uint64]bool) bool {
			return !slices.ContainsFunc(slices.Collect(maps.Keys(x)), func(n uint64) bool { return !y[n] })
		}
		if within(inA, inB) != within(inB, inA) {
			return false
		}
		if !within(inA, inB) {
			return true
		}
	}
	if x, y := len(a.products) > 0, len(b.products) > 0; x != y {
		return false
	}
	return a.level() == b.level()
}

// held gives all numbers of a length that a range holds.
func held(r Range, length int) map[uint64]bool {
	all := map[uint64]bool{}
	for n := range power(length) {
		if r.width(number{length, n}) > 0 {
			all[n] = true
		}
	}
	return all
}
