package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// unconnected is an error that says in one line why no connection could be made. It holds no password.
type unconnected struct {
	error
	line string
}

// Error gives the line.
func (u *unconnected) Error() string { return u.line }

func (u *unconnected) Unwrap() error { return u.error }

// inOneLine has an error say in one line, and no more often than needed, why no connection could be made. One with another cause it
// leaves as it is.
func inOneLine(err error) error {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return err
	}
	why := fmt.Sprintf("as %s to database %s: %s", failed.Config.User, failed.Config.Database, strings.Join(attempts(failed), "; "))
	return &unconnected{err, strings.ReplaceAll(strings.Replace(err.Error(), failed.Error(), why, 1), "\n", "; ")}
}

// attempts tells why each attempt failed, each once. An address is tried with TLS and without, unless we are told what to do: what
// the server answers says more than that it speaks no TLS.
func attempts(failed *pgconn.ConnectError) (whys []string) {
	each := []error{failed.Unwrap()}
	if several, ok := failed.Unwrap().(interface{ Unwrap() []error }); ok {
		each = several.Unwrap()
	}
	answered := map[string]bool{}
	for _, e := range each {
		answered[addressOf(e)] = answered[addressOf(e)] || isAnswer(e)
	}
	for _, e := range each {
		if why := e.Error(); isAnswer(e) == answered[addressOf(e)] && !slices.Contains(whys, why) {
			whys = append(whys, why)
		}
	}
	return whys
}

// isAnswer says whether the server itself has said why.
func isAnswer(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer)
}

// addressOf gives the address that an attempt was made at, with which its error begins; empty when there was none.
func addressOf(err error) string {
	address, _, found := strings.Cut(err.Error(), "): ")
	if !found {
		return ""
	}
	return address
}
