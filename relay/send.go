package relay

import (
	"context"
	"errors"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// What was sent, as an Observer hears of it.
const (
	whatRequest = "request"
	whatStatus  = "status"
	whatQuery   = "query"
)

// How it ended, as an Observer hears of it.
const (
	outcomeSuccessful = "successful"
	outcomeFailed     = "failed"
	outcomeUnknown    = "unknown"
	outcomeNotSent    = "not_sent"
)

// The alarms of the relay.
const (
	// CredentialRefused says that an upstream does not let in what we present for an account.
	CredentialRefused decline.Alarm = "upstream_credential_refused"
	// CredentialMissing says that there is nothing to present for an account.
	CredentialMissing decline.Alarm = "upstream_credential_missing"
	// Misdirected says that what answers at an upstream's address is not a server of its contract.
	Misdirected decline.Alarm = "upstream_misdirected"
	// AdviceRefused says that an upstream has refused an advice whose sender had been told that it was taken over.
	AdviceRefused decline.Alarm = "upstream_advice_refused"
	// Contradicted says that an upstream has ended a request the other way than it had agreed to before.
	Contradicted decline.Alarm = "upstream_contradicted"
)

// put sends a query to an upstream that lets it through, and waits for its answer.
func (r *Relay) put(ctx context.Context, u *upstream, what string, account ident.Account, send func(context.Context) error) error {
	leave, err := u.queue.admit()
	if err != nil {
		return err
	}
	return r.putWith(ctx, leave, u, what, account, send)
}

// putWith sends what has leave to go out, and waits for its answer, whatever its sender does: the answer is true, and
// there is nobody else to hear it.
func (r *Relay) putWith(
	ctx context.Context, leave pass, u *upstream, what string, account ident.Account, send func(context.Context) error,
) error {
	ctx, cancel := r.patience(ctx, u)
	defer cancel()
	began := time.Now()
	err := send(ctx)
	if what == whatStatus {
		leave.told(asAnswered(err))
	} else {
		leave.told(err)
	}
	r.heed(u, what, account, err, time.Since(began))
	return err
}

// patience is how long an answer is waited for: the upstream's time, and no longer than whoever asks has.
func (r *Relay) patience(ctx context.Context, u *upstream) (context.Context, context.CancelFunc) {
	deadline := time.Now().Add(u.Profile.Timeout)
	if promised, bound := ctx.Deadline(); bound && promised.Before(deadline) {
		deadline = promised
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	stop := context.AfterFunc(r.life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// heed tells of what was sent, and raises the alarms that are told to nobody downstream.
func (r *Relay) heed(u *upstream, what string, account ident.Account, err error, took time.Duration) {
	if r.settings.Observer != nil {
		r.settings.Observer.Sent(u.Name, what, outcomeOf(err), took)
	}
	var turned *decline.NotTaken
	if !errors.As(err, &turned) {
		return
	}
	alarm, alarming := map[decline.Cause]decline.Alarm{
		decline.Unauthenticated: CredentialRefused, decline.Forbidden: CredentialRefused,
		decline.NoCredential: CredentialMissing, decline.Misdirected: Misdirected,
	}[turned.Cause]
	if !alarming {
		return
	}
	if skipped, ok := r.logged.take(u.Name+" "+string(alarm), r.settings.Now()); ok {
		r.settings.Log.Error("an upstream does not take what is sent to it", "upstream", u.Name, "what", what, "account", account,
			"alarm", string(alarm), "cause", turned, "not_logged_before", skipped)
	}
	r.alarm(alarm, account)
}

func (r *Relay) alarm(a decline.Alarm, account ident.Account) {
	if r.settings.Alarm != nil {
		r.settings.Alarm(a, account)
	}
}

func outcomeOf(err error) string {
	var refusal *decline.Error
	var turned *decline.NotTaken
	switch {
	case err == nil:
		return outcomeSuccessful
	case unsent(err):
		return outcomeNotSent
	case errors.As(err, &refusal), errors.As(err, &turned):
		return outcomeFailed
	}
	return outcomeUnknown
}

// sendItem sends what is in a queue to its upstream: an advice, or a question for the status of a request.
func (r *Relay) sendItem(ctx context.Context, i saf.Item, wire txn.Wire) (answer *txn.Answer, err error) {
	u := r.upstreams[i.Upstream]
	ctx, cancel := context.WithTimeout(ctx, u.Profile.Timeout)
	defer cancel()
	began, what := time.Now(), i.Role.String()
	if i.Role == txn.Request {
		what, err = whatStatus, r.resolve(ctx, u, i.Seq, i.Request, i.World)
	} else {
		answer, err = u.advise(ctx, r.adviceOf(i, wire))
		err = r.known(i, err)
	}
	told := err
	if saf.Read(i.Role, err).Outcome == saf.Delivered { // also a reversal of what is not there
		told = nil
	}
	r.heed(u, what, i.Account, told, time.Since(began))
	if i.Role == txn.Request {
		err = asRepeated(err)
	}
	return answer, err
}

// known reads the refusal of an advice as a copy when it is one of what was sent before, here, by an earlier process or,
// since it has been queued for so long, by another one: that has arrived, and its answer was lost. Unless the first one was
// refused for its id, too: then another has it.
func (r *Relay) known(i saf.Item, err error) error {
	var refusal *decline.Error
	sentBefore := i.Attempts > 0 || i.At.Before(r.started) || r.isShared() && r.age(i) >= r.settings.AdviceWait
	if !sentBefore || !errors.As(err, &refusal) || refusal.Reason != decline.DuplicateRecord || i.Why == saf.Read(i.Role, err).Why {
		return err
	}
	r.settings.Log.Info("an upstream knows an advice already that is sent again", "upstream", i.Upstream, "id", string(i.ID), "account", i.Account)
	return nil
}

func (r *Relay) adviceOf(i saf.Item, wire txn.Wire) *txn.Advice {
	return &txn.Advice{
		Family: i.Family, Role: i.Role, ID: i.ID, RequestID: i.RequestID, Received: r.settings.Now(), Wire: wire,
		Sender: &txn.Sender{Account: i.Account, World: i.World},
	}
}

// advise puts an advice to the service of its family.
func (u *upstream) advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	switch {
	case a.Family.IsAirtime() && u.Airtime != nil:
		return u.Airtime.Advise(ctx, &airtime.Advice{Advice: *a})
	case !a.Family.IsAirtime() && u.Giftcard != nil:
		return u.Giftcard.Advise(ctx, a)
	}
	return nil, &decline.NotTaken{Cause: decline.Misdirected, Text: "the upstream does not speak this contract any more"}
}
