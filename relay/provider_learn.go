package relay

import (
	"context"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// standing is how an order stands in the relay's record.
type standing struct {
	message txn.Message // its zero value when there is none
	item    saf.Item    // what ended it, or asks about it, while that is not answered for good
}

func (s standing) queued() bool { return s.item.Seq != 0 }

func (s standing) progress() airtime.Progress {
	switch m := s.message; {
	case m.State == txn.Absent:
		return airtime.Progress{Stage: airtime.NeverReceived}
	case m.State == txn.Open || m.State == txn.Confirmed:
		return airtime.Progress{Stage: airtime.Done, Reference: m.ProviderRef}
	case m.State == txn.Declined:
		return airtime.Progress{Stage: airtime.Failed, Why: refusedFor(m.Reason)}
	case m.State == txn.Reversed && !s.queued():
		return airtime.Progress{Stage: airtime.Failed, Why: refusedFor(decline.UpstreamUnavailable)}
	}
	return airtime.Progress{Stage: airtime.Pending}
}

// look gives how an order stands.
func (t *TopUps) look(ctx context.Context, o airtime.Order) (s standing, err error) {
	id := t.purchase(o.World, o.ID)
	err = t.relay.settings.Store.View(ctx, saf.Keys{World: o.World, IDs: []ident.ID{id}}, func(tx saf.Tx) error {
		s = standing{message: t.passedOn(tx, id)}
		if s.message.Ended != 0 {
			s.item, _ = tx.Item(s.message.Ended)
		}
		return nil
	})
	return s, err
}

// passedOn gives the vendor's purchase upstream with an id.
func (t *TopUps) passedOn(tx saf.Tx, id ident.ID) (found txn.Message) {
	for _, m := range tx.Messages(id) {
		if m.Family == txn.Purchase && m.Role == txn.Request && m.Account == t.settings.Account && m.Upstream != "" {
			found = m
		}
	}
	return found
}

// reversalWait is how long is waited for a reversal that is on its way for the first time: whoever asks has often just
// heard that its purchase has no answer.
const reversalWait = 250 * time.Millisecond

// learn gives how an order stands, once it has tried to learn more where that is open.
func (t *TopUps) learn(ctx context.Context, o airtime.Order) (standing, error) {
	s, err := t.look(ctx, o)
	if err != nil || !s.queued() {
		return s, err
	}
	switch m := s.message; {
	case m.State == txn.Working:
		err = t.asking(m, func(*upstream) error { return t.relay.askNow(ctx, m) })
	case m.State == txn.Reversed && s.item.State == saf.Attention:
		err = t.asking(m, func(u *upstream) error { return t.reconsider(ctx, u, s) })
	case m.State == txn.Reversed && s.item.State == saf.Waiting && s.item.Attempts == 0:
		err = t.awaitReversal(ctx, m)
	default:
		return s, nil
	}
	if err != nil { // which changes nothing
		return s, nil
	}
	return t.look(ctx, o)
}

// awaitReversal waits a while for a reversal to be answered for good.
func (t *TopUps) awaitReversal(ctx context.Context, m txn.Message) error {
	ctx, cancel := context.WithTimeout(ctx, reversalWait)
	defer cancel()
	if !t.relay.delivered(ctx, m) {
		return errUnanswered
	}
	return nil
}

// asking asks an upstream how a purchase ended, unless it has not answered for a while. The error is that of ask.
func (t *TopUps) asking(m txn.Message, ask func(u *upstream) error) error {
	end, err := t.relay.begin()
	if err != nil {
		return err
	}
	defer end()
	u := t.relay.upstreams[m.Upstream]
	if u == nil || u.Profile.NoStatus {
		return errUnanswered
	}
	leave, err := u.queue.admit()
	if err != nil {
		return err
	}
	err = ask(u)
	leave.told(err)
	return err
}

// reconsider goes by the upstream's status where that has refused the relay's own reversal, because it cannot take back.
// Nobody has heard of that reversal but the vendor, who still waits: so it is taken back when the purchase stands, and has
// reached its aim when nothing is credited (docs/rules.md section 6). What cannot be learned is left to operators.
func (t *TopUps) reconsider(ctx context.Context, u *upstream, s standing) error {
	ctx, cancel := context.WithTimeout(ctx, min(t.relay.settings.Hold, u.Profile.Timeout))
	defer cancel()
	began := time.Now()
	change, err := t.relay.statusOf(ctx, u, s.message)
	t.relay.heed(u, whatStatus, s.message.Account, err, time.Since(began))
	if err != nil {
		return err
	}
	return t.relay.keep(ctx, s.message, func(tx saf.Tx, m txn.Message) error {
		item, queued := tx.Item(s.item.Seq)
		if !queued || item.State != saf.Attention || m.State != txn.Reversed || m.Ended != item.Seq {
			return nil // an operator was faster
		}
		change(&m)
		if m.State == txn.Open {
			takeBackReversal(tx, m)
		}
		tx.DropItem(item.Seq)
		return nil
	})
}

// takeBackReversal opens a request again whose reversal its upstream has refused.
func takeBackReversal(tx saf.Tx, m txn.Message) {
	if reversal, found := tx.MessageAt(m.Ended); found {
		reversal.State, reversal.Reason = txn.Declined, decline.TransactionNotSupported
		tx.Amend(reversal)
	}
	m.Ended, m.Reason = 0, ""
	tx.Amend(m)
}
