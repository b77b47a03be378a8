package router_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/txn"
)

// place is a service of both contracts that writes down what it is asked.
type place struct {
	name string
	told *[]string
	err  error
}

func (p place) tell(what string) error {
	*p.told = append(*p.told, p.name+": "+what)
	return p.err
}

type cards struct{ place }

func (c cards) Request(context.Context, *giftcard.Request) (*giftcard.Response, error) {
	return &giftcard.Response{}, c.tell("request")
}

func (c cards) Advise(context.Context, *txn.Advice) (*txn.Answer, error) {
	return &txn.Answer{Status: 202}, c.tell("advice")
}

type sales struct{ place }

func (s sales) Request(context.Context, *airtime.Request) (*airtime.Response, error) {
	return &airtime.Response{}, s.tell("request")
}

func (s sales) Trial(context.Context, *airtime.Request) (*airtime.Response, error) {
	return &airtime.Response{}, s.tell("trial")
}

func (s sales) Advise(context.Context, *airtime.Advice) (*txn.Answer, error) {
	return &txn.Answer{Status: 202}, s.tell("advice")
}

func (s sales) Status(context.Context, *airtime.Query) (*airtime.Response, error) {
	return &airtime.Response{}, s.tell("status")
}

func (s sales) LookUp(context.Context, *airtime.LookUp) (*airtime.Subscriber, error) {
	return &airtime.Subscriber{}, s.tell("look-up")
}

func (s sales) Products(context.Context, *airtime.Listing) (*airtime.Range, error) {
	return &airtime.Range{}, s.tell("list")
}

func (p place) services() router.Services {
	return router.Services{Giftcard: cards{p}, Airtime: sales{p}}
}

// house is a router with everything around it.
type house struct {
	told     []string
	records  map[ident.ID]string // who took a request
	err      error               // of the records
	settings router.Settings
}

func newHouse(routes ...router.Route) *house {
	h := &house{records: map[ident.ID]string{}}
	h.settings = router.Settings{
		Routes: routes,
		Local:  place{name: "local", told: &h.told}.services(),
		Relay:  place{name: "relay", told: &h.told}.services(),
		Passed: func(upstreams []string) router.Services {
			return place{name: strings.Join(upstreams, "+"), told: &h.told}.services()
		},
		Taken: func(_ context.Context, _ *txn.Sender, _ txn.Family, id ident.ID) (string, bool, error) {
			upstream, found := h.records[id]
			return upstream, found, h.err
		},
		Provider: func(_ ident.World, product string) (string, bool) {
			provider, known := map[string]string{"A10": "acme", "B10": "other"}[product]
			return provider, known
		},
	}
	return h
}

func (h *house) open(t *testing.T) *router.Router {
	t.Helper()
	r, err := router.New(h.settings)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// expect compares what has been told since, and forgets it.
func (h *house) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	if !slices.Equal(h.told, want) {
		t.Errorf("%s: told %q, want %q", what, h.told, want)
	}
	h.told = nil
}

var sender = &txn.Sender{Account: 7, World: ident.Production, Name: "till-1"}

func pan(t *testing.T, digits string) giftcard.Presented {
	t.Helper()
	p, err := ident.ParsePAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return giftcard.Presented{PAN: p}
}

func prefix(t *testing.T, text string) []router.Range {
	t.Helper()
	r, err := router.ParseCards(text)
	if err != nil {
		t.Fatal(err)
	}
	return []router.Range{r}
}

func reason(err error) decline.Reason {
	var refusal *decline.Error
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}

func TestRequestsOfGiftCards(t *testing.T) {
	h := newHouse(
		router.Route{To: []string{"acme", "backup"}, Cards: prefix(t, "7*")},
		router.Route{To: []string{"acme", "backup"}, Cards: prefix(t, "8*")},
		router.Route{To: []string{router.Local}, Cards: prefix(t, "6*")},
		router.Route{To: []string{"web"}, Interface: router.Giftcard, Channels: []string{"web"}, Operations: []router.Operation{router.Load}},
	)
	service := h.open(t).Giftcard()
	none := giftcard.Presented{}
	for _, test := range []struct {
		family       txn.Family
		card, target giftcard.Presented
		channel      string
		want         string // who is told, or why not
	}{
		{txn.Load, pan(t, "71"), none, "", "acme+backup: request"},
		{txn.LookUp, pan(t, "61"), none, "", "local: request"},
		{txn.Load, pan(t, "91"), none, "web", "web: request"},
		{txn.Void, pan(t, "91"), none, "web", "ROUTING_ERROR"},
		{txn.LookUp, none, none, "", "ROUTING_ERROR"},
		{txn.Transfer, pan(t, "71"), pan(t, "81"), "", "acme+backup: request"}, // another route, the same place
		{txn.Replace, pan(t, "71"), pan(t, "61"), "", "ROUTING_ERROR"},
		{txn.Replace, pan(t, "71"), pan(t, "91"), "", "ROUTING_ERROR"},
	} {
		r := &giftcard.Request{Family: test.family, Sender: sender, Card: test.card, Target: test.target, Channel: test.channel}
		_, err := service.Request(t.Context(), r)
		if why := reason(err); why != "" {
			h.told = append(h.told, string(why))
		}
		h.expect(t, fmt.Sprint(test.family, test.card.PAN, test.channel), test.want)
	}
	r := &giftcard.Request{Family: txn.Load, Sender: sender, Card: pan(t, "91"), Origin: &txn.Origin{Channel: "web"}}
	if _, err := service.Request(t.Context(), r); err != nil {
		t.Error(err)
	}
	h.expect(t, "a request that is still to be composed", "web: request")
}

func TestWhereThereIsNoRouteAtAll(t *testing.T) {
	h := newHouse(router.Route{To: []string{"acme"}, Operations: []router.Operation{router.Redemption}, Cards: prefix(t, "7*")})
	r := h.open(t)
	for family, want := range map[txn.Family]decline.Reason{txn.Redemption: decline.RoutingError, txn.Load: decline.TransactionNotSupported} {
		if _, err := r.Giftcard().Request(t.Context(), &giftcard.Request{Family: family, Sender: sender, Card: pan(t, "6123456789012345")}); reason(err) != want ||
			strings.Contains(err.Error(), "6123") {
			t.Errorf("%s: %v", family, err)
		}
	}
	for _, ask := range []func(context.Context, *airtime.Request) (*airtime.Response, error){r.Airtime().Request, r.Airtime().Trial} {
		if _, err := ask(t.Context(), &airtime.Request{Family: txn.Purchase, Sender: sender}); reason(err) != decline.TransactionNotSupported {
			t.Errorf("a purchase: %v", err)
		}
	}
	h.expect(t, "refusals")
}

func TestAirtime(t *testing.T) {
	numbers, err := router.ParseMSISDNs("2782*")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(
		router.Route{To: []string{"acme"}, Providers: []string{"acme"}},
		router.Route{To: []string{"mobile"}, MSISDNs: []router.Range{numbers}},
		router.Route{To: []string{"web"}, Interface: router.Airtime, Channels: []string{"web"}},
	)
	service := h.open(t).Airtime()
	ask := func(product, msisdn, channel string) *airtime.Request {
		m, _ := ident.ParseMSISDN(msisdn)
		return &airtime.Request{Family: txn.Purchase, Sender: sender, Product: product, Recipient: m, Channel: channel}
	}
	for _, test := range []struct{ product, msisdn, channel, want string }{
		{"A10", "", "", "acme"}, {"A10", "27821234567", "", "mobile"}, {"A10", "27831234567", "web", "acme"}, {"B10", "", "web", "web"},
	} {
		r := ask(test.product, test.msisdn, test.channel)
		_, err := service.Request(t.Context(), r)
		_, err2 := service.Trial(t.Context(), r)
		if err := errors.Join(err, err2); err != nil {
			t.Error(err)
		}
		h.expect(t, fmt.Sprint(test), test.want+": request", test.want+": trial")
	}
	if _, err := service.Request(t.Context(), ask("B10", "27831234567", "")); reason(err) != decline.RoutingError {
		t.Errorf("got %v", err)
	}
	h.expect(t, "what no route takes")
}

// Look-ups of numbers and lists are answered from the local catalogue where no route takes them.
func TestListsAndLookUps(t *testing.T) {
	web := router.Route{To: []string{"web"}, Interface: router.Airtime, Channels: []string{"web"}}
	h := newHouse(web, router.Route{To: []string{"acme"}, Products: []string{"A10"}})
	service := h.open(t).Airtime()
	for channel, want := range map[string]string{"web": "web", "shop": "local", "": "local"} {
		filter := airtime.Filter{Channel: channel}
		_, err := service.LookUp(t.Context(), &airtime.LookUp{Sender: sender, Filter: filter})
		_, err2 := service.Products(t.Context(), &airtime.Listing{Sender: sender, Filter: filter})
		if err := errors.Join(err, err2); err != nil {
			t.Error(err)
		}
		h.expect(t, "channel "+channel, want+": look-up", want+": list")
	}
	h = newHouse(web)
	h.settings.Local = router.Services{}
	service = h.open(t).Airtime()
	_, err := service.LookUp(t.Context(), &airtime.LookUp{Sender: sender})
	_, err2 := service.Products(t.Context(), &airtime.Listing{Sender: sender})
	if reason(err) != decline.RoutingError || reason(err2) != decline.RoutingError {
		t.Errorf("without a catalogue: %v, %v", err, err2)
	}
}

// An advice and a status go where the record says, whatever the routes say.
func TestAdvicesFollowTheRecord(t *testing.T) {
	local := router.Route{To: []string{router.Local}, Accounts: []string{"somebody else"}}
	rest := router.Route{To: []string{"acme"}}
	for _, test := range []struct {
		name   string
		routes []router.Route
		id     ident.ID
		want   string
	}{
		{"of an upstream that no route names any more", []router.Route{local}, "gone", "relay"},
		{"of an upstream", []router.Route{rest, local}, "passed", "relay"},
		{"of our own", []router.Route{rest}, "own", "local"},
		{"unknown, all is passed on", []router.Route{rest}, "unknown", "relay"},
		{"unknown, some is", []router.Route{rest, local}, "unknown", "local"},
		{"unknown, nothing is", []router.Route{local}, "unknown", "local"},
		{"unknown, of a contract without routes", nil, "unknown", "local"},
	} {
		h := newHouse(test.routes...)
		h.records = map[ident.ID]string{"gone": "gone", "passed": "acme", "own": ""}
		r := h.open(t)
		advice := txn.Advice{Family: txn.Load, Role: txn.Reversal, Sender: sender, RequestID: test.id}
		answer, err := r.Giftcard().Advise(t.Context(), &advice)
		answer2, err2 := r.Airtime().Advise(t.Context(), &airtime.Advice{Advice: advice})
		_, err3 := r.Airtime().Status(t.Context(), &airtime.Query{Sender: sender, ID: test.id})
		if err := errors.Join(err, err2, err3); err != nil || answer == nil || answer2 == nil {
			t.Errorf("%s: %v", test.name, err)
		}
		h.expect(t, test.name, test.want+": advice", test.want+": advice", test.want+": status")
	}
}

// When the record cannot be read, nobody is told: the sender has to repeat it.
func TestAdvicesWithoutRecords(t *testing.T) {
	h := newHouse(router.Route{To: []string{"acme"}})
	h.err = errors.New("disk")
	r := h.open(t)
	_, err := r.Giftcard().Advise(t.Context(), &txn.Advice{Family: txn.Load, Sender: sender, RequestID: "a"})
	_, err2 := r.Airtime().Status(t.Context(), &airtime.Query{Sender: sender, ID: "a"})
	if !errors.Is(err, h.err) || !errors.Is(err2, h.err) || reason(err) != "" {
		t.Errorf("got %v, %v", err, err2)
	}
	h.err, h.records["a"], h.settings.Local = nil, "", router.Services{}
	if _, err := h.open(t).Giftcard().Advise(t.Context(), &txn.Advice{Family: txn.Load, Sender: sender, RequestID: "a"}); err == nil || reason(err) != "" {
		t.Errorf("of our own, which nobody serves any more: %v", err)
	}
	h.expect(t, "nobody")
}

// A reference is known to its place only, so that it is not known there is said only where there is no other.
func TestAStatusByReference(t *testing.T) {
	unlocated := decline.New(decline.UnableToLocateRecord, "no")
	acme := router.Route{To: []string{"acme"}, Providers: []string{"acme"}}
	rest := router.Route{To: []string{router.Local}, Interface: router.Airtime}
	other := router.Route{To: []string{"other"}, Accounts: []string{"till-2"}, Interface: router.Airtime}
	for _, test := range []struct {
		name     string
		routes   []router.Route
		provider string
		err      error // of whoever is asked
		want     string
		unknown  bool
	}{
		{"by its provider", []router.Route{acme, rest}, "acme", nil, "acme", false},
		{"of another provider", []router.Route{acme, rest}, "other", nil, "local", false},
		{"there is none", []router.Route{acme, rest}, "acme", unlocated, "acme", true},
		{"there is none, and there is no other place", []router.Route{rest}, "acme", unlocated, "local", false},
		{"there is none, and other places are not this account's", []router.Route{rest, other}, "acme", unlocated, "local", false},
		{"no route is for such", []router.Route{acme}, "other", nil, "relay", false},
		{"no route is for such, and there is none", []router.Route{acme}, "other", unlocated, "relay", true},
		{"another refusal", []router.Route{acme, rest}, "acme", decline.New(decline.GeneralError, "no"), "acme", false},
	} {
		h := newHouse(test.routes...)
		failing := func(name string) router.Services { return place{name: name, told: &h.told, err: test.err}.services() }
		h.settings.Local, h.settings.Relay = failing("local"), failing("relay")
		h.settings.Passed = func(upstreams []string) router.Services { return failing(upstreams[0]) }
		_, err := h.open(t).Airtime().Status(t.Context(), &airtime.Query{Sender: sender, Reference: "A1", Provider: test.provider})
		var unknown *decline.Unknown
		if is := errors.As(err, &unknown); is != test.unknown || !is && err != test.err {
			t.Errorf("%s: got %v", test.name, err)
		}
		h.expect(t, test.name, test.want+": status")
	}
	h := newHouse(router.Route{To: []string{router.Local}, Interface: router.Giftcard})
	h.settings.Local.Airtime, h.settings.Relay = nil, router.Services{}
	if _, err := h.open(t).Airtime().Status(t.Context(), &airtime.Query{Sender: sender, Reference: "A1", Provider: "x"}); reason(err) != decline.TransactionNotSupported {
		t.Errorf("where there is no airtime: %v", err)
	}
}

func TestWhatARouterCannotBeMadeOf(t *testing.T) {
	acme := router.Route{To: []string{"acme"}}
	for _, test := range []struct {
		name   string
		change func(*router.Settings)
		want   string
	}{
		{"a tie", func(s *router.Settings) { s.Routes = append(s.Routes, acme) }, "route 2 ties with route 1"},
		{"no relay", func(s *router.Settings) { s.Passed = nil }, "there is no relay"},
		{"no records", func(s *router.Settings) { s.Taken = nil }, "there is no relay"},
		{"no catalogue", func(s *router.Settings) { s.Routes[0].Providers, s.Provider = []string{"p"}, nil }, "there is no catalogue"},
		{"an upstream without airtime", func(s *router.Settings) {
			s.Passed = func([]string) router.Services { return router.Services{Giftcard: s.Local.Giftcard} }
		}, "route 1 takes purchase messages to where airtime is not served"},
		{"no issuer", func(s *router.Settings) { s.Routes[0].To, s.Local.Giftcard = []string{router.Local}, nil }, "where giftcard is not served"},
	} {
		h := newHouse(acme)
		test.change(&h.settings)
		if _, err := router.New(h.settings); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	h := newHouse(router.Route{To: []string{router.Local}})
	h.settings.Passed, h.settings.Taken, h.settings.Relay, h.settings.Provider = nil, nil, router.Services{}, nil
	r := h.open(t)
	if _, err := r.Giftcard().Advise(t.Context(), &txn.Advice{Family: txn.Load, Sender: sender, RequestID: "a"}); err != nil {
		t.Error(err)
	}
	h.expect(t, "all is local", "local: advice")
}

// Without routes all is local, but for the advices of what was passed on when there were some.
func TestWithoutRoutes(t *testing.T) {
	h := newHouse()
	h.records["passed"] = "acme"
	r := h.open(t)
	_, err := r.Giftcard().Request(t.Context(), &giftcard.Request{Family: txn.Load, Sender: sender, Card: pan(t, "71")})
	_, err2 := r.Airtime().Request(t.Context(), &airtime.Request{Family: txn.Purchase, Sender: sender})
	_, err3 := r.Giftcard().Advise(t.Context(), &txn.Advice{Family: txn.Load, Sender: sender, RequestID: "passed"})
	_, err4 := r.Giftcard().Advise(t.Context(), &txn.Advice{Family: txn.Load, Sender: sender, RequestID: "unknown"})
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Error(err)
	}
	h.expect(t, "without routes", "local: request", "local: request", "relay: advice", "local: advice")
	h.settings.Local.Airtime = nil
	if _, err := h.open(t).Airtime().Request(t.Context(), &airtime.Request{Family: txn.Purchase, Sender: sender}); reason(err) != decline.TransactionNotSupported {
		t.Errorf("of a contract that is not served: %v", err)
	}
}

// Cards of one range go to a processor, all others stay here.
func Example() {
	cards, err := router.ParseCards("7001*")
	if err != nil {
		fmt.Println(err)
		return
	}
	var told []string
	r, err := router.New(router.Settings{
		Routes: []router.Route{
			{To: []string{"processor"}, Cards: []router.Range{cards}},
			{To: []string{router.Local}},
		},
		Local: place{name: "issuer", told: &told}.services(),
		Relay: place{name: "relay", told: &told}.services(),
		Passed: func(upstreams []string) router.Services {
			return place{name: upstreams[0], told: &told}.services()
		},
		Taken: func(context.Context, *txn.Sender, txn.Family, ident.ID) (string, bool, error) { return "", false, nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, digits := range []string{"7001000000000001", "6001000000000001"} {
		number, err := ident.ParsePAN(digits)
		if err != nil {
			fmt.Println(err)
			return
		}
		request := &giftcard.Request{Family: txn.Load, Sender: &txn.Sender{Name: "till-1"}, Card: giftcard.Presented{PAN: number}}
		if _, err := r.Giftcard().Request(context.Background(), request); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(strings.Join(told, ", "))
	// Output: processor: request, issuer: request
}
