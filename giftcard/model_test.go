package giftcard_test

import (
	"time"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
)

// model is gift cards as one would explain them to a shopkeeper: two numbers and a status for each card, and a
// list of what has been asked. It knows no ledger, no entries and no store. Sums are plain integers.
type model struct {
	now      time.Time
	products map[string]*giftcard.Product
	cards    map[string]*modelCard
	requests map[string]*modelRequest // approved, declined and ended ones, by id
	used     map[string]bool          // ids of all messages
	sent     map[sentID]string        // what an account sent under an id
	early    map[sentID]bool          // requests whose reversal came first
	paces    map[string]int64         // redemptions of a card in a day
}

type sentID struct{ account, id string }

type modelCard struct {
	status           giftcard.Status
	product          *giftcard.Product
	currency, expiry string
	seeded, pin      string
	frozen           bool
	book, available  int64
	loads, wrong     int32
	heir             *modelCard
}

type modelRequest struct {
	account           string
	kind              conform.Kind
	state             string // open, confirmed, reversed or declined
	card, target      *modelCard
	amount, requested int64 // all that moves, and the part that was asked for
	final             int64
	currency, day     string
}

// Outcomes that are no reason of a refusal.
const (
	approved = "approved"
	accepted = "accepted"
)

// rule is one check: when it applies, the reason is the answer.
type rule struct {
	applies bool
	reason  decline.Reason
}

// first gives the reason of the first rule that applies; empty when none does.
func first(rules ...rule) string {
	for _, r := range rules {
		if r.applies {
			return string(r.reason)
		}
	}
	return ""
}

// take decides a message and gives what the answer must be.
func (m *model) take(msg conform.Message) string {
	if msg.Act == conform.Request {
		return m.request(msg)
	}
	return m.advice(msg)
}

func (m *model) request(msg conform.Message) string {
	if m.used[msg.ID] {
		return string(decline.DuplicateRecord)
	}
	m.used[msg.ID], m.sent[sentID{msg.Account, msg.ID}] = true, "request"
	r := &modelRequest{account: msg.Account, kind: msg.Kind, state: "declined", currency: "710", day: m.now.Format(time.DateOnly)}
	if msg.Kind == conform.Lookup {
		return m.lookUp(msg)
	}
	m.requests[msg.ID] = r
	r.card, r.target = m.cards[panOf(msg.Card)], m.cards[panOf(msg.Target)]
	refusal := string(decline.GeneralError)
	if !m.early[sentID{msg.Account, msg.ID}] {
		refusal = m.judge(msg, r)
	}
	if refusal != "" {
		return refusal
	}
	r.state, r.currency = "open", r.card.currency
	m.apply(msg, r)
	return approved
}

func (m *model) lookUp(msg conform.Message) string {
	if m.cards[panOf(msg.Card)] == nil {
		return string(decline.InvalidCardNumber)
	}
	return approved
}

func panOf(c *conform.Card) string {
	if c == nil {
		return ""
	}
	return c.PAN
}

func (m *model) judge(msg conform.Message, r *modelRequest) string {
	two := msg.Kind == conform.Replace || msg.Kind == conform.Transfer
	if r.card == nil || two && (r.target == nil || r.target == r.card) {
		return string(decline.InvalidCardNumber)
	}
	switch msg.Kind {
	case conform.Activate:
		return m.judgeActivation(msg, r)
	case conform.Load:
		return m.judgeLoad(msg, r.card)
	case conform.Redeem:
		return m.judgeRedemption(msg, r)
	case conform.Void:
		return first(append(usable(r.card), rule{msg.Card.Expiry != r.card.expiry, decline.GeneralError},
			rule{m.past(r.card), decline.CardExpired})...)
	case conform.Replace:
		return m.judgeReplace(msg, r)
	}
	return m.judgeTransfer(msg, r)
}

func (m *model) judgeActivation(msg conform.Message, r *modelRequest) string {
	c, p := r.card, m.products[msg.Product]
	if p == nil {
		return string(decline.InvalidProduct)
	}
	asked, start := int64(0), int64(p.StartBalance)
	foreign := c.currency != p.Currency.String()
	if msg.Amount != nil {
		asked, foreign = msg.Amount.Minor, foreign || msg.Amount.Currency != p.Currency.String()
	}
	fixed := p.Opening == giftcard.OpeningFixed
	r.requested, r.amount = asked, start+asked
	if fixed {
		r.requested, r.amount = 0, start
	}
	return first(
		rule{asked < 0 || foreign || fixed && asked != 0 && asked != start, decline.InvalidAmount},
		rule{c.status == giftcard.Activated || c.status == giftcard.ActivatedConfirmed, decline.CardActivated},
		rule{c.status != giftcard.New, decline.CardVoided},
		rule{c.frozen, decline.CardBlocked},
		rule{p.MaxBalance > 0 && r.amount > int64(p.MaxBalance), decline.InvalidAmount},
		rule{m.wrongExpiry(c, msg.Card), decline.CardExpired},
	)
}

func (m *model) judgeLoad(msg conform.Message, c *modelCard) string {
	if refusal := first(append(amountFor(msg, c), usable(c)...)...); refusal != "" {
		return refusal
	}
	amount, p := msg.Amount.Minor, c.product
	return first(
		rule{amount < int64(p.MinLoad) || p.MaxLoad > 0 && amount > int64(p.MaxLoad), decline.InvalidAmount},
		rule{p.MaxBalance > 0 && c.book+amount > int64(p.MaxBalance), decline.InvalidAmount},
		rule{p.SingleLoad && c.loads > 0, decline.TransactionNotSupported},
		rule{m.wrongExpiry(c, msg.Card), decline.CardExpired},
	)
}

func (m *model) judgeRedemption(msg conform.Message, r *modelRequest) string {
	c := r.card
	if refusal := first(append(amountFor(msg, c), usable(c)...)...); refusal != "" {
		return refusal
	}
	amount := msg.Amount.Minor
	refusal := first(rule{c.product.SingleUse && amount < c.available, decline.InvalidAmount}, rule{amount > c.available, decline.InsufficientFunds})
	if refusal == "" {
		refusal = c.tryPIN(msg.Card.ClearPIN)
	}
	if refusal != "" {
		return refusal
	}
	limit := int64(0)
	for _, v := range c.product.Velocity {
		limit = v.MaxCount
	}
	return first(
		rule{m.wrongExpiry(c, msg.Card), decline.CardExpired},
		rule{limit > 0 && m.paces[msg.Card.PAN+r.day] >= limit, decline.DoNotHonour},
	)
}

func (m *model) judgeReplace(msg conform.Message, r *modelRequest) string {
	old, fresh := r.card, r.target
	refusal := first(
		rule{old.currency != fresh.currency, decline.InvalidAmount},
		rule{old.status < giftcard.ActivatedConfirmed, decline.CardNotActivated},
		rule{old.status > giftcard.ActivatedConfirmed, decline.CardVoided},
		rule{old.frozen || fresh.frozen, decline.CardBlocked},
		rule{fresh.status == giftcard.Activated || fresh.status == giftcard.ActivatedConfirmed, decline.CardActivated},
		rule{fresh.status != giftcard.New, decline.CardVoided},
	)
	if refusal == "" {
		refusal = old.tryPIN(msg.Card.ClearPIN)
	}
	if refusal == "" {
		refusal = first(rule{m.wrongExpiry(old, msg.Card) || m.wrongExpiry(fresh, msg.Target), decline.CardExpired})
	}
	return refusal
}

func (m *model) judgeTransfer(msg conform.Message, r *modelRequest) string {
	from, to := r.card, r.target
	if refusal := first(append(usable(from), usable(to)...)...); refusal != "" {
		return refusal
	}
	refusal := first(amountFor(msg, from)...)
	if refusal != "" {
		return refusal
	}
	amount := msg.Amount.Minor
	refusal = first(
		rule{from.currency != to.currency, decline.InvalidAmount},
		rule{to.product.MaxBalance > 0 && to.book+amount > int64(to.product.MaxBalance), decline.InvalidAmount},
		rule{from.product.SingleUse && amount < from.available, decline.InvalidAmount},
		rule{amount > from.available, decline.InsufficientFunds},
	)
	if refusal == "" {
		refusal = from.tryPIN(msg.Card.ClearPIN)
	}
	if refusal == "" {
		refusal = first(rule{m.wrongExpiry(from, msg.Card) || m.wrongExpiry(to, msg.Target), decline.CardExpired})
	}
	return refusal
}

func amountFor(msg conform.Message, c *modelCard) []rule {
	return []rule{{msg.Amount == nil || msg.Amount.Minor <= 0 || msg.Amount.Currency != c.currency, decline.InvalidAmount}}
}

func usable(c *modelCard) []rule {
	return []rule{
		{c.status < giftcard.ActivatedConfirmed, decline.CardNotActivated},
		{c.status > giftcard.ActivatedConfirmed, decline.CardVoided},
		{c.frozen, decline.CardBlocked},
	}
}

// past says that the card's month is over: YYMM of two dates compare as texts.
func (m *model) past(c *modelCard) bool { return c.expiry < m.now.Format("0601") }

func (m *model) wrongExpiry(c *modelCard, sent *conform.Card) bool {
	return sent.Expiry != c.expiry || m.past(c)
}

func (c *modelCard) tryPIN(pin string) string {
	tries := c.product.PINTries
	if tries > 0 && c.wrong >= tries {
		return string(decline.PINAttemptsExceeded)
	}
	if pin != c.pin || pin == "" && c.product.PINRequired {
		c.wrong++
		return string(decline.IncorrectPIN)
	}
	c.wrong = 0
	return ""
}

// apply does what an approved request does at once.
func (m *model) apply(msg conform.Message, r *modelRequest) {
	c := r.card
	if msg.Amount != nil && msg.Kind != conform.Activate && msg.Kind != conform.Void && msg.Kind != conform.Replace {
		r.amount, r.requested = msg.Amount.Minor, msg.Amount.Minor
	}
	switch msg.Kind {
	case conform.Activate:
		c.status, c.product, c.loads, c.wrong = giftcard.Activated, m.products[msg.Product], 0, 0
		c.book = r.amount
		if msg.Card.ClearPIN != "" {
			c.pin = msg.Card.ClearPIN
		}
	case conform.Load:
		c.book, c.loads = c.book+r.amount, c.loads+1
	case conform.Redeem:
		c.move(-r.amount)
		m.paces[msg.Card.PAN+r.day]++
	case conform.Void:
		c.status, r.amount = giftcard.Voided, c.available
	case conform.Replace:
		r.amount = c.available
		c.move(-r.amount)
		c.status, c.heir = giftcard.Replaced, r.target
		r.target.status, r.target.product, r.target.book, r.target.loads, r.target.wrong = giftcard.Activated, c.product, r.amount, c.loads, 0
		if msg.Target.ClearPIN != "" {
			r.target.pin = msg.Target.ClearPIN
		}
	case conform.Transfer:
		c.move(-r.amount)
		r.target.book += r.amount
	}
}

// move changes both balances.
func (c *modelCard) move(amount int64) { c.book, c.available = c.book+amount, c.available+amount }

func (m *model) advice(msg conform.Message) string {
	key, what := sentID{msg.Account, msg.ID}, string(msg.Kind)+string(msg.Act)+msg.RequestID
	if before := m.sent[key]; before != "" && before != what {
		return string(decline.DuplicateRecord)
	}
	known := m.used[msg.RequestID]
	m.used[msg.ID], m.sent[key] = true, what
	r := m.requests[msg.RequestID]
	if r != nil && r.account == msg.Account && r.kind == msg.Kind {
		return m.end(msg, r)
	}
	if known && msg.Act == conform.Reversal {
		return string(decline.GeneralError)
	}
	if !known && msg.Act == conform.Reversal {
		m.early[sentID{msg.Account, msg.RequestID}] = true
	}
	return string(decline.UnableToLocateRecord)
}

// end is an advice for a request of the same account and kind.
func (m *model) end(msg conform.Message, r *modelRequest) string {
	wanted := "confirmed"
	if msg.Act == conform.Reversal {
		wanted = "reversed"
	}
	switch {
	case r.state == "declined" && wanted == "confirmed":
		return string(decline.GeneralError)
	case r.state == "declined":
		return accepted
	case r.state != "open" && r.state != wanted:
		return r.tooLate(wanted)
	case !r.mayBe(msg.Approved, wanted):
		return string(decline.InvalidAmount)
	case r.state == "open" && wanted == "confirmed":
		r.final = r.amount
		if msg.Approved != nil && r.requested > 0 {
			r.final = r.amount - r.requested + msg.Approved.Minor
		}
		r.confirm()
	case r.state == "open":
		m.reverse(r)
	}
	r.state = wanted
	r.follow()
	return accepted
}

func (r *modelRequest) tooLate(wanted string) string {
	activation := r.kind == conform.Activate
	return first(
		rule{wanted == "confirmed", decline.GeneralError},
		rule{activation && r.card.status > giftcard.ActivatedConfirmed, decline.CardVoided},
		rule{activation, decline.CardActivated},
		rule{r.kind == conform.Void, decline.CardVoided},
		rule{true, decline.TransactionNotSupported},
	)
}

// mayBe says whether an advice may name this final amount (L15).
func (r *modelRequest) mayBe(named *conform.Amount, wanted string) bool {
	if named == nil {
		return true
	}
	full := r.requested
	if full == 0 {
		full = r.amount
	}
	if named.Minor <= 0 || named.Currency != r.currency || named.Minor > full {
		return false
	}
	if r.state == "confirmed" {
		return named.Minor == full-(r.amount-r.final)
	}
	return named.Minor == full || wanted == "confirmed" && r.requested > 0
}

func (r *modelRequest) confirm() {
	c, less := r.card, r.amount-r.final
	switch r.kind {
	case conform.Activate:
		c.status = giftcard.ActivatedConfirmed
		c.book, c.available = c.book-less, c.available+r.final
	case conform.Load:
		c.book, c.available = c.book-less, c.available+r.final
	case conform.Redeem:
		c.move(less)
	case conform.Void:
		c.status = giftcard.VoidedConfirmed
	case conform.Replace:
		c.status, r.target.status = giftcard.ReplacedConfirmed, giftcard.ActivatedConfirmed
		r.target.available += r.final
	case conform.Transfer:
		c.move(less)
		r.target.book, r.target.available = r.target.book-less, r.target.available+r.final
	}
}

func (m *model) reverse(r *modelRequest) {
	c := r.card
	switch r.kind {
	case conform.Activate:
		c.renew()
	case conform.Load:
		c.book -= r.amount
		for counted := c; counted != nil; counted = counted.heir { // whoever took over from it took the count over, too
			counted.loads = max(0, counted.loads-1)
		}
	case conform.Redeem:
		c.move(r.amount)
		for pan, card := range m.cards {
			if card == c {
				m.paces[pan+r.day]--
			}
		}
	case conform.Void:
		c.status = giftcard.ActivatedConfirmed
	case conform.Replace:
		c.move(r.amount)
		c.status, c.heir = giftcard.ActivatedConfirmed, nil
		r.target.renew()
	case conform.Transfer:
		c.move(r.amount)
		r.target.book -= r.amount
	}
}

// renew makes the card what it was before its activation.
func (c *modelCard) renew() {
	c.status, c.product, c.book, c.available, c.pin, c.loads, c.wrong = giftcard.New, nil, 0, 0, c.seeded, 0, 0
}

// follow hands on what has come free on cards that were replaced for good.
func (r *modelRequest) follow() {
	for _, c := range []*modelCard{r.card, r.target} {
		for c != nil && c.status == giftcard.ReplacedConfirmed {
			free := c.available
			c.move(-free)
			c.heir.move(free)
			c = c.heir
		}
	}
}
