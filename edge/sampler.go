package edge

import (
	"sync"
	"time"
)

// sampler lets through at most so many log lines in a window and counts the rest, so that a flood of messages
// does not become a flood of lines.
type sampler struct {
	window time.Duration
	lines  int

	mu     sync.Mutex
	start  time.Time
	used   int
	hidden int
}

// ask says whether a line may be written, and how many were left out since the last one.
func (s *sampler) ask(now time.Time) (hidden int, may bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.start); age >= s.window || age < 0 {
		s.start, s.used = now, 0
	}
	if s.used == s.lines {
		s.hidden++
		return 0, false
	}
	s.used++
	hidden, s.hidden = s.hidden, 0
	return hidden, true
}
