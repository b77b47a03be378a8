package relay

import (
	"context"
	"sync"
	"time"

	"github.com/scripworks/scrip/saf"
)

// levelsKept is how long the counts of the queues are kept: to count is to look at every item.
const levelsKept = 5 * time.Second

// levels counts the queues of all upstreams, for who asks often.
type levels struct {
	reports saf.Reports
	now     func() time.Time

	mu      sync.Mutex // guards what was counted last, and is held while counting, so that only one does
	counted []saf.Level
	at      time.Time
}

func newLevels(reports saf.Reports, now func() time.Time) *levels {
	return &levels{reports: reports, now: now}
}

// get gives counts that are at most levelsKept old.
func (l *levels) get(ctx context.Context) ([]saf.Level, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); l.at.IsZero() || now.Sub(l.at) >= levelsKept {
		counted, err := l.reports.Levels(ctx)
		if err != nil {
			return nil, err
		}
		l.counted, l.at = counted, now
	}
	return l.counted, nil
}
