package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/move"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlite"
)

// moveCmd is `scrip move`.
type moveCmd struct {
	From   string `arg:"" help:"Store to move: its data directory, or its file. No server may have it open."`
	To     string `arg:"" optional:"" help:"Where it goes: the URL of an empty database (postgres://USER@HOST/NAME), or a directory, empty or to be made, or a file to make, whose name ends in .db."`
	Keyset string `env:"SCRIP_KEYSET" placeholder:"FILE" help:"Keyset of the store (default: keys.json beside the file)."`
	Again  bool   `help:"Erase what a move that broke off has left in TO and begin anew; or move a store to where it was moved before."`
	Back   bool   `help:"Move nothing: take the mark off FROM that says it was moved, so that it is served again, and mark TO, so that it is not. Refused when TO was served, or cannot be opened. TO need be given only where the mark does not say all, such as a password."`

	AlthoughServed bool `help:"With --back: take the mark off although TO was served, or nobody can say. You answer for it that TO is never served again; what it has answered is not in FROM."`
}

// toldEvery is after how many records of a kind people hear again how far a move is.
const toldEvery = 100_000

// Help gives the example.
func (moveCmd) Help() string {
	return "Every record is copied as it is; both stores are verified, counted and compared by a digest over all fields; then FROM is marked as\n" +
		"moved and TO can be served. FROM stays as it is otherwise, and a server that is given it refuses to start. A move that broke off leaves\n" +
		"FROM without a mark and TO marked as incomplete, which no server opens; --again begins anew. The keyset stays where it is: the new\n" +
		"store is read with the same one.\n\n" +
		"Example: from a file into PostgreSQL, and a node on it\n" +
		"  scrip move ./data postgres://scrip@db.example/scrip\n" +
		"  scrip serve --database postgres://scrip@db.example/scrip --keyset ./data/keys.json"
}

// Run moves a store.
func (c *moveCmd) Run(ctx context.Context, at console) (err error) {
	from := placeOf(c.From)
	if err := c.check(from); err != nil {
		return usageError{err}
	}
	old, err := from.open(ctx, at.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, old.Close()) }()
	if c.Back {
		return c.back(ctx, at, from, old)
	}
	keys, err := keyset.Read(c.keyset(from))
	if err != nil {
		return usageError{err}
	}
	if _, err := keyset.Fits(ctx, old, keys); err != nil {
		return err
	}
	to := placeToMake(c.To)
	if err := to.makeDirectory(); err != nil {
		return err
	}
	began := time.Now()
	fresh, err := openMarked(ctx, at, from, to, began)
	if err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	report, err := move.Run(ctx, move.Settings{
		From: old, To: fresh, FromName: from.String(), ToName: to.String(), Keys: keys, Again: c.Again, Now: began, Told: tellMoved(at),
		Waiting: tellWaiting(at, to),
	})
	if errors.Is(err, move.ErrNotEmpty) {
		return fmt.Errorf("%s: %w", to, err)
	}
	if err != nil {
		return err
	}
	return c.tell(at, from, to, report, time.Since(began))
}

// openMarked opens the store to move to. One that is made is marked as incomplete before anybody else can open it.
func openMarked(ctx context.Context, at console, from, to place, began time.Time) (store.Whole, error) {
	first, err := move.First(from.String(), began)
	if err != nil {
		return nil, err
	}
	return to.openWith(ctx, at.err, first)
}

// check finds what cannot be before anything is opened, or made.
func (c *moveCmd) check(from place) error {
	if err := from.exists(); err != nil {
		return fmt.Errorf("there is no store: %w", err)
	}
	switch {
	case c.Back && c.Again:
		return errors.New("--back moves nothing: it does not go with --again")
	case c.AlthoughServed && !c.Back:
		return errors.New("--although-served goes with --back alone")
	case !c.Back && c.To == "":
		return errors.New("where to? Give TO")
	case c.To != "" && from.String() == placeToMake(c.To).String():
		return errors.New("FROM and TO are the same")
	case from.url != "":
		return errors.New("a database is not moved: nothing would keep its nodes from writing to it meanwhile")
	}
	return nil
}

// keyset gives the keyset's file.
func (c *moveCmd) keyset(from place) string {
	if c.Keyset != "" {
		return c.Keyset
	}
	return filepath.Join(filepath.Dir(from.file), keyset.Name)
}

// back takes a move back, once the store that was moved to was looked at.
func (c *moveCmd) back(ctx context.Context, at console, from place, old store.Whole) (err error) {
	peer, err := move.Peer(ctx, old)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	to := placeOf(cmp.Or(c.To, peer))
	r := move.Return{From: old, FromName: from.String(), ToName: to.String(), Now: time.Now()}
	fresh, err := openMoved(ctx, at, to)
	switch {
	case errors.Is(err, sqlite.ErrInUse):
		return fmt.Errorf("%s: %w at this moment: stop that first: %w", to, move.ErrServed, err)
	case err != nil:
		r.Unseen = err
	default:
		r.To = fresh
		defer func() { err = errors.Join(err, fresh.Close()) }()
	}
	if c.AlthoughServed {
		r.Although = func(why error) { fmt.Fprintf(at.err, "scrip: %s: %s. It must never be served again.\n", to, why) }
	}
	if err := move.Back(ctx, r); err != nil {
		return fmt.Errorf("%s: %w%s", to, err, c.hint(err))
	}
	_, err = fmt.Fprintf(at.out, "%s can be served again, as it was when it was moved.\n", from)
	return err
}

// hint says what may be done where a move is not taken back.
func (c *moveCmd) hint(err error) string {
	switch {
	case errors.Is(err, move.ErrUnseen) && c.To == "":
		return "; if it is elsewhere by now, or wants a user or a password, give TO; if it is lost, --although-served answers for it"
	case errors.Is(err, move.ErrUnseen):
		return "; if it is lost, --although-served answers for it"
	}
	return ""
}

// openMoved opens a store that was moved to, and makes none.
func openMoved(ctx context.Context, at console, to place) (store.Whole, error) {
	if err := to.exists(); err != nil {
		return nil, err
	}
	looked, err := to.openToRead(ctx)
	if err != nil {
		return nil, err
	}
	if err := looked.Close(); err != nil {
		return nil, err
	}
	return to.open(ctx, at.err)
}

// tellMoved tells how far a move is.
func tellMoved(at console) func(kind string, records int64, done bool) {
	told := int64(0)
	return func(kind string, records int64, done bool) {
		if done {
			told = 0
		} else if records-told >= toldEvery {
			told = records
			fmt.Fprintf(at.err, "%d %s\n", records, kind)
		}
	}
}

// tellWaiting tells that nothing happens for a while, and why.
func tellWaiting(at console, to place) func(most time.Duration) {
	return func(most time.Duration) {
		fmt.Fprintf(at.err, "Another move into %s is under way, or was killed a moment ago: waiting up to %s to know.\n", to, most)
	}
}

// tell says what was moved.
func (c *moveCmd) tell(at console, from, to place, r *move.Report, took time.Duration) error {
	w := tabwriter.NewWriter(at.out, 0, 0, 2, ' ', 0)
	line(w, "MOVED", "RECORDS", "DIGEST")
	for _, tally := range r.Kinds {
		line(w, tally.Kind, tally.Records, fmt.Sprintf("%x", tally.Digest[:8]))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	show(at.out, r.To)
	_, err := fmt.Fprintf(at.out, "Moved in %s, and both stores are the same. %s is marked as moved.\n%s\n",
		roughly(took), from, next(to, c.keyset(from)))
	return err
}

// roughly gives a time to about three digits, which is as much as people want to know.
func roughly(took time.Duration) time.Duration {
	step := time.Microsecond
	for took >= 1000*step {
		step *= 10
	}
	return took.Round(step)
}

// next says how a store that was moved is served.
func next(to place, keys string) string {
	if command, possible := to.toServe(keys); possible {
		return "Serve what was made with the same keyset:\n  " + command
	}
	there := place{file: app.StorePath("DIR")}
	command, _ := there.toServe(keys)
	return fmt.Sprintf("To serve it, put it into an empty directory:\n  mv %s %s\n  %s", quoted(to.file), there.file, command)
}
