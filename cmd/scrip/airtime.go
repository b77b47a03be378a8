package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// airtimeCmd is `scrip product airtime`.
type airtimeCmd struct {
	List     airtimeListCmd     `cmd:"" help:"List products of airtime."`
	Show     airtimeShowCmd     `cmd:"" help:"Show a product of airtime."`
	Put      airtimePutCmd      `cmd:"" help:"Make a product of airtime, or change it; what is not named stays."`
	Withdraw airtimeWithdrawCmd `cmd:"" help:"Take a product of airtime off sale."`
	Restore  airtimeRestoreCmd  `cmd:"" help:"Put a withdrawn product of airtime on sale again."`
}

// Help gives the example.
func (airtimeCmd) Help() string {
	return "Example: a voucher for 50.00, sold from stock\n" +
		"  scrip product airtime put fifty --name 'Airtime 50' --type AIRTIME_FIXED --value 5000:710 --reason 'new in November'"
}

type airtimeListCmd struct{ officeFlags }

// Help gives the example.
func (airtimeListCmd) Help() string { return "Example:\n  scrip product airtime list" }

// Run lists products.
func (c *airtimeListCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	products, err := all(func(after int64) ([]adminapi.AirtimeProduct, int64, error) {
		a, err := o.ListAirtimeProductsWithResponse(ctx, &adminapi.ListAirtimeProductsParams{After: after, Limit: pageSize})
		if err != nil {
			return nil, 0, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		return page.Products, page.Next, err
	})
	if err != nil {
		return err
	}
	return list(o, "ID\tNAME\tTYPE\tKIND\tNETWORK\tVALUES\tSTATE", products, func(p adminapi.AirtimeProduct) []any {
		s := p.Settings
		return []any{p.ID, s.Name, string(s.Type), airtimeKind(s), s.Network, valuesText(s), airtimeState(p)}
	})
}

func airtimeKind(s adminapi.AirtimeProductSettings) string {
	switch {
	case s.TopUp:
		return "top-up by " + s.Provider
	case s.Source == adminapi.AirtimeProductSettingsSourceMade:
		return "voucher, made at its sale"
	}
	return "voucher"
}

func airtimeState(p adminapi.AirtimeProduct) string {
	if p.Withdrawn {
		return "withdrawn"
	}
	return "on sale"
}

// valuesText prints the values or the limits of a product.
func valuesText(s adminapi.AirtimeProductSettings) string {
	var texts []string
	for _, v := range s.Values {
		texts = append(texts, minor(v.Amount, v.Currency))
	}
	for _, l := range s.Limits {
		texts = append(texts, fmt.Sprintf("%d to %s", l.Min, minor(l.Max, l.Currency)))
	}
	return strings.Join(texts, ", ")
}

// airtimeName names a product of airtime.
type airtimeName struct {
	ID string `arg:"" help:"The product's id: 1 to 20 letters and digits."`
}

// product asks for a product of airtime; found is false when there is none.
func (n airtimeName) product(ctx context.Context, o *office) (p adminapi.AirtimeProduct, found bool, err error) {
	a, err := o.GetAirtimeProductWithResponse(ctx, n.ID)
	if err != nil {
		return p, false, err
	}
	if a.StatusCode() == http.StatusNotFound && a.JSONDefault != nil {
		return p, false, nil
	}
	p, err = got(a.JSON200, a.JSONDefault, a.Status())
	return p, err == nil, err
}

type airtimeShowCmd struct {
	officeFlags
	airtimeName
}

// Help gives the example.
func (airtimeShowCmd) Help() string {
	return "Example: what it is, and all its settings as 'put --settings' reads them\n" +
		"  scrip product airtime show fifty\n  scrip product airtime show fifty --json"
}

// Run shows a product.
func (c *airtimeShowCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	p, found, err := c.product(ctx, o)
	if err == nil && !found {
		err = errors.New("there is no such product")
	}
	return o.showAirtime(p, err)
}

// showAirtime shows a product, unless there is an error.
func (o *office) showAirtime(p adminapi.AirtimeProduct, err error) error {
	if err != nil {
		return err
	}
	s := p.Settings
	return o.show(p, func(w io.Writer) {
		line(w, "id", p.ID)
		line(w, "number", p.Number)
		line(w, "edition", p.Edition)
		line(w, "state", airtimeState(p))
		line(w, "name", s.Name)
		line(w, "barcode", s.Barcode)
		line(w, "type", string(s.Type))
		line(w, "kind", airtimeKind(s))
		line(w, "network", s.Network)
		line(w, "values", valuesText(s))
		line(w, "wholesale", moneyText(s.Wholesale))
		line(w, "discount", fmt.Sprintf("%d hundredths of a per cent", s.Discount))
		line(w, "recipient gets", moneyText(s.RecipientAmount))
		line(w, "validity", validityText(s.Validity))
		for _, c := range s.Contents {
			line(w, "contains", fmt.Sprintf("%d %s", c.Amount, c.Unit))
		}
		for _, c := range s.Channels {
			line(w, "channel", c.Name)
		}
		line(w, "promotion", s.Promotion)
		line(w, "description", s.Description.Primary)
		line(w, "when reversed to", string(s.Returned))
		line(w, "low at", s.LowStock)
		for _, text := range s.Instructions {
			line(w, "instruction", text)
		}
	})
}

func moneyText(m adminapi.Money) string {
	if m == (adminapi.Money{}) {
		return ""
	}
	return minor(m.Amount, m.Currency)
}

func validityText(v adminapi.AirtimeValidity) string {
	if v == (adminapi.AirtimeValidity{}) {
		return ""
	}
	return fmt.Sprintf("%d %s", v.Duration, v.Unit)
}

// airtimeFlags are the settings of a product of airtime that most products need. A list that is given replaces the
// whole list; ” empties it. Amounts are minor units with the currency's number, such as 5000:710.
type airtimeFlags struct {
	Name        *string  `help:"Its name."`
	Barcode     *string  `help:"Barcode, unique."`
	Type        *string  `help:"What it is: AIRTIME_FIXED, AIRTIME_VARIABLE, SMS_BUNDLE, DATA, APP_RELATED, COMBO, DATA_FIXED, DATA_VARIABLE or VOICE_BUNDLE."`
	TopUp       *bool    `help:"A subscriber is credited by the provider; otherwise it is a voucher. It never changes."`
	Provider    *string  `help:"Name of the provider of a top-up."`
	Network     *string  `placeholder:"ID" help:"The mobile network it is for."`
	Value       []string `placeholder:"AMOUNT" help:"Face value of a fixed product, one for each currency. May be given several times."`
	Limit       []string `placeholder:"MIN:MAX:CURRENCY" help:"Least and most of a variable product, one for each currency. May be given several times."`
	Wholesale   *string  `placeholder:"AMOUNT" help:"What a fixed product costs the account that sells it; '' for its face value."`
	Discount    *int32   `placeholder:"N" help:"How much less a variable product costs, in hundredths of a per cent."`
	Validity    *string  `placeholder:"N:UNIT" help:"How long it can be used, such as 30:DAYS; '' for no word on that."`
	Content     []string `placeholder:"N:UNIT" help:"What it contains, such as 1:GB. May be given several times."`
	Channel     []string `placeholder:"NAME" help:"Sales channel it is listed on. May be given several times."`
	Promotion   *string  `placeholder:"NAME" help:"The promotion it belongs to."`
	Description *string  `help:"The text that describes it."`
	Source      *string  `help:"Where its vouchers come from: stock, or made at each sale, as in a sandbox."`
	Returned    *string  `help:"What becomes of a voucher whose sale is reversed: quarantine or stock."`
	LowStock    *int64   `placeholder:"N" help:"At or below this many vouchers on sale there is an alarm; 0 is never."`
	Instruction []string `sep:"none" placeholder:"LINE" help:"Line that tells the customer how to redeem a voucher. May be given several times."`
}

// onto puts what was given onto settings.
func (f airtimeFlags) onto(s *adminapi.AirtimeProductSettings) error {
	put(&s.Name, f.Name)
	put(&s.Barcode, f.Barcode)
	put((*string)(&s.Type), f.Type)
	put(&s.TopUp, f.TopUp)
	put(&s.Provider, f.Provider)
	put(&s.Network, f.Network)
	put(&s.Discount, f.Discount)
	put(&s.Promotion, f.Promotion)
	put(&s.Description.Primary, f.Description)
	put((*string)(&s.Source), f.Source)
	put((*string)(&s.Returned), f.Returned)
	put(&s.LowStock, f.LowStock)
	if f.Channel != nil {
		s.Channels = channels(s.Channels, given(f.Channel))
	}
	if f.Instruction != nil {
		s.Instructions = given(f.Instruction)
	}
	return errors.Join(
		parsed(&s.Values, f.Value, "--value", parseMoney), parsed(&s.Limits, f.Limit, "--limit", parseLimit),
		parsed(&s.Contents, f.Content, "--content", parseContent), parsedOne(&s.Wholesale, f.Wholesale, "--wholesale", parseMoney),
		parsedOne(&s.Validity, f.Validity, "--validity", parseValidity),
	)
}

// channels gives the channels with these names, with what is said of those that are there already.
func channels(there []adminapi.AirtimeChannel, names []string) (listed []adminapi.AirtimeChannel) {
	for _, name := range names {
		channel := adminapi.AirtimeChannel{Name: name}
		for _, known := range there {
			if known.Name == name {
				channel = known
			}
		}
		listed = append(listed, channel)
	}
	return listed
}

// parsed reads a list that a flag gave, and leaves what it did not give.
func parsed[T any](to *[]T, texts []string, flag string, parse func(string) (T, error)) error {
	if texts == nil {
		return nil
	}
	var values []T
	for _, text := range given(texts) {
		value, err := parse(text)
		if err != nil {
			return usageError{fmt.Errorf("%s %s: %w", flag, text, err)}
		}
		values = append(values, value)
	}
	*to = values
	return nil
}

// parsedOne reads a value that a flag gave; ” is none.
func parsedOne[T any](to *T, text *string, flag string, parse func(string) (T, error)) error {
	if text == nil {
		return nil
	}
	var values []T
	if err := parsed(&values, []string{*text}, flag, parse); err != nil {
		return err
	}
	*to = append(values, *new(T))[0]
	return nil
}

func parseMoney(text string) (m adminapi.Money, err error) {
	amount, currency, ok := strings.Cut(text, ":")
	if m.Amount, err = strconv.ParseInt(amount, 10, 64); err != nil || !ok {
		return m, errors.New("must be minor units and the currency's number, such as 5000:710")
	}
	m.Currency = currency
	return m, nil
}

func parseLimit(text string) (l adminapi.AirtimeLimit, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return l, errors.New("must be the least, the most and the currency's number, such as 500:100000:710")
	}
	least, err := strconv.ParseInt(parts[0], 10, 64)
	most, err2 := strconv.ParseInt(parts[1], 10, 64)
	return adminapi.AirtimeLimit{Min: least, Max: most, Currency: parts[2]}, errors.Join(err, err2)
}

// parseQuantity reads a number of some unit.
func parseQuantity(text, example string) (number int64, unit string, err error) {
	count, unit, ok := strings.Cut(text, ":")
	if number, err = strconv.ParseInt(count, 10, 64); err != nil || !ok {
		err = fmt.Errorf("must be a number and its unit, such as %s", example)
	}
	return number, unit, err
}

func parseContent(text string) (adminapi.AirtimeContent, error) {
	number, unit, err := parseQuantity(text, "1:GB")
	return adminapi.AirtimeContent{Amount: number, Unit: adminapi.AirtimeContentUnit(unit)}, err
}

func parseValidity(text string) (adminapi.AirtimeValidity, error) {
	number, unit, err := parseQuantity(text, "30:DAYS")
	return adminapi.AirtimeValidity{Duration: number, Unit: adminapi.AirtimeValidityUnit(unit)}, err
}

type airtimePutCmd struct {
	officeFlags
	airtimeFlags
	airtimeName
	why
	Settings string `placeholder:"FILE" help:"Take all settings from a file of JSON first, as 'show --json' prints them; '-' for standard input."`
}

// Help gives the example.
func (airtimePutCmd) Help() string {
	return "A change makes a new edition: what was sold stays what it was. What has no flag is set by --settings.\n\n" +
		"Example:\n  scrip product airtime put fifty --name 'Airtime 50' --type AIRTIME_FIXED --value 5000:710 --low-stock 500 --reason 'new'\n" +
		"  scrip product airtime put any --name 'Any amount' --type AIRTIME_VARIABLE --top-up --provider simulated --limit 500:100000:710 --reason 'new'"
}

// Run puts what was given onto what there is.
func (c *airtimePutCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	p, _, err := c.product(ctx, o)
	if err != nil {
		return err
	}
	if c.Settings != "" {
		if p.Settings, err = readSettings(c.Settings); err != nil {
			return err
		}
	}
	if err := c.onto(&p.Settings); err != nil {
		return err
	}
	a, err := o.PutAirtimeProductWithResponse(ctx, c.ID, adminapi.AirtimeProductChange{Settings: p.Settings, Reason: c.Reason})
	if err != nil {
		return err
	}
	if p, err = got(a.JSON200, a.JSONDefault, a.Status()); err != nil {
		return fmt.Errorf("put product %s: %w", c.ID, err)
	}
	return o.showAirtime(p, nil)
}

// maxSettings bounds a file of settings, in bytes.
const maxSettings = 256 << 10

// readSettings reads settings, or a whole product with its settings.
func readSettings(name string) (adminapi.AirtimeProductSettings, error) {
	file := os.Stdin
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil {
			return adminapi.AirtimeProductSettings{}, usageError{err}
		}
		defer file.Close()
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSettings))
	if err != nil {
		return adminapi.AirtimeProductSettings{}, err
	}
	var whole struct {
		Settings *adminapi.AirtimeProductSettings `json:"settings"`
	}
	var settings adminapi.AirtimeProductSettings
	if err := errors.Join(json.Unmarshal(text, &whole), json.Unmarshal(text, &settings)); err != nil {
		return settings, usageError{fmt.Errorf("--settings %s: %w", name, err)}
	}
	if whole.Settings != nil {
		return *whole.Settings, nil
	}
	return settings, nil
}

type airtimeWithdrawCmd struct {
	officeFlags
	airtimeName
	why
}

// Help gives the example.
func (airtimeWithdrawCmd) Help() string {
	return "Example:\n  scrip product airtime withdraw fifty --reason 'price under review'"
}

// Run withdraws a product.
func (c *airtimeWithdrawCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.WithdrawAirtimeProductWithResponse(ctx, c.ID, adminapi.Why{Reason: c.Reason})
	if err != nil {
		return err
	}
	return o.showAirtime(got(a.JSON200, a.JSONDefault, a.Status()))
}

type airtimeRestoreCmd struct {
	officeFlags
	airtimeName
	why
}

// Help gives the example.
func (airtimeRestoreCmd) Help() string {
	return "Example:\n  scrip product airtime restore fifty --reason 'price agreed'"
}

// Run restores a product.
func (c *airtimeRestoreCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.RestoreAirtimeProductWithResponse(ctx, c.ID, adminapi.Why{Reason: c.Reason})
	if err != nil {
		return err
	}
	return o.showAirtime(got(a.JSON200, a.JSONDefault, a.Status()))
}
