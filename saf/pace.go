package saf

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// What a pace of 0 stands for.
const (
	DefaultWindow     = 16
	DefaultMinWait    = time.Second
	DefaultMaxWait    = 30 * time.Second
	DefaultParkAfter  = 8
	DefaultBreakAfter = 5
)

// Bounds of a pace.
const (
	MaxWindow   = 256              // sends at once
	LongestWait = time.Hour        // between two sends of an advice, and what is heeded of a Retry-After
	ShortestMin = time.Millisecond // of MinWait
	MaxParkFrom = 1000             // of ParkAfter and BreakAfter
)

// Pace is how hard an upstream is pressed. The zero value is a good one.
type Pace struct {
	Window     int           // advices of different requests that are sent at once, at most MaxWindow; 0 is DefaultWindow
	MinWait    time.Duration // before an advice without an answer is sent again; doubled each time; 0 is DefaultMinWait
	MaxWait    time.Duration // the longest it waits, and the interval of what is parked; 0 is DefaultMaxWait
	ParkAfter  int           // sends in vain while others got through, after which an advice is parked; 0 is DefaultParkAfter
	BreakAfter int           // messages in a row without an answer, after which the breaker opens; 0 is DefaultBreakAfter
}

// Check says what is wrong with a pace.
func (p Pace) Check() error {
	p = p.Full()
	switch {
	case p.Window < 1 || p.Window > MaxWindow:
		return fmt.Errorf("window: %d is not from 1 to %d", p.Window, MaxWindow)
	case p.MinWait < ShortestMin:
		return fmt.Errorf("shortest wait: %s is below %s", p.MinWait, ShortestMin)
	case p.MaxWait > LongestWait:
		return fmt.Errorf("longest wait: %s is above %s", p.MaxWait, LongestWait)
	case p.MaxWait < p.MinWait:
		return errors.New("longest wait: it is below the shortest")
	case p.ParkAfter < 1 || p.ParkAfter > MaxParkFrom:
		return fmt.Errorf("park after: %d is not from 1 to %d", p.ParkAfter, MaxParkFrom)
	case p.BreakAfter < 1 || p.BreakAfter > MaxParkFrom:
		return fmt.Errorf("break after: %d is not from 1 to %d", p.BreakAfter, MaxParkFrom)
	}
	return nil
}

// Full gives the pace with its defaults written out.
func (p Pace) Full() Pace {
	p.Window = cmp.Or(p.Window, DefaultWindow)
	p.MinWait = cmp.Or(p.MinWait, DefaultMinWait)
	p.MaxWait = cmp.Or(p.MaxWait, max(DefaultMaxWait, min(p.MinWait, LongestWait)))
	p.ParkAfter = cmp.Or(p.ParkAfter, DefaultParkAfter)
	p.BreakAfter = cmp.Or(p.BreakAfter, DefaultBreakAfter)
	return p
}

// wait gives how long to wait after so many sends in vain: twice as long each time, at most MaxWait, and of that at
// least half. Which part of the other half is up to jitter, from 0 to 1, so that what failed together is not sent
// together again. The pace is a full one.
func (p Pace) wait(failures int, jitter float64) time.Duration {
	d := p.MinWait
	for range failures - 1 {
		if d >= p.MaxWait {
			break
		}
		d *= 2
	}
	d = min(d, p.MaxWait)
	return d/2 + time.Duration(jitter*float64(d/2))
}
