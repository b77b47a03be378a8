package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// conclude commits how a request ended, and gives what its sender is told of it.
func (p *passage) conclude(ctx context.Context, u *upstream, err error) error {
	var refusal *decline.Error
	var turned *decline.NotTaken
	switch {
	case err == nil:
		return p.approve(ctx)
	case errors.As(err, &refusal) && refusal.Reason == decline.DuplicateRecord:
		return p.doubled(ctx, u, refusal)
	case errors.As(err, &refusal) && untaken(refusal):
		return p.refuse(ctx, txn.Withdrawn, refusal.Reason, refusal)
	case errors.As(err, &refusal):
		return p.refuse(ctx, txn.Declined, refusal.Reason, refusal)
	case errors.As(err, &turned):
		return p.refuse(ctx, txn.Withdrawn, decline.UpstreamUnavailable, turnedDown(turned))
	}
	return p.lose(ctx, u, err)
}

// untaken says whether an upstream has turned a request away before it recorded anything, so that its id is not used up:
// because of its form (V1 to V4), or because it cannot be taken now (C13).
func untaken(refusal *decline.Error) bool {
	const tooManyRequests, serviceUnavailable = 429, 503
	return refusal.Reason == decline.FormatError || refusal.Status == tooManyRequests || refusal.Status == serviceUnavailable
}

// approve commits what was approved. Until it is committed nobody hears of it.
func (p *passage) approve(ctx context.Context) error {
	a := p.approval
	return p.settle(ctx, func(m *txn.Message) {
		m.State, m.ProviderRef = txn.Open, a.reference
		m.Amount, m.Requested, m.Currency = a.amount, a.requested, a.currency
	})
}

// refuse commits a definite no and gives it.
func (p *passage) refuse(ctx context.Context, state txn.State, reason decline.Reason, no error) error {
	err := p.settle(ctx, func(m *txn.Message) { m.State, m.Reason = state, reason })
	if err != nil {
		return err
	}
	return no
}

// settle commits how the request ended. When that fails its outcome is unknown: see strand. So it is when another process
// has taken the request for lost and has undone it: what that has begun is not ended a second time.
func (p *passage) settle(ctx context.Context, change func(m *txn.Message)) error {
	takenOver := false
	err := p.relay.keep(ctx, p.message, func(tx saf.Tx, m txn.Message) error {
		ended := m
		change(&ended)
		if takenOver = m.State != txn.Working && m.State != ended.State; m.State != txn.Working {
			return nil // or a try that seemed to fail was saved
		}
		if ended.Ended = 0; m.Ended != 0 { // somebody else asks how it ended, and this is the answer
			tx.DropItem(m.Ended)
		}
		tx.Amend(ended)
		return nil
	})
	switch {
	case err != nil:
		return p.strand(err)
	case takenOver:
		return p.lost()
	}
	return nil
}

// lost answers a request that another process has taken over meanwhile.
func (p *passage) lost() error {
	p.relay.settings.Log.Warn("another process has taken over a request that was in hand here",
		"family", p.family.String(), "id", string(p.id), "account", p.sender.Account)
	return p.unknown()
}

// doubled ends a request whose id the upstream knows although it was sent once: somebody doubled it on the way, and the
// other one may have been approved. Where there are no reversals nobody can say, so nobody is told that it failed.
func (p *passage) doubled(ctx context.Context, u *upstream, refusal *decline.Error) error {
	if u.Profile.NoReversals {
		return p.lose(ctx, u, refusal)
	}
	if err := p.giveUp(ctx, decline.DuplicateRecord); err != nil {
		return err
	}
	return refusal
}

// lose ends a request that was not answered.
func (p *passage) lose(ctx context.Context, u *upstream, cause error) error {
	p.relay.settings.Log.WarnContext(ctx, "a request was not answered",
		"upstream", u.Name, "family", p.family.String(), "id", string(p.id), "account", p.sender.Account, "cause", cause)
	if err := p.giveUp(ctx, ""); err != nil {
		return err
	}
	return p.unknown()
}

// giveUp has the request undone, or asked about, in one commit.
func (p *passage) giveUp(ctx context.Context, reason decline.Reason) error {
	ending, err := p.relay.undoing(p.message, p.references)
	if err == nil {
		ending.reason = reason
		err = p.relay.undo(ctx, ending)
	}
	if err != nil {
		return p.strand(err)
	}
	return nil
}

// strand answers a request of which the store may not tell how it ended. It is undone as soon as the store can be
// written again, in this process or the next.
func (p *passage) strand(cause error) error {
	p.relay.settings.Log.Error("what became of a request could not be recorded",
		"family", p.family.String(), "id", string(p.id), "account", p.sender.Account, "cause", cause)
	p.relay.strays.add(p.message)
	return p.unknown()
}

func (p *passage) unknown() error {
	return &decline.Unknown{Reason: rulesOf(p.family).unknown, Text: "the upstream has not answered", RequestID: p.id}
}

// turnedDown is what a sender hears when its request was surely not applied upstream. That our own credential or address
// is wrong is not its business: it would believe its own to be.
func turnedDown(turned *decline.NotTaken) error {
	if turned.Cause == decline.Expired {
		return turned
	}
	return &decline.NotTaken{Cause: decline.Unavailable, Text: "the upstream cannot be asked at the moment", After: turned.After}
}

// Bounds of trying to commit what has happened already.
const (
	keepTrying   = 5 * time.Second
	keepWait     = 20 * time.Millisecond
	keepWaitMost = time.Second
)

// keep commits what became of a request, whatever its sender does. The store may be busy or down for a moment, so it is
// tried again for a while: decide must see whether an earlier try was saved after all.
func (r *Relay) keep(ctx context.Context, m txn.Message, decide func(tx saf.Tx, m txn.Message) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTrying)
	defer cancel()
	for wait := keepWait; ; wait = min(2*wait, keepWaitMost) {
		err := r.once(ctx, m, decide)
		if err == nil || errors.Is(err, errGone) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// errGone says that a request was never recorded, or has ended otherwise meanwhile.
var errGone = errors.New("relay: the request is not there to be changed")

// once loads a request as it stands and commits a change to it.
func (r *Relay) once(ctx context.Context, m txn.Message, decide func(tx saf.Tx, m txn.Message) error) error {
	keys := saf.Keys{World: m.World, Seqs: []int64{m.Seq}}
	if m.Ended != 0 {
		keys.Items = []int64{m.Ended}
	}
	return r.settings.Store.Update(ctx, keys, func(tx saf.Tx) error {
		now, found := tx.MessageAt(m.Seq)
		if !found {
			return fmt.Errorf("message %d: %w", m.Seq, errGone)
		}
		return decide(tx, now)
	})
}
