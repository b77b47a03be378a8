package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scripworks/scrip/store"
)

func told(code string) *pgconn.PgError {
	return &pgconn.PgError{
		Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: code, Message: `out of range: "5413330089010640"`, Detail: "Key (number)=(5413330089010640)",
	}
}

// Why a batch runs again is told by its kind.
func TestConflictsHaveTheirKinds(t *testing.T) {
	for code, want := range map[string]store.Conflict{"40001": store.Serialization, "40P01": store.Deadlock, "53200": store.LockRoom} {
		var got store.Conflict
		if err := new(conn).judge(told(code)); !errors.As(err, &got) || got != want || !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: got %v", code, err)
		}
	}
}

// An error about a value says nothing of the value, and yet what the server has said is there to be judged.
func TestAnErrorTellsNoValue(t *testing.T) {
	for _, code := range []string{"22003", "22P02", "22021"} {
		err := new(conn).judge(fmt.Errorf("save: %w", told(code)))
		var server *pgconn.PgError
		if !errors.As(err, &server) || server.Code != code {
			t.Errorf("%s: %v is no error of the server's", code, err)
		}
		if text := err.Error(); strings.Contains(text, "5413") || !strings.Contains(text, code) {
			t.Errorf("%s: told as %s", code, text)
		}
	}
}
