package airtime

import (
	"context"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Status implements Service. It asks no provider: what is still worked on is a *decline.Unknown.
func (v *Vendor) Status(ctx context.Context, q *Query) (*Response, error) {
	s := &recall{vendor: v, query: q}
	if q.ID == "" {
		if q.Reference == "" || q.Provider == "" {
			return nil, decline.New(decline.FormatError, "the id of the purchase, or its reference and provider, is needed")
		}
		seq, ok := ParseReference(q.Reference)
		if !ok {
			return nil, txn.Unlocated()
		}
		s.seq = seq
	}
	flying := v.inFlight(q) // asked before the records, so that what lands meanwhile is in them
	if err := v.store.View(ctx, s.keys(), s.run); err != nil {
		return nil, err
	}
	if !s.found {
		if flying && !s.foreign {
			return nil, v.unknown(q.ID)
		}
		return nil, txn.Unlocated()
	}
	return s.answer()
}

func (v *Vendor) inFlight(q *Query) bool {
	if q.ID == "" {
		return false
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	return v.intake.Flights.Wait(now, q.Sender.World, q.ID) != nil
}

// recall is one status query on its way to an answer.
type recall struct {
	vendor *Vendor
	query  *Query
	seq    int64 // from the reference

	found   bool
	foreign bool // the id belongs to another account
	message txn.Message
	voucher Voucher
	batch   Batch
}

func (s *recall) keys() Keys {
	k := Keys{World: s.query.Sender.World}
	if s.query.ID != "" {
		k.IDs = []ident.ID{s.query.ID}
	}
	return k
}

func (s *recall) run(tx Tx) error {
	s.found, s.foreign = false, false
	s.message, s.voucher, s.batch = txn.Message{}, Voucher{}, Batch{}
	if s.locate(tx); !s.found {
		return nil
	}
	if m := s.message; m.Voucher != 0 && (m.State == txn.Open || m.State == txn.Confirmed) {
		if s.voucher = tx.Voucher(m.Voucher); s.voucher.Batch != 0 {
			s.batch = tx.Batch(s.voucher.Batch)
		}
	}
	return nil
}

// locate finds the account's own purchase. A voucher that was asked for in the older way is none.
func (s *recall) locate(tx Tx) {
	var candidates []txn.Message
	if s.query.ID != "" {
		candidates = tx.Messages(s.query.ID)
	} else if m, found := tx.MessageAt(s.seq); found {
		candidates = []txn.Message{m}
	}
	for _, m := range candidates {
		if m.Family != txn.Purchase || m.Role != txn.Request {
			continue
		}
		if s.foreign = m.Account != s.query.Sender.Account; !s.foreign {
			s.message, s.found = m, true
		}
		return
	}
}

// answer gives what the purchase itself was answered (docs/rules.md 3.2).
func (s *recall) answer() (*Response, error) {
	m, v := s.message, s.vendor
	detail := decline.Detail{RequestID: m.ID, RequestTime: m.Told()}
	switch m.State {
	case txn.Working, txn.Reversing:
		return nil, v.unknown(m.ID)
	case txn.Reversed:
		return nil, decline.New(decline.AccountAlreadySettled, "the purchase was reversed").With(detail)
	case txn.Declined:
		return nil, decline.New(m.Reason, "the purchase was declined").With(detail)
	}
	if m.Pruned { // it stands, and any definite answer but its own would say otherwise
		return nil, &decline.Unknown{Reason: decline.OutcomeUnknown, Text: "what was answered is not kept any more", RequestID: m.ID}
	}
	p, err := v.edition(m)
	if err != nil {
		return nil, err
	}
	response := &Response{Reference: Reference(m.Seq), Provider: v.providerOf(p), Product: p}
	if m.Currency != 0 {
		response.Amount = &money.Amount{Minor: m.Amount, Currency: m.Currency}
	}
	if m.Voucher != 0 {
		if response.Voucher, err = v.issued(s.voucher, s.batch, p); err != nil {
			return nil, err
		}
	}
	if len(m.Body) > 0 {
		response.Request, err = v.keys.OpenBody(m.Body)
	}
	return response, err
}
