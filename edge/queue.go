package edge

import (
	"net/netip"
	"sync"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/secret"
)

// Bounds of the messages that wait for their password to be verified. Verifying takes some ten milliseconds of a
// core on purpose, and package secret does only a few at once. Pairs that are remembered do not wait, so a flood
// of wrong passwords is slowed down to what these places let through, and keeps out nobody who was here before.
// There is no lock-out: it would let anybody who knows a name shut out its owner.
const (
	maxVerifying        = 32 // in all
	maxVerifyingAddress = 8  // from one address, so that one cannot take all
)

// Verifier knows passwords. *secret.Passwords implements it.
type Verifier interface {
	// Recall says whether a password is right, if that is remembered.
	Recall(hash, password string, now time.Time) (right, known bool)
	// Verify computes it. An empty hash stands for a name that does not exist and costs as much as any other.
	Verify(hash, password string, now time.Time) bool
}

var _ Verifier = (*secret.Passwords)(nil)

// queue is the places of those whose password is being verified.
type queue struct {
	mu        sync.Mutex
	waiting   int
	byAddress map[netip.Addr]int
}

func newQueue() *queue { return &queue{byAddress: make(map[netip.Addr]int)} }

func (q *queue) enter(from netip.Addr) *decline.NotTaken {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting >= maxVerifying || q.byAddress[from] >= maxVerifyingAddress {
		return &decline.NotTaken{Cause: decline.Overloaded, Text: "too many passwords are being verified", After: tryAgain}
	}
	q.waiting++
	q.byAddress[from]++
	return nil
}

func (q *queue) leave(from netip.Addr) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting--
	if q.byAddress[from]--; q.byAddress[from] == 0 {
		delete(q.byAddress, from)
	}
}

// addressOf gives what counts as one address: an IPv4 address, or the 64 bits of a network of IPv6. What cannot
// be read is one address too.
func addressOf(remote string) netip.Addr {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	a := at.Addr().Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	network, err := a.Prefix(64)
	if err != nil {
		return netip.Addr{}
	}
	return network.Addr()
}
