package ratio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The files in which a directory keeps results, by the name of the measurement: those that are committed, and those of the
// last one, whose names begin with lastPrefix. Each comes as JSON, with every measurement behind the rows; as Go's benchmarks
// have it, for benchstat; and as a table in Markdown.
const (
	lastPrefix  = "last-"
	jsonSuffix  = ".json"
	textSuffix  = ".txt"
	tableSuffix = ".md"
)

// suffixes are those of all files of a result.
var suffixes = []string{jsonSuffix, textSuffix, tableSuffix}

// Keep writes the result of a measurement of some name into a directory as its last one, writes to out how benchstat compares
// it with the committed one, if there is one, and with save puts it into the place of that. Comparing takes Go, and this
// module around the working directory; that they are not there is said, and is no error.
func (r Result) Keep(ctx context.Context, dir, name string, save bool, out io.Writer) error {
	last, committed := filepath.Join(dir, lastPrefix+name), filepath.Join(dir, name)
	for suffix, form := range map[string]func(io.Writer) error{jsonSuffix: r.WriteLines, textSuffix: r.WriteBenchmarks, tableSuffix: r.WriteTable} {
		if err := write(last+suffix, form); err != nil {
			return err
		}
	}
	compare(ctx, committed+textSuffix, last+textSuffix, out)
	if !save {
		return nil
	}
	for _, suffix := range suffixes {
		if err := os.Rename(last+suffix, committed+suffix); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, to func(io.Writer) error) error {
	file, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(to(file), file.Close())
}

// compare lets benchstat compare two files.
func compare(ctx context.Context, before, now string, out io.Writer) {
	if _, err := os.Stat(before); err != nil {
		fmt.Fprintln(out, "\nThere are no committed results to compare with.")
		return
	}
	command := exec.CommandContext(ctx, "go", "tool", "benchstat", "committed="+before, "now="+now)
	var said, failed bytes.Buffer
	command.Stdout, command.Stderr = &said, &failed
	if err := command.Run(); err != nil {
		fmt.Fprintf(out, "\nNOT COMPARED with the committed results: %v\n%s", err, &failed)
		return
	}
	fmt.Fprintf(out, "\nCompared with the committed results (benchstat; ~ is no difference that the spread allows to see):\n\n%s", &said)
}

// WriteLines writes the result as JSON with a line for each row and each measurement, so that what changes from one
// result to the next can be seen where it is committed.
func (r Result) WriteLines(w io.Writer) error {
	head := r
	head.Rows, head.Measurements = nil, nil
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	// The two lists come last, empty.
	var out bytes.Buffer
	out.Write(bytes.TrimSuffix(text, []byte(`"rows":null,"measurements":null}`)))
	err = errors.Join(appendLines(&out, `"rows":`, r.Rows), appendLines(&out, `,"measurements":`, r.Measurements))
	out.WriteString("}\n")
	if err == nil {
		_, err = out.WriteTo(w)
	}
	return err
}

// appendLines writes a member that is a list, with a line for each of its values.
func appendLines[T any](out *bytes.Buffer, member string, values []T) error {
	out.WriteString(member + "[")
	for i, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
		out.Write(text)
	}
	out.WriteString("\n]")
	return nil
}

// WriteBenchmarks writes each run of each row as a line of a Go benchmark.
func (r Result) WriteBenchmarks(w io.Writer) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "system: %s\nseconds: %g\ncards: %d\n", r.System, r.Seconds, r.Cards)
	fmt.Fprintf(&out, "Unit cycles/s better=higher\nUnit ratio better=higher\n\n")
	for _, row := range r.Rows {
		for _, value := range row.Runs {
			fmt.Fprintf(&out, "Benchmark%s 1 %s %s\n", benchmarkName(row.Name), strconv.FormatFloat(value, 'g', 6, 64), row.benchmarkUnit())
		}
	}
	_, err := out.WriteTo(w)
	return err
}

// WriteTable writes the rows as Markdown.
func (r Result) WriteTable(w io.Writer) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s; median of %d runs of %g s; %d cards; the generator runs on the same cores.\n", r.System, r.Runs, r.Seconds, r.Cards)
	if len(r.Postgres) > 0 {
		fmt.Fprintf(&out, "PostgreSQL, the same server for all: %s.\n", strings.Join(r.Postgres, ", "))
	}
	out.WriteString("\n| what | median | from – to | goal | |\n|---|---|---|---|---|\n")
	for _, row := range r.Rows {
		verdict := string(row.Verdict)
		if row.Verdict == Miss {
			verdict = "**missed**"
		}
		fmt.Fprintf(&out, "| %s | %s %s | %s – %s | %s | %s |\n", row.Name, number(row.Median), row.Unit,
			number(row.Low), number(row.High), row.goal(), verdict)
	}
	_, err := out.WriteTo(w)
	return err
}

// benchmarkName makes a name without spaces, and without what benchstat would take for a part or a setting of it.
func benchmarkName(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	name = string(unicode.ToUpper(first)) + name[size:]
	return strings.NewReplacer(", ", ",", ": ", ":", " / ", "_over_", " ", "_", "=", "_", "/", "_").Replace(name)
}

// benchmarkUnit gives a ratio a unit that says which way is up.
func (r Row) benchmarkUnit() string {
	switch {
	case r.Unit == "×" && r.AtMost:
		return "share"
	case r.Unit == "×":
		return "ratio"
	case r.Unit == "":
		return "count"
	}
	return r.Unit
}
