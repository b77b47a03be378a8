package airtimehttp

import (
	"net/url"
	"sync"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Compose makes the body of a purchase, which is that of its trial, too, or of a voucher request, from its words and its
// Origin, which it needs. Received is the time it tells; the ID of the origin's Client must be the user name that it is
// sent under (rule A4). The error is a *decline.Error of reason FormatError, with the dotted path of the first word that
// is missing, is not as the contract wants it, or has no place in the message; or of reason FunctionNotSupported when the
// contract has no such family. Money to be collected cannot be said in words. Its text never quotes a word.
func Compose(r *airtime.Request) (txn.Wire, error) {
	o, known := operationOf(r.Family, txn.Request)
	if !known {
		return nil, notOurs()
	}
	d := exchange.DraftRequest(schema(o.Schema), exchange.Head{
		ID: r.ID, Time: r.Received, Origin: r.Origin, References: r.References,
	})
	if r.Product != "" {
		d.Open("product")
		d.Text("productId", r.Product)
		d.Close()
	}
	d.Ask(r.Amount)
	composeNumber(d, "recipientMsisdn", r.Recipient)
	composeNumber(d, "senderMsisdn", r.Buyer)
	if len(r.Labels) > 0 {
		d.OpenList("transactionLabels")
		for _, label := range r.Labels {
			d.Text("", label)
		}
		d.CloseList()
	}
	if r.Collect {
		d.Refuse("paymentMethods", "paymentMethods: what is to be collected is not told")
	}
	return d.Finish()
}

// ComposeAdvice makes the body of a confirmation or a reversal from its words. Received is the time it tells, TIMEOUT the
// reason of a reversal that has none. The error is as that of Compose.
func ComposeAdvice(a *airtime.Advice) (txn.Wire, error) {
	o, known := operationOf(a.Family, a.Role)
	if !known || !o.Advice() {
		return nil, notOurs()
	}
	m := schema(o.Schema)
	d := exchange.DraftAdvice(m, &a.Advice)
	if m.Has("tenders") {
		d.OpenList("tenders")
		d.CloseList()
	}
	if a.Serial != "" && d.Fits("voucher") {
		composeSerial(d, a.Serial)
	}
	return d.Finish()
}

// composeSerial writes the voucher that was handed over. Our document judges it in the older confirmation only.
func composeSerial(d *exchange.Draft, serial string) {
	const longest = 20
	if !ident.Alphanumeric(serial, 1, longest) {
		d.Refuse("voucher.serialNumber", "voucher.serialNumber must have 1 to 20 letters and digits")
	}
	d.Open("voucher")
	d.Text("serialNumber", serial)
	d.Close()
}

func composeNumber(d *exchange.Draft, name string, number ident.MSISDN) {
	if number.IsZero() || !d.Fits(name+".msisdn") {
		return
	}
	d.Open(name)
	d.Text("msisdn", number.Reveal())
	d.Close()
}

func notOurs() error {
	return decline.New(decline.FunctionNotSupported, "the contract of airtime has no such message")
}

// composing is the document by which what is composed is judged.
var composing = sync.OnceValues(func() (*wire.Document, error) { return wire.Compile(Document) })

// schema gives a schema of the document. The document is part of the program, and has it.
func schema(name string) *wire.Model {
	document, err := composing()
	if err != nil {
		panic(err)
	}
	m, err := document.Model(name)
	if err != nil {
		panic(err)
	}
	return m
}

// composeStatus makes the parameters of a status. The error is as that of Compose.
func composeStatus(q *airtime.Query) (txn.Wire, error) {
	if q.ID == "" && (q.Reference == "" || q.Provider == "") {
		return nil, decline.New(decline.FormatError, needsPurchase).At("originalMsgId")
	}
	return composeQuery(statusID, url.Values{
		"originalMsgId": {string(q.ID)}, "purchaseReference": {q.Reference}, "provider": {q.Provider},
	})
}

// composeLookUp makes the parameters of a look-up. The error is as that of Compose.
func composeLookUp(l *airtime.LookUp) (txn.Wire, error) {
	if !isInstitution(l.Operator) {
		return nil, decline.New(decline.FormatError, "%s", longOperator).At("operator")
	}
	values := composeFilter(l.Filter)
	values.Set("msisdn", l.MSISDN.Reveal())
	values.Set("operator", l.Operator)
	values.Set("senderMsisdn", l.Buyer.Reveal())
	return composeQuery(lookUpID, values)
}

// composeListing makes the parameters of a list, which the contract has filtered by channel alone. The error is as that
// of Compose.
func composeListing(l *airtime.Listing) (txn.Wire, error) {
	return composeQuery(listID, composeFilter(l.Filter))
}

func composeFilter(f airtime.Filter) url.Values {
	return url.Values{"productType": {string(f.Type)}, "channelName": {f.Channel}, "productCategory": {f.Category}}
}

func composeQuery(operationID string, values url.Values) (txn.Wire, error) {
	document, err := composing()
	if err != nil {
		return nil, err
	}
	m, err := document.Query(operationID)
	if err != nil {
		return nil, err
	}
	return exchange.ComposeQuery(m, values)
}
