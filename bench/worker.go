package bench

import (
	"context"
	crand "crypto/rand"
	"errors"
	"math/rand/v2"
	"time"
)

// worker is one client: a connection, and one message at a time on it.
type worker struct {
	run      *run
	messages map[Kind]*message
	caller   caller
	random   *rand.Rand
	cycle    func(context.Context, *worker, time.Time) bool
	tally    *tally

	values           values
	request, scratch []byte // reused for every message
	parties          []byte // the references that the last response came with
	fallback         template
}

// sequenceSpan is how many messages a worker may number before it runs into the next one's
// numbers. Twelve digits hold the numbers of MaxClients workers.
const sequenceSpan = 100_000_000

func newWorker(r *run, messages map[Kind]*message, caller caller, number int) *worker {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails, as its documentation says
	return &worker{
		run: r, messages: messages, caller: caller,
		random:   rand.New(rand.NewChaCha8(seed)),
		cycle:    cycles[r.plan.Mode],
		values:   values{sequence: uint64(number) * sequenceSpan},
		fallback: cut(requestParties(r.plan.Target)),
	}
}

// work runs cycles for as long as the schedule has turns. After a message without an answer it
// pauses, so that a server that is gone is not dialled in a tight loop.
func (w *worker) work(ctx context.Context, schedule *schedule) {
	for {
		due, ok := schedule.turn(ctx)
		if !ok {
			return
		}
		if w.cycle(ctx, w, due) {
			w.tally.cycles++
		} else if w.caller.conn == nil {
			pause(ctx, redialPause)
		}
	}
}

// cycles gives what one cycle of each mode does. A cycle is true when all its messages were
// acknowledged.
var cycles = map[Mode]func(context.Context, *worker, time.Time) bool{
	ModeRedeem: func(ctx context.Context, w *worker, due time.Time) bool {
		return w.pair(ctx, due, RedemptionRequest, RedemptionConfirmation, w.anyCard())
	},
	ModeRedeemOnly: redeemOnly,
	ModeHot:        redeemOnly,
	ModeLoad: func(ctx context.Context, w *worker, due time.Time) bool {
		return w.pair(ctx, due, LoadRequest, LoadConfirmation, w.anyCard())
	},
	ModeLookup: func(ctx context.Context, w *worker, due time.Time) bool {
		return w.ask(ctx, due, LookupRequest, w.anyCard(), 0)
	},
	ModeDay: day,
	ModeVoucher: func(ctx context.Context, w *worker, due time.Time) bool {
		return w.pair(ctx, due, PurchaseRequest, PurchaseConfirmation, nil)
	},
	ModeVoucherOnly: func(ctx context.Context, w *worker, due time.Time) bool {
		return w.ask(ctx, due, PurchaseRequest, nil, w.amount())
	},
}

func redeemOnly(ctx context.Context, w *worker, due time.Time) bool {
	return w.ask(ctx, due, RedemptionRequest, w.anyCard(), w.amount())
}

// day draws what happens next at the tills.
func day(ctx context.Context, w *worker, due time.Time) bool {
	switch draw := w.random.IntN(100); {
	case draw < 60:
		return w.pair(ctx, due, RedemptionRequest, RedemptionConfirmation, w.anyCard())
	case draw < 75:
		return w.pair(ctx, due, LoadRequest, LoadConfirmation, w.anyCard())
	case draw < 95:
		return w.ask(ctx, due, LookupRequest, w.anyCard(), 0)
	case draw < 98:
		return w.activate(ctx, due)
	}
	return w.pair(ctx, due, RedemptionRequest, RedemptionReversal, w.anyCard())
}

// activate activates a fresh card and confirms it. The last fresh cards, one for each client, are
// reversed instead and used again, so that a long day does not run out of cards to activate.
func (w *worker) activate(ctx context.Context, due time.Time) bool {
	card := <-w.run.fresh
	if len(w.run.fresh) >= len(w.run.workers) {
		return w.pair(ctx, due, ActivationRequest, ActivationConfirmation, &card)
	}
	done := w.pair(ctx, due, ActivationRequest, ActivationReversal, &card)
	w.run.fresh <- card
	return done
}

// pair sends a request and, once it is approved, its advice.
func (w *worker) pair(ctx context.Context, due time.Time, request, advice Kind, card *Card) bool {
	amountMinor := w.amount()
	if request == ActivationRequest {
		amountMinor = w.run.plan.Opening
	}
	return w.ask(ctx, due, request, card, amountMinor) && w.advise(ctx, advice)
}

func (w *worker) anyCard() *Card {
	return &w.run.plan.Cards[w.random.IntN(len(w.run.plan.Cards))]
}

// amount draws an amount around the planned one, in minor units.
func (w *worker) amount() int64 {
	return 1 + w.random.Int64N(2*w.run.plan.Amount-1)
}

// ask sends a request whose clock has been running since it was due. It leaves in values.request
// and parties what an advice about it needs.
func (w *worker) ask(ctx context.Context, due time.Time, kind Kind, card *Card, amountMinor int64) bool {
	w.values.id = newID(w.random)
	w.values.request = w.values.id
	w.values.card, w.values.amount = card, amountMinor
	body, approved := w.send(ctx, due, kind)
	if approved {
		w.keepParties(body)
	}
	return approved
}

// advise sends an advice about the last request. It is due as soon as it can be sent.
func (w *worker) advise(ctx context.Context, kind Kind) bool {
	w.values.id = newID(w.random)
	w.values.parties = w.parties
	_, accepted := w.send(ctx, time.Now(), kind)
	return accepted
}

// keepParties keeps a copy of the references in a response, which advices return unaltered, or
// makes the request's own when the response has none.
func (w *worker) keepParties(body []byte) {
	if parties := scanArray(body, "thirdPartyIdentifiers"); parties != nil {
		w.parties = append(w.parties[:0], parties...)
		return
	}
	w.parties = w.fallback.append(w.parties[:0], &w.values)
}

// send sends one message and counts what came of it.
func (w *worker) send(ctx context.Context, due time.Time, kind Kind) (body []byte, acknowledged bool) {
	w.values.at = time.Now()
	w.values.sequence++
	w.request, w.scratch = w.messages[kind].append(w.request[:0], w.scratch, &w.values)
	got, err := w.caller.exchange(ctx, w.request)
	latency := time.Since(due)
	if err == nil && got.status == kind.success() {
		w.count(kind, latency, got.body)
		return got.body, true
	}
	w.countFailure(failureOf(kind, got, err))
	return nil, false
}

func (w *worker) count(kind Kind, latency time.Duration, body []byte) {
	counted := w.tally.of(kind)
	counted.latency.Record(latency)
	counted.sumMinor += w.values.amount
	counted.bytes += int64(len(body))
	w.run.log.acknowledged(kind, &w.values)
}

func (w *worker) countFailure(failure Failure) {
	w.tally.faults[failure]++
	if failure.unknown() {
		w.run.log.unknown(failure.Kind, &w.values)
	}
}

func failureOf(kind Kind, got answer, err error) Failure {
	var broken *transportError
	if errors.As(err, &broken) {
		return Failure{Kind: kind, Transport: broken.fault}
	}
	return Failure{Kind: kind, Status: got.status, ErrorType: boundedType(scanString(got.body, "errorType"))}
}

// maxErrorType bounds what is kept of an errorType; the contract's longest has 30 characters.
const maxErrorType = 40

func boundedType(errorType string) string {
	return errorType[:min(len(errorType), maxErrorType)]
}
