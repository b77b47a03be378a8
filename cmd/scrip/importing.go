package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// importFlags are what imports of all kinds ask for.
type importFlags struct {
	File   string `arg:"" help:"The CSV file; '-' for standard input."`
	Skip   bool   `help:"Skip bad lines and add the others; otherwise one bad line leaves all out."`
	Lines  int64  `help:"How many lines the file has below its first; another number leaves all out."`
	Reason string `help:"Why, for the audit trail."`
}

func (f importFlags) mode() adminapi.ImportMode {
	if f.Skip {
		return adminapi.ImportModeSkip
	}
	return adminapi.ImportModeAll
}

// rejectedLines says that lines were rejected.
type rejectedLines struct {
	summary adminapi.Import
	what    string // a line brings
}

func (r rejectedLines) abandoned() bool { return r.summary.State == adminapi.ImportStateAbandoned }

// Error says how many, and what that meant for the others.
func (r rejectedLines) Error() string {
	if r.abandoned() {
		return fmt.Sprintf("%d of %d lines were rejected, so no %s was added", r.summary.Rejected, r.summary.Lines, r.what)
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

// upload is the answer to a file that is being sent.
type upload = http.Response

// bring sends the file and prints the report as it comes. what is what a line brings.
func (f importFlags) bring(o *office, what string, send func(file io.Reader, edit adminapi.RequestEditorFn) (*upload, error)) error {
	file, size, err := f.file()
	if err != nil {
		return err
	}
	defer file.Close()
	response, err := send(file, asking(size))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	bar := &progressBar{to: o.err, size: size, live: isTerminal(o.err)}
	summary, err := o.report(response.Body, what, bar)
	bar.end()
	if err != nil {
		return err
	}
	if err := o.summarize(summary); err != nil {
		return err
	}
	if summary.Rejected > 0 {
		return rejectedLines{summary, what}
	}
	return nil
}

// file opens the file and gives its size; 0 when that cannot be known.
func (f importFlags) file() (file *os.File, size int64, err error) {
	if f.File == "-" {
		return os.Stdin, 0, nil
	}
	if file, err = os.Open(f.File); err != nil {
		return nil, 0, usageError{err}
	}
	about, err := file.Stat()
	if err != nil || about.IsDir() {
		return nil, 0, usageError{errors.Join(err, fmt.Errorf("%s is no file", f.File), file.Close())}
	}
	if about.Mode().IsRegular() {
		size = about.Size()
	}
	return file, size, nil
}

// asking has the server asked first whether it would take the file, so that a refusal is heard before it has gone.
func asking(size int64) adminapi.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Expect", "100-continue")
		if size > 0 {
			r.ContentLength = size
		}
		return nil
	}
}

// sent gives the answer to a file that the server takes, or why it does not. All imports are refused alike.
func sent(response *upload, err error) (*upload, error) {
	if err != nil || response.StatusCode == http.StatusOK {
		return response, err
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
func (o *office) report(body io.Reader, what string, bar *progressBar) (adminapi.Import, error) {
	for events := json.NewDecoder(body); ; {
		var e adminapi.ImportEvent
		if err := events.Decode(&e); err != nil {
			return adminapi.Import{}, fmt.Errorf("the report broke off; see 'scrip %s imports', and import the file again: %w", what, err)
		}
		switch {
		case e.Error.Code != "":
			return adminapi.Import{}, errors.New(said(e.Error))
		case e.Summary.State != "":
			return e.Summary, nil
		case e.Reject.Line != 0:
			bar.clear()
			if err := o.reject(e.Reject, what); err != nil {
				return adminapi.Import{}, err
			}
		default:
			bar.draw(e.Progress)
		}
	}
}

// reject prints why a line was not taken. Only a card has a name that may be told.
func (o *office) reject(r adminapi.ImportReject, what string) error {
	if o.json {
		return json.NewEncoder(o.out).Encode(adminapi.ImportEvent{Reject: r})
	}
	name := ""
	if what == "card" {
		name = "card " + cell(r.PAN) + ": "
	}
	_, err := fmt.Fprintf(o.out, "line %d: %s%s\n", r.Line, name, said(adminapi.Error{Field: r.Field, Message: r.Message}))
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

// imports lists the imports of a kind.
func (o *office) imports(ctx context.Context, kind adminapi.ImportKind) ([]adminapi.Import, error) {
	imports, err := all(func(after int64) ([]adminapi.Import, int64, error) {
		a, err := o.ListImportsWithResponse(ctx, &adminapi.ListImportsParams{After: after, Limit: pageSize})
		if err != nil {
			return nil, 0, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		return page.Imports, page.Next, err
	})
	return slices.DeleteFunc(imports, func(i adminapi.Import) bool { return i.Kind != kind }), err
}

// addedBy is how many cards or vouchers an import brought. One that brought none of them counts those it would have
// brought.
func addedBy(i adminapi.Import) int64 {
	if i.State == adminapi.ImportStateAbandoned && (i.Mode == adminapi.ImportModeAll || i.Kind == adminapi.ImportKindVouchers) {
		return 0
	}
	return i.Added
}
