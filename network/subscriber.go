package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
)

// maxPurses bounds the currencies of one subscriber.
const maxPurses = 16

// subscriberKey is how a subscriber is found without keeping his number.
type subscriberKey struct {
	hash int64  // for the lock
	name string // of the row, in hexadecimal
}

// nameOf hashes a number. Two hashes, of the digits without and with a plus sign, make 128 bits: of 64 alone, two of
// very many subscribers might share one.
func (n *Network) nameOf(w ident.World, m ident.MSISDN) subscriberKey {
	hash := n.keys.Found(w, secret.ByMSISDN, m.Reveal())
	more := n.keys.Found(w, secret.ByMSISDN, "+"+m.Reveal())
	return subscriberKey{hash: hash, name: fmt.Sprintf("%016x%016x", uint64(hash), uint64(more))}
}

// parseKey reads a name again.
func parseKey(name string) (subscriberKey, error) {
	const half = 16 // digits of a hash
	if len(name) != 2*half {
		return subscriberKey{}, errSubscriber
	}
	hash, err := strconv.ParseUint(name[:half], 16, 64)
	if err != nil {
		return subscriberKey{}, errSubscriber
	}
	return subscriberKey{hash: int64(hash), name: name}, nil
}

// subscriber is the record of one subscriber: his balances, the oldest currency first. The names of its fields rest in
// the store: one may be added, but not renamed.
type subscriber struct {
	resting
	name string

	Purses []purse `json:"purses"`
}

// purse is a balance.
type purse struct {
	Minor    money.Minor    `json:"minor"`
	Currency money.Currency `json:"currency"`
}

var errSubscriber = errors.New("network: a subscriber's record is damaged")

// decodeSubscriber reads a subscriber's record, and refuses one that cannot be.
func decodeSubscriber(r admin.Row) (subscriber, error) {
	s := subscriber{resting: resting{number: r.Number}, name: r.Name}
	if err := json.Unmarshal(r.Content, &s); err != nil {
		return subscriber{}, errSubscriber // its text would quote the record
	}
	return s, s.check()
}

func (s *subscriber) check() error {
	seen := map[money.Currency]bool{}
	for _, p := range s.Purses {
		if p.Currency == 0 || seen[p.Currency] || !amountFits(p.Minor, p.Currency) {
			return errSubscriber
		}
		seen[p.Currency] = true
	}
	if len(s.Purses) > maxPurses {
		return errSubscriber
	}
	return nil
}

func (s *subscriber) row(w ident.World) (admin.Row, error) {
	content, err := json.Marshal(s)
	return admin.Row{Kind: admin.SubscriberRow, Number: s.number, World: w, Name: s.name, Content: content}, err
}

// in gives the balance in a currency.
func (s *subscriber) in(c money.Currency) money.Minor {
	for _, p := range s.Purses {
		if p.Currency == c {
			return p.Minor
		}
	}
	return 0
}

// takes says whether the subscriber may be given an amount when he may have most.
func (s *subscriber) takes(amount money.Amount, most money.Minor) bool {
	for _, p := range s.Purses {
		if p.Currency == amount.Currency {
			return amount.Minor <= most-p.Minor
		}
	}
	return amount.Minor <= most && len(s.Purses) < maxPurses
}

// add changes a balance. Who calls it has looked whether the amount fits, or is there.
func (s *subscriber) add(amount money.Amount) {
	for i := range s.Purses {
		if s.Purses[i].Currency == amount.Currency {
			s.Purses[i].Minor += amount.Minor
			return
		}
	}
	s.Purses = append(s.Purses, purse(amount))
}
