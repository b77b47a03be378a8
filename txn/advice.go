package txn

import (
	"slices"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// Advice is a confirmation or a reversal of an earlier request.
type Advice struct {
	Family     Family
	Role       Role
	ID         ident.ID
	RequestID  ident.ID
	Sender     *Sender
	Received   time.Time
	Approved   *money.Amount // the final amount; nil means all of it (rule L15)
	References []ident.Reference
	Why        ReversalReason // of a reversal
	Body       []byte         // the message as received, without PINs and card numbers, for keeping
	// Wire is the message to be passed on: as it was received, but for PINs and copies of its request. nil has it
	// composed from the words.
	Wire   Wire
	Origin *Origin // who sends it, where it is to be composed
}

// ReversalReason is why a request is undone. The text is the contract's.
type ReversalReason string

// The reasons.
const (
	TimedOut         ReversalReason = "TIMEOUT"
	Cancelled        ReversalReason = "CANCELLED"
	ResponseNotFinal ReversalReason = "RESPONSE_NOT_FINAL"
)

// Keys gives the ids that deciding the advice needs.
func (a *Advice) Keys() []ident.ID { return []ident.ID{a.ID, a.RequestID} }

// Effect is what ending a request means to what it was about: the rules of cards, or of airtime.
type Effect interface {
	// Whole gives the amount that stands for all of a request in its advices, and whether less may be confirmed.
	Whole(e *Ending) (full money.Minor, partial bool)
	// OtherEnding gives the reason to refuse an advice whose request has ended the other way (L5, L6).
	OtherEnding(e *Ending) decline.Reason
	// Check refuses what the life of a transaction would let through, or gives nil. It is asked last.
	Check(e *Ending) *decline.Error
	// Apply books and changes what the advice ends, and sets Amount, Links and whatever else the message says of it.
	// The request's State, Ended and the messages themselves are not its business; Request.Final is.
	Apply(e *Ending) error
}

// Ending is one advice on its way to an answer. What is above Tx is prepared once; what is below is made anew each
// time the store lets it run.
type Ending struct {
	Advice *Advice
	// Operator says that it is an operator's settlement, and nobody's own advice.
	Operator bool
	// Overtakes says that a reversal does not wait for the provider that is at work on its request: that can be asked
	// only to take it back any more.
	Overtakes  bool
	effect     Effect
	body       []byte
	references []int64
	names      int64 // the hash of the request's id

	Tx      Tx
	Request Message // the request it is about; its zero value when there is none
	Message Message // the advice's own record
	Refusal *decline.Error
}

// Prepare makes an advice ready for its turn.
func (i *Intake) Prepare(a *Advice, effect Effect) (*Ending, error) {
	body, err := i.Seal(a.Body)
	if err != nil {
		return nil, err
	}
	w := a.Sender.World
	return &Ending{
		Advice: a, effect: effect, body: body, references: i.References(w, a.References), names: i.keys.ID(w, a.RequestID),
	}, nil
}

// Run decides the advice and records it. It may run again. What was refused stands in Refusal.
func (e *Ending) Run(tx Tx) error {
	a := e.Advice
	e.Tx, e.Request, e.Refusal = tx, Message{}, nil
	last, repeated := e.sentBefore()
	if last != nil && !repeated {
		e.Refusal = Duplicate(a.ID, last)
		return nil
	}
	e.Message = Message{
		World: a.Sender.World, ID: a.ID, Account: a.Sender.Account, Family: a.Family, Role: a.Role,
		State: Accepted, At: a.Received, References: e.references, Body: e.body,
	}
	verdict, refusal := e.judge()
	e.Message.Upstream = e.Request.Upstream
	switch {
	case refusal == nil && verdict == Apply:
		return e.Apply()
	case verdict == Wait:
		return ErrInFlight
	}
	e.Refusal = refusal
	e.record(last, verdict)
	return nil
}

// Settle ends a request for its sender, as an operator's act.
func (e *Ending) Settle(tx Tx, request Message) error {
	a := e.Advice
	e.Tx, e.Request, e.Operator = tx, request, true
	e.Message = Message{World: request.World, ID: a.ID, Family: request.Family, Role: a.Role, State: Accepted, At: a.Received}
	return e.Apply()
}

// sentBefore finds the last message of the same account with the advice's id, and says whether that was the
// same advice: of the same kind, for the same request (rule L4a).
func (e *Ending) sentBefore() (last *Message, repeated bool) {
	a := e.Advice
	messages := Used(e.Tx.Messages(a.ID), a.Family, a.Role)
	for i := len(messages) - 1; i >= 0; i-- {
		m := &messages[i]
		if m.Account != a.Sender.Account {
			continue
		}
		return m, m.Role == a.Role && m.Family == a.Family && e.namedBy(m)
	}
	return nil, false
}

// namedBy says whether an earlier advice named the same request.
func (e *Ending) namedBy(m *Message) bool {
	if m.Request == 0 {
		return m.Names == e.names
	}
	return slices.ContainsFunc(e.Tx.Messages(e.Advice.RequestID), func(r Message) bool { return r.Seq == m.Request })
}

// judge makes the checks of docs/rules.md 1.4 for advices in their order, up to the effect.
func (e *Ending) judge() (Verdict, *decline.Error) {
	if refusal := e.locate(); refusal != nil {
		return 0, refusal
	}
	verdict := e.verdict()
	switch verdict {
	case Locate, Remember:
		return verdict, Unlocated()
	case NotApproved:
		return verdict, decline.New(decline.GeneralError, "the request was declined").With(e.Detail())
	case OtherEnding:
		return verdict, decline.New(e.effect.OtherEnding(e), "the request has ended the other way").With(e.Detail())
	case Wait:
		return verdict, nil
	}
	if refusal := e.checkAmount(); refusal != nil {
		return 0, refusal
	}
	if verdict == Apply {
		return verdict, e.effect.Check(e)
	}
	return verdict, nil
}

func (e *Ending) verdict() Verdict {
	if e.Overtakes && e.Advice.Role == Reversal && e.Request.State == Working {
		return Apply
	}
	return Judge(e.Request.State, e.Advice.Role)
}

// Unlocated refuses what names a request that is not there (L7, L9).
func Unlocated() *decline.Error {
	return decline.New(decline.UnableToLocateRecord, "there is no such request")
}

// locate finds the request. One of another account or of another kind is not found by a confirmation; a reversal
// of it is refused, because 404 would tell the sender that it had succeeded (rules A2 and L13).
func (e *Ending) locate() *decline.Error {
	a, foreign := e.Advice, false
	messages := namable(e.Tx.Messages(a.RequestID), a.Family)
	for _, m := range messages {
		mine := m.Account == a.Sender.Account
		if mine && m.Role == Request && m.Family == a.Family {
			e.Request = m
			return nil
		}
		foreign = foreign || !mine
	}
	if len(messages) == 0 {
		return nil
	}
	if a.Role == Confirmation {
		return Unlocated()
	}
	refusal := decline.New(decline.GeneralError, "the request cannot be reversed by this message")
	if foreign {
		refusal.Alarm, refusal.Account = decline.ForeignReversal, a.Sender.Account
	}
	return refusal
}

// Detail names the request, and what ended it (docs/rules.md 2.4).
func (e *Ending) Detail() decline.Detail {
	detail := decline.Detail{RequestID: e.Request.ID, RequestTime: e.Request.Told()}
	addEnding(&detail, e.Advice.Role, e.Advice.ID, e.Message)
	if e.Request.Ended != 0 {
		if ended, found := e.Tx.MessageAt(e.Request.Ended); found {
			addEnding(&detail, ended.Role, ended.ID, ended)
		}
	}
	return detail
}

func addEnding(detail *decline.Detail, role Role, id ident.ID, m Message) {
	if role == Reversal {
		detail.ReversalID, detail.ReversalTime = id, m.Told()
	} else {
		detail.ConfirmationID, detail.ConfirmTime = id, m.Told()
	}
}

// checkAmount judges the final amount that an advice names (rule L15). For a repeat it must be the one confirmed.
func (e *Ending) checkAmount() *decline.Error {
	named := e.Advice.Approved
	if named == nil {
		return nil
	}
	full, partial := e.effect.Whole(e)
	expected := full
	if e.Request.State == Confirmed {
		expected = full - (e.Request.Amount - e.Request.Final)
	}
	switch {
	case e.Request.State == Declined: // a reversal of what never took effect
		return nil
	case named.Currency != e.Request.Currency || named.Minor <= 0 || named.Minor > full:
	case named.Minor == expected:
		return nil
	case partial && e.Advice.Role == Confirmation && e.Request.State == Open:
		return nil
	}
	return decline.New(decline.InvalidAmount, "the final amount cannot be that").At("amounts.approvedAmount").With(e.Detail())
}

// Confirm sets what is confirmed of the request's amount: all of it, or what the advice names (rule L15).
func (e *Ending) Confirm() {
	r := &e.Request
	r.Final = r.Amount
	if full, partial := e.effect.Whole(e); partial && e.Advice.Approved != nil {
		r.Final = r.Amount - (full - e.Advice.Approved.Minor)
	}
	e.Message.Amount = r.Final
}

// record keeps an advice that has no effect. One that was sent before and had the same outcome stands already.
func (e *Ending) record(last *Message, verdict Verdict) {
	if e.Refusal != nil {
		e.Message.State, e.Message.Reason = Declined, e.Refusal.Reason
	}
	if last != nil && last.State == e.Message.State && last.Reason == e.Message.Reason {
		return
	}
	e.Message.Seq = e.Tx.NextSeq()
	e.Message.Request = e.Request.Seq
	if e.Request.Seq == 0 {
		e.Message.Names = e.names
	}
	e.Tx.Insert(e.Message)
	if verdict == Remember {
		e.remember()
	}
}

// remember keeps a reversal of a request that was never seen, so that the request is declined if it comes (L7, L8).
func (e *Ending) remember() {
	a := e.Advice
	if _, known := remembered(e.Tx, a.Sender.Account, a.Family, a.RequestID); !known {
		e.Tx.Remember(a.Sender.Account, a.RequestID, e.Message.Seq)
	}
}

// Apply ends the request, once. A reversal that its effect leaves Working makes the request Reversing: somebody else
// has to agree first.
func (e *Ending) Apply() error {
	e.Message.Seq = e.Tx.NextSeq()
	e.Message.Request = e.Request.Seq
	e.Message.Currency = e.Request.Currency
	if err := e.effect.Apply(e); err != nil {
		return err
	}
	e.Request.State, e.Request.Ended = e.Advice.Role.Ending(), e.Message.Seq
	if e.Message.State == Working {
		e.Request.State = Reversing
	}
	e.Tx.Amend(e.Request)
	e.Tx.Insert(e.Message)
	return nil
}
