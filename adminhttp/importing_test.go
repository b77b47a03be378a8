package adminhttp_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"

	adminapi "github.com/scripworks/scrip/api/admin"
)

const head = "pan,expiry,clear_pin\n"

// row gives the line of the card with a place in a file.
func row(n int) string { return fmt.Sprintf("6002%012d,4010,%04d\n", n, n%10000) }

// file gives a file of cards, made while it is read.
type file struct {
	rows, next int
	rest       string
	row        func(n int) string
	end        error // instead of io.EOF
	heap       uint64
}

func cards(rows int) *file { return &file{rows: rows, rest: head, row: row, end: io.EOF} }

func (f *file) Read(b []byte) (int, error) {
	if f.rest == "" && f.next == f.rows {
		return 0, f.end
	}
	for len(f.rest) < len(b) && f.next < f.rows {
		f.next++
		f.rest += f.row(f.next)
		if f.next%50_000 == 0 {
			f.measure()
		}
	}
	n := copy(b, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// measure keeps the most memory in use.
func (f *file) measure() {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	f.heap = max(f.heap, m.HeapAlloc)
}

// bring sends a file and gives all events of the report.
func (h *house) bring(query string, body io.Reader) ([]adminapi.ImportEvent, error) {
	return h.bringTo("/imports?"+query, body)
}

func (h *house) bringTo(path string, body io.Reader) (events []adminapi.ImportEvent, err error) {
	r, err := http.NewRequestWithContext(h.Context(), "POST", h.url+adminapi.Base+path, body)
	must(h.T, err)
	r.Header.Set("Content-Type", "text/csv")
	r.Header.Set("Authorization", "Bearer "+h.tokens["operator"])
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("%d %s", response.StatusCode, text)
	}
	return events, each(response.Body, func(e adminapi.ImportEvent) { events = append(events, e) })
}

func each(report io.Reader, hear func(adminapi.ImportEvent)) error {
	for decoder := json.NewDecoder(report); ; {
		var e adminapi.ImportEvent
		if err := decoder.Decode(&e); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		hear(e)
	}
}

// ends checks the last event of a report.
func (h *house) ends(events []adminapi.ImportEvent, err error, want string) {
	h.Helper()
	must(h.T, err)
	last := events[len(events)-1]
	got := fmt.Sprintf("%s %d/%d/%d/%d", last.Summary.State, last.Summary.Lines, last.Summary.Added, last.Summary.Present, last.Summary.Rejected)
	if last.Error.Code != "" {
		got = fmt.Sprintf("%s %s", last.Error.Code, last.Error.Field)
	}
	if got != want {
		h.Errorf("the report ends with %s (%s), want %s", got, last.Error.Message, want)
	}
}

// known says whether a card of the file is known.
func (h *house) known(n int) bool {
	h.Helper()
	digits, _, _ := strings.Cut(row(n), ",")
	switch a := h.call("viewer", "POST", "/cards/search", `{"pan":"`+digits+`"}`); a.status {
	case http.StatusOK:
		return true
	case http.StatusNotFound:
		return false
	default:
		h.Fatalf("%d %s", a.status, a.text)
		return false
	}
}

// state gives the state of the import that began last.
func (h *house) state() any {
	h.Helper()
	imports := got(h, "viewer", "/imports")["imports"].([]any)
	if len(imports) == 0 {
		return nil // the sender was faster than the server
	}
	return imports[len(imports)-1].(map[string]any)["state"]
}

func TestImportTwiceInBothModes(t *testing.T) {
	for _, mode := range []string{"all", "skip"} {
		h := build(t)
		events, err := h.bring("mode="+mode, cards(1000))
		h.ends(events, err, "complete 1000/1000/0/0")
		events, err = h.bring("mode="+mode+"&lines=1001", cards(1001))
		h.ends(events, err, "complete 1001/1/1000/0")
		if !h.known(1) || !h.known(1001) {
			t.Error("a card is not known")
		}
	}
}

// A file that ends below its first line was made or cut by mistake. What it would open is not opened.
func TestAFileWithoutLinesIsRefused(t *testing.T) {
	for _, mode := range []string{"all", "skip"} {
		h := build(t)
		h.kiosk()
		for _, end := range []string{"", "\n\r\n"} {
			events, err := h.bring("mode="+mode, strings.NewReader(head+end))
			h.ends(events, err, "INVALID ")
			if h.state() != "abandoned" {
				t.Errorf("the import of no card is %v", h.state())
			}
			events, err = h.stock("mode="+mode, strings.NewReader("serial,pin\n"+end))
			h.ends(events, err, "INVALID ")
		}
		levels := got(h, "viewer", "/vouchers/levels")["levels"].([]any)[0].(map[string]any)
		for _, batch := range levels["batches"].([]any) {
			if state := batch.(map[string]any)["state"]; state != "incomplete" {
				t.Errorf("a batch of no voucher is %v", state)
			}
		}
		events, err := h.bring("mode="+mode, cards(1))
		h.ends(events, err, "complete 1/1/0/0")
	}
}

func TestRejectsAreReportedWithoutNumbers(t *testing.T) {
	h := build(t)
	const bad = "6002000000000002,4010,12x4\n6002000000000003,40,1234\n"
	text := head + row(1) + bad + row(4)
	events, err := h.bring("mode=skip", strings.NewReader(text))
	h.ends(events, err, "complete 4/2/0/2")
	rejects := []adminapi.ImportReject{events[0].Reject, events[1].Reject}
	if rejects[0].Line != 3 || rejects[0].Field != "clear_pin" || rejects[0].PAN != "600200******0002" || rejects[1].Line != 4 || rejects[1].Field != "expiry" {
		t.Errorf("rejects %+v", rejects)
	}
	if said := fmt.Sprint(events); strings.Contains(said, "6002000000000002") || strings.Contains(said, "12x4") {
		t.Error("the report tells the number or the PIN")
	}
	if !h.known(1) || h.known(2) || !h.known(4) {
		t.Error("not just the good cards are known")
	}

	h = build(t)
	events, err = h.bring("mode=all", strings.NewReader(text))
	h.ends(events, err, "abandoned 4/2/0/2")
	if h.known(1) || h.known(4) {
		t.Error("a card of an abandoned import is known")
	}
	events, err = h.bring("mode=all", cards(4)) // the file was mended
	h.ends(events, err, "complete 4/4/0/0")
	if !h.known(1) || !h.known(2) {
		t.Error("a card is not known")
	}
}

func TestImportsThatCannotBe(t *testing.T) {
	h := build(t)
	for query, want := range map[string]string{
		"mode=some": "400", "": "400", "mode=all&currency=7": "400", "mode=all&lines=x": "400",
	} {
		if _, err := h.bring(query, cards(1)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", query, err)
		}
	}
	events, err := h.bring("mode=all", strings.NewReader("6001000000000001,4010\n"))
	h.ends(events, err, "INVALID ")
	events, err = h.bring("mode=all&lines=5", cards(4)) // cut between two lines
	h.ends(events, err, "INVALID lines")
	events, err = h.bring("mode=all", strings.NewReader(head+strings.TrimSuffix(row(1)+row(2), "\n"))) // cut in a line
	h.ends(events, err, "abandoned 2/1/0/1")
	if h.known(1) {
		t.Error("a card of a file that was cut is known")
	}
}

// A sender that breaks off leaves nothing behind in mode all, and what was good in mode skip; neither blocks the
// next import.
func TestABodyThatBreaksOff(t *testing.T) {
	for mode, left := range map[string]bool{"all": false, "skip": true} {
		h := build(t)
		read, write := io.Pipe()
		sent := make(chan error, 1)
		go func() {
			_, err := h.bring("mode="+mode, read)
			sent <- err
		}()
		whole := cards(2000)
		text, err := io.ReadAll(whole)
		must(t, err)
		_, err = write.Write(text)
		must(t, err)
		write.CloseWithError(io.ErrUnexpectedEOF)
		if <-sent == nil {
			t.Error("the sender saw a whole report")
		}
		h.rested()
		if h.state() != "abandoned" || h.known(1) != left {
			t.Errorf("mode %s: import is %s, first card known=%v", mode, h.state(), h.known(1))
		}
		events, err := h.bring("mode="+mode, cards(2000))
		must(t, err)
		if last := events[len(events)-1].Summary; last.State != adminapi.ImportStateComplete || !h.known(2000) {
			t.Errorf("mode %s: the next import came to %+v", mode, last)
		}
	}
}

// rested asks until the server has noticed that the sender is gone.
func (h *house) rested() {
	h.Helper()
	for h.state() == nil || h.state() == "running" {
		must(h.T, h.Context().Err())
	}
}

// The report comes while the file still goes: a sender may wait for it after each batch.
func TestTheReportComesWhileTheFileGoes(t *testing.T) {
	h := build(t)
	read, write := io.Pipe()
	progress := make(chan adminapi.ImportEvent)
	go func() {
		defer close(progress)
		r, err := http.NewRequestWithContext(t.Context(), "POST", h.url+adminapi.Base+"/imports?mode=skip", read)
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Content-Type", "text/csv")
		r.Header.Set("Authorization", "Bearer "+h.tokens["operator"])
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		if err := each(bufio.NewReader(response.Body), func(e adminapi.ImportEvent) { progress <- e }); err != nil {
			t.Error(err)
		}
	}()
	out := bufio.NewWriter(write)
	fmt.Fprint(out, head)
	for n := 1; n <= 3*400; n++ {
		fmt.Fprint(out, row(n))
		if n%400 != 0 {
			continue
		}
		must(t, out.Flush())
		if e := <-progress; e.Progress.Lines != int64(n) {
			t.Errorf("after %d lines the report says %+v", n, e)
		}
		if !h.known(n) {
			t.Errorf("card %d is not known yet", n)
		}
	}
	if _, err := h.bring("mode=skip", cards(1)); err == nil || !strings.HasPrefix(err.Error(), "503") {
		t.Errorf("a second import at the same time: %v", err)
	}
	must(t, write.Close())
	for e := range progress {
		if e.Summary.State != "" && (e.Summary.State != "complete" || e.Summary.Added != 1200) {
			t.Errorf("summary %+v", e.Summary)
		}
	}
}

// The second time nothing has to be kept, so all memory in use beyond the start is the import's own.
func TestALargeImportTakesLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a large import takes seconds")
	}
	h := build(t)
	const rows = 100_000
	events, err := h.bring("mode=all", cards(rows))
	h.ends(events, err, fmt.Sprintf("complete %d/%d/0/0", rows, rows))
	const bound = 8 << 20
	grown := int64(math.MaxInt64)
	for range 3 { // other work on the machine may swell one of them, but lines that are kept swell them all
		grown = min(grown, h.importAgain(rows))
	}
	t.Logf("importing %d lines again took %d bytes", rows, grown)
	if grown > bound {
		t.Errorf("importing %d lines again took %d bytes, want at most %d", rows, grown, bound)
	}
}

// importAgain imports cards that are there already, and gives by how much the heap grew meanwhile.
func (h *house) importAgain(rows int) int64 {
	h.Helper()
	before, again := cards(0), cards(rows)
	before.measure()
	events, err := h.bring(fmt.Sprintf("mode=all&lines=%d", rows), again)
	h.ends(events, err, fmt.Sprintf("complete %d/0/%d/0", rows, rows))
	again.measure()
	return int64(again.heap) - int64(before.heap)
}
