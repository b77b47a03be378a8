package airtimehttp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// shelf is a catalogue that never changes.
type shelf []*airtime.Product

func (s shelf) ProductByID(_ ident.World, id string) (*airtime.Product, bool) {
	for _, p := range s {
		if p.ID == id {
			return p, true
		}
	}
	return nil, false
}

func (s shelf) Edition(_ ident.World, edition int32) (*airtime.Product, bool) {
	return s[edition-1], true
}

func (s shelf) Products(ident.World) []*airtime.Product { return s }

func (shelf) NetworkOf(ident.World, ident.MSISDN) (*airtime.Network, bool) { return nil, false }

func (shelf) Network(ident.World, string) (*airtime.Network, bool) { return nil, false }

// cell tops up all it is asked to, or is as silent or as unwilling as err says.
type cell struct{ err error }

func (*cell) Can() airtime.Capabilities { return airtime.Capabilities{Reverses: true, Status: true} }

func (c *cell) TopUp(context.Context, airtime.Order) (string, error) { return "cell1", c.err }

func (c *cell) Status(context.Context, airtime.Order) (airtime.Progress, error) {
	return airtime.Progress{Stage: airtime.Pending}, c.err
}

func (c *cell) Reverse(context.Context, airtime.Order) error { return c.err }

func (c *cell) Trial(context.Context, airtime.Order) error { return c.err }

func (*cell) Subscriber(context.Context, ident.World, ident.MSISDN) (_ airtime.Credit, ok bool) {
	return
}

// shop is a server in front of a real vendor, with a voucher product A10 and a top-up T10.
type shop struct {
	*airtimehttp.Server
	door door
	cell cell
}

func openShop(t *testing.T, compatible bool) *shop {
	t.Helper()
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	kept := store.New(memstore.New(), store.Settings{Keys: keys})
	s := &shop{door: door{sender: txn.Sender{Account: 1, World: 1, Name: "till"}}}
	vendor := airtime.NewVendor(airtime.Settings{
		Store: store.Airtime(kept), Keys: keys, Institution: ourselves, Compatible: compatible,
		Providers: map[string]airtime.Provider{"cell": &s.cell},
		Catalogue: shelf{
			{Number: 1, Edition: 1, World: 1, ID: "A10", Name: "Ten", Type: airtime.AirtimeVariable, Source: airtime.Made, Instructions: []string{"Dial"}, Limits: []airtime.Limit{{Currency: 710, Min: 1, Max: 20000}}},
			{Number: 2, Edition: 2, World: 1, ID: "T10", Type: airtime.AirtimeFixed, TopUp: true, Provider: "cell", Values: []money.Amount{*rand(1000)}},
		},
	})
	t.Cleanup(func() {
		vendor.Close(context.Background())
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	s.Server, err = airtimehttp.New(airtimehttp.Settings{
		Settings: exchange.Settings{Gate: &s.door, Institution: ourselves, Now: noonAfter},
		Service:  vendor, Compatible: compatible,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answers sends a message and wants a status and, of a refusal, an error type.
func (s *shop) answers(t *testing.T, m message, want int, errorType string) (body string) {
	t.Helper()
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, m.sent())
	if err := keepsContract(m.operation, answer); err != nil {
		t.Error(err)
	}
	var d errorDetail
	_ = json.Unmarshal(answer.Body.Bytes(), &d) // a list is no refusal
	if answer.Code != want || d.ErrorType != errorType {
		t.Fatalf("%s: %d %s", m.operation, answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// of is a message under another id, or about another request.
func (m message) of(id string) message {
	m.body = strings.ReplaceAll(m.body, requestID, id)
	m.path = strings.ReplaceAll(m.path, requestID, id)
	return m
}

func TestTheLifeOfAPurchase(t *testing.T) {
	for _, compatible := range []bool{false, true} {
		s, known := openShop(t, compatible), http.StatusOK
		if compatible {
			known = http.StatusAccepted
		}
		odd := purchase.with(t, `"recipientMsisdn":{"msisdn":"+27831234567","country":"ZA"},`, "").
			with(t, `"city"`, `"pin":"1","x":[1.0,null],"city"`).also(`"transactionLabels":{"a":[1e2]}`)

		s.answers(t, status, 404, "UNABLE_TO_LOCATE_RECORD")
		s.answers(t, trial.with(t, `"recipientMsisdn"`, `"was"`), 200, "")
		s.answers(t, status, 404, "UNABLE_TO_LOCATE_RECORD") // a trial leaves no trace
		sold := s.answers(t, odd, 201, "")
		s.answers(t, odd, 400, "DUPLICATE_RECORD")
		same(t, s.answers(t, status, known, ""), sold)

		var told struct {
			ThirdPartyIdentifiers []struct{ InstitutionID, TransactionIdentifier string }
			SettlementEntity      struct{ ID, Name string }
		}
		if err := json.Unmarshal([]byte(sold), &told); err != nil {
			t.Fatal(err)
		}
		last := told.ThirdPartyIdentifiers[3]
		same(t, s.answers(t, status.at("/purchases/status?purchaseReference="+last.TransactionIdentifier+"&provider="+last.InstitutionID), known, ""), sold)
		if compatible {
			same(t, s.answers(t, status.at("/purchases/status?purchaseReference="+told.SettlementEntity.ID+"&provider="+told.SettlementEntity.Name), known, ""), sold)
		}

		s.door.sender.Account = 2
		s.answers(t, status, 404, "UNABLE_TO_LOCATE_RECORD")
		s.door.sender.Account = 1
		s.answers(t, purchaseConfirmation, 202, "")
		s.answers(t, purchaseConfirmation, 202, "")
		same(t, s.answers(t, status, known, ""), sold)
		s.answers(t, purchaseReversal.with(t, adviceID, "r1"), 400, "ACCOUNT_ALREADY_SETTLED")

		s.answers(t, odd.of("p2"), 201, "")
		s.answers(t, purchaseReversal.with(t, adviceID, "r2").of("p2"), 202, "")
		if d := s.answers(t, status.of("p2"), 400, "ACCOUNT_ALREADY_SETTLED"); !strings.Contains(d, `"originalId":"p2"`) {
			t.Error(d)
		}
		s.answers(t, purchaseReversal.with(t, adviceID, "r3").of("p3"), 404, "UNABLE_TO_LOCATE_RECORD")
		if d := s.answers(t, odd.of("p3"), 400, "ACCOUNT_ALREADY_SETTLED"); !strings.Contains(d, `"originalId":"r3"`) {
			t.Error(d)
		}
		s.answers(t, odd.with(t, "A10", "B10").of("p4"), 400, "INVALID_PRODUCT")
		if d := s.answers(t, status.of("p4"), 400, "INVALID_PRODUCT"); !strings.Contains(d, `"originalId":"p4"`) {
			t.Error(d)
		}
	}
}

func TestTheLifeOfAVoucher(t *testing.T) {
	s := openShop(t, false)
	s.answers(t, provision, 400, "INVALID_AMOUNT")
	asked := provision.of("v1").also(anAsk)
	s.answers(t, asked, 201, "")
	if d := s.answers(t, asked, 400, "DUPLICATE_RECORD"); !strings.Contains(d, `"voucherId":"v1","product":{"productId":"A10"}`) {
		t.Error(d)
	}
	s.answers(t, status.of("v1"), 404, "UNABLE_TO_LOCATE_RECORD")
	s.answers(t, voucherConfirmation.of("v1"), 202, "")
	s.answers(t, voucherReversal.of("v1").at("/vouchers/v1/reversals/r1").with(t, adviceID, "r1"), 400, "ACCOUNT_ALREADY_SETTLED")
	s.answers(t, voucherReversal.of("v2").at("/vouchers/v2/reversals/r2").with(t, adviceID, "r2"), 404, "UNABLE_TO_LOCATE_RECORD")
	if d := s.answers(t, asked.of("v2").at("/vouchers/v2").with(t, "v1", "v2"), 400, "ACCOUNT_ALREADY_SETTLED"); !strings.Contains(d, `"originalId":"r2"`) {
		t.Error(d)
	}
}

// 3.2 row 2a: a top-up whose provider has not answered is pending for its status, and its reversal comes again.
func TestTheLifeOfATopUp(t *testing.T) {
	s := openShop(t, false)
	topUp := purchase.with(t, "A10", "T10").with(t, anAsk+",", "")
	same(t, s.answers(t, topUp, 201, ""), s.answers(t, status, 200, ""))
	s.answers(t, purchaseReversal, 202, "")

	s.cell.err = context.DeadlineExceeded
	s.answers(t, topUp.of("p2"), 504, "OUTCOME_UNKNOWN")
	if d := s.answers(t, status.of("p2"), 504, "OUTCOME_UNKNOWN"); !strings.Contains(d, `"originalId":"p2"`) {
		t.Error(d)
	}
	s.answers(t, purchaseReversal.of("p2").with(t, adviceID, "r2"), 500, "GENERAL_ERROR")

	s.cell.err = decline.New(decline.DeclinedByMNO, "no")
	s.answers(t, topUp.of("p3"), 400, "DECLINED_BY_MNO")
	s.answers(t, status.of("p3"), 400, "DECLINED_BY_MNO")
	s.answers(t, topUp.of("p4").with(t, `"recipientMsisdn"`, `"was"`), 400, "INVALID_MSISDN")
}
