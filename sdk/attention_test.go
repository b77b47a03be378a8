package sdk

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scripworks/scrip/relay/relaytest"
	"github.com/scripworks/scrip/txn"
)

// refusing stands in front of an upstream and answers confirmations with a no, once nobody waits for the answer any more.
type refusing struct {
	http.Handler
	refuses  atomic.Bool
	answered chan struct{} // closed when the refusals may come
}

func (r *refusing) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if !r.refuses.Load() || !strings.Contains(q.URL.Path, "/confirmations/") {
		r.Handler.ServeHTTP(w, q)
		return
	}
	<-r.answered
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"errorType":"GENERAL_ERROR","requestType":"REDEMPTION_CONFIRMATION","id":"1","errorMessage":"no"}`)
}

// undelivered gives a till with one confirmation that its upstream has refused afterwards.
func undelivered(t *testing.T) (*shop, *Till, *refusing, *Undelivered) {
	t.Helper()
	s := newShop(t, &relaytest.Hostile{})
	front := &refusing{Handler: s.line.Server, answered: make(chan struct{})}
	front.refuses.Store(true)
	s.line.Server = front
	till, _, err := Open(t.Context(), testSettings(t.TempDir(), s.url))
	must(t, err)
	t.Cleanup(func() { must(t, till.Close()) })
	sale, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	must(t, err)
	must(t, sale.Confirm(t.Context()))
	if q, err := till.Queue(t.Context()); err != nil || q.Depth != 1 || q.Attention != 0 || q.Age(sale.At) > 0 {
		t.Fatalf("got %+v, %v", q, err)
	}
	close(front.answered)
	if err := till.Drain(t.Context()); !errors.Is(err, ErrAttention) {
		t.Fatalf("got %v", err)
	}
	all, err := till.Attention(t.Context())
	must(t, err)
	if len(all) != 1 || all[0].TransactionID != sale.ID || all[0].Operation != OpRedemption || all[0].Amount != sale.Amount ||
		all[0].Decision != "confirmation" || all[0].Why == "" {
		t.Fatalf("got %+v", all)
	}
	return s, till, front, all[0]
}

func TestWhatNeedsAttentionCanBeTriedAgain(t *testing.T) {
	s, till, front, one := undelivered(t)
	front.refuses.Store(false)
	if _, is := errors.AsType[*Invalid](one.Retry(t.Context(), "")); !is {
		t.Error("it was tried again for no reason")
	}
	must(t, one.Retry(t.Context(), "the issuer was mistaken"))
	must(t, till.Drain(t.Context()))
	s.agree(t, till.store.Driver(), map[string]txn.State{one.TransactionID: txn.Confirmed})
}

func TestWhatNeedsAttentionCanBeGivenUp(t *testing.T) {
	_, till, _, one := undelivered(t)
	must(t, one.Close(t.Context(), false, "settled by telephone"))
	must(t, till.Drain(t.Context()))
	if _, is := errors.AsType[*Invalid](one.Retry(t.Context(), "too late")); !is {
		t.Error("what was given up was tried again")
	}
}

// Credentials that are refused stop the queue and lose nothing.
func TestACredentialThatIsRefusedStopsTheQueue(t *testing.T) {
	s := newShop(t, &relaytest.Hostile{})
	till, _, err := Open(t.Context(), testSettings(t.TempDir(), s.url))
	must(t, err)
	defer func() { must(t, till.Close()) }()
	sale, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	must(t, err)
	locked := atomic.Bool{}
	locked.Store(true)
	open := s.line.Server
	s.line.Server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if locked.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		open.ServeHTTP(w, r)
	})
	_, err = till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	if notTaken, is := errors.AsType[*NotTaken](err); !is || notTaken.Cause != Unauthorized {
		t.Errorf("got %v", err)
	}
	must(t, sale.Confirm(t.Context()))
	q, err := till.Queue(t.Context())
	must(t, err)
	if q.Stopped == "" || q.Depth != 1 {
		t.Fatalf("got %+v", q)
	}
	locked.Store(false)
	till.Resume()
	must(t, till.Drain(t.Context()))
	s.agree(t, till.store.Driver(), map[string]txn.State{sale.ID: txn.Confirmed})
}

// With OAuth2 a token is presented in place of a password.
func TestATokenIsPresented(t *testing.T) {
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"`+r.FormValue("grant_type")+`-token","token_type":"Bearer","expires_in":300}`)
	}))
	defer tokens.Close()
	presented := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		presented <- r.Header.Get("Authorization")
		_, _ = io.WriteString(w, "[]")
	}))
	defer upstream.Close()
	for user, token := range map[string]string{"": "Bearer client_credentials-token", "clerk": "Bearer password-token"} {
		s := testSettings(t.TempDir(), upstream.URL)
		s.Upstream.Password = ""
		s.Upstream.OAuth2 = &OAuth2{TokenURL: tokens.URL, ClientID: "till", ClientSecret: "secret", User: user, Password: "secret"}
		till, _, err := Open(t.Context(), s)
		must(t, err)
		_, err = till.Products(t.Context(), "")
		must(t, err)
		if got := <-presented; got != token {
			t.Errorf("presented was %q", got)
		}
		must(t, till.Close())
	}
}
