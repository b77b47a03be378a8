package txn

import "time"

// Husk is what is left of a message that was pruned: what answers depend on for as long as its id is known, and nothing
// else (docs/decisions/0021). Of the Message it has Seq, World, Account, Family, Role, State, Reason, Request, Card, Names,
// Amount, Requested, Final, Currency and Upstream; At is the day.
type Husk struct {
	Message
	Hash int64 // of its id, by which it is found
}

// Husk gives what is to be left of a message whose id has a hash.
func (m Message) Husk(hash int64) Husk {
	return Husk{Hash: hash, Message: Message{
		Pruned: true, Seq: m.Seq, World: m.World, Account: m.Account, Family: m.Family, Role: m.Role, State: m.State,
		Reason: m.Reason, At: m.At.UTC().Truncate(24 * time.Hour), Request: m.Request, Card: m.Card, Names: m.Names,
		Amount: m.Amount, Requested: m.Requested, Final: m.Final, Currency: m.Currency, Upstream: m.Upstream,
	}}
}

// Told gives when a message was received, as far as its sender is told: nothing of one that was pruned, since the day
// alone is known.
func (m Message) Told() time.Time {
	if m.Pruned {
		return time.Time{}
	}
	return m.At
}

// IsSettled says whether nothing can happen any more to a message that needs no other to have ended: a request that was
// declined or withdrawn, or a look-up.
func (m Message) IsSettled() bool {
	return m.Role == Request && (m.State == Declined || m.State == Withdrawn || m.State == Answered)
}

// IsEnded says whether a request was ended by another message.
func (m Message) IsEnded() bool {
	return m.Role == Request && (m.State == Confirmed || m.State == Reversed)
}
