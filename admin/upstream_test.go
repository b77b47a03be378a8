package admin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store/storetest"
	"github.com/scripworks/scrip/txn"
)

// steering is one of the acts upon an upstream.
type steering func(context.Context, admin.By, string) (admin.Upstream, error)

// steer carries out an act that must be done.
func (d *desk) steer(act steering, upstream string) {
	d.t.Helper()
	u, err := act(bg, d.by(admin.Attendant), upstream)
	must(d.t, err)
	if u.Name != upstream || (u.Pause != nil) != d.office.Register().Paused(upstream) {
		d.t.Errorf("%s is answered as %+v", upstream, u)
	}
}

// notSteered tries an act that must be refused.
func (d *desk) notSteered(act steering, by admin.By, upstream string, code admin.Code) {
	d.t.Helper()
	_, err := act(bg, by, upstream)
	refused(d.t, err, code, "")
}

func TestUpstreamsAreShownWithWhatIsQueued(t *testing.T) {
	d := switchDesk(t)
	d.passOn(passed{"till", "north", txn.Confirmation, saf.Waiting})
	d.passOn(passed{"till", "north", txn.Reversal, saf.Waiting})
	d.passOn(passed{"kiosk", "west", txn.Reversal, saf.Attention}) // whom nothing is passed on to any more
	till, _ := d.office.Register().AccountByName(1, "till")
	d.queues.views[1].Stopped = []saf.Stop{{Account: till.Number, Since: d.now, Why: "answered 401"}}
	upstreams, err := d.office.Upstreams(bg, d.by(admin.Viewer))
	must(t, err)
	got := ""
	for _, u := range upstreams {
		got += fmt.Sprintf("%s running=%v paused=%v:", u.Name, u.View != nil, u.Pause != nil)
		for _, l := range u.Levels {
			got += fmt.Sprintf(" %s %s %d/%d", l.AccountName, l.State, l.Count, l.Value)
		}
		for _, s := range u.Stopped {
			got += fmt.Sprintf(" stopped %s: %s", s.AccountName, s.Why)
		}
		got += "\n"
	}
	const want = `north running=true paused=false: till waiting 2/1000
south running=true paused=false: stopped till: answered 401
west running=false paused=false: kiosk attention 1/500
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A pause outlives the process, and whoever starts the queue asks for it.
func TestAPauseSurvivesARestart(t *testing.T) {
	d := switchDesk(t)
	by := d.by(admin.Attendant)
	d.steer(d.office.PauseUpstream, "north")
	d.notSteered(d.office.PauseUpstream, by, "north", admin.Conflict)
	d.notSteered(d.office.PauseUpstream, by, "west", admin.NotFound)
	for range 2 {
		r := d.office.Register()
		if !r.Paused("north") || r.Paused("south") || r.Paused("west") {
			t.Errorf("paused: north=%v south=%v", r.Paused("north"), r.Paused("south"))
		}
		upstreams, err := d.office.Upstreams(bg, by)
		must(t, err)
		if p := upstreams[0].Pause; p == nil || p.Operator != "ann" || !p.At.Equal(d.now) || upstreams[1].Pause != nil {
			t.Errorf("shown as %+v", upstreams)
		}
		d.open()
	}
	d.steer(d.office.ResumeUpstream, "north")
	if d.office.Register().Paused("north") {
		t.Error("it is still paused")
	}
	d.open()
	if d.office.Register().Paused("north") {
		t.Error("it is paused again after a restart")
	}
	trail := d.trail()
	last := trail[len(trail)-1]
	if last.Act != admin.ResumeUpstream || last.Subject != "upstream/north" || last.Before["paused"] != "true" || last.After["paused"] != "false" {
		t.Errorf("recorded as %+v", last)
	}
}

func TestTheRunningQueueFollows(t *testing.T) {
	d := switchDesk(t)
	d.steer(d.office.PauseUpstream, "north")
	if !d.queues.paused["north"] || d.queues.lookedAt("north") != 0 {
		t.Errorf("paused %v, looked at %v", d.queues.paused, d.queues.looked)
	}
	d.steer(d.office.ResumeUpstream, "north")
	d.steer(d.office.ResumeUpstream, "south") // not paused: only stopped credentials are tried
	if d.queues.paused["north"] || d.queues.lookedAt("north") != 1 || d.queues.lookedAt("south") != 1 {
		t.Errorf("paused %v, looked at %v", d.queues.paused, d.queues.looked)
	}
}

// What is paused and no upstream any more can be resumed: nothing else would clear it.
func TestAForgottenPauseCanBeEnded(t *testing.T) {
	d := switchDesk(t)
	by := d.by(admin.Attendant)
	d.steer(d.office.PauseUpstream, "south")
	d.queues.views = d.queues.views[:1]
	d.steer(d.office.ResumeUpstream, "south")
	d.notSteered(d.office.ResumeUpstream, by, "south", admin.NotFound)
}

// When the commit reports an error though it took place, the queue is paused as the store says.
func TestAPauseInDoubtFollowsTheStore(t *testing.T) {
	d := switchDesk(t)
	disk := d.doubt()
	disk.Doubt = 1
	if _, err := d.office.PauseUpstream(bg, d.by(admin.Attendant), "north"); !errors.Is(err, storetest.ErrDoubt) {
		t.Fatalf("paused with %v", err)
	}
	if !d.office.Register().Paused("north") || !d.queues.paused["north"] {
		t.Errorf("register paused=%v, queue paused=%v", d.office.Register().Paused("north"), d.queues.paused["north"])
	}
}
