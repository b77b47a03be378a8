package admin_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

// world is what the property test expects there to be: what was acknowledged, and no more.
type world struct {
	*nodes
	accounts  map[string]admin.Account // without numbers
	products  map[string]string        // barcodes by id
	airtime   map[string]int           // editions by id
	operators map[string]bool          // revoked
	paused    map[string]bool
	imports   []admin.ImportState
	running   *admin.Importing[admin.Seed]
	runner    *desk // whose import is running
	acts      int
}

// ended says how an act must end: 0 is acknowledged.
func (w *world) ended(t *rapid.T, what string, err error, want admin.Code) {
	var r *admin.Refusal
	switch {
	case want == 0 && err == nil:
		w.acts++
	case want == 0 || !errors.As(err, &r) || r.Code != want:
		t.Fatalf("%s ended with %v, want code %d", what, err, want)
	}
}

// Whatever two nodes do in turn, seeing each other's acts sooner or later, each act ends as if there were one node; at the
// end both show what the store holds, and that is what was acknowledged.
func TestTwoNodesAreAsOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			nodes: newNodes(t), accounts: map[string]admin.Account{}, products: map[string]string{}, airtime: map[string]int{},
			operators: map[string]bool{}, paused: map[string]bool{},
		}
		steps := w.steps()
		names := slices.Sorted(maps.Keys(steps))
		for range rapid.IntRange(10, 60).Draw(rt, "steps") {
			d := rapid.SampledFrom(w.both()).Draw(rt, "node")
			steps[rapid.SampledFrom(names).Draw(rt, "step")](rt, d)
		}
		w.agree()
		w.holds(rt)
		for _, d := range w.both() {
			must(t, d.store.Close())
		}
	})
}

func (w *world) steps() map[string]func(*rapid.T, *desk) {
	return map[string]func(*rapid.T, *desk){
		"create": w.createAccount, "change": w.changeAccount, "suspend": w.suspend, "product": w.createProduct,
		"edition": w.putEdition, "operator": w.createOperator, "revoke": w.revokeOperator, "pause": w.pause,
		"begin import": w.beginImport, "end import": w.endImport,
		"refresh": func(_ *rapid.T, d *desk) { d.refresh() }, "second": func(_ *rapid.T, d *desk) { d.second() },
	}
}

func name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"n1", "n2", "n3", "n4"}).Draw(t, "name")
}

func (w *world) createAccount(t *rapid.T, d *desk) {
	n, want := name(t), admin.Code(0)
	if _, there := w.accounts[n]; there {
		want = admin.Exists
	}
	_, _, err := d.office.CreateAccount(bg, d.by(admin.Admin), n, "", noPassword(n))
	w.ended(t, "create account", err, want)
	if err == nil {
		w.accounts[n] = admin.Account{Settings: noPassword(n)}
	}
}

func (w *world) changeAccount(t *rapid.T, d *desk) {
	n, burst, want := name(t), rapid.Int32Range(1, 1000).Draw(t, "burst"), admin.Code(0)
	a, there := w.accounts[n]
	if !there {
		want = admin.NotFound
	}
	a.Settings.Burst = burst
	_, err := d.office.ChangeAccount(bg, d.by(admin.Admin), n, a.Settings)
	w.ended(t, "change account", err, want)
	if err == nil {
		w.accounts[n] = a
	}
}

func (w *world) suspend(t *rapid.T, d *desk) {
	n, yes, want := name(t), rapid.Bool().Draw(t, "yes"), admin.Code(0)
	a, there := w.accounts[n]
	switch {
	case !there:
		want = admin.NotFound
	case a.Suspended == yes:
		want = admin.Conflict
	}
	act := d.office.ResumeAccount
	if yes {
		act = d.office.SuspendAccount
	}
	_, err := act(bg, d.by(admin.Admin), n)
	w.ended(t, "suspend account", err, want)
	if a.Suspended = yes; err == nil {
		w.accounts[n] = a
	}
}

func (w *world) createProduct(t *rapid.T, d *desk) {
	n, barcode, want := name(t), rapid.SampledFrom([]string{"11", "12"}).Draw(t, "barcode"), admin.Code(0)
	if _, there := w.products[n]; there || slices.Contains(slices.Collect(maps.Values(w.products)), barcode) {
		want = admin.Exists
	}
	_, err := d.office.CreateProduct(bg, d.by(admin.Admin), giftcard.Product{ID: n, Currency: 710, Barcode: barcode})
	w.ended(t, "create product", err, want)
	if err == nil {
		w.products[n] = barcode
	}
}

func (w *world) putEdition(t *rapid.T, d *desk) {
	n := name(t)
	_, err := d.office.PutAirtimeProduct(bg, d.by(admin.Admin), voucherProduct(n))
	w.ended(t, "put product of airtime", err, 0)
	w.airtime[n]++
}

func (w *world) createOperator(t *rapid.T, d *desk) {
	n, want := name(t), admin.Code(0)
	if _, there := w.operators[n]; there {
		want = admin.Exists
	}
	_, _, err := d.office.CreateOperator(bg, d.by(admin.Admin), n, admin.Viewer)
	w.ended(t, "create operator", err, want)
	if err == nil {
		w.operators[n] = false
	}
}

func (w *world) revokeOperator(t *rapid.T, d *desk) {
	n, want := name(t), admin.Code(0)
	revoked, there := w.operators[n]
	switch {
	case !there:
		want = admin.NotFound
	case revoked:
		want = admin.Conflict
	}
	_, err := d.office.RevokeOperator(bg, d.by(admin.Admin), n)
	w.ended(t, "revoke operator", err, want)
	if err == nil {
		w.operators[n] = true
	}
}

func (w *world) pause(t *rapid.T, d *desk) {
	upstream, want := rapid.SampledFrom([]string{"north", "south"}).Draw(t, "upstream"), admin.Code(0)
	if rapid.Bool().Draw(t, "resume") {
		_, err := d.office.ResumeUpstream(bg, d.by(admin.Admin), upstream)
		w.ended(t, "resume", err, 0)
		w.paused[upstream] = false
		return
	}
	if w.paused[upstream] {
		want = admin.Conflict
	}
	_, err := d.office.PauseUpstream(bg, d.by(admin.Admin), upstream)
	w.ended(t, "pause", err, want)
	w.paused[upstream] = true
}

func (w *world) beginImport(t *rapid.T, d *desk) {
	want := admin.Code(0)
	if w.running != nil {
		want = admin.Busy
	}
	i, err := d.office.BeginImport(bg, d.by(admin.Admin), admin.All, 0)
	w.ended(t, "begin import", err, want)
	if err == nil {
		w.running, w.runner = i, d
		w.imports = append(w.imports, admin.Running)
	}
}

// endImport completes the import that is running, or has its node hold still until another one abandons it.
func (w *world) endImport(t *rapid.T, d *desk) {
	if w.running == nil {
		return
	}
	last := len(w.imports) - 1
	if d != w.runner && rapid.Bool().Draw(t, "gone") {
		w.clock = w.clock.Add(store.LeaseTime)
		d.refresh()
		d.second()
		w.acts++
		w.imports[last] = admin.Abandoned
		_, err := w.running.Finish(bg, d.now)
		w.ended(t, "finish an import that was abandoned", err, admin.Conflict)
		ended, err := w.running.Abandon(bg, d.now)
		if err != nil || ended.State != admin.Abandoned {
			t.Fatalf("abandoned as %+v, %v", ended, err)
		}
	} else {
		_, err := w.running.Finish(bg, d.now)
		w.ended(t, "finish import", err, 0)
		w.imports[last] = admin.Complete
	}
	w.running = nil
}

// holds checks that what is there is what was acknowledged.
func (w *world) holds(t *rapid.T) {
	r := w.b.office.Register()
	accounts := map[string]admin.Account{}
	for _, a := range r.Accounts(ident.Production) {
		accounts[a.Name] = admin.Account{Suspended: a.Suspended, Settings: a.Settings}
	}
	products := map[string]string{}
	for _, p := range r.Products(ident.Production) {
		products[p.ID] = p.Barcode
	}
	editions := 0
	for _, n := range w.airtime {
		editions += n
	}
	_, last := r.Catalogue().Edition(ident.Production, int32(editions))
	_, more := r.Catalogue().Edition(ident.Production, int32(editions+1))
	operators, _, err := w.b.office.Operators(bg, w.b.by(admin.Admin), 0, 100)
	must(w.t, err)
	revoked := map[string]bool{}
	for _, o := range operators {
		revoked[o.Name] = !o.Revoked.IsZero()
	}
	var imports []admin.ImportState
	for _, i := range w.b.imports() {
		imports = append(imports, i.State)
	}
	for what, is := range map[string][2]any{
		"accounts": {accounts, w.accounts}, "products": {products, w.products}, "operators": {revoked, w.operators},
		"imports": {imports, w.imports}, "paused": {r.Paused("north"), w.paused["north"]},
		"editions": {[2]bool{last || editions == 0, more}, [2]bool{true, false}}, "audit": {len(w.b.trail()), w.acts},
	} {
		if got, want := fmt.Sprintf("%+v", is[0]), fmt.Sprintf("%+v", is[1]); got != want {
			t.Errorf("%s: there are %s, and acknowledged were %s", what, got, want)
		}
	}
}

// BenchmarkRefresh reads a register of 10,000 accounts, products and products of airtime each.
func BenchmarkRefresh(b *testing.B) {
	const each = 10_000
	driver := memstore.New()
	kept := store.New(driver, store.Settings{})
	defer kept.Close()
	fill(b, kept, each)
	r, err := admin.LoadRegister(bg, driver, codec{})
	if err != nil {
		b.Fatal(err)
	}
	for number := int64(0); b.Loop(); number++ {
		b.StopTimer()
		touch(b, kept)
		b.StartTimer()
		if changed, err := r.Refresh(bg); err != nil || !changed {
			b.Fatal(changed, err)
		}
	}
	if len(r.Accounts(1)) != each || len(r.Products(1)) != each || len(r.Catalogue().Products(1)) != each {
		b.Error("not all were read")
	}
}

// touch changes what operators have set.
func touch(b *testing.B, kept *store.Store) {
	err := kept.Do(bg, store.Keys{World: 1}, func(tx *store.Tx) error {
		tx.PutRow(admin.Row{Kind: admin.SettingRow, Number: 99, World: 1, Content: []byte("{}")})
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// fill saves accounts and products as they rest.
func fill(b *testing.B, kept *store.Store, each int) {
	encode := func(v any) []byte {
		content, err := codec{}.Encode(v)
		if err != nil {
			b.Fatal(err)
		}
		return content
	}
	put := func(rows ...admin.Row) {
		if err := kept.Do(bg, store.Keys{World: 1}, func(tx *store.Tx) error {
			for _, row := range rows {
				tx.PutRow(row)
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	for n := 1; n <= each; n++ {
		name := fmt.Sprint("name-", n)
		p := giftcard.Product{ID: name, Number: int32(n), World: 1, Currency: 710, Barcode: name}.WithDefaults()
		v := airtime.Product{
			ID: name, Number: int32(n), Edition: int32(n), World: 1, Name: name, Type: airtime.AirtimeFixed, Values: voucherProduct(name).Values,
		}.WithDefaults()
		a := admin.Account{Number: ident.Account(n), World: 1, Name: name, Credentials: []admin.Credential{{Number: 1, Hash: name, NotBefore: time.Unix(1, 0)}}}
		number := int64(n)
		put(
			admin.Row{Kind: admin.AccountRow, Number: number, World: 1, Name: name, Content: encode(a)},
			admin.Row{Kind: admin.ProductRow, Number: 1<<32 | number, World: 1, Name: name, Content: encode(p)},
			admin.Row{Kind: admin.EditionRow, Number: number, World: 1, Content: encode(v)},
			admin.Row{Kind: admin.AirtimeProductRow, Number: number, World: 1, Name: name, Content: encode(struct{ Edition int32 }{v.Edition})},
		)
	}
}
