package adminhttp_test

import (
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// What rests in the rows of a store is read by every later release. When this test fails a field was renamed or
// removed: keep it, or read the old form as well.
func TestRowsKeepTheirForm(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	velocity := []txn.Velocity{{Family: txn.Load, Window: time.Hour, MaxCount: 1, MaxAmount: 2}}
	for _, c := range []struct {
		value any
		want  string
	}{
		{admin.Account{Number: 1, World: 1, Name: "n", Suspended: true, Credentials: []admin.Credential{{Number: 1, Hash: "h", NotBefore: at, NotAfter: at}},
			Settings: admin.AccountSettings{Families: []txn.Family{txn.Load}, Products: []string{"p"}, Ranges: []txn.Range{{First: "1", Last: "2"}},
				HolderLookUps: true, Velocity: velocity, WrongPerMinute: 1, RequestsPerSecond: 2, Burst: 3,
				Certificates: []admin.Certificate{{Kind: admin.SAN, Value: "v"}}, Intermediary: true, Prepaid: true, LowFloat: 4}},
			`{"Number":1,"World":1,"Name":"n","Suspended":true,"Credentials":[{"Number":1,"Hash":"h","NotBefore":"2026-11-21T12:00:00Z","NotAfter":"2026-11-21T12:00:00Z"}],` +
				`"Settings":{"Families":"Ag==","Products":["p"],"Ranges":[{"First":"1","Last":"2"}],"HolderLookUps":true,` +
				`"Velocity":[{"Family":2,"Window":3600000000000,"MaxCount":1,"MaxAmount":2}],"WrongPerMinute":1,"RequestsPerSecond":2,"Burst":3,` +
				`"Certificates":[{"Kind":"san","Value":"v"}],"Intermediary":true,"Prepaid":true,"LowFloat":4}}`},
		{giftcard.Product{Number: 1, World: 1, ID: "i", Barcode: "b", Type: "t", Currency: 710, StartBalance: 1, Opening: giftcard.OpeningSum, MinLoad: 2,
			MaxLoad: 3, MaxBalance: 4, SingleLoad: true, PINRequired: true, PINTries: 5, SingleUse: true, ValidMonths: 6, ReplaceFrozen: true, Velocity: velocity},
			`{"Number":1,"World":1,"ID":"i","Barcode":"b","Type":"t","Currency":710,"StartBalance":1,"Opening":"sum","MinLoad":2,"MaxLoad":3,"MaxBalance":4,` +
				`"SingleLoad":true,"PINRequired":true,"PINTries":5,"SingleUse":true,"ValidMonths":6,"ReplaceFrozen":true,` +
				`"Velocity":[{"Family":2,"Window":3600000000000,"MaxCount":1,"MaxAmount":2}]}`},
		{airtime.Product{Number: 1, Edition: 2, World: 1, ID: "i", Barcode: "b", Name: "n", Type: airtime.Data, Withdrawn: true, TopUp: true, Provider: "p",
			Description: airtime.Description{Primary: "d", Short: "s", Additional: map[string]string{"a": "t"}}, Network: "w", Values: []money.Amount{{Minor: 3, Currency: 710}},
			Limits: []airtime.Limit{{Currency: 710, Min: 4, Max: 5}}, Wholesale: &money.Amount{Minor: 6, Currency: 710}, Discount: 7,
			Validity: &airtime.Validity{Duration: 8, Unit: "DAYS"}, Contents: []airtime.Content{{Amount: 9, Unit: "MB"}}, Channels: []airtime.Channel{{Name: "c"}},
			Promotion: "o", Source: airtime.FromStock, Returned: airtime.ToStock, LowStock: 10, Instructions: []string{"l"}},
			`{"Number":1,"Edition":2,"World":1,"ID":"i","Barcode":"b","Name":"n","Description":{"Primary":"d","Short":"s","Additional":{"a":"t"}},"Type":"DATA","Withdrawn":true,` +
				`"TopUp":true,"Provider":"p","Network":"w","Values":[{"Minor":3,"Currency":710}],"Limits":[{"Currency":710,"Min":4,"Max":5}],"Wholesale":{"Minor":6,"Currency":710},` +
				`"Discount":7,"RecipientAmount":null,"Validity":{"Duration":8,"Unit":"DAYS"},"Contents":[{"Amount":9,"Unit":"MB"}],` +
				`"Channels":[{"Name":"c","DisplayName":"","DisplayCategory":"","Identifier":"","SortOrder":null}],"Promotion":"o","Source":"stock","Returned":"stock",` +
				`"LowStock":10,"Instructions":["l"]}`},
		{airtime.Network{Number: 1, World: 1, ID: "i", Name: "n", Country: "ZA", Prefixes: []string{"27"}, Promotion: &airtime.Promotion{Name: "p", Text: "t", Start: at, End: at}},
			`{"Number":1,"World":1,"ID":"i","Name":"n","Country":"ZA","Prefixes":["27"],"Promotion":{"Name":"p","Text":"t","Start":"2026-11-21T12:00:00Z","End":"2026-11-21T12:00:00Z"}}`},
		{admin.Import{Number: 1, Kind: admin.OfVouchers, Product: "p", Mode: admin.All, State: admin.Complete, Operator: "o", Begun: at, Ended: at, Tally: admin.Tally{Lines: 1, Added: 2, Present: 3, Rejected: 4}},
			`{"Number":1,"Kind":"vouchers","Product":"p","Mode":"all","State":"complete","Operator":"o","Begun":"2026-11-21T12:00:00Z","Ended":"2026-11-21T12:00:00Z","Lines":1,"Added":2,"Present":3,"Rejected":4}`},
		{admin.Audit{Number: 1, At: at, Operator: "o", Role: admin.Admin, Act: admin.AddCard, Subject: "s", Before: admin.Facts{"a": "b"}, After: admin.Facts{"c": "d"}, Reason: "r"},
			`{"Number":1,"At":"2026-11-21T12:00:00Z","Operator":"o","Role":4,"Act":"card.add","Subject":"s","Before":{"a":"b"},"After":{"c":"d"},"Reason":"r"}`},
	} {
		got, err := adminhttp.Codec{}.Encode(c.value)
		must(t, err)
		if string(got) != c.want {
			t.Errorf("rests as\n%s\nwant\n%s", got, c.want)
		}
	}
	token := admin.Operator{Number: 1, World: 1, Name: "n", Role: admin.Viewer, Token: [32]byte{1, 31: 2}, Created: at, Revoked: at}
	kept, err := adminhttp.Codec{}.Encode(token)
	must(t, err)
	var back admin.Operator
	must(t, adminhttp.Codec{}.Decode(kept, &back))
	if back != token {
		t.Errorf("an operator came back as %+v", back)
	}
}

func TestCarries(t *testing.T) {
	const body = `{"thirdPartyIdentifiers":[{"institutionId":"44","transactionIdentifier":"a"},{"institutionId":"45","transactionIdentifier":"b"}]}`
	for _, c := range []struct {
		reference ident.Reference
		want      bool
	}{
		{ident.Reference{Institution: "44", Identifier: "a"}, true}, {ident.Reference{Institution: "45", Identifier: "b"}, true},
		{ident.Reference{Institution: "44", Identifier: "b"}, false}, {ident.Reference{}, false},
	} {
		if got := adminhttp.Carries([]byte(body), c.reference); got != c.want {
			t.Errorf("%v: %v", c.reference, got)
		}
	}
	if adminhttp.Carries([]byte("not JSON"), ident.Reference{}) {
		t.Error("what is not JSON carries something")
	}
}

func TestTells(t *testing.T) {
	const body = `{"recipientMsisdn":{"msisdn":"+27749670999"},"msisdn":{"msisdn":"278"},"transactionLabels":{"a":["blue",{"b":"green"}],"c":7},"originator":{"merchant":{"merchantId":"000000000012345"}}}`
	for _, c := range []struct {
		kind, value string
		want        bool
	}{
		{secret.ByMSISDN, "27749670999", true}, {secret.ByMSISDN, "278", true}, {secret.ByMSISDN, "279", false}, {secret.ByMSISDN, "", false},
		{secret.ByLabel, "blue", true}, {secret.ByLabel, "green", true}, {secret.ByLabel, "red", false}, {secret.ByLabel, "27749670999", false},
		{secret.ByMerchant, "000000000012345", true}, {secret.ByMerchant, "000000000012346", false}, {secret.ByMerchant, "blue", false},
		{secret.BySerial, "blue", false},
	} {
		if got := adminhttp.Tells([]byte(body), c.kind, c.value); got != c.want {
			t.Errorf("%s %q: %v", c.kind, c.value, got)
		}
	}
	if adminhttp.Tells([]byte("not JSON"), secret.ByLabel, "") {
		t.Error("what is not JSON tells something")
	}
}

func TestTellsTheMerchant(t *testing.T) {
	for body, want := range map[string]bool{
		`{"originator":{"merchant":{"merchantId":"m"}}}`:                                               true,
		`{"a":[{"merchantId":"m"}],"originator":{"b":{},"merchant":{"c":"d","merchantId":"m"}},"cut":`: true, // read no further
		`{"originator":{"merchant":{"merchantId":"\u006d"}}}`:                                          true,
		`{"originator":{"merchant":{"merchantId":"mm"}}}`:                                              false,
		`{"originator":{"merchant":{"merchantid":"m"}}}`:                                               false,
		`{"originator":{"merchant":{"merchantId":7}},"merchant":{"merchantId":"m"}}`:                   false,
		`{"originator":{"merchant":"m"}}`:                                                              false,
		`{"originator":null}`:                                                                          false,
		`{"merchantId":"m"}`:                                                                           false,
		`{"originator":{"terminal":{"merchantId":"m"}},"receiver":{"merchant":{"merchantId":"m"}}}`:    false,
		`["originator",{"merchant":{"merchantId":"m"}}]`:                                               false,
		``:       false,
		`not it`: false,
		`{"originator":{"merchant":{"merchantId":"m`: false,
	} {
		if got := adminhttp.Tells([]byte(body), secret.ByMerchant, "m"); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}

func BenchmarkTellsTheMerchant(b *testing.B) {
	body := []byte(`{"id":"a","time":"2026-07-01T12:00:00Z","stan":"000001","rrn":"000000000001","originator":{"institution":{"id":"1","name":"i"},` +
		`"merchant":{"merchantId":"000000000012345","merchantType":"5411","merchantName":{"name":"a shop","city":"c","region":"r","country":"ZA"}},` +
		`"terminalId":"t"},"amounts":{"requestAmount":{"amount":100,"currency":"710","ledgerIndicator":"DEBIT"}},"client":{"id":"c","name":"n"}}`)
	for b.Loop() {
		if !adminhttp.Tells(body, secret.ByMerchant, "000000000012345") {
			b.Fatal("not told")
		}
	}
}
