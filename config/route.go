package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/scripworks/scrip/router"
)

// route is an entry of the file.
type route struct {
	router.Route
	at         *yaml.Node
	contract   string
	operations []string
}

// routeMembers are the keys of a route, with their explanations for the reference.
var routeMembers = []member[route]{
	{"to", "Where it leads: the name of an upstream, several in the order of preference, or `local`, which is the issuer and the vendor of this process.", list(func(r *route) *[]string { return &r.To })},
	{"interface", "The contract: `giftcard` or `airtime`.", word(func(r *route) *string { return &r.contract }, string(router.Giftcard), string(router.Airtime))},
	{"operations", "What is asked for: " + operationNames("`%s`") + ". Of airtime, `purchase` is of trials, too, `msisdn` is the look-up of a number, and `products` the list of products.",
		list(func(r *route) *[]string { return &r.operations }, strings.Split(operationNames("%s"), ", ")...)},
	{"accounts", "Names of the accounts that ask.", list(func(r *route) *[]string { return &r.Accounts })},
	{"cards", "Ranges of card numbers: `6001000000000000-6001999999999999` (of one length, both included) or `7001*` (of any length). It is the old card of a replace and the source of a transfer that counts, and the other one must lead to the same place.",
		ranges(func(r *route) *[]router.Range { return &r.Cards }, router.ParseCards)},
	{"msisdns", "Ranges of subscribers' numbers with their country code, such as `2782*`: the recipient of a purchase, or the number that is looked up.",
		ranges(func(r *route) *[]router.Range { return &r.MSISDNs }, router.ParseMSISDNs)},
	{"products", "Ids of the products of activations, purchases and vouchers.", list(func(r *route) *[]string { return &r.Products })},
	{"providers", "Providers that the catalogue of this process names for the product of a purchase or a voucher.", list(func(r *route) *[]string { return &r.Providers })},
	{"channels", "Channels: `originator.channelId` of a request, `channelName` of a product list or a look-up of a number.", list(func(r *route) *[]string { return &r.Channels })},
}

func operationNames(format string) string {
	var names []string
	for _, o := range router.Operations() {
		names = append(names, fmt.Sprintf(format, o))
	}
	return strings.Join(names, ", ")
}

// ranges takes a list of ranges. Faults do not quote them, since a mistaken one may be a card's number.
func ranges(field func(*route) *[]router.Range, read func(string) (router.Range, error)) func(*values, *yaml.Node, *route) error {
	return func(v *values, n *yaml.Node, into *route) error {
		items, err := v.items(n)
		if err != nil {
			return err
		}
		for _, item := range items {
			text, err := v.scalar(item)
			if err != nil {
				return err
			}
			found, err := read(text)
			if err != nil {
				return v.at(item, "it %v", err)
			}
			*field(into) = append(*field(into), found)
		}
		return nil
	}
}

func takeRoute(v *values, n *yaml.Node, r *route) error {
	if _, err := entry(v, n, "a route", routeMembers, r); err != nil {
		return err
	}
	r.at, r.Name, r.Interface = n, fmt.Sprintf("the route in line %d", n.Line), router.Interface(r.contract)
	for _, o := range r.operations {
		r.Operations = append(r.Operations, router.Operation(o))
	}
	return nil
}

// routes gives the routes of the file.
func (v *values) routes() (all []router.Route) {
	for _, r := range v.routeList {
		all = append(all, r.Route)
	}
	return all
}

// checkRoutes judges the routes by themselves, against each other, and by what the upstreams can do.
func (v *values) checkRoutes(upstreams map[string]*upstream) error {
	var f *router.Fault
	if err := router.Check(v.routes()); errors.As(err, &f) {
		return v.at(v.routeList[f.Index].at, "the route %s", f.Text)
	} else if err != nil {
		return err
	}
	for i := range v.routeList {
		r := &v.routeList[i]
		for _, name := range r.To {
			if name == router.Local {
				continue
			}
			if why := r.cannotLeadTo(upstreams[name]); why != "" {
				return v.at(r.at, "the route leads to upstream %s, %s", name, why)
			}
		}
	}
	return nil
}

// cannotLeadTo says why an upstream cannot take all messages of a route, or nothing.
func (r *route) cannotLeadTo(u *upstream) string {
	if u == nil {
		return "which is not among the upstreams"
	}
	for _, o := range r.Takes() {
		if o.Interface() == router.Giftcard && !u.Giftcard || o.Interface() == router.Airtime && !u.Airtime {
			return fmt.Sprintf("which does not speak %s, and takes %s messages: give the route an interface or operations", o.Interface(), o)
		}
	}
	if u.Profile.NoReversals && slices.Contains(r.Takes(), router.Voucher) {
		return "which has no reversals, and takes voucher messages, of which no status can be asked: give the route operations without voucher"
	}
	return ""
}
