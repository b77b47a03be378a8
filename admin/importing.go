package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/scripworks/scrip/ident"
)

// Import is the record of the bringing in of many cards or vouchers.
type Import struct {
	Number   int32
	Kind     ImportKind // empty in rows of the first release: cards
	Product  string     // of vouchers: id of their product; their batch has the import's number
	Mode     Mode
	State    ImportState
	Operator string
	Begun    time.Time
	Ended    time.Time // zero while it is under way
	Tally

	world ident.World // that of its row
}

// ImportKind is what an import brings.
type ImportKind string

// The kinds.
const (
	OfCards    ImportKind = "cards"
	OfVouchers ImportKind = "vouchers"
)

// Tally counts the lines of an import.
type Tally struct{ Lines, Added, Present, Rejected int64 }

// Mode is what a bad line does to an import.
type Mode string

// The modes.
const (
	All  Mode = "all"  // all is added or nothing; until the last line it is unknown to everybody
	Skip Mode = "skip" // bad lines are left out; each good card is there at once, vouchers are once the file is complete
)

// ImportState is where an import stands.
type ImportState string

// The states.
const (
	Running   ImportState = "running" // in some process, or it broke off and nobody has said so yet
	Complete  ImportState = "complete"
	Abandoned ImportState = "abandoned" // nothing of it is known, but for the cards that mode skip had added
)

// MaxBatch is how many lines of an import are decided in one commit.
const MaxBatch = 400

// Line is one line of an import: a seed, or why it could not be read as one.
type Line[S any] struct {
	Number int64 // in the file, from 1
	Seed   S
	Fault  *Refusal
}

// Reject is a line that was not taken, and why.
type Reject struct {
	Line   int64
	Masked string // number of the card; empty when there was none, and of a voucher
	Reason *Refusal
}

// lot is what the imports of one kind do with their lines.
type lot[S any] interface {
	// check names what is wrong with a line by itself, and completes what it leaves out.
	check(seed *S) *Refusal
	// update makes the lines without a fault ready, and has them decided in one commit. keep keeps the line at a
	// place, or says why not.
	update(ctx context.Context, number int32, lines []Line[S], decide func(keep keeper) error) error
	// masked is how a rejected line is named.
	masked(seed S) string
	// mark writes what else belongs to the commits in which an import begins and ends.
	mark(tx Tx, record Import) error
}

// keeper keeps the line at a place of a batch, or says why not.
type keeper func(place int) (kept, *Refusal, error)

// Importing is an import under way. It belongs to one goroutine, and must be ended by Finish or Abandon.
type Importing[S any] struct {
	office *Office
	by     By
	lot    lot[S]
	record Import
}

// begin begins an import. It is refused while another one is under way.
func begin[S any](ctx context.Context, i *Importing[S]) (*Importing[S], error) {
	r := &i.record
	if r.Mode != All && r.Mode != Skip {
		return nil, invalid("mode", "must be all or skip")
	}
	taken, err := i.office.takeImport(ctx)
	switch {
	case err != nil:
		return nil, unread(err)
	case !taken:
		return nil, refuse(Busy, "another import is under way")
	}
	r.State, r.Operator, r.Begun, r.world = Running, i.by.Operator, i.by.At, i.by.World
	if err = i.office.abandonLost(ctx, i.by.At); err == nil {
		err = i.save(ctx, i.record)
	}
	if err != nil {
		i.office.leaveImport(ctx)
		return nil, err
	}
	return i, nil
}

// Tally gives the counts so far.
func (i *Importing[S]) Tally() Tally { return i.record.Tally }

// Add decides lines, at most MaxBatch, in one commit, and gives those that were not taken, in their order. After
// an error the import must be abandoned. It is refused once another process has taken the import for one that broke off.
func (i *Importing[S]) Add(ctx context.Context, lines []Line[S]) ([]Reject, error) {
	if len(lines) > MaxBatch {
		return nil, fmt.Errorf("import: %d lines are more than %d", len(lines), MaxBatch)
	}
	if known := i.office.register.now.Load().imports[i.record.Number]; known == nil || known.State != Running {
		return nil, errTakenForLost
	}
	for n := range lines {
		if l := &lines[n]; l.Fault == nil {
			l.Fault = i.lot.check(&l.Seed)
		}
	}
	var tally Tally
	var rejects []Reject
	err := i.lot.update(ctx, i.record.Number, lines, func(keep keeper) (err error) {
		tally, rejects, err = i.decide(lines, keep)
		return err
	})
	if err != nil {
		return nil, err
	}
	i.record.Tally = i.record.Tally.plus(tally)
	return rejects, nil
}

func (i *Importing[S]) decide(lines []Line[S], keep keeper) (t Tally, rejects []Reject, err error) {
	t.Lines = int64(len(lines))
	for n, l := range lines {
		fault, what := l.Fault, kept(0)
		if fault == nil {
			if what, fault, err = keep(n); err != nil {
				return t, nil, fmt.Errorf("line %d: %w", l.Number, err)
			}
		}
		switch {
		case fault != nil:
			t.Rejected++
			rejects = append(rejects, Reject{Line: l.Number, Masked: i.lot.masked(l.Seed), Reason: fault})
		case what == added:
			t.Added++
		case what == present:
			t.Present++
		}
	}
	return t, rejects, nil
}

func (t Tally) plus(u Tally) Tally {
	return Tally{t.Lines + u.Lines, t.Added + u.Added, t.Present + u.Present, t.Rejected + u.Rejected}
}

// Finish ends an import after its last line. Its one small commit makes known what was to be unknown until then. In
// mode all that is not done when a line was rejected: then the import is abandoned. After an error it must be abandoned.
func (i *Importing[S]) Finish(ctx context.Context, now time.Time) (Import, error) {
	state := Complete
	if i.record.Mode == All && i.record.Rejected > 0 {
		state = Abandoned
	}
	return i.end(ctx, now, state)
}

// Abandon ends an import that broke off, and gives it as it has ended. What it left unknown to everybody stays so, and
// whoever brings it again takes it over. An import that a Finish has ended, although that gave an error, stays as it is.
func (i *Importing[S]) Abandon(ctx context.Context, now time.Time) (Import, error) {
	defer i.office.leaveImport(ctx)
	if err := i.see(ctx); err != nil {
		return Import{}, err
	}
	if i.record.State != Running {
		return i.record, nil
	}
	return i.end(ctx, now, Abandoned)
}

// see follows the store when it says that the import has ended: by a Finish whose outcome is unknown, or because another
// process has abandoned it.
func (i *Importing[S]) see(ctx context.Context) error {
	r, number := i.office.register, i.record.Number
	if _, err := r.Refresh(ctx); err != nil {
		return fmt.Errorf("read import %d: %w", number, err)
	}
	kept := r.now.Load().imports[number]
	if kept == nil {
		return fmt.Errorf("import %d is not there", number)
	}
	if kept.State != Running {
		i.record = *kept
	}
	return nil
}

func (i *Importing[S]) end(ctx context.Context, now time.Time, state ImportState) (Import, error) {
	ended := i.record
	ended.State, ended.Ended = state, now
	i.by.At = now
	if err := i.save(ctx, ended); err != nil {
		return Import{}, err
	}
	i.record = ended
	i.office.leaveImport(ctx)
	return ended, nil
}

// save saves the import's row, with a number if it has none yet. One that has ended already stays as it is.
func (i *Importing[S]) save(ctx context.Context, record Import) error {
	isNew := record.Number == 0
	err := i.office.act(ctx, func(now *snapshot) (change, error) {
		if isNew {
			record.Number = following(now.imports)
		}
		before := now.imports[record.Number]
		if !isNew && (before == nil || before.State != Running) {
			return change{}, errTakenForLost
		}
		return importChange(i.by, before, &record, func(tx Tx) error { return i.lot.mark(tx, record) }), nil
	})
	i.record.Number = record.Number
	return err
}

// errTakenForLost refuses what would go on with an import that has ended: its process held still for so long that another
// one could not know better.
var errTakenForLost = refuse(Conflict, "the import was abandoned: its process did not answer for too long")

// importChange is the change of an import's row; before is nil at its beginning.
func importChange(by By, before, after *Import, with func(Tx) error) change {
	act := ImportCards
	if after.Kind == OfVouchers {
		act = ImportVouchers
	}
	return change{
		row:   Row{Kind: ImportRow, Number: int64(after.Number), World: after.world},
		value: after, audit: by.entry(act, fmt.Sprintf("import/%d", after.Number)).from(before.facts(), after.facts()),
		with: with, put: func(s *snapshot) { s.putImport(after) },
	}
}

func (i *Import) facts() Facts {
	if i == nil {
		return nil
	}
	f := Facts{
		"mode": string(i.Mode), "state": string(i.State), "lines": fmt.Sprint(i.Lines), "added": fmt.Sprint(i.Added),
		"present": fmt.Sprint(i.Present), "rejected": fmt.Sprint(i.Rejected),
	}
	if i.Kind == OfVouchers {
		f["product"] = i.Product
	}
	return f
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
