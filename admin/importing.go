package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/money"
)

// Import is the record of the bringing in of many cards.
type Import struct {
	Number   int32
	Mode     Mode
	State    ImportState
	Operator string
	Begun    time.Time
	Ended    time.Time // zero while it is under way
	Tally
}

// Tally counts the lines of an import.
type Tally struct{ Lines, Added, Present, Rejected int64 }

// Mode is what a bad line does to an import.
type Mode string

// The modes.
const (
	All  Mode = "all"  // all cards are added or none; until the last one they are unknown to everybody
	Skip Mode = "skip" // each good line is added at once
)

// ImportState is where an import stands.
type ImportState string

// The states.
const (
	Running   ImportState = "running"
	Complete  ImportState = "complete"
	Abandoned ImportState = "abandoned" // in mode all none of its cards is known, in mode skip those it had added
)

// MaxBatch is how many lines of an import are decided in one commit.
const MaxBatch = 400

// Line is one line of an import: a seed, or why it could not be read as one.
type Line struct {
	Number int64 // in the file, from 1
	Seed   Seed
	Fault  *Refusal
}

// Reject is a line that was not taken, and why.
type Reject struct {
	Line   int64
	Masked string // card number; empty when there was none
	Reason *Refusal
}

// Importing is an import under way. It belongs to one goroutine, and must be ended by Finish or Abandon.
type Importing struct {
	office   *Office
	by       By
	currency money.Currency
	record   Import
}

// BeginImport begins an import. currency is that of lines without one; 0 is the office's own. It is refused while
// another one is under way.
func (o *Office) BeginImport(ctx context.Context, by By, mode Mode, currency money.Currency) (*Importing, error) {
	if err := by.may(ImportCards); err != nil {
		return nil, err
	}
	if mode != All && mode != Skip {
		return nil, invalid("mode", "must be all or skip")
	}
	if !o.importing.CompareAndSwap(false, true) {
		return nil, refuse(Busy, "another import is under way")
	}
	if currency == 0 {
		currency = o.currency
	}
	i := &Importing{office: o, by: by, currency: currency}
	i.record = Import{Mode: mode, State: Running, Operator: by.Operator, Begun: by.At}
	if err := i.save(ctx, i.record); err != nil {
		o.importing.Store(false)
		return nil, err
	}
	return i, nil
}

// Tally gives the counts so far.
func (i *Importing) Tally() Tally { return i.record.Tally }

// Add decides lines, at most MaxBatch, in one commit, and gives those that were not taken, in their order. After
// an error the import must be abandoned.
func (i *Importing) Add(ctx context.Context, lines []Line) ([]Reject, error) {
	if len(lines) > MaxBatch {
		return nil, fmt.Errorf("import: %d lines are more than %d", len(lines), MaxBatch)
	}
	ready := make([]seeded, len(lines))
	keys := giftcard.Keys{World: i.by.World}
	for n, l := range lines {
		lines[n].Fault = i.judge(&lines[n])
		if lines[n].Fault != nil {
			continue
		}
		var err error
		if ready[n], err = i.office.seed(i.by.World, lines[n].Seed); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.Number, err)
		}
		keys.Cards = append(keys.Cards, ready[n].key)
	}
	var tally Tally
	var rejects []Reject
	err := i.office.store.Update(ctx, keys, func(tx Tx) error {
		tally, rejects = i.decide(tx, lines, ready)
		return nil
	})
	if err != nil {
		return nil, err
	}
	i.record.Tally = i.record.Tally.plus(tally)
	return rejects, nil
}

// judge gives what is wrong with a line by itself.
func (i *Importing) judge(l *Line) *Refusal {
	if l.Fault != nil {
		return l.Fault
	}
	if l.Seed.Currency == 0 {
		l.Seed.Currency = i.currency
	}
	return l.Seed.check()
}

func (i *Importing) decide(tx Tx, lines []Line, ready []seeded) (t Tally, rejects []Reject) {
	t.Lines = int64(len(lines))
	for n, l := range lines {
		fault := l.Fault
		if fault == nil {
			fault = i.keep(tx, ready[n], &t)
		}
		if fault != nil {
			t.Rejected++
			rejects = append(rejects, Reject{Line: l.Number, Masked: l.Seed.PAN.String(), Reason: fault})
		}
	}
	return t, rejects
}

func (i *Importing) keep(tx Tx, s seeded, t *Tally) *Refusal {
	switch what, _, field := i.office.keep(tx, i.by.World, s, i.record.Number); what {
	case added:
		t.Added++
	case present:
		t.Present++
	default:
		return &Refusal{Code: Exists, Field: field, Text: "a card with this number is there already, with another value"}
	}
	return nil
}

func (t Tally) plus(u Tally) Tally {
	return Tally{t.Lines + u.Lines, t.Added + u.Added, t.Present + u.Present, t.Rejected + u.Rejected}
}

// Finish ends an import after its last line. In mode all it makes the cards known in one commit, unless a line was
// rejected: then the import is abandoned. After an error it must be abandoned.
func (i *Importing) Finish(ctx context.Context, now time.Time) (Import, error) {
	state := Complete
	if i.record.Mode == All && i.record.Rejected > 0 {
		state = Abandoned
	}
	return i.end(ctx, now, state)
}

// Abandon ends an import that broke off. In mode all its cards stay unknown to everybody, and a later import or a
// card added by hand takes them over.
func (i *Importing) Abandon(ctx context.Context, now time.Time) (Import, error) {
	defer i.office.importing.Store(false)
	return i.end(ctx, now, Abandoned)
}

func (i *Importing) end(ctx context.Context, now time.Time, state ImportState) (Import, error) {
	ended := i.record
	ended.State, ended.Ended = state, now
	i.by.At = now
	if err := i.save(ctx, ended); err != nil {
		return Import{}, err
	}
	i.record = ended
	i.office.importing.Store(false)
	return ended, nil
}

// save saves the import's row, with a number if it has none yet.
func (i *Importing) save(ctx context.Context, record Import) error {
	o := i.office
	o.register.changing.Lock()
	defer o.register.changing.Unlock()
	imports := o.register.now.Load().imports
	if record.Number == 0 {
		record.Number = following(imports)
		i.record.Number = record.Number
	}
	before := imports[record.Number].facts()
	return o.save(ctx, change{
		row:   Row{Kind: ImportRow, Number: int64(record.Number), World: i.by.World},
		value: &record, audit: i.by.entry(ImportCards, fmt.Sprintf("import/%d", record.Number)).from(before, record.facts()),
		put: func(s *snapshot) { s.putImport(&record) },
	})
}

func (i *Import) facts() Facts {
	if i == nil {
		return nil
	}
	return Facts{
		"mode": string(i.Mode), "state": string(i.State), "lines": fmt.Sprint(i.Lines), "added": fmt.Sprint(i.Added),
		"present": fmt.Sprint(i.Present), "rejected": fmt.Sprint(i.Rejected),
	}
}

// Imports gives imports by number.
func (o *Office) Imports(_ context.Context, by By, after int64, limit int) ([]*Import, int64, error) {
	if err := by.may(SeeImports); err != nil {
		return nil, 0, err
	}
	number := func(i *Import) int64 { return int64(i.Number) }
	found, next := above(sorted(o.register.now.Load().imports, number), number, after, limit)
	return found, next, nil
}
