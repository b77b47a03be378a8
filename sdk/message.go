package sdk

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// MaxReference bounds the program's own reference of a request, in characters.
const MaxReference = 64

// checkReference refuses what would not come back as it was given.
func checkReference(reference string) error {
	if utf8.RuneCountInString(reference) > MaxReference || !utf8.ValidString(reference) {
		return &Invalid{"Reference", fmt.Sprintf("must have at most %d characters", MaxReference)}
	}
	return nil
}

// references are what a request carries of ours: the program's own reference, or else the id in its place.
func (t *Till) references(id ident.ID, reference string) []ident.Reference {
	if reference == "" {
		reference = string(id)
	}
	return []ident.Reference{{Institution: t.settings.Identity.Institution.ID, Identifier: reference}}
}

// newID makes a message id. The relay's record has all that were used before, and refuses one of them.
func (t *Till) newID() ident.ID {
	if t.settings.newID != nil {
		return t.settings.newID()
	}
	return secret.NewID()
}

// cannotBeSaid tells that no message can carry a reference. Answers are not judged, and may have such ones.
func cannotBeSaid(r ident.Reference) bool {
	return r.Institution == "" || strings.Contains(r.Institution+r.Identifier, "\x00")
}

func (t *Till) transaction(id ident.ID, f txn.Family, at time.Time, reference string, came []ident.Reference) Transaction {
	came = slices.DeleteFunc(slices.Clone(came), cannotBeSaid)
	if len(came) == 0 {
		came = t.references(id, reference)
	}
	return Transaction{
		ID: string(id), Operation: Operation(f.String()), At: at, Reference: reference, till: t, family: f, references: came,
	}
}
