package adminhttp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/scripworks/scrip/admin"
)

// maxLine bounds a line of an import, in bytes, with its line end.
const maxLine = 2048

// sheet is what the lines of a file say: which columns there are, and what they mean.
type sheet[S any] struct {
	columns []string // that a file may have
	needed  []string // of these, those that it must have
	// set puts the value of a column into a seed.
	set func(s *S, column, value string) error
}

// file reads the lines of an import one by one, whatever the size of the file.
type file[S any] struct {
	sheet   sheet[S]
	lines   *bufio.Reader
	columns []string
	number  int64 // of the line read last
	bytes   int64 // read so far
	cut     bool  // the last line had no line end
}

// newFile reads the first line, which names the columns. Its error never quotes the line, because it might be
// a card or a voucher.
func newFile[S any](of sheet[S], r io.Reader) (*file[S], error) {
	f := &file[S]{sheet: of, lines: bufio.NewReaderSize(r, 16<<10)}
	head, fault, err := f.line()
	switch {
	case errors.Is(err, io.EOF):
		return nil, invalid("", "the file is empty: its first line must name the columns")
	case err != nil:
		return nil, err
	case fault != nil:
		return nil, fault
	}
	f.columns, fault = fields(strings.TrimPrefix(head, "\ufeff"))
	if fault != nil {
		return nil, fault
	}
	for i, name := range f.columns {
		f.columns[i] = strings.ToLower(strings.TrimSpace(name))
	}
	return f, f.checkColumns()
}

func (f *file[S]) checkColumns() error {
	for i, name := range f.columns {
		if !slices.Contains(f.sheet.columns, name) {
			return invalid("", "the first line must name the columns, and one of its names is not known; there are "+strings.Join(f.sheet.columns, ", "))
		}
		if slices.Contains(f.columns[:i], name) {
			return invalid(name, "the first line names this column twice")
		}
	}
	for _, name := range f.sheet.needed {
		if !slices.Contains(f.columns, name) {
			return invalid(name, "the first line must name this column")
		}
	}
	return nil
}

// next gives the next line that is not empty. io.EOF is the file's end; any other error means that it broke off.
func (f *file[S]) next() (admin.Line[S], error) {
	for {
		text, fault, err := f.line()
		if err != nil {
			return admin.Line[S]{}, err
		}
		line := admin.Line[S]{Number: f.number, Fault: fault}
		if fault != nil {
			return line, nil
		}
		if text == "" {
			continue
		}
		line.Seed, line.Fault = f.parse(text)
		return line, nil
	}
}

// line reads one line without its end. A line that is too long, or whose end is missing, is a fault.
func (f *file[S]) line() (text string, fault *admin.Refusal, err error) {
	read, err := f.lines.ReadSlice('\n')
	f.number++
	f.bytes += int64(len(read))
	long := len(read) > maxLine
	for errors.Is(err, bufio.ErrBufferFull) {
		var more []byte
		more, err = f.lines.ReadSlice('\n')
		f.bytes += int64(len(more))
		long = true
	}
	switch {
	case errors.Is(err, io.EOF) && len(read) == 0:
		return "", nil, io.EOF
	case err != nil && !errors.Is(err, io.EOF):
		return "", nil, err
	case long:
		return "", fileFault("the line is too long"), nil
	case errors.Is(err, io.EOF):
		f.cut = true
		return "", fileFault("the last line has no line end, so the file may have been cut; end it with one"), nil
	}
	return string(bytes.TrimSuffix(bytes.TrimSuffix(read, []byte("\n")), []byte("\r"))), nil, nil
}

func fileFault(text string) *admin.Refusal { return &admin.Refusal{Code: admin.Invalid, Text: text} }

var errMissing = errors.New("is missing")

// fields splits a line at its commas. A field in double quotes may hold commas, and two double quotes for one.
func fields(line string) ([]string, *admin.Refusal) {
	var found []string
	for {
		var field string
		var more, ok bool
		if strings.HasPrefix(line, `"`) {
			field, line, more, ok = quoted(line[1:])
		} else {
			field, line, more = strings.Cut(line, ",")
			ok = !strings.Contains(field, `"`)
		}
		if !ok {
			return nil, fileFault("a double quote stands where it cannot")
		}
		if found = append(found, field); !more {
			return found, nil
		}
	}
}

// quoted reads a field up to its closing quote, after which the line must end or go on with a comma.
func quoted(line string) (field, rest string, more, ok bool) {
	var b strings.Builder
	for {
		part, after, closed := strings.Cut(line, `"`)
		b.WriteString(part)
		switch {
		case !closed:
			return "", "", false, false
		case after == "":
			return b.String(), "", false, true
		case after[0] == ',':
			return b.String(), after[1:], true, true
		case after[0] != '"':
			return "", "", false, false
		}
		b.WriteByte('"')
		line = after[1:]
	}
}

// parse reads a line as a seed.
func (f *file[S]) parse(text string) (s S, fault *admin.Refusal) {
	values, fault := fields(text)
	if fault != nil {
		return s, fault
	}
	if len(values) != len(f.columns) {
		return s, fileFault("the line has not as many fields as the first line")
	}
	// What must be there comes first, so that a fault elsewhere can name the card.
	order := append(slices.Clone(f.sheet.needed), f.columns...)
	for _, name := range order {
		value := values[slices.Index(f.columns, name)]
		err := f.sheet.set(&s, name, value)
		if value == "" && slices.Contains(f.sheet.needed, name) {
			err = errMissing
		}
		if err != nil && fault == nil {
			fault = &admin.Refusal{Code: admin.Invalid, Field: name, Text: err.Error()}
		}
	}
	return s, fault
}
