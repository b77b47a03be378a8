package giftcard_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/store/fleet"
	"github.com/scripworks/scrip/store/storetest"
)

// forgetful is an issuer that prunes all that may go before each message. Of messages that come together one does so for all.
type forgetful struct {
	*giftcardtest.Issuer
	pruning sync.Mutex
	pruned  atomic.Int64
}

func (f *forgetful) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	if err := f.forget(ctx); err != nil {
		return conform.Answer{}, err
	}
	return f.Issuer.Do(ctx, m)
}

func (f *forgetful) forget(ctx context.Context) error {
	if !f.pruning.TryLock() {
		return nil
	}
	defer f.pruning.Unlock()
	gone, err := storetest.PruneAll(ctx, f.Store, f.Now().Add(time.Hour))
	f.pruned.Add(int64(gone))
	return err
}

// The rules are the same for what was pruned: the scripts cannot tell, but for the words with which a refusal names
// what it is about.
func TestRuleScriptsWithEverythingPruned(t *testing.T) {
	fleet.Each(t, func(t *testing.T, open fleet.Opener) {
		f := &forgetful{Issuer: giftcardtest.New(t, giftcardtest.Settings{Open: open})}
		conform.Test(t, f, conform.Options{Now: f.Now})
		booksAreRight(t, f.Issuer)
		if f.pruned.Load() == 0 {
			t.Error("nothing was pruned")
		}
		t.Log(f.pruned.Load(), "messages were pruned")
	})
}

// Whatever is sent, and whatever is pruned between: the answers are the model's, which knows of no pruning, and the books
// add up.
func TestPruningChangesNoAnswer(t *testing.T) {
	pruned := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := newPair(t)
		p.open(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"messages": p.sendSome,
			"operator": p.operate,
			"prune": func(rt *rapid.T) {
				gone, err := storetest.PruneAll(t.Context(), p.issuer.Store, p.issuer.Now().Add(time.Duration(rapid.IntRange(-48, 1).Draw(rt, "hours"))*time.Hour))
				if pruned += gone; err != nil {
					rt.Fatal(err)
				}
				booksAreRight(rt, p.issuer)
			},
			"": p.compareCards,
		})
		booksAreRight(rt, p.issuer)
	})
	t.Log(pruned, "messages were pruned")
	if pruned == 0 {
		t.Error("nothing was pruned")
	}
}
