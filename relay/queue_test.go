package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

var (
	errReset    = errors.New("connection reset")
	errNo       = decline.New(decline.InvalidAmount, "")
	errTurned   = &decline.NotTaken{Cause: decline.Unauthenticated, Text: "401"}
	errNoSecret = &decline.NotTaken{Cause: decline.NoCredential, Text: "none"}
)

// rig is a queue over a store in memory and an upstream that does what a test says. It runs in a bubble of fake time.
type rig struct {
	*testing.T
	*queue
	driver *memstore.Driver
	base   *store.Store
	saf    saf.Store
	keys   *secret.Keys
	leases Leases // nil: the queue is alone
	seq    int64

	mu       sync.Mutex
	answer   func(i saf.Item) error // what the upstream says
	takes    time.Duration          // to say it
	sends    map[int64]int
	bodies   map[int64][]byte
	inFlight int
	most     int // of inFlight at once
	refusals []saf.Item
}

// inBubble runs a test with a queue that has not been started.
func inBubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer func() {
			r.queue.close(context.Background())
			if err := r.base.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, r)
	})
}

func newRig(t *testing.T) *rig {
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, driver: memstore.New(), keys: keys, sends: map[int64]int{}, bodies: map[int64][]byte{}}
	r.answer = func(saf.Item) error { return nil }
	r.base = store.New(r.driver, store.Settings{Keys: keys})
	r.saf = store.Queue(r.base)
	r.renew(saf.Pace{})
	return r
}

// renew makes the queue anew, as a process does that starts.
func (r *rig) renew(p saf.Pace) {
	r.queue = newQueue(queueSettings{
		upstream: "up", pace: p, store: r.saf, reports: r.driver, keys: r.keys, now: time.Now, log: slog.New(slog.DiscardHandler),
		lane: func(a ident.Account) string { return fmt.Sprint(a) },
		send: r.send, leases: r.leases, adviceWait: DefaultAdviceWait,
		refused: func(i saf.Item, _ *decline.Error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.refusals = append(r.refusals, i)
		},
	})
}

// send is the upstream.
func (r *rig) send(ctx context.Context, i saf.Item, body txn.Wire) (*txn.Answer, error) {
	r.mu.Lock()
	r.sends[i.Seq]++
	r.bodies[i.Seq] = body
	r.inFlight++
	r.most = max(r.most, r.inFlight)
	answer, takes := r.answer, r.takes
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.inFlight--
	}()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := answer(i); err != nil {
		return nil, err
	}
	return &txn.Answer{Status: 202, Body: body}, nil
}

// say sets what the upstream says from now on.
func (r *rig) say(answer func(i saf.Item) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// dawdle sets how long the upstream takes from now on.
func (r *rig) dawdle(takes time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takes = takes
}

// sent gives how often an item was sent.
func (r *rig) sent(seq int64) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sends[seq]
}

// messages gives how many items were sent at all.
func (r *rig) messages() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sends)
}

// total gives how often anything was sent.
func (r *rig) total() (sends int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.sends {
		sends += n
	}
	return sends
}

// recount forgets what was sent so far.
func (r *rig) recount() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most, r.sends = 0, map[int64]int{}
}

// together gives how many were being sent at once at most.
func (r *rig) together() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most
}

func always(err error) func(saf.Item) error { return func(saf.Item) error { return err } }

// commit commits items of an account, each of a request of its own.
func (r *rig) commit(n int, account ident.Account) []saf.Item {
	r.Helper()
	items := make([]saf.Item, n)
	for at := range items {
		r.seq++
		body, err := r.keys.SealBody(bodyOf(r.seq))
		if err != nil {
			r.Fatal(err)
		}
		items[at] = saf.Item{
			Seq: r.seq, Upstream: "up", World: ident.Production, Account: account, Family: txn.Redemption, Role: txn.Reversal,
			ID: ident.ID(fmt.Sprintf("a%d", r.seq)), Request: 1_000_000 + r.seq, RequestID: ident.ID(fmt.Sprintf("r%d", r.seq)),
			At: time.Now().Truncate(time.Millisecond), Amount: 100, Currency: 710, Body: body, State: saf.Waiting,
		}
	}
	r.update(func(tx saf.Tx) {
		for _, i := range items {
			tx.AddItem(i)
		}
	})
	return items
}

func bodyOf(seq int64) []byte { return fmt.Appendf(nil, `{"id":"a%d"}`, seq) }

func (r *rig) update(act func(tx saf.Tx)) {
	r.Helper()
	err := r.saf.Update(context.Background(), saf.Keys{World: ident.Production}, func(tx saf.Tx) error { act(tx); return nil })
	if err != nil {
		r.Fatal(err)
	}
}

// rows gives what the store holds in a state, once all is saved that is on its way there.
func (r *rig) rows(state saf.State) []saf.Item {
	r.Helper()
	time.Sleep(time.Second)
	synctest.Wait()
	items, err := r.driver.Items(context.Background(), "up", []saf.State{state}, 0, 1<<20)
	if err != nil {
		r.Fatal(err)
	}
	return items
}

// holds checks how many rows the store holds in each state.
func (r *rig) holds(waiting, parked, attention int) {
	r.Helper()
	for at, want := range []int{waiting, parked, attention} {
		state := saf.Waiting + saf.State(at)
		if got := len(r.rows(state)); got != want {
			r.Errorf("%d items are %s, want %d", got, state, want)
		}
	}
}

// soon gives a context that ends when an advice's sender hears 202.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestWhoWaitsGetsTheAnswerAsItCame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		synctest.Wait()
		i := r.commit(1, 1)[0]
		r.dawdle(time.Second)
		answer, err, final := r.offer(i, []byte("as it came")).await(soon(t))
		if err != nil || !final || string(answer.Body) != "as it came" {
			t.Errorf("they get %v, %v, %t", answer, err, final)
		}
		r.holds(0, 0, 0)
		if r.sent(i.Seq) != 1 {
			t.Errorf("it was sent %d times", r.sent(i.Seq))
		}
	})
}

func TestA404ToAReversalIsAnAnswerAndItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		synctest.Wait()
		unlocated := decline.New(decline.UnableToLocateRecord, "")
		r.say(always(unlocated))
		o := r.offer(r.commit(1, 1)[0], nil)
		if _, err, final := o.await(soon(t)); err != unlocated || !final {
			t.Errorf("they get %v, %t", err, final)
		}
		o.recorded(nil) // there is nothing to record, and no harm in it
		r.holds(0, 0, 0)
	})
}

func TestWhatNobodyWaitsForGoesOutAsItRests(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		good := r.commit(1, 1)[0]
		bad, question := good, good
		bad.Seq, bad.Body = 2, []byte("not sealed by anybody")
		question.Seq, question.Role, question.Body = 50, txn.Request, nil
		r.update(func(tx saf.Tx) {
			tx.AddItem(bad)
			tx.AddItem(question)
		})
		r.start()
		r.holds(0, 0, 1)
		if !bytes.Equal(r.bodies[1], bodyOf(1)) {
			t.Errorf("%s was sent", r.bodies[1])
		}
		if body, asked := r.bodies[50]; !asked || body != nil {
			t.Errorf("the question went out as %q, %t", body, asked)
		}
		if bad = r.rows(saf.Attention)[0]; bad.Seq != 2 || bad.Why == "" || r.sent(2) != 0 {
			t.Errorf("what cannot be opened is %+v", bad)
		}
	})
}

func TestARefusalInTimeIsForWhoWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		synctest.Wait()
		r.say(always(errNo))
		i := r.commit(1, 1)[0]
		o := r.offer(i, nil)
		if _, err, final := o.await(soon(t)); err != errNo || !final {
			t.Fatalf("they get %v, %t", err, final)
		}
		r.holds(1, 0, 0) // it is theirs
		r.look()
		r.holds(1, 0, 0) // also when the store is read again
		r.update(func(tx saf.Tx) { tx.DropItem(i.Seq) })
		o.recorded(nil)
		r.holds(0, 0, 0)
		if err := r.drain(soon(t)); err != nil || len(r.refusals) != 0 || r.sent(i.Seq) != 1 {
			t.Errorf("%v, %d refusals are told of, %d sends", err, len(r.refusals), r.sent(i.Seq))
		}
	})
}

func TestARefusalThatCannotBeRecordedNeedsAttention(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		synctest.Wait()
		r.say(always(errNo))
		o := r.offer(r.commit(1, 1)[0], nil)
		o.await(soon(t))
		o.recorded(errors.New("the disk is full"))
		r.holds(0, 0, 1)
		if len(r.refusals) != 1 {
			t.Errorf("%d refusals are told of", len(r.refusals))
		}
	})
}

func TestALateRefusalNeedsAttention(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		synctest.Wait()
		r.say(always(errNo))
		r.dawdle(10 * time.Second)
		if answer, err, final := r.offer(r.commit(1, 1)[0], nil).await(soon(t)); answer != nil || err != nil || final {
			t.Errorf("they get %v, %v, %t", answer, err, final)
		}
		time.Sleep(10 * time.Second)
		r.holds(0, 0, 1)
		if got := r.rows(saf.Attention)[0]; got.Attempts != 1 || got.Tried.IsZero() || got.Why != "refused: INVALID_AMOUNT" {
			t.Errorf("it is %+v", got)
		}
		if len(r.refusals) != 1 {
			t.Errorf("%d refusals are told of", len(r.refusals))
		}
	})
}

// TestARefusalIsDealtWithOnce has the senders leave at the very moment of the answer.
func TestARefusalIsDealtWithOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		synctest.Wait()
		r.say(always(errNo))
		r.dawdle(time.Second)
		var theirs, left int
		var mu sync.Mutex
		var waiting sync.WaitGroup
		for n, i := range r.commit(400, 1) {
			o := r.offer(i, nil)
			waiting.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+n/16)*time.Second)
				defer cancel()
				_, _, final := o.await(ctx)
				if final {
					r.update(func(tx saf.Tx) { tx.DropItem(i.Seq) })
					o.recorded(nil)
				}
				mu.Lock()
				defer mu.Unlock()
				if final {
					theirs++
				} else {
					left++
				}
			})
			if n%16 == 15 {
				synctest.Wait() // a window of them is sent
			}
		}
		waiting.Wait()
		time.Sleep(time.Minute)
		r.holds(0, 0, left)
		if len(r.refusals) != left || r.messages() != 400 {
			t.Errorf("%d refusals are told of, want %d; %d were sent", len(r.refusals), left, r.messages())
		}
		if theirs == 0 || left == 0 {
			t.Errorf("%d of them waited long enough, %d did not: that tries nothing", theirs, left)
		}
	})
}

func TestADeadUpstreamIsProbedOneMessageAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const many = 5000
		r.say(always(errReset))
		r.dawdle(time.Second)
		r.commit(many, 1)
		r.start()
		time.Sleep(10 * time.Second)
		r.recount()
		time.Sleep(10 * time.Minute)
		v, total := r.view(), r.total()
		if v.Breaker == "closed" || r.together() != 1 || total < 18 || total > 45 {
			t.Errorf("%+v, %d probes at once, %d probes", v, r.together(), total)
		}
		if head := r.sent(1); head < total/2 || r.messages() > 1+total/2 {
			t.Errorf("of %d probes %d are the head, and %d messages take part", total, head, r.messages())
		}
		late := r.offer(r.commit(1, 1)[0], nil)
		if _, _, final := late.await(t.Context()); final {
			t.Error("one that comes now is answered for good")
		}
		if head := r.rows(saf.Waiting)[0]; head.Attempts < 10 || head.Why != "connection reset" {
			t.Errorf("the head is seen as %+v", head)
		}
		r.say(always(nil))
		if err := r.drain(t.Context()); err != nil || r.together() != saf.DefaultWindow {
			t.Errorf("%v; %d are sent at once", err, r.together())
		}
		r.holds(0, 0, 0)
	})
}

// poison has one item alone in the queue that the upstream cannot answer, at a time when nothing else comes, until the
// breaker has been open for a while.
func (r *rig) poison() saf.Item {
	bad := r.commit(1, 1)[0]
	r.say(func(i saf.Item) error {
		if i.Seq == bad.Seq {
			return errReset
		}
		return nil
	})
	r.start()
	synctest.Wait()
	r.offer(bad, nil)
	time.Sleep(10 * time.Minute)
	if r.view().Breaker == "closed" {
		r.Fatal("the breaker has not opened")
	}
	return bad
}

// isParkedAlone checks that an item is parked, and that all the others are answered as if it were not there.
func (r *rig) isParkedAlone(bad saf.Item) {
	r.Helper()
	r.holds(0, 1, 0)
	for range 100 {
		pass, err := r.admit()
		if err != nil {
			r.Fatalf("a request hears %v", err)
		}
		pass.told(nil)
		if _, _, final := r.offer(r.commit(1, 1)[0], nil).await(soon(r.T)); !final {
			r.Fatal("an advice has to wait")
		}
		time.Sleep(time.Minute)
	}
	r.holds(0, 1, 0)
	if parked := r.rows(saf.Parked)[0]; parked.Seq != bad.Seq {
		r.Errorf("%+v is parked", parked)
	}
}

func TestAPoisonAdviceDoesNotKeepOutTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		bad := r.poison()
		for _, i := range r.commit(3, 1) {
			r.offer(i, nil)
		}
		time.Sleep(2 * saf.DefaultMaxWait) // the head's turn, and a neighbour's
		r.isParkedAlone(bad)
	})
}

func TestAPoisonAdviceDoesNotKeepOutRequests(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		bad := r.poison()
		began := time.Now()
		pass, err := r.admit()
		for ; err != nil; pass, err = r.admit() {
			if time.Since(began) > saf.DefaultMaxWait {
				t.Fatal("no request is let through")
			}
			time.Sleep(time.Second)
		}
		pass.told(nil)
		r.isParkedAlone(bad)
	})
}

func TestRequestsProbeADeadUpstreamOneAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.dawdle(time.Second)
		r.poison()
		r.say(always(errReset))
		r.recount()
		asked := 0
		for range 600 {
			if pass, err := r.admit(); err == nil {
				if _, err := r.admit(); err == nil || r.view().InFlight > 0 {
					t.Fatal("there are two probes")
				}
				asked++
				time.Sleep(time.Second)
				pass.told(errReset)
			}
			time.Sleep(time.Second)
		}
		if head := r.total(); asked < 5 || asked > head+1 || head > 45 {
			t.Errorf("in ten minutes %d requests probe, and the head %d times", asked, head)
		}
	})
}

func TestRequestsStayAwayFromADeadUpstream(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		for range saf.DefaultBreakAfter {
			leave, err := r.admit()
			if err != nil {
				t.Fatal(err)
			}
			leave.told(context.Canceled) // tells nothing
			leave.told(errReset)
		}
		var turned *decline.NotTaken
		if _, err := r.admit(); !errors.As(err, &turned) || turned.Cause != decline.Unavailable || turned.After <= 0 {
			t.Fatalf("a request hears %v", err)
		}
		time.Sleep(time.Minute)
		probe, err := r.admit()
		if err != nil {
			t.Fatal("none may probe")
		}
		if _, err := r.admit(); err == nil {
			t.Error("two may")
		}
		if probe.told(errNo); r.view().Breaker != "closed" {
			t.Error("a refusal is an answer")
		}
	})
}

// An outage has a line in the log when it begins and one when it ends, whoever notices.
func TestTheLogTellsOfAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		log := &bytes.Buffer{}
		r.renew(saf.Pace{Window: 1})
		r.log = slog.New(slog.NewTextHandler(log, nil))
		r.say(always(errReset))
		r.commit(1, 1)
		r.start()
		time.Sleep(10 * time.Minute)
		r.say(always(nil))
		if err := r.drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range saf.DefaultBreakAfter {
			leave, err := r.admit()
			if err != nil {
				t.Fatal(err)
			}
			leave.told(errReset)
		}
		time.Sleep(time.Minute)
		probe, err := r.admit()
		if err != nil {
			t.Fatal(err)
		}
		probe.told(nil)
		var said []string
		for line := range strings.Lines(log.String()) {
			_, text, _ := strings.Cut(line, "msg=")
			text, _, _ = strings.Cut(text, " upstream=up")
			said = append(said, text)
		}
		gone, back := `"the upstream does not answer; it is probed"`, `"the upstream answers again"`
		if want := []string{gone, back, gone, back}; !slices.Equal(said, want) {
			t.Errorf("the log has\n%s", log)
		}
	})
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.say(always(errReset))
		r.commit(20, 1)
		r.start()
		time.Sleep(time.Minute)
		r.dawdle(time.Hour) // the one that is in flight hangs
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		r.queue.close(ctx)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %s to close", took)
		}
		if o := r.offer(saf.Item{Seq: 99}, nil); !isOver(o) {
			t.Error("a closed queue has somebody wait")
		}
		r.holds(20, 0, 0)
		r.dawdle(0)
		r.say(always(nil))
		r.renew(saf.Pace{})
		r.start()
		r.holds(0, 0, 0)
	})
}

func isOver(o *offer) bool {
	select {
	case <-o.done:
		return !o.final
	default:
		return false
	}
}

func TestACredentialThatIsTurnedAwayStopsItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.say(func(i saf.Item) error {
			if i.Account == 1 {
				return errTurned
			}
			return nil
		})
		r.commit(2000, 1)
		r.commit(2000, 2)
		r.start()
		r.holds(2000, 0, 0)
		v := r.view()
		if len(v.Stopped) != 1 || v.Stopped[0].Account != 1 || v.Stopped[0].Why != "401" || r.sent(2000) != 0 {
			t.Errorf("it stands as %+v", v)
		}
		time.Sleep(time.Hour)
		if r.messages() > 2000+saf.DefaultWindow {
			t.Errorf("%d messages were sent", r.messages())
		}
		r.say(always(nil))
		r.look()
		r.holds(0, 0, 0)
	})
}

func TestWhatLacksACredentialGoesOutOnceThereIsOne(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.say(always(errNoSecret))
		r.commit(600, 1)
		r.commit(3, 2)
		r.start()
		r.holds(0, 0, 603)
		if why := r.rows(saf.Attention)[0].Why; why != saf.LacksCredential {
			t.Errorf("because %q", why)
		}
		r.recount()
		r.look()
		r.holds(0, 0, 603)
		if r.messages() != 2 {
			t.Errorf("%d were tried, want one of each account", r.messages())
		}
		r.say(func(i saf.Item) error {
			if i.Account == 2 {
				return errNoSecret
			}
			return nil
		})
		r.queue.close(t.Context())
		r.renew(saf.Pace{})
		r.start()
		r.holds(0, 0, 3)
	})
}

func TestWhatFailsAloneDoesNotHoldUpTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.renew(saf.Pace{Window: 1, ParkAfter: 3})
		bad := r.commit(1, 1)[0]
		r.say(func(i saf.Item) error {
			if i.Seq == bad.Seq {
				return errReset
			}
			return nil
		})
		r.start()
		for range 100 {
			time.Sleep(time.Second)
			neighbour := r.commit(1, 1)[0]
			_, _, final := r.offer(neighbour, nil).await(soon(t))
			// A pass that looks at the store at this very instant may have it sent before it is offered.
			if synctest.Wait(); !final && r.sent(neighbour.Seq) == 0 {
				t.Error("a neighbour is held up")
			}
		}
		r.holds(0, 1, 0)
		before := r.sent(bad.Seq)
		time.Sleep(10 * saf.DefaultMaxWait)
		if tries := r.sent(bad.Seq) - before; tries < 8 || tries > 11 {
			t.Errorf("it was tried %d times in ten of the longest waits", tries)
		}
		if parked := r.rows(saf.Parked)[0]; parked.Attempts != r.sent(bad.Seq) {
			t.Errorf("it was sent %d times, and is seen as %+v", r.sent(bad.Seq), parked)
		}
		r.say(always(nil))
		time.Sleep(saf.DefaultMaxWait)
		r.holds(0, 0, 0)
	})
}

func TestAPausedQueueSendsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		r.pause(true)
		o := r.offer(r.commit(1, 1)[0], nil)
		if !isOver(o) {
			t.Error("somebody waits for a paused queue")
		}
		time.Sleep(time.Hour)
		if r.messages() > 0 || !r.view().Paused {
			t.Errorf("%d were sent", r.messages())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it is drained: %v", err)
		}
		r.pause(false)
		r.holds(0, 0, 0)
	})
}

func TestOperatorsActsStand(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.say(always(errReset))
		r.dawdle(time.Second)
		items := r.commit(2, 1)
		r.start()
		time.Sleep(time.Second / 2) // both are in flight
		r.update(func(tx saf.Tx) {
			tx.DropItem(items[0].Seq)
			parked := items[1]
			parked.State = saf.Parked
			tx.PutItem(parked)
		})
		r.look()
		r.holds(0, 1, 0)
		time.Sleep(time.Minute)
		if r.sent(items[0].Seq) != 1 {
			t.Errorf("what was closed was sent %d times", r.sent(items[0].Seq))
		}
		r.say(always(nil))
		r.update(func(tx saf.Tx) {
			retried := items[1]
			tx.PutItem(retried)
		})
		r.look()
		time.Sleep(2 * time.Second)
		r.holds(0, 0, 0)
	})
}

// failing is a store that cannot be read.
type failing struct {
	saf.Reports
	mu    sync.Mutex
	fails bool
}

func (f *failing) Items(ctx context.Context, upstream string, states []saf.State, after int64, limit int) ([]saf.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails {
		return nil, errors.New("the disk is on fire")
	}
	return f.Reports.Items(ctx, upstream, states, after, limit)
}

func TestAStoreThatCannotBeReadIsReadLater(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		reports := &failing{Reports: r.driver, fails: true}
		r.queue.reports = reports
		r.commit(10, 1)
		r.start()
		r.holds(10, 0, 0)
		reports.mu.Lock()
		reports.fails = false
		reports.mu.Unlock()
		time.Sleep(saf.DefaultMinWait)
		r.holds(0, 0, 0)
	})
}

func TestWhatWasNeverOfferedIsFound(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		time.Sleep(time.Second)
		r.commit(3, 1)
		time.Sleep(2 * time.Minute)
		r.holds(0, 0, 0)
	})
}

func TestLevelsAreCountedNowAndThen(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		l := newLevels(r.driver, time.Now)
		count := func() saf.View {
			counted, err := l.get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			v := r.view()
			v.Count(counted)
			return v
		}
		if v := count(); v.Waiting != 0 {
			t.Errorf("%+v", v)
		}
		first := r.commit(3, 1)[0]
		if v := count(); v.Waiting != 0 {
			t.Errorf("it was counted again at once: %+v", v)
		}
		time.Sleep(levelsKept)
		if v := count(); v.Waiting != 3 || v.Doubt[710] != 300 || !v.Oldest.Equal(first.At) {
			t.Errorf("%+v", v)
		}
	})
}
