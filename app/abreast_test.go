package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// neighbour is a process on the store of another one, through which operators set things. It follows only when it is asked to.
type neighbour struct {
	*testing.T
	*newer
	other *App
	asks  *atomic.Int64 // questions to the store
}

// recounted counts who asks for the revision.
type recounted struct {
	store.Driver
	asks atomic.Int64
}

func (r *recounted) Revision(ctx context.Context) (int64, error) {
	r.asks.Add(1)
	return r.Driver.Revision(ctx)
}

func newNeighbour(t *testing.T) *neighbour {
	t.Helper()
	d := &recounted{}
	other, err := New(t.Context(), Settings{driver: func(own store.Driver) store.Driver {
		d.Driver = own
		return d
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &neighbour{T: t, other: other, asks: &d.asks}
	for _, id := range []string{"gold", "silver"} {
		if _, err := other.Office.CreateProduct(t.Context(), byTest(), giftcard.Product{ID: id, Currency: 710}); err != nil {
			t.Fatal(err)
		}
	}
	n.sets(admin.AccountSettings{Families: []txn.Family{txn.LookUp}, Products: []string{"gold"}, Ranges: []txn.Range{{First: "6", Last: "7"}}})
	register, err := admin.LoadRegister(t.Context(), d, adminhttp.Codec{})
	if err != nil {
		t.Fatal(err)
	}
	n.newer = newNewer(register)
	looking, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); n.look(looking) }()
	t.Cleanup(func() { end(); <-ended })
	return n
}

func byTest() admin.By {
	return admin.By{Operator: "test", Role: admin.Admin, World: ident.Production, At: time.Now(), Reason: "test"}
}

// sets has operators make the account till through the other process, or change what it may.
func (n *neighbour) sets(s admin.AccountSettings) {
	n.Helper()
	s.Certificates = []admin.Certificate{{Kind: admin.SAN, Value: "till.example"}}
	by := byTest()
	var err error
	if _, found := n.other.Register.AccountByName(by.World, "till"); found {
		_, err = n.other.Office.ChangeAccount(n.Context(), by, "till", s)
	} else {
		_, _, err = n.other.Office.CreateAccount(n.Context(), by, "till", "", s)
	}
	if err != nil {
		n.Fatal(err)
	}
}

// till is the account as the neighbour knows it.
func (n *neighbour) till() *txn.Sender {
	a, _ := n.register.AccountByName(ident.Production, "till")
	s, _ := n.register.Sender(a.World, a.Number)
	return s
}

// permitting approves whatever cards its sender is permitted.
type permitting struct{ giftcard.Service }

func (permitting) Request(_ context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	if refusal := r.PermittedUnseen(); refusal != nil {
		return nil, refusal
	}
	return nil, nil
}

// selling approves whatever purchase its sender is permitted.
type selling struct{ airtime.Service }

func (selling) Request(_ context.Context, r *airtime.Request) (*airtime.Response, error) {
	if refusal := r.Permitted(); refusal != nil {
		return nil, refusal
	}
	return nil, nil
}

func (s selling) Trial(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	return s.Request(ctx, r)
}

// permits gives services of any place behind the neighbour's look.
func (n *neighbour) permits() router.Services {
	return (&App{newer: n.newer}).permitted(router.Services{Giftcard: permitting{}, Airtime: selling{}})
}

func pan(t *testing.T, digits string) ident.PAN {
	t.Helper()
	p, err := ident.ParsePAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// notPermitted are requests that are refused until an operator has set something.
func notPermitted(t *testing.T) map[string]struct {
	set admin.AccountSettings
	ask func(router.Services, *txn.Sender) error
} {
	card := giftcard.Presented{PAN: pan(t, "6001000000000000")}
	giftcards := func(r giftcard.Request) func(router.Services, *txn.Sender) error {
		return func(s router.Services, from *txn.Sender) error {
			asked := r
			asked.Sender = from
			_, err := s.Giftcard.Request(t.Context(), &asked)
			return err
		}
	}
	purchase := func(from *txn.Sender) *airtime.Request {
		return &airtime.Request{Family: txn.Purchase, Product: "silver", Sender: from}
	}
	return map[string]struct {
		set admin.AccountSettings
		ask func(router.Services, *txn.Sender) error
	}{
		"a family": {
			admin.AccountSettings{}, giftcards(giftcard.Request{Family: txn.Redemption, Card: card}),
		},
		"a card": {
			admin.AccountSettings{Families: []txn.Family{txn.LookUp}, Products: []string{"gold"}},
			giftcards(giftcard.Request{Family: txn.LookUp, Card: card}),
		},
		"a product": {
			admin.AccountSettings{Products: []string{"gold", "silver"}},
			giftcards(giftcard.Request{Family: txn.Activation, Card: card, Product: "silver"}),
		},
		"a purchase": {
			admin.AccountSettings{Families: []txn.Family{txn.Purchase}, Products: []string{"silver"}},
			func(s router.Services, from *txn.Sender) error {
				_, err := s.Airtime.Request(t.Context(), purchase(from))
				return err
			},
		},
		"a trial": {
			admin.AccountSettings{Families: []txn.Family{txn.Purchase}, Products: []string{"silver"}},
			func(s router.Services, from *txn.Sender) error {
				_, err := s.Airtime.Trial(t.Context(), purchase(from))
				return err
			},
		},
	}
}

// Whoever was permitted something through another process is refused nothing for it by any service, local or passed on, also
// when the register has come to know it since the gate let him in, while his message was still being read.
func TestWhatWasPermittedElsewhereIsNotRefused(t *testing.T) {
	for name, test := range notPermitted(t) {
		for _, when := range []string{"not known yet", "known since he came in"} {
			t.Run(name+", "+when, func(t *testing.T) {
				n := newNeighbour(t)
				services, came := n.permits(), n.till()
				if word := reason(t, test.ask(services, came)); word != decline.TransactionNotSupported {
					t.Fatalf("he is refused for %v before anything was permitted", word)
				}
				n.sets(test.set)
				if when != "not known yet" {
					if _, err := n.register.Refresh(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := test.ask(services, came); err != nil {
					t.Errorf("he is refused: %v", err)
				}
			})
		}
	}
}

// What an account may not sell is asked of an activation and of airtime only. That a redemption names another product costs
// no question, and so does whatever is not refused; nor does it cost any memory.
func TestNobodyIsAskedForWhatIsNotRefused(t *testing.T) {
	n := newNeighbour(t)
	n.sets(admin.AccountSettings{Products: []string{"gold"}})
	if _, err := n.register.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	services, from := n.permits(), n.till()
	cards := &giftcard.Request{Family: txn.Redemption, Product: "sugar", Sender: from, Card: giftcard.Presented{PAN: pan(t, "6001000000000000")}}
	sale := &airtime.Request{Family: txn.Purchase, Product: "gold", Sender: from}
	before := n.asks.Load()
	allocated := testing.AllocsPerRun(100, func() {
		_, err := services.Giftcard.Request(t.Context(), cards)
		_, err2 := services.Airtime.Request(t.Context(), sale)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
	})
	if asked := n.asks.Load() - before; asked != 0 || allocated != 0 {
		t.Errorf("%d questions and %v allocations, want none", asked, allocated)
	}
}

// A look-up by card holder is permitted at once, too, where it is asked of the issuer of this process.
func TestALookUpByHolderIsPermittedAtOnce(t *testing.T) {
	n := newNeighbour(t)
	issuer := giftcard.NewIssuer(giftcard.Settings{Store: store.Giftcard(n.other.Store), Keys: n.other.Keys, Products: n.register})
	local := (&App{newer: n.newer}).local(issuer, n.other.Vendor)
	from := n.till()
	n.sets(admin.AccountSettings{HolderLookUps: true})
	_, err := (&App{newer: n.newer}).permitted(local).Giftcard.Request(t.Context(), &giftcard.Request{
		Family: txn.LookUp, ID: secret.NewID(), Sender: from, Received: time.Now(), Holder: giftcard.Holder{MSISDN: "27831234567"},
	})
	if word := reason(t, err); word != decline.UnableToLocateRecord {
		t.Errorf("it is refused for %v, want that no card is found", word)
	}
}

// reason gives why a request was refused.
func reason(t *testing.T, err error) decline.Reason {
	t.Helper()
	var refusal *decline.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, which is no refusal", err)
	}
	return refusal.Reason
}
