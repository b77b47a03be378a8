package exchange

import (
	"cmp"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/txn"
)

// Bytes gives what was written. It is the writer's memory.
func (w *Writer) Bytes() []byte { return w.b }

// Keep is a message of our own as it may rest: without card numbers and PINs, at any depth, as Exchange.Kept.
func Keep(body txn.Wire) []byte { return wire.Cut(body, isSecret) }

// ComposeAdvice writes an advice from its words.
func ComposeAdvice(a *txn.Advice) txn.Wire {
	w := &Writer{}
	w.Open("")
	ComposeAdviceHead(w, a)
	if a.Role == txn.Confirmation { // required, and always written, where a confirmation has them
		w.OpenList("tenders")
		w.CloseList()
	}
	w.Close()
	return w.Bytes()
}

// ComposeAdviceHead writes the members that all advices have into an object that is open: a contract may add its own.
func ComposeAdviceHead(w *Writer, a *txn.Advice) {
	w.Text("id", string(a.ID))
	w.Text("requestId", string(a.RequestID))
	w.Time("time", a.Received)
	w.OpenList("thirdPartyIdentifiers")
	for _, r := range a.References {
		composeReference(w, r)
	}
	w.CloseList()
	if a.Approved != nil {
		w.Open("amounts")
		w.Amount("approvedAmount", a.Approved.Minor, a.Approved.Currency)
		w.Close()
	}
	if a.Role == txn.Reversal {
		w.Text("reversalReason", string(cmp.Or(a.Why, txn.TimedOut)))
	}
}

// ComposeOrigin writes where a request comes from: originator, client, settlementEntity and receiver. Words that are empty
// are left out, so that the contract finds them missing.
func ComposeOrigin(w *Writer, o *txn.Origin) {
	w.Open("originator")
	composeParty(w, "institution", &o.Institution)
	w.Say("terminalId", o.Terminal)
	composeMerchant(w, &o.Merchant)
	w.Say("operatorId", o.Operator)
	w.Say("channelId", o.Channel)
	w.Close()
	composeParty(w, "client", &o.Client)
	composeParty(w, "settlementEntity", o.Settlement)
	composeParty(w, "receiver", o.Receiver)
}

func composeParty(w *Writer, name string, p *txn.Party) {
	if p == nil {
		return
	}
	w.Open(name)
	w.Say("id", p.ID)
	w.Say("name", p.Name)
	w.Close()
}

func composeMerchant(w *Writer, m *txn.Merchant) {
	w.Open("merchant")
	w.Say("merchantType", m.Type)
	w.Say("merchantId", m.ID)
	w.Open("merchantName")
	w.Say("name", m.Name)
	w.Say("city", m.City)
	w.Say("region", m.Region)
	w.Say("country", m.Country)
	w.Close()
	w.Close()
}
