package sdk_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/scripworks/scrip/sdk"
)

// sell is what the README shows. The marks are where it begins and ends there.
func sell(ctx context.Context, url, user, password string) error {
	// README: begin
	till, unsettled, err := sdk.Open(ctx, sdk.Settings{
		Data: "./till-data", Currency: "710", Upstream: sdk.Upstream{URL: url, User: user, Password: password},
		Identity: sdk.Identity{
			Institution: sdk.Party{ID: user, Name: "Corner shops"}, Terminal: "00000042",
			Merchant: sdk.Merchant{Type: "5411", ID: "000000000000017", Name: "Corner shop", City: "Cape Town", Region: "WC", Country: "ZA"},
		},
	})
	if err != nil {
		return err
	}
	defer till.Close()
	for _, u := range unsettled { // approved when the program last stopped, and not ended
		if err := u.Reverse(ctx); err != nil { // or u.Confirm, as your own books say by u.Reference
			return err
		}
	}
	sale, err := till.Redeem(ctx, sdk.Redemption{Card: sdk.Card{PAN: "8561725642498548895", Expiry: "4010"}, Amount: 12_50, Reference: "receipt 4711"})
	if err != nil {
		return err // declined, not taken, or unknown and being reversed: there is nothing to undo
	}
	return sale.Confirm(ctx) // or sale.Reverse(ctx)
	// README: end
}

func TestReadmeSells(t *testing.T) {
	w := newWorld()
	defer w.close()
	till := w.activated(plainCard, 50_00)
	if err := till.Close(); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := sell(t.Context(), w.url(), "shop-17", "secret"); err != nil {
		t.Fatal(err)
	}
	till = w.till()
	defer till.Close()
	info, err := till.LookUp(t.Context(), sdk.LookUp{Card: plainCard})
	if err != nil || info.Available.Minor != 37_50 {
		t.Errorf("%v is left: %v", info, err)
	}
}

// The README shows the code above.
func TestReadmeShowsWhatIsTried(t *testing.T) {
	code, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(code), "\t// README: begin\n")
	want, _, found := strings.Cut(rest, "\t// README: end\n")
	var shown strings.Builder
	for line := range strings.Lines(want) {
		shown.WriteString(strings.TrimPrefix(line, "\t"))
	}
	if !found || !strings.Contains(string(readme), "```go\n"+shown.String()+"```\n") {
		t.Errorf("README.md does not show:\n%s", shown.String())
	}
}
