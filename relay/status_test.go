package relay_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/txn"
)

// A status is answered by the record where that knows, and otherwise by who took the purchase; never to another account.
func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := giftcardsAt(t, up, relay.Profile{})
		synctest.Wait()
		sales := b.Airtime("up")
		for id, err := range map[ident.ID]error{"good": nil, "bad": decline.New(decline.OutOfStock, ""), "lost": errSilence} {
			up.request = always(err)
			_, _ = sales.Request(t.Context(), purchase(id))
		}
		b.leftBehind(t, txn.Purchase, "up", "working")
		b.leftBehind(t, txn.Voucher, "up", "voucher")
		good := relay.Reference(b.stands(t, "good").Seq)
		for _, c := range []struct {
			name  string
			q     airtime.Query
			says  string // what the answer upstream is about
			want  string
			asked int // so far
		}{
			{"approved", airtime.Query{ID: "good"}, "", "ok", 1},
			{"approved, by our reference", airtime.Query{Reference: good, Provider: "us"}, "", "ok", 2},
			{"approved, by the reference on its slip", airtime.Query{Reference: "A0001", Provider: "them"}, "good", "ok", 3},
			{"reversed by us, by the reference on its slip", airtime.Query{Reference: "A0001", Provider: "them"}, "lost", "declined ACCOUNT_ALREADY_SETTLED", 4},
			{"unknown here, by the reference on its slip", airtime.Query{Reference: "A0001", Provider: "them"}, "foreign", "declined UNABLE_TO_LOCATE_RECORD", 5},
			{"nothing told, by the reference on its slip", airtime.Query{Reference: "A0001", Provider: "them"}, "-", "declined UNABLE_TO_LOCATE_RECORD", 6},
			{"of another account", airtime.Query{ID: "good", Sender: other}, "", "declined UNABLE_TO_LOCATE_RECORD", 6},
			{"of another account, by our reference", airtime.Query{Reference: good, Provider: "us", Sender: other}, "", "declined UNABLE_TO_LOCATE_RECORD", 6},
			{"of another account, by the reference on its slip", airtime.Query{Reference: "A0001", Provider: "them", Sender: other}, "good", "declined UNABLE_TO_LOCATE_RECORD", 7},
			{"declined", airtime.Query{ID: "bad"}, "", "declined OUT_OF_STOCK", 7},
			{"reversed by us", airtime.Query{ID: "lost"}, "", "declined ACCOUNT_ALREADY_SETTLED", 7},
			{"being worked on", airtime.Query{ID: "working"}, "", "unknown OUTCOME_UNKNOWN", 7},
			{"of a voucher that was asked for in the older way", airtime.Query{ID: "voucher"}, "", "declined UNABLE_TO_LOCATE_RECORD", 7},
			{"of nothing", airtime.Query{ID: "nothing"}, "", "declined UNABLE_TO_LOCATE_RECORD", 7},
			{"by nothing", airtime.Query{}, "", "declined FORMAT_ERROR", 7},
			{"without a provider", airtime.Query{Reference: "A0001"}, "", "declined FORMAT_ERROR", 7},
		} {
			up.status = nil
			switch c.says {
			case "":
			case "-":
				up.status = func(*airtime.Query) (*airtime.Response, error) { return seller{}.sold(), nil }
			default:
				up.status = func(*airtime.Query) (*airtime.Response, error) {
					response := seller{}.sold()
					response.Answer = &txn.Answer{Status: 200, Body: txn.Wire(`{"id":"` + c.says + `"}`)}
					return response, nil
				}
			}
			if c.q.Sender == nil {
				c.q.Sender = till
			}
			response, err := sales.Status(t.Context(), &c.q)
			if got := outcome(err); got != c.want || (err == nil) != (response != nil) {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			if up.asked() != c.asked {
				t.Errorf("%s: upstream was asked %d times", c.name, up.asked())
			}
		}
		if q := up.queries[1]; q.ID != "good" || q.Reference != "" {
			t.Errorf("our reference went upstream: %+v", q)
		}
	})
}

// A refusal of a status by reference is told only to whom its purchase belongs.
func TestARefusedStatusByReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := giftcardsAt(t, up, relay.Profile{})
		sales := b.Airtime("up")
		if _, err := sales.Request(t.Context(), purchase("r1")); err != nil {
			t.Fatal(err)
		}
		up.status = func(*airtime.Query) (*airtime.Response, error) {
			return nil, &decline.Error{Reason: decline.AccountAlreadySettled, Wire: []byte(`{"originalId":"r1"}`), Status: 400}
		}
		q := airtime.Query{Reference: "A0001", Provider: "them", Sender: till}
		if _, err := sales.Status(t.Context(), &q); outcome(err) != "declined ACCOUNT_ALREADY_SETTLED" {
			t.Errorf("its account hears %v", err)
		}
		q.Sender = other
		if _, err := sales.Status(t.Context(), &q); outcome(err) != "declined UNABLE_TO_LOCATE_RECORD" {
			t.Errorf("another account hears %v", err)
		}
	})
}

// What moves no value is passed through: not recorded as sent, not reversed; another upstream is asked when the first is
// not reached.
func TestWhatIsPassedThrough(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		hears  string
		second bool
	}{
		"answered":    {nil, "ok", false},
		"refused":     {decline.New(decline.InvalidProduct, ""), "declined INVALID_PRODUCT", false},
		"silent":      {errSilence, "unknown", false},
		"not reached": {&decline.NotTaken{Cause: decline.Unreached}, "ok", true},
		"not let in":  {&decline.NotTaken{Cause: decline.Unauthenticated}, "not taken unavailable", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, two := &stub{request: always(c.err)}, &stub{}
				b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{
					{Name: "one", Giftcard: one, Airtime: seller{one}}, {Name: "two", Giftcard: two, Airtime: seller{two}},
				}})
				sales, cards := b.Airtime("one", "two"), b.Giftcard("one", "two")
				lookUp := redemption("l1")
				lookUp.Family = txn.LookUp
				for what, ask := range map[string]func() error{
					"a trial":    func() error { return second(sales.Trial(t.Context(), purchase("t1"))) },
					"a look-up":  func() error { return second(cards.Request(t.Context(), lookUp)) },
					"a number":   func() error { return second(sales.LookUp(t.Context(), &airtime.LookUp{Sender: till})) },
					"the prices": func() error { return second(sales.Products(t.Context(), &airtime.Listing{Sender: till})) },
				} {
					got := outcome(ask())
					if c.hears == "unknown" && got != "unknown OUTCOME_UNKNOWN" && got != "unknown GENERAL_ERROR" || c.hears != "unknown" && got != c.hears {
						t.Errorf("%s: %s, want %s", what, got, c.hears)
					}
				}
				synctest.Wait()
				if went := len(two.sent()) > 0; went != c.second {
					t.Errorf("the second was asked: %t", went)
				}
				if len(b.queued()) != 0 || len(one.advised()) != 0 || len(b.messages("t1")) != 0 {
					t.Errorf("queued: %v, upstream heard %v, recorded: %v", b.queued(), one.advised(), b.messages("t1"))
				}
				b.booksAreRight()
			})
		})
	}
}

func TestNoTrialsAndNoStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := giftcardsAt(t, &stub{}, relay.Profile{NoTrials: true, NoStatus: true})
		sales := b.Airtime("up")
		if _, err := sales.Trial(t.Context(), purchase("t1")); outcome(err) != "declined FUNCTION_NOT_SUPPORTED" {
			t.Errorf("a trial: %v", err)
		}
		if _, err := sales.Request(t.Context(), purchase("r1")); err != nil {
			t.Fatal(err)
		}
		if _, err := sales.Status(t.Context(), &airtime.Query{ID: "r1", Sender: till}); outcome(err) != "declined FUNCTION_NOT_SUPPORTED" {
			t.Errorf("a status: %v", err)
		}
	})
}

// A look-up takes its id, with a later commit (V7), and hands its answer down with our identifier in it.
func TestALookUpTakesItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := giftcardsAt(t, up, relay.Profile{})
		ask := func(f txn.Family) (*giftcard.Response, error) {
			q := redemption("l1")
			q.Family = f
			return b.Giftcard("up").Request(t.Context(), q)
		}
		response, err := ask(txn.LookUp)
		if err != nil || len(response.References) != 1 || response.References[0] != up.requests[0].References[1] || response.References[0].Institution != "switch" {
			t.Errorf("%v, answered: %+v", err, response)
		}
		if own := response.References[0].Identifier; !strings.Contains(string(response.Answer.Body), own) || !strings.Contains(string(up.requests[0].Wire), own) {
			t.Errorf("%s is not in %s", own, string(response.Answer.Body))
		}
		time.Sleep(behind)
		for _, f := range []txn.Family{txn.LookUp, txn.Redemption} {
			if _, err := ask(f); outcome(err) != "declined DUPLICATE_RECORD" {
				t.Errorf("the id again, of a %s: %v", f, err)
			}
		}
		if all := b.messages("l1"); len(all) != 1 || all[0].State != txn.Answered || all[0].Upstream != "up" {
			t.Errorf("it stands as %+v", all)
		}
		if sent := up.sent(); len(sent) != 1 {
			t.Errorf("sent: %v", sent)
		}
	})
}
