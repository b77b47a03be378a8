package app

import (
	"errors"
	"slices"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/keyset"
	"github.com/scripworks/scrip/move"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/sqlite"
)

// SettingError says that a program did not start because of something that it was given: an address, a keyset, a store that is
// not for it. Another start with the same does not mend that, whoever starts it; somebody has to change something first. What
// the database's server, the disk or the network may mend by themselves is none.
type SettingError struct{ Err error }

// Error says what is wrong.
func (e *SettingError) Error() string { return e.Err.Error() }

// Unwrap gives what is wrong.
func (e *SettingError) Unwrap() error { return e.Err }

// lastings are the errors that another start meets again. A server that is set wrongly (postgres.ErrServer), a move that is under
// way and a key that other nodes do not hold yet are none: these are mended elsewhere, and the next start goes well.
var lastings = []error{
	keyset.ErrMissing, keyset.ErrOther, keyset.ErrUnusable,
	postgres.ErrAddress, postgres.ErrForeign, postgres.ErrNewer,
	sqlite.ErrForeign, sqlite.ErrNewer,
	move.ErrMoved, edge.ErrTLSFiles, edge.ErrPlainHTTP,
}

// lasting gives an error that another start meets again as a *SettingError, and any other one as it is.
func lasting(err error) error {
	if slices.ContainsFunc(lastings, func(l error) bool { return errors.Is(err, l) }) {
		return &SettingError{err}
	}
	return err
}

// lastingToken is lasting for what was wrong with the first operator's token.
func lastingToken(err error) error {
	var refusal *admin.Refusal
	if errors.As(err, &refusal) && refusal.Code == admin.Invalid {
		return &SettingError{err}
	}
	return err
}
