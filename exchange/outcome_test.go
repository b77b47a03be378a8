package exchange_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// The outcomes of a message, as docs/rules.md 1.1 and the words of the services have them.
const (
	successful      = "successful"
	failed          = "failed, in the upstream's words"
	failedWordless  = "failed, without a reason"
	unlocated       = "failed, there is no such request"
	unauthenticated = "not taken, unauthenticated"
	forbidden       = "not taken, forbidden"
	misdirected     = "not taken, misdirected"
	overloaded      = "not taken, overloaded"
	unknown         = "unknown"
)

// bodies are what comes with a status.
var bodies = map[string]string{
	"nothing":        "",
	"unlocated":      `{"errorType":"UNABLE_TO_LOCATE_RECORD","requestType":"LOAD_REVERSAL","id":"1","errorMessage":"Record not found"}`,
	"ErrorDetail":    `{"errorType":"DUPLICATE_RECORD","requestType":"LOAD_REQUEST","id":"1","errorMessage":"Duplicate record"}`,
	"HTML":           "<html><body>502 Bad Gateway</body></html>",
	"JSON":           `{"id":"1","status":404}`,
	"broken JSON":    `{"errorType":"DUPLICATE_RECORD","requestType":"LO`,
	"no text":        `{"errorType":7}`,
	"a list":         `[{"errorType":"DUPLICATE_RECORD"}]`,
	"a long errType": `{"errorType":"` + strings.Repeat("A", 65) + `"}`,
	"no error type":  `{"errorType":"General error\n"}`,
}

var (
	whatever   = slices.Collect(maps.Keys(bodies))
	worded     = []string{"unlocated", "ErrorDetail"}
	jsonBodies = append([]string{"JSON", "no text", "a list", "a long errType", "no error type"}, worded...)
)

// rule is one line of the rules: what a range of statuses with certain bodies means. The first that fits counts.
type rule struct {
	from, to int
	body     []string
	outcome  string
}

// asked is how the answer to a request or a query is read.
var asked = []rule{
	{200, 299, jsonBodies, successful}, // "a 2xx whose body does not parse" is unknown
	{200, 299, whatever, unknown},
	{401, 401, whatever, unauthenticated},
	{403, 403, whatever, forbidden},
	{404, 404, worded, failed},
	{404, 404, whatever, misdirected},
	{408, 408, whatever, unknown}, // "4xx except 408"
	{429, 429, worded, failed},
	{429, 429, whatever, overloaded},
	{400, 499, worded, failed},
	{400, 499, whatever, failedWordless},
	{501, 501, worded, failed}, // "501 or 503 with an ErrorDetail body"
	{503, 503, worded, failed},
	{100, 599, whatever, unknown},
}

// advised is how the answer to an advice is read.
var advised = []rule{
	{200, 299, whatever, successful},
	{401, 401, whatever, unauthenticated},
	{403, 403, whatever, forbidden},
	{404, 404, []string{"unlocated"}, failed},
	{404, 404, whatever, misdirected}, // "any other 404 stops the upstream's queue"
	{300, 399, whatever, unknown},     // a gateway's word
	{408, 408, whatever, unknown},
	{429, 429, whatever, unknown},
	{501, 501, worded, failed},
	{501, 501, whatever, failedWordless},
	{500, 599, whatever, unknown}, // "408, 429, 503 and every 5xx but 501"
	{100, 199, whatever, unknown}, // no answer
	{100, 599, worded, failed},
	{100, 599, whatever, failedWordless},
}

func expected(o exchange.Outgoing, status int, body string) string {
	table := asked
	if o.Role != txn.Request {
		table = advised
	}
	if o.Role != txn.Confirmation && o.EmptyIsUnlocated && status == 404 && body == "nothing" {
		return unlocated // "from an airtime upstream, an empty body"
	}
	i := slices.IndexFunc(table, func(r rule) bool {
		return status >= r.from && status <= r.to && slices.Contains(r.body, body)
	})
	return table[i].outcome
}

// outcome words what judging gave, and complains of what an error has to say and does not.
func outcome(t *testing.T, status int, body string, answer *txn.Answer, err error) string {
	t.Helper()
	var refusal *decline.Error
	var turned *decline.NotTaken
	switch {
	case err == nil:
		if answer == nil || answer.Status != status || string(answer.Body) != bodies[body] {
			t.Errorf("%d with %s is not passed on as it came", status, body)
		}
		return successful
	case errors.As(err, &refusal):
		return refused(t, refusal, status, body)
	case errors.As(err, &turned):
		return map[decline.Cause]string{
			decline.Unauthenticated: unauthenticated, decline.Forbidden: forbidden, decline.Misdirected: misdirected, decline.Overloaded: overloaded,
		}[turned.Cause]
	}
	return unknown
}

func refused(t *testing.T, refusal *decline.Error, status int, body string) string {
	t.Helper()
	if refusal.Status != status {
		t.Errorf("%d with %s has status %d", status, body, refusal.Status)
	}
	switch {
	case refusal.Wire == nil && refusal.Reason == decline.UnableToLocateRecord:
		return unlocated
	case refusal.Wire == nil && refusal.Reason == decline.GeneralError:
		return failedWordless
	case string(refusal.Wire) != bodies[body]:
		t.Errorf("%d with %s is not passed on as it came", status, body)
	case body == "ErrorDetail" && refusal.Reason != decline.DuplicateRecord:
		t.Errorf("%d with %s is refused for %s", status, body, refusal.Reason)
	}
	return failed
}

func TestOutcomesAreReadAsTheRulesHaveThem(t *testing.T) {
	roles := map[string]exchange.Outgoing{
		"request": {Method: "POST", Role: txn.Request}, "query": {Method: "GET", Role: txn.Request},
		"confirmation": {Method: "POST", Role: txn.Confirmation}, "reversal": {Method: "POST", Role: txn.Reversal},
	}
	for name, o := range roles {
		for _, o.EmptyIsUnlocated = range []bool{false, true} {
			for status := 100; status <= 599; status++ {
				for body := range bodies {
					answer, err := exchange.Judge(o, status, http.Header{}, []byte(bodies[body]), time.Time{})
					if got, want := outcome(t, status, body, answer, err), expected(o, status, body); got != want {
						t.Errorf("%s (empty is unlocated: %t) answered %d with %s: %s, want %s", name, o.EmptyIsUnlocated, status, body, got, want)
					}
				}
			}
		}
	}
}

// A reversal is at its end only with a 2xx, or a 404 that says so; what repeats it must never read anything else as that.
func TestAReversalIsDeliveredOnlyWhereTheRulesSaySo(t *testing.T) {
	for _, airtime := range []bool{false, true} {
		for status := 100; status <= 599; status++ {
			for body := range bodies {
				o := exchange.Outgoing{Role: txn.Reversal, EmptyIsUnlocated: airtime}
				_, err := exchange.Judge(o, status, http.Header{}, []byte(bodies[body]), time.Time{})
				want := status/100 == 2 || status == 404 && (body == "unlocated" || airtime && body == "nothing")
				if got := saf.Read(txn.Reversal, err).Outcome == saf.Delivered; got != want {
					t.Errorf("%d with %s ends a reversal: %t, want %t (airtime: %t)", status, body, got, want, airtime)
				}
			}
		}
	}
}

// What an upstream calls unknown itself is passed on under the same name.
func TestUnknownInTheUpstreamsWords(t *testing.T) {
	body := []byte(`{"errorType":"OUTCOME_UNKNOWN"}`)
	_, err := exchange.Judge(exchange.Outgoing{Role: txn.Request}, 504, http.Header{}, body, time.Time{})
	var said *decline.Unknown
	if !errors.As(err, &said) || said.Reason != decline.OutcomeUnknown {
		t.Errorf("%v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 11, 12, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "3600": time.Hour, "3601": exchange.LongestRetryAfter,
		"2147483648": exchange.LongestRetryAfter, "99999999999999999999999999": exchange.LongestRetryAfter,
		"Wed, 04 Mar 2026 10:12:12 GMT": time.Minute, "Wednesday, 04-Mar-26 10:12:12 GMT": time.Minute, "Wed Mar  4 10:12:12 2026": time.Minute,
		"Wed, 04 Mar 2026 10:10:12 GMT": 0, "Fri, 04 Mar 2056 10:12:12 GMT": exchange.LongestRetryAfter,
		"-1": 0, "+7": 0, "1.5": 0, "soon": 0, "7 s": 0, "0x10": 0, "1_0": 0,
	} {
		header := http.Header{"Retry-After": {text}}
		for _, status := range []int{408, 429, 500, 502, 503, 504} {
			_, err := exchange.Judge(exchange.Outgoing{Role: txn.Confirmation}, status, header, nil, now)
			var again *exchange.Again
			if !errors.As(err, &again) || again.Status != status || again.After() != want {
				t.Errorf("an advice answered %d with %q waits %v, want %v", status, text, err, want)
			}
		}
		_, err := exchange.Judge(exchange.Outgoing{Role: txn.Request}, 429, header, nil, now)
		var turned *decline.NotTaken
		if !errors.As(err, &turned) || turned.After != want {
			t.Errorf("a request answered 429 with %q waits %v, want %v", text, turned, want)
		}
	}
}

// Whoever says that it takes no more now is there: others are not kept from asking it.
func TestTooManyIsAnAnswer(t *testing.T) {
	for status, heard := range map[int]bool{429: true, 408: false, 500: false, 503: false, 504: false} {
		if again := (&exchange.Again{Status: status}); saf.Read(txn.Confirmation, again).Heard != heard {
			t.Errorf("%d: heard is %t", status, !heard)
		}
	}
}
