package conform

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeVendor is the smallest airtime service that the suite can play with: vouchers of one value from stock, bought by
// purchases, with confirmations and reversals. faults make it wrong in one way each.
type fakeVendor struct {
	NoSetup
	NoVendor
	mu       sync.Mutex
	stock    map[string][]SoldVoucher
	book     int64
	requests map[string]*fakePurchase
	sold     int
	fault    string
}

type fakePurchase struct {
	product string
	answer  Answer
	state   string
}

func newFakeVendor(fault string) *fakeVendor {
	return &fakeVendor{stock: map[string][]SoldVoucher{}, requests: map[string]*fakePurchase{}, fault: fault}
}

const fakeValue = 1000

func (f *fakeVendor) Offer(_ context.Context, o Offer) (string, error) { return o.ID, nil }

func (f *fakeVendor) Account(context.Context, Account) error { return nil }

func (f *fakeVendor) Batch(_ context.Context, b Batch) (string, error) {
	for range b.Count {
		f.sold++
		f.stock[b.Product] = append(f.stock[b.Product], SoldVoucher{PIN: "77" + strconv.Itoa(1_000_000+f.sold), Serial: "S" + strconv.Itoa(f.sold), Batch: b.Name})
	}
	return b.Name, nil
}

func (f *fakeVendor) Stock(_ context.Context, product string) (int64, error) {
	return int64(len(f.stock[product])), nil
}

func (f *fakeVendor) Prepay(_ context.Context, _ string, a Amount) error {
	f.book = a.Minor
	return nil
}

func (f *fakeVendor) Prepaid(context.Context, string) (book, available int64, err error) {
	return f.book, f.book, nil
}

func (f *fakeVendor) Do(_ context.Context, m Message) (Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case m.Act != Request:
		return f.advise(m), nil
	case m.Kind == PurchaseStatus:
		return f.status(m), nil
	}
	left := f.stock[m.Product]
	if len(left) == 0 {
		return Answer{Status: http.StatusBadRequest, ErrorType: "OUT_OF_STOCK", RequestType: m.RequestType(), ID: m.ID}, nil
	}
	a := Answer{Status: http.StatusCreated, ID: m.ID, Product: new(m.Product), Amounts: Amounts{Approved: new(int64(fakeValue))}}
	a.Sale.Voucher = &left[0]
	if m.Kind == Trial {
		a.Status = http.StatusOK
		if f.fault != "shows a trial the voucher" {
			a.Sale.Voucher = nil
		}
		if f.fault == "takes for a trial" {
			f.stock[m.Product] = left[1:]
		}
		return a, nil
	}
	if f.fault != "sells twice" {
		f.stock[m.Product] = left[1:]
	}
	if f.fault != "charges nothing" {
		f.book -= fakeValue
	}
	f.requests[m.ID] = &fakePurchase{product: m.Product, answer: a, state: "open"}
	return a, nil
}

func (f *fakeVendor) advise(m Message) Answer {
	r := f.requests[m.RequestID]
	if m.Act == Reversal && r.state == "open" {
		r.state = "reversed"
		f.book += fakeValue
		if f.fault == "sells what came back" {
			f.stock[r.product] = append([]SoldVoucher{*r.answer.Sale.Voucher}, f.stock[r.product]...)
		}
	}
	return Answer{Status: http.StatusAccepted, ID: m.ID}
}

func (f *fakeVendor) status(m Message) Answer {
	r := f.requests[m.RequestID]
	if r == nil || r.state == "reversed" {
		return Answer{Status: http.StatusBadRequest, ErrorType: "ACCOUNT_ALREADY_SETTLED", RequestType: m.RequestType(), OriginalID: m.RequestID}
	}
	a := r.answer
	a.Status = http.StatusOK
	if f.fault == "tells another voucher" {
		a.Sale.Voucher = &SoldVoucher{PIN: "1", Serial: "another"}
	}
	if f.fault == "succeeds with 202" {
		a.Status = http.StatusAccepted
	}
	return a
}

// rulesOfTheVendor is a script that a right vendor passes, and each of the faults below fails.
const rulesOfTheVendor = `
account till
float till 9000
voucher v1 value=1000 stock=3
as till
case a sale
# [3.2/voucher]
purchase id=r1 product=v1
-> approved approved=1000 voucher=new stock=2 float=8000/8000
# [3.2/status/4]
status of=r1
-> approved voucher=r1
# [3.2/trial/no-trace]
trial product=v1
-> approved approved=1000 voucher=none stock=2
# [L2]
reverse of=r1
-> accepted stock=2 float=9000/9000
# [3.4/stock/once]
purchase product=v1
-> approved approved=1000 stock=1
# [3.2/status/3]
status of=r1
-> declined ACCOUNT_ALREADY_SETTLED
case a race
# [3.4/stock/once]
together
  purchase product=v1 times=5
end
-> 3 approved, 2 declined OUT_OF_STOCK
# [3.4/stock/once]
stock v1 0
# [3.5/pending]
prepaid till book=6000 available=6000
`

func runFakeVendor(t *testing.T, fault string) Report {
	t.Helper()
	s, err := Parse("airtime/fake", rulesOfTheVendor)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), newFakeVendor(fault), Options{Scripts: []Script{s}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestARightVendorPasses(t *testing.T) {
	if report := runFakeVendor(t, ""); !report.OK() || report.Count(Passed) != 2 {
		t.Errorf("%v", report.Results)
	}
}

func TestEachFaultOfAVendorIsFound(t *testing.T) {
	for fault, want := range map[string]struct{ line, came string }{
		"sells twice":               {"airtime/fake.txt:9", "3"},
		"charges nothing":           {"airtime/fake.txt:9", "9000/9000"},
		"tells another voucher":     {"airtime/fake.txt:12", "another"},
		"succeeds with 202":         {"airtime/fake.txt:12", "approved 202"},
		"shows a trial the voucher": {"airtime/fake.txt:15", "S"},
		"takes for a trial":         {"airtime/fake.txt:15", "1"},
		"sells what came back":      {"airtime/fake.txt:18", "3"},
	} {
		t.Run(fault, func(t *testing.T) {
			report := runFakeVendor(t, fault)
			if report.OK() || len(report.Results[0].Failures) == 0 {
				t.Fatal("was not found")
			}
			text := report.Results[0].Failures[0].String()
			if !strings.HasPrefix(text, want.line+":") || !strings.Contains(text[strings.Index(text, "came:"):], want.came) {
				t.Errorf("found as %s", text)
			}
		})
	}
}

// What no line of the script counts is found all the same: a voucher that is sold twice, also at once.
func TestAVoucherSoldTwiceIsFound(t *testing.T) {
	script := "voucher v1 value=1000 stock=3\ncase one\npurchase product=v1\n# [3.4/stock/once]\npurchase product=v1\n-> approved approved=1000\n" +
		"case at once\n# [3.4/stock/once]\ntogether\n  purchase product=v1 times=2\nend\n-> 2 approved\n"
	s, err := Parse("airtime/fake", script)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), newFakeVendor("sells twice"), Options{Scripts: []Script{s}})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	_ = report.Text(&text) // a buffer takes everything
	for _, r := range report.Results {
		if r.Status != Failed || !strings.Contains(text.String(), "a voucher that was not sold before") {
			t.Errorf("%s is %s: %s", r.Name, r.Status, text.String())
		}
	}
	if strings.Contains(text.String(), "77100") {
		t.Errorf("a PIN stands in the report: %s", text.String())
	}
}

// Whoever sells no airtime is not asked for any.
func TestAirtimeIsForVendorsOnly(t *testing.T) {
	s, err := Parse("airtime/fake", rulesOfTheVendor)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), newFake(""), Options{Scripts: []Script{s}})
	if err != nil || report.Count(Skipped) != 2 || report.Results[0].Reason != "is about airtime" {
		t.Errorf("%v, %v", report.Results, err)
	}
}

func TestMessagesOfAirtimeOnTheWire(t *testing.T) {
	for want, m := range map[string]Message{
		"/airtime/v5/vouchers/1":                                      {Kind: Provision, Act: Request, ID: "1"},
		"/airtime/v5/vouchers/1/reversals/2":                          {Kind: Provision, Act: Reversal, ID: "2", RequestID: "1"},
		"/airtime/v5/purchases":                                       {Kind: Purchase, Act: Request, ID: "1"},
		"/airtime/v5/purchases/confirmations":                         {Kind: Purchase, Act: Confirmation, ID: "2", RequestID: "1"},
		"/airtime/v5/purchases/trials":                                {Kind: Trial, Act: Request, ID: "1"},
		"/airtime/v5/purchases/status?originalMsgId=1":                {Kind: PurchaseStatus, Act: Request, RequestID: "1"},
		"/airtime/v5/purchases/status?provider=p&purchaseReference=r": {Kind: PurchaseStatus, Act: Request, Query: Query{Reference: "r", Provider: "p"}},
		"/airtime/v5/msisdn?msisdn=%2B27831234567&productType=DATA":   {Kind: LookupMSISDN, Act: Request, Recipient: "+27831234567", Query: Query{ProductType: "DATA"}},
		"/airtime/v5/products":                                        {Kind: ListProducts, Act: Request},
	} {
		if got := m.path(); got != want {
			t.Errorf("%s is sent to %s, want %s", m.RequestType(), got, want)
		}
		if _, some := m.wireText(); some == m.Kind.query() {
			t.Errorf("%s: a body is %v", want, some)
		}
	}
	text, _ := Message{Kind: Purchase, Act: Request, ID: "1", Product: "ten", Client: "till", Recipient: "27831234567", Amount: &Amount{5, "710"}}.wireText()
	for _, part := range []string{`"client":{"id":"till"`, `"product":{"productId":"ten"}`, `"recipientMsisdn":{"msisdn":"27831234567"}`, `"requestAmount":{"amount":5,"currency":"710"}`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is missing in %s", part, text)
		}
	}
}
