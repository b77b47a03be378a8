package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// sale is what somebody buys: a voucher, or a top-up of a number.
type sale struct {
	product, number string
	amount          int64
}

// The products of every counter, and the discount of the top-up in hundredths of a per cent. Reversed vouchers go into
// quarantine or back to stock.
const (
	seen     = "seen"
	unseen   = "unseen"
	bulk     = "bulk" // nobody buys it
	topUp    = "topup"
	discount = 500

	faceValue = 1000
	wholesale = 900
)

// price is what the sale costs the account.
func (s sale) price() int64 {
	if s.product == topUp {
		return s.amount - s.amount*discount/10_000
	}
	return wholesale
}

// offer puts the products on sale, and connects a network whose numbers begin with 2783.
func (h *house) offer(t testing.TB) {
	t.Helper()
	put := func(path string, settings members) {
		h.operate(t, http.MethodPut, "/airtime/"+path, members{"settings": settings, "reason": "test"})
	}
	put("networks/cell", members{"name": "Cell", "country": "ZA", "prefixes": []string{"2783"}})
	for id, returned := range map[string]string{seen: "quarantine", unseen: "stock", bulk: "stock"} {
		put("products/"+id, members{
			"name": "Voucher " + id, "type": "AIRTIME_FIXED", "returned": returned,
			"values": []any{rands(faceValue)}, "wholesale": rands(wholesale),
		})
	}
	put("products/"+topUp, members{
		"name": "Top-up", "type": "AIRTIME_VARIABLE", "topUp": true, "provider": "simulated", "network": "cell", "discount": discount,
		"limits": []any{members{"currency": "710", "min": 100, "max": 10_000}},
	})
}

func rands(minor int64) members { return members{"amount": minor, "currency": "710"} }

// prepaid makes an account that buys airtime against what it has paid in.
func (h *house) prepaid(t testing.TB, name string, deposit int64) *till {
	t.Helper()
	l := h.account(t, name, members{"prepaid": true})
	h.operate(t, http.MethodPost, "/accounts/"+name+"/float/deposit", members{"amount": deposit, "currency": "710", "reason": "test"})
	return l
}

// float gives what an account has paid in and not spent.
func (h *house) float(t testing.TB, account string) (book, available int64) {
	t.Helper()
	var f struct {
		Balance struct{ Book, Available int64 }
	}
	must(t, json.Unmarshal(h.operate(t, http.MethodGet, "/accounts/"+account+"/float", nil).text, &f))
	return f.Balance.Book, f.Balance.Available
}

// serials keeps the serials of all vouchers apart.
var serials atomic.Int64

// delivery is a file of new vouchers, as /vouchers/imports takes it.
func delivery(count int) sheet {
	lines := []string{"serial,pin"}
	for range count {
		n := serials.Add(1)
		lines = append(lines, fmt.Sprintf("S%012d,77%012d", n, n))
	}
	return sheet(strings.Join(lines, "\n") + "\n")
}

// deliver brings vouchers of a product into stock. Without an error, number is that of the batch; 0 means that nobody
// has said how the import ended.
func (h *house) deliver(product string, count int) (number int64, err error) {
	path := fmt.Sprintf("/vouchers/imports?product=%s&mode=all&lines=%d", product, count)
	a, err := h.tryOperate(http.MethodPost, path, delivery(count))
	if err != nil {
		return 0, nil
	}
	var last struct {
		Summary struct {
			Number, Added int64
			State         string
		}
	}
	lines := strings.Split(strings.TrimSpace(string(a.text)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		return 0, nil // it was cut off
	}
	if s := last.Summary; s.State != "complete" || s.Added != int64(count) {
		return 0, fmt.Errorf("the import of %d vouchers ended with %v", count, a)
	}
	return last.Summary.Number, nil
}

// batch is what there is of one delivery.
type batch struct {
	Number                                                   int64
	State                                                    string
	InStock, Expired, Sold, Quarantined, Withdrawn, LeftOver int64
}

func (b batch) total() int64 {
	return b.InStock + b.Expired + b.Sold + b.Quarantined + b.Withdrawn + b.LeftOver
}

// stock gives the batches of a product.
func (h *house) stock(t testing.TB, product string) []batch {
	t.Helper()
	var found struct{ Levels []struct{ Batches []batch } }
	must(t, json.Unmarshal(h.operate(t, http.MethodGet, "/vouchers/levels?product="+product, nil).text, &found))
	if len(found.Levels) != 1 {
		t.Fatalf("%s has %d levels", product, len(found.Levels))
	}
	return found.Levels[0].Batches
}

// voucherSold gives the serial and the PIN in an answer to a purchase; empty without a voucher.
func (a answer) voucherSold() (serial, pin string) {
	serial, _ = a.member("voucher", "serialNumber").(string)
	pin, _ = a.member("voucher", "pin").(string)
	return serial, pin
}

// buy asks for a purchase.
func (l *till) buy(id string, s sale) answer {
	m := members{
		"id": id, "time": messageTime, "originator": originator(), "client": party(l.user), "thirdPartyIdentifiers": []any{},
		"product": members{"productId": s.product}, "amounts": members{"requestAmount": rands(s.amount)},
	}
	if s.number != "" {
		m["recipientMsisdn"] = members{"msisdn": s.number}
	}
	return l.send(http.MethodPost, "/airtime/v5/purchases", m)
}

// end advises of a purchase under a given id: confirmations or reversals.
func (l *till) end(advice, purchase, id string) answer {
	return l.send(http.MethodPost, "/airtime/v5/purchases/"+advice, adviceBody(id, purchase))
}

// status asks how a purchase ended.
func (l *till) status(id string) answer {
	return l.send(http.MethodGet, "/airtime/v5/purchases/status?originalMsgId="+url.QueryEscape(id), nil)
}

// credit asks for a subscriber's balance; 0 when there is none to tell.
func (l *till) credit(t testing.TB, number string) int64 {
	t.Helper()
	a := l.send(http.MethodGet, "/airtime/v5/msisdn?msisdn="+url.QueryEscape(number), nil).must(t, http.StatusOK, "")
	return max(0, a.minor("balanceAmount"))
}
