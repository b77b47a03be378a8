package adminhttp_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// queues stand for those that a relay runs: north's, which can be paused.
type queues struct {
	paused  bool
	stopped []saf.Stop
}

func (q *queues) Queues() []saf.View {
	return []saf.View{{Upstream: "north", InFlight: 2, Repeats: 3, Breaker: "open", Paused: q.paused, Stopped: q.stopped}}
}
func (q *queues) Pause(_ string, paused bool) { q.paused = paused }
func (q *queues) Look(string)                 { q.stopped = nil }

var _ admin.Queues = (*queues)(nil)

// queue has a request of the till passed on to north and queues what ended it, or a question; it gives the item's number.
func (h *house) queue(role txn.Role, state saf.State) int64 {
	h.Helper()
	var item int64
	must(h.T, store.Queue(h.store).Update(h.Context(), saf.Keys{World: ident.Production}, func(tx saf.Tx) error {
		account := h.sender().Account
		request := txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: h.newID(), Account: account, Family: txn.Load, Role: txn.Request, State: txn.Working,
			At: started, Amount: 500, Requested: 500, Currency: 710, Upstream: "north",
		}
		item = tx.NextSeq()
		i := saf.Item{
			Seq: item, Upstream: "north", World: ident.Production, Account: account, Family: txn.Load, Role: role, ID: request.ID, Request: request.Seq,
			RequestID: request.ID, At: started, Amount: 500, Currency: 710, Body: []byte("sealed payload"), State: state, Attempts: 7, Tried: started, Why: "answered 400",
		}
		request.Ended = item
		if role != txn.Request {
			i.ID, request.State = h.newID(), role.Ending()
			tx.Insert(txn.Message{
				Seq: item, World: ident.Production, ID: i.ID, Account: account, Family: txn.Load, Role: role, State: txn.Accepted, At: started,
				Request: request.Seq, Upstream: "north",
			})
		}
		tx.Insert(request)
		tx.AddItem(i)
		return nil
	}))
	return item
}

func TestTheQueueIsShown(t *testing.T) {
	h := build(t)
	created(h, "admin", "/accounts", `{"name":"till"}`)
	number := h.queue(txn.Reversal, saf.Attention)
	h.queue(txn.Request, saf.Waiting)
	var want map[string]any
	must(t, json.Unmarshal([]byte(fmt.Sprintf(`{"number":%d,"upstream":"north","account":"till","family":"load","role":"reversal","id":"id-2","request":%d,
		"requestId":"id-1","state":"attention","since":"2026-11-21T12:00:00Z","attempts":7,"tried":"2026-11-21T12:00:00Z","why":"answered 400",
		"amount":500,"currency":"710"}`, number, number-1)), &want))
	first := got(h, "viewer", "/queue?limit=1")
	items := first["items"].([]any)
	if len(items) != 1 || !reflect.DeepEqual(items[0], want) {
		t.Errorf("items %v, want %v", items, want)
	}
	rest := got(h, "viewer", fmt.Sprintf("/queue?after=%v", first["next"]))["items"].([]any)
	if len(rest) != 1 || rest[0].(map[string]any)["role"] != "question" {
		t.Errorf("the rest is %v", rest)
	}
	for query, count := range map[string]int{
		"upstream=north": 2, "upstream=south": 0, "account=till": 2, "state=attention": 1, "state=parked": 0, "olderThan=0s": 2, "olderThan=1h": 0,
	} {
		if found := got(h, "viewer", "/queue?"+query)["items"].([]any); len(found) != count {
			t.Errorf("%s: %d items, want %d", query, len(found), count)
		}
	}
	h.refusedAs(h.call("viewer", "GET", "/queue?state=lost", ""), 400, "INVALID", "state")
	h.refusedAs(h.call("viewer", "GET", "/queue?olderThan=old", ""), 400, "INVALID", "olderThan")

	shown := h.call("viewer", "GET", fmt.Sprintf("/queue/%d", number), "")
	detail := expect(h, 200, shown)
	if !reflect.DeepEqual(detail["item"], want) || strings.Contains(shown.text, "payload") || len(detail["acts"].([]any)) != 0 {
		t.Errorf("shown as %s", shown.text)
	}
	request, advice := detail["request"].(map[string]any), detail["advice"].(map[string]any)
	for name, m := range map[string]map[string]any{"request": request, "advice": advice} {
		if m["upstream"] != "north" || !reflect.DeepEqual(m["queued"], want) {
			t.Errorf("its %s is %v", name, m)
		}
	}
	question := got(h, "viewer", fmt.Sprintf("/queue/%v", rest[0].(map[string]any)["number"]))
	about := question["request"].(map[string]any)
	if question["advice"] != nil || about["ended"] != nil || about["queued"].(map[string]any)["role"] != "question" {
		t.Errorf("the question is shown as %v", question)
	}
}

func TestTheQueueIsSteered(t *testing.T) {
	h := build(t)
	created(h, "admin", "/accounts", `{"name":"till"}`)
	number := h.queue(txn.Reversal, saf.Attention)
	path := fmt.Sprintf("/queue/%d", number)
	if i := done(h, "operator", path+"/retry", `{"reason":"asked"}`); i["state"] != "waiting" {
		t.Errorf("retried: %v", i)
	}
	h.refusedAs(h.call("operator", "POST", path+"/retry", `{"reason":"again"}`), 409, "CONFLICT", "")
	if i := done(h, "operator", path+"/park", `{"reason":"in the way"}`); i["state"] != "parked" {
		t.Errorf("parked: %v", i)
	}
	var acts []any
	for _, a := range got(h, "viewer", path)["acts"].([]any) {
		acts = append(acts, a.(map[string]any)["act"], a.(map[string]any)["reason"])
	}
	if fmt.Sprint(acts) != "[queue.retry asked queue.park in the way]" {
		t.Errorf("acts %v", acts)
	}
	h.refusedAs(h.call("admin", "POST", path+"/close", `{}`), 400, "INVALID", "reason")
	h.refusedAs(h.call("admin", "POST", path+"/close", `{"ending":"confirm","reason":"x"}`), 400, "INVALID", "ending")
	if i := done(h, "admin", path+"/close", `{"reason":"cleared by letter"}`); i["number"] != float64(number) {
		t.Errorf("closed: %v", i)
	}
	h.refusedAs(h.call("viewer", "GET", path, ""), 404, "NOT_FOUND", "")
	trail := got(h, "auditor", "/audit?subject=queue/"+fmt.Sprint(number))["entries"].([]any)
	if last := trail[len(trail)-1].(map[string]any); last["act"] != "queue.close" || last["before"].(map[string]any)["why"] != "answered 400" {
		t.Errorf("recorded as %v", last)
	}
}

func TestAQuestionIsClosedWithAnEnding(t *testing.T) {
	for ending, want := range map[string]string{"confirm": "confirmed", "reverse": "reversed"} {
		h := build(t)
		created(h, "admin", "/accounts", `{"name":"till"}`)
		number := h.queue(txn.Request, saf.Waiting)
		request := fmt.Sprintf("/transactions/%d", number-1)
		h.refusedAs(h.call("operator", "POST", request+"/settle", `{"ending":"confirm","reason":"x"}`), 409, "CONFLICT", "")
		done(h, "admin", fmt.Sprintf("/queue/%d/close", number), `{"ending":"`+ending+`","reason":"north has told"}`)
		if m := got(h, "viewer", request); m["state"] != want || m["ended"].(map[string]any)["by"] != "operator" {
			t.Errorf("%s: the request is %v", ending, m)
		}
	}
}

func TestUpstreamsArePausedAndResumed(t *testing.T) {
	h := build(t)
	created(h, "admin", "/accounts", `{"name":"till"}`)
	h.queue(txn.Reversal, saf.Attention)
	h.queues.stopped = []saf.Stop{{Account: h.sender().Account, Since: started, Why: "answered 401"}}
	const running = `"name":"north","running":true,"breaker":"open","inFlight":2,"repeats":3`
	const stopped = `"stopped":[{"account":"till","since":"2026-11-21T12:00:00Z","why":"answered 401"}]`
	const queued = `"queued":[{"account":"till","state":"attention","count":1,"currency":"710","value":500,"oldest":"2026-11-21T12:00:00Z"}]`
	same := func(what string, got any, want string) {
		t.Helper()
		var wanted any
		must(t, json.Unmarshal([]byte(want), &wanted))
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: %v, want %v", what, got, wanted)
		}
	}
	same("at first", got(h, "viewer", "/upstreams"), `{"upstreams":[{`+running+`,`+stopped+`,"paused":false,`+queued+`}]}`)
	same("paused", done(h, "operator", "/upstreams/north/pause", `{"reason":"they asked"}`),
		`{`+running+`,`+stopped+`,"paused":true,"pausedBy":"operator","pausedAt":"2026-11-21T12:00:00Z"}`)
	if !h.queues.paused {
		t.Error("the queue has not heard of it")
	}
	h.refusedAs(h.call("operator", "POST", "/upstreams/north/pause", `{"reason":"x"}`), 409, "CONFLICT", "")
	same("resumed", done(h, "operator", "/upstreams/north/resume", `{"reason":"they are back"}`), `{`+running+`,"paused":false}`)
	h.refusedAs(h.call("operator", "POST", "/upstreams/south/resume", `{"reason":"x"}`), 404, "NOT_FOUND", "")
}
