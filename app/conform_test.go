package app_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/network"
)

// The suite over real HTTP against the whole program, set up over the operators' interface as anybody's server
// would be, on every store.
func TestConformance(t *testing.T) {
	everywhere(t, func(t *testing.T, in newPlace) { judge(t, in(t).settings()) })
}

// judged is a program under the suite, which can also restart it and move its clock.
type judged struct {
	conform.Target
	conform.Setup
	conform.Vendor
	house   *house
	restart func() // restarts what stands in front of the house, too; nil restarts the house alone
	clock   *clock
	t       *testing.T
}

// Wire says that there is a wire to look at.
func (judged) Wire() bool { return true }

func (j judged) Restart(context.Context) error {
	if j.house.settings.Data == "" {
		return conform.Lacks("it keeps nothing")
	}
	j.house.restart(j.t)
	if j.restart != nil {
		j.restart()
	}
	return nil
}

// Begin puts the clock back: what a case has done with it is no other's business, and providers are waited for by the
// computer's.
func (j judged) Begin(ctx context.Context) error {
	j.clock.ahead.Store(0)
	return j.Setup.Begin(ctx)
}

func (j judged) Advance(_ context.Context, by time.Duration) error {
	j.clock.forward(by)
	return nil
}

func judge(t *testing.T, s app.Settings) {
	c := &clock{}
	s.Now, s.Network = c.now, &network.Settings{}
	h := open(t, s)
	judgeAt(t, h, h, c, nil)
	h.booksAreRight(t)
	h.look(t, "/healthz").must(t, http.StatusOK, "")
}

// judgeAt plays the suite at a door, which is the server that it is set up at or leads there.
func judgeAt(t *testing.T, door, server *house, c *clock, restart func()) {
	a := server.account(t, "one", members{"holderLookUps": true, "wrongPerMinute": 0})
	b := server.account(t, "two", members{"holderLookUps": true, "wrongPerMinute": 0})
	target, err := conform.NewHTTPTarget(conform.HTTPTarget{
		BaseURL: door.messages, AdminURL: server.operators, AdminToken: operatorToken, Client: door.client,
		Accounts: [2]conform.Credentials{{Name: a.user, Password: a.password}, {Name: b.user, Password: b.password}},
	})
	if err != nil {
		t.Fatal(err)
	}
	target = judged{
		Target: target, Setup: target.(conform.Setup), Vendor: target.(conform.Vendor), house: server, restart: restart, clock: c, t: t,
	}
	report, err := conform.Run(t.Context(), target, conform.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Name, f)
		}
		if r.Status == conform.Skipped {
			t.Logf("not played: %s: %s", r.Name, r.Reason)
		}
	}
	if played := report.Count(conform.Passed); played < 400 {
		t.Errorf("only %d cases were played", played)
	}
}
