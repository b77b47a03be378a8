package router

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/txn"
)

// Bounds of routes.
const (
	MaxRoutes = 200
	MaxRanges = 100  // of one condition
	MaxNames  = 1000 // of one condition
)

// Local is where a route leads that stays in this process.
const Local = "local"

// Route says where messages go that meet all of its conditions. A condition that is empty is met by every message; any
// other is not met by a message that does not name what it is about.
type Route struct {
	Name string // how faults call it; empty calls it by its place
	// To are the names of upstreams in the order of preference, or Local alone.
	To         []string
	Interface  Interface // the contract
	Operations []Operation
	Accounts   []string // names of the accounts that send them
	Cards      []Range  // hold the card: the old one of a replace, the source of a transfer
	MSISDNs    []Range  // hold the number of the recipient, or of whom a look-up is about
	Products   []string // ids of the products of activations, purchases and provisions of vouchers
	Providers  []string // that the local catalogue names for the product of a purchase or a provision of a voucher
	Channels   []string // originator.channelId, or the channelName of an MSISDN look-up and a product list
}

// Interface is one of the two contracts.
type Interface string

// The contracts.
const (
	Giftcard Interface = "giftcard"
	Airtime  Interface = "airtime"
)

// Operation is a kind of request or query. Advices have none: they go where their request went.
type Operation string

// The operations. Purchase is of trials, too.
const (
	Activation Operation = "activation"
	Load       Operation = "load"
	Redemption Operation = "redemption"
	Void       Operation = "void"
	Replace    Operation = "replace"
	Transfer   Operation = "transfer"
	LookUp     Operation = "lookup"
	Purchase   Operation = "purchase"
	Voucher    Operation = "voucher"
	MSISDN     Operation = "msisdn"   // a look-up of a subscriber's number
	Products   Operation = "products" // a list of products
)

// operations are all of them, those of gift cards first.
var operations = []Operation{Activation, Load, Redemption, Void, Replace, Transfer, LookUp, Purchase, Voucher, MSISDN, Products}

// Operations gives all operations.
func Operations() []Operation { return slices.Clone(operations) }

// Interface gives the contract that an operation is of.
func (o Operation) Interface() Interface {
	if slices.Index(operations, o) < slices.Index(operations, Purchase) {
		return Giftcard
	}
	return Airtime
}

// of gives the operation of a request's family.
func of(f txn.Family) Operation { return Operation(f.String()) }

// kinds is a set of operations, a bit for each.
type kinds uint16

func kind(all ...Operation) (k kinds) {
	for _, o := range all {
		k |= 1 << slices.Index(operations, o)
	}
	return k
}

// kindsOf gives the operations of a contract; of both when it is empty.
func kindsOf(i Interface) (k kinds) {
	for _, o := range operations {
		if i == "" || o.Interface() == i {
			k |= kind(o)
		}
	}
	return k
}

func (k kinds) meets(other kinds) bool { return k&other != 0 }

func (k kinds) operations() (all []Operation) {
	for _, o := range operations {
		if k.meets(kind(o)) {
			all = append(all, o)
		}
	}
	return all
}

// What names each thing that there can be a condition on.
var (
	namesCard     = kindsOf(Giftcard)
	namesNumber   = kind(Purchase, Voucher, MSISDN)
	namesProduct  = kind(Activation, Purchase, Voucher)
	namesProvider = kind(Purchase, Voucher)
	namesChannel  = kindsOf("")
)

// kinds gives the operations whose messages can meet all conditions.
func (r *Route) kinds() kinds {
	k := kindsOf(r.Interface)
	for _, condition := range []struct {
		asked bool
		by    kinds
	}{
		{len(r.Operations) > 0, kind(r.Operations...)}, {len(r.Cards) > 0, namesCard}, {len(r.MSISDNs) > 0, namesNumber},
		{len(r.Products) > 0, namesProduct}, {len(r.Providers) > 0, namesProvider}, {len(r.Channels) > 0, namesChannel},
	} {
		if condition.asked {
			k &= condition.by
		}
	}
	return k
}

// Takes gives the operations of which there can be a message that meets the route's conditions.
func (r *Route) Takes() []Operation { return r.kinds().operations() }

func (r *Route) isLocal() bool { return slices.Equal(r.To, []string{Local}) }

// Fault is what is wrong with a route.
type Fault struct {
	Index int // its place in the list, from 0
	Text  string
}

// Error tells the place, from 1.
func (f *Fault) Error() string { return fmt.Sprintf("route %d %s", f.Index+1, f.Text) }

func fault(index int, format string, args ...any) *Fault {
	return &Fault{index, fmt.Sprintf(format, args...)}
}

// Check says what is wrong with routes, apart from where they lead: nil, or the first *Fault. Two routes tie, and are
// refused, when there can be a message that both fit and neither fits better (docs/rules.md 9).
func Check(routes []Route) error {
	_, err := compile(routes)
	return err
}

// compile makes the routes ready for choosing.
func compile(routes []Route) ([]*rule, error) {
	if len(routes) > MaxRoutes {
		return nil, fault(MaxRoutes, "is more than there may be, which is %d", MaxRoutes)
	}
	rules := make([]*rule, 0, len(routes))
	for i := range routes {
		if err := routes[i].check(i); err != nil {
			return nil, err
		}
		made := newRule(&routes[i])
		for j, earlier := range rules {
			if made.ties(earlier) {
				return nil, fault(i, "ties with %s: a message can fit both, and neither fits better", routes[j].called(j))
			}
		}
		rules = append(rules, made)
	}
	return rules, nil
}

func (r *Route) called(index int) string { return cmp.Or(r.Name, fmt.Sprintf("route %d", index+1)) }

// check judges one route by itself.
func (r *Route) check(index int) error {
	switch {
	case len(r.To) == 0:
		return fault(index, "leads nowhere")
	case slices.Contains(r.To, Local) && len(r.To) > 1:
		return fault(index, "leads to %s and elsewhere: what was not reached upstream is not decided here", Local)
	case slices.Contains(r.To, ""):
		return fault(index, "leads to an upstream without a name")
	case repeats(r.To):
		return fault(index, "leads to the same upstream twice")
	case r.Interface != "" && r.Interface != Giftcard && r.Interface != Airtime:
		return fault(index, "is of %q, which is neither %s nor %s", r.Interface, Giftcard, Airtime)
	}
	for _, o := range r.Operations {
		if !slices.Contains(operations, o) {
			return fault(index, "takes %q, which is no operation", o)
		}
	}
	if max(len(r.Cards), len(r.MSISDNs)) > MaxRanges {
		return fault(index, "has more than %d ranges in one condition", MaxRanges)
	}
	if max(len(r.Accounts), len(r.Products), len(r.Providers), len(r.Channels)) > MaxNames {
		return fault(index, "has more than %d names in one condition", MaxNames)
	}
	if r.kinds() == 0 {
		return fault(index, "can take no message: its conditions exclude each other")
	}
	return nil
}

func repeats(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted)) < len(names)
}
