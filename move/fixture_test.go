package move

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/store/sqlite"
	"github.com/scripworks/scrip/txn"
)

func init() { pageSize = 60 }

// drivers are the stores that are moved from and to.
var drivers = map[string]func(testing.TB) store.Whole{
	"memory":   func(testing.TB) store.Whole { return memstore.New() },
	"sqlite":   openSQLite,
	"postgres": openPostgres,
}

func openPostgres(t testing.TB) store.Whole {
	d, err := postgres.Open(t.Context(), pgtest.Shared(t).Database(t), postgres.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func openPostgresTwice(t testing.TB) (one, other store.Whole) {
	dsn := pgtest.Shared(t).Database(t)
	var both [2]store.Whole
	for i := range both {
		d, err := postgres.Open(t.Context(), dsn, postgres.Options{Name: "a node"})
		must(t, err)
		t.Cleanup(func() { must(t, d.Close()) })
		both[i] = d
	}
	return both[0], both[1]
}

func openSQLite(t testing.TB) store.Whole {
	d, err := sqlite.Open(filepath.Join(t.TempDir(), "scrip.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fills put something into an empty store, and give the keys that it was written with.
var fills = map[string]func(*testing.T, store.Whole) *secret.Keys{"cards": fillCards, "airtime": fillAirtime, "nothing": fillNothing}

func fillNothing(t *testing.T, _ store.Whole) *secret.Keys {
	keys, err := secret.Generate()
	must(t, err)
	return keys
}

// fillCards sells and spends cards, and adds what else stands in a store: more cards than a page, rows, counters,
// remembered reversals and a queue.
func fillCards(t *testing.T, d store.Whole) *secret.Keys {
	issuer := giftcardtest.New(t, giftcardtest.Settings{Open: func(testing.TB) store.Driver { return d }})
	must(t, issuer.Sell(giftcard.Product{ID: "plain", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 1000}))
	send := func(m conform.Message, want int) {
		t.Helper()
		m.Account = "a"
		if answer, err := issuer.Do(t.Context(), m); err != nil || answer.Status != want {
			t.Fatalf("%s: %s, %v", m, answer, err)
		}
	}
	for n := range 5 {
		made, err := issuer.Card(t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"})
		must(t, err)
		card, id := &conform.Card{PAN: made.PAN, Expiry: "4010"}, fmt.Sprint("activation ", n)
		send(conform.Message{Kind: conform.Activate, Act: conform.Request, ID: id, Card: card, Product: "plain"}, 201)
		send(conform.Message{Kind: conform.Activate, Act: conform.Confirmation, ID: "end of " + id, RequestID: id}, 202)
		redemption := fmt.Sprintf("%08x-0000-4000-8000-000000000000", n)
		send(conform.Message{Kind: conform.Redeem, Act: conform.Request, ID: redemption, Card: card, Amount: &conform.Amount{Minor: 10, Currency: "710"}}, 201)
		if n%2 == 0 {
			send(conform.Message{Kind: conform.Redeem, Act: conform.Reversal, ID: "end of " + redemption, RequestID: redemption}, 202)
		}
		if n == 0 || n == 2 {
			_, err := issuer.Store.Prune(t.Context(), issuer.Now().Add(time.Hour), 0)
			must(t, err)
		}
		if n == 0 {
			_, err := issuer.Store.ForgetPruned(t.Context(), issuer.Now().Add(100*24*time.Hour))
			must(t, err)
		}
	}
	send(conform.Message{Kind: conform.Redeem, Act: conform.Reversal, ID: "early", RequestID: "late"}, 404)
	fillBesides(t, issuer.Store, issuer.Keys)
	return issuer.Keys
}

// fillBesides adds what no message of an issuer brings.
func fillBesides(t *testing.T, s *store.Store, keys *secret.Keys) {
	do := func(decide func(*store.Tx)) {
		t.Helper()
		must(t, s.Do(context.Background(), store.Keys{World: ident.Production}, func(tx *store.Tx) error { decide(tx); return nil }))
	}
	do(func(tx *store.Tx) {
		for n := range pageSize + 10 {
			tx.AddCard(stockedCard(t, keys, tx.NextSeq(), n))
		}
	})
	do(func(tx *store.Tx) {
		for n := range int64(2*pageSize + 5) {
			tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: n + 1, World: ident.Production, Content: fmt.Append(nil, "act ", n)})
		}
		tx.PutRow(admin.Row{Kind: admin.ProductRow, Number: 7, World: 3, Name: "gold", Content: []byte{}})
		tx.PutRow(admin.Row{Kind: "a kind of tomorrow", Number: 1, World: ident.Production, Name: "gold", Content: []byte("{}")})
		for n := range int64(20) {
			k := txn.CounterKey{Owner: n, PerAccount: n%2 == 0, Family: txn.Load, Window: time.Hour, Start: time.Unix(3600*n, 0).UTC()}
			tx.PutCounter(k, txn.Counter{Count: n + 1, Amount: money.Minor(n)})
		}
	})
	for n, state := range []saf.State{saf.Waiting, saf.Parked, saf.Attention} {
		do(func(tx *store.Tx) { passOn(tx, n, state) })
	}
}

func stockedCard(t *testing.T, keys *secret.Keys, id int64, n int) giftcard.NewCard {
	pan, err := ident.ParsePAN(fmt.Sprintf("7001%012d", n))
	must(t, err)
	sealed, err := giftcard.SealPAN(keys, pan)
	must(t, err)
	c := giftcard.NewCard{
		Card:   giftcard.Card{ID: id, World: ident.Production, Status: giftcard.New, Currency: 710, Expiry: 4012},
		Detail: giftcard.Detail{Card: id, SealedPAN: sealed, Masked: pan.String()},
		Number: keys.PAN(ident.Production, pan)[0],
	}
	if n%100 == 0 {
		c.Detail.Holder.MSISDN = keys.Holder(ident.Production, "msisdn", fmt.Sprint(n))[0]
		c.Detail.PINs.Clear = keys.PIN(ident.Production, pan, secret.ClearPIN, "1234")[0]
		c.Card.HasPIN = true
	}
	return c
}

// passOn records a request that was passed on, its confirmation, and the item by which that waits.
func passOn(tx *store.Tx, n int, state saf.State) {
	at := time.Unix(1_900_000_000, 0).UTC()
	m := txn.Message{
		Seq: tx.NextSeq(), World: ident.Production, ID: ident.ID(fmt.Sprint("passed on ", n)), Account: 3, Family: txn.Redemption, Role: txn.Request,
		State: txn.Confirmed, At: at, Amount: 500, Requested: 500, Final: 500, Currency: 710, Upstream: "issuer", Body: []byte("sealed"), References: []int64{int64(n), -5},
	}
	a := m
	a.Seq, a.ID, a.Role, a.State, a.Request = tx.NextSeq(), "end of "+m.ID, txn.Confirmation, txn.Accepted, m.Seq
	a.Final, a.Requested = 0, 0
	m.Ended = a.Seq
	tx.Insert(m)
	tx.Insert(a)
	i := saf.Item{
		Seq: a.Seq, Upstream: "issuer", World: ident.Production, Account: 3, Family: m.Family, Role: a.Role, ID: a.ID, Request: m.Seq, RequestID: m.ID,
		At: at, Amount: 500, Currency: 710, Body: []byte("sealed"), State: state,
	}
	if state != saf.Waiting {
		i.Attempts, i.Tried, i.Why = 7, at.Add(time.Minute), "refused"
	}
	tx.AddItem(i)
}

// fillAirtime sells some of a stock, against a float.
func fillAirtime(t *testing.T, d store.Whole) *secret.Keys {
	v := airtimetest.New(t, airtimetest.Settings{Open: func(testing.TB) store.Driver { return d }})
	wholesale := money.Amount{Minor: 900, Currency: 710}
	sold, err := v.Catalogue.Sell(airtime.Product{ID: "voucher", Values: []money.Amount{{Minor: 1000, Currency: 710}}, Wholesale: &wholesale})
	must(t, err)
	for range 2 {
		_, err := v.Deliver(t.Context(), sold, pageSize-3, v.Now().Add(time.Hour))
		must(t, err)
	}
	v.Account("a", txn.Sender{Prepaid: true})
	must(t, v.Pay(t.Context(), airtime.Payment{
		World: ident.Production, Account: v.Named("a").Account, ID: "paid in", At: v.Now(), Amount: money.Amount{Minor: 100_000, Currency: 710},
		Note: func(airtime.Tx, int64, airtime.Float, airtime.Float) error { return nil },
	}))
	for n := range 5 {
		id := ident.ID(fmt.Sprint("purchase ", n))
		_, err := v.Request(t.Context(), &airtime.Request{Family: txn.Purchase, ID: id, Sender: v.Named("a"), Received: v.Now(), Product: "voucher"})
		must(t, err)
		if n == 0 {
			continue // stays open
		}
		role := txn.Confirmation
		if n == 1 {
			role = txn.Reversal
		}
		_, err = v.Advise(t.Context(), &airtime.Advice{Advice: txn.Advice{
			Family: txn.Purchase, Role: role, ID: "end of " + id, RequestID: id, Sender: v.Named("a"), Received: v.Now(),
		}})
		must(t, err)
	}
	return v.Keys
}
