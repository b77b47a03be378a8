package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// prepareAttempts bounds how often a message of the preparation is begun anew when the
	// server says that it cannot take it now (429 or 503).
	prepareAttempts = 10
	// preparePause is the wait between two such attempts.
	preparePause = 200 * time.Millisecond
	// progressEvery is the number of cards between two lines of progress.
	progressEvery = 10_000
)

// Preparation is how cards are made ready for a run.
type Preparation struct {
	Target Target
	Cards  []Card
	// Opening is the amount asked for at activation, in minor units; 0 is none, as products
	// with a fixed opening amount want it.
	Opening int64
	// Funding is what each card shall at least have available afterwards, in minor units.
	Funding int64
	// Fresh is how many cards, from the end of the list, shall not be active: each is activated
	// and reversed, and counts as an ordinary card if it turns out to be active already.
	Fresh int
	// Clients is the number of connections; Timeout as in a Plan.
	Clients int
	Timeout time.Duration
	// Progress, when given, receives a line now and then.
	Progress io.Writer
}

// Prepared is what a preparation came to.
type Prepared struct {
	// Active cards are confirmed and funded; Fresh ones can be activated.
	Active, Fresh []Card
	// Unusable counts the cards that could not be brought to either, by what the server said.
	Unusable map[string]int
}

// Prepare activates cards and loads them with money, using nothing but the contract, so that it
// works on any server that knows the cards. It is safe to run again: an active card is looked up
// and loaded only with what it lacks. Cards that the server refuses are left out and counted. It
// fails when no card is usable, or when the context ends.
func Prepare(ctx context.Context, p Preparation) (Prepared, error) {
	p.Target = p.Target.withDefaults()
	base, err := p.Target.parse()
	if err != nil {
		return Prepared{}, err
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	plan := Plan{Target: p.Target, Mode: ModeRedeem, Cards: p.Cards, Clients: min(max(p.Clients, 1), MaxClients), Timeout: p.Timeout}
	run, err := newRun(plan)
	if err != nil {
		return Prepared{}, err
	}
	defer run.close()
	states := make([]cardState, len(p.Cards))
	var next atomic.Int64
	var wait sync.WaitGroup
	for _, w := range run.workers {
		w.tally = newTally()
		wait.Go(func() { p.prepareCards(ctx, &preparer{worker: w, Preparation: p}, &next, states) })
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return Prepared{}, fmt.Errorf("prepare cards for %s: %w", base.Host, err)
	}
	return p.sort(states)
}

// cardState is what became of one card.
type cardState struct {
	fresh   bool
	refusal string // empty for a usable card
}

func (p Preparation) prepareCards(ctx context.Context, with *preparer, next *atomic.Int64, states []cardState) {
	for {
		i := int(next.Add(1) - 1)
		if i >= len(p.Cards) || ctx.Err() != nil {
			return
		}
		states[i] = with.prepare(ctx, &p.Cards[i], i >= len(p.Cards)-p.Fresh)
		if p.Progress != nil && (i+1)%progressEvery == 0 {
			fmt.Fprintf(p.Progress, "prepared %d of %d cards\n", i+1, len(p.Cards))
		}
	}
}

// sort puts the cards where they belong.
func (p Preparation) sort(states []cardState) (Prepared, error) {
	done := Prepared{Unusable: make(map[string]int)}
	for i, state := range states {
		switch {
		case state.refusal != "":
			done.Unusable[state.refusal]++
		case state.fresh:
			done.Fresh = append(done.Fresh, p.Cards[i])
		default:
			done.Active = append(done.Active, p.Cards[i])
		}
	}
	if len(done.Active) == 0 {
		return done, fmt.Errorf("no card is usable: %s", done.reasons())
	}
	return done, nil
}

// reasons lists why cards were left out.
func (d Prepared) reasons() string {
	text := ""
	for _, reason := range slices.Sorted(maps.Keys(d.Unusable)) {
		text += fmt.Sprintf("%s (%d) ", reason, d.Unusable[reason])
	}
	if text == "" {
		return "there are none"
	}
	return text[:len(text)-1]
}

// Summary says in a line how many cards are ready and why others are not.
func (d Prepared) Summary() string {
	text := fmt.Sprintf("%d cards ready, %d fresh", len(d.Active), len(d.Fresh))
	if len(d.Unusable) > 0 {
		text += ", left out: " + d.reasons()
	}
	return text
}

// preparer prepares one card at a time.
type preparer struct {
	*worker
	Preparation
}

// prepare brings one card to where it is wanted.
func (p *preparer) prepare(ctx context.Context, card *Card, fresh bool) cardState {
	failure := p.request(ctx, ActivationRequest, card, p.Opening)
	if failure.ErrorType == "CARD_ACTIVATED" {
		return cardState{refusal: p.topUp(ctx, card)}
	}
	if failure != (Failure{}) {
		return cardState{refusal: failure.text()}
	}
	if fresh {
		return cardState{fresh: true, refusal: p.advice(ctx, ActivationReversal)}
	}
	if refusal := p.advice(ctx, ActivationConfirmation); refusal != "" {
		return cardState{refusal: refusal}
	}
	if p.Opening >= p.Funding {
		return cardState{}
	}
	return cardState{refusal: p.topUp(ctx, card)}
}

// topUp loads what a card lacks.
func (p *preparer) topUp(ctx context.Context, card *Card) (refusal string) {
	if failure := p.request(ctx, LookupRequest, card, 0); failure != (Failure{}) {
		return failure.text()
	}
	lacking := p.Funding - availableMinor(p.caller.body)
	if lacking <= 0 {
		return ""
	}
	if failure := p.request(ctx, LoadRequest, card, lacking); failure != (Failure{}) {
		return failure.text()
	}
	return p.advice(ctx, LoadConfirmation)
}

// request sends a request, anew with another id when the server cannot take it now.
func (p *preparer) request(ctx context.Context, kind Kind, card *Card, amountMinor int64) Failure {
	return p.insist(ctx, func() bool { return p.ask(ctx, time.Now(), kind, card, amountMinor) })
}

// advice sends an advice about the last request. With a message of another id the effect is the
// same (rules L3 and L4), so it too may be begun anew.
func (p *preparer) advice(ctx context.Context, kind Kind) (refusal string) {
	return p.insist(ctx, func() bool { return p.advise(ctx, kind) }).text()
}

// insist repeats a message while the server says that it cannot take it now, and returns the
// failure that it was left with: the zero value is none.
func (p *preparer) insist(ctx context.Context, send func() bool) (last Failure) {
	for range prepareAttempts {
		clear(p.tally.faults)
		if send() {
			return Failure{}
		}
		for failure := range p.tally.faults {
			last = failure
		}
		if last.Status != 429 && last.Status != 503 || !pause(ctx, preparePause) {
			return last
		}
	}
	return last
}

// text is empty for no failure.
func (f Failure) text() string {
	if f == (Failure{}) {
		return ""
	}
	return string(f.Kind) + " " + f.what()
}

// availableMinor reads the available balance out of a look-up's response; 0 when it has none.
func availableMinor(body []byte) int64 {
	var response struct {
		Amounts struct {
			AvailableBalance struct {
				Amount int64 `json:"amount"`
			} `json:"availableBalance"`
		} `json:"amounts"`
	}
	if json.Unmarshal(body, &response) != nil {
		return 0
	}
	return response.Amounts.AvailableBalance.Amount
}
