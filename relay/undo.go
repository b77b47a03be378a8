package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// undoing is the end of a request that was not answered: its reversal by the relay itself, or a question for its status.
// What is above item is prepared once; what is below is made anew each time the store lets it run.
type undoing struct {
	request  txn.Message
	at       time.Time
	reason   decline.Reason // why the request is to be taken for declined, if its sender is told so
	advice   *txn.Advice    // the reversal, if it is to be reversed
	sealed   []byte
	withdraw bool // the request may have been recorded as approved, but its sender has not heard of it

	relay *Relay

	upstream string   // who has it by the record: a fallback may have been saved after all
	item     saf.Item // zero when there is nothing to do
}

// undoing prepares the end of a request. Its reversal carries the identifiers of the request, and ours.
func (r *Relay) undoing(m txn.Message, references []ident.Reference) (*undoing, error) {
	u := &undoing{request: m, relay: r, at: r.settings.Now()}
	u.advice = &txn.Advice{
		Family: m.Family, Role: txn.Reversal, ID: r.settings.NewID(), RequestID: m.ID, Why: txn.TimedOut,
		Sender: &txn.Sender{Account: m.Account, World: m.World}, Received: u.at,
		References: append(slices.Clone(references), r.own(m.Seq)),
	}
	var err error
	u.sealed, err = r.intake.Seal(exchange.ComposeAdvice(u.advice))
	return u, err
}

// undo commits the end of a request, unless it has ended otherwise, and has it sent.
func (r *Relay) undo(ctx context.Context, u *undoing) error {
	if err := r.keep(ctx, u.request, u.run); err != nil {
		return err
	}
	up := r.upstreams[u.upstream]
	r.bring(u.item)
	switch {
	case up == nil:
	case u.item.Seq != 0:
		up.queue.enqueue(u.item)
	default: // an earlier try may have left an item
		up.queue.reread()
	}
	return nil
}

// run ends the request. It may run again, also after a try that seemed to fail was saved.
func (u *undoing) run(tx saf.Tx, m txn.Message) error {
	u.upstream, u.item = m.Upstream, saf.Item{}
	up := u.relay.upstreams[m.Upstream]
	asks := up != nil && up.Profile.NoReversals
	switch {
	case m.State == txn.Working && m.Ended == 0:
	case m.State == txn.Open && u.withdraw && !asks:
	default:
		return nil
	}
	u.item = saf.Item{
		Seq: tx.NextSeq(), Upstream: m.Upstream, World: m.World, Account: m.Account, Family: m.Family, Role: txn.Request, ID: m.ID,
		Request: m.Seq, RequestID: m.ID, At: u.at, Amount: m.Amount, Currency: m.Currency, State: saf.Waiting,
	}
	m.Ended = u.item.Seq
	if !asks {
		u.reverse(tx, &m)
	}
	tx.Amend(m)
	tx.AddItem(u.item)
	return nil
}

// reverse makes the item a reversal, and the request reversed by it. The mark in the record tells operators that nobody sent it.
func (u *undoing) reverse(tx saf.Tx, m *txn.Message) {
	m.State, m.Reason = txn.Reversed, u.reason
	u.item.Role, u.item.ID, u.item.Body = txn.Reversal, u.advice.ID, u.sealed
	tx.Insert(txn.Message{
		Seq: u.item.Seq, World: m.World, ID: u.advice.ID, Account: m.Account, Family: m.Family, Role: txn.Reversal,
		State: txn.Accepted, At: u.at, Request: m.Seq, Amount: m.Amount, Currency: m.Currency,
		Upstream: m.Upstream, Body: u.sealed, References: []int64{u.relay.settings.Keys.Found(m.World, secret.ByUndone, string(m.ID))},
	})
}

// isOwn says whether an advice is the relay's own: it keeps what it sends, as it is sealed.
func isOwn(advice txn.Message, i saf.Item) bool {
	return len(i.Body) > 0 && bytes.Equal(advice.Body, i.Body)
}

// identifiers gives the third-party identifiers of a request from its kept body: those of one that a process left behind.
func (r *Relay) identifiers(m txn.Message) ([]ident.Reference, error) {
	if len(m.Body) == 0 {
		return nil, nil
	}
	body, err := r.settings.Keys.OpenBody(m.Body)
	if err != nil {
		return nil, fmt.Errorf("open the body of message %d: %w", m.Seq, err)
	}
	var kept struct {
		ThirdPartyIdentifiers []struct{ InstitutionID, TransactionIdentifier string }
	}
	if json.Unmarshal(body, &kept) != nil { // a reversal is found by its request's id
		return nil, nil
	}
	var found []ident.Reference
	for _, k := range kept.ThirdPartyIdentifiers {
		found = append(found, ident.Reference{Institution: k.InstitutionID, Identifier: k.TransactionIdentifier})
	}
	return found, nil
}
