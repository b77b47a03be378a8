package giftcardhttp

import (
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// approve writes the answer to an approved request (docs/rules.md 1.5).
func (s *Server) approve(x *exchange.Exchange, r *giftcard.Response) {
	w := x.Approve(exchange.Approval{Reference: r.Reference, Line: slipLines[x.Operation.Family]})
	showBalances(w, r)
	s.showCards(w, x, r)
	s.showPosInfo(w, x)
	showProduct(w, x.Operation.Family, r)
	w.Close()
}

// slipLines are what a till prints (S6).
var slipLines = map[txn.Family]string{
	txn.Activation: "GIFT CARD ACTIVATION", txn.Load: "GIFT CARD LOAD", txn.Redemption: "GIFT CARD REDEMPTION",
	txn.Void: "GIFT CARD VOID", txn.Replace: "GIFT CARD REPLACEMENT", txn.Transfer: "GIFT CARD TRANSFER",
	txn.LookUp: "GIFT CARD BALANCE",
}

func showBalances(w *exchange.Writer, r *giftcard.Response) {
	w.Open("amounts")
	if r.Requested != nil {
		w.Amount("requestAmount", *r.Requested, r.Currency)
	}
	if r.Approved != nil {
		w.Amount("approvedAmount", *r.Approved, r.Currency)
	}
	w.Amount("balanceAmount", r.Balance.Book, r.Currency)
	w.Amount("availableBalance", r.Balance.Available, r.Currency)
	w.Close()
}

// showCards writes the request's cards without their PINs. A look-up by holder brings the card that was found.
func (s *Server) showCards(w *exchange.Writer, x *exchange.Exchange, r *giftcard.Response) {
	if !r.Card.IsZero() {
		w.Open("card")
		w.Text("pan", r.Card.Reveal())
		if r.Expiry != 0 {
			w.Text("expiryDate", r.Expiry.String())
		}
		w.Close()
		return
	}
	first, second := s.slots.cardsOf(x.Operation.Family)
	showCard(w, x.Message, first)
	if second != nil {
		showCard(w, x.Message, *second)
	}
}

func showCard(w *exchange.Writer, msg *wire.Message, c cardSlots) {
	w.Open(c.name)
	w.Raw("pan", msg.Raw(c.pan))
	w.Raw("expiryDate", msg.Raw(c.expiry))
	w.Raw("rank", msg.Raw(c.rank))
	w.Close()
}

// showPosInfo echoes posInfo; a look-up's answer must have one.
func (s *Server) showPosInfo(w *exchange.Writer, x *exchange.Exchange) {
	if x.Operation.Family == txn.LookUp && !x.Message.Has(s.slots.posInfo) {
		w.Raw("posInfo", []byte("{}"))
		return
	}
	w.Echo("posInfo", x.Message.Value(s.slots.posInfo))
}

// showProduct writes the card's product where the rules have it: activation, void, replace and look-up.
func showProduct(w *exchange.Writer, f txn.Family, r *giftcard.Response) {
	if r.Product == nil || f == txn.Load || f == txn.Redemption || f == txn.Transfer {
		return
	}
	w.Open("product")
	w.Text("id", r.Product.ID)
	w.Say("barcode", r.Product.Barcode)
	w.Say("type", r.Product.Type)
	w.Close()
}

// showAsSent tells of a refused request's card by its masked number and nothing else, and of the product where that
// is at fault.
func (s *Server) showAsSent(w *exchange.Writer, x *exchange.Exchange, refusal *decline.Error) {
	first, _ := s.slots.cardsOf(x.Operation.Family)
	if digits, found := x.Message.Text(first.pan); found {
		w.Open("card")
		w.Text("pan", ident.Mask(digits))
		w.Close()
	}
	if id := x.Message.Raw(s.slots.productID); id != nil && refusal.Reason == decline.InvalidProduct {
		w.Open("product")
		w.Raw("id", id)
		w.Close()
	}
}
