package adminhttp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
)

// idle bounds how long an import may wait for its sender, to send or to read.
const idle = 60 * time.Second

// report is an import under way: it reads the body, and answers line by line while it does.
type report[S any] struct {
	server    *server
	ctx       context.Context // of the call whose answer this is; the generated interface does not pass it on
	sheet     sheet[S]
	importing *admin.Importing[S]
	body      io.Reader
	expected  int64 // lines; 0 when nobody said
	whole     bool  // a file that was cut in a line is refused in both modes
	wire      *http.ResponseController
	out       *bufio.Writer
}

// visit carries the import out. What goes wrong is told in the report, because its status has been sent by then.
func (r *report[S]) visit(w http.ResponseWriter) error {
	r.wire, r.out = http.NewResponseController(w), bufio.NewWriter(w)
	// Over HTTP/1 an answer otherwise ends the body. Where this is not supported nothing has to be done for it.
	_ = r.wire.EnableFullDuplex()
	defer r.wire.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", "application/x-ndjson")
	summary, err := r.run()
	if err != nil {
		r.tell(adminapi.ImportEvent{Error: r.abandon(err)})
	} else {
		r.tell(adminapi.ImportEvent{Summary: imported(&summary)})
	}
	return r.flush()
}

func (r *report[S]) run() (admin.Import, error) {
	file, err := newFile(r.sheet, r)
	if err != nil {
		return admin.Import{}, err
	}
	batch := make([]admin.Line[S], 0, admin.MaxBatch)
	for more := true; more; {
		if batch, more, err = fill(file, batch[:0]); err != nil {
			return admin.Import{}, err
		}
		if err := r.add(batch, file.bytes); err != nil {
			return admin.Import{}, err
		}
	}
	if r.whole && file.cut {
		return admin.Import{}, invalid("", "the last line has no line end, so the file may have been cut")
	}
	switch lines := r.importing.Tally().Lines; {
	case lines == 0:
		return admin.Import{}, invalid("", "the file has no line below its first, which names the columns")
	case r.expected != 0 && lines != r.expected:
		return admin.Import{}, invalid("lines", "the file has another number of lines")
	}
	// Whoever sent the file may have left: it is whole all the same.
	return r.importing.Finish(context.WithoutCancel(r.ctx), r.server.instant())
}

// fill reads a batch. more is false at the end of the file.
func fill[S any](file *file[S], batch []admin.Line[S]) (_ []admin.Line[S], more bool, err error) {
	for len(batch) < cap(batch) {
		line, err := file.next()
		if errors.Is(err, io.EOF) {
			return batch, false, nil
		}
		if err != nil {
			return batch, false, err
		}
		batch = append(batch, line)
	}
	return batch, true, nil
}

// add decides a batch and tells what came of it.
func (r *report[S]) add(batch []admin.Line[S], bytes int64) error {
	rejects, err := r.importing.Add(r.ctx, batch)
	if err != nil {
		return err
	}
	for _, reject := range rejects {
		r.tell(adminapi.ImportEvent{Reject: rejected(reject)})
	}
	t := r.importing.Tally()
	r.tell(adminapi.ImportEvent{Progress: adminapi.ImportProgress{
		Bytes: bytes, Lines: t.Lines, Added: t.Added, Present: t.Present, Rejected: t.Rejected,
	}})
	return r.flush()
}

func rejected(j admin.Reject) adminapi.ImportReject {
	field := j.Reason.Field
	if column, known := columnOf[field]; known {
		field = column
	}
	return adminapi.ImportReject{Line: j.Line, PAN: j.Masked, Field: field, Message: j.Reason.Text}
}

// abandon ends an import that broke off and gives what to tell of it.
func (r *report[S]) abandon(cause error) adminapi.Error {
	if _, err := r.importing.Abandon(context.WithoutCancel(r.ctx), r.server.instant()); err != nil {
		r.server.log.ErrorContext(r.ctx, "an import could not be marked as abandoned; a restart settles it", "err", err)
	}
	_, e, _, certain := told(cause, false)
	if !certain {
		r.server.log.ErrorContext(r.ctx, "an import failed", "err", cause)
	}
	return e
}

// Read reads the body, and gives up on a sender that stops sending. Deadlines are the socket's and go by the
// computer's clock; where they are not supported the server's own bounds hold.
func (r *report[S]) Read(b []byte) (int, error) {
	_ = r.wire.SetReadDeadline(time.Now().Add(idle))
	n, err := r.body.Read(b)
	if err != nil && err != io.EOF {
		err = invalid("", "the body broke off")
	}
	return n, err
}

func (r *report[S]) tell(e adminapi.ImportEvent) {
	json.NewEncoder(r.out).Encode(e) // the writer keeps its first error for flush
}

// flush sends what was told, and gives up on a sender that stops reading.
func (r *report[S]) flush() error {
	_ = r.wire.SetWriteDeadline(time.Now().Add(idle)) // as for Read
	if err := r.out.Flush(); err != nil {
		return err
	}
	if err := r.wire.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
