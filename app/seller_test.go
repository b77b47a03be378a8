package app_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// seller works at a till in front of servers that fail, as a client must (docs/rules.md 1.1 and 1.2): what was approved he ends, or
// knows to be open; what had no answer he reverses; and what he says of it he repeats until it is answered for good.
type seller struct {
	worker
	market  *market
	at      func() (h *house, gone, next <-chan struct{}) // where he sends a message, as front.at
	account string
	made    []*deal
	missed  []miss
	looked  int       // look-ups that were answered
	closing time.Time // since when he has only what he has begun to end; zero before
}

// miss is a message that was not answered for good: whoever sent it has to send it once more, or to ask what became of it.
type miss struct {
	at      *house
	message string
	answer  answer
}

// deal is one request and what its seller has heard of it.
type deal struct {
	sale             // of a purchase
	resource, id     string
	account          string
	card             card
	number           int // of the card in the market; -1 of one that nobody else has
	amount           int64
	answer           answer // the definite one; its status is 0 while it is unknown
	advice, adviceID string // confirmations, reversals, or empty
	settled          bool   // the advice is answered for good
	gone             bool   // there never was such a request
}

func (d *deal) approved() bool { return d.answer.status == http.StatusCreated }
func (d *deal) refused() bool  { return d.answer.status == http.StatusBadRequest }
func (d *deal) away() bool     { return d.answer.status == http.StatusServiceUnavailable }

// stands says whether the deal was made and has not been taken back.
func (d *deal) stands() bool { return d.approved() && d.advice != "reversals" }

func (d *deal) String() string {
	return fmt.Sprintf("%s %s, answered %d %s, then %q %s, settled %t, gone %t",
		d.resource, d.id, d.answer.status, d.answer.refusal(), d.advice, d.adviceID, d.settled, d.gone)
}

// last is the deal that was made last.
func (s *seller) last() *deal { return s.made[len(s.made)-1] }

// step does one thing: a deal, or an advice of an earlier one, or one once more. It says whether there is more to do.
func (s *seller) step(t *testing.T) bool {
	closing := s.market.closing.Load()
	switch d := s.unsettled(); {
	case t.Context().Err() != nil:
		return false
	case d != nil && closing && !s.hasTime(t, d):
		return false
	case d != nil && (closing || s.random.IntN(2) == 0):
		s.advise(t, d)
		return true
	case closing:
		return false
	case s.market.curious && s.random.IntN(8) == 0:
		s.look(t)
		return true
	case len(s.made) > 0 && s.random.IntN(10) == 0:
		s.again(t, s.made[s.random.IntN(len(s.made))])
		return true
	}
	d := s.begin(t, s.wish())
	s.ask(t, d)
	if d.advice == "" && s.random.IntN(4) > 0 {
		s.decide(d)
	}
	if d.advice != "" {
		s.advise(t, d)
	}
	return true
}

// hasTime says whether an advice that only has to be answered may still take a while.
func (s *seller) hasTime(t *testing.T, d *deal) bool {
	if s.closing.IsZero() {
		s.closing = time.Now()
	}
	if time.Since(s.closing) < patience {
		return true
	}
	t.Errorf("%s: its advice is not answered for good", d)
	return false
}

// deals makes one deal and ends it, or leaves it open when advice is empty.
func (s *seller) deals(t *testing.T, resource, advice string) {
	d := s.begin(t, resource)
	s.ask(t, d)
	if d.approved() && advice != "" || d.refused() && advice == "reversals" {
		d.advice, d.adviceID = advice, newID()
	}
	for d.advice != "" && !d.settled && t.Context().Err() == nil && s.hasTime(t, d) {
		s.advise(t, d)
	}
	s.closing = time.Time{}
	s.again(t, d)
}

// refusable is a redemption of more than there is.
const refusable = "declined"

// wish is what the next customer wants.
func (s *seller) wish() string { return s.market.wishes[s.random.IntN(len(s.market.wishes))] }

// begin remembers a deal that is about to be made.
func (s *seller) begin(t *testing.T, resource string) *deal {
	n := len(s.made)
	d := &deal{resource: resource, id: newID(), account: s.account, number: n % marketCards, amount: int64(1 + n%50)}
	d.card = s.market.cards[d.number]
	switch resource {
	case "activations":
		d.card, d.number = s.market.newCard(t), -1
	case refusable:
		d.resource, d.amount = "redemptions", 2*crashOpening
	case "purchases":
		if d.sale = s.market.shelf[n%len(s.market.shelf)]; d.product == topUp {
			d.sale.number, d.sale.amount = crashNumbers[n%len(crashNumbers)], int64(100+20*(n%50))
		}
	}
	s.made = append(s.made, d)
	return d
}

// ask sends the request, once. What has no answer is to be reversed.
func (s *seller) ask(t *testing.T, d *deal) {
	a := s.send(t, d.resource+" "+d.id, func(l *till) answer {
		if d.product != "" {
			return l.buy(d.id, d.sale)
		}
		return l.ask(d.resource, d.id, d.card, d.amount)
	})
	switch {
	case a.status == http.StatusCreated, a.status == http.StatusServiceUnavailable, a.status == http.StatusBadRequest && d.mayBeRefused(a.refusal()):
		d.answer = a
		s.market.answers.came()
		if d.away() {
			time.Sleep(slowestAgain) // or he would be turned away for as long as he asks, and nothing else
		}
		return
	case a.status != 0 && !unknown(a):
		t.Errorf("the request of %s was answered %v", d, a)
	}
	d.advice, d.adviceID = "reversals", newID()
}

// mayBeRefused says whether a request can have been refused for a reason: there was not enough on the card, or somebody
// doubled it on its way.
func (d *deal) mayBeRefused(reason string) bool {
	return reason == "DUPLICATE_RECORD" || reason == "INSUFFICIENT_FUNDS" && d.amount > crashOpening
}

// decide ends what was approved, and now and then takes back what was refused.
func (s *seller) decide(d *deal) {
	switch {
	case d.approved() && s.random.IntN(3) > 0:
		d.advice = "confirmations"
	case d.approved(), d.refused() && s.random.IntN(3) == 0:
		d.advice = "reversals"
	default:
		return
	}
	d.adviceID = newID()
}

// unsettled gives an advice that is not answered for good: another one each time.
func (s *seller) unsettled() *deal {
	var left []*deal
	for _, d := range s.made {
		if d.advice != "" && !d.settled {
			left = append(left, d)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return left[s.random.IntN(len(left))]
}

// advise sends a deal's advice, or sends it again.
func (s *seller) advise(t *testing.T, d *deal) {
	a := s.sayAgain(t, d)
	switch {
	case a.status == http.StatusAccepted:
		d.settled = true
	case a.status == http.StatusNotFound && a.refusal() == "UNABLE_TO_LOCATE_RECORD" && d.advice == "reversals" && d.answer.status == 0:
		d.settled, d.gone = true, true
	case a.definite():
		t.Errorf("the advice of %s was answered %v", d, a)
		d.settled = true
	default:
		return
	}
	s.market.answers.came()
}

// again repeats an advice that was answered for good, which changes nothing.
func (s *seller) again(t *testing.T, d *deal) {
	if !d.settled || d.gone {
		return
	}
	a := s.sayAgain(t, d)
	if a.status != http.StatusAccepted && a.definite() {
		t.Errorf("the repeated advice of %s was answered %v", d, a)
	}
}

func (s *seller) sayAgain(t *testing.T, d *deal) answer {
	return s.send(t, d.advice+" "+d.adviceID+" of "+d.id, d.advises)
}

func (d *deal) advises(l *till) answer {
	switch {
	case d.product != "":
		return l.end(d.advice, d.id, d.adviceID)
	case d.advice == "reversals":
		return l.reverse(d.resource, d.id, d.adviceID)
	}
	return l.confirm(d.resource, d.id, d.adviceID)
}

// look asks what a card has, or how an earlier purchase ended, which any server tells.
func (s *seller) look(t *testing.T) {
	want, about, ask := http.StatusCreated, "a look-up", func(l *till) answer {
		return l.ask("lookupGiftcard", newID(), s.market.cards[0], -1)
	}
	if d := s.anyDeal(); d != nil && d.product != "" && d.stands() {
		want, about, ask = http.StatusOK, "the status of "+d.id, func(l *till) answer { return l.status(d.id) }
	}
	switch a := s.send(t, about, ask); {
	case a.status == want:
		s.looked++
	case a.definite():
		t.Errorf("%s was answered %v", about, a)
	}
}

// anyDeal is one of those that were made, if there are any.
func (s *seller) anyDeal() *deal {
	if len(s.made) == 0 {
		return nil
	}
	return s.made[s.random.IntN(len(s.made))]
}

// definite says whether nothing else can be heard by sending the message once more.
func (a answer) definite() bool { return a.status != 0 && a.status < http.StatusInternalServerError }

// send sends a message to whoever is to get it. When there is no answer it waits until the server has come back: one that
// is alive answers.
func (s *seller) send(t *testing.T, what string, message func(l *till) answer) answer {
	h, gone, next := s.at()
	a := message(h.at(s.market.tills[s.account]))
	if !a.definite() {
		s.missed = append(s.missed, miss{h, what, a})
	}
	if a.status != 0 {
		return a
	}
	select {
	case <-gone:
	case <-t.Context().Done():
		return a
	case <-time.After(patience):
		t.Errorf("a server that lives has not answered: %v", a)
		return a
	}
	select {
	case <-next:
	case <-t.Context().Done():
	}
	return a
}
