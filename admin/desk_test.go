package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// desk is an office over a store in memory, with an issuer beside it.
type desk struct {
	t      testing.TB
	driver store.Driver
	store  *store.Store
	keys   *secret.Keys
	issuer *giftcard.Issuer
	vendor *airtime.Vendor
	office *admin.Office
	now    time.Time
	ids    int
	// provider tops subscribers up.
	provider  *provider
	providers []string // names of those that operators may choose
	queues    *queues  // nil when nothing is passed on
}

// codec is JSON, as in production.
type codec struct{}

func (codec) Encode(v any) ([]byte, error)    { return json.Marshal(v) }
func (codec) Decode(data []byte, v any) error { return json.Unmarshal(data, v) }

func newDesk(t testing.TB) *desk {
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, driver: memstore.New(), keys: keys, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), provider: &provider{}, providers: []string{"mno", "other"}}
	d.open()
	return d
}

// open starts an office on what the driver keeps, as after a restart.
func (d *desk) open() {
	register, err := admin.LoadRegister(d.t.Context(), d.driver, codec{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.store = store.New(d.driver, store.Settings{Keys: d.keys, Now: func() time.Time { return d.now }, Unfinished: register.Unfinished})
	d.t.Cleanup(func() { d.store.Close() })
	d.issuer = giftcard.NewIssuer(giftcard.Settings{Store: store.Giftcard(d.store), Keys: d.keys, Products: register})
	d.vendor = airtime.NewVendor(airtime.Settings{
		Store: store.Airtime(d.store), Unsettled: d.driver, Keys: d.keys, Catalogue: register.Catalogue(), Senders: register,
		Providers: map[string]airtime.Provider{"mno": d.provider}, Institution: ident.Reference{Institution: "1", Identifier: "Scrip"},
	})
	settings := admin.Settings{
		Store: store.Admin(d.store), Reports: d.driver, Register: register, Keys: d.keys, Codec: codec{}, Issuer: d.issuer,
		Airtime: store.Airtime(d.store), Vendor: d.vendor, Providers: d.providers,
		Tells:       func(body []byte, _, value string) bool { return strings.Contains(string(body), value) },
		Carries:     func(body []byte, r ident.Reference) bool { return strings.Contains(string(body), r.Identifier) },
		NewID:       d.newID,
		NewToken:    func() (string, error) { return fmt.Sprintf("token-%032d", d.next()), nil },
		NewPassword: func() (string, error) { return fmt.Sprintf("password-%d", d.next()), nil },
		Currency:    710,
		Own:         []string{admin.VendorAccount},
		Leases:      d.driver,
	}
	if d.queues != nil {
		d.queues.paused = map[string]bool{}
		settings.Queues = d.queues
	}
	d.office = admin.NewOffice(settings)
	must(d.t, d.office.Recover(d.t.Context(), d.now))
}

func (d *desk) next() int       { d.ids++; return d.ids }
func (d *desk) newID() ident.ID { return ident.ID(fmt.Sprintf("id-%d", d.next())) }

// by is somebody with a role who says why.
func (d *desk) by(role admin.Role) admin.By {
	return admin.By{Operator: "ann", Role: role, World: ident.Production, At: d.now, Reason: "because"}
}

// Cards of the tests.
const (
	pan1 = "6001000000000001"
	pan2 = "6001000000000002"
	pan3 = "6001000000000003"
)

// parsePAN reads a number that is right.
func parsePAN(t testing.TB, digits string) ident.PAN {
	t.Helper()
	pan, err := ident.ParsePAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return pan
}

// shop makes an account, a product and cards 1 to 3.
func (d *desk) shop() {
	d.t.Helper()
	d.product(giftcard.Product{ID: "gold", Currency: 710, PINTries: 3})
	d.account("till", admin.AccountSettings{})
	for _, pan := range []string{pan1, pan2, pan3} {
		d.card(pan)
	}
}

func (d *desk) product(p giftcard.Product) *giftcard.Product {
	d.t.Helper()
	made, err := d.office.CreateProduct(d.t.Context(), d.by(admin.Admin), p)
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

func (d *desk) account(name string, s admin.AccountSettings) *admin.Account {
	d.t.Helper()
	made, _, err := d.office.CreateAccount(d.t.Context(), d.by(admin.Admin), name, "correct horse", s)
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

func (d *desk) card(pan string) admin.CardView {
	d.t.Helper()
	made, err := d.office.AddCard(d.t.Context(), d.by(admin.Attendant), d.seed(pan))
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

func (d *desk) seed(pan string) admin.Seed {
	return admin.Seed{PAN: parsePAN(d.t, pan), Expiry: 4010, Currency: 710}
}

// find gives a card as it stands.
func (d *desk) find(pan string) admin.CardView {
	d.t.Helper()
	v, err := d.office.FindCard(d.t.Context(), d.by(admin.Viewer), parsePAN(d.t, pan))
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

// ask sends a request of the till and gives its id.
func (d *desk) ask(f txn.Family, pan string, amount money.Minor) (ident.ID, error) {
	return d.askFor(&giftcard.Request{Family: f, Card: giftcard.Presented{PAN: parsePAN(d.t, pan), Expiry: "4010"}}, amount)
}

func (d *desk) askFor(r *giftcard.Request, amount money.Minor) (ident.ID, error) {
	account, _ := d.office.Register().AccountByName(ident.Production, "till")
	r.ID, r.Received, r.Product = d.newID(), d.now, "gold"
	r.Sender, _ = d.office.Register().Sender(ident.Production, account.Number)
	if amount != 0 {
		r.Amount = &money.Amount{Minor: amount, Currency: 710}
	}
	_, err := d.issuer.Request(d.t.Context(), r)
	return r.ID, err
}

// approve sends a request that must be approved.
func (d *desk) approve(f txn.Family, pan string, amount money.Minor) ident.ID {
	d.t.Helper()
	id, err := d.ask(f, pan, amount)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// advise confirms or reverses a request of the till.
func (d *desk) advise(f txn.Family, role txn.Role, request ident.ID) error {
	account, _ := d.office.Register().AccountByName(ident.Production, "till")
	sender, _ := d.office.Register().Sender(ident.Production, account.Number)
	_, err := d.issuer.Advise(d.t.Context(), &txn.Advice{Family: f, Role: role, ID: d.newID(), RequestID: request, Sender: sender, Received: d.now})
	return err
}

// activate opens a card with an amount, confirmed.
func (d *desk) activate(pan string, amount money.Minor) {
	d.t.Helper()
	if err := d.advise(txn.Activation, txn.Confirmation, d.approve(txn.Activation, pan, amount)); err != nil {
		d.t.Fatal(err)
	}
}

// trail gives the whole audit trail.
func (d *desk) trail() []admin.Audit {
	d.t.Helper()
	entries, next, err := d.office.Trail(d.t.Context(), d.by(admin.Auditor), admin.AuditQuery{Limit: admin.MaxLimit})
	if err != nil || next != 0 {
		d.t.Fatal(err, next)
	}
	return entries
}

// refused checks that an error is a refusal with a code, about a field.
func refused(t testing.TB, err error, code admin.Code, field string) {
	t.Helper()
	var r *admin.Refusal
	if !errors.As(err, &r) || r.Code != code || r.Field != field {
		t.Errorf("got %v (%+v), want a refusal with code %d about %q", err, r, code, field)
	}
}

// balance checks a card's two balances.
func (d *desk) balance(pan string, book, available money.Minor) {
	d.t.Helper()
	if b := d.find(pan).Balance; b.Book != book || b.Available != available {
		d.t.Errorf("card %s: book=%d available=%d, want %d and %d", ident.Mask(pan), b.Book, b.Available, book, available)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var bg = context.Background()
