package sdk

import (
	"sync"
	"time"

	"github.com/scripworks/scrip/ident"
)

// hands knows what the program has in its hands in this run: since when, of each request that is under way or has been
// approved and not ended. The record tells only when a request was sent, and the upstream may have taken its time.
type hands struct {
	mu   sync.Mutex
	held map[ident.ID]time.Time // zero while it is under way
}

// reach notes a request before it is sent. It may be approved on the record a moment before the program has it.
func (h *hands) reach(id ident.ID) { h.hold(id, time.Time{}) }

// hold notes that the program has the approval.
func (h *hands) hold(id ident.ID, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		h.held = map[ident.ID]time.Time{}
	}
	h.held[id] = now
}

// drop forgets what has ended, or was never approved.
func (h *hands) drop(id ident.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, id)
}

// since is when the time to decide began: never yet for what is under way, and for what an earlier run left when it was
// sent.
func (h *hands) since(id ident.ID, sent time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	began, held := h.held[id]
	switch {
	case !held:
		return sent
	case began.IsZero():
		return endOfTime
	}
	return began
}

// endOfTime is later than any instant that a till sees.
var endOfTime = time.Unix(1<<40, 0)
