package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// TestQueueScripts runs the operators' commands against the office of a switch, whose queues are only played: nothing is
// sent anywhere, so that items stay as the script has put them.
func TestQueueScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script/queue", Setup: serveQueue,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": checkExit, "pass": passOn},
	})
}

// playedQueues are those of the upstream north, which does not let the account till in until somebody looks.
type playedQueues struct {
	mu      sync.Mutex
	paused  bool
	stopped []saf.Stop
}

func (q *playedQueues) Queues() []saf.View {
	q.mu.Lock()
	defer q.mu.Unlock()
	return []saf.View{{Upstream: "north", InFlight: 2, Repeats: 3, Breaker: "open", Paused: q.paused, Stopped: q.stopped}}
}

func (q *playedQueues) Pause(_ string, paused bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused = paused
}

func (q *playedQueues) Look(string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = nil
}

type storeKey struct{}

// serveQueue serves the operators' interface on a store in memory, with an account till.
func serveQueue(env *testscript.Env) error {
	keys, err := secret.Generate()
	if err != nil {
		return err
	}
	driver := memstore.New()
	register, err := admin.LoadRegister(context.Background(), driver, adminhttp.Codec{})
	if err != nil {
		return err
	}
	s := store.New(driver, store.Settings{Keys: keys, Unfinished: register.Unfinished})
	queues := &playedQueues{stopped: []saf.Stop{{Account: 1, Since: time.Now(), Why: "answered 401"}}}
	ids := 0
	office := admin.NewOffice(admin.Settings{
		Store: store.Admin(s), Reports: driver, Register: register, Keys: keys, Codec: adminhttp.Codec{}, Airtime: store.Airtime(s),
		Queues: queues, NewID: func() ident.ID { ids++; return ident.ID(fmt.Sprintf("operator-%d", ids)) },
	})
	if _, err := office.Bootstrap(context.Background(), time.Now(), officeToken); err != nil {
		return err
	}
	by := admin.By{Operator: admin.FirstOperator, Role: admin.Admin, World: ident.Production, At: time.Now()}
	if _, err := office.Introduce(context.Background(), by, "till"); err != nil {
		return err
	}
	handler, err := adminhttp.New(adminhttp.Settings{Office: office})
	if err != nil {
		return err
	}
	server := httptest.NewServer(handler)
	env.Defer(func() {
		server.Close()
		if err := s.Close(); err != nil {
			env.T().Log(err)
		}
	})
	env.Values[storeKey{}] = s
	env.Setenv("SCRIP_ADMIN_URL", server.URL)
	env.Setenv("SCRIP_ADMIN_TOKEN", officeToken)
	return nil
}

// pass role state has a load of 500 passed on to north for the account till, and queues the confirmation or the reversal
// that ended it, or a question (request). The request has the id request-N and the advice advice-N, where N is the item's
// number, which is put into the variable ITEM; that of the request is put into REQUEST.
func passOn(s *testscript.TestScript, negated bool, args []string) {
	role, known := map[string]txn.Role{"request": txn.Request, "confirmation": txn.Confirmation, "reversal": txn.Reversal}[args[0]]
	state, parsed := saf.ParseState(args[1])
	if negated || len(args) != 2 || !known || !parsed {
		s.Fatalf("usage: pass request|confirmation|reversal waiting|parked|attention")
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	err := store.Queue(s.Value(storeKey{}).(*store.Store)).Update(context.Background(), saf.Keys{World: ident.Production}, func(tx saf.Tx) error {
		request := txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, Account: 1, Family: txn.Load, Role: txn.Request, State: txn.Working, At: now,
			Amount: 500, Requested: 500, Currency: 710, Upstream: "north",
		}
		item := saf.Item{
			Seq: tx.NextSeq(), Upstream: "north", World: ident.Production, Account: 1, Family: txn.Load, Role: role, Request: request.Seq,
			At: now, Amount: 500, Currency: 710, Body: []byte("payload"), State: state, Attempts: 7, Tried: now, Why: "answered 400 CARD_BLOCKED",
		}
		request.ID = ident.ID(fmt.Sprintf("request-%d", item.Seq))
		item.ID, item.RequestID = request.ID, request.ID
		request.Ended = item.Seq
		if role != txn.Request {
			item.ID = ident.ID(fmt.Sprintf("advice-%d", item.Seq))
			request.State = role.Ending()
			tx.Insert(txn.Message{
				Seq: item.Seq, World: ident.Production, ID: item.ID, Account: 1, Family: txn.Load, Role: role, State: txn.Accepted, At: now,
				Request: request.Seq, Upstream: "north",
			})
		}
		tx.Insert(request)
		tx.AddItem(item)
		s.Setenv("ITEM", fmt.Sprint(item.Seq))
		s.Setenv("REQUEST", fmt.Sprint(request.Seq))
		return nil
	})
	s.Check(err)
}
