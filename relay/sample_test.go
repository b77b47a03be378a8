package relay

import (
	"testing"
	"time"
)

func TestOneLineOfAKindIsLoggedAMinute(t *testing.T) {
	var s sampler
	now := time.Unix(0, 0)
	logged, skipped := 0, 0
	for range 10 * 60 { // ten minutes, one a second
		if n, ok := s.take("up refused", now); ok {
			logged, skipped = logged+1, skipped+n
		}
		now = now.Add(time.Second)
	}
	if logged != 10 || skipped != 9*59 {
		t.Errorf("%d lines tell of %d others", logged, skipped)
	}
	if _, ok := s.take("another", now); !ok {
		t.Error("another kind is kept back")
	}
}
