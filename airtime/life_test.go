package airtime_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store/fleet"
	"github.com/scripworks/scrip/txn"
)

// place is where a voucher stands, by its serial.
func (s *shop) place(serial string) string {
	s.t.Helper()
	all, err := s.Vouchers(context.Background())
	s.must(err)
	for _, v := range all {
		if v.Serial == serial {
			return v.Status.String()
		}
	}
	return "nowhere"
}

func TestAVoucherIsSoldConfirmedAndTold(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	expiry := s.Now().AddDate(1, 0, 0)
	batch, err := s.Deliver(t.Context(), s.voucher, 2, expiry)
	s.must(err)
	s.prepaid(2000)
	r := s.purchase("p1", s.voucher)
	r.Body = []byte(`{"id":"p1"}`)
	got := s.bought(r)
	v := got.Voucher
	if v == nil || v.Serial != airtimetest.Serial(batch, 0) || v.Batch != "B1" || !v.Expiry.Equal(expiry) || !slices.Equal(v.Instructions, s.voucher.Instructions) {
		t.Fatalf("%+v", v)
	}
	if v.PIN.Reveal() != "77000001000000" || *got.Amount != rand(1000) || got.Provider != airtimetest.Institution.Identifier {
		t.Errorf("%s %s %s", v.PIN.Reveal(), got.Amount, got.Provider)
	}
	s.wants("the float", s.float(), "book 1100 available 1100")
	s.wants("the voucher", s.place(v.Serial), "sold")
	s.wants("the confirmation", s.confirm("p1"), good)
	s.wants("the confirmation again", s.confirm("p1"), good)
	s.wants("the reversal", s.reverse("p1"), "ACCOUNT_ALREADY_SETTLED")
	s.wants("the float", s.float(), "book 1100 available 1100")

	again, err := s.Status(t.Context(), s.query("p1"))
	s.must(err)
	if again.Reference != got.Reference || again.Voucher.PIN != v.PIN || *again.Amount != *got.Amount || string(again.Request) != `{"id":"p1"}` {
		t.Errorf("%+v, not %+v", again, got)
	}
	byReference, err := s.Status(t.Context(), &airtime.Query{Sender: r.Sender, Reference: got.Reference, Provider: "anybody"})
	s.must(err)
	if byReference.Voucher.PIN != v.PIN {
		t.Error("the reference leads to another voucher")
	}
	s.booksAreRight()
}

func TestAReversedVoucher(t *testing.T) {
	for _, c := range []struct {
		returned airtime.Returned
		want     string
		again    string // what the next purchase is told
	}{{airtime.ToQuarantine, "quarantine", "OUT_OF_STOCK"}, {airtime.ToStock, "stock", good}} {
		t.Run(string(c.returned), func(t *testing.T) {
			s := newShop(t, airtimetest.Settings{})
			s.prepaid(2000)
			p := s.sell(airtime.Product{ID: "v", Values: []money.Amount{rand(1000)}, Returned: c.returned})
			s.deliver(p, 1)
			serial := s.bought(s.purchase("p1", p)).Voucher.Serial
			s.wants("the reversal", s.reverse("p1"), good)
			s.wants("the reversal again", s.reverse("p1"), good)
			s.wants("the confirmation", s.confirm("p1"), "ACCOUNT_ALREADY_SETTLED")
			s.wants("the status", s.status("p1"), "ACCOUNT_ALREADY_SETTLED")
			s.wants("the voucher", s.place(serial), c.want)
			s.wants("the float", s.float(), "book 2000 available 2000")
			s.wants("the next", s.buy(s.purchase("p2", p)), c.again)
			s.booksAreRight()
		})
	}
}

// What is sold goes on pointing to the edition it was sold as: a new price is charged from now on only.
func TestAnEditionStaysWhatItWas(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.prepaid(5000)
	s.deliver(s.voucher, 2)
	first := s.bought(s.purchase("p1", s.voucher))
	dearer := *s.voucher
	dearer.Wholesale = new(rand(2000))
	s.sell(dearer)
	s.bought(s.purchase("p2", s.voucher))
	s.wants("the float", s.float(), "book 2100 available 2100")
	s.wants("the reversal", s.reverse("p1"), good)
	s.wants("the float", s.float(), "book 3000 available 3000")
	if first.Product.Wholesale.Minor != 900 {
		t.Error("the edition that was sold has changed")
	}
	s.booksAreRight()
}

func TestTheOldestExpiryIsSoldFirst(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	now := s.Now()
	var want []string
	for i, expiry := range []time.Time{{}, now.Add(48 * time.Hour), now.Add(24 * time.Hour), now.Add(-time.Hour)} {
		batch, err := s.Deliver(t.Context(), s.voucher, 2, expiry)
		s.must(err)
		if i < 3 { // the last has expired
			want = append(want, airtimetest.Serial(batch, 1), airtimetest.Serial(batch, 0))
		}
	}
	slices.Reverse(want)
	var sold []string
	for range want {
		sold = append(sold, s.bought(s.purchase(string(newID()), s.voucher)).Voucher.Serial)
	}
	if !slices.Equal(sold, want) {
		t.Errorf("sold %v, not %v", sold, want)
	}
	s.wants("one more", s.buy(s.purchase("last", s.voucher)), "OUT_OF_STOCK")
}

func TestAVoucherIsMadeForItsSale(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	p := s.sell(airtime.Product{ID: "made", Source: airtime.Made})
	seen := map[string]bool{}
	for range 50 {
		got := s.bought(s.purchase(string(newID()), p))
		if got.Amount != nil {
			t.Fatalf("a product without a value was sold for %s", got.Amount)
		}
		seen[got.Voucher.Serial], seen[got.Voucher.PIN.Reveal()] = true, true
	}
	if len(seen) != 100 {
		t.Errorf("%d serials and PINs", len(seen))
	}
	r := s.purchase("p1", p)
	serial := s.bought(r).Voucher.Serial
	s.wants("the reversal", s.reverse("p1"), good)
	s.wants("the voucher", s.place(serial), "quarantine")
	s.booksAreRight()
}

func TestAdvicesThatAreRefused(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 9)
	s.bought(s.purchase("p1", s.voucher))
	send := func(change func(a *airtime.Advice)) string {
		a := s.advice(txn.Confirmation, string(newID()), "p1")
		change(a)
		return advised(s.Advise(t.Context(), a))
	}
	for name, c := range map[string]struct {
		change func(a *airtime.Advice)
		want   string
	}{
		"another account's confirmation": {func(a *airtime.Advice) { a.Sender = s.Named("b") }, "UNABLE_TO_LOCATE_RECORD"},
		"another account's reversal":     {func(a *airtime.Advice) { a.Sender, a.Role = s.Named("b"), txn.Reversal }, "GENERAL_ERROR"},
		"another kind's confirmation":    {func(a *airtime.Advice) { a.Family = txn.Voucher }, "UNABLE_TO_LOCATE_RECORD"},
		"another kind's reversal":        {func(a *airtime.Advice) { a.Family, a.Role = txn.Voucher, txn.Reversal }, "GENERAL_ERROR"},
		"less than all, confirmed":       {func(a *airtime.Advice) { a.Approved = new(rand(999)) }, "INVALID_AMOUNT"},
		"less than all, reversed":        {func(a *airtime.Advice) { a.Approved, a.Role = new(rand(999)), txn.Reversal }, "INVALID_AMOUNT"},
		"in another currency":            {func(a *airtime.Advice) { a.Approved = new(euro(60)) }, "INVALID_AMOUNT"},
		"of a purchase never made":       {func(a *airtime.Advice) { a.RequestID = "p0" }, "UNABLE_TO_LOCATE_RECORD"},
	} {
		s.wants(name, send(c.change), c.want)
	}
	s.wants("all of it, named", send(func(a *airtime.Advice) { a.Approved = new(rand(1000)) }), good)
	s.wants("a reversal that comes first", s.reverse("p9"), "UNABLE_TO_LOCATE_RECORD")
	s.wants("its purchase", s.buy(s.purchase("p9", s.voucher)), "ACCOUNT_ALREADY_SETTLED")
	s.wants("its status", s.status("p9"), "ACCOUNT_ALREADY_SETTLED")
	s.wants("its reversal again", s.reverse("p9"), good)
	s.wants("its confirmation", s.confirm("p9"), "GENERAL_ERROR")
	s.booksAreRight()
}

func TestAnotherSerialIsAnAlarmAndNoRefusal(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 2)
	for id, own := range map[string]bool{"p1": true, "p2": false} {
		got := s.bought(s.purchase(id, s.voucher))
		a := s.advice(txn.Confirmation, id+"-k", id)
		if a.Serial = "other"; own {
			a.Serial = got.Voucher.Serial
		}
		s.wants(id, advised(s.Advise(t.Context(), a)), good)
	}
	if got := s.Alarms(); !slices.Equal(got, []decline.Alarm{airtime.SerialDiffers}) {
		t.Errorf("alarms: %v", got)
	}
}

func TestStatusesThatAreRefused(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 9)
	got := s.bought(s.purchase("p1", s.voucher))
	older := s.purchase("v1", s.voucher)
	older.Family = txn.Voucher
	s.bought(older)
	s.wants("a refused purchase", s.buy(s.purchase("p2", &airtime.Product{ID: "none"})), "INVALID_PRODUCT")
	for name, c := range map[string]struct {
		query airtime.Query
		want  string
	}{
		"nothing named":              {airtime.Query{}, "FORMAT_ERROR"},
		"a reference alone":          {airtime.Query{Reference: got.Reference}, "FORMAT_ERROR"},
		"a provider alone":           {airtime.Query{Provider: "x"}, "FORMAT_ERROR"},
		"an unknown id":              {airtime.Query{ID: "p0"}, "UNABLE_TO_LOCATE_RECORD"},
		"an unknown reference":       {airtime.Query{Reference: airtime.Reference(1 << 40), Provider: "x"}, "UNABLE_TO_LOCATE_RECORD"},
		"no reference of ours":       {airtime.Query{Reference: "what", Provider: "x"}, "UNABLE_TO_LOCATE_RECORD"},
		"another account's id":       {airtime.Query{ID: "p1", Sender: s.Named("b")}, "UNABLE_TO_LOCATE_RECORD"},
		"another one's reference":    {airtime.Query{Reference: got.Reference, Provider: "x", Sender: s.Named("b")}, "UNABLE_TO_LOCATE_RECORD"},
		"a voucher request":          {airtime.Query{ID: "v1"}, "UNABLE_TO_LOCATE_RECORD"},
		"the refused purchase":       {airtime.Query{ID: "p2"}, "INVALID_PRODUCT"},
		"the id before a reference":  {airtime.Query{ID: "p0", Reference: got.Reference, Provider: "x"}, "UNABLE_TO_LOCATE_RECORD"},
		"the purchase by both names": {airtime.Query{ID: "p1", Reference: "what"}, good},
	} {
		q := c.query
		if q.Sender == nil {
			q.Sender = s.Named("a")
		}
		_, err := s.Status(t.Context(), &q)
		s.wants(name, word(err), c.want)
		var refusal *decline.Error
		if c.want == "INVALID_PRODUCT" && (!errors.As(err, &refusal) || refusal.Detail.RequestID != "p2") {
			t.Errorf("%s does not name the purchase: %v", name, err)
		}
	}
}

// A trial leaves no trace: no record, no id, no voucher, no count.
func TestATrialLeavesNoTrace(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.deliver(s.voucher, 1)
	s.prepaid(900)
	s.Account("a", txn.Sender{Prepaid: true, Velocity: []txn.Velocity{{Family: txn.Purchase, Window: time.Hour, MaxCount: 1}}})
	before, err := s.Store.Driver().Messages(t.Context(), 0, 100)
	s.must(err)
	for range 3 {
		got, err := s.Trial(t.Context(), s.purchase("p1", s.voucher))
		s.must(err)
		if got.Voucher != nil || *got.Amount != rand(1000) || got.Product != s.voucher || got.Reference == "" {
			t.Fatalf("%+v", got)
		}
		if _, known := airtime.ParseReference(got.Reference); known {
			t.Error("its reference could be another purchase's")
		}
	}
	after, err := s.Store.Driver().Messages(t.Context(), 0, 100)
	s.must(err)
	if len(after) != len(before) {
		t.Errorf("%d messages, before %d", len(after), len(before))
	}
	s.wants("the float", s.float(), "book 900 available 900")
	s.wants("the purchase", s.buy(s.purchase("p1", s.voucher)), good)
}

func TestATrialAsksTheProvider(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	try := func() string {
		_, err := s.Trial(t.Context(), s.purchase("t1", s.topUp))
		return word(err)
	}
	s.wants("a trial", try(), good)
	s.Provider.RefuseTrials(&decline.Error{Text: "without a reason"})
	s.wants("a trial that is refused", try(), "DECLINED_BY_MNO")
	s.Provider.RefuseTrials(decline.New(decline.LimitExceeded, "too much"))
	s.wants("for a reason", try(), "LIMIT_EXCEEDED")
	s.Provider.Able(airtime.Capabilities{})
	s.wants("a trial that the provider does not take", try(), good)
	if s.Provider.Asked("t1") != 0 {
		t.Error("it was topped up")
	}
	s.wants("the purchase", s.buy(s.purchase("t1", s.topUp)), good)
}

func TestLookUp(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	now := s.Now()
	s.must(s.Catalogue.Connect(airtime.Network{
		ID: "three", Name: "Three", Country: "ZA", Prefixes: []string{"27831"},
		Promotion: &airtime.Promotion{Name: "spring", Text: "twice as much", Start: now.Add(-time.Hour), End: now.Add(time.Hour)},
	}))
	s.sell(airtime.Product{ID: "bundle", Network: "three", Type: airtime.Data, Promotion: "spring", Channels: []airtime.Channel{{Name: "pos", DisplayCategory: "data"}}})
	s.sell(airtime.Product{ID: "old", Network: "three", Withdrawn: true})
	s.sell(airtime.Product{ID: "three", Network: "three", TopUp: true, Provider: airtimetest.ProviderName, Values: []money.Amount{rand(5)}})
	s.Provider.Know(msisdn("27831000000"), rand(77))
	look := func(number string, change func(l *airtime.LookUp)) *airtime.Subscriber {
		l := &airtime.LookUp{Sender: s.Named("a"), Received: s.Now(), MSISDN: msisdn(number), Operator: "asked"}
		change(l)
		got, err := s.LookUp(t.Context(), l)
		s.must(err)
		return got
	}
	as := func(*airtime.LookUp) {}
	ids := func(products []airtime.Offer) (all string) {
		for _, p := range products {
			all += p.ID + " "
		}
		return all
	}
	got := look("27831000000", as)
	s.wants("products", ids(got.Products), "bundle three voucher ")
	if got.Network.ID != "three" || got.Country != "ZA" || got.Asked != "asked" || got.Promotion == nil || got.Balance == nil || got.Balance.Available != 77 || got.Currency != 710 {
		t.Errorf("%+v", got)
	}
	if other := look("27832000000", as); other.Network.ID != "one" || other.Promotion != nil || other.Balance != nil {
		t.Errorf("%+v", other)
	}
	nobody := look(numberOfNone, as)
	if nobody.Network != nil || nobody.Country != "GB" || len(nobody.Products) != 0 || nobody.MSISDN != msisdn(numberOfNone) {
		t.Errorf("%+v", nobody)
	}
	for want, change := range map[string]func(l *airtime.LookUp){
		"bundle ": func(l *airtime.LookUp) { l.Filter.Type = airtime.Data },
		"three voucher ": func(l *airtime.LookUp) {
			l.Sender = s.Account("b", txn.Sender{Products: []string{"three", "voucher", "topup"}})
		},
		"": func(l *airtime.LookUp) { l.Filter.Channel = "web" },
	} {
		s.wants("filtered", ids(look("27831000000", change).Products), want)
	}
	for _, f := range []airtime.Filter{{Channel: "pos"}, {Category: "data"}, {Category: "spring"}, {Channel: "pos", Category: "spring"}, {Channel: "pos", Category: "data"}} {
		s.wants("filtered", ids(look("27831000000", func(l *airtime.LookUp) { l.Filter = f }).Products), "bundle ")
	}
	s.Advance(2 * time.Hour)
	if got := look("27831000000", as); got.Promotion != nil {
		t.Error("the promotion is over")
	}
	listed, err := s.Products(t.Context(), &airtime.Listing{Sender: s.Named("a")})
	s.must(err)
	s.wants("the list", ids(listed.Offers), "bundle three topup voucher ")
	if listed.Offers[0].Network.Name != "Three" || listed.Offers[2].Network.Name != "Network one" || listed.Offers[3].Network != nil || got.Products[0].Network != got.Network {
		t.Errorf("the networks are %+v", listed)
	}
}

func TestWithoutACatalogueThereIsNoList(t *testing.T) {
	v := airtimetest.New(t, airtimetest.Settings{Open: fleet.Memory(t)})
	_, err := v.Products(t.Context(), &airtime.Listing{Sender: v.Named("a")})
	if word(err) != "FUNCTION_NOT_SUPPORTED" {
		t.Error(err)
	}
	if _, err := v.Catalogue.Sell(airtime.Product{ID: "gone", Withdrawn: true}); err != nil {
		t.Fatal(err)
	}
	if listed, err := v.Products(t.Context(), &airtime.Listing{Sender: v.Named("a")}); err != nil || len(listed.Offers) != 0 {
		t.Error(listed, err)
	}
}

// One is found by its number, its labels and its merchant's hour, beside its third-party identifiers.
func TestWhatAPurchaseIsFoundBy(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	r := s.purchase("t1", s.topUp)
	r.Labels, r.References = []string{"till 7", "till 7"}, []ident.Reference{{Institution: "i", Identifier: "1"}}
	r.Merchant = "000000000012345"
	s.bought(r)
	w := r.Sender.World
	for _, hash := range []int64{
		s.Keys.Found(w, "msisdn", numberOne), s.Keys.Found(w, "label", "till 7"), s.Keys.Reference(w, r.References[0]), s.Keys.Merchant(w, r.Merchant, r.Received),
	} {
		if !slices.Contains(s.state("t1").References, hash) {
			t.Error("a hash is missing")
		}
	}
	if len(s.state("t1").References) != 4 {
		t.Errorf("%d hashes", len(s.state("t1").References))
	}
}
