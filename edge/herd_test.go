package edge

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// After a start all tills of a chain come at once with one and the same pair: none of them may be turned away
// because their common password is being verified.
func TestOnePairIsVerifiedOnceForAllThatBringIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(t)
		l.verifier.hold, l.verifier.held = make(chan struct{}), make(chan struct{}, 1)
		const tills = 4 * maxVerifying
		var let atomic.Int32
		for range tills {
			go func() {
				if who, err := l.Identify(from("till", "open sesame")); err == nil && who.Account.Name == "till" {
					let.Add(1)
				}
			}()
		}
		synctest.Wait()
		close(l.verifier.hold)
		synctest.Wait()
		if let.Load() != tills || l.verifier.computed != 1 {
			t.Errorf("%d of %d were let in, %d passwords were computed", let.Load(), tills, l.verifier.computed)
		}
	})
}
