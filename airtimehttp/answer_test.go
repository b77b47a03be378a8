package airtimehttp_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/txn"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
)

// The parts of answers.
const (
	echoed  = `{"id":"` + requestID + `","time":"2026-03-04T10:11:12.120Z",` + originator + `,` + client
	parties = `,"settlementEntity":{"id":"scrip","name":"Scrip"},"receiver":{"id":"scrip","name":"Scrip"}`
	theirs  = `,"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"},` +
		`{"institutionId":"7654321","transactionIdentifier":"9931-1771"}`
	traces  = `,"stan":"000123","rrn":"603410000123"`
	paid    = `,"amounts":{"requestAmount":{"amount":12500,"currency":"710"},"approvedAmount":{"amount":12500,"currency":"710"},"feeAmount":{"amount":0,"currency":"710"}}`
	sold    = `{"isDirectTopup":false,"productId":"A10","name":"Ten","type":"AIRTIME_FIXED"}`
	voucher = `,"voucher":{"pin":"902512345678","expiryDate":"2100-07-01T12:00:00.000Z","serialNumber":"S7","batchNumber":"B1","redeemInstructions":["Dial *100#"]}`
	forWhom = `,"msisdn":{"msisdn":"+27831234567","country":"ZA"}`
)

// ours are the third-party identifiers that we add, and the slip.
func ours(settlement, receiver, line string) string {
	return `,{"institutionId":"` + settlement + `","transactionIdentifier":"` + reference + `"},` +
		`{"institutionId":"` + receiver + `","transactionIdentifier":"` + reference + `"}],` +
		`"slipData":{"messageLines":[{"text":"` + line + `"}],"issuerReference":"` + reference + `"}`
}

func TestEveryOperationSucceedsAsDeclared(t *testing.T) {
	for _, compatible := range []bool{false, true} {
		e, sent := newEdge(t, compatible), 0
		for _, m := range messages() {
			want := http.StatusCreated
			switch {
			case m.advice(), compatible && (m.operation == status.operation || m.operation == lookUp.operation):
				want = http.StatusAccepted
			case m.query(), m.operation == trial.operation:
				want = http.StatusOK
			}
			path, parameters, _ := strings.Cut(m.path, "?")
			for _, slash := range []string{"", "/"} { // C3
				m := m.at(strings.TrimSuffix(path, "/") + slash + "?" + parameters)
				answer := e.answer(m)
				sent++
				if answer.Code != want {
					t.Errorf("%s: %d %s", m.operation, answer.Code, answer.Body)
				}
				if err := keepsContract(m.operation, answer); err != nil {
					t.Errorf("%s: %v", m.operation, err)
				}
				at := answer.Header().Get("Location") // C11: a voucher is created, and has a place
				if located := m.operation == provision.operation; located != (at == "/airtime/v5/vouchers/"+requestID) || !located && at != "" {
					t.Errorf("%s: Location is %q", m.operation, at)
				}
				if e.observer != (observer{operation: m.operation, status: want}) {
					t.Errorf("%s: the observer was told %+v", m.operation, e.observer)
				}
			}
			if repeated := m.advice() || m.operation == status.operation; e.door.advice != repeated {
				t.Errorf("%s: the door was told that it is repeated: %t", m.operation, e.door.advice)
			}
		}
		if e.door.released != sent {
			t.Errorf("%d of %d were let go of", e.door.released, sent)
		}
	}
}

func TestAPurchaseIsAnswered(t *testing.T) {
	e := newEdge(t, false)
	same(t, e.good(t, purchase), echoed+parties+theirs+ours("scrip", "scrip", "AIRTIME PURCHASE")+traces+paid+
		`,"product":`+sold+forWhom+voucher+`}`)
	same(t, e.good(t, trial), echoed+parties+theirs+ours("scrip", "scrip", "AIRTIME PURCHASE")+traces+paid+
		`,"product":`+sold+forWhom+`}`)
	same(t, e.good(t, provision), echoed+parties+theirs+ours("scrip", "scrip", "AIRTIME VOUCHER")+traces+
		`,"amounts":{"approvedAmount":{"amount":12500,"currency":"710"},"feeAmount":{"amount":0,"currency":"710"}}`+
		`,"responseProduct":`+sold+voucher+`}`)
}

// A top-up has no voucher, and its product says so.
func TestATopUpIsAnswered(t *testing.T) {
	e := newEdge(t, false)
	e.service.response.Voucher = nil
	e.service.response.Product = &airtime.Product{
		ID: "A10", Barcode: "B", Type: airtime.DataFixed, TopUp: true, RecipientAmount: &money.Amount{Minor: 5, Currency: 404},
		Validity: &airtime.Validity{Duration: 30, Unit: "DAYS"},
	}
	same(t, e.good(t, purchase), echoed+parties+theirs+ours("scrip", "scrip", "AIRTIME PURCHASE")+traces+paid+
		`,"product":{"isDirectTopup":true,"productId":"A10","barcode":"B","type":"DATA_FIXED","recipientAmount":{"amount":5,"currency":"404"},`+
		`"validityPeriod":{"duration":30,"durationUnit":"DAYS"}}`+forWhom+`}`)
}

// A product without a value that is bought without an amount has none to speak of; a voucher without an end has no expiry.
func TestWhatIsAbsentIsLeftOut(t *testing.T) {
	e := newEdge(t, false)
	e.service.response.Amount = nil
	e.service.response.Voucher.Expiry, e.service.response.Voucher.Batch, e.service.response.Voucher.Instructions = time.Time{}, "", nil
	m := purchase.with(t, anAsk+",", "").with(t, `"recipientMsisdn":{"msisdn":"+27831234567","country":"ZA"},`, "")
	same(t, e.good(t, m), echoed+parties+theirs+ours("scrip", "scrip", "AIRTIME PURCHASE")+traces+
		`,"product":`+sold+`,"voucher":{"pin":"902512345678","serialNumber":"S7","redeemInstructions":[]}}`)
}

// 3.2, section 8: the compatibility profile says with settlement entity and number what the test server says.
func TestThePurchaseOfTheCompatibilityProfile(t *testing.T) {
	e := newEdge(t, true)
	settled := `,"settlementEntity":{"id":"` + reference + `","name":"CellA"},"receiver":{"id":"scrip","name":"Scrip"}`
	same(t, e.good(t, purchase), echoed+settled+theirs+ours(reference, "scrip", "AIRTIME PURCHASE")+traces+paid+
		`,"product":`+sold+forWhom+voucher+`}`)

	nobody := purchase.with(t, `"recipientMsisdn":{"msisdn":"+27831234567","country":"ZA"},`, "")
	number := regexp.MustCompile(`,"msisdn":\{"msisdn":"(999[0-9]{9})"\}`)
	first := number.FindString(e.good(t, nobody))
	if first == "" || number.FindString(e.good(t, nobody)) != first {
		t.Errorf("the number %q is not the same again", first)
	}
	e.service.response.Reference = airtime.Reference(2)
	if second := number.FindString(e.good(t, nobody)); second == "" || second == first {
		t.Errorf("another purchase has %q after %q", second, first)
	}
	for provider, name := range map[string]string{"": "provider", "ä-ö": "provider", strings.Repeat("x", 50): strings.Repeat("x", 40)} {
		e.service.response.Provider = provider
		if got := e.good(t, nobody); !strings.Contains(got, `,"name":"`+name+`"}`) {
			t.Errorf("%q is not %q in %s", provider, name, got)
		}
	}
	if voucher := e.good(t, provision); !strings.Contains(voucher, parties) {
		t.Errorf("a voucher's parties are made up: %s", voucher)
	}
}

// S2 and S3: who takes part is always told, with a reference of ours for each of the two.
func TestTheParties(t *testing.T) {
	const settlement, receiver = `"settlementEntity":{"id":"33","name":"Settle Bank"}`, `"receiver":{"id":"44","name":"Vendor"}`
	e := newEdge(t, false)
	m := purchase.also(settlement + "," + receiver)
	same(t, e.good(t, m), echoed+","+settlement+","+receiver+theirs+ours("33", "44", "AIRTIME PURCHASE")+traces+paid+
		`,"product":`+sold+forWhom+voucher+`}`)
	without := provision.with(t, references+",", "").also(receiver)
	if got := e.good(t, without); !strings.Contains(got, `,"settlementEntity":{"id":"scrip","name":"Scrip"},`+receiver+`,"thirdPartyIdentifiers":[`+
		ours("scrip", "44", "AIRTIME VOUCHER")[1:]) {
		t.Error(got)
	}
}

// S4: an advice comes back as it was sent, member by member; a voucher's has no more than all advices have.
func TestAnAdviceComesBack(t *testing.T) {
	const plenty = `"stan":"1","rrn":"9","surprise":{"a":[null]},"amounts":{"approvedAmount":{"amount":"012500","currency":"710"}},` +
		`"voucher":{"serialNumber":"S7","pin":"902512345678"},` +
		`"tenders":[{"amount":{"amount":"07","currency":"710"},"tenderType":"CASH","reference":"r \u00e4","x":null},{"tenderType":"OTHER","amount":{"amount":1,"currency":"710"}}]`
	const common = adviceHeader + `,"stan":"1","rrn":"9","amounts":{"approvedAmount":{"amount":12500,"currency":"710"}}`
	e := newEdge(t, false)
	same(t, e.good(t, purchaseConfirmation.also(plenty)), common+`,"tenders":[{"amount":{"amount":7,"currency":"710"},"tenderType":"CASH","reference":"r \u00e4"},`+
		`{"tenderType":"OTHER","amount":{"amount":1,"currency":"710"}}]}`)
	if a := e.service.advice; a.Approved == nil || *a.Approved != *rand(12500) || a.Serial != "S7" || a.ID != adviceID || a.RequestID != requestID {
		t.Errorf("the service was told %+v", a)
	}
	same(t, e.good(t, purchaseReversal.also(plenty)), common+`,"reversalReason":"TIMEOUT"}`)
	same(t, e.good(t, voucherConfirmation.with(t, `,"voucher":{"serialNumber":"S7"}`, "").also(plenty)), common+`}`)
	same(t, e.good(t, voucherReversal.also(plenty)), common+`}`)
	same(t, e.good(t, purchaseConfirmation), adviceHeader+`,"tenders":[]}`)
}

// Inside of what the document leaves unjudged nothing is a format error (1.4): it comes back as it was sent (S3, S4).
func TestWhatIsUnjudgedComesBackAsItWasSent(t *testing.T) {
	e := newEdge(t, false)
	for _, odd := range []string{`[{}]`, `[{"institutionId":7}]`, `[null,{"type":[]},[1e400],"text"]`} {
		for _, m := range []message{purchase, trial, provision} {
			begins := `"thirdPartyIdentifiers":` + strings.TrimSuffix(odd, "]") + `,`
			if answer := e.good(t, m.with(t, references, `"thirdPartyIdentifiers":`+odd)); !strings.Contains(answer, begins) {
				t.Errorf("no %s in %s", begins, answer)
			}
		}
		for _, m := range []message{purchaseConfirmation, purchaseReversal, voucherConfirmation, voucherReversal} {
			whole := `"thirdPartyIdentifiers":` + odd
			if answer := e.good(t, m.with(t, adviceReferences, whole)); !strings.Contains(answer, whole) {
				t.Errorf("no %s in %s", whole, answer)
			}
		}
		paid := `"tenders":` + odd
		if answer := e.good(t, purchaseConfirmation.also(paid)); !strings.Contains(answer, paid) {
			t.Errorf("no %s in %s", paid, answer)
		}
	}
	same(t, e.good(t, purchaseReversal.with(t, adviceReferences, `"thirdPartyIdentifiers":[{"institutionId":null}]`)), // C5
		`{"id":"`+adviceID+`","requestId":"`+requestID+`","time":"2026-03-04T10:11:12.120Z","thirdPartyIdentifiers":[{}],"reversalReason":"TIMEOUT"}`)
}

// Whatever stands in a member, the answer is one of the contract's, and somebody knows it.
func TestOddMessagesAreAnsweredAsDeclared(t *testing.T) {
	e := newEdge(t, false)
	for _, m := range []message{purchase, provision, purchaseConfirmation, purchaseReversal, voucherConfirmation} {
		for body := range contract().Odd(m.operation, []byte(m.body)) {
			m.body = string(body)
			answer := e.answer(m)
			if err := keepsContract(m.operation, answer); err != nil || answer.Code == http.StatusInternalServerError {
				t.Errorf("%s: %v (%v)", m.body, err, e.observer.cause)
			}
		}
	}
}

// The voucher in the confirmation of a purchase is looked at, whatever it is.
func TestAnyVoucherConfirmsAPurchase(t *testing.T) {
	e := newEdge(t, false)
	for voucher, serial := range map[string]string{
		`{"serialNumber":"S8"}`: "S8", `{"serialNumber":"\u0053 8"}`: "S 8", `{"serialNumber":8}`: "", `{}`: "", `"S8"`: "", `[]`: "", `null`: "",
	} {
		e.good(t, purchaseConfirmation.also(`"voucher":`+voucher))
		if got := e.service.advice.Serial; got != serial {
			t.Errorf("%s: the serial is %q", voucher, got)
		}
	}
}

// 3.2 row 4: a status answers the very bytes that the purchase was answered, however odd the message was.
func TestAStatusAnswersWhatThePurchaseWasAnswered(t *testing.T) {
	edges := []*edge{newEdge(t, false), newEdge(t, true)}
	for name, m := range map[string]message{
		"plain":              purchase,
		"odd numbers":        purchase.with(t, `"amount":12500`, `"amount":"00012500"`).also(`"transactionLabels":[1.50,1e2,-0]`),
		"nulls":              purchase.with(t, `"stan":"000123"`, `"stan":null,"settlementEntity":null,"voucher":null`).with(t, `"city"`, `"x":null,"city"`),
		"unknown members":    purchase.with(t, `"operatorId":"17"`, `"operatorId":"17","shift":{"n":[1, 2,null]}`),
		"spaces":             purchase.with(t, `"originator":{`, "\"originator\" : {\n\t").with(t, `"client":{`, `"client" : { `),
		"escapes":            purchase.with(t, `"Corner Stores"`, `"C\u00f6rner \"Stores\""`).with(t, `"productId":"A10"`, `"productId":"\u0041\u00310"`),
		"secrets":            purchase.with(t, `"city"`, `"pan":"6001000000000000001","old":{"clearPin":"7052","more":[{"pin":null}]},"city"`),
		"escaped secrets":    purchase.with(t, `"city"`, `"p\u0061n":"6001000000000000001","city"`),
		"secret labels":      purchase.also(`"transactionLabels":{"campaign":"spring","pin":"7052","deep":[{"hash":["a"]}]}`),
		"payments":           purchase.also(`"paymentMethods":[{"type":"CARD","pan":"6001000000000000001"},{"type":"AN_32_TOKEN","token":"t0k3n"}]`),
		"no references":      purchase.with(t, references+",", ""),
		"odd references":     purchase.with(t, `"A83-000171"`, `"A83-000171","pin":"7052","n":1.0`).with(t, `[{"institutionId"`, `[{"x":{ },"institutionId"`),
		"another settlement": purchase.also(`"settlementEntity":{"id":"33","name":"B","pin":"1"},"receiver":{"id":"44","name":"R"}`),
		"the other name":     purchase.also(`"tlementEntity":{"id":"33","name":"B"}`),
		"plain number":       purchase.with(t, `"+27831234567"`, `"27831234567"`),
		"no number":          purchase.with(t, `"recipientMsisdn":{"msisdn":"+27831234567","country":"ZA"},`, ""),
		"everything else":    purchase.also(`"basketRef":"b","tranType":"GOODS_AND_SERVICES","srcAccType":"DEFAULT","destAccType":"CREDIT","slipData":{"messageLines":[]},"senderMsisdn":{"msisdn":"12"}`),
	} {
		for _, e := range edges {
			before := e.good(t, m)
			after := e.answer(status)
			same(t, after.Body.String(), before)
			if err := keepsContract("purchaseStatus", after); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if e.observer.operation != "purchaseStatus" {
				t.Errorf("%s: the observer was told of %s", name, e.observer.operation)
			}
			for _, secret := range []string{"7052", "6001000000000000001", "t0k3n"} {
				if strings.Contains(before, secret) || strings.Contains(string(e.service.request.Body), secret) {
					t.Errorf("%s: %s is answered in %s or kept in %s", name, secret, before, e.service.request.Body)
				}
			}
		}
	}
}

// What is kept is broken: nobody may take that for an end.
func TestAStatusWithoutItsPurchaseIsUnknown(t *testing.T) {
	e := newEdge(t, false)
	e.service.request = &airtime.Request{Body: []byte(`{"pan":"6001`)}
	answer := e.answer(status)
	if d := detail(t, "purchaseStatus", answer); answer.Code != http.StatusInternalServerError || d.ErrorType != "GENERAL_ERROR" || e.observer.cause == nil {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if strings.Contains(e.observer.cause.Error(), "6001") {
		t.Errorf("the observer was told %v", e.observer.cause)
	}
}

// 3.2: what a status asks for, and what is wrong when it asks for nothing.
func TestWhatAStatusNames(t *testing.T) {
	for parameters, want := range map[string]airtime.Query{
		"?originalMsgId=m%2F1":                                      {ID: "m/1"},
		"?purchaseReference=A1&provider=Cell+A":                     {Reference: "A1", Provider: "Cell A"},
		"?originalMsgId=m1&purchaseReference=A1&provider=P":         {ID: "m1", Reference: "A1", Provider: "P"},
		"?originalMsgId=m1&purchaseReference=A1":                    {ID: "m1", Reference: "A1"},
		"?originalMsgId=&purchaseReference=A1&provider=P&other=%7F": {Reference: "A1", Provider: "P"},
	} {
		e := newEdge(t, false)
		e.good(t, status.at("/purchases/status"+parameters))
		want.Sender, want.Received, want.Wire = &e.door.sender, noon, txn.Wire(parameters[1:])
		if !reflect.DeepEqual(*e.service.query, want) {
			t.Errorf("%s: the service was told %+v", parameters, *e.service.query)
		}
	}
	for _, parameters := range []string{"", "?", "?purchaseReference=A1", "?provider=P", "?purchaseReference=A1&provider=", "?originalMsgId="} {
		e := newEdge(t, false)
		answer := e.answer(status.at("/purchases/status" + parameters))
		d := detail(t, "purchaseStatus", answer)
		if answer.Code != http.StatusBadRequest || d.ErrorType != "FORMAT_ERROR" || d.RequestType != "PURCHASE_STATUS_REQUEST" || d.OriginalID != "" ||
			d.DetailMessage["formatErrors"] != nil || e.service.asked() {
			t.Errorf("%s: %d %s", parameters, answer.Code, answer.Body)
		}
	}
}

func TestAQueryHasANewID(t *testing.T) {
	e := newEdge(t, false)
	e.service.err = decline.New(decline.GeneralError, "x")
	first, second := detail(t, "listProducts", e.answer(list)), detail(t, "listProducts", e.answer(list))
	if len(first.ID) != 36 || first.ID == second.ID {
		t.Errorf("%q and %q", first.ID, second.ID)
	}
}

// full is a product about which everything is known.
var full = &airtime.Product{
	ID: "D1", Barcode: "6001", Name: "Day \"pass\"", Type: airtime.Data, TopUp: true, Network: "CELLA",
	Description: airtime.Description{Primary: "p", Short: "s", Additional: map[string]string{"zu": "z", "a\"f": "f"}},
	Values:      []money.Amount{*rand(500), {Minor: 30, Currency: 840}}, Wholesale: rand(450), RecipientAmount: &money.Amount{Minor: 1, Currency: 404},
	Validity: &airtime.Validity{Unit: "FOREVER"}, Contents: []airtime.Content{{Unit: "MB"}, {Amount: 5, Unit: "Minutes"}},
	Channels: []airtime.Channel{{Name: "web", DisplayName: "dn", DisplayCategory: "dc", Identifier: "i", SortOrder: new(float64)}, {Name: "till", SortOrder: new(1.5)}, {Name: "kiosk"}},
}

// offered is how it is listed, with the name of its network.
func offered(network string) string {
	return `{"isDirectTopup":true,"productId":"D1","barcode":"6001","name":"Day \"pass\"","type":"DATA","recipientAmount":{"amount":1,"currency":"404"},` +
		`"description":{"primaryDescription":"p","shortDescription":"s","additionalDescriptions":{"a\"f":"f","zu":"z"}},` +
		`"wholesalePrice":{"amount":450,"currency":"710"},"productValues":[{"amount":500,"currency":"710"},{"amount":30,"currency":"840"}],` +
		`"validityPeriod":{"duration":0,"durationUnit":"FOREVER"},"productContents":[{"amount":0,"unit":"MB"},{"amount":5,"unit":"Minutes"}],` +
		`"operator":{"id":"CELLA","name":"` + network + `"},` +
		`"channels":[{"channelName":"web","productDisplayName":"dn","productDisplayCategory":"dc","productDisplaySortOrder":0.0,"channelProductIdentifier":"i"},` +
		`{"channelName":"till","productDisplaySortOrder":1.5},{"channelName":"kiosk"}]}`
}

func TestProductsAreListed(t *testing.T) {
	e := newEdge(t, false)
	e.service.products = []airtime.Offer{
		{Product: ten}, {Product: full, Network: &airtime.Network{ID: "CELLA", Name: "Cell A"}}, {Product: &airtime.Product{ID: "V", Type: airtime.AirtimeVariable, Discount: 250, Limits: []airtime.Limit{{Currency: 710, Min: 500, Max: 9000}, {Currency: 840, Min: 30, Max: 40}}}},
		{Product: &airtime.Product{ID: "N"}},
	}
	same(t, e.good(t, list), `[{"isDirectTopup":false,"productId":"A10","name":"Ten","type":"AIRTIME_FIXED","recipientAmount":{"amount":1000,"currency":"710"},"wholesalePrice":{"amount":1000,"currency":"710"},`+
		`"productValues":[{"amount":1000,"currency":"710"}]},`+offered("Cell A")+`,{"isDirectTopup":false,"productId":"V","type":"AIRTIME_VARIABLE",`+
		`"recipientAmount":{"amount":500,"currency":"710"},"wholesalePrice":{"amount":488,"currency":"710"},"productValues":[{"amount":500,"currency":"710"},`+
		`{"amount":9000,"currency":"710"},{"amount":30,"currency":"840"},{"amount":40,"currency":"840"}]},{"isDirectTopup":false,"productId":"N"}]`)
	if f := e.service.listing.Filter; f != (airtime.Filter{Channel: "web"}) {
		t.Errorf("the service was told %+v", f)
	}
	e.service.products = nil
	same(t, e.good(t, list.at("/products")), `[]`)
}

// What was sold is told with what it contains and how long that lasts.
func TestWhatIsSoldHasItsContents(t *testing.T) {
	e := newEdge(t, false)
	e.service.response.Product = full
	want := `"validityPeriod":{"duration":0,"durationUnit":"FOREVER"},"productContents":[{"amount":0,"unit":"MB"},{"amount":5,"unit":"Minutes"}]}`
	for _, m := range []message{purchase, status, provision} {
		if got := e.good(t, m); !strings.Contains(got, want) {
			t.Errorf("%s: %s", m.operation, got)
		}
	}
}

func TestNoCatalogueIsKept(t *testing.T) {
	e := newEdge(t, false)
	e.service.err = decline.New(decline.FunctionNotSupported, "nothing here")
	answer := e.answer(list)
	if d := detail(t, "listProducts", answer); answer.Code != http.StatusNotImplemented || d.ErrorType != "FUNCTION_NOT_SUPPORTED" {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

// 3.3: what is not known of a number is left out, and its name is that which was asked for.
func TestANumberIsLookedUp(t *testing.T) {
	network := &airtime.Network{ID: "CELLA", Name: "Cell A"}
	for name, c := range map[string]struct {
		known airtime.Subscriber
		want  string
	}{
		"nothing": {airtime.Subscriber{}, `{"msisdn":{"msisdn":"+27831234567"}}`},
		"the operator that was asked for": {airtime.Subscriber{Asked: "Cell B"},
			`{"msisdn":{"msisdn":"+27831234567","operator":{"id":"Cell B","name":"Cell B"}}}`},
		"the network": {airtime.Subscriber{Country: "ZA", Network: network},
			`{"msisdn":{"msisdn":"+27831234567","country":"ZA","operator":{"id":"CELLA","name":"Cell A"}}}`},
		"everything": {airtime.Subscriber{
			Country: "ZA", Network: network, Asked: "A", Balance: &ledger.Balance{Book: 70, Available: 50}, Currency: 710,
			Products: []airtime.Offer{{Product: full, Network: network}}, Promotion: &airtime.Promotion{Name: "spring", Text: "Twice", Start: noon, End: noon.Add(time.Hour)},
		}, `{"msisdn":{"msisdn":"+27831234567","country":"ZA","operator":{"id":"CELLA","name":"A"}},"amounts":{"balanceAmount":{"amount":70,"currency":"710"}},` +
			`"availableProducts":[` + offered("Cell A") + `],"promotion":{"promotion":"Twice","startDate":"2100-07-01T12:00:00.000Z","endDate":"2100-07-01T13:00:00.000Z"}}`},
		"a product of a network that is not known": {
			airtime.Subscriber{Network: network, Products: []airtime.Offer{{Product: &airtime.Product{ID: "X", Network: "CELLX"}}}},
			`{"msisdn":{"msisdn":"+27831234567","operator":{"id":"CELLA","name":"Cell A"}},` +
				`"availableProducts":[{"isDirectTopup":false,"productId":"X","operator":{"id":"CELLX","name":"CELLX"}}]}`,
		},
		"a promotion without a text": {airtime.Subscriber{Promotion: &airtime.Promotion{Name: "spring"}},
			`{"msisdn":{"msisdn":"+27831234567"},"promotion":{"promotion":"spring"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, false)
			e.service.subscriber = c.known
			same(t, e.good(t, lookUp), c.want)
		})
	}
}

// 3.3: a number comes back as it was sent, also with a plus sign that nobody escaped.
func TestWhatALookUpNames(t *testing.T) {
	for parameters, want := range map[string]struct {
		sent   string
		lookUp airtime.LookUp
	}{
		"?msisdn=27831234567":    {"27831234567", airtime.LookUp{}},
		"?msisdn=+27831234567":   {"+27831234567", airtime.LookUp{}},
		"?msisdn=%2b27831234567": {"+27831234567", airtime.LookUp{}},
		"?msisdn=%2B27831234567&operator=Cell+A&productType=DATA&channelName=web&productCategory=spring%20sale&senderMsisdn=+27830000000&x=1&x=2&": {"+27831234567", airtime.LookUp{
			Operator: "Cell A", Buyer: number(t, "27830000000"), Filter: airtime.Filter{Type: "DATA", Channel: "web", Category: "spring sale"},
		}},
		"?productType=&operator=&msisdn=27831234567&channelName=": {"27831234567", airtime.LookUp{}},
		"?productType=PIGEON&msisdn=27831234567":                  {"27831234567", airtime.LookUp{Filter: airtime.Filter{Type: "PIGEON"}}},
	} {
		e := newEdge(t, false)
		same(t, e.good(t, lookUp.at("/msisdn"+parameters)), `{"msisdn":{"msisdn":"`+want.sent+`"}}`)
		want.lookUp.Sender, want.lookUp.Received, want.lookUp.MSISDN = &e.door.sender, noon, number(t, "27831234567")
		want.lookUp.Wire = txn.Wire(parameters[1:])
		if !reflect.DeepEqual(*e.service.lookUp, want.lookUp) {
			t.Errorf("%s: the service was told %+v", parameters, *e.service.lookUp)
		}
	}
}

func number(t *testing.T, digits string) ident.MSISDN {
	t.Helper()
	m, err := ident.ParseMSISDN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What of parameters is refused, and how it is told (1.3).
func TestParametersThatAreRefused(t *testing.T) {
	long := strings.Repeat("x", 41)
	longer := strings.Repeat("x", 300)
	e := newEdge(t, false)
	for _, c := range []struct {
		of         message
		parameters string
		want       string // formatErrors, without values
	}{
		{lookUp, "", `[{"field":"msisdn","msg":"query param msisdn may not be null"}]`},
		{lookUp, "?msisdn=", `[{"field":"msisdn","msg":"query param msisdn may not be null"}]`},
		{lookUp, "?MSISDN=27831234567", `[{"field":"msisdn","msg":"query param msisdn may not be null"}]`},
		{lookUp, "?msisdn=0831234567", `[{"field":"msisdn","msg":"query param msisdn must match ^\\+?[1-9]\\d{1,14}$"}]`},
		{lookUp, "?msisdn=++1", `[{"field":"msisdn","msg":"query param msisdn must match ^\\+?[1-9]\\d{1,14}$"}]`},
		{lookUp, "?msisdn=1234567890123456", `[{"field":"msisdn","msg":"query param msisdn must match ^\\+?[1-9]\\d{1,14}$"}]`},
		{lookUp, "?msisdn=27831234567&senderMsisdn=x", `[{"field":"senderMsisdn","msg":"query param senderMsisdn must match ^\\+?[1-9]\\d{1,14}$"}]`},
		{lookUp, "?msisdn=27831234567&msisdn=27831234567", `[{"field":"msisdn","msg":"query param msisdn must be there once"}]`},
		{lookUp, "?msisdn=27831234567&operator=" + long, `[{"field":"operator","msg":"query param operator must have at most 40 characters"}]`},
		{lookUp, "?msisdn=27831234567&channelName=" + longer, `[{"field":"channelName","msg":"query param channelName must have at most 256 bytes"}]`},
		{lookUp, "?msisdn=%zz", `null`},
		{list, "?channelName=a&channelName=b", `[{"field":"channelName","msg":"query param channelName must be there once"}]`},
		{status, "?originalMsgId=a%20b", `[{"field":"originalMsgId","msg":"query param originalMsgId must match ^[!-~]{1,64}$","value":"a b"}]`},
		{status, "?originalMsgId=a&originalMsgId=b", `[{"field":"originalMsgId","msg":"query param originalMsgId must be there once"}]`},
	} {
		path, _, _ := strings.Cut(c.of.path, "?")
		answer := e.answer(c.of.at(path + c.parameters))
		d := detail(t, c.of.operation, answer)
		var told, want any
		told = d.DetailMessage["formatErrors"]
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if answer.Code != http.StatusBadRequest || d.ErrorType != "FORMAT_ERROR" || d.RequestType != c.of.requestType || e.service.asked() {
			t.Errorf("%s: %d %s", c.parameters, answer.Code, answer.Body)
		}
		got, _ := json.Marshal(told)
		wanted, _ := json.Marshal(want)
		same(t, string(got), string(wanted))
	}
}
