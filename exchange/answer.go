package exchange

import (
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/ident"
)

// Approval is what the head of an approved request's answer needs beside the request itself.
type Approval struct {
	Reference string // our own reference for the transaction, letters and digits
	Line      string // what a till prints of it
	// Settlement is answered as the settlement entity whatever the request names; nil for rule S2.
	Settlement *ident.Reference
}

// Answer begins the answer anew. The operation opens an object or a list in it, and closes it.
func (x *Exchange) Answer() *Writer {
	x.answer = Writer{b: x.answer.b[:0]}
	return &x.answer
}

// Approve begins the answer of an approved request: its object is open, and has what every such answer echoes and
// adds of its request (docs/rules.md 1.5). The operation adds what is its own, amounts first, and closes it.
func (x *Exchange) Approve(a Approval) *Writer {
	w, msg, at := x.Answer(), x.Message, &x.server.slots
	w.Open("")
	w.Echo("id", msg.Value(at.id))
	w.Echo("time", msg.Value(at.time))
	w.Echo("originator", msg.Value(at.originator))
	w.Echo("client", msg.Value(at.client))
	x.parties(w, a)
	slip(w, a)
	w.Echo("basketRef", msg.Value(at.basketRef))
	w.Echo("tranType", msg.Value(at.tranType))
	w.Echo("srcAccType", msg.Value(at.srcAccType))
	w.Echo("destAccType", msg.Value(at.destAccType))
	w.Echo("stan", msg.Value(at.stan))
	w.Echo("rrn", msg.Value(at.rrn))
	return w
}

// parties writes settlement entity and receiver, ours when the request left them out (S2), and the request's
// third-party identifiers followed by one of ours for each of the two (S3).
func (x *Exchange) parties(w *Writer, a Approval) {
	at := &x.server.slots
	settlementID := x.settlement(w, a)
	receiverID := x.party(w, "receiver", at.receiver, at.receiverID)
	w.OpenList("thirdPartyIdentifiers")
	x.echoReferences(w)
	addReference(w, settlementID, a.Reference)
	addReference(w, receiverID, a.Reference)
	w.CloseList()
}

// settlement writes the settlement entity and gives its id.
func (x *Exchange) settlement(w *Writer, a Approval) (id []byte) {
	if a.Settlement != nil {
		w.Raw("settlementEntity", appendInstitution(nil, *a.Settlement))
		return appendText(nil, a.Settlement.Institution)
	}
	return x.party(w, "settlementEntity", x.server.slots.settlementEntity, x.server.slots.settlementID)
}

// party writes an institution, ours when the request has none, and gives its id.
func (x *Exchange) party(w *Writer, name string, whole, id wire.Slot) []byte {
	if !x.Message.Has(whole) {
		w.Raw(name, x.server.institution)
		return x.server.institutionID
	}
	w.Echo(name, x.Message.Value(whole))
	return x.Message.Raw(id)
}

func appendInstitution(b []byte, institution ident.Reference) []byte {
	w := Writer{b: b}
	w.Open("")
	w.Text("id", institution.Institution)
	w.Text("name", institution.Identifier)
	w.Close()
	return w.b
}

// echoReferences writes the message's third-party identifiers as elements.
func (x *Exchange) echoReferences(w *Writer) {
	for element := range x.Message.Elements(x.server.slots.references) {
		w.next("")
		w.b = appendEcho(w.b, element)
	}
}

func addReference(w *Writer, institution []byte, reference string) {
	w.Open("")
	w.Raw("institutionId", institution)
	w.Text("transactionIdentifier", reference)
	w.Close()
}

// slip writes what a till prints (S6).
func slip(w *Writer, a Approval) {
	w.Open("slipData")
	w.OpenList("messageLines")
	w.Open("")
	w.Text("text", a.Line)
	w.Close()
	w.CloseList()
	w.Text("issuerReference", a.Reference)
	w.Close()
}

// Receipt begins the answer to an accepted advice: its object is open, and has the members that the declared models
// have in common, as they were sent (S4). The operation adds what is its own and closes it.
func (x *Exchange) Receipt() *Writer {
	w, msg, at := x.Answer(), x.Message, &x.server.slots
	w.Open("")
	w.Raw("id", msg.Raw(at.id))
	w.Raw("requestId", msg.Raw(at.requestID))
	w.Raw("time", msg.Raw(at.time))
	w.OpenList("thirdPartyIdentifiers")
	x.echoReferences(w)
	w.CloseList()
	w.Raw("stan", msg.Raw(at.stan))
	w.Raw("rrn", msg.Raw(at.rrn))
	w.EchoAmounts("amounts", msg.Value(at.amounts))
	return w
}
