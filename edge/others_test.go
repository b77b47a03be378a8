package edge

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
)

// elsewhere is what another process has set, until somebody looks.
type elsewhere struct {
	set      func()
	revision int64
	looks    int
}

func (e *elsewhere) Revision() int64 { return e.revision }

func (e *elsewhere) Newer(_ context.Context, revision int64) bool {
	if e.revision == revision {
		e.looks++
		e.follow()
	}
	return e.revision != revision
}

// follow takes up what was set.
func (e *elsewhere) follow() {
	if e.set != nil {
		e.set()
		e.set = nil
		e.revision++
	}
}

// knownElsewhere are messages of who comes in as soon as something is known that another process has set.
var knownElsewhere = map[string]struct {
	message *http.Request
	set     func(l *lobby)
}{
	"an account":    {from("new", "open sesame"), func(l *lobby) { l.people[9] = account(9, "new", "open sesame") }},
	"a password":    {from("till", "open barley"), func(l *lobby) { l.people[1] = account(1, "till", "open barley") }},
	"a certificate": {showing(bare(), certified("till.example")), func(l *lobby) { bind(l.people[1], "till.example") }},
	"a binding":     {showing(from("till", "open sesame"), certified("both.example")), func(l *lobby) { bind(l.people[1], "both.example") }},
	"not suspended": {from("gone", "still right"), func(l *lobby) { l.people[3] = account(3, "gone", "still right") }},
}

func TestWhoeverIsKnownElsewhereComesIn(t *testing.T) {
	for name, test := range knownElsewhere {
		t.Run(name, func(t *testing.T) {
			e := &elsewhere{revision: 7}
			l := newLobby(t, func(s *Settings) { s.Others = e })
			e.set = func() { test.set(l) }
			if cause := l.admit(t, test.message); cause != 0 || e.looks != 1 {
				t.Errorf("turned away for %v after %d looks, want to come in after one", cause, e.looks)
			}
		})
	}
}

// judged are accounts of which something becomes known as soon as somebody was not found among them, or was suspended.
type judged struct {
	Accounts
	then func()
}

func (j judged) AccountByName(w ident.World, name string) (*admin.Account, bool) {
	defer j.then()
	return j.Accounts.AccountByName(w, name)
}

func (j judged) AccountByCertificate(w ident.World, c admin.Certificate) (*admin.Account, bool) {
	defer j.then()
	return j.Accounts.AccountByCertificate(w, c)
}

// What becomes known while a message is judged counts, too, and nobody has to look for it again.
func TestWhatBecomesKnownMeanwhileCounts(t *testing.T) {
	for name, test := range knownElsewhere {
		t.Run(name, func(t *testing.T) {
			e := &elsewhere{revision: 7}
			l := newLobby(t, func(s *Settings) { s.Others, s.Accounts = e, judged{s.Accounts, e.follow} })
			e.set = func() { test.set(l) }
			if cause := l.admit(t, test.message); cause != 0 || e.looks != 0 {
				t.Errorf("turned away for %v after %d looks, want to come in without one", cause, e.looks)
			}
		})
	}
}

func TestWhoeverIsNotKnownHasSomebodyLook(t *testing.T) {
	for name, message := range map[string]*http.Request{
		"a name":        from("nobody", "x"),
		"a password":    from("till", "wrong"),
		"a certificate": showing(bare(), certified("stranger.example")),
	} {
		t.Run(name, func(t *testing.T) {
			e := &elsewhere{}
			l := newLobby(t, func(s *Settings) { s.Others = e })
			if cause := l.admit(t, message); cause != decline.Unauthenticated || e.looks != 1 {
				t.Errorf("turned away for %v after %d looks, want unauthenticated after one", cause, e.looks)
			}
		})
	}
}

// Who is known costs no look, nor does who is refused for something that nobody has set.
func TestNobodyLooksInVain(t *testing.T) {
	past := certified("till.example")
	past.NotAfter = noon.Add(-time.Second)
	for name, test := range map[string]struct {
		message *http.Request
		want    decline.Cause
	}{
		"known":                 {from("till", "open sesame"), 0},
		"too fast":              {from("fast", "open sesame"), decline.RateLimited},
		"nothing given":         {bare(), decline.Unauthenticated},
		"another scheme":        {saying("Bearer abc"), decline.Unauthenticated},
		"past its time":         {showing(bare(), past), decline.Unauthenticated},
		"past its time, a pair": {showing(from("till", "open sesame"), past), decline.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			e := &elsewhere{}
			l := newLobby(t, func(s *Settings) { s.Others = e })
			l.people[4] = account(4, "fast", "open sesame")
			l.people[4].Settings = admin.AccountSettings{RequestsPerSecond: 1}
			l.admit(t, from("fast", "open sesame"))
			if cause := l.admit(t, test.message); cause != test.want || e.looks != 0 {
				t.Errorf("turned away for %v after %d looks, want %v after none", cause, e.looks, test.want)
			}
		})
	}
}

// Who finds too many before him is not judged at all, so that nobody need be asked about him: he is to come again.
func TestAFloodHasNobodyLook(t *testing.T) {
	e := &elsewhere{}
	l := newLobby(t, func(s *Settings) { s.Others = e })
	l.queue.waiting = maxVerifying
	if cause := l.admit(t, from("nobody", "x")); cause != decline.Overloaded || e.looks != 0 {
		t.Errorf("turned away for %v after %d looks, want overloaded after none", cause, e.looks)
	}
}
