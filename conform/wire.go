package conform

import (
	"net/url"
	"slices"
	"strings"
)

// basePath and airtimePath are where the operations live (rule C1).
const (
	basePath    = "/giftcard/v3"
	airtimePath = "/airtime/v5"
)

// base is where the operations of the message's contract live.
func (m Message) base() string {
	if m.Kind.airtime() {
		return airtimePath
	}
	return basePath
}

// path is where the message is posted, or what a query gets.
func (m Message) path() string {
	p := m.base() + "/" + kindNames[m.Kind].segment
	if kindNames[m.Kind].plain {
		return p + map[Act]string{Confirmation: "/confirmations", Reversal: "/reversals"}[m.Act] + m.parameters()
	}
	p += "/"
	switch m.Act {
	case Confirmation:
		return p + url.PathEscape(m.RequestID) + "/confirmations/" + url.PathEscape(m.ID)
	case Reversal:
		return p + url.PathEscape(m.RequestID) + "/reversals/" + url.PathEscape(m.ID)
	}
	return p + url.PathEscape(m.ID)
}

// parameters are what a query asks for, as the path's last part.
func (m Message) parameters() string {
	if !m.Kind.query() {
		return ""
	}
	values := url.Values{}
	for name, value := range map[string]string{
		"originalMsgId": m.RequestID, "purchaseReference": m.Query.Reference, "provider": m.Query.Provider,
		"msisdn": m.Recipient, "senderMsisdn": m.Buyer, "operator": m.Query.Operator, "productType": m.Query.ProductType,
		"channelName": m.Query.Channel, "productCategory": m.Query.Category,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// body builds the message as it goes on the wire, with the edits that change members.
func (m Message) body() *object {
	o := new(object).add("id", quote(m.ID))
	if m.Act == Request {
		m.requestMembers(o)
	} else {
		m.adviceMembers(o)
	}
	for _, e := range m.Edits {
		o.edit(e)
	}
	return o
}

// ours names the two parties that a customary message has passed, one entry each (rule S3).
func ours() []*object {
	return []*object{
		new(object).text("institutionId", "till").text("transactionIdentifier", "T-"+randomText()),
		new(object).text("institutionId", "acquirer").text("transactionIdentifier", "A-"+randomText()),
	}
}

func institution(id, name string) *object { return new(object).text("id", id).text("name", name) }

// originator is where every message of the suite starts.
func originator(account string) *object {
	place := new(object).text("name", "Rule book").text("city", "Cape Town").text("region", "WC").text("country", "ZA")
	merchant := new(object).text("merchantType", "5411").text("merchantId", "000000000000042").add("merchantName", place)
	return new(object).add("institution", institution(account, "Conformance")).text("terminalId", "TILL0001").
		add("merchant", merchant)
}

func (m Message) requestMembers(o *object) {
	o.text("time", m.Time).add("originator", originator(m.Account)).
		add("client", institution(or(m.Client, m.Account), "Conformance")).add("thirdPartyIdentifiers", ours())
	if m.Kind.airtime() {
		m.saleMembers(o)
		return
	}
	entry := new(object).text("panEntryMode", "BARCODE").text("pinEntryCapability", "CAN_ACCEPT")
	o.add("posInfo", new(object).add("entryMode", entry).text("posConditionCode", "NORMAL_PRESENTMENT"))
	first, second := cardFields(m.Kind)
	m.Card.addTo(o, first)
	m.Target.addTo(o, second)
	if m.Product != "" {
		o.add("product", new(object).text("id", m.Product))
	}
	if m.Amount != nil {
		o.add("amounts", new(object).amount("requestAmount", m.Amount))
	}
	if m.Points != nil {
		points := new(object).add("amount", raw(decimal(*m.Points)))
		o.add("points", new(object).add("requestAmount", points))
	}
	if h := m.Holder; h != nil {
		o.add("cardHolder", new(object).text("profileId", h.ProfileID).text("msisdn", h.MSISDN).text("emailAddress", h.Email))
	}
}

// saleMembers are those of a provision, a purchase or a trial.
func (m Message) saleMembers(o *object) {
	o.add("product", new(object).text("productId", m.Product))
	if m.Amount != nil {
		o.add("amounts", new(object).amount("requestAmount", m.Amount))
	}
	for name, number := range map[string]string{"recipientMsisdn": m.Recipient, "senderMsisdn": m.Buyer} {
		if number != "" {
			o.add(name, new(object).text("msisdn", number))
		}
	}
}

// cardFields names the members that hold the message's card and its target.
func cardFields(kind Kind) (card, target string) {
	switch kind {
	case Replace:
		return "oldCard", "newCard"
	case Transfer:
		return "sourceCard", "targetCard"
	}
	return "card", "targetCard"
}

func (m Message) adviceMembers(o *object) {
	o.text("requestId", m.RequestID).text("time", m.Time).add("thirdPartyIdentifiers", ours())
	if m.Approved != nil {
		o.add("amounts", new(object).amount("approvedAmount", m.Approved))
	}
	if m.Act == Reversal {
		o.text("reversalReason", m.Reason)
	}
	if m.Act == Confirmation && (m.Kind == Activate || m.Kind == Load || m.Kind.airtime()) {
		o.add("tenders", raw("[]"))
	}
}

// addTo appends the card under the name, if there is one.
func (c *Card) addTo(o *object, name string) {
	if c == nil {
		return
	}
	card := new(object).text("pan", c.PAN).text("expiryDate", c.Expiry).text("clearPin", c.ClearPIN).
		text("encryptedPin", c.EncryptedPIN)
	if c.PIN != nil {
		card.add("pin", c.PIN.object())
	}
	o.add(name, card)
}

func (p PIN) object() *object {
	member := map[string]string{"CLEAR_PIN": "pin", "ENCRYPTED_PIN": "pinBlock", "HASHED_PIN": "hash"}[p.Type]
	return new(object).text("type", p.Type).text(member, p.Value)
}

// secrets are the texts of the message that must not come back in an answer.
func (m Message) secrets() []string {
	var all []string
	for _, c := range []*Card{m.Card, m.Target} {
		if c == nil {
			continue
		}
		all = append(all, c.ClearPIN, c.EncryptedPIN)
		if c.PIN != nil {
			all = append(all, c.PIN.Value)
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// override returns the text of the last edit of that verb.
func (m Message) override(verb string) (text string, ok bool) {
	for _, e := range m.Edits {
		if e.Verb == verb {
			text, ok = e.Text, true
		}
	}
	return text, ok
}

// wireText is the body as it is sent, and whether there is one.
func (m Message) wireText() (text string, ok bool) {
	if text, edited := m.override("text"); edited {
		return text, text != ""
	}
	if m.Kind.query() {
		return "", false
	}
	var b strings.Builder
	m.body().write(&b)
	return b.String(), true
}
