package txn

import (
	"context"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// DefaultHold is how long an advice waits for its request in flight (rule L12).
const DefaultHold = 5 * time.Second

// MaxReferences bounds how many third-party identifiers of a message are kept for search.
const MaxReferences = 16

// Intake does what every message needs before it takes its turn: it knows what is in flight, has an advice wait for
// its request, and makes the body and the identifiers fit for keeping.
type Intake struct {
	Flights Flights // what is being decided, and look-ups until their ids are saved
	keys    *secret.Keys
	hold    time.Duration
}

// NewIntake makes an intake. hold is how long an advice waits for its request in flight; 0 is DefaultHold.
func NewIntake(keys *secret.Keys, hold time.Duration) *Intake {
	if hold == 0 {
		hold = DefaultHold
	}
	return &Intake{keys: keys, hold: hold}
}

// ErrInFlight asks the sender to repeat an advice: its request is still being worked on (rule L12). It is a
// *decline.Unknown, since that is no fault of ours.
var ErrInFlight error = &decline.Unknown{Reason: decline.GeneralError, Text: "the request is still being processed"}

// TakeOff says that a request is in flight until land is called. It declines the id of a look-up that is not saved yet.
func (i *Intake) TakeOff(w ident.World, id ident.ID) (land func(), err error) {
	land, ok := i.Flights.TakeOff(w, id)
	if !ok {
		return nil, Duplicate(id, nil)
	}
	return land, nil
}

// Await waits for an advice's request in flight, and for a look-up that has taken the advice's own id but is not
// saved yet, so that the store will know of both. Then the advice is in flight itself.
func (i *Intake) Await(ctx context.Context, a *Advice) (land func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, i.hold)
	defer cancel()
	w := a.Sender.World
	if i.Flights.Wait(ctx, w, a.RequestID) != nil {
		return nil, ErrInFlight
	}
	for {
		if land, ok := i.Flights.TakeOff(w, a.ID); ok {
			return land, nil
		}
		if i.Flights.Wait(ctx, w, a.ID) != nil {
			return nil, ErrInFlight
		}
	}
}

// Seal makes a message's body fit for keeping.
func (i *Intake) Seal(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, nil
	}
	return i.keys.SealBody(body)
}

// References gives the hashes by which a message is found by the third-party identifiers it carries.
func (i *Intake) References(w ident.World, references []ident.Reference) []int64 {
	if len(references) == 0 {
		return nil
	}
	return i.appendReferences(make([]int64, 0, min(len(references), MaxReferences)), w, references)
}

func (i *Intake) appendReferences(hashes []int64, w ident.World, references []ident.Reference) []int64 {
	for _, r := range references[:min(len(references), MaxReferences)] {
		hashes = append(hashes, i.keys.Reference(w, r))
	}
	return hashes
}

// RequestHashes gives the hashes by which a request is found: by the third-party identifiers it carries, and by the id of
// the merchant it came from together with the hour in which it was received, unless no merchant is named.
func (i *Intake) RequestHashes(w ident.World, references []ident.Reference, merchant string, received time.Time) []int64 {
	if merchant == "" {
		return i.References(w, references)
	}
	hashes := make([]int64, 0, min(len(references), MaxReferences)+1)
	return append(i.appendReferences(hashes, w, references), i.keys.Merchant(w, merchant, received))
}

// Own gives the message of an account among those with one id; nil when it sent none of them.
func Own(messages []Message, account ident.Account) *Message {
	for i := range messages {
		if messages[i].Account == account {
			return &messages[i]
		}
	}
	return nil
}

// Duplicate refuses an id that is in use (rule V6). Details of the earlier message go only to the account that sent it.
func Duplicate(id ident.ID, own *Message) *decline.Error {
	refusal := decline.New(decline.DuplicateRecord, "a message with this id exists already")
	if own == nil {
		return refusal
	}
	switch own.Role {
	case Confirmation:
		return refusal.With(decline.Detail{ConfirmationID: id, ConfirmTime: own.Told()})
	case Reversal:
		return refusal.With(decline.Detail{ReversalID: id, ReversalTime: own.Told()})
	}
	return refusal.With(decline.Detail{RequestID: id, RequestTime: own.Told()})
}

// Late refuses a request of a family whose reversal was answered 404 before it came (rule L8), and gives nil for any
// other.
func Late(tx Tx, s *Sender, f Family, request ident.ID, reason decline.Reason) *decline.Error {
	reversal, gone := remembered(tx, s.Account, f, request)
	if !gone {
		return nil
	}
	detail := decline.Detail{RequestID: request, ReversalID: reversal.ID, ReversalTime: reversal.Told()}
	return decline.New(reason, "a reversal of this request was received before it").With(detail)
}

// ReversalBefore gives the reversal that came before a declined request and for which that was declined (rule L8), if that is
// why.
func ReversalBefore(tx Tx, request Message) (reversal Message, found bool) {
	reversal, found = remembered(tx, request.Account, request.Family, request.ID)
	return reversal, found && reversal.Seq < request.Seq
}

// remembered finds the reversal that is remembered for a request of a family. One of another space of ids was meant for
// another request (rule V7).
func remembered(tx Tx, account ident.Account, f Family, request ident.ID) (reversal Message, found bool) {
	for _, seq := range tx.Remembered(account, request) {
		if m, there := tx.MessageAt(seq); there && space(m.Family, Request) == space(f, Request) {
			return m, true
		}
	}
	return Message{}, false
}
