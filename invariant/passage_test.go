package invariant_test

import (
	"testing"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// desk is where requests are passed on, with a little of everything that can become of them.
type desk struct {
	t     *testing.T
	store *store.Store
}

// do decides in one commit.
func (d *desk) do(decide func(tx *store.Tx)) {
	d.t.Helper()
	err := d.store.Do(d.t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error { decide(tx); return nil })
	if err != nil {
		d.t.Fatal(err)
	}
}

// pass records a request as passed on, in the state that became of it.
func (d *desk) pass(id ident.ID, s txn.State) (m txn.Message) {
	d.t.Helper()
	d.do(func(tx *store.Tx) {
		m = txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: id, Account: 3, Family: txn.Redemption, Role: txn.Request, State: s,
			At: time.Now(), Amount: 500, Requested: 500, Currency: 710, Upstream: "issuer",
		}
		if s == txn.Declined {
			m.Reason = "INSUFFICIENT_FUNDS"
		}
		tx.Insert(m)
	})
	return m
}

// end ends a request by an advice, which waits in the queue in a state; in none when that is 0.
func (d *desk) end(request txn.Message, role txn.Role, waits saf.State) {
	d.t.Helper()
	d.do(func(tx *store.Tx) {
		a := d.advice(tx, request, role)
		request, _ = tx.MessageAt(request.Seq)
		request.State, request.Ended = role.Ending(), a.Seq
		if role == txn.Confirmation {
			request.Final = request.Amount
		}
		tx.Amend(request)
		tx.Insert(a)
		if waits != 0 {
			i := item(a, request, waits)
			i.Body = []byte("sealed")
			tx.AddItem(i)
		}
	})
}

func (d *desk) advice(tx *store.Tx, request txn.Message, role txn.Role) txn.Message {
	return txn.Message{
		Seq: tx.NextSeq(), World: request.World, ID: "end of " + request.ID, Account: 3, Family: request.Family, Role: role, State: txn.Accepted,
		At: time.Now(), Request: request.Seq, Amount: 500, Currency: 710, Upstream: request.Upstream,
	}
}

// item is what waits for an upstream's answer to a message.
func item(m, request txn.Message, s saf.State) saf.Item {
	return saf.Item{
		Seq: m.Seq, Upstream: request.Upstream, World: request.World, Account: 3, Family: request.Family, Role: m.Role, ID: m.ID,
		Request: request.Seq, RequestID: request.ID, At: m.At, Amount: 500, Currency: 710, State: s,
	}
}

// ask puts a question for what became of a request into the queue.
func (d *desk) ask(request txn.Message) {
	d.t.Helper()
	d.do(func(tx *store.Tx) {
		request, _ = tx.MessageAt(request.Seq)
		request.Ended = tx.NextSeq()
		tx.Amend(request)
		question := request
		question.Seq = request.Ended
		tx.AddItem(item(question, request, saf.Waiting))
	})
}

// note records what ends nothing: a look-up, or an advice that is a repeat or was refused.
func (d *desk) note(m txn.Message) {
	d.t.Helper()
	d.do(func(tx *store.Tx) {
		m.Seq = tx.NextSeq()
		tx.Insert(m)
	})
}

func newDesk(t *testing.T) *desk {
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, store: store.New(memstore.New(), store.Settings{Keys: keys})}
	t.Cleanup(func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	d.pass("open", txn.Open)
	d.pass("declined", txn.Declined)
	d.pass("sent", txn.Working)
	d.end(d.pass("delivered", txn.Open), txn.Confirmation, 0)
	confirmed := d.pass("confirmed", txn.Open)
	d.end(confirmed, txn.Confirmation, saf.Waiting)
	d.end(d.pass("reversed", txn.Working), txn.Reversal, saf.Parked)
	d.end(d.pass("refused", txn.Open), txn.Confirmation, saf.Attention)
	d.ask(d.pass("asked", txn.Working))
	d.ask(d.pass("asked too", txn.Working))
	d.do(func(tx *store.Tx) { // an upstream without confirmations: they are answered here
		request := txn.Message{Seq: tx.NextSeq(), World: ident.Production, ID: "final", Account: 3, Family: txn.Purchase, Role: txn.Request,
			State: txn.Confirmed, At: time.Now(), Amount: 70, Final: 70, Currency: 710, Upstream: "provider"}
		a := d.advice(tx, request, txn.Confirmation)
		request.Ended, a.Upstream = a.Seq, ""
		tx.Insert(request)
		tx.Insert(a)
	})
	repeat := txn.Message{World: ident.Production, ID: "repeat", Account: 3, Family: txn.Redemption, Role: txn.Confirmation, State: txn.Accepted,
		At: time.Now(), Request: confirmed.Seq, Upstream: "issuer"}
	d.note(repeat)
	late := repeat
	late.ID, late.Role, late.State, late.Reason = "late", txn.Reversal, txn.Declined, "ALREADY_CONFIRMED"
	d.note(late)
	looked := repeat
	looked.ID, looked.Family, looked.Role, looked.State, looked.Request = "looked", txn.LookUp, txn.Request, txn.Answered, 0
	d.note(looked)
	return d
}

func (d *desk) records() records { return records{d.t, d.store.Driver()} }

// item changes the item of the queue that is about a request.
func (d *desk) item(of ident.ID, change func(i *saf.Item)) tampered {
	return tampered{Reports: d.store.Driver(), item: func(i *saf.Item) bool {
		if i.RequestID == of {
			change(i)
		}
		return true
	}}
}

// withoutItem takes that item away.
func (d *desk) withoutItem(of ident.ID) tampered {
	return tampered{Reports: d.store.Driver(), item: func(i *saf.Item) bool { return i.RequestID != of }}
}

func TestWhatWasPassedOnHasNoFaults(t *testing.T) {
	report := check(t, newDesk(t).store.Driver())
	if len(report.Faults) > 0 || report.More > 0 {
		t.Errorf("%q and %d more", report.Faults, report.More)
	}
	if report.Messages != 18 || report.Open != 1 || report.Working != 3 || report.Queued != 5 || report.Entries != 0 {
		t.Errorf("%d messages, %d open requests, %d at work, %d in the queue, %d entries",
			report.Messages, report.Open, report.Working, report.Queued, report.Entries)
	}
}

// What was delivered leaves the queue, and nothing else.
func TestADeliveredAdviceMayBeMissingFromTheQueue(t *testing.T) {
	d := newDesk(t)
	for _, id := range []ident.ID{"confirmed", "reversed", "refused"} {
		if faults := check(t, d.withoutItem(id)).Faults; len(faults) > 0 {
			t.Errorf("%s: %q", id, faults)
		}
	}
}

// Each of these changes one record, and the report must name what is wrong with it.
func TestEachKindOfFaultOfAPassageIsFound(t *testing.T) {
	d := newDesk(t)
	message, without := d.records().message, d.records().without
	seq := func(id string) int64 { return d.records().find(id).Seq }
	enter := func(e ledger.Entry) tampered {
		entered := newDesk(t)
		e.Message = entered.records().find("open").Seq
		entered.do(func(tx *store.Tx) { tx.Enter(e) })
		return tampered{Reports: entered.store.Driver()}
	}
	for _, c := range []struct {
		name  string
		store tampered
		want  string
	}{
		{"an entry", enter(ledger.Entry{Request: 1, Debit: 17, Credit: 33, Amount: 500, Currency: 710, Phase: ledger.Pending}), "yet moved something here"},
		{"a card", message("open", func(m *txn.Message) { m.Card = 7 }), "yet moved something here"},
		{"a target", message("open", func(m *txn.Message) { m.Target = 7 }), "yet moved something here"},
		{"a voucher", message("sent", func(m *txn.Message) { m.Voucher = 7 }), "yet moved something here"},
		{"a link", message("end of confirmed", func(m *txn.Message) { m.Links = []txn.Link{{Card: 7}} }), "yet moved something here"},
		{"a float", message("declined", func(m *txn.Message) { m.Prepaid = true }), "yet moved something here"},
		{"passed on to nobody", message("end of confirmed", func(m *txn.Message) { m.Upstream = "" }), `for ""`},
		{"the request passed on to nobody", message("confirmed", func(m *txn.Message) { m.Upstream = "" }), "ended nothing, yet is in the queue"},
		{"an advice for another upstream", message("end of delivered", func(m *txn.Message) { m.Upstream = "other" }), `passed on to "issuer"`},
		{"an advice in another world", message("end of delivered", func(m *txn.Message) { m.World = 2 }), "of world 2"},
		{"an advice of another family", message("end of delivered", func(m *txn.Message) { m.Family = txn.Load }), "a redemption of world 1"},
		{"an advice that stands elsewhere", message("end of delivered", func(m *txn.Message) { m.Request = 1 }), "accepted for request 1"},
		{"an advice that was refused", message("end of delivered", func(m *txn.Message) { m.State = txn.Declined }), "yet is declined for request"},
		{"an advice of the other kind", message("end of delivered", func(m *txn.Message) { m.Role = txn.Reversal }), "which is confirmed"},
		{"an advice that is open", message("repeat", func(m *txn.Message) { m.State = txn.Open }), "an advice cannot be open"},
		{"an advice gone", without("end of delivered"), "that did it is missing"},
		{"an advice gone from under its item", without("end of reversed"), "its reversal end of reversed is missing"},
		{"the request gone", without("confirmed"), "ended nothing, yet is in the queue"},
		{"the request open again", message("confirmed", func(m *txn.Message) { m.State, m.Ended = txn.Open, 0 }), "ended nothing, yet is in the queue"},
		{"an open request that was ended", message("open", func(m *txn.Message) { m.Ended = 99 }), "yet was ended by 99"},
		{"a declined request without a reason", message("declined", func(m *txn.Message) { m.Reason = "" }), "has a reason, and no ending"},
		{"an answered request", message("open", func(m *txn.Message) { m.State = txn.Answered }), "only look-ups are answered"},
		{"a reversing request", message("sent", func(m *txn.Message) { m.State = txn.Reversing }), "cannot be reversing"},
		{"a request ended before it came", message("delivered", func(m *txn.Message) { m.Ended = 1 }), "yet names nothing later that did it"},
		{"one ending of two", message("delivered", func(m *txn.Message) { m.Ended = seq("end of reversed") }), "as request"},
		{"one question of two", message("asked", func(m *txn.Message) { m.Ended = d.records().find("asked too").Ended }), "as request"},
		{"a question gone", d.withoutItem("asked"), "is not in the queue"},
		{"a question that nobody waits for", message("asked", func(m *txn.Message) { m.Ended = 0 }), "which does not wait for that"},
		{"a question after the answer", message("asked", func(m *txn.Message) { m.State, m.Ended = txn.Open, 0 }), "which does not wait for that"},
		{"an item of our own message", tampered{Reports: d.store.Driver(), message: func(m *txn.Message) bool {
			if m.ID == "end of confirmed" || m.ID == "confirmed" {
				m.Upstream = ""
			}
			return true
		}}, "was passed on to nobody"},
		{"an item of a request", d.item("confirmed", func(i *saf.Item) { i.Seq = seq("confirmed") }), "a request stands in the queue itself"},
		{"an item of a repeat", d.item("refused", func(i *saf.Item) { i.Seq = seq("late") }), "ended nothing, yet is in the queue"},
		{"another account", d.item("confirmed", func(i *saf.Item) { i.Account = 9 }), "its account is not"},
		{"another role", d.item("confirmed", func(i *saf.Item) { i.Role = txn.Reversal }), "its role is not"},
		{"another id", d.item("confirmed", func(i *saf.Item) { i.ID = "x" }), "its id is not"},
		{"no body", d.item("confirmed", func(i *saf.Item) { i.Body = nil }), "its body is not"},
		{"another request", d.item("confirmed", func(i *saf.Item) { i.Request = 1 }), "its request is not"},
		{"another world", d.item("confirmed", func(i *saf.Item) { i.World = 2 }), "its world is not"},
		{"another upstream", d.item("confirmed", func(i *saf.Item) { i.Upstream = "x" }), "its upstream is not"},
		{"another family", d.item("confirmed", func(i *saf.Item) { i.Family = txn.Load }), "its family is not"},
		{"a question of another account", d.item("asked", func(i *saf.Item) { i.Account = 9 }), "its account is not"},
		{"a question with a body", d.item("asked", func(i *saf.Item) { i.Body = []byte("x") }), "its body is not"},
		{"a question for another id", d.item("asked", func(i *saf.Item) { i.ID = "x" }), "its id is not"},
		{"a question for another upstream", d.item("asked", func(i *saf.Item) { i.Upstream = "x" }), "its upstream is not"},
		{"a question that is an advice", d.item("asked", func(i *saf.Item) { i.Role = txn.Reversal }), "its reversal asked is missing"},
	} {
		t.Run(c.name, func(t *testing.T) { names(t, c.store, c.want) })
	}
}

// A queue of more than one page is read to its end, also behind the last message.
func TestAQueueOfManyPagesIsRead(t *testing.T) {
	d := newDesk(t)
	const more = 2500
	d.do(func(tx *store.Tx) {
		for n := range money.Minor(more) {
			request := txn.Message{Seq: tx.NextSeq(), World: ident.Production, ID: ident.ID(time.Duration(n).String()), Account: 3, Family: txn.Purchase,
				Role: txn.Request, State: txn.Working, At: time.Now(), Currency: 710, Upstream: "provider"}
			question := request
			question.Seq = tx.NextSeq()
			request.Ended = question.Seq
			tx.Insert(request)
			tx.AddItem(item(question, request, saf.Waiting))
		}
	})
	if report := check(t, d.store.Driver()); len(report.Faults) > 0 || report.Queued != 5+more {
		t.Errorf("%d in the queue, %q", report.Queued, report.Faults)
	}
	last := tampered{Reports: d.store.Driver(), item: func(i *saf.Item) bool { return i.RequestID != ident.ID(time.Duration(more-1).String()) }}
	if faults := check(t, last).Faults; len(faults) != 1 {
		t.Errorf("%q", faults)
	}
}
