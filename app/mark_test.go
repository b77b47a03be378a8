package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// What a relay that is marked says in its log besides what every relay says.
const (
	markQueued = "queues an advice"         // Seq, Advice and At
	markSends  = "sends an advice"          // Advice, and whether it has queued that itself
	markDone   = "is done with an advice"   // Seq: whatever became of it, it is saved
	markHolds  = "has been granted a lease" // Asked
)

// marks have a relay say in its log what nobody could tell from outside, however late that hears of it: which advices are
// its own, when it sent one, and for how long it may take a lease for its own.
type marks struct {
	log *slog.Logger
	mu  sync.Mutex
	own map[ident.ID]bool
}

func newMarks(log *slog.Logger) *marks { return &marks{log: log, own: map[ident.ID]bool{}} }

// driver marks what is saved, and the leases.
func (m *marks) driver(d store.Driver) store.Driver { return markedDriver{d, m} }

// services marks what is sent.
func (m *marks) services(g giftcard.Service, a airtime.Service) (giftcard.Service, airtime.Service) {
	return markedIssuer{g, m}, markedVendor{a, m}
}

// queues notes an advice that is about to be queued.
func (m *marks) queues(i *saf.Item) {
	if i.Role == txn.Request {
		return // a question
	}
	m.mu.Lock()
	m.own[i.ID] = true
	m.mu.Unlock()
	m.log.Info(markQueued, "seq", i.Seq, "advice", i.ID, "at", i.At)
}

func (m *marks) sends(id ident.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log.Info(markSends, "advice", id, "own", m.own[id])
}

type markedDriver struct {
	store.Driver
	marks *marks
}

// Begin implements store.Driver.
func (d markedDriver) Begin(ctx context.Context) (store.Batch, error) {
	batch, err := d.Driver.Begin(ctx)
	return markedBatch{batch, d.marks}, err
}

// Lease implements store.Leases.
func (d markedDriver) Lease(ctx context.Context, name string) (held bool, err error) {
	asked := time.Now()
	if held, err = d.Driver.Lease(ctx, name); held && strings.HasPrefix(name, "queue/") {
		d.marks.log.Info(markHolds, "asked", asked)
	}
	return held, err
}

type markedBatch struct {
	store.Batch
	marks *marks
}

// Save implements store.Batch.
func (b markedBatch) Save(ctx context.Context, set *store.Set) error {
	changes := set.Changes()
	for _, i := range changes.NewItems {
		b.marks.queues(i)
	}
	dropped := slices.Clone(changes.Dropped)
	err := b.Batch.Save(ctx, set)
	if err == nil {
		for _, seq := range dropped {
			b.marks.log.Info(markDone, "seq", seq)
		}
	}
	return err
}

type markedIssuer struct {
	giftcard.Service
	marks *marks
}

// Advise implements giftcard.Service.
func (s markedIssuer) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	s.marks.sends(a.ID)
	return s.Service.Advise(ctx, a)
}

type markedVendor struct {
	airtime.Service
	marks *marks
}

// Advise implements airtime.Service.
func (s markedVendor) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	s.marks.sends(a.ID)
	return s.Service.Advise(ctx, a)
}

// said is a line of a relay's log.
type said struct {
	Time, Asked, At time.Time
	Msg, Advice     string
	Seq             int64
	Own             bool
}

// reads gives the lines of a log.
func (r *record) reads() (all []said) {
	for line := range strings.Lines(r.String()) {
		var s said
		if json.Unmarshal([]byte(line), &s) == nil {
			all = append(all, s)
		}
	}
	return all
}
