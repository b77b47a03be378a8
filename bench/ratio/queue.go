package ratio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// RelayOptions say how the relay and its queue are measured.
type RelayOptions struct {
	Options
	// Advices is how many are queued, Parallel with how many sends at once they are drained.
	Advices  int
	Parallel []int
}

// What is promised of the queue.
const (
	queueGoal       = 0.5 // of the rate without a queue
	queueMemoryGoal = 100 // MB
	probeGoal       = 1   // advices in flight while the upstream is dead
)

// Bounds of what is driven beside a queue that drains.
const (
	besideRate    = 20 // requests a second
	fillWorkers   = 256
	deadFor       = 15 * time.Second // for which the dead upstream is watched
	watchEvery    = 50 * time.Millisecond
	maxParallel   = 256
	besideClients = 4
)

// RunRelay measures the relay: what it adds in front of an issuer; and of its queue what it costs while its upstream is dead,
// how fast it drains once that is back, and what new traffic notices of it. Whoever drains and whoever sends without a queue
// take turns at the same stub.
func RunRelay(ctx context.Context, options RelayOptions) (Result, error) {
	if err := options.check(); err != nil {
		return Result{}, &bench.OptionError{Err: err}
	}
	options.Options.Cards = max(options.Options.Cards, 1)
	s, remove, err := newSession(options.Options)
	if err != nil {
		return Result{}, err
	}
	defer remove()
	q := &relaySession{session: s, advices: options.Advices, parallel: options.Parallel}
	err = q.measure(ctx)
	return q.result, err
}

func (o RelayOptions) check() error {
	if o.Advices < 1 || o.Advices > MaxCards {
		return fmt.Errorf("advices must be 1 to %d", MaxCards)
	}
	for _, n := range o.Parallel {
		if n < 1 || n > maxParallel {
			return fmt.Errorf("parallel sends must be 1 to %d", maxParallel)
		}
	}
	return o.Options.check()
}

// relaySession is one run of the measurement.
type relaySession struct {
	*session
	advices  int
	parallel []int
	upstream string // address of the stub
	stub     *process
	relay    *relayProcess
}

func (q *relaySession) measure(ctx context.Context) (err error) {
	if err := q.measureOverhead(ctx); err != nil {
		return err
	}
	if q.upstream, err = freeAddress(); err != nil {
		return err
	}
	q.relay = &relayProcess{reaper: q.reaper, program: q.Scrip, dir: filepath.Join(q.dir, "relay"), upstream: q.upstream}
	if err := q.fill(ctx); err != nil {
		return err
	}
	defer func() { q.relay.process.kill() }()
	if err := q.measureDead(ctx); err != nil {
		return err
	}
	defer func() { q.stub.kill() }()
	if err := q.startStub(ctx); err != nil {
		return err
	}
	return q.measureDrain(ctx)
}

func (q *relaySession) startStub(ctx context.Context) (err error) {
	q.stub, err = q.reaper.start(ctx, filepath.Join(q.dir, "stub.log"), nil, "http://"+q.upstream+"/readyz",
		q.Scrip, "bench", "stub", "--listen", q.upstream)
	return err
}

// fill queues the advices behind a relay whose upstream goes away once it has approved their requests.
func (q *relaySession) fill(ctx context.Context) (err error) {
	if err := q.startStub(ctx); err != nil {
		return err
	}
	if err := q.relay.start(ctx, slices.Max(q.parallel)); err != nil {
		return err
	}
	if err := q.relay.administer(ctx, "saf", "pause", relayUpstream, "--reason", "measurement"); err != nil {
		return err
	}
	q.say("queue %d advices", q.advices)
	report, err := bench.Run(ctx, bench.Plan{
		Target: q.relay.target(), Mode: bench.ModeRedeem, Cards: q.cards(), Clients: fillWorkers, Cycles: int64(q.advices),
	})
	if err = failed(ctx, report, err); err != nil {
		return fmt.Errorf("queue the advices: %w", err)
	}
	q.say("queued at %.0f a second", report.CyclesPerSecond)
	q.stub.kill()
	if err := q.relay.administer(ctx, "saf", "resume", relayUpstream, "--reason", "measurement"); err != nil {
		return err
	}
	return q.relay.process.stop()
}

func (q *relaySession) cards() []bench.Card {
	cards, err := bench.ConsecutiveCards(firstPAN, max(q.Cards, 1), expiry)
	if err != nil {
		panic(err) // a mistake in the constants
	}
	return cards
}

// measureDead starts the relay on its queue while nobody answers, and watches it.
func (q *relaySession) measureDead(ctx context.Context) error {
	q.say("watch the queue behind a dead upstream for %s", deadFor)
	if err := q.relay.start(ctx, slices.Max(q.parallel)); err != nil {
		return err
	}
	most, end := 0.0, time.Now().Add(deadFor)
	for time.Now().Before(end) {
		inFlight, err := q.relay.metric(ctx, "scrip_queue_in_flight")
		if err != nil {
			return err
		}
		if open, err := q.relay.metric(ctx, `scrip_queue_breaker{state="closed"`); err == nil && open == 0 {
			most = max(most, inFlight)
		}
		if err := wait(ctx, watchEvery); err != nil {
			return err
		}
	}
	_, peak, err := memoryMB(q.relay.process.command.Process.Pid)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("with %d advices behind a dead upstream", q.advices)
	q.add(Row{Name: "memory " + name + ", peak", Unit: "MB", Goal: queueMemoryGoal, AtMost: true, Runs: []float64{peak}})
	q.add(Row{Name: "sends at once " + name + ", once the breaker is open", Unit: "", Goal: probeGoal, AtMost: true, Bound: true, Runs: []float64{most}})
	return q.relay.process.stop()
}

// measureDrain takes turns: without a queue, and from the queue.
func (q *relaySession) measureDrain(ctx context.Context) error {
	quiet, err := q.latencyBeside(ctx)
	if err != nil {
		return err
	}
	direct, drained, beside := map[int][]float64{}, map[int][]float64{}, []float64{}
	for round := range q.Runs {
		for _, parallel := range q.parallel {
			rate, err := q.direct(ctx, parallel)
			if err != nil {
				return err
			}
			direct[parallel] = append(direct[parallel], rate)
			q.say("round %d: %d at once without a queue: %.0f advices/s", round+1, parallel, rate)
			rate, late, err := q.drain(ctx, parallel)
			if err != nil {
				return err
			}
			drained[parallel], beside = append(drained[parallel], rate), append(beside, late)
			q.say("round %d: %d at once from the queue: %.0f advices/s; requests beside it p50 %.2f ms", round+1, parallel, rate, late)
		}
	}
	for _, parallel := range q.parallel {
		q.add(Row{Name: fmt.Sprintf("advices without a queue, %d at once", parallel), Unit: "advices/s", Runs: direct[parallel]})
		q.add(Row{Name: fmt.Sprintf("advices from the queue, %d at once", parallel), Unit: "advices/s", Runs: drained[parallel]})
		q.add(Row{Name: fmt.Sprintf("from the queue / without, %d at once", parallel), Unit: "×", Goal: queueGoal, Runs: quotients(drained[parallel], direct[parallel])})
	}
	q.add(Row{Name: "requests with an empty queue, p50", Unit: "ms", Runs: quiet})
	q.add(Row{Name: "requests while the queue drains, p50", Unit: "ms", Runs: beside})
	return nil
}

// latencyBeside drives requests through a relay that has nothing to drain, for comparison.
func (q *relaySession) latencyBeside(ctx context.Context) ([]float64, error) {
	empty := &relayProcess{reaper: q.reaper, program: q.Scrip, dir: filepath.Join(q.dir, "empty"), upstream: q.upstream}
	if err := empty.start(ctx, slices.Max(q.parallel)); err != nil {
		return nil, err
	}
	defer func() { empty.process.kill() }()
	var p50 []float64
	for range q.Runs {
		report, err := q.requests(ctx, empty)
		if err != nil {
			return nil, err
		}
		p50 = append(p50, report.Latencies[0].P50Micros/1000)
	}
	return p50, empty.process.stop()
}

func (q *relaySession) requests(ctx context.Context, at *relayProcess) (bench.Report, error) {
	report, err := bench.Run(ctx, bench.Plan{
		Target: at.target(), Mode: bench.ModeRedeemOnly, Cards: q.cards(), Clients: besideClients, Rate: besideRate,
		Duration: q.Duration, Warmup: q.Warmup,
	})
	return report, failed(ctx, report, err)
}

// drain starts the relay, waits for it to be under way, and counts what arrives at the stub while requests go on beside it.
func (q *relaySession) drain(ctx context.Context, parallel int) (rate, p50 float64, err error) {
	if err := q.relay.start(ctx, parallel); err != nil {
		return 0, 0, err
	}
	if err := wait(ctx, q.Warmup); err != nil {
		return 0, 0, err
	}
	before, begun := q.arrived(ctx), time.Now()
	report, err := q.requests(ctx, q.relay)
	if err != nil {
		return 0, 0, fmt.Errorf("requests beside the queue: %w", err)
	}
	rate = (q.arrived(ctx) - before) / time.Since(begun).Seconds()
	switch left, err := q.relay.metric(ctx, `scrip_queue_items{state="waiting"`); {
	case err != nil:
		return 0, 0, err
	case left == 0:
		return 0, 0, errors.New("the queue was empty before the end: queue more advices")
	}
	return rate, report.Latencies[0].P50Micros / 1000, q.relay.process.stop()
}

// arrived asks the stub how many advices it has taken.
func (q *relaySession) arrived(ctx context.Context) float64 {
	text, err := get(ctx, "http://"+q.upstream+"/advices")
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseFloat(strings.TrimSpace(text), 64) // 0 would show as a rate that cannot be
	return n
}

// direct sends advices as the queue does, with the same client and from the same kind of memory, without a queue.
func (q *relaySession) direct(ctx context.Context, parallel int) (rate float64, err error) {
	client, err := exchange.NewClient(exchange.ClientSettings{
		URL: "http://" + q.upstream, Credentials: exchange.Same(exchange.Basic(user, relayPassword)),
	})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	service := giftcardhttp.NewClient(client)
	ctx, cancel := context.WithTimeout(ctx, q.Warmup+q.Duration)
	defer cancel()
	var sent atomic.Int64
	var senders sync.WaitGroup
	for range parallel {
		senders.Go(func() {
			for ctx.Err() == nil {
				if _, err := service.Advise(ctx, confirmation()); err == nil {
					sent.Add(1)
				}
			}
		})
	}
	if err := wait(ctx, q.Warmup); err != nil {
		return 0, err
	}
	before, begun := sent.Load(), time.Now()
	<-ctx.Done()
	rate = float64(sent.Load()-before) / time.Since(begun).Seconds()
	senders.Wait()
	return rate, nil
}

// confirmation makes an advice like those that were queued.
func confirmation() *txn.Advice {
	a := &txn.Advice{
		Family: txn.Redemption, Role: txn.Confirmation, ID: secret.NewID(), RequestID: secret.NewID(),
		Sender: &txn.Sender{Account: 1, World: 1}, Received: time.Now(),
	}
	a.Wire = exchange.ComposeAdvice(a)
	return a
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or given up
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
