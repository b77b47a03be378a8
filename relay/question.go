package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// undecided says that an upstream was asked how a request ended, and cannot tell yet.
type undecided struct{}

// Error gives the text.
func (undecided) Error() string { return "the upstream cannot tell yet how the request ended" }

// Heard says that the upstream is there: nobody is to be kept from asking it (saf.Read).
func (undecided) Heard() bool { return true }

// asAnswered gives what the breaker is told of a status: that it is not known yet is an answer.
func asAnswered(err error) error {
	var unknown *decline.Unknown
	if errors.As(err, &unknown) {
		return undecided{}
	}
	return err
}

// asRepeated has a question asked again that was answered with a 404 in nobody's words. Alone it does not tell that the
// upstream's address is wrong, so it must not stop the confirmations of others.
func asRepeated(err error) error {
	var turned *decline.NotTaken
	if errors.As(err, &turned) && turned.Cause == decline.Misdirected {
		return undecided{}
	}
	return err
}

// resolve asks an upstream how a request ended and commits that. nil means that it is known now. A *decline.Error says
// that the upstream will not tell, ever; any other error that it has to be asked again.
func (r *Relay) resolve(ctx context.Context, u *upstream, question, request int64, w ident.World) error {
	m, err := r.messageAt(ctx, w, request)
	if err != nil {
		return err
	}
	if m.State != txn.Working || m.Ended != question {
		return nil // it is known already
	}
	change, err := r.statusOf(ctx, u, m)
	if err != nil {
		return err
	}
	return r.keep(ctx, m, func(tx saf.Tx, m txn.Message) error {
		if m.State != txn.Working || m.Ended != question {
			return nil
		}
		change(&m)
		m.Ended = 0
		tx.Amend(m)
		tx.DropItem(question)
		return nil
	})
}

// messageAt gives a message by its place.
func (r *Relay) messageAt(ctx context.Context, w ident.World, seq int64) (m txn.Message, err error) {
	found := false
	err = r.settings.Store.View(ctx, saf.Keys{World: w, Seqs: []int64{seq}}, func(tx saf.Tx) error {
		m, found = tx.MessageAt(seq)
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("message %d: %w", seq, errGone)
	}
	return m, err
}

// statusOf asks for the status of a purchase, and gives what that makes of its record.
func (r *Relay) statusOf(ctx context.Context, u *upstream, m txn.Message) (change func(*txn.Message), err error) {
	if m.Family != txn.Purchase || u.Airtime == nil || u.Profile.NoStatus {
		return nil, decline.New(decline.FunctionNotSupported, "the upstream has neither reversals nor the status of a %s", m.Family)
	}
	response, err := u.Airtime.Status(ctx, &airtime.Query{
		Sender: &txn.Sender{Account: m.Account, World: m.World}, Received: r.settings.Now(), ID: m.ID,
	})
	var refusal *decline.Error
	switch {
	case err == nil:
		a := approvedPurchase(m.Requested, m.Currency, response)
		return func(m *txn.Message) {
			m.State, m.ProviderRef, m.Amount, m.Currency = txn.Open, a.reference, a.amount, a.currency
		}, nil
	case !errors.As(err, &refusal):
		return nil, asAnswered(err)
	case !decides(refusal):
		return nil, undecided{}
	case refusal.Reason == decline.UnableToLocateRecord && r.settings.Now().Sub(m.At) <= 2*u.Profile.Timeout:
		return nil, undecided{} // it may still be on its way (docs/rules.md 3.2)
	case isOfQuestion(refusal.Reason):
		return nil, refusal
	}
	return func(m *txn.Message) { m.State, m.Reason = txn.Declined, declinedFor(refusal.Reason) }, nil
}

// decides says whether a refusal of a status is what became of its purchase. An upstream that turns the question away for
// now, and a gateway with words of its own, have said nothing about that.
func decides(refusal *decline.Error) bool {
	switch refusal.Status {
	case 0: // of a service in words
		return true
	case http.StatusNotFound:
		return refusal.Reason == decline.UnableToLocateRecord
	case http.StatusBadRequest, http.StatusNotImplemented:
		return refusal.Wire != nil
	}
	return false
}

// isOfQuestion says whether a status was refused for itself, and not answered with the refusal of its purchase: a
// purchase that broke the contract was never recorded.
func isOfQuestion(reason decline.Reason) bool {
	return reason == decline.FormatError || reason == decline.FunctionNotSupported
}

// declinedFor is the reason of a purchase that its upstream has not carried out.
func declinedFor(status decline.Reason) decline.Reason {
	if status == decline.UnableToLocateRecord {
		return decline.UpstreamUnavailable
	}
	return status
}

// approvedPurchase is what a response says of a purchase: what was asked for where it says nothing.
func approvedPurchase(asked money.Minor, currency money.Currency, response *airtime.Response) approval {
	a := approval{amount: asked, requested: asked, currency: currency}
	if response == nil {
		return a
	}
	if response.Amount != nil {
		a.amount, a.currency = response.Amount.Minor, response.Amount.Currency
	}
	a.reference = response.Reference
	return a
}

// askNow asks for the status of a request that is being asked about anyway, because an advice waits for it. An upstream that
// does not answer is left alone.
func (r *Relay) askNow(ctx context.Context, m txn.Message) error {
	u := r.upstreams[m.Upstream]
	if u == nil {
		return fmt.Errorf("relay: upstream %q is not configured", m.Upstream)
	}
	ctx, cancel := context.WithTimeout(ctx, min(r.settings.Hold, u.Profile.Timeout))
	defer cancel()
	return r.put(ctx, u, whatStatus, m.Account, func(ctx context.Context) error {
		return r.resolve(ctx, u, m.Ended, m.Seq, m.World)
	})
}
