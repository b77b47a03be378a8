package conform

import (
	"fmt"
	"strings"
)

// Script is one file of rules: cases about one topic. A line is one of these; blanks at its head mean nothing.
//
//	# [L3, 2.2/load-confirmed] why           a comment; the rules in brackets hold for the lines below it
//	case NAME                                begins a case; lines before the first belong to every case
//	wire                                     the case looks at the wire
//	only production                          or compatibility: the case is about that profile
//	rounds N                                 the case is played N times
//
//	product p1 opening=sum start=1000        sets a product up; a card, an account likewise (see Setup)
//	card c1 product=p1 expiry=past pin=1234  expiry is YYMM, past, lastMonth or thisMonth; 4010 when left out
//	account till operations=redeem,lookup
//	freeze c1                                unfreeze, unlock, expire likewise
//	settle r1 confirm                        an operator ends a request of the present account; or reverse
//	advance 25h                              moves the issuer's clock
//	restart                                  stops the server and starts it on what it has stored
//	call r1 "TILL-{random}"                  gives an id a text of its own
//	as b                                     who sends from here on; a at first
//	active c1 amount=5                       two messages that bring a card into use
//
//	voucher v1 value=1000,55/840 stock=3     an airtime product (see Offer); a topup likewise. Without stock there is plenty
//	batch b1 of=v1 count=2 expires=48h       vouchers for it
//	network n1 promotion=spring              a mobile network, and below it a number
//	number m1 network=n1 topups=late         of that network, or of none; topups is a Behaviour
//	float till 5000                          a prepaid balance
//	withdraw v1                              takes it from sale
//
//	redeem id=r1 card=c1 amount=400          a request; its kinds are those of Kind
//	confirm id=k1 of=r1 approved=300         an advice, of the request with that name; reverse likewise
//	-> approved requested=400 approved=400 book=600 available=600
//	-> accepted book=600 available=600
//	-> declined CARD_BLOCKED status=400 originalId=r1 fields=card.pan book=600 available=600 c2.book=0 c2.available=0
//	-> refused 415                           declined, and only the status counts
//	-> unknown 500
//	-> answered 200                          something that is not of the contract
//	balance c1 book=600 available=600        looks a card up
//
//	purchase id=p1 product=v1 to=m1          airtime likewise; provision and trial take the same
//	status of=p1 by=reference                a query; msisdn and products are the others
//	-> approved approved=1000 voucher=new batch=b1 stock=2 float=5000/4000
//	-> approved products=v1,t1 operator=n1 promotion=any
//	stock v1 2                               counts the vouchers
//	prepaid till book=5000 available=4000    looks at a float
//
//	together                                 sends what follows at once
//	  redeem card=c1 amount=300 times=20
//	end
//	-> 3 approved, 17 declined INSUFFICIENT_FUNDS
//
// A message without an arrow prepares, and must succeed. Below a message may stand edits of what goes over
// the wire (see Edit), below an arrow checks of what comes back (see Check); several arrows below a together
// block are alternatives. Names of ids, cards, products and holders are the script's own, and stand for
// fresh values each time. The card nobody exists nowhere; the product unknown neither. Balances are those
// of the answer, and of a look-up afterwards. A voucher that is sold must never have been sold before in the case, unless
// voucher names the request whose it is; a status must answer what its purchase did. Stock and float are those of the
// message's product and account, counted afterwards; products are those of the case only.
type Script struct {
	// Name is the file's path without its ending, such as giftcard/load.
	Name  string
	Cases []Case
}

// Case is a sequence of steps that starts from nothing: cards, products and ids of its own.
type Case struct {
	Name string
	Line int
	// Wire says that the case looks at the message on the wire, so that only HTTP targets can play it.
	Wire bool
	// Only limits the case to one profile, when not empty.
	Only Profile
	// Rounds is how often the case is played, each time from nothing; at least 1.
	Rounds int
	Steps  []Step
}

// Step is one line of a script with what belongs to it.
type Step struct {
	Line int
	Text string
	// Rules are the numbers of the rules that the step is played for.
	Rules []string
	Verb  string
	// Names are the words after the verb, Keys its key=value pairs.
	Names []string
	Keys  map[string]string
	Edits []Edit
	// Expects holds what is expected: nothing (the step prepares, and must succeed), one, or for messages
	// sent together one or more alternatives.
	Expects []Expect
	// Together are the messages of a together block.
	Together []Step
}

// Expect is one line that begins with an arrow, and the checks below it.
type Expect struct {
	Line int
	Text string
	// Counts are the outcomes; outside a together block there is exactly one, with count 1.
	Counts []Count
	Keys   map[string]string
	Checks []Check
}

// Count is a number of answers with one outcome.
type Count struct {
	N       int
	Outcome Outcome
	// Type is the errorType of a decline. Status, when not 0, is the status expected instead of the usual.
	Type   string
	Status int
}

// String is the count as a script writes it.
func (c Count) String() string {
	s := fmt.Sprintf("%d %s", c.N, c.Outcome)
	if c.Status != 0 && c.Outcome != Declined {
		s += fmt.Sprintf(" %d", c.Status)
	}
	if c.Type != "" {
		s += " " + c.Type
	}
	return s
}

// Edit changes a message on the wire, after it was built and before it is sent.
//
//	with PATH JSON       sets the member at the dotted path to the JSON text, as it stands
//	without PATH         leaves the member out
//	twice PATH JSON      writes the member, and then once more with this text
//	text TEXT            sends this instead of the body; nothing after the word sends no body
//	padding N            adds a member of N characters
//	at PATH              sends to this path
//	method NAME          sends with this method
//	header NAME: VALUE   sets the header; an empty value leaves it out
//	login NAME:PASSWORD  sends these credentials; the word none sends none
//
// {name} stands for the id, PAN, PIN or expiry of that name (c1, c1.pin, c1.encrypted, c1.expiry), in every text;
// c1.lower is the encrypted PIN in small letters. Of a sale it gives p1.serial, p1.pin, p1.batch, p1.reference, p1.provider.
type Edit struct{ Verb, Path, Text string }

// String is the edit as a script writes it.
func (e Edit) String() string { return strings.TrimRight(e.Verb+" "+e.Path+" "+e.Text, " ") }

// Check looks at an answer on the wire.
//
//	body PATH is JSON          the member has this value
//	body PATH same             the member is as in the message sent
//	body PATH absent           there is no such member; present: there is one
//	body PATH matches REGEXP   the member is a text of this form, from its first to its last character
//	body PATH size N           the array has N entries, the object N members
//	body PATH holds TEXT       the member, written as JSON, contains the text
//	body hides TEXT            the text stands nowhere in the body
//	header NAME matches REGEXP the header has this form
//	header NAME absent         there is no such header
type Check struct {
	Line             int
	Where            string
	Path, Verb, Text string
}

// String is the check as a script writes it.
func (c Check) String() string {
	return strings.Join(strings.Fields(c.Where+" "+c.Path+" "+c.Verb+" "+c.Text), " ")
}

// Profile says which set of rules the server follows where they differ (section 8).
type Profile string

// The two profiles.
const (
	Production    Profile = "production"
	Compatibility Profile = "compatibility"
)

// isMessage says whether the step sends a message.
func (s Step) isMessage() bool { return verbs[s.Verb].message }

// isAdvice says whether the step sends a confirmation or a reversal.
func (s Step) isAdvice() bool { return s.Verb == "confirm" || s.Verb == "reverse" }

// verb says what may stand on a line that begins with it.
type verb struct {
	// names is how many words follow it.
	names   int
	keys    []string
	message bool
}

var saleKeys = []string{"id", "product", "amount", "currency", "to", "from", "times"}

var requestKeys = []string{"id", "card", "expiry", "pin", "encryptedPin", "pinObject", "times"}

// verbs is the whole vocabulary but for the words of a case (case, wire, only, rounds), together and end.
var verbs = map[string]verb{
	"product": {names: 1, keys: []string{"opening", "start", "currency", "minLoad", "maxLoad", "maxBalance",
		"singleLoad", "singleUse", "pinRequired", "pinTries", "replaceFrozen", "velocity"}},
	"card":     {names: 1, keys: []string{"product", "currency", "expiry", "pin", "encryptedPin", "profile", "msisdn", "email"}},
	"account":  {names: 1, keys: []string{"operations", "products", "cards", "wrongPerMinute", "holderLookup", "velocity"}},
	"call":     {names: 2},
	"freeze":   {names: 1},
	"unfreeze": {names: 1},
	"unlock":   {names: 1},
	"expire":   {names: 1},
	"settle":   {names: 2},
	"advance":  {names: 1},
	"restart":  {},
	"as":       {names: 1},
	"active":   {names: 1, keys: []string{"amount", "product", "currency"}},
	"balance":  {names: 1, keys: []string{"book", "available"}},

	"activate": {keys: append([]string{"product", "amount", "currency"}, requestKeys...), message: true},
	"load":     {keys: append([]string{"product", "amount", "currency"}, requestKeys...), message: true},
	"redeem":   {keys: append([]string{"amount", "currency", "points"}, requestKeys...), message: true},
	"void":     {keys: requestKeys, message: true},
	"replace":  {keys: append([]string{"to", "toExpiry", "toPin"}, requestKeys...), message: true},
	"transfer": {keys: append([]string{"to", "toExpiry", "amount", "currency"}, requestKeys...), message: true},
	"lookup":   {keys: append([]string{"profile", "msisdn", "email"}, requestKeys...), message: true},

	"voucher":  {names: 1, keys: append([]string{"stock", "returned"}, offerKeys...)},
	"topup":    {names: 1, keys: offerKeys},
	"batch":    {names: 1, keys: []string{"of", "count", "expires"}},
	"withdraw": {names: 1},
	"network":  {names: 1, keys: []string{"country", "promotion"}},
	"number":   {names: 1, keys: []string{"network", "topups"}},
	"float":    {names: 2},
	"stock":    {names: 2},
	"prepaid":  {names: 1, keys: []string{"book", "available"}},

	"provision": {keys: saleKeys, message: true},
	"purchase":  {keys: saleKeys, message: true},
	"trial":     {keys: saleKeys, message: true},
	"status":    {keys: []string{"of", "by", "times"}, message: true},
	"msisdn":    {keys: []string{"number", "from", "operator", "type", "channel", "category"}, message: true},
	"products":  {keys: []string{"channel"}, message: true},

	"confirm": {keys: []string{"id", "of", "kind", "approved", "currency", "times"}, message: true},
	"reverse": {keys: []string{"id", "of", "kind", "approved", "currency", "reason", "times"}, message: true},
}

// expectKeys are what may follow the outcome of an expectation; NAME.book and NAME.available, for
// another card than the message's own, come in addition.
var expectKeys = []string{"status", "originalId", "requestType", "id", "requested", "approved", "book",
	"available", "product", "fields",
	"voucher", "batch", "as", "msisdn", "operator", "promotion", "products", "stock", "float"}
