package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Transaction is a message as operators see it, with the names of what it is about.
type Transaction struct {
	txn.Message
	Reference    string // our own, as printed on slips
	AccountName  string // empty for an operator's act
	ProductID    string
	Card, Target CardName
	Voucher      VoucherName
	EndedBy      *txn.Message // the advice or act that ended it; nil while it is open
	Undone       bool         // EndedBy is the relay's own reversal, which nobody sent: the request had no answer
	Forestalled  *txn.Message // the reversal that came before it and for which it was declined; nil for any other
	Queued       *QueueItem   // by which it, the advice that ended it or the question about it waits for its upstream; nil when nothing does
}

// maxFound bounds a search for transactions.
const maxFound = 100

// FindByID gives the messages with an id, oldest first: a request, or advices.
func (o *Office) FindByID(ctx context.Context, by By, id ident.ID) ([]Transaction, error) {
	if err := by.may(SeeTransactions); err != nil {
		return nil, err
	}
	var found []txn.Message
	err := o.store.View(ctx, giftcard.Keys{World: by.World, IDs: []ident.ID{id}}, func(tx Tx) error {
		found = tx.Messages(id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return o.transactions(ctx, found[:min(len(found), maxFound)])
}

// FindByReference gives the messages with a third-party identifier. One of our own leads straight to its message;
// others are found by their hash and compared with the message as it was received.
func (o *Office) FindByReference(ctx context.Context, by By, r ident.Reference) ([]Transaction, error) {
	if err := by.may(SeeTransactions); err != nil {
		return nil, err
	}
	if seq, ours := parseReference(r.Identifier); ours {
		m, err := o.message(ctx, by.World, seq)
		if err == nil {
			return o.transactions(ctx, []txn.Message{m})
		}
		if refusal := (*Refusal)(nil); !errors.As(err, &refusal) {
			return nil, err
		}
	}
	return o.findByHash(ctx, by.World, o.keys.Reference(by.World, r), func(body []byte) bool { return o.carries(body, r) })
}

// findByHash gives the messages that a hash leads to and whose bodies, as they were received, fit.
func (o *Office) findByHash(ctx context.Context, w ident.World, hash int64, fits func(body []byte) bool) ([]Transaction, error) {
	candidates, err := o.reports.MessagesByReference(ctx, w, hash, 0, maxFound)
	if err != nil {
		return nil, err
	}
	var found []txn.Message
	for _, m := range candidates {
		if body, err := o.keys.OpenBody(m.Body); err == nil && fits(body) {
			found = append(found, m)
		}
	}
	return o.transactions(ctx, found)
}

// FindBySubscriber gives the purchases that were to top a number up.
func (o *Office) FindBySubscriber(ctx context.Context, by By, m ident.MSISDN) ([]Transaction, error) {
	return o.findByWord(ctx, by, secret.ByMSISDN, m.Reveal())
}

// FindByLabel gives the purchases with a label.
func (o *Office) FindByLabel(ctx context.Context, by By, label string) ([]Transaction, error) {
	return o.findByWord(ctx, by, secret.ByLabel, label)
}

func (o *Office) findByWord(ctx context.Context, by By, kind, value string) ([]Transaction, error) {
	if err := by.may(SeeTransactions); err != nil {
		return nil, err
	}
	return o.findByHash(ctx, by.World, o.keys.Found(by.World, kind, value), func(body []byte) bool { return o.tells(body, kind, value) })
}

// FindBySerial gives the messages that touched the voucher with a serial.
func (o *Office) FindBySerial(ctx context.Context, by By, serial string) ([]Transaction, error) {
	if err := by.may(SeeTransactions); err != nil {
		return nil, err
	}
	vouchers, err := o.vouchersBySerial(ctx, by.World, serial)
	if err != nil {
		return nil, err
	}
	return o.findByVouchers(ctx, by.World, vouchers)
}

// FindByPIN gives the messages that touched the voucher with a PIN, which is compared by its keyed hash and kept
// nowhere.
func (o *Office) FindByPIN(ctx context.Context, by By, pin airtime.VoucherPIN) ([]Transaction, error) {
	if err := by.may(SeeTransactions); err != nil {
		return nil, err
	}
	vouchers, err := o.vouchersByPIN(ctx, by.World, pin)
	if err != nil {
		return nil, err
	}
	return o.findByVouchers(ctx, by.World, vouchers)
}

func (o *Office) findByVouchers(ctx context.Context, w ident.World, vouchers []airtime.Voucher) ([]Transaction, error) {
	found := []Transaction{}
	for _, v := range vouchers {
		chain, _, _, err := o.chain(ctx, w, Chain{Of: v.ID, From: v.LastMessage, Most: maxFound - len(found)})
		if err != nil {
			return nil, err
		}
		slices.Reverse(chain)
		found = append(found, chain...)
	}
	return found, nil
}

// Transaction gives the message with a seq.
func (o *Office) Transaction(ctx context.Context, by By, seq int64) (Transaction, error) {
	if err := by.may(SeeTransactions); err != nil {
		return Transaction{}, err
	}
	m, err := o.message(ctx, by.World, seq)
	if err != nil {
		return Transaction{}, err
	}
	return o.oneTransaction(ctx, m)
}

func (o *Office) message(ctx context.Context, w ident.World, seq int64) (m txn.Message, err error) {
	found := false
	err = o.store.View(ctx, giftcard.Keys{World: w}, func(tx Tx) error {
		m, found = tx.MessageAt(seq)
		return nil
	})
	if err == nil && !found {
		err = refuse(NotFound, "there is no such transaction")
	}
	return m, err
}

// transactions looks up the names of what the messages of a world are about, together and as of one instant.
func (o *Office) transactions(ctx context.Context, messages []txn.Message) (found []Transaction, err error) {
	if len(messages) == 0 {
		return []Transaction{}, nil
	}
	err = o.store.View(ctx, giftcard.Keys{World: messages[0].World}, func(tx Tx) error {
		found, err = o.withNames(tx, messages)
		return err
	})
	return found, err
}

// withNames gives messages with the names of what they are about.
func (o *Office) withNames(tx Tx, messages []txn.Message) (found []Transaction, err error) {
	tx.Ahead(namesOf(messages))
	found = make([]Transaction, len(messages))
	for n := 0; n < len(messages) && err == nil; n++ {
		found[n], err = o.transaction(tx, messages[n])
	}
	return found, err
}

// oneTransaction looks up the names of what one message is about.
func (o *Office) oneTransaction(ctx context.Context, m txn.Message) (Transaction, error) {
	found, err := o.transactions(ctx, []txn.Message{m})
	if err != nil {
		return Transaction{}, err
	}
	return found[0], nil
}

// namesOf says what transaction is going to read about messages.
func namesOf(messages []txn.Message) (a Ahead) {
	add := func(to *[]int64, number int64) {
		if number != 0 && !slices.Contains(*to, number) {
			*to = append(*to, number)
		}
	}
	for _, m := range messages {
		add(&a.Items, waitsAs(m))
		add(&a.Vouchers, m.Voucher)
		add(&a.Details, m.Card)
		add(&a.Details, m.Target)
		add(&a.Messages, endedBy(m))
		if maybeLate(m) {
			a.IDs = append(a.IDs, m.ID)
		}
	}
	return a
}

// endedBy gives the message that ended another one; 0 for none. While that is working a question stands there, which is no
// message.
func endedBy(m txn.Message) int64 {
	if m.State == txn.Working {
		return 0
	}
	return m.Ended
}

// maybeLate says whether a request may have been declined because its reversal came before it: whether by its reason, which
// is all that a message keeps of it.
func maybeLate(m txn.Message) bool {
	late := giftcard.Late
	if m.Family.IsAirtime() {
		late = airtime.Late
	}
	return m.Role == txn.Request && m.State == txn.Declined && m.Reason == late && m.ID != ""
}

// transaction gives a message with the names of what it is about.
func (o *Office) transaction(tx Tx, m txn.Message) (Transaction, error) {
	t := Transaction{
		Message: m, Reference: referenceOf(m.Family, m.Seq), ProductID: o.productOf(m), AccountName: o.accountName(m.Account),
		Queued: o.queued(tx, m), Card: cardName(tx, m.Card), Target: cardName(tx, m.Target),
	}
	if m.Voucher != 0 {
		t.Voucher = VoucherName{m.Voucher, tx.Voucher(m.Voucher).Serial}
	}
	if seq := endedBy(m); seq != 0 {
		ending, found := tx.MessageAt(seq)
		if !found {
			return t, fmt.Errorf("admin: what ended %s is not there", t.Reference)
		}
		t.EndedBy = &ending
		t.Undone = slices.Contains(ending.References, o.keys.Found(m.World, secret.ByUndone, string(m.ID)))
	}
	if maybeLate(m) {
		if reversal, found := txn.ReversalBefore(tx, m); found {
			t.Forestalled = &reversal
		}
	}
	return t, nil
}

// productOf gives the id of a message's product; empty when it names none.
func (o *Office) productOf(m txn.Message) string {
	if m.Family.IsAirtime() {
		if p, found := o.register.Catalogue().Edition(m.World, m.Product); found {
			return p.ID
		}
		return ""
	}
	if p, found := o.register.Product(m.World, m.Product); found {
		return p.ID
	}
	return ""
}

// referenceOf gives our own reference of a message, whose letter says what it is about.
func referenceOf(f txn.Family, seq int64) string {
	if f.IsAirtime() {
		return airtime.Reference(seq)
	}
	return giftcard.Reference(seq)
}

func parseReference(s string) (seq int64, ok bool) {
	if seq, ok := giftcard.ParseReference(s); ok {
		return seq, true
	}
	return airtime.ParseReference(s)
}

// Body gives a message as it was received, without card numbers and PINs. The reading is recorded first.
func (o *Office) Body(ctx context.Context, by By, seq int64) ([]byte, error) {
	if err := by.may(ReadBody); err != nil {
		return nil, err
	}
	m, err := o.message(ctx, by.World, seq)
	if err != nil {
		return nil, err
	}
	if len(m.Body) == 0 {
		return nil, refuse(NotFound, "no body was kept")
	}
	if err := o.recordAlone(ctx, by.World, by.entry(ReadBody, transactionSubject(m))); err != nil {
		return nil, err
	}
	return o.keys.OpenBody(m.Body)
}

func transactionSubject(m txn.Message) string { return "transaction/" + referenceOf(m.Family, m.Seq) }

// OpenQuery says which open requests are wanted.
type OpenQuery struct {
	OlderThan time.Duration // received at least this long ago
	Account   string        // name; empty for all
	After     int64
	Limit     int
}

// Open gives requests that are approved and neither confirmed nor reversed, in their order. next is 0 when there
// are no more.
func (o *Office) Open(ctx context.Context, by By, q OpenQuery) (found []Transaction, next int64, err error) {
	return o.unended(ctx, by, q, o.reports.Open)
}

// Working gives the top-ups whose provider has not said how they ended, or whether it has taken them back, and the
// requests that were passed on and whose upstream has not answered, in their order. next is 0 when there are no more.
func (o *Office) Working(ctx context.Context, by By, q OpenQuery) (found []Transaction, next int64, err error) {
	return o.unended(ctx, by, q, o.reports.Working)
}

// report is one of the lists of messages.
type report func(ctx context.Context, after int64, limit int) ([]txn.Message, error)

func (o *Office) unended(ctx context.Context, by By, q OpenQuery, of report) (found []Transaction, next int64, err error) {
	if err := by.may(SeeTransactions); err != nil {
		return nil, 0, err
	}
	fits, err := o.openFilter(by, q)
	if err != nil {
		return nil, 0, err
	}
	fetch := func(after int64, limit int) ([]txn.Message, error) { return of(ctx, after, limit) }
	messages, next, err := page(q.After, q.Limit, fetch, func(m txn.Message) (txn.Message, int64, bool, error) {
		return m, m.Seq, fits(m), nil
	})
	if err != nil {
		return nil, 0, err
	}
	found, err = o.transactions(ctx, messages)
	return found, next, err
}

func (o *Office) openFilter(by By, q OpenQuery) (func(txn.Message) bool, error) {
	account, latest, err := o.openWanted(by, q)
	if err != nil {
		return nil, err
	}
	return func(m txn.Message) bool {
		return m.World == by.World && !m.At.After(latest) && (account == 0 || m.Account == account)
	}, nil
}

// openWanted gives the account that is wanted, 0 for all, and when the latest request was received that is.
func (o *Office) openWanted(by By, q OpenQuery) (account ident.Account, latest time.Time, err error) {
	if q.Account != "" {
		a, err := o.findAccount(by.World, q.Account)
		if err != nil {
			return 0, latest, err
		}
		account = a.Number
	}
	return account, by.At.Add(-q.OlderThan), nil
}

// Settle ends an open request for its sender, by a confirmation or a reversal; of a top-up also one whose provider has
// not said how it ended. What a provider has yet to take back is given as reversing.
func (o *Office) Settle(ctx context.Context, by By, seq int64, ending txn.Role) (Transaction, error) {
	if err := by.mayWithReason(SettleRequest); err != nil {
		return Transaction{}, err
	}
	if ending != txn.Confirmation && ending != txn.Reversal {
		return Transaction{}, invalid("ending", "must be a confirmation or a reversal")
	}
	m, err := o.message(ctx, by.World, seq)
	if err != nil {
		return Transaction{}, err
	}
	if m.Upstream != "" {
		return Transaction{}, refuse(Conflict, "it was passed on to %s, which would not hear of it: its sender has to end it, and what waits for the upstream is in the queue (scrip saf)", m.Upstream)
	}
	sender, found := o.register.Sender(by.World, m.Account)
	if m.Role != txn.Request || !unsettled(m.State) || !found {
		return Transaction{}, refuse(Conflict, "only an open request can be settled; this %s is %s", m.Role, m.State)
	}
	audit := by.entry(SettleRequest, transactionSubject(m)).from(
		Facts{"state": m.State.String()}, Facts{"state": ending.Ending().String()})
	var reversing *decline.Unknown
	if err := o.settle(ctx, by, m, ending, sender, audit); err != nil && !errors.As(err, &reversing) {
		return Transaction{}, err
	}
	if m, err = o.message(ctx, by.World, seq); err != nil {
		return Transaction{}, err
	}
	return o.oneTransaction(ctx, m)
}

// unsettled says whether a request in a state has not ended.
func unsettled(s txn.State) bool { return s == txn.Open || s == txn.Working || s == txn.Reversing }

// settle has the room that a request belongs to end it.
func (o *Office) settle(ctx context.Context, by By, m txn.Message, ending txn.Role, sender *txn.Sender, audit Audit) error {
	if m.Family.IsAirtime() {
		return o.vendor.Settle(ctx, airtime.Settlement{
			World: by.World, Family: m.Family, RequestID: m.ID, Role: ending, ID: o.newID(), At: by.At, Sender: sender,
			Note: func(tx airtime.Tx, message int64) error { return o.note(tx, by.World, message, audit) },
		})
	}
	return o.issuer.Settle(ctx, giftcard.Settlement{
		World: by.World, RequestID: m.ID, Role: ending, ID: o.newID(), At: by.At, Sender: sender,
		Note: func(tx giftcard.Tx, message int64) error { return o.note(tx, by.World, message, audit) },
	})
}

// errNoRows says that the issuer or the vendor was given another store than the office.
var errNoRows = errors.New("admin: the store takes no rows")

// note records an act in the commit in which the issuer or the vendor carries it out. All work on the same store, so
// its transaction takes rows.
func (o *Office) note(tx txn.Tx, w ident.World, message int64, a Audit) error {
	rows, ok := tx.(Rows)
	if !ok {
		return errNoRows
	}
	return o.record(rows, w, message, a)
}

// balanceBefore undoes, on the balance of a card, the entries that a message made.
func balanceBefore(b ledger.Balance, card ledger.Account, entries []ledger.Entry) (ledger.Balance, error) {
	var change ledger.Balance // what the message did, from zero
	var err error
	for _, e := range entries {
		if e.Debit == card {
			if change, err = change.Debited(e); err != nil {
				return b, err
			}
		}
		if e.Credit == card {
			if change, err = change.Credited(e); err != nil {
				return b, err
			}
		}
	}
	if b.Book, err = b.Book.Sub(change.Book); err != nil {
		return b, err
	}
	b.Available, err = b.Available.Sub(change.Available)
	return b, err
}
