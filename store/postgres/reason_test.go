package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Whoever cannot connect reads why, once and in one line: what the server said, not that it speaks no TLS either.
func TestWhyThereIsNoConnectionIsOneLine(t *testing.T) {
	there, err := url.Parse(pgtest.Shared(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	there.User, there.RawQuery = url.UserPassword("nobody", "hidden"), ""
	for address, want := range map[string]string{
		there.String(): `"nobody"`, // a role that is not there, or a password that is wrong
		"postgres://scrip:hidden@127.0.0.1:1/none":             "connection refused",
		"postgres://scrip:hidden@127.0.0.1:1,127.0.0.1:2/none": "127.0.0.1:2: connect: connection refused",
	} {
		_, err := Open(t.Context(), address, Options{})
		if err == nil {
			t.Fatalf("%s is opened", address)
		}
		told := err.Error()
		if strings.Count(told, want) != 1 || strings.ContainsAny(told, "\n\t") || strings.Contains(told, "TLS") || strings.Contains(told, "hidden") {
			t.Errorf("%s: got %q, want %q in it once", address, told, want)
		}
		var failed *pgconn.ConnectError
		if !errors.As(err, &failed) {
			t.Errorf("%s: the cause is lost of %q", address, told)
		}
	}
	if other := errors.New("another"); inOneLine(other) != other || inOneLine(nil) != nil {
		t.Error("another error is changed")
	}
	if why := fmt.Sprint(wrap("try", nil)); why != "<nil>" {
		t.Errorf("nothing wrong is told as %s", why)
	}
}
