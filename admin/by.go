package admin

import (
	"time"

	"github.com/scripworks/scrip/ident"
)

// By is who acts, when, where and why.
type By struct {
	Operator string
	Role     Role
	World    ident.World
	At       time.Time
	Reason   string // as given; required for acts upon something that exists
}

// MaxReason bounds a reason, in bytes.
const MaxReason = 800

// may refuses what the role may not.
func (b By) may(a Act) error {
	if b.Role < Needs(a) {
		return refuse(Forbidden, "the role %s may not do this; it takes %s", b.Role, Needs(a))
	}
	if len(b.Reason) > MaxReason {
		return invalid("reason", "must have at most %d bytes", MaxReason)
	}
	return nil
}

// mayWithReason refuses what the role may not, and an act without a reason.
func (b By) mayWithReason(a Act) error {
	if err := b.may(a); err != nil {
		return err
	}
	if b.Reason == "" {
		return invalid("reason", "must be given")
	}
	return nil
}
