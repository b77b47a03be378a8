package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/store/sqlite"
)

// backupCmd is `scrip backup`.
type backupCmd struct {
	officeFlags
	File   string `arg:"" help:"File to make; it must not be there yet."`
	Data   string `placeholder:"STORE" help:"Data directory of a stopped server, or its store's file, which is copied as it lies there. Without it the running server is asked for a copy."`
	Keyset string `placeholder:"FILE" help:"Keyset of the store, to be copied beside the copy as FILE.keys.json. Whoever has both can read card numbers and PINs."`
	Verify bool   `help:"Compute every invariant of the copy, as scrip verify does, before it gets its name."`
	Reason string `default:"a backup" help:"Why, for the server's audit trail."`
}

// keysSuffix is added to a copy's name for the keyset beside it.
const keysSuffix = ".keys.json"

// copyTimeout bounds how long a server may take to make a copy, and then to send it; the server's own bound is the same.
const copyTimeout = time.Hour

// Help gives the example.
func (backupCmd) Help() string {
	return "The copy is the store of one instant, with everything that was answered before it was asked for; messages go on meanwhile. It gets\n" +
		"its name once it is whole and on the disk, and nothing is ever overwritten. The keyset is not in it unless --keyset names it: keep that\n" +
		"apart, for without it the copy cannot be read. A store in PostgreSQL is backed up by the means of PostgreSQL.\n\n" +
		"To restore one, put it into an empty directory as scrip.db, the keyset beside it as keys.json, and serve that directory.\n" +
		"What was answered after the copy was made is not in it: docs/housekeeping.md says what that means.\n\n" +
		"Example: a copy of the running server's store, and of a stopped one's\n" +
		"  scrip backup /backup/scrip-monday.db --verify\n" +
		"  scrip backup /backup/scrip-monday.db --data ./data --keyset ./data/keys.json"
}

// Run makes the copy.
func (c *backupCmd) Run(ctx context.Context, at console) (err error) {
	if err := c.check(); err != nil {
		return usageError{err}
	}
	partial, err := unnamed(c.File)
	if err != nil {
		return usageError{err}
	}
	defer func() {
		for _, file := range []string{partial, partial + keysSuffix} {
			if left := os.Remove(file); !errors.Is(left, fs.ErrNotExist) {
				err = errors.Join(err, left)
			}
		}
	}()
	if err := c.fetch(ctx, at, partial); err != nil {
		return err
	}
	judged, err := c.judge(ctx, at, partial)
	if err != nil {
		return err
	}
	if err := c.publish(partial); err != nil {
		return err
	}
	return c.tell(at, judged)
}

// check finds what cannot be before anything is done.
func (c *backupCmd) check() error {
	if c.File == "" {
		return errors.New("FILE is empty: where is the copy to be made?")
	}
	made := []string{c.File}
	if c.Keyset != "" {
		made = append(made, c.File+keysSuffix)
	}
	for _, file := range made {
		if err := isFree(file); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Dir(c.File)); err != nil {
		return fmt.Errorf("there is no directory to make it in: %w", err)
	}
	if c.Data != "" {
		if err := isFile(placeOf(c.Data)); err != nil {
			return err
		}
	}
	if c.Keyset != "" {
		if _, err := keyset.Read(c.Keyset); err != nil {
			return err
		}
	}
	return nil
}

// isFile says why there is no store to be copied as it lies there.
func isFile(at place) error {
	if at.url != "" {
		return errors.New("a store in PostgreSQL is backed up by the means of PostgreSQL")
	}
	if err := at.exists(); err != nil {
		return fmt.Errorf("there is no store: %w", err)
	}
	return nil
}

// isFree says why a file cannot be made, if its name is taken.
func isFree(file string) error {
	switch _, err := os.Lstat(file); {
	case err == nil:
		return fmt.Errorf("%s is there already, and nothing is overwritten", file)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// unnamed gives a name beside a file for what is not whole yet.
func unnamed(file string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.partial") // mode 0600
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// fetch brings the copy and has it on the disk.
func (c *backupCmd) fetch(ctx context.Context, at console, partial string) error {
	if c.Data == "" {
		return c.download(ctx, at, partial)
	}
	if err := os.Remove(partial); err != nil {
		return err
	}
	d, err := sqlite.Open(placeOf(c.Data).file, sqlite.Options{ReadOnly: true})
	if errors.Is(err, sqlite.ErrInUse) {
		return fmt.Errorf("a server has it open; leave --data away, and the server is asked for a copy: %w", err)
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Copy(ctx, partial), d.Close())
}

// download has the running server make a copy.
func (c *backupCmd) download(ctx context.Context, at console, partial string) (err error) {
	o, err := c.openFor(at, copyTimeout)
	if err != nil {
		return err
	}
	answer, err := o.BackUpStore(ctx, adminapi.BackUpStoreJSONRequestBody{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		refused, err := adminapi.ParseBackUpStoreAnswer(answer)
		if err != nil {
			return err
		}
		_, err = got[[]byte](nil, refused.JSONDefault, refused.Status())
		return err
	}
	defer answer.Body.Close()
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	copied, err := io.Copy(f, answer.Body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("the copy broke off: %w", err)
	}
	if copied != answer.ContentLength {
		return fmt.Errorf("the copy broke off after %d of %d bytes", copied, answer.ContentLength)
	}
	return nil
}

// judge opens the copy, and copies the keyset beside it, under no name yet, when that is wanted and it is the copy's. It gives
// what was found in the copy, when that is wanted.
func (c *backupCmd) judge(ctx context.Context, at console, partial string) (r *invariant.Report, err error) {
	d, err := sqlite.Open(partial, sqlite.Options{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("what was copied cannot be read: %w", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := tellMark(ctx, at, c.File, d); err != nil {
		return nil, err
	}
	if c.Verify {
		if r, err = invariant.Check(ctx, d); err != nil {
			return nil, err
		}
		if len(r.Faults) > 0 {
			show(c.people(at), r)
			return nil, fmt.Errorf("%w, and neither is its copy, which was not kept", errBroken)
		}
	}
	return r, c.copyKeyset(ctx, d, partial)
}

// people is where people read.
func (c *backupCmd) people(at console) io.Writer {
	if c.JSON {
		return at.err
	}
	return at.out
}

// copyKeyset copies the keyset beside a copy, if it is the copy's.
func (c *backupCmd) copyKeyset(ctx context.Context, d *sqlite.Driver, partial string) error {
	if c.Keyset == "" {
		return nil
	}
	keys, err := keyset.Read(c.Keyset)
	if err != nil {
		return err
	}
	if _, err := keyset.Fits(ctx, d, keys); err != nil {
		return fmt.Errorf("%s: %w", c.Keyset, err)
	}
	return keyset.Write(partial+keysSuffix, keys)
}

// publish gives the copy its name, and the keyset beside it before: both, or none.
func (c *backupCmd) publish(partial string) error {
	if c.Keyset != "" {
		if err := name(partial+keysSuffix, c.File+keysSuffix); err != nil {
			return err
		}
	}
	err := name(partial, c.File)
	if err != nil && c.Keyset != "" {
		err = errors.Join(err, os.Remove(c.File+keysSuffix)) // it would be in the way of the next try
	}
	return err
}

// name gives a file that is whole its name, which nobody else must have taken meanwhile.
func name(partial, file string) error {
	err := os.Link(partial, file)
	switch {
	case err == nil:
		err = os.Remove(partial)
	case !errors.Is(err, fs.ErrExist): // a file system without links
		if err = isFree(file); err == nil {
			err = os.Rename(partial, file)
		}
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	directory, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// tell says what was made.
func (c *backupCmd) tell(at console, judged *invariant.Report) error {
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	if c.Keyset != "" {
		fmt.Fprintln(at.err, "scrip: whoever has both files can read the card numbers, PINs and messages in the store: keep them apart.")
	}
	if c.JSON {
		return json.NewEncoder(at.out).Encode(c.made(info.Size(), judged))
	}
	if judged != nil {
		show(at.out, judged)
	}
	fmt.Fprintf(at.out, "Made %s, %d bytes.\n", c.File, info.Size())
	if c.Keyset != "" {
		_, err = fmt.Fprintf(at.out, "Made %s.\n", c.File+keysSuffix)
		return err
	}
	_, err = fmt.Fprintln(at.out, "The keyset is not in it. Without the store's keys.json it cannot be read: keep a copy of that, apart from this one.")
	return err
}

// made is a backup as it is told to programs.
type made struct {
	File     string    `json:"file"`
	Bytes    int64     `json:"bytes"`
	Keyset   string    `json:"keyset,omitempty"`   // the file of the keyset, where one was made beside it
	Verified *verified `json:"verified,omitempty"` // what is in it, where that was asked for; it is sound
}

// verified are the numbers that verify tells of a sound store.
type verified struct {
	Cards          int64 `json:"cards"`
	Vouchers       int64 `json:"vouchers"`
	Messages       int64 `json:"messages"`
	Entries        int64 `json:"entries"`
	OpenRequests   int64 `json:"openRequests"`
	WithoutOutcome int64 `json:"withoutOutcome"`
	Queued         int64 `json:"queued"`
	Pruned         int64 `json:"pruned"`
	BroughtForward int64 `json:"broughtForward"`
}

func (c *backupCmd) made(bytes int64, r *invariant.Report) made {
	m := made{File: c.File, Bytes: bytes}
	if c.Keyset != "" {
		m.Keyset = c.File + keysSuffix
	}
	if r != nil {
		m.Verified = &verified{r.Cards, r.Vouchers, r.Messages, r.Entries, r.Open, r.Working, r.Queued, r.Pruned, r.Brought}
	}
	return m
}
