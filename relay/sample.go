package relay

import (
	"sync"
	"time"
)

// sampleEvery is how often at most a line of one kind is logged.
const sampleEvery = time.Minute

// sampler keeps lines of a kind from filling the log. There are as many kinds as there are upstreams and alarms.
type sampler struct {
	mu    sync.Mutex
	kinds map[string]*sample
}

type sample struct {
	at      time.Time // when a line was last logged
	skipped int       // since then
}

// take says whether a line of a kind is to be logged now, and how many were not since the last one.
func (s *sampler) take(kind string, now time.Time) (skipped int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	switch {
	case k == nil:
		if s.kinds == nil {
			s.kinds = map[string]*sample{}
		}
		k = &sample{}
		s.kinds[kind] = k
	case now.Sub(k.at) < sampleEvery:
		k.skipped++
		return 0, false
	}
	skipped, k.at, k.skipped = k.skipped, now, 0
	return skipped, true
}
