package edge

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
)

// guessDebt bounds, in minutes, what is held against an account that got more wrong answers than it may have in
// a minute. Messages in hand at once can go past the bound before the first of them is answered; what went past
// it counts in the minutes that follow, so that the bound holds on average.
const guessDebt = 10

// meter is what is known of one account's pace. It outlives changes of the account's settings.
type meter struct {
	mu      sync.Mutex
	rate    *rate.Limiter
	guesses tally
}

// tally counts wrong cards and PINs by the minute of the clock.
type tally struct {
	minute  int64 // since 1970
	count   int64 // of this minute, with what earlier ones left
	alarmed int64 // the last minute that raised the alarm
}

// advance goes to the minute of now and lets the passed ones take off what they may.
func (t *tally) advance(now time.Time, bound int64) {
	minute := now.Unix() / 60
	if passed := minute - t.minute; passed > 0 {
		t.count = max(0, t.count-passed*bound)
		t.minute = minute
	}
}

// wait says how long the account has to wait until it may ask again; 0 when it may.
func (t *tally) wait(now time.Time, bound int64) time.Duration {
	t.advance(now, bound)
	if bound == 0 || t.count < bound {
		return 0
	}
	return time.Unix((t.minute+t.count/bound)*60, 0).Sub(now)
}

// add counts one more, and says whether that calls for an alarm: at most one a minute.
func (t *tally) add(now time.Time, bound int64) (alarm bool) {
	t.advance(now, bound)
	t.count = min(t.count+1, bound*(1+guessDebt))
	if t.count < bound || t.alarmed == t.minute {
		return false
	}
	t.alarmed = t.minute
	return true
}

// meters are the meters of the accounts that have bounds.
type meters struct{ byAccount sync.Map } // ident.Account → *meter

func (m *meters) of(a ident.Account) *meter {
	if found, ok := m.byAccount.Load(a); ok {
		return found.(*meter)
	}
	made, _ := m.byAccount.LoadOrStore(a, &meter{})
	return made.(*meter)
}

// admit takes a request into account, or says why the account has to wait.
func (m *meters) admit(a *admin.Account, now time.Time) *decline.NotTaken {
	s := &a.Settings
	if s.WrongPerMinute <= 0 && s.RequestsPerSecond <= 0 {
		return nil
	}
	own := m.of(a.Number)
	own.mu.Lock()
	defer own.mu.Unlock()
	if s.WrongPerMinute > 0 {
		if after := own.guesses.wait(now, int64(s.WrongPerMinute)); after > 0 {
			return &decline.NotTaken{Cause: decline.RateLimited, Text: "too many wrong cards or PINs", After: after}
		}
	}
	if after := own.pace(s, now); after > 0 {
		return &decline.NotTaken{Cause: decline.RateLimited, Text: "too many requests", After: after}
	}
	return nil
}

// pace takes one from the account's bucket, or says when there will be one. The caller holds the lock.
func (m *meter) pace(s *admin.AccountSettings, now time.Time) time.Duration {
	if s.RequestsPerSecond <= 0 {
		m.rate = nil
		return 0
	}
	limit, burst := rate.Limit(s.RequestsPerSecond), int(s.Burst)
	if burst <= 0 {
		burst = int(s.RequestsPerSecond)
	}
	switch {
	case m.rate == nil:
		m.rate = rate.NewLimiter(limit, burst)
	case m.rate.Limit() != limit || m.rate.Burst() != burst:
		m.rate.SetLimitAt(now, limit)
		m.rate.SetBurstAt(now, burst)
	}
	place := m.rate.ReserveN(now, 1)
	after := place.DelayFrom(now)
	if after > 0 {
		place.CancelAt(now)
	}
	return after
}

// guessed counts a wrong card or PIN, and says whether that calls for an alarm.
func (m *meters) guessed(a *admin.Account, now time.Time) (alarm bool) {
	bound := int64(a.Settings.WrongPerMinute)
	if bound <= 0 {
		return false
	}
	own := m.of(a.Number)
	own.mu.Lock()
	defer own.mu.Unlock()
	return own.guesses.add(now, bound)
}
