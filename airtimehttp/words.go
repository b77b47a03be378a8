package airtimehttp

import (
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
)

// read turns a body that has been judged into a request, all but its body. The error is an *exchange.Malformed, of an
// unknown currency, or a refusal of who sends it (rule A4).
func (s *Server) read(x *exchange.Exchange) (*airtime.Request, error) {
	amount, err := x.RequestAmount()
	if err != nil {
		return nil, err
	}
	if refusal := s.checkClient(x); refusal != nil {
		return nil, refusal
	}
	msg := x.Message
	product, _ := msg.Text(s.slots.productID)
	channel, _ := msg.Text(s.slots.channelID)
	merchant, _ := msg.Text(s.slots.merchantID)
	return &airtime.Request{
		Family: x.Operation.Family, ID: x.ID(), Sender: x.Sender, Received: x.Received, Product: product, Amount: amount, Channel: channel, Merchant: merchant,
		Recipient: number(msg, s.slots.recipientMSISDN), Buyer: number(msg, s.slots.buyerMSISDN),
		Collect: s.collects(msg), References: x.References(), Labels: labels(msg.Value(s.slots.labels)), Wire: x.Wire(),
	}, nil
}

// checkClient asks that a request comes from who it says it is from (rule A4), unless its sender speaks for others.
// Who came without a name is nobody's client.
func (s *Server) checkClient(x *exchange.Exchange) error {
	id, _ := x.Message.Text(s.slots.clientID)
	if x.Sender.Intermediary || x.Sender.Name != "" && x.Sender.Name == id {
		return nil
	}
	return decline.New(decline.FormatError, "the client is not who sends the message")
}

// number reads a number that the document has judged; what is absent is none.
func number(msg *wire.Message, at wire.Slot) ident.MSISDN {
	text, _ := msg.Text(at)
	parsed, _ := ident.ParseMSISDN(text)
	return parsed
}

// collects says whether money is still to be collected.
func (s *Server) collects(msg *wire.Message) bool {
	for method := range msg.Elements(s.slots.payments) {
		if method.Exists() {
			return true
		}
	}
	return false
}

// isToken names the members of a payment that are as good as money, or are read from a card, and so do not rest.
func isToken(name []byte) bool {
	switch strings.ToLower(string(name)) {
	case "token", "partnerpaymenttoken", "rewardcode", "walletid", "proxy",
		"track1", "track2", "track3", "track1data", "track2data", "trackdata", "magstripe", "iccdata", "emvdata",
		"cvv", "cvv2", "cvc", "cvc2", "csc", "securitycode":
		return true
	}
	return false
}

// Bounds of the labels by which a transaction can be found. What is beyond them is kept and returned all the same.
const (
	maxLabels      = 16
	maxLabelLength = 64 // bytes
)

// labels are the texts and numbers in a transaction's labels, which may be any JSON.
func labels(v wire.Value) []string { return appendLabels(nil, v) }

func appendLabels(found []string, v wire.Value) []string {
	if len(found) == maxLabels || !v.Exists() {
		return found
	}
	switch v.Raw()[0] {
	case '{':
		for _, member := range v.Members() {
			found = appendLabels(found, member)
		}
		return found
	case '[':
		for element := range v.Elements() {
			found = appendLabels(found, element)
		}
		return found
	}
	label, isText := v.Text()
	if !isText {
		label = string(v.Raw())
	}
	if label == "" || len(label) > maxLabelLength {
		return found
	}
	return append(found, label)
}

// advice turns a body that has been judged into an advice. The voucher in the confirmation of a purchase may be
// anything at all; only its serial is looked at, where it has one.
func (s *Server) advice(x *exchange.Exchange) (*airtime.Advice, error) {
	plain, err := x.Advice()
	if err != nil {
		return nil, err
	}
	serial, _ := x.Message.Value(s.slots.voucher).Member("serialNumber").Text()
	return &airtime.Advice{Advice: *plain, Serial: serial}, nil
}

// query turns the parameters of a status into a question about one purchase (docs/rules.md 3.2). The error is an
// *exchange.Malformed when they name none.
func (s *Server) query(x *exchange.Exchange) (*airtime.Query, error) {
	q := &airtime.Query{Sender: x.Sender, Received: x.Received, Wire: x.Query()}
	id, named := x.Message.Text(s.slots.originalID)
	q.ID = ident.ID(strings.Clone(id))
	reference, _ := x.Message.Text(s.slots.reference)
	q.Reference = strings.Clone(reference) // apart from the exchange's memory, into which the kept body is read
	q.Provider, _ = x.Message.Text(s.slots.provider)
	if !named && (q.Reference == "" || q.Provider == "") {
		return nil, &exchange.Malformed{Text: needsPurchase}
	}
	return q, nil
}

const needsPurchase = "originalMsgId is needed, or purchaseReference with provider"

// maxInstitution bounds the name of an institution, in UTF-16 code units. A look-up's operator comes back as one.
const maxInstitution = 40

var longOperator = "query param operator must have at most " + strconv.Itoa(maxInstitution) + " characters"

func isInstitution(name string) bool { return len(utf16.Encode([]rune(name))) <= maxInstitution }

// question turns the parameters of a look-up into words.
func (s *Server) question(x *exchange.Exchange) (*airtime.LookUp, error) {
	operator, _ := x.Message.Text(s.slots.operator)
	if !isInstitution(operator) {
		return nil, exchange.Wrong("operator", longOperator)
	}
	return &airtime.LookUp{
		Sender: x.Sender, Received: x.Received, MSISDN: number(x.Message, s.slots.msisdn), Operator: operator,
		Buyer: number(x.Message, s.slots.senderMSISDN), Filter: s.filter(x), Wire: x.Query(),
	}, nil
}

func (s *Server) filter(x *exchange.Exchange) (f airtime.Filter) {
	kind, _ := x.Message.Text(s.slots.productType)
	f.Type = airtime.ProductType(kind)
	f.Channel, _ = x.Message.Text(s.slots.channelName)
	f.Category, _ = x.Message.Text(s.slots.productCategory)
	return f
}
