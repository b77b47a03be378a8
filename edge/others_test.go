package edge

import (
	"context"
	"net/http"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
)

// elsewhere is what another process has set, until somebody looks.
type elsewhere struct {
	set   func()
	looks int
}

func (*elsewhere) Revision() int64 { return 7 }

func (e *elsewhere) Newer(_ context.Context, revision int64) bool {
	e.looks++
	if e.set == nil || revision != 7 {
		return false
	}
	e.set()
	e.set = nil
	return true
}

func TestWhoeverIsKnownElsewhereComesIn(t *testing.T) {
	for name, test := range map[string]struct {
		message *http.Request
		set     func(l *lobby)
	}{
		"an account":    {from("new", "open sesame"), func(l *lobby) { l.people[9] = account(9, "new", "open sesame") }},
		"a password":    {from("till", "open barley"), func(l *lobby) { l.people[1] = account(1, "till", "open barley") }},
		"a certificate": {showing(bare(), certified("till.example")), func(l *lobby) { bind(l.people[1], "till.example") }},
		"a binding":     {showing(from("till", "open sesame"), certified("both.example")), func(l *lobby) { bind(l.people[1], "both.example") }},
		"not suspended": {from("gone", "still right"), func(l *lobby) { l.people[3] = account(3, "gone", "still right") }},
		"a stranger":    {from("nobody", "x"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := &elsewhere{}
			l := newLobby(t, func(s *Settings) { s.Others = e })
			if test.set != nil {
				e.set = func() { test.set(l) }
			}
			_, release, err := l.Admit(test.message, false)
			switch {
			case test.set == nil:
				if causeOf(t, err) != decline.Unauthenticated {
					t.Errorf("a stranger got %v", err)
				}
			case err != nil:
				t.Error(err)
			default:
				release()
			}
			if e.looks != 1 {
				t.Errorf("%d looks, want 1", e.looks)
			}
		})
	}
}

// Who is known costs no look, nor does who is refused for something that nobody has set.
func TestNobodyLooksInVain(t *testing.T) {
	e := &elsewhere{}
	l := newLobby(t, func(s *Settings) { s.Others = e })
	l.people[1].Settings = admin.AccountSettings{RequestsPerSecond: 1}
	for range 3 {
		_, release, err := l.Admit(from("till", "open sesame"), false)
		if err == nil {
			release()
		}
	}
	_, _, _ = l.Admit(saying("Bearer abc"), false)
	if e.looks != 0 {
		t.Errorf("%d looks, want none", e.looks)
	}
}
