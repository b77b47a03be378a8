package airtime

import (
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/money"
)

// Each change makes a good product bad, and the error names the setting.
func TestProductCheck(t *testing.T) {
	voucher := Product{ID: "airtime10", Values: []money.Amount{rand(1000)}}.WithDefaults()
	topUp := Product{ID: "topup", TopUp: true, Provider: "network", Limits: []Limit{{Currency: 710, Min: 1, Max: 100}}}
	for _, good := range []Product{
		voucher, topUp, {ID: "a", Source: Made, Returned: ToQuarantine},
		{ID: "a", TopUp: true, Provider: "p", Type: Data, Contents: []Content{{0, "MB"}}, Validity: &Validity{30, "DAYS"}},
	} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, c := range []struct {
		field  string
		of     Product
		change func(p *Product)
	}{
		{"id", voucher, func(p *Product) { p.ID = "" }},
		{"id", voucher, func(p *Product) { p.ID = strings.Repeat("a", 21) }},
		{"id", voucher, func(p *Product) { p.ID = "with space" }},
		{"barcode", voucher, func(p *Product) { p.Barcode = "12345678901234" }},
		{"name", voucher, func(p *Product) { p.Name = strings.Repeat("é", 121) }},
		{"name", voucher, func(p *Product) { p.Name = "\xff" }},
		{"type", voucher, func(p *Product) { p.Type = "BREAD" }},
		{"network", voucher, func(p *Product) { p.Network = "a-b" }},
		{"promotion", voucher, func(p *Product) { p.Promotion = strings.Repeat("a", 1001) }},
		{"provider", voucher, func(p *Product) { p.Provider = "network" }},
		{"source", voucher, func(p *Product) { p.Source = "" }},
		{"returned", voucher, func(p *Product) { p.Returned = "shelf" }},
		{"returned", voucher, func(p *Product) { p.Source, p.Returned = Made, ToStock }},
		{"lowStock", voucher, func(p *Product) { p.LowStock = -1 }},
		{"provider", topUp, func(p *Product) { p.Provider = "" }},
		{"provider", topUp, func(p *Product) { p.Provider = strings.Repeat("p", 41) }},
		{"source", topUp, func(p *Product) { p.Source = FromStock }},
		{"source", topUp, func(p *Product) { p.LowStock = 5 }},
		{"values", voucher, func(p *Product) { p.Values = []money.Amount{rand(0)} }},
		{"values", voucher, func(p *Product) { p.Values = []money.Amount{rand(int64(money.MaxMinor) + 1)} }},
		{"values", voucher, func(p *Product) { p.Values = []money.Amount{{Minor: 1}} }},
		{"values", voucher, func(p *Product) { p.Values = []money.Amount{{Minor: 1, Currency: 1000}} }},
		{"values", voucher, func(p *Product) { p.Values = []money.Amount{rand(1), rand(2)} }},
		{"values", voucher, func(p *Product) { p.Values = make([]money.Amount, 33) }},
		{"limits", voucher, func(p *Product) { p.Limits = topUp.Limits }},
		{"limits", topUp, func(p *Product) { p.Limits = []Limit{{710, 0, 5}} }},
		{"limits", topUp, func(p *Product) { p.Limits = []Limit{{710, 6, 5}} }},
		{"limits", topUp, func(p *Product) { p.Limits = []Limit{{710, 1, 5}, {710, 1, 5}} }},
		{"values", topUp, func(p *Product) { p.Type = AirtimeFixed }},
		{"values", topUp, func(p *Product) { p.Type, p.Limits = DataFixed, nil }},
		{"limits", voucher, func(p *Product) { p.Type = AirtimeVariable }},
		{"limits", voucher, func(p *Product) { p.Type, p.Values = DataVariable, nil }},
		{"discount", topUp, func(p *Product) { p.Discount = -1 }},
		{"discount", topUp, func(p *Product) { p.Discount = 10_001 }},
		{"discount", voucher, func(p *Product) { p.Discount = 1 }},
		{"wholesale", topUp, func(p *Product) { p.Wholesale = new(rand(1)) }},
		{"wholesale", voucher, func(p *Product) { p.Wholesale = new(rand(-1)) }},
		{"recipientAmount", voucher, func(p *Product) { p.RecipientAmount = &money.Amount{Minor: 1} }},
		{"description", voucher, func(p *Product) { p.Description.Primary = strings.Repeat("a", 4001) }},
		{"description", voucher, func(p *Product) { p.Description.Additional = map[string]string{"": "a"} }},
		{"instructions", voucher, func(p *Product) { p.Instructions = make([]string, 33) }},
		{"instructions", voucher, func(p *Product) { p.Instructions = []string{strings.Repeat("a", 201)} }},
		{"validity", voucher, func(p *Product) { p.Validity = &Validity{-1, "DAYS"} }},
		{"validity", voucher, func(p *Product) { p.Validity = &Validity{1, "days"} }},
		{"contents", voucher, func(p *Product) { p.Contents = []Content{{1, "UNIT"}} }},
		{"contents", voucher, func(p *Product) { p.Contents = []Content{{-1, "MB"}} }},
		{"contents", voucher, func(p *Product) { p.Contents = make([]Content, 17) }},
		{"channels", voucher, func(p *Product) { p.Channels = []Channel{{}} }},
		{"channels", voucher, func(p *Product) { p.Channels = []Channel{{Name: "pos", DisplayName: strings.Repeat("a", 51)}} }},
		{"channels", voucher, func(p *Product) { p.Channels = make([]Channel, 65) }},
	} {
		p := c.of
		c.change(&p)
		names(t, p.Check(), c.field)
	}
}

func names(t *testing.T, err error, field string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), field+": ") {
		t.Errorf("the error does not name %s: %v", field, err)
	}
}

func TestNetworkCheck(t *testing.T) {
	good := Network{ID: "net1", Name: "Network One", Country: "ZA", Prefixes: []string{"2783", "27"}, Promotion: &Promotion{Name: "p", Text: "t"}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	now := time.Now()
	for _, c := range []struct {
		field  string
		change func(n *Network)
	}{
		{"id", func(n *Network) { n.ID = "net 1" }},
		{"name", func(n *Network) { n.Name = "" }},
		{"name", func(n *Network) { n.Name = strings.Repeat("a", 41) }},
		{"country", func(n *Network) { n.Country = "za" }},
		{"country", func(n *Network) { n.Country = "ZAF" }},
		{"prefixes", func(n *Network) { n.Prefixes = []string{"083"} }},
		{"prefixes", func(n *Network) { n.Prefixes = []string{""} }},
		{"prefixes", func(n *Network) { n.Prefixes = []string{"+27"} }},
		{"prefixes", func(n *Network) { n.Prefixes = []string{strings.Repeat("2", 16)} }},
		{"prefixes", func(n *Network) { n.Prefixes = []string{"27", "28", "27"} }},
		{"prefixes", func(n *Network) { n.Prefixes = make([]string, 10_001) }},
		{"promotion", func(n *Network) { n.Promotion = &Promotion{Name: "p"} }},
		{"promotion", func(n *Network) { n.Promotion = &Promotion{Name: "p", Text: "t", Start: now, End: now.Add(-1)} }},
	} {
		n := good
		c.change(&n)
		names(t, n.Check(), c.field)
	}
}

func TestBatchCheck(t *testing.T) {
	if err := (Batch{Product: 1, Name: "B2026"}).Check(); err != nil {
		t.Error(err)
	}
	names(t, Batch{}.Check(), "product")
	names(t, Batch{Product: 1, Name: "B-1"}.Check(), "name")
	names(t, Batch{Product: 1, Name: strings.Repeat("1", 21)}.Check(), "name")
	names(t, Batch{Product: 1, InStock: -1}.Check(), "inStock")
	for _, serial := range []string{"", strings.Repeat("1", 21), "a-b"} {
		if CheckSerial(serial) == nil {
			t.Errorf("serial %q is taken", serial)
		}
	}
}
