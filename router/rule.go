package router

import (
	"math"
	"slices"
)

// words are what of a message routes look at. What is absent is empty.
type words struct {
	operation                           Operation
	account, product, provider, channel string
	card, msisdn                        number
}

// rule is a route made ready for choosing.
type rule struct {
	route                                   *Route
	services                                Services
	kinds                                   kinds
	accounts, products, providers, channels names
}

// names is a condition on a name; empty asks for nothing.
type names map[string]bool

func newNames(list []string) names {
	set := make(names, len(list))
	for _, name := range list {
		set[name] = true
	}
	return set
}

func newRule(r *Route) *rule {
	return &rule{
		route: r, kinds: r.kinds(), accounts: newNames(r.Accounts), products: newNames(r.Products),
		providers: newNames(r.Providers), channels: newNames(r.Channels),
	}
}

// rank says how well a route fits a message, the strongest condition first. It is compared like a text.
type rank [7]uint64

func (r rank) above(other rank) bool { return slices.Compare(r[:], other[:]) > 0 }

// rank gives how well the rule fits a message, and whether it does.
func (r *rule) rank(w *words) (rank, bool) {
	if !r.kinds.meets(kind(w.operation)) {
		return rank{}, false
	}
	accounts, ok := r.accounts.fit(w.account)
	cards, ok2 := fitRange(r.route.Cards, w.card)
	msisdns, ok3 := fitRange(r.route.MSISDNs, w.msisdn)
	products, ok4 := r.products.fit(w.product)
	providers, ok5 := r.providers.fit(w.provider)
	channels, ok6 := r.channels.fit(w.channel)
	return rank{accounts, cards, msisdns, products, providers, channels, r.level()}, ok && ok2 && ok3 && ok4 && ok5 && ok6
}

// fit ranks what asks for a name above what does not.
func (n names) fit(name string) (rank uint64, ok bool) {
	if len(n) == 0 {
		return 0, true
	}
	return 1, n[name]
}

// fitRange ranks what asks for numbers above what does not, and the higher the fewer they are.
func fitRange(ranges []Range, n number) (rank uint64, ok bool) {
	if len(ranges) == 0 {
		return 0, true
	}
	width := narrowest(ranges, n)
	return math.MaxUint64 - width, width > 0
}

// level ranks what names its operations above what is of one contract, and that above what is of both.
func (r *rule) level() uint64 {
	switch {
	case len(r.route.Operations) > 0:
		return 2
	case !r.kinds.meets(namesCard) || !r.kinds.meets(^namesCard):
		return 1
	}
	return 0
}

// ties says whether there can be a message that fits both rules, and neither better.
func (r *rule) ties(other *rule) bool {
	relations := [...]relation{ // in the order of rank
		r.accounts.relate(other.accounts), relateAll(r.route.Cards, other.route.Cards),
		relateAll(r.route.MSISDNs, other.route.MSISDNs), r.products.relate(other.products),
		r.providers.relate(other.providers), r.channels.relate(other.channels), relateLevels(r.level(), other.level()),
	}
	if !r.kinds.meets(other.kinds) || slices.Contains(relations[:], apart) {
		return false
	}
	for _, relation := range relations {
		if relation != same {
			return relation == crosses
		}
	}
	return true
}

func relateLevels(a, b uint64) relation {
	if a == b {
		return same
	}
	return differs
}

// relate compares two conditions on a name.
func (n names) relate(other names) relation {
	if len(n) == 0 || len(other) == 0 {
		return relateOne(len(n) > 0, len(other) > 0)
	}
	for name := range n {
		if other[name] {
			return same
		}
	}
	return apart
}
