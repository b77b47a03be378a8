package plain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const pan = "6001000000000001"

// seeded opens a store with one card that has 1,000.
func seeded(t *testing.T, name string) Store {
	t.Helper()
	store, err := Open(t.Context(), name, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Seed(t.Context(), []string{pan}, 1000); err != nil {
		t.Fatal(err)
	}
	return store
}

// onEach runs a test on each kind of store.
func onEach(t *testing.T, test func(*testing.T, Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, seeded(t, filepath.Join(t.TempDir(), "plain.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, seeded(t, database(t))) })
}

func redeem(t *testing.T, store Store, id string, amountMinor int64) (int64, error) {
	t.Helper()
	return store.Redeem(t.Context(), Redemption{ID: id, PAN: pan, Merchant: "m", AmountMinor: amountMinor, Received: time.Now()})
}

func TestRedeemsOnceWhatIsThere(t *testing.T) {
	onEach(t, func(t *testing.T, store Store) {
		for _, step := range []struct {
			id     string
			amount int64
			left   int64
			err    error
		}{
			{"a", 600, 400, nil},
			{"a", 100, 0, ErrDuplicate},
			{"b", 401, 0, ErrRefused},
			{"b", 400, 0, nil}, // a refusal left nothing behind, not even its id; the duplicate took nothing
		} {
			left, err := redeem(t, store, step.id, step.amount)
			if !errors.Is(err, step.err) || err == nil && left != step.left {
				t.Errorf("%+v: left %d, %v", step, left, err)
			}
		}
		if _, err := store.Redeem(t.Context(), Redemption{ID: "c", PAN: "1", AmountMinor: 1}); !errors.Is(err, ErrRefused) {
			t.Errorf("a card that there is not: %v", err)
		}
	})
}

func TestNothingIsSpentTwiceByManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, store Store) {
		var approved atomic.Int64
		var wait sync.WaitGroup
		for worker := range 8 {
			wait.Go(func() {
				for i := range 20 {
					switch _, err := redeem(t, store, fmt.Sprintf("%d-%d", worker%4, i), 20); {
					case err == nil:
						approved.Add(1)
					case !errors.Is(err, ErrDuplicate) && !errors.Is(err, ErrRefused):
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if got := approved.Load(); got != 50 { // 80 different ids, but 1,000 pay for 50
			t.Errorf("%d were approved", got)
		}
	})
}

func TestSeedingAgainFillsTheCards(t *testing.T) {
	onEach(t, func(t *testing.T, store Store) {
		if _, err := redeem(t, store, "a", 1000); err != nil {
			t.Fatal(err)
		}
		if err := store.Seed(t.Context(), []string{pan}, 500); err != nil {
			t.Fatal(err)
		}
		if left, err := redeem(t, store, "b", 100); err != nil || left != 400 {
			t.Errorf("%d, %v", left, err)
		}
	})
}

func message(id string, amountMinor int) string {
	return fmt.Sprintf(`{"id":%q,"amounts":{"requestAmount":{"amount":%d,"currency":"710"}},"card":{"pan":%q}}`, id, amountMinor, pan)
}

func TestAnswersWhatBecameOfAMessage(t *testing.T) {
	handler := NewHandler(seeded(t, filepath.Join(t.TempDir(), "plain.db")), 1500)
	for _, c := range []struct {
		body   string
		status int
		says   string
	}{
		{message("a", 600), http.StatusCreated, `"availableBalance":{"amount":400,`},
		{message("a", 100), http.StatusBadRequest, "not new"},
		{message("b", 600), http.StatusBadRequest, "not enough"},
		{message("c", -1), http.StatusBadRequest, "not a redemption"},
		{`{"id":"d"}`, http.StatusBadRequest, "not a redemption"},
		{`{`, http.StatusBadRequest, "not a redemption"},
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("POST", "/giftcard/v3/redemptions/a", strings.NewReader(c.body)))
		if recorder.Code != c.status || !strings.Contains(recorder.Body.String(), c.says) {
			t.Errorf("%s: %d %s", c.body, recorder.Code, recorder.Body)
		}
		if c.status == http.StatusCreated && recorder.Body.Len() != 1500 {
			t.Errorf("%d bytes", recorder.Body.Len())
		}
	}
}

// broken is a store that cannot tell.
type broken struct{ Store }

func (broken) Redeem(context.Context, Redemption) (int64, error) { return 0, errors.New("gone") }

func TestAnUnknownOutcomeIsNoRefusal(t *testing.T) {
	recorder := httptest.NewRecorder()
	NewHandler(broken{}, 0).ServeHTTP(recorder, httptest.NewRequest("POST", "/", strings.NewReader(message("a", 1))))
	if recorder.Code != http.StatusInternalServerError {
		t.Errorf("status %d", recorder.Code)
	}
}

func TestServesUntilTheContextEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, listener, broken{}, 0) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/readyz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("got %v, %v", response, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
