// Package router chooses the service for a message: the issuer and the vendor of this process, or upstreams of the relay,
// by what the message is, whose it is, and which card, product, provider, number or channel it names (docs/rules.md 9).
//
// It promises that of the routes that fit a message the same one is chosen whatever their order, because routes that
// nothing tells apart are refused; that an advice and a status go where the record of their request says, whatever the
// routes say now; and that a request which no route takes is declined before anybody has heard of it. It knows neither
// the relay nor any wire: services and records are given to it.
package router

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Settings are what a router is made of.
type Settings struct {
	Routes []Route // without any, all requests are for the local services
	// Local are the issuer and the vendor of this process; either may be nil.
	Local Services
	// Passed gives the services that ask upstreams in this order. It is called once for each route, with names as they
	// stand in Route.To.
	Passed func(upstreams []string) Services
	// Relay are services that send an advice or a status to the upstream that took its request. They and Taken are needed
	// where a route leads to an upstream.
	Relay Services
	// Taken says who took a request: the name of an upstream, or "" for the services of this process.
	Taken func(ctx context.Context, s *txn.Sender, f txn.Family, request ident.ID) (upstream string, found bool, err error)
	// Provider gives the provider that the local catalogue names for a product of airtime. It is needed where a route has
	// a condition on providers.
	Provider func(w ident.World, product string) (provider string, known bool)
}

// Services are the two contracts of one place. A nil one is not served there.
type Services struct {
	Giftcard giftcard.Service
	Airtime  airtime.Service
}

func (s Services) has(i Interface) bool {
	if i == Giftcard {
		return s.Giftcard != nil
	}
	return s.Airtime != nil
}

// routes gives a route to local services for each contract that they serve.
func (s Services) routes() (all []Route) {
	for _, i := range []Interface{Giftcard, Airtime} {
		if s.has(i) {
			all = append(all, Route{To: []string{Local}, Interface: i})
		}
	}
	return all
}

// Router chooses services. Make one with New; it never changes.
type Router struct {
	settings Settings
	rules    []*rule
	taken    map[Operation]bool // the operations that some route takes, whatever its other conditions
	provided bool               // a route asks for the provider of a product
	unknown  map[Interface]Services
}

// New makes a router. The error is a *Fault when it is about one of the routes.
func New(s Settings) (*Router, error) {
	if len(s.Routes) == 0 {
		s.Routes = s.Local.routes()
	}
	rules, err := compile(s.Routes)
	if err != nil {
		return nil, err
	}
	r := &Router{settings: s, rules: rules, taken: map[Operation]bool{}, unknown: map[Interface]Services{}}
	for i, rule := range rules {
		if err := r.lead(i, rule); err != nil {
			return nil, err
		}
	}
	for _, i := range []Interface{Giftcard, Airtime} {
		r.unknown[i] = r.keeper(i)
	}
	return r, nil
}

// lead gives a rule the services that its route leads to.
func (r *Router) lead(index int, rule *rule) error {
	rule.services = r.settings.Local
	if !rule.route.isLocal() {
		if r.settings.Passed == nil || r.settings.Taken == nil {
			return errors.New("router: a route leads to an upstream, and there is no relay")
		}
		rule.services = r.settings.Passed(rule.route.To)
	}
	if len(rule.route.Providers) > 0 {
		if r.provided = true; r.settings.Provider == nil {
			return errors.New("router: a route asks for providers, and there is no catalogue")
		}
	}
	for _, o := range rule.kinds.operations() {
		if r.taken[o] = true; !rule.services.has(o.Interface()) {
			return fault(index, "takes %s messages to where %s is not served", o, o.Interface())
		}
	}
	return nil
}

// keeper gives the services that answer for requests of which there is no record: the local ones, unless all routes
// of the contract lead elsewhere. Either judges by the same records, so a reversal is remembered for both.
func (r *Router) keeper(i Interface) Services {
	led := func(local bool) bool {
		return slices.ContainsFunc(r.rules, func(rule *rule) bool {
			return rule.kinds.meets(kindsOf(i)) && rule.route.isLocal() == local
		})
	}
	passesAll := led(false) && !led(true)
	if r.settings.Local.has(i) && (!passesAll || !r.settings.Relay.has(i)) {
		return r.settings.Local
	}
	return r.settings.Relay
}

// Giftcard is the gift card contract, served by whom the routes name.
func (r *Router) Giftcard() giftcard.Service { return cards{r} }

// Airtime is the airtime contract, served by whom the routes name.
func (r *Router) Airtime() airtime.Service { return airtimes{r} }

// choose gives the route for a message, or nil when none fits.
func (r *Router) choose(w *words) *rule {
	var best *rule
	var most rank
	for _, rule := range r.rules {
		if rank, fits := rule.rank(w); fits && (best == nil || rank.above(most)) {
			best, most = rule, rank
		}
	}
	return best
}

// noRoute refuses a message that no route takes.
func (r *Router) noRoute(o Operation) *decline.Error {
	if !r.taken[o] {
		return decline.New(decline.TransactionNotSupported, "no route takes %s messages", o)
	}
	return decline.New(decline.RoutingError, "no route takes this %s message", o)
}

// owner gives the services of the place that took a request. An error leaves open who it was.
func (r *Router) owner(ctx context.Context, i Interface, s *txn.Sender, f txn.Family, request ident.ID) (Services, error) {
	place := r.unknown[i]
	if r.settings.Taken != nil {
		upstream, found, err := r.settings.Taken(ctx, s, f, request)
		switch {
		case err != nil:
			return Services{}, fmt.Errorf("find who took a request: %w", err)
		case found && upstream == "":
			place = r.settings.Local
		case found:
			place = r.settings.Relay
		}
	}
	if !place.has(i) {
		return Services{}, fmt.Errorf("router: nobody here serves %s any more", i)
	}
	return place, nil
}
