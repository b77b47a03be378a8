package txn

import (
	"testing"
	"time"
)

// 1970 began on a Thursday, and so does each window of seven days; windows of a day are days in UTC (Velocity).
func TestWindowsAreAlignedTo1970(t *testing.T) {
	saturday := time.Date(2026, 11, 21, 13, 14, 15, 16, time.FixedZone("UTC+2", 2*60*60))
	const day = 24 * time.Hour
	for _, c := range []struct {
		window time.Duration
		want   time.Time
	}{
		{time.Second, time.Date(2026, 11, 21, 11, 14, 15, 0, time.UTC)},
		{time.Hour, time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)},
		{day, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)},
		{7 * day, time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC)},
		{maxWindow, time.Unix(0, 0).UTC().Add(56 * maxWindow)},
	} {
		rules := []Velocity{{Family: Load, Window: c.window, MaxCount: 1}}
		found := Paces(nil, rules, true, 1, Load, saturday)
		if len(found) != 1 || found[0].Key.Start != c.want {
			t.Errorf("a window of %s began at %v, want %s", c.window, found, c.want)
		}
	}
}

func TestVelocitiesThatCannotBe(t *testing.T) {
	good := Velocity{Family: Redemption, Window: time.Hour, MaxCount: 1}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(v *Velocity){
		func(v *Velocity) { v.Family = 0 },
		func(v *Velocity) { v.Family = LookUp },
		func(v *Velocity) { v.Window = 0 },
		func(v *Velocity) { v.Window = time.Second + time.Millisecond },
		func(v *Velocity) { v.Window = 400 * 24 * time.Hour },
		func(v *Velocity) { v.MaxCount = 0 },
		func(v *Velocity) { v.MaxCount = -1 },
		func(v *Velocity) { v.MaxAmount = -1 },
	} {
		v := good
		change(&v)
		if v.Check() == nil {
			t.Errorf("%+v can be", v)
		}
	}
}
