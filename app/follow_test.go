package app

import (
	"context"
	"testing"
	"time"

	"github.com/scripworks/scrip/store"
)

// asked tells of each look at the revision of what operators have set.
type asked struct {
	store.Driver
	looks chan struct{}
}

func (a asked) Revision(ctx context.Context) (int64, error) {
	select {
	case a.looks <- struct{}{}:
	default:
	}
	return a.Driver.Revision(ctx)
}

// While what is in hand is finished, an import may be, too: what a process says of it to others goes on.
func TestOtherNodesAreFollowedWhileStopping(t *testing.T) {
	looks := make(chan struct{})
	a, err := New(t.Context(), Settings{
		Listen: "127.0.0.1:0", driver: func(d store.Driver) store.Driver { return asked{d, looks} },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	a.sweeping() // as Stop does, before what is in hand has ended
	for range 3 {
		select {
		case <-looks:
		case <-time.After(10 * followEvery):
			t.Fatal("nobody looks any more")
		}
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}
