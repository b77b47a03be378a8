package bench

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// readResponse reads one response out of a text.
func readResponse(text string) (answer, bool, error) {
	c := caller{in: bufio.NewReaderSize(strings.NewReader(text), maxHeaderLine)}
	return c.read()
}

func TestReadsResponsesOfEveryFraming(t *testing.T) {
	for _, c := range []struct {
		name, text string
		status     int
		body       string
		reusable   bool
	}{
		{"with a length", "HTTP/1.1 201 Created\r\ncontent-length: 4\r\nLocation: /x\r\n\r\n{} \n", 201, "{} \n", true},
		{"in chunks", "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{\"\r\n1\r\n}\r\n0\r\nTrailer: t\r\n\r\n", 201, `{"}`, true},
		{"until the end", "HTTP/1.1 500 No\r\nConnection: close\r\n\r\nabc", 500, "abc", false},
		{"of HTTP/1.0", "HTTP/1.0 400 Bad Request\r\n\r\nabc", 400, "abc", false},
		{"without a body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
		{"after an interim one", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, "", true},
		{"without a reason", "HTTP/1.1 202\r\nContent-Length: 0\r\n\r\n", 202, "", true},
		{"with bare line ends", "HTTP/1.1 202 Accepted\nContent-Length: 1\n\nx", 202, "x", true},
		{"to be closed", "HTTP/1.1 202 Accepted\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", 202, "x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, reusable, err := readResponse(c.text)
			if err != nil || got.status != c.status || string(got.body) != c.body || reusable != c.reusable {
				t.Errorf("got %d %q, reusable %v, %v", got.status, got.body, reusable, err)
			}
		})
	}
}

func TestRefusesWhatIsNoResponse(t *testing.T) {
	malformed := map[string]string{
		"another protocol":     "SSH-2.0\r\n",
		"HTTP/2":               "HTTP/2 200 OK\r\n\r\n",
		"no status":            "HTTP/1.1 abc\r\n\r\n",
		"a short status":       "HTTP/1.1 20 \r\n\r\n",
		"a long status":        "HTTP/1.1 2011\r\n\r\n",
		"a status below 100":   "HTTP/1.1 099\r\n\r\n",
		"a negative length":    "HTTP/1.1 201 x\r\nContent-Length: -1\r\n\r\n",
		"too great a length":   "HTTP/1.1 201 x\r\nContent-Length: 1048577\r\n\r\n",
		"no length at all":     "HTTP/1.1 201 x\r\n\r\nabc",
		"a line with no colon": "HTTP/1.1 201 x\r\nabc\r\n\r\n",
		"an endless line":      "HTTP/1.1 201 " + strings.Repeat("x", maxHeaderLine),
		"endless headers":      "HTTP/1.1 201 x\r\n" + strings.Repeat("A: b\r\n", maxHeaderLines+1),
		"a chunk of no size":   "HTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"an endless chunk":     "HTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n",
		"a chunk too long":     "HTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
	}
	for name, text := range malformed {
		if got, _, err := readResponse(text); !errors.Is(err, errMalformed) {
			t.Errorf("%s: got %d, %v", name, got.status, err)
		}
	}
	for _, cut := range []string{
		"HTTP/1.1 201 x\r\n", "HTTP/1.1 201 x\r\nContent-Length: 2\r\n\r\n{",
		"HTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{", "HTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
	} {
		if _, _, err := readResponse(cut); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: got %v", cut, err)
		}
	}
}

func FuzzReadResponse(f *testing.F) {
	f.Add("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
	f.Add("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
	f.Add("HTTP/1.0 500 x\r\nConnection: close\r\n\r\nabc")
	f.Fuzz(func(t *testing.T, text string) {
		got, _, err := readResponse(text)
		if err == nil && (got.status < 200 || got.status > 999 || len(got.body) > maxBody) {
			t.Errorf("read %d and %d bytes out of %q", got.status, len(got.body), text)
		}
		if err == nil && len(got.body) > 0 && len(got.body) > len(text) {
			t.Errorf("%d bytes of body from %d", len(got.body), len(text))
		}
	})
}

func TestScansMembers(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"errorType":"FORMAT_ERROR"}`, "FORMAT_ERROR"},
		{"{ \"a\" : \"errorType\",\n \"errorType\" :\t\"X\" }", "X"},
		{`{"errorType":7}`, ""},
		{`{"errorType":"unfinished`, ""},
		{`{"errorType"`, ""},
		{``, ""},
	} {
		if got := scanString([]byte(c.body), "errorType"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.body, got, c.want)
		}
	}
	for _, c := range []struct{ body, want string }{
		{`{"refs":[]}`, "[]"},
		{`{"refs": [{"a":"]"},[1,{"b":"\"]"}]], "c":1}`, `[{"a":"]"},[1,{"b":"\"]"}]]`},
		{`{"refs":null}`, ""},
		{`{"refs":[{"a":1}`, ""},
		{`{"refs":["`, ""},
	} {
		if got := scanArray([]byte(c.body), "refs"); string(got) != c.want {
			t.Errorf("%s: got %q, want %q", c.body, got, c.want)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"refs": [{"a":"]"},[1,{"b":"\"]"}]], "c":1}`))
	f.Add([]byte(`{"refs":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		array := scanArray(body, "refs")
		if len(array) > 0 && (array[0] != '[' || !bytes.Contains(body, array)) {
			t.Errorf("array %q of %q", array, body)
		}
		if text := scanString(body, "refs"); !bytes.Contains(body, []byte(text)) {
			t.Errorf("string %q of %q", text, body)
		}
	})
}
