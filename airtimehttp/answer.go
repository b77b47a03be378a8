package airtimehttp

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// approvePurchase writes the answer to an approved purchase (docs/rules.md 1.5, 3.2). It is made of the request and
// the response alone, so that the same two make the same answer again.
func (s *Server) approvePurchase(x *exchange.Exchange, r *airtime.Response) {
	approval := exchange.Approval{Reference: r.Reference, Line: "AIRTIME PURCHASE"}
	if s.compatible {
		approval.Settlement = &ident.Reference{Institution: r.Reference, Identifier: plainName(r.Provider)}
	}
	w := x.Approve(approval)
	showAmounts(w, x, r)
	s.showSold(w, "product", x, r.Product)
	s.showRecipient(w, x, r)
	showVoucher(w, r.Voucher)
	w.Echo("transactionLabels", x.Message.Value(s.slots.labels))
	w.Close()
}

// approveVoucher writes the answer to an approved voucher request (docs/rules.md 3.1).
func (s *Server) approveVoucher(x *exchange.Exchange, r *airtime.Response) {
	w := x.Approve(exchange.Approval{Reference: r.Reference, Line: "AIRTIME VOUCHER"})
	showAmounts(w, x, r)
	s.showSold(w, "responseProduct", x, r.Product)
	showVoucher(w, r.Voucher)
	w.Echo("transactionLabels", x.Message.Value(s.slots.labels))
	w.Close()
}

// plainName is a provider's name of letters and digits only, as the compatibility profile has it. It is never empty,
// so that a status can be asked with it.
func plainName(provider string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, provider)
	if plain == "" {
		return "provider"
	}
	return plain[:min(len(plain), maxInstitution)]
}

// showAmounts writes what was requested and approved, and that there is no fee.
func showAmounts(w *exchange.Writer, x *exchange.Exchange, r *airtime.Response) {
	requested, _ := x.RequestAmount() // which was read before
	if requested == nil && r.Amount == nil {
		return
	}
	w.Open("amounts")
	if requested != nil {
		w.Amount("requestAmount", requested.Minor, requested.Currency)
	}
	if r.Amount != nil {
		w.Amount("approvedAmount", r.Amount.Minor, r.Amount.Currency)
		w.Amount("feeAmount", 0, r.Amount.Currency)
	}
	w.Close()
}

// showRecipient echoes who gets the product. The compatibility profile makes somebody up where the request has
// nobody.
func (s *Server) showRecipient(w *exchange.Writer, x *exchange.Exchange, r *airtime.Response) {
	if x.Message.Has(s.slots.recipient) || !s.compatible {
		w.Echo("msisdn", x.Message.Value(s.slots.recipient))
		return
	}
	w.Open("msisdn")
	w.Text("msisdn", madeUpNumber(r.Reference))
	w.Close()
}

// madeUpNumber gives a number under a country code that no country has: the same for the same purchase.
func madeUpNumber(reference string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(reference))
	const billion = 1e9
	return fmt.Sprintf("999%09d", h.Sum64()%billion)
}

// showVoucher writes a voucher for its buyer.
func showVoucher(w *exchange.Writer, v *airtime.Issued) {
	if v == nil {
		return
	}
	w.Open("voucher")
	w.Text("pin", v.PIN.Reveal())
	if !v.Expiry.IsZero() {
		w.Time("expiryDate", v.Expiry)
	}
	w.Text("serialNumber", v.Serial)
	w.Say("batchNumber", v.Batch)
	w.OpenList("redeemInstructions")
	for _, line := range v.Instructions {
		w.Text("", line)
	}
	w.CloseList()
	w.Close()
}

// showTenders adds to the answer of a confirmation what the customer paid with (S4).
func (s *Server) showTenders(w *exchange.Writer, x *exchange.Exchange) {
	if !x.Message.Has(s.slots.tenders) {
		w.OpenList("tenders")
		w.CloseList()
		return
	}
	w.EchoAmounts("tenders", x.Message.Value(s.slots.tenders))
}

// showReason adds to the answer of a reversal why it was sent (S4).
func (s *Server) showReason(w *exchange.Writer, x *exchange.Exchange) {
	w.Echo("reversalReason", x.Message.Value(s.slots.reason))
}

// showAsSent tells of a refused request what was wrong in it, and of a duplicate what it asked for.
func (s *Server) showAsSent(w *exchange.Writer, x *exchange.Exchange, refusal *decline.Error) {
	switch refusal.Reason {
	case decline.FormatError: // rule A4
		w.Echo("client", x.Message.Value(s.slots.client))
	case decline.DuplicateRecord:
		if x.Operation.Family == txn.Voucher {
			w.Text("voucherId", string(x.ID()))
		}
		s.showProductID(w, x)
		w.Echo("receiver", x.Message.Value(s.slots.receiver))
	case decline.InvalidProduct, decline.OutOfStock:
		s.showProductID(w, x)
	}
	if refusal.Field != "" {
		showField(w, refusal)
	}
}

func (s *Server) showProductID(w *exchange.Writer, x *exchange.Exchange) {
	w.Open("product")
	w.Raw("productId", x.Message.Raw(s.slots.productID))
	w.Close()
}

// showField names the field that a refusal is about, as a format error would.
func showField(w *exchange.Writer, refusal *decline.Error) {
	w.OpenList("formatErrors")
	w.Open("")
	w.Text("field", refusal.Field)
	w.Text("msg", refusal.Field+": "+refusal.Text)
	w.Close()
	w.CloseList()
}
