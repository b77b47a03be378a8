package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/store/storetest"
	"github.com/scripworks/scrip/txn"
)

// nodes are two processes on one store.
type nodes struct {
	t     *testing.T
	a, b  *desk
	clock time.Time // of the leases
}

// newNodes gives two nodes on a store in memory.
func newNodes(t *testing.T) *nodes {
	n := &nodes{t: t}
	cluster := storetest.NewCluster(memstore.New(), func() time.Time { return n.clock })
	n.open(func() store.Driver { return cluster.Node() })
	return n
}

// onPostgres gives two nodes on a database. Their leases go by its clock.
func onPostgres(t *testing.T) *nodes {
	dsn := pgtest.Shared(t).Database(t)
	n := &nodes{t: t}
	n.open(func() store.Driver {
		d, err := postgres.Open(bg, dsn, postgres.Options{})
		must(t, err)
		return d
	})
	return n
}

// everyStore runs a test of two nodes on every kind of store that can be shared.
func everyStore(t *testing.T, test func(n *nodes)) {
	t.Run("in memory", func(t *testing.T) { test(newNodes(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(onPostgres(t)) })
}

func (n *nodes) open(driver func() store.Driver) {
	n.a, n.b = newDesk(n.t), newDesk(n.t)
	n.clock = n.a.now
	n.b.keys, n.b.ids = n.a.keys, 1_000_000
	for _, d := range n.both() {
		d.driver = driver()
		d.queues = &queues{views: []saf.View{{Upstream: "north"}, {Upstream: "south"}}}
		d.open()
	}
}

func (n *nodes) both() []*desk { return []*desk{n.a, n.b} }

// race has both nodes do the same at once.
func (n *nodes) race(do func(d *desk, node int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for node, d := range n.both() {
		all.Go(func() { <-start; do(d, node) })
	}
	close(start)
	all.Wait()
}

// should is must for goroutines that are not the test's own.
func should(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func (d *desk) refresh() (changed bool) {
	d.t.Helper()
	changed, err := d.office.Register().Refresh(bg)
	must(d.t, err)
	return changed
}

// second is what the loop of a process does every second.
func (d *desk) second() {
	d.t.Helper()
	must(d.t, d.office.Follow(bg, d.now))
}

// shows writes down all that a register holds.
func shows(t *testing.T, r *admin.Register) string {
	t.Helper()
	office := admin.NewOffice(admin.Settings{Register: r})
	by := admin.By{Role: admin.Admin, World: ident.Production}
	imports, _, err := office.Imports(bg, by, 0, admin.MaxLimit)
	must(t, err)
	operators, _, err := office.Operators(bg, by, 0, admin.MaxLimit)
	must(t, err)
	networks, _, err := office.Networks(bg, by, 0, admin.MaxLimit)
	must(t, err)
	var senders []*txn.Sender
	for _, a := range r.Accounts(ident.Production) {
		s, _ := r.Sender(ident.Production, a.Number)
		senders = append(senders, s)
	}
	var editions []*airtime.Product
	for n := int32(1); ; n++ {
		p, found := r.Catalogue().Edition(ident.Production, n)
		if !found {
			break
		}
		editions = append(editions, p)
	}
	text, err := json.MarshalIndent([]any{
		r.Accounts(ident.Production), senders, r.Products(ident.Production), r.Catalogue().Products(ident.Production), editions,
		networks, operators, imports, r.Paused("north"), r.Paused("south"),
	}, "", " ")
	must(t, err)
	return string(text)
}

// agree checks that both nodes, once they have refreshed, show what a register shows that is loaded anew.
func (n *nodes) agree() {
	n.t.Helper()
	fresh, err := admin.LoadRegister(bg, n.a.driver, codec{})
	must(n.t, err)
	want := shows(n.t, fresh)
	for name, d := range map[string]*desk{"a": n.a, "b": n.b} {
		d.refresh()
		if got := shows(n.t, d.office.Register()); got != want {
			n.t.Errorf("node %s shows\n%s\nand the store holds\n%s", name, got, want)
		}
		if d.refresh() {
			n.t.Errorf("node %s reads anew what has not changed", name)
		}
	}
}

// noPassword leads to an account by a certificate, which costs no hashing.
func noPassword(name string) admin.AccountSettings {
	return admin.AccountSettings{Certificates: []admin.Certificate{{Kind: admin.SAN, Value: name}}}
}

// Whatever both make at once gets a number of its own, and both see all of it.
func TestTwoNodesGiveNoNumberTwice(t *testing.T) { everyStore(t, twoNodesGiveNoNumberTwice) }

func twoNodesGiveNoNumberTwice(n *nodes) {
	const each = 15
	t := n.t
	n.race(func(d *desk, node int) {
		for i := range each {
			name := fmt.Sprintf("n%dx%d", node, i)
			by := d.by(admin.Admin)
			_, _, err := d.office.CreateAccount(bg, by, name, "", noPassword(name))
			should(t, err)
			_, err = d.office.CreateProduct(bg, by, giftcard.Product{ID: name, Currency: 710})
			should(t, err)
			_, err = d.office.PutAirtimeProduct(bg, by, voucherProduct(name))
			should(t, err)
			_, err = d.office.PutAirtimeProduct(bg, by, voucherProduct(name)) // a second edition
			should(t, err)
			_, err = d.office.PutNetwork(bg, by, airtime.Network{ID: name, Name: name, Country: "ZA", Prefixes: []string{fmt.Sprintf("27%d%03d", node+1, i)}})
			should(t, err)
			_, _, err = d.office.CreateOperator(bg, by, name, admin.Viewer)
			should(t, err)
		}
	})
	n.agree()
	r := n.b.office.Register()
	if a, p, v := len(r.Accounts(1)), len(r.Products(1)), len(r.Catalogue().Products(1)); a != 2*each || p != 2*each || v != 2*each {
		t.Errorf("%d accounts, %d products, %d of airtime", a, p, v)
	}
	for kind, want := range map[admin.Kind]int{
		admin.AccountRow: 2 * each, admin.ProductRow: 2 * each, admin.AirtimeProductRow: 2 * each, admin.EditionRow: 4 * each,
		admin.NetworkRow: 2 * each, admin.OperatorRow: 2 * each, admin.AuditRow: 12 * each,
	} {
		if rows, err := n.a.driver.Rows(bg, kind, 0, 1000); err != nil || len(rows) != want {
			t.Errorf("%d rows of %s, want %d; %v", len(rows), kind, want, err)
		}
	}
}

func TestTheSameNameOnTwoNodes(t *testing.T) { everyStore(t, theSameNameOnTwoNodes) }

func theSameNameOnTwoNodes(n *nodes) {
	t := n.t
	for i := range 10 {
		name := fmt.Sprint("till", i)
		var made [2]*admin.Account
		var outcomes [2]error
		n.race(func(d *desk, node int) {
			made[node], _, outcomes[node] = d.office.CreateAccount(bg, d.by(admin.Admin), name, "", noPassword(fmt.Sprint(name, node)))
		})
		won := slices.Index(outcomes[:], nil)
		if won < 0 {
			t.Fatalf("round %d: nobody made the account: %v", i, outcomes)
		}
		refused(t, outcomes[1-won], admin.Exists, "")
		n.agree()
		for _, d := range n.both() {
			a, _ := d.office.Register().AccountByName(1, name)
			if a.Number != made[won].Number || a.Settings.Certificates[0].Value != fmt.Sprint(name, won) {
				t.Errorf("round %d: the account is %+v", i, a)
			}
		}
	}
}

// What must be the only one of its kind is so on all nodes, also where a node has not seen the other one yet.
func TestWhatIsTakenElsewhereIsTaken(t *testing.T) { everyStore(t, whatIsTakenElsewhereIsTaken) }

func whatIsTakenElsewhereIsTaken(n *nodes) {
	t := n.t
	by := n.a.by(admin.Admin)
	n.a.product(giftcard.Product{ID: "gold", Currency: 710, Barcode: "4711"})
	_, err := n.b.office.CreateProduct(bg, by, giftcard.Product{ID: "silver", Currency: 710, Barcode: "4711"})
	refused(t, err, admin.Exists, "settings.barcode")
	_, err = n.a.office.PutNetwork(bg, by, airtime.Network{ID: "mno", Name: "M", Country: "ZA", Prefixes: []string{"2782"}})
	must(t, err)
	_, err = n.b.office.PutNetwork(bg, by, airtime.Network{ID: "other", Name: "M", Country: "ZA", Prefixes: []string{"2782"}})
	refused(t, err, admin.Exists, "settings.prefixes.0")
	_, _, err = n.a.office.CreateAccount(bg, by, "till", "", noPassword("till"))
	must(t, err)
	_, _, err = n.b.office.CreateAccount(bg, by, "kiosk", "", noPassword("till"))
	refused(t, err, admin.Exists, "settings.certificates")
	_, err = n.a.office.SuspendAccount(bg, by, "till")
	must(t, err)
	_, err = n.b.office.SuspendAccount(bg, by, "till")
	refused(t, err, admin.Conflict, "")
	_, err = n.b.office.ResumeAccount(bg, by, "till")
	must(t, err)
	n.agree()
}

// The last administrator is not revoked by two who do not see each other.
func TestTwoNodesLeaveAnAdministrator(t *testing.T) { everyStore(t, twoNodesLeaveAnAdministrator) }

func twoNodesLeaveAnAdministrator(n *nodes) {
	t := n.t
	for _, name := range []string{"ann", "ben"} {
		_, _, err := n.a.office.CreateOperator(bg, n.a.by(admin.Admin), name, admin.Admin)
		must(t, err)
	}
	n.b.refresh()
	var outcomes [2]error
	n.race(func(d *desk, node int) {
		_, outcomes[node] = d.office.RevokeOperator(bg, d.by(admin.Admin), []string{"ann", "ben"}[node])
	})
	won := slices.Index(outcomes[:], nil)
	if won < 0 {
		t.Fatal(outcomes)
	}
	refused(t, outcomes[1-won], admin.Conflict, "")
}

func TestTwoNodesMakeOneFirstOperator(t *testing.T) {
	newNodes(t).makeFirstOperator(strings.Repeat("x", admin.MinToken))
	everyStore(t, func(n *nodes) { n.makeFirstOperator("") })
}

func (n *nodes) makeFirstOperator(token string) {
	t := n.t
	var tokens [2]string
	n.race(func(d *desk, node int) {
		var err error
		tokens[node], err = d.office.Bootstrap(bg, d.now, token)
		should(t, err)
	})
	made := tokens[0] + tokens[1]
	if made == "" || tokens[0] != "" && tokens[1] != "" {
		t.Fatalf("the tokens are %q", tokens)
	}
	n.agree()
	for _, d := range n.both() {
		if o, found := d.office.Register().OperatorByToken(secret.TokenDigest(made)); !found || o.Name != admin.FirstOperator {
			t.Errorf("the token leads to %+v", o)
		}
	}
}

func TestAnAccountIsIntroducedOnce(t *testing.T) { everyStore(t, anAccountIsIntroducedOnce) }

func anAccountIsIntroducedOnce(n *nodes) {
	t := n.t
	for i := range 10 {
		var numbers [2]ident.Account
		n.race(func(d *desk, node int) {
			a, err := d.office.Introduce(bg, d.by(admin.Admin), fmt.Sprint("vendor", i))
			should(t, err)
			if err == nil {
				numbers[node] = a.Number
			}
		})
		if numbers[0] != numbers[1] {
			t.Errorf("the account has the numbers %v", numbers)
		}
		n.agree()
	}
}

// What a node remembers of passwords is by their hash: one that was revoked counts nowhere after a refresh, remembered or
// not.
func TestARevokedPasswordIsOutOnEveryNode(t *testing.T) {
	everyStore(t, aRevokedPasswordIsOutOnEveryNode)
}

func aRevokedPasswordIsOutOnEveryNode(n *nodes) {
	t := n.t
	n.a.account("till", admin.AccountSettings{})
	n.b.refresh()
	remembered := secret.NewPasswords(time.Hour, 10)
	lets := func(password string) bool {
		account, _ := n.b.office.Register().AccountByName(1, "till")
		return slices.ContainsFunc(account.Hashes(n.b.now), func(hash string) bool { return remembered.Verify(hash, password, n.b.now) })
	}
	for range 2 { // computed, and remembered
		if !lets("correct horse") {
			t.Fatal("the password does not count")
		}
	}
	_, _, err := n.a.office.AddCredential(bg, n.a.by(admin.Admin), "till", admin.NewCredential{Password: "battery staple"})
	must(t, err)
	_, err = n.a.office.RevokeCredential(bg, n.a.by(admin.Admin), "till", 1)
	must(t, err)
	_, err = n.a.office.SuspendAccount(bg, n.a.by(admin.Admin), "till")
	must(t, err)
	if !n.b.refresh() || n.b.refresh() {
		t.Error("a node did not refresh, or twice")
	}
	account, _ := n.b.office.Register().AccountByName(1, "till")
	if lets("correct horse") || !lets("battery staple") || !account.Suspended {
		t.Errorf("old=%t new=%t suspended=%t", lets("correct horse"), lets("battery staple"), account.Suspended)
	}
}

// The queues of all nodes obey, whoever was told.
func TestQueuesObeyOnEveryNode(t *testing.T) { everyStore(t, queuesObeyOnEveryNode) }

func queuesObeyOnEveryNode(n *nodes) {
	t := n.t
	_, err := n.a.office.PauseUpstream(bg, n.a.by(admin.Attendant), "north")
	must(t, err)
	n.b.second()
	if q := n.b.queues; !q.paused["north"] || q.paused["south"] || len(q.looked) != 0 {
		t.Errorf("paused %v, looked at %v", q.paused, q.looked)
	}
	_, err = n.b.office.PauseUpstream(bg, n.b.by(admin.Attendant), "north")
	refused(t, err, admin.Conflict, "")
	_, err = n.b.office.ResumeUpstream(bg, n.b.by(admin.Attendant), "north")
	must(t, err)
	n.a.second()
	if q := n.a.queues; q.paused["north"] || q.lookedAt("north") != 1 || q.lookedAt("south") != 0 {
		t.Errorf("paused %v, looked at %v", q.paused, q.looked)
	}
	_, err = n.b.office.ResumeUpstream(bg, n.b.by(admin.Attendant), "south") // which was not paused
	must(t, err)
	for range 3 {
		n.a.second()
	}
	if q := n.a.queues; q.lookedAt("north") != 1 || q.lookedAt("south") != 1 {
		t.Errorf("looked at %v", q.looked)
	}
}

// The levels of a stock have what an import on another node has brought, although this one has last seen it under way.
func TestTheLevelsAfterAnImportOnAnotherNode(t *testing.T) {
	everyStore(t, theLevelsAfterAnImportOnAnotherNode)
}

func theLevelsAfterAnImportOnAnotherNode(n *nodes) {
	n.a.airtimeProduct(voucherProduct("fifty"))
	n.a.account("kiosk", admin.AccountSettings{})
	i := n.a.beginStock(admin.All)
	n.b.refresh()
	_, err := i.Add(bg, n.a.vouchers(1, 4))
	must(n.t, err)
	_, err = i.Finish(bg, n.a.now)
	must(n.t, err)
	n.a.sold()
	if level := n.b.level(); level != "3/1/0/0" {
		n.t.Errorf("the level is %s", level)
	}
}

// Cards that one node brings are hidden on the other until it has heard that all are there. So are vouchers.
func TestAnImportOnAnotherNode(t *testing.T) { everyStore(t, anImportOnAnotherNode) }

func anImportOnAnotherNode(n *nodes) {
	t := n.t
	n.a.airtimeProduct(voucherProduct("fifty"))
	cards, err := n.a.office.BeginImport(bg, n.a.by(admin.Attendant), admin.All, 0)
	must(t, err)
	_, err = cards.Add(bg, n.a.lines(1, 3))
	must(t, err)
	for _, step := range []string{"unheard of", "under way"} {
		_, err = n.b.office.BeginImport(bg, n.b.by(admin.Attendant), admin.All, 0)
		refused(t, err, admin.Busy, "")
		_, err = n.b.office.AddCard(bg, n.b.by(admin.Attendant), n.b.seed(newcomer))
		refused(t, err, admin.Exists, "pan")
		if n.b.known(newcomer) {
			t.Errorf("%s: the card is known", step)
		}
		n.clock = n.clock.Add(4 * time.Second) // twice it is longer than a lease
		n.a.second()
		n.b.second()
	}
	ended, err := cards.Finish(bg, n.a.now)
	must(t, err)
	tally(t, ended, "complete 3/3/0/0")
	n.b.second()
	if !n.b.known(newcomer) {
		t.Error("the card is not known")
	}
	vouchers := n.a.beginStock(admin.All)
	_, err = vouchers.Add(bg, n.a.vouchers(1, 3))
	must(t, err)
	if found, err := n.b.office.FindVouchersBySerial(bg, n.b.by(admin.Viewer), "V000000001"); err != nil || len(found) != 0 {
		t.Errorf("the vouchers are known: %v, %v", found, err)
	}
	if n.b.onSale() != 0 {
		t.Errorf("%d are on sale", n.b.onSale())
	}
	_, err = n.b.office.OpenBatch(bg, n.b.by(admin.Attendant), 2)
	refused(t, err, admin.Conflict, "")
	_, err = vouchers.Finish(bg, n.a.now)
	must(t, err)
	n.b.second()
	if n.b.onSale() != 3 {
		t.Errorf("%d are on sale", n.b.onSale())
	}
	n.agree()
}

// An import whose node is gone is abandoned by another one once its lease has ended, which is recorded.
func TestAnImportWhoseNodeIsGone(t *testing.T) {
	n := newNodes(t)
	n.a.airtimeProduct(voucherProduct("fifty"))
	gone := n.a.beginStock(admin.All)
	_, err := gone.Add(bg, n.a.vouchers(1, 3))
	must(t, err)
	n.clock = n.clock.Add(store.LeaseTime - time.Second)
	n.b.second()
	if i := n.b.imports()[0]; i.State != admin.Running {
		t.Fatalf("while its lease holds the import is %s", i.State)
	}
	n.clock = n.clock.Add(time.Second)
	n.b.second()
	i := n.b.imports()[0]
	if i.State != admin.Abandoned || !i.Ended.Equal(n.b.now) {
		t.Errorf("the import is %+v", i)
	}
	trail := n.b.trail()
	if last := trail[len(trail)-1]; last.Operator != admin.Program || last.Act != admin.ImportVouchers || last.After["state"] != "abandoned" {
		t.Errorf("recorded was %+v", last)
	}
	again, _ := n.b.stock(admin.All, n.b.vouchers(1, 3))
	tally(t, again, "complete 3/3/0/0")
	// Its node was not gone: it had only held still for too long.
	n.a.second()
	_, err = gone.Add(bg, n.a.vouchers(4, 3))
	refused(t, err, admin.Conflict, "")
	_, err = gone.Finish(bg, n.a.now)
	refused(t, err, admin.Conflict, "")
	ended, err := gone.Abandon(bg, n.a.now)
	must(t, err)
	tally(t, ended, "abandoned 0/0/0/0")
	if n.a.onSale() != 3 || n.b.onSale() != 3 {
		t.Errorf("%d and %d are on sale", n.a.onSale(), n.b.onSale())
	}
	n.agree()
}

// A node that has not noticed yet that its import was abandoned cannot complete it.
func TestAnAbandonedImportIsNotCompleted(t *testing.T) {
	n := newNodes(t)
	gone, err := n.a.office.BeginImport(bg, n.a.by(admin.Attendant), admin.All, 0)
	must(t, err)
	_, err = gone.Add(bg, n.a.lines(1, 3))
	must(t, err)
	n.clock = n.clock.Add(store.LeaseTime)
	other, err := n.b.office.BeginImport(bg, n.b.by(admin.Attendant), admin.All, 0) // which does not wait for the loop
	must(t, err)
	_, err = gone.Finish(bg, n.a.now)
	refused(t, err, admin.Conflict, "")
	if n.a.known(newcomer) {
		t.Error("the card is known")
	}
	_, err = other.Add(bg, n.b.lines(1, 3))
	must(t, err)
	n.a.second() // which must not prolong what is another's now, nor abandon it
	ended, err := other.Finish(bg, n.b.now)
	must(t, err)
	tally(t, ended, "complete 3/3/0/0")
	n.agree()
}

// imports gives all imports as a node sees them.
func (d *desk) imports() []*admin.Import {
	d.t.Helper()
	all, _, err := d.office.Imports(bg, d.by(admin.Viewer), 0, admin.MaxLimit)
	must(d.t, err)
	return all
}

// meddled are reports during whose reading others set something.
type meddled struct {
	store.Driver
	asked, read int
	meddle      func() // called before rows of operators are read, which is after those of accounts
}

func (m *meddled) Revision(ctx context.Context) (int64, error) {
	m.asked++
	return m.Driver.Revision(ctx)
}

func (m *meddled) Rows(ctx context.Context, kind admin.Kind, after int64, limit int) ([]admin.Row, error) {
	m.read++
	if kind == admin.OperatorRow && m.meddle != nil {
		m.meddle()
	}
	return m.Driver.Rows(ctx, kind, after, limit)
}

func TestTheRegisterIsReadAtOneRevision(t *testing.T) {
	d := newDesk(t)
	times := 0
	reports := &meddled{Driver: d.driver}
	reports.meddle = func() {
		if times++; times <= 2 {
			name := fmt.Sprint("till", times)
			_, _, err := d.office.CreateAccount(bg, d.by(admin.Admin), name, "", noPassword(name))
			must(t, err)
		}
	}
	r, err := admin.LoadRegister(bg, reports, codec{})
	must(t, err)
	if len(r.Accounts(1)) != 2 || times != 3 {
		t.Errorf("after reading %d times there are %d accounts", times, len(r.Accounts(1)))
	}
	reports.asked, reports.read = 0, 0
	for range 5 {
		if changed, err := r.Refresh(bg); changed || err != nil {
			t.Error(changed, err)
		}
	}
	if reports.asked != 5 || reports.read != 0 {
		t.Errorf("of what has not changed the revision was asked for %d times, and rows %d times", reports.asked, reports.read)
	}
	// What changes all the time is not read for ever. What was read of it serves, until it is read in peace.
	reports.meddle = func() {
		times++
		name := fmt.Sprint("till", times)
		_, _, err := d.office.CreateAccount(bg, d.by(admin.Admin), name, "", noPassword(name))
		must(t, err)
	}
	d.account("last", admin.AccountSettings{})
	if changed, err := r.Refresh(bg); err != nil || !changed || times > 6 || len(r.Accounts(1)) < 3 {
		t.Errorf("changed=%t, %v, read %d times, %d accounts", changed, err, times, len(r.Accounts(1)))
	}
	reports.meddle = nil
	for _, want := range []bool{true, false} {
		if changed, err := r.Refresh(bg); err != nil || changed != want {
			t.Errorf("in peace: changed=%t, %v", changed, err)
		}
	}
	if got, want := shows(t, r), shows(t, d.office.Register()); got != want {
		t.Errorf("read was %s, and set %s", got, want)
	}
}

// ahead is a store that others change before each commit: who asks before it never knows the newest.
type ahead struct {
	admin.Store
	change func()
}

func (s ahead) Update(ctx context.Context, keys giftcard.Keys, decide func(admin.Tx) error) error {
	s.change()
	return s.Store.Update(ctx, keys, decide)
}

func TestAnActIsJudgedAnewWhenOthersWereFaster(t *testing.T) {
	for _, faster := range []int{0, 1, 3} {
		newNodes(t).suspendSlowly(faster)
	}
	everyStore(t, func(n *nodes) { n.suspendSlowly(1000) })
}

// suspendSlowly suspends an account while somebody is faster so many times.
func (n *nodes) suspendSlowly(faster int) {
	t := n.t
	n.a.account("till", admin.AccountSettings{})
	n.b.refresh()
	left, commits := faster, 0
	office := admin.NewOffice(admin.Settings{
		Register: n.b.office.Register(), Reports: n.b.driver, Codec: codec{},
		Store: ahead{store.Admin(n.b.store), func() {
			commits++
			if left--; left >= 0 {
				_, err := n.a.office.ChangeAccount(bg, n.a.by(admin.Admin), "till", admin.AccountSettings{Burst: int32(left)})
				must(t, err)
			}
		}},
	})
	_, err := office.SuspendAccount(bg, n.b.by(admin.Admin), "till")
	if err != nil || commits != min(faster, 3)+1 {
		t.Errorf("%d were faster: %d commits, %v", faster, commits, err)
	}
	n.agree()
	if a, _ := n.a.office.Register().AccountByName(1, "till"); !a.Suspended || int(a.Settings.Burst) != max(0, left) {
		t.Errorf("the account is %+v, and was changed by others until %d were left", a, left)
	}
	_, err = office.SuspendAccount(bg, n.b.by(admin.Admin), "till")
	refused(t, err, admin.Conflict, "")
	_, err = office.SuspendAccount(bg, n.b.by(admin.Admin), "kiosk")
	refused(t, err, admin.NotFound, "")
}

// A commit in doubt is found out at the next refresh, when the store cannot be read before that.
func TestARefreshFindsWhatWasInDoubt(t *testing.T) {
	d := newDesk(t)
	disk := d.doubt()
	disk.Doubt, disk.Blind = 1, true
	if _, err := d.office.CreateProduct(bg, d.by(admin.Admin), giftcard.Product{ID: "gold", Currency: 710}); !errors.Is(err, storetest.ErrDoubt) {
		t.Fatal(err)
	}
	var notTaken *decline.NotTaken
	if _, err := d.office.CreateProduct(bg, d.by(admin.Admin), giftcard.Product{ID: "silver", Currency: 710}); !errors.As(err, &notTaken) {
		t.Errorf("judged by what nobody knows: %v", err)
	}
	if _, err := d.office.Register().Refresh(bg); !errors.Is(err, storetest.ErrDoubt) {
		t.Errorf("refreshed with %v", err)
	}
	disk.Blind = false
	if !d.refresh() || d.refresh() {
		t.Error("the register was not read anew, or twice")
	}
	if _, found := d.office.Register().ProductByID(1, "gold"); !found {
		t.Error("the product is not there")
	}
	_, err := d.office.CreateProduct(bg, d.by(admin.Admin), giftcard.Product{ID: "gold", Currency: 710})
	refused(t, err, admin.Exists, "id")
}
