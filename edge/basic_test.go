package edge

import (
	"net/http"
	"testing"
)

// Whatever readBasic takes, net/http reads the same from it; what it refuses gives nothing away.
func FuzzBasic(f *testing.F) {
	for _, seed := range []string{
		"", "Basic", "Basic ", "basic " + encoded("u:p"), "Basic " + encoded("u:p:q"), "Basic  " + encoded(":"),
		"Basic " + encoded("no colon"), "Basic " + encoded("\xff:\x00"), "Bearer token", "Basic dTpw\r\n", "Basic dTp",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, err := readBasic(http.Header{"Authorization": {line}})
		if !got.given {
			t.Fatal("a header was not seen")
		}
		if err != nil {
			if got.user != "" || got.password != "" || err != errBasic {
				t.Fatalf("a refusal gives away %q", err)
			}
			return
		}
		user, password, ok := (&http.Request{Header: http.Header{"Authorization": {trimmed(line)}}}).BasicAuth()
		if !ok || user != got.user || password != got.password {
			t.Fatalf("%q: net/http reads it otherwise", line)
		}
	})
}

// trimmed takes away the spaces around the encoded part, of which RFC 7235 allows several and net/http one.
func trimmed(line string) string {
	const scheme = len("Basic ")
	end := len(line)
	for end > scheme && line[end-1] == ' ' {
		end--
	}
	start := scheme
	for start < end && line[start] == ' ' {
		start++
	}
	return line[:scheme] + line[start:end]
}
