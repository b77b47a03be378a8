package ratio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/scripworks/scrip/bench"
)

// question is what operators ask for, and of which samples.
type question struct {
	name string
	of   func(sample) bool
	ask  func(*office, context.Context, sample) error
}

// questions are everything that `scrip txn find` finds a transaction by, and the first page of the requests that are open.
var questions = []question{
	{"message id of a request", anySample, func(o *office, ctx context.Context, s sample) error {
		return o.find(ctx, url.Values{"id": {string(s.id)}})
	}},
	{"message id of a confirmation", anySample, func(o *office, ctx context.Context, s sample) error {
		return o.find(ctx, url.Values{"id": {string(s.advice)}})
	}},
	{"third-party identifier", anySample, func(o *office, ctx context.Context, s sample) error {
		return o.find(ctx, url.Values{"institution": {s.reference.Institution}, "identifier": {s.reference.Identifier}})
	}},
	{"reference on a slip", anySample, func(o *office, ctx context.Context, s sample) error {
		return o.find(ctx, url.Values{"identifier": {s.slip}})
	}},
	{"merchant and hour", anySample, (*office).atMerchant},
	{"card, with its history", sample.redeemed, (*office).historyOf},
	{"MSISDN", sample.toppedUp, func(o *office, ctx context.Context, s sample) error {
		return o.search(ctx, "msisdn", s.msisdn)
	}},
	{"label", sample.toppedUp, func(o *office, ctx context.Context, s sample) error {
		return o.search(ctx, "label", s.label)
	}},
	{"serial of a voucher", sample.bought, func(o *office, ctx context.Context, s sample) error {
		return o.search(ctx, "serial", s.serial)
	}},
	{"PIN of a voucher", sample.bought, func(o *office, ctx context.Context, s sample) error {
		return o.search(ctx, "pin", s.pin)
	}},
	{"being open, the first page", anySample, (*office).open},
}

func anySample(sample) bool     { return true }
func (s sample) redeemed() bool { return s.pan != "" }
func (s sample) toppedUp() bool { return s.msisdn != "" }
func (s sample) bought() bool   { return s.serial != "" }

// lookUp asks each question of each of its samples, one after the other.
func (h *history) lookUp(ctx context.Context, place string, of *server, samples []sample) error {
	o := &office{base: "http://" + of.admin + "/admin/v1", token: of.token}
	for _, q := range questions {
		var took bench.Histogram
		for _, s := range samples {
			if !q.of(s) {
				continue
			}
			o.waited = 0
			if err := q.ask(o, ctx, s); err != nil {
				return fmt.Errorf("look up by %s on %s: %w", q.name, place, err)
			}
			took.Record(o.waited)
		}
		if took.Count() == 0 {
			return fmt.Errorf("no transaction to look up by %s", q.name)
		}
		name := fmt.Sprintf("look-up by %s, %d transactions, %s", q.name, h.Transactions, place)
		h.add(Row{Name: name + ", p99", Unit: "ms", Goal: lookUpGoal, AtMost: true, Runs: []float64{millis(took.Quantile(0.99))}})
		h.add(Row{Name: name + ", p50", Unit: "ms", Runs: []float64{millis(took.Quantile(0.5))}})
		h.say("%s: p50 %s, p99 %s, longest %s", name, took.Quantile(0.5), took.Quantile(0.99), took.Max())
	}
	return nil
}

// office asks the operators' interface.
type office struct {
	base, token string
	waited      time.Duration // for answers, until each was read: what we make of one is no matter of the server's
}

// find finds transactions by what may stand in a query.
func (o *office) find(ctx context.Context, by url.Values) error {
	return o.expectSome(ctx, http.MethodGet, "/transactions?"+by.Encode(), nil, "transactions")
}

// firstPage is how many transactions of an hour, or open requests, are asked for, as somebody does who begins to leaf through
// them.
const firstPage = 100

// atMerchant finds the first transactions of the hour in which a sample came from its merchant.
func (o *office) atMerchant(ctx context.Context, s sample) error {
	from := s.at.UTC().Truncate(time.Hour)
	by := url.Values{
		"merchant": {origin.Merchant.ID}, "limit": {strconv.Itoa(firstPage)},
		"from": {from.Format(time.RFC3339)}, "to": {from.Add(time.Hour).Format(time.RFC3339)},
	}
	return o.expectSome(ctx, http.MethodGet, "/transactions/by-merchant?"+by.Encode(), nil, "transactions")
}

// open lists requests that are open, as those of redemptions are that were measured just before.
func (o *office) open(ctx context.Context, _ sample) error {
	return o.expectSome(ctx, http.MethodGet, "/transactions/open?limit="+strconv.Itoa(firstPage), nil, "transactions")
}

// search finds transactions by what may not.
func (o *office) search(ctx context.Context, by, value string) error {
	return o.expectSome(ctx, http.MethodPost, "/transactions/search", map[string]string{by: value}, "transactions")
}

// historyOf finds a card and what happened to it last.
func (o *office) historyOf(ctx context.Context, s sample) error {
	found, err := o.call(ctx, http.MethodPost, "/cards/search", map[string]string{"pan": s.pan})
	if err != nil {
		return err
	}
	return o.expectSome(ctx, http.MethodGet, fmt.Sprintf("/cards/%s/history", found["number"]), nil, "items")
}

// expectSome asks for a list, which must not be empty.
func (o *office) expectSome(ctx context.Context, method, path string, body any, member string) error {
	answer, err := o.call(ctx, method, path, body)
	if err != nil {
		return err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(answer[member], &list); err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("nothing was found")
	}
	return nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// call makes one call and reads the answer's members.
func (o *office) call(ctx context.Context, method, path string, body any) (members map[string]json.RawMessage, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, o.base+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+o.token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := o.wait(request)
	if err != nil {
		return nil, err
	}
	return members, json.Unmarshal(answer, &members)
}

// wait sends a call and reads the answer to its end.
func (o *office) wait(request *http.Request) ([]byte, error) {
	begun := time.Now()
	defer func() { o.waited += time.Since(begun) }()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or given up
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the server answers %s", response.Status)
	}
	return answer, err
}
