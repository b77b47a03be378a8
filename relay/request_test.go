package relay_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// alarms counts what operators hear.
type alarms []decline.Alarm

func (a *alarms) raise(alarm decline.Alarm, _ ident.Account) { *a = append(*a, alarm) }

// What becomes of a request, by what comes of sending it: what its sender hears, how it stands, what is queued, and what
// goes upstream after it.
func TestWhatBecomesOfARequest(t *testing.T) {
	for name, c := range map[string]struct {
		answer     error
		profile    relay.Profile
		hears      string
		stands     txn.State
		reason     decline.Reason
		reversed   bool // upstream is told so
		alarm      decline.Alarm
		noIdentity bool
	}{
		"approved":              {nil, relay.Profile{}, "ok", txn.Open, "", false, "", false},
		"declined":              {decline.New(decline.InsufficientFunds, ""), relay.Profile{}, "declined INSUFFICIENT_FUNDS", txn.Declined, decline.InsufficientFunds, false, "", false},
		"not answered":          {errSilence, relay.Profile{}, "unknown GENERAL_ERROR", txn.Reversed, "", true, "", false},
		"still worked on":       {&decline.Unknown{Reason: decline.OutcomeUnknown}, relay.Profile{}, "unknown GENERAL_ERROR", txn.Reversed, "", true, "", false},
		"doubled on the way":    {decline.New(decline.DuplicateRecord, ""), relay.Profile{}, "declined DUPLICATE_RECORD", txn.Reversed, decline.DuplicateRecord, true, "", false},
		"never reached":         {&decline.NotTaken{Cause: decline.Unreached}, relay.Profile{}, "not taken unavailable", txn.Absent, "", false, "", false},
		"overloaded":            {&decline.NotTaken{Cause: decline.Overloaded}, relay.Profile{}, "not taken unavailable", txn.Absent, "", false, "", false},
		"our credential":        {&decline.NotTaken{Cause: decline.Unauthenticated}, relay.Profile{}, "not taken unavailable", txn.Absent, "", false, relay.CredentialRefused, false},
		"our permission":        {&decline.NotTaken{Cause: decline.Forbidden}, relay.Profile{}, "not taken unavailable", txn.Absent, "", false, relay.CredentialRefused, false},
		"our address":           {&decline.NotTaken{Cause: decline.Misdirected}, relay.Profile{}, "not taken unavailable", txn.Absent, "", false, relay.Misdirected, false},
		"no credential":         {&decline.NotTaken{Cause: decline.NoCredential}, relay.Profile{}, "not taken unavailable", txn.Absent, "", false, relay.CredentialMissing, false},
		"too late to be sent":   {&decline.NotTaken{Cause: decline.Expired}, relay.Profile{}, "not taken expired", txn.Absent, "", false, "", false},
		"no confirmations":      {nil, relay.Profile{NoConfirmations: true}, "ok", txn.Open, "", false, "", false},
		"nothing is taken back": {errSilence, relay.Profile{NoReversals: true}, "unknown GENERAL_ERROR", txn.Working, "", false, "", false},
		"doubled, and nothing is taken back": {
			decline.New(decline.DuplicateRecord, ""), relay.Profile{NoReversals: true}, "unknown GENERAL_ERROR", txn.Working, "", false, "", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard alarms
				up := &stub{request: always(c.answer)}
				b := newSwitchboard(t, relay.Settings{
					Alarm: heard.raise, Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Profile: c.profile}},
				})
				_, err := b.Giftcard("up").Request(t.Context(), redemption("r1"))
				synctest.Wait()
				if got := outcome(err); got != c.hears {
					t.Errorf("its sender hears %q, want %q", got, c.hears)
				}
				if m := b.stands(t, "r1"); m.State != c.stands || m.Reason != c.reason || m.State != txn.Absent && m.Upstream != "up" {
					t.Errorf("it stands as %s for %q at %q", m.State, m.Reason, m.Upstream)
				}
				if sent := up.sent(); len(sent) != 1 {
					t.Errorf("sent: %v", sent)
				}
				undone := up.advised()
				if told := len(undone) == 1 && undone[0].Role == txn.Reversal && undone[0].RequestID == "r1"; told != c.reversed || len(undone) > 1 {
					t.Errorf("upstream heard %v", undone)
				}
				if slices.Contains(heard, c.alarm) != (c.alarm != "") {
					t.Errorf("operators heard %v", heard)
				}
				b.booksAreRight()
			})
		})
	}
}

// What is passed on is found by its identifiers, without our own, and by its merchant's hour.
func TestWhatARequestIsFoundBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Airtime: seller{up}}}})
		card, sale := redemption("r1"), purchase("r2")
		card.Merchant, sale.Origin = "000000000012345", &txn.Origin{Merchant: txn.Merchant{ID: "000000000067890"}}
		if _, err := b.Giftcard("up").Request(t.Context(), card); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Airtime("up").Request(t.Context(), sale); err != nil {
			t.Fatal(err)
		}
		keys := b.settings.Keys
		for id, want := range map[ident.ID][]int64{
			"r1": {keys.Reference(till.World, card.References[0]), keys.Merchant(till.World, "000000000012345", card.Received)},
			"r2": {keys.Merchant(till.World, "000000000067890", sale.Received)},
		} {
			if got := b.stands(t, id).References; !slices.Equal(got, want) {
				t.Errorf("%s is found by %d, not by %d", id, got, want)
			}
		}
	})
}

// Before a request goes out it stands as sent; nobody hears of an approval that is not recorded.
func TestTheRecordComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *switchboard
		up := &stub{request: func(id ident.ID) error {
			if m := b.stands(t, id); m.State != txn.Working || m.Upstream != "up" || m.Amount != 100 || m.Currency != 710 {
				t.Errorf("when it goes out it stands as %s at %q for %d %s", m.State, m.Upstream, m.Amount, m.Currency)
			}
			return nil
		}}
		b = newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}})
		response, err := b.Giftcard("up").Request(t.Context(), redemption("r1"))
		if err != nil {
			t.Fatal(err)
		}
		m := b.stands(t, "r1")
		if m.State != txn.Open || m.Amount != 100 || m.Requested != 100 || m.Currency != 710 || m.ProviderRef != "G0001" {
			t.Errorf("it stands as %+v", m)
		}
		own := relay.Reference(m.Seq)
		if seq, ok := relay.ParseReference(own); !ok || seq != m.Seq {
			t.Errorf("%q is not read back: %d", own, seq)
		}
		went := up.requests[0]
		if text := string(went.Wire); !strings.Contains(text, own) || !strings.Contains(text, `"later":{"unknown":[1.50,null]}`) || strings.Count(text, "T1") != 1 {
			t.Errorf("what went out is %s", text)
		}
		if want := (ident.Reference{Institution: "switch", Identifier: own}); len(went.References) != 2 || went.References[1] != want {
			t.Errorf("the words that went out are %v", went.References)
		}
		if text := string(response.Answer.Body); response.Answer.Status != 201 || !strings.Contains(text, own) || !strings.Contains(text, `"upstream":"says so"`) {
			t.Errorf("the answer is %d %s", response.Answer.Status, text)
		}
		b.booksAreRight()
	})
}

// A refusal goes down as it came.
func TestARefusalIsPassedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		theirs := &decline.Error{Reason: decline.CardExpired, Wire: []byte(`{"errorType":"CARD_EXPIRED","more":1}`), Status: 400}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: &stub{request: always(theirs)}}}})
		if _, err := b.Giftcard("up").Request(t.Context(), redemption("r1")); err != error(theirs) {
			t.Errorf("it is %v", err)
		}
	})
}

// What the relay refuses by itself never goes out, and uses its id up as it would anywhere.
func TestWhatIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Airtime: seller{up}}}})
		cards, sales := b.Giftcard("up"), b.Airtime("up")
		ask := func(id ident.ID, change func(s *txn.Sender)) string {
			q, s := redemption(id), *till
			change(&s)
			q.Sender = &s
			_, err := cards.Request(t.Context(), q)
			return outcome(err)
		}
		same := func(*txn.Sender) {}
		if _, err := cards.Advise(t.Context(), reversal("v1", "late")); outcome(err) != "declined UNABLE_TO_LOCATE_RECORD" {
			t.Errorf("a reversal of nothing is %v", err)
		}
		for _, c := range []struct {
			name string
			ask  func() string
			want string
		}{
			{"the first one goes out", func() string { return ask("r1", same) }, "ok"},
			{"the same id again (V6)", func() string { return ask("r1", same) }, "declined DUPLICATE_RECORD"},
			{"the id of somebody else's", func() string { return ask("r1", func(s *txn.Sender) { s.Account = 2 }) }, "declined DUPLICATE_RECORD"},
			{"the id of an advice (V7)", func() string { return ask("v1", same) }, "declined DUPLICATE_RECORD"},
			{"after its reversal (L8)", func() string { return ask("late", same) }, "declined GENERAL_ERROR"},
			{"a family", func() string { return ask("r2", func(s *txn.Sender) { s.Families = []txn.Family{txn.Load} }) }, "declined TRANSACTION_NOT_SUPPORTED"},
			{"a card", func() string {
				return ask("r3", func(s *txn.Sender) { s.Ranges = []txn.Range{{First: "1", Last: "2"}} })
			}, "declined TRANSACTION_NOT_SUPPORTED"},
			{"a product", func() string {
				q, s := purchase("p1"), *till
				s.Products, q.Sender = []string{"another"}, &s
				_, err := sales.Request(t.Context(), q)
				return outcome(err)
			}, "declined TRANSACTION_NOT_SUPPORTED"},
			{"what was refused has used up its id", func() string { return ask("r2", same) }, "declined DUPLICATE_RECORD"},
			{"airtime has ids of its own (V7)", func() string {
				_, err := sales.Request(t.Context(), purchase("r1"))
				return outcome(err)
			}, "ok"},
		} {
			if got := c.ask(); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
		if sent := up.sent(); !slices.Equal(sent, []ident.ID{"r1", "r1"}) {
			t.Errorf("sent: %v", sent)
		}
		b.booksAreRight()
	})
}

// Another upstream is asked only when the one before was surely never reached, and the record says so first.
func TestFallback(t *testing.T) {
	for name, c := range map[string]struct {
		first, second error
		asked         [2]int
		hears, at     string
		stands        txn.State
	}{
		"the first answers":            {nil, nil, [2]int{1, 0}, "ok", "one", txn.Open},
		"the first refuses":            {decline.New(decline.CardExpired, ""), nil, [2]int{1, 0}, "declined CARD_EXPIRED", "one", txn.Declined},
		"the first is not reached":     {&decline.NotTaken{Cause: decline.Unreached}, nil, [2]int{1, 1}, "ok", "two", txn.Open},
		"the first has no credential":  {&decline.NotTaken{Cause: decline.NoCredential}, nil, [2]int{1, 1}, "ok", "two", txn.Open},
		"the first is silent":          {errSilence, nil, [2]int{1, 0}, "unknown GENERAL_ERROR", "one", txn.Reversed},
		"the first turns us away":      {&decline.NotTaken{Cause: decline.Forbidden}, nil, [2]int{1, 0}, "not taken unavailable", "", txn.Absent},
		"the first has too much to do": {&decline.NotTaken{Cause: decline.Overloaded}, nil, [2]int{1, 0}, "not taken unavailable", "", txn.Absent},
		"neither is reached": {
			&decline.NotTaken{Cause: decline.Unreached}, &decline.NotTaken{Cause: decline.Unreached}, [2]int{1, 1}, "not taken unavailable", "", txn.Absent,
		},
		"the second is silent": {&decline.NotTaken{Cause: decline.Unreached}, errSilence, [2]int{1, 1}, "unknown GENERAL_ERROR", "two", txn.Reversed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b *switchboard
				one := &stub{request: always(c.first)}
				two := &stub{request: func(id ident.ID) error {
					if m := b.stands(t, id); m.Upstream != "two" || m.State != txn.Working {
						t.Errorf("it goes to the second while it stands as %s at %q", m.State, m.Upstream)
					}
					return c.second
				}}
				b = newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "one", Giftcard: one}, {Name: "two", Giftcard: two}}})
				_, err := b.Giftcard("one", "two").Request(t.Context(), redemption("r1"))
				synctest.Wait()
				if got := outcome(err); got != c.hears {
					t.Errorf("its sender hears %q, want %q", got, c.hears)
				}
				if asked := [2]int{len(one.sent()), len(two.sent())}; asked != c.asked {
					t.Errorf("asked: %v, want %v", asked, c.asked)
				}
				m := b.stands(t, "r1")
				if m.Upstream != c.at || m.State != c.stands {
					t.Errorf("it stands as %s at %q", m.State, m.Upstream)
				}
				if c.stands == txn.Reversed { // by who took it
					if c.at == "one" && (len(one.advised()) != 1 || len(two.advised()) != 0) || c.at == "two" && (len(one.advised()) != 0 || len(two.advised()) != 1) {
						t.Errorf("the reversal went to %v and %v", one.advised(), two.advised())
					}
				}
				if at, found, err := b.Upstream(t.Context(), till, txn.Redemption, "r1"); at != c.at || found == (c.stands == txn.Absent) || err != nil {
					t.Errorf("who took it is %q, %t, %v", at, found, err)
				}
				b.booksAreRight()
			})
		})
	}
}

// An upstream that does not answer is not asked: another one of the route is, and where there is none the request is not
// taken and leaves nothing behind (rule C13).
func TestAnUpstreamThatDoesNotAnswerIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence }
		one, two := &stub{request: always(errSilence), advise: silent}, &stub{}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{
			{Name: "one", Giftcard: one, Pace: saf.Pace{MinWait: time.Minute}}, {Name: "two", Giftcard: two},
		}})
		for n := range saf.DefaultBreakAfter {
			if _, err := b.Giftcard("one").Request(t.Context(), redemption(ident.ID(strconv.Itoa(n)))); outcome(err) != "unknown GENERAL_ERROR" && outcome(err) != "not taken unavailable" {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if v := b.Queues()[0]; v.Breaker != "open" {
			t.Fatalf("the breaker is %s", v.Breaker)
		}
		asked := len(one.sent())
		if _, err := b.Giftcard("one").Request(t.Context(), redemption("alone")); outcome(err) != "not taken unavailable" || b.stands(t, "alone").State != txn.Absent {
			t.Errorf("%v, it stands as %s", err, b.stands(t, "alone").State)
		}
		if _, err := b.Giftcard("one", "two").Request(t.Context(), redemption("led on")); err != nil || b.stands(t, "led on").Upstream != "two" {
			t.Errorf("%v, it stands at %q", err, b.stands(t, "led on").Upstream)
		}
		if len(one.sent()) != asked || len(two.sent()) != 1 {
			t.Errorf("asked: %v and %v", one.sent(), two.sent())
		}
		one.mu.Lock()
		one.advise = nil
		one.mu.Unlock()
		time.Sleep(time.Hour)
		if v := b.Queues()[0]; v.Breaker != "closed" || v.Waiting != 0 {
			t.Errorf("when it answers again the queue is %+v", v)
		}
	})
}

// The relay's own reversal names the request and carries its identifiers and ours, the same each time it is sent.
func TestTheRelaysOwnReversal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		up := &stub{request: always(errSilence), advise: func(*txn.Advice) (*txn.Answer, error) {
			if tries++; tries < 4 {
				return nil, errSilence
			}
			return nil, nil
		}}
		b := newSwitchboard(t, relay.Settings{NewID: func() ident.ID { return "fresh" }, Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}})
		_, err := b.Giftcard("up").Request(t.Context(), redemption("r1"))
		if got := b.queued(); outcome(err) != "unknown GENERAL_ERROR" || !slices.Equal(got, []string{"waiting reversal of r1"}) {
			t.Errorf("%v, queued: %v", err, got)
		}
		if i := b.items()[0]; i.Amount != 100 || i.Currency != 710 || i.Account != till.Account || i.ID != "fresh" || i.Upstream != "up" {
			t.Errorf("queued: %+v", i)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		sent := up.advised()
		if len(sent) != 4 {
			t.Fatalf("it was sent %d times", len(sent))
		}
		for _, a := range sent {
			if a.ID != "fresh" || a.RequestID != "r1" || a.Role != txn.Reversal || a.Sender.Account != till.Account || string(a.Wire) != string(sent[0].Wire) {
				t.Errorf("sent: %+v %s", a, string(a.Wire))
			}
		}
		text := string(sent[0].Wire)
		for _, part := range []string{`"fresh"`, `"r1"`, `"TIMEOUT"`, `"T1"`, relay.Reference(b.stands(t, "r1").Seq)} {
			if !strings.Contains(text, part) {
				t.Errorf("%s is not in %s", part, text)
			}
		}
		if got := b.queued(); len(got) != 0 {
			t.Errorf("still queued: %v", got)
		}
		// Its sender's own reversal finds it done, and a confirmation finds it ended the other way (L4, L5).
		if _, err := b.Giftcard("up").Advise(t.Context(), reversal("v1", "r1")); err != nil {
			t.Errorf("its sender's reversal: %v", err)
		}
		if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); outcome(err) != "declined GENERAL_ERROR" {
			t.Errorf("its sender's confirmation: %v", err)
		}
		if sent := up.advised(); len(sent) != 4 {
			t.Errorf("upstream heard %d advices", len(sent))
		}
		b.booksAreRight()
	})
}

// A request goes on when its sender leaves, and no longer than its upstream has.
func TestHowLongARequestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		up := &slow{stub: &stub{}, answer: answer}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Profile: relay.Profile{Timeout: 30 * time.Second}}}})
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			synctest.Wait()
			leave()
			time.Sleep(10 * time.Second)
			close(answer)
		}()
		if _, err := b.Giftcard("up").Request(ctx, redemption("left")); err != nil || b.stands(t, "left").State != txn.Open {
			t.Errorf("%v, it stands as %s", err, b.stands(t, "left").State)
		}
		up.answer = nil
		began := time.Now()
		_, err := b.Giftcard("up").Request(t.Context(), redemption("patient"))
		if took := time.Since(began); outcome(err) != "unknown GENERAL_ERROR" || took != 30*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began = time.Now()
		_, err = b.Giftcard("up").Request(ctx, redemption("hurried"))
		if took := time.Since(began); outcome(err) != "unknown GENERAL_ERROR" || took != 10*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// When the store cannot tell that an approval was recorded nobody hears of it, and it is undone as soon as it can be.
func TestAnApprovalThatIsNotRecorded(t *testing.T) {
	lost := func() (bool, error) { return false, errSilence }
	for name, lie := range map[string]func() (bool, error){
		"nothing was saved":  func() (bool, error) { return false, &decline.NotTaken{Cause: decline.StoreDown} },
		"nobody knows":       lost,
		"it was, in silence": func() (bool, error) { return true, errSilence },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var kept *lying
				up := &stub{request: func(ident.ID) error {
					kept.tell(lie)
					return nil
				}}
				b := newSwitchboardOn(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(s saf.Store) saf.Store {
					kept = &lying{Store: s}
					return kept
				})
				if _, err := b.Giftcard("up").Request(t.Context(), redemption("r1")); outcome(err) != "unknown GENERAL_ERROR" {
					t.Errorf("its sender hears %v", err)
				}
				if len(up.advised()) != 0 {
					t.Error("it is reversed before that is recorded")
				}
				kept.tell(nil)
				time.Sleep(time.Minute)
				synctest.Wait()
				if m := b.stands(t, "r1"); m.State != txn.Reversed {
					t.Errorf("it stands as %s", m.State)
				}
				if heard := up.advised(); len(heard) != 1 || heard[0].Role != txn.Reversal || heard[0].RequestID != "r1" {
					t.Errorf("upstream heard %v", heard)
				}
				b.booksAreRight()
			})
		})
	}
}

// A store that is busy for a moment costs a moment.
func TestAnApprovalThatIsRecordedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept *lying
		up := &stub{request: func(ident.ID) error {
			times := 0
			kept.tell(func() (bool, error) {
				if times++; times < 4 {
					return false, &decline.NotTaken{Cause: decline.Overloaded}
				}
				return true, nil
			})
			return nil
		}}
		b := newSwitchboardOn(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(s saf.Store) saf.Store {
			kept = &lying{Store: s}
			return kept
		})
		if _, err := b.Giftcard("up").Request(t.Context(), redemption("r1")); err != nil {
			t.Error(err)
		}
		if m := b.stands(t, "r1"); m.State != txn.Open {
			t.Errorf("it stands as %s", m.State)
		}
	})
}

// What cannot be recorded as sent is not sent.
func TestARequestThatIsNotRecordedIsNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		lie    func() (bool, error)
		hears  string
		stands txn.State
	}{
		"nothing was saved":  {func() (bool, error) { return false, &decline.NotTaken{Cause: decline.StoreDown} }, "not taken store down", txn.Absent},
		"nobody knows":       {func() (bool, error) { return false, errSilence }, "unknown GENERAL_ERROR", txn.Absent},
		"it was, in silence": {func() (bool, error) { return true, errSilence }, "unknown GENERAL_ERROR", txn.Reversed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var kept *lying
				up := &stub{}
				b := newSwitchboardOn(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(s saf.Store) saf.Store {
					kept = &lying{Store: s}
					return kept
				})
				kept.tell(c.lie)
				if _, err := b.Giftcard("up").Request(t.Context(), redemption("r1")); outcome(err) != c.hears {
					t.Errorf("its sender hears %v", err)
				}
				kept.tell(nil)
				time.Sleep(time.Minute)
				synctest.Wait()
				if sent := up.sent(); len(sent) != 0 {
					t.Errorf("sent: %v", sent)
				}
				if m := b.stands(t, "r1"); m.State != c.stands {
					t.Errorf("it stands as %s", m.State)
				}
				b.booksAreRight()
			})
		})
	}
}

// Amounts: an activation is worth what it opens the card with, and a void what is on the card.
func TestWhatARequestIsWorth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: &stub{}}}})
		for f, want := range map[txn.Family][2]money.Minor{
			txn.Load: {100, 100}, txn.Transfer: {100, 100}, txn.Activation: {900, 100}, txn.Replace: {900, 0}, txn.Void: {900, 0},
		} {
			q := redemption(ident.ID("of " + f.String()))
			if q.Family = f; want[1] == 0 {
				q.Amount = nil
			}
			if _, err := b.Giftcard("up").Request(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if m := b.stands(t, q.ID); m.Amount != want[0] || m.Requested != want[1] || m.Currency != 710 {
				t.Errorf("a %s is worth %d of %d in %s", f, m.Requested, m.Amount, m.Currency)
			}
		}
	})
}

// What an upstream surely did not take leaves its id free; what it refused uses it up (C13, V7).
func TestAnIDIsFreeAgain(t *testing.T) {
	for name, c := range map[string]struct {
		first error
		again string
	}{
		"never reached":      {&decline.NotTaken{Cause: decline.Unreached}, "ok"},
		"too much to do":     {&decline.NotTaken{Cause: decline.Overloaded}, "ok"},
		"its own 429":        {&decline.Error{Reason: decline.TemporaryFailure, Status: 429, Wire: []byte("{}")}, "ok"},
		"its own 503":        {&decline.Error{Reason: decline.TemporaryFailure, Status: 503, Wire: []byte("{}")}, "ok"},
		"a wrong form":       {&decline.Error{Reason: decline.FormatError, Status: 400, Wire: []byte("{}")}, "ok"},
		"a business refusal": {&decline.Error{Reason: decline.CardVoided, Status: 400, Wire: []byte("{}")}, "declined DUPLICATE_RECORD"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := []error{c.first, nil}
				up := &stub{request: func(ident.ID) error {
					answer := answers[0]
					answers = answers[1:]
					return answer
				}}
				b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}})
				if _, err := b.Giftcard("up").Request(t.Context(), redemption("r1")); err == nil {
					t.Fatal("it was approved")
				}
				_, err := b.Giftcard("up").Request(t.Context(), redemption("r1"))
				if got := outcome(err); got != c.again {
					t.Errorf("the same id again hears %q, want %q", got, c.again)
				}
				b.booksAreRight()
			})
		})
	}
}
