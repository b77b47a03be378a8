package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// officeFlags are what every command of the operators' interface needs.
type officeFlags struct {
	AdminURL   string `env:"SCRIP_ADMIN_URL" default:"http://127.0.0.1:8081" help:"Where the server's operators' listener is."`
	AdminToken string `env:"SCRIP_ADMIN_TOKEN" help:"Your operator's token; better given by the environment, since others see command lines."`
	JSON       bool   `name:"json" help:"Print JSON, one thing a line, instead of text for people."`
}

// why is the reason that acts need.
type why struct {
	Reason string `required:"" help:"Why, for the audit trail. No card numbers and no names."`
}

// officeTimeout bounds how long a call may wait for the server to begin its answer.
const officeTimeout = time.Minute

// office is a client of the operators' interface.
type office struct {
	*adminapi.ClientWithResponses
	console
	json bool
}

// open makes the client.
func (f officeFlags) open(c console) (*office, error) { return f.openFor(c, officeTimeout) }

// openFor makes a client that waits so long for the server to begin its answer.
func (f officeFlags) openFor(c console, timeout time.Duration) (*office, error) {
	if f.AdminToken == "" {
		return nil, usageError{errors.New("a token is needed: set SCRIP_ADMIN_TOKEN")}
	}
	if at, err := url.Parse(f.AdminURL); err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, usageError{errors.New("--admin-url (SCRIP_ADMIN_URL) is no address such as http://127.0.0.1:8081")}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout, transport.ExpectContinueTimeout = timeout, 10*time.Second
	client, err := adminapi.NewClientWithResponses(
		strings.TrimSuffix(f.AdminURL, "/")+adminapi.Base,
		adminapi.WithHTTPClient(&http.Client{Transport: transport}),
		adminapi.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+f.AdminToken)
			return nil
		}),
	)
	if err != nil {
		return nil, usageError{err}
	}
	return &office{client, c, f.JSON}, nil
}

// got gives what an answer holds, or what the server said instead.
func got[T any](value *T, failure *adminapi.Failed, status string) (T, error) {
	if value != nil {
		return *value, nil
	}
	var none T
	if failure == nil {
		return none, fmt.Errorf("the server answered %s; is --admin-url right?", status)
	}
	return none, errors.New(said(*failure))
}

// said is an error of the server as people read it.
func said(e adminapi.Error) string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// show prints a thing as JSON, or as text for people.
func (o *office) show(thing any, text func(w io.Writer)) error {
	if o.json {
		return json.NewEncoder(o.out).Encode(thing)
	}
	w := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// list prints things as JSON, one a line, or as a table.
func list[T any](o *office, head string, things []T, row func(T) []any) error {
	if o.json {
		out := json.NewEncoder(o.out)
		for _, t := range things {
			if err := out.Encode(t); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, t := range things {
		line(w, row(t)...)
	}
	return w.Flush()
}

// line prints the cells of a table's row.
func line(w io.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = cell(c)
	}
	fmt.Fprintln(w, strings.Join(texts, "\t"))
}

func cell(c any) string {
	switch c := c.(type) {
	case time.Time:
		return clock(c)
	case string:
		if c == "" {
			return "-"
		}
		return c
	}
	return fmt.Sprint(c)
}

// clock prints an instant; nothing for none.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// all asks for page after page. page gives its things, and the number to go on after; 0 ends.
func all[T any](page func(after int64) ([]T, int64, error)) (found []T, err error) {
	for after := int64(0); ; {
		things, next, err := page(after)
		if err != nil {
			return nil, err
		}
		if found = append(found, things...); next == 0 {
			return found, nil
		}
		after = next
	}
}

// more tells that there is more than was asked for, and which flag with which place goes on, beside what is printed, so that
// each line of that stays a thing.
func (o *office) more(flag string, place any) {
	fmt.Fprintf(o.err, "there are more: %s %v goes on\n", flag, place)
}

// atMost is how many things a command may print: 1 or more. Its zero value says that nothing was given.
type atMost int

// UnmarshalText refuses what is below 1.
func (n *atMost) UnmarshalText(text []byte) error {
	given, err := strconv.Atoi(string(text))
	if err != nil || given < 1 {
		return fmt.Errorf("%q: must be a number, 1 or more", text)
	}
	*n = atMost(given)
	return nil
}

// pageSize is how much is asked for at once.
const pageSize = 500

// maxSecret bounds what is read as a password or a card number from standard input, in bytes.
const maxSecret = 1024

// fromInput gives a value, or the first line of standard input where the value is "-", so that a secret need not stand
// in the command line.
func fromInput(value string) (string, error) {
	if value != "-" {
		return value, nil
	}
	return lineOf(os.Stdin)
}

// firstLine gives the first line of a file, or of standard input where its name is "-"; nothing without a name.
func firstLine(name string) (string, error) {
	if name == "" || name == "-" {
		return fromInput(name)
	}
	file, err := os.Open(name)
	if err != nil {
		return "", usageError{err}
	}
	defer file.Close()
	return lineOf(file)
}

func lineOf(file io.Reader) (string, error) {
	text, err := bufio.NewReader(io.LimitReader(file, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(text, "\r\n"), nil
}

// minor prints an amount in minor units.
func minor(amount int64, currency adminapi.Currency) string {
	if currency == "" {
		return "-"
	}
	return strconv.FormatInt(amount, 10) + " of " + string(currency)
}

// parseVelocity reads family:window:count:amount, such as load:24h:5:100000. A count or amount of 0 is no bound.
func parseVelocity(texts []string) ([]adminapi.Velocity, error) {
	var rules []adminapi.Velocity
	for _, text := range texts {
		parts := strings.Split(text, ":")
		if len(parts) != 4 {
			return nil, usageError{fmt.Errorf("--velocity %s: must be family:window:count:amount, such as load:24h:5:100000", text)}
		}
		window, err := time.ParseDuration(parts[1])
		if err == nil && window%time.Second != 0 {
			err = errors.New("the window must be whole seconds")
		}
		count, err2 := strconv.ParseInt(parts[2], 10, 64)
		amount, err3 := strconv.ParseInt(parts[3], 10, 64)
		if err := errors.Join(err, err2, err3); err != nil {
			return nil, usageError{fmt.Errorf("--velocity %s: %w", text, err)}
		}
		rules = append(rules, adminapi.Velocity{
			Family: adminapi.Family(parts[0]), WindowSeconds: int64(window / time.Second), MaxCount: count, MaxAmount: adminapi.Minor(amount),
		})
	}
	return rules, nil
}

// velocityText is what parseVelocity reads.
func velocityText(rules []adminapi.Velocity) string {
	texts := make([]string, len(rules))
	for i, v := range rules {
		texts[i] = fmt.Sprintf("%s:%s:%d:%d", v.Family, time.Duration(v.WindowSeconds)*time.Second, v.MaxCount, v.MaxAmount)
	}
	return strings.Join(texts, " ")
}

// put sets what a flag gave, and leaves what it did not give.
func put[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

// named turns texts into the names of the interface.
func named[T ~string](texts []string) []T {
	names := make([]T, len(texts))
	for i, text := range texts {
		names[i] = T(text)
	}
	return names
}
