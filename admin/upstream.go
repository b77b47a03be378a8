package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
)

// Queues is the queue as it runs in this process. *relay.Relay implements it.
type Queues interface {
	// Queues gives the queue of each upstream that this process passes messages on to.
	Queues() []saf.View
	// Pause has nothing of an upstream's queue sent, or has it go on.
	Pause(upstream string, paused bool)
	// Look has an upstream's queue read again what it holds, and try the credentials again that were not let in.
	Look(upstream string)
}

// Upstream is somebody whom messages are passed on to, and what is queued for him.
type Upstream struct {
	Name    string
	View    *saf.View    // nil when this process passes nothing on to it: what is queued for it waits
	Stopped []Stop       // of View, with the names of accounts
	Pause   *Pause       // nil while it is not paused
	Levels  []QueueLevel // what is queued, by account, state and currency
}

// Stop is a credential that an upstream does not let in.
type Stop struct {
	saf.Stop
	AccountName string
}

// QueueLevel is how much is queued of one kind.
type QueueLevel struct {
	saf.Level
	AccountName string
}

// Pause is an operator's word that nothing of an upstream's queue is sent.
type Pause struct {
	Operator string
	At       time.Time
}

// The rows in which pauses and resumes rest: maps from the upstream's name. The other rows of this kind are others'.
const (
	pausesRow   = 3
	pausesName  = "pauses"
	resumesRow  = 5
	resumesName = "resumes"
)

type pauses map[string]Pause

// resumes counts how often operators have resumed an upstream, so that other processes see that they did, also when it
// was not paused.
type resumes map[string]int64

// loadPauses reads which upstreams operators have paused, and how often they have resumed them.
func (r *Register) loadPauses(ctx context.Context, s *snapshot) error {
	return errors.Join(r.loadSetting(ctx, pausesName, &s.pauses), r.loadSetting(ctx, resumesName, &s.resumes))
}

func (r *Register) loadSetting(ctx context.Context, name string, value any) error {
	row, found, err := r.reports.RowByName(ctx, SettingRow, ident.Production, name)
	if err == nil && found {
		err = r.codec.Decode(row.Content, value)
	}
	return err
}

// Paused says whether an operator has paused an upstream. It is what a relay asks when it starts.
func (r *Register) Paused(upstream string) bool {
	_, paused := r.now.Load().pauses[upstream]
	return paused
}

// Upstreams gives all upstreams that this process passes messages on to, that something is queued for or that are paused,
// by name. The queues' own views and the pauses are shown to operators of production only, since they are of all worlds.
func (o *Office) Upstreams(ctx context.Context, by By) ([]Upstream, error) {
	if err := by.may(SeeQueue); err != nil {
		return nil, err
	}
	levels, err := o.reports.Levels(ctx)
	if err != nil {
		return nil, err
	}
	found := o.running(by.World)
	for _, l := range levels {
		if a, known := o.register.Account(l.Account); known && a.World == by.World {
			u := upstreamIn(found, l.Upstream)
			u.Levels = append(u.Levels, QueueLevel{Level: l, AccountName: a.Name})
		}
	}
	list := make([]Upstream, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		list = append(list, *found[name])
	}
	return list, nil
}

// running gives the upstreams whose queues run here or are paused, by name and without their levels.
func (o *Office) running(w ident.World) map[string]*Upstream {
	found := map[string]*Upstream{}
	if w != ident.Production {
		return found
	}
	if o.queues != nil {
		for _, v := range o.queues.Queues() {
			u := upstreamIn(found, v.Upstream)
			u.View = &v
			for _, stop := range v.Stopped {
				u.Stopped = append(u.Stopped, Stop{Stop: stop, AccountName: o.accountName(stop.Account)})
			}
		}
	}
	for name, pause := range o.register.now.Load().pauses {
		upstreamIn(found, name).Pause = &pause
	}
	return found
}

// upstreamIn gives the upstream with a name, and makes it if there is none.
func upstreamIn(found map[string]*Upstream, name string) *Upstream {
	if found[name] == nil {
		found[name] = &Upstream{Name: name}
	}
	return found[name]
}

// PauseUpstream has nothing of an upstream's queue sent until it is resumed, also after a restart. Nothing is lost: what
// comes for it is queued. The answer has no levels.
func (o *Office) PauseUpstream(ctx context.Context, by By, name string) (Upstream, error) {
	return o.setPause(ctx, by, PauseUpstream, name, func(known pauses) error {
		if _, paused := known[name]; paused {
			return refuse(Conflict, "the upstream is paused already")
		}
		known[name] = Pause{Operator: by.Operator, At: by.At}
		return nil
	})
}

// ResumeUpstream has an upstream's queue sent again, and tries the credentials again that the upstream did not let in,
// whether or not it was paused. The answer has no levels.
func (o *Office) ResumeUpstream(ctx context.Context, by By, name string) (Upstream, error) {
	return o.setPause(ctx, by, ResumeUpstream, name, func(known pauses) error {
		delete(known, name)
		return nil
	})
}

// setPause saves a change of the pauses and has the queue follow what is then saved, whatever came of that.
func (o *Office) setPause(ctx context.Context, by By, act Act, name string, set func(pauses) error) (Upstream, error) {
	if err := by.mayWithReason(act); err != nil {
		return Upstream{}, err
	}
	here := o.running(by.World)[name] != nil
	err := o.act(ctx, func(now *snapshot) (change, error) {
		if _, paused := now.pauses[name]; !here && (!paused || by.World != ident.Production) {
			return change{}, refuse(NotFound, "there is no such upstream")
		}
		after, resumed := copied(now.pauses), copied(now.resumes)
		if err := set(after); err != nil {
			return change{}, err
		}
		if act == ResumeUpstream {
			resumed[name]++
		}
		content, err := o.codec.Encode(resumed)
		if err != nil {
			return change{}, fmt.Errorf("encode the resumes: %w", err)
		}
		return change{
			row: Row{Kind: SettingRow, Number: pausesRow, World: ident.Production, Name: pausesName}, value: after,
			also:  []Row{{Kind: SettingRow, Number: resumesRow, World: ident.Production, Name: resumesName, Content: content}},
			audit: by.entry(act, "upstream/"+name).from(pauseFacts(now.pauses, name), pauseFacts(after, name)),
			put:   func(s *snapshot) { s.pauses, s.resumes = after, resumed },
		}, nil
	})
	o.obey()
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return Upstream{}, err
	}
	return *upstreamIn(o.running(by.World), name), err
}

func copied[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return M{}
	}
	return maps.Clone(m)
}

// obey has the queues of this process do what the register says, when that has changed: they pause or go on, and those that
// were resumed try again the credentials that were not let in.
func (o *Office) obey() {
	if o.queues == nil || o.obeyed.Load() == o.register.now.Load() {
		return
	}
	o.register.changing.Lock() // an older word must not come after a newer one
	defer o.register.changing.Unlock()
	before, now := o.obeyed.Load(), o.register.now.Load()
	for _, v := range o.queues.Queues() {
		_, paused := now.pauses[v.Upstream]
		o.queues.Pause(v.Upstream, paused)
		if now.resumes[v.Upstream] != before.resumes[v.Upstream] {
			o.queues.Look(v.Upstream)
		}
	}
	o.obeyed.Store(now)
}

func pauseFacts(p pauses, name string) Facts {
	_, paused := p[name]
	return Facts{"paused": fmt.Sprint(paused)}
}
