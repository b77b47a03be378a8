package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	adminapi "github.com/scripworks/scrip/api/admin"
)

type cardImportCmd struct {
	officeFlags
	File     string `arg:"" help:"The CSV file; '-' for standard input."`
	Skip     bool   `help:"Skip bad lines and add the others; otherwise one bad line leaves all cards out."`
	Currency string `help:"ISO 4217 number of lines that name none; the server's own when absent."`
	Lines    int64  `help:"How many lines the file has below its first; another number leaves all cards out."`
	Reason   string `help:"Why, for the audit trail."`
}

// Help gives the example.
func (cardImportCmd) Help() string {
	return `Example:
  scrip card import cards.csv
  scrip card import --skip --currency 710 - < cards.csv

The first line of the file names its columns, in any order: pan and expiry (YYMM) must be there, clear_pin,
encrypted_pin, currency, profile_id, msisdn and email may be. The same file may be imported again: cards that
are there already with the same data are counted and left alone. Rejected lines are printed on standard output
with their reasons, never with a whole card number or a PIN.

The exit code is 0 when all lines were taken, 3 when --skip left some out and took the others, and 1 when the
import failed: without --skip that is so as soon as one line is bad, and then no card is added.`
}

// rejectedLines says that lines were rejected.
type rejectedLines struct{ summary adminapi.Import }

func (r rejectedLines) abandoned() bool { return r.summary.State == adminapi.ImportStateAbandoned }

// Error says how many, and what that meant for the others.
func (r rejectedLines) Error() string {
	if r.abandoned() {
		return fmt.Sprintf("%d of %d lines were rejected, so no card was added", r.summary.Rejected, r.summary.Lines)
	}
	return fmt.Sprintf("%d of %d lines were rejected", r.summary.Rejected, r.summary.Lines)
}

// ExitCode tells an import that left some lines out from one that did nothing.
func (r rejectedLines) ExitCode() int {
	if r.abandoned() {
		return exitFailed
	}
	return exitRejected
}

// Run sends the file and prints the report as it comes.
func (c *cardImportCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	file, size, err := c.file()
	if err != nil {
		return err
	}
	defer file.Close()
	response, err := o.send(ctx, c.params(), file, size)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	bar := &progressBar{to: o.err, size: size, live: isTerminal(o.err)}
	summary, err := o.report(response.Body, bar)
	bar.end()
	if err != nil {
		return err
	}
	if err := o.summarize(summary); err != nil {
		return err
	}
	if summary.Rejected > 0 {
		return rejectedLines{summary}
	}
	return nil
}

func (c *cardImportCmd) params() *adminapi.ImportCardsParams {
	p := &adminapi.ImportCardsParams{
		Mode: adminapi.ImportModeAll, Currency: adminapi.Currency(c.Currency), Lines: c.Lines, Reason: adminapi.Reason(c.Reason),
	}
	if c.Skip {
		p.Mode = adminapi.ImportModeSkip
	}
	return p
}

// file opens the file and gives its size; 0 when that cannot be known.
func (c *cardImportCmd) file() (file *os.File, size int64, err error) {
	if c.File == "-" {
		return os.Stdin, 0, nil
	}
	if file, err = os.Open(c.File); err != nil {
		return nil, 0, usageError{err}
	}
	about, err := file.Stat()
	if err != nil || about.IsDir() {
		return nil, 0, usageError{errors.Join(err, fmt.Errorf("%s is no file", c.File), file.Close())}
	}
	if about.Mode().IsRegular() {
		size = about.Size()
	}
	return file, size, nil
}

// send begins to send the file. The server is asked first whether it would take it, so that a refusal is heard before
// the file has gone.
func (o *office) send(ctx context.Context, params *adminapi.ImportCardsParams, file io.Reader, size int64) (*http.Response, error) {
	response, err := o.ClientInterface.ImportCardsWithBody(ctx, params, "text/csv", file, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Expect", "100-continue")
		if size > 0 {
			r.ContentLength = size
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	answer, err := adminapi.ParseImportCardsAnswer(response)
	if err != nil {
		return nil, err
	}
	_, err = got[struct{}](nil, answer.JSONDefault, response.Status)
	return nil, err
}

// report reads the report to its end.
func (o *office) report(body io.Reader, bar *progressBar) (adminapi.Import, error) {
	for events := json.NewDecoder(body); ; {
		var e adminapi.ImportEvent
		if err := events.Decode(&e); err != nil {
			return adminapi.Import{}, fmt.Errorf("the report broke off; see 'scrip card imports', and import the file again: %w", err)
		}
		switch {
		case e.Error.Code != "":
			return adminapi.Import{}, errors.New(said(e.Error))
		case e.Summary.State != "":
			return e.Summary, nil
		case e.Reject.Line != 0:
			bar.clear()
			if err := o.reject(e.Reject); err != nil {
				return adminapi.Import{}, err
			}
		default:
			bar.draw(e.Progress)
		}
	}
}

func (o *office) reject(r adminapi.ImportReject) error {
	if o.json {
		return json.NewEncoder(o.out).Encode(adminapi.ImportEvent{Reject: r})
	}
	_, err := fmt.Fprintf(o.out, "line %d: card %s: %s\n", r.Line, cell(r.PAN), said(adminapi.Error{Field: r.Field, Message: r.Message}))
	return err
}

func (o *office) summarize(i adminapi.Import) error {
	if o.json {
		return json.NewEncoder(o.out).Encode(adminapi.ImportEvent{Summary: i})
	}
	taken := fmt.Sprintf("%d new", i.Added)
	if i.State == adminapi.ImportStateAbandoned {
		taken = fmt.Sprintf("nothing added (%d would have been new)", i.Added)
	}
	_, err := fmt.Fprintf(o.out, "import %d is %s: %d lines, %s, %d there already, %d rejected\n", i.Number, i.State, i.Lines, taken, i.Present, i.Rejected)
	return err
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// Steps of progress where there is no terminal to draw on: a line for so many lines of the file.
const progressLines = 100_000

// progressBar shows how far an import is: a bar on a terminal, and otherwise a line now and then.
type progressBar struct {
	to    io.Writer
	size  int64 // of the file in bytes; 0 when it is not known
	live  bool
	drawn bool
	told  int64 // lines that have been told of
}

// barWidth is how many characters a full bar has.
const barWidth = 30

func (b *progressBar) draw(p adminapi.ImportProgress) {
	counts := fmt.Sprintf("%d lines, %d new, %d there already, %d rejected", p.Lines, p.Added, p.Present, p.Rejected)
	switch {
	case b.live && b.size > 0:
		done := min(p.Bytes, b.size)
		full := int(done * barWidth / b.size)
		fmt.Fprintf(b.to, "\r\033[K[%s%s] %3d %%  %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done*100/b.size, counts)
		b.drawn = true
	case b.live:
		fmt.Fprintf(b.to, "\r\033[K%s", counts)
		b.drawn = true
	case p.Lines >= b.told+progressLines:
		b.told = p.Lines
		fmt.Fprintln(b.to, counts)
	}
}

// clear makes room for a line of text.
func (b *progressBar) clear() {
	if b.drawn {
		fmt.Fprint(b.to, "\r\033[K")
		b.drawn = false
	}
}

func (b *progressBar) end() {
	if b.drawn {
		fmt.Fprintln(b.to)
	}
}

type cardImportsCmd struct{ officeFlags }

// Help gives the example.
func (cardImportsCmd) Help() string { return "Example:\n  scrip card imports" }

// Run lists imports.
func (c *cardImportsCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	imports, err := all(func(after int64) ([]adminapi.Import, int64, error) {
		a, err := o.ListImportsWithResponse(ctx, &adminapi.ListImportsParams{After: adminapi.After(after), Limit: pageSize})
		if err != nil {
			return nil, 0, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		return page.Imports, page.Next, err
	})
	if err != nil {
		return err
	}
	return list(o, "NUMBER\tMODE\tSTATE\tBEGUN\tENDED\tBY\tLINES\tNEW\tTHERE\tREJECTED", imports, func(i adminapi.Import) []any {
		return []any{i.Number, string(i.Mode), string(i.State), i.Begun, i.Ended, i.Operator, i.Lines, addedBy(i), i.Present, i.Rejected}
	})
}

// addedBy is how many cards an import brought. One that was to bring all or none counts those it would have brought,
// also when it brought none.
func addedBy(i adminapi.Import) int64 {
	if i.State == adminapi.ImportStateAbandoned && i.Mode == adminapi.ImportModeAll {
		return 0
	}
	return i.Added
}
