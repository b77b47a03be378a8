package edge

import (
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
)

// Messages in hand at once can go past the bound. What went past it counts later, up to guessDebt minutes.
func TestGuessesBeyondTheBoundCountLater(t *testing.T) {
	tests := []struct {
		name    string
		guesses int
		bound   int64
		want    time.Duration // from the start of a minute
	}{
		{"none", 0, 10, 0},
		{"one below", 9, 10, 0},
		{"at the bound", 10, 10, time.Minute},
		{"half as much again", 15, 10, time.Minute},
		{"twice", 20, 10, 2 * time.Minute},
		{"far beyond", 100_000, 10, (1 + guessDebt) * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var own tally
			alarms := 0
			for range test.guesses {
				if own.add(noon, test.bound) {
					alarms++
				}
			}
			if got := own.wait(noon, test.bound); got != test.want {
				t.Errorf("has to wait %s, want %s", got, test.want)
			}
			if (alarms == 1) != (test.want > 0) || alarms > 1 {
				t.Errorf("%d alarms", alarms)
			}
			if test.want > 0 && own.wait(noon.Add(test.want-time.Nanosecond), test.bound) == 0 {
				t.Error("may come before its time")
			}
			if got := own.wait(noon.Add(test.want), test.bound); got != 0 {
				t.Errorf("has to wait %s more", got)
			}
		})
	}
}

func TestGuessAlarmOnceAMinute(t *testing.T) {
	var own tally
	alarms := 0
	for second := range 180 {
		if own.add(noon.Add(time.Duration(second)*time.Second), 5) {
			alarms++
		}
	}
	if alarms != 3 {
		t.Errorf("%d alarms in three minutes, want 3", alarms)
	}
}

// A clock that is set back must not let anybody off, nor lock anybody out for longer.
func TestGuessesWithAClockSetBack(t *testing.T) {
	var own tally
	own.add(noon, 1)
	if got := own.wait(noon.Add(-30*time.Second), 1); got != 90*time.Second {
		t.Errorf("has to wait %s, want 90s", got)
	}
}

func TestPaceFollowsItsSettings(t *testing.T) {
	own := &meter{}
	s := &admin.AccountSettings{RequestsPerSecond: 1}
	if own.pace(s, noon) != 0 || own.pace(s, noon) != time.Second {
		t.Error("without a burst there is as much at once as in a second")
	}
	s.RequestsPerSecond, s.Burst = 10, 10
	if got := own.pace(s, noon); got != 100*time.Millisecond {
		t.Errorf("has to wait %s after the change, want 100ms", got)
	}
}
