package admin

import (
	"time"

	"github.com/scripworks/scrip/ident"
)

// Operator is who may use the operators' interface. It rests with the digest of its token only.
type Operator struct {
	Number  int32
	World   ident.World
	Name    string
	Role    Role
	Token   [32]byte // digest, as package secret makes it
	Created time.Time
	Revoked time.Time // zero while the token counts
}

// FirstOperator is the name of the operator that is made on an empty store.
const FirstOperator = "first"

func (o *Operator) facts() Facts {
	if o == nil {
		return nil
	}
	f := Facts{"role": o.Role.String()}
	if !o.Revoked.IsZero() {
		f["revoked"] = instant(o.Revoked)
	}
	return f
}

func (o *Operator) subject() string { return "operator/" + o.Name }
