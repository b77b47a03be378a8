package relay

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// Status implements airtime.Service. What has not stood the relay's own record is answered by that; what stands as
// approved is asked of the upstream that approved it. A purchase of another account is none (rule A2).
func (s *sales) Status(ctx context.Context, q *airtime.Query) (*airtime.Response, error) {
	if q.ID == "" && (q.Reference == "" || q.Provider == "") {
		return nil, decline.New(decline.FormatError, "the id of the purchase, or its reference and provider, is needed")
	}
	flying := q.ID != "" && s.relay.inFlight(q.Sender.World, q.ID) // asked before the records, so that what lands is in them
	m, found, err := s.relay.purchase(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case found:
		return s.recall(ctx, m, q)
	case flying:
		return nil, notKnown(q.ID)
	case q.ID != "" || isOurs(q.Reference):
		return nil, txn.Unlocated()
	}
	return s.byReference(ctx, q)
}

func notKnown(request ident.ID) error {
	return &decline.Unknown{Reason: decline.OutcomeUnknown, Text: "how the purchase ends is not known yet", RequestID: request}
}

func isOurs(reference string) bool {
	_, ours := ParseReference(reference)
	return ours
}

// inFlight says whether a message with this id is in hand.
func (r *Relay) inFlight(w ident.World, id ident.ID) bool {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	return r.intake.Flights.Wait(now, w, id) != nil
}

// purchase finds the account's own purchase that was passed on, by its id or by our reference.
func (r *Relay) purchase(ctx context.Context, q *airtime.Query) (m txn.Message, found bool, err error) {
	keys := saf.Keys{World: q.Sender.World}
	seq, ours := ParseReference(q.Reference)
	switch {
	case q.ID != "":
		keys.IDs = []ident.ID{q.ID}
	case ours:
		keys.Seqs = []int64{seq}
	default:
		return m, false, nil
	}
	err = r.settings.Store.View(ctx, keys, func(tx saf.Tx) error {
		m, found = txn.Message{}, false
		candidates := tx.Messages(q.ID)
		if q.ID == "" {
			at, there := tx.MessageAt(seq)
			if candidates = nil; there {
				candidates = []txn.Message{at}
			}
		}
		for _, c := range candidates {
			if c.Family == txn.Purchase && c.Role == txn.Request && c.Account == q.Sender.Account && c.Upstream != "" {
				m, found = c, true
			}
		}
		return nil
	})
	return m, found, err
}

// settled gives what our own record answers to the status of a purchase (docs/rules.md 3.2); nil when that is its
// upstream's to tell.
func settled(m txn.Message) error {
	detail := decline.Detail{RequestID: m.ID, RequestTime: m.Told()}
	switch m.State {
	case txn.Working, txn.Reversing:
		return notKnown(m.ID)
	case txn.Reversed:
		return decline.New(decline.AccountAlreadySettled, "the purchase was reversed").With(detail)
	case txn.Declined:
		return decline.New(m.Reason, "the purchase was declined").With(detail)
	}
	return nil
}

// recall answers for a purchase that is in our own records.
func (s *sales) recall(ctx context.Context, m txn.Message, q *airtime.Query) (*airtime.Response, error) {
	if err := settled(m); err != nil {
		return nil, err
	}
	u := s.relay.upstreams[m.Upstream]
	if u == nil || u.Airtime == nil || m.ID == "" { // of one that was pruned, our reference does not tell the id
		return nil, notKnown(m.ID)
	}
	asked := *q
	if q.ID == "" { // our reference means nothing upstream
		asked.ID, asked.Reference, asked.Provider, asked.Wire = m.ID, "", "", nil
	}
	return s.status(ctx, []*upstream{u}, &asked)
}

// status asks upstreams for a status.
func (s *sales) status(ctx context.Context, route []*upstream, q *airtime.Query) (response *airtime.Response, err error) {
	err = s.relay.through(ctx, route, whatStatus, txn.Purchase, q.Sender.Account, func(ctx context.Context, u *upstream) error {
		if u.Profile.NoStatus {
			return decline.New(decline.FunctionNotSupported, "the upstream does not tell the status of a purchase")
		}
		response, err = u.Airtime.Status(ctx, q)
		return err
	})
	var refusal *decline.Error
	switch {
	case errors.As(err, &refusal) && !decides(refusal): // a definite no would end the asking
		return nil, notKnown(q.ID)
	case err != nil:
		return nil, err
	}
	return response, nil
}

// byReference asks the upstreams, one after another, for a purchase by the reference on its slip. What they answer is
// told only when it is about a purchase of the same account, and when our own record does not know better.
func (s *sales) byReference(ctx context.Context, q *airtime.Query) (*airtime.Response, error) {
	for _, u := range s.route {
		response, err := s.status(ctx, []*upstream{u}, q)
		var refusal *decline.Error
		if err != nil && !errors.As(err, &refusal) {
			return nil, err
		}
		named := *q
		if named.ID = about(response, refusal); named.ID == "" {
			continue
		}
		m, found, failed := s.relay.purchase(ctx, &named)
		switch {
		case failed != nil:
			return nil, failed
		case !found || m.Upstream != u.Name:
			continue
		}
		if known := settled(m); known != nil {
			return nil, known
		}
		return response, err
	}
	return nil, txn.Unlocated()
}

// about gives the id of the purchase that an answer to a status is about; empty when that is not told.
func about(response *airtime.Response, refusal *decline.Error) ident.ID {
	var said struct{ ID, OriginalID ident.ID }
	switch {
	case refusal != nil && refusal.Wire == nil:
		return refusal.Detail.RequestID
	case refusal != nil:
		_ = json.Unmarshal(refusal.Wire, &said) // what cannot be read tells nothing
		return said.OriginalID
	case response.Answer != nil:
		_ = json.Unmarshal(response.Answer.Body, &said)
	default:
		_ = json.Unmarshal(response.Request, &said)
	}
	return said.ID
}
