package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// cardCmd is `scrip card`.
type cardCmd struct {
	Import   cardImportCmd   `cmd:"" help:"Import cards from a CSV file."`
	Imports  cardImportsCmd  `cmd:"" help:"List imports and what came of them."`
	Add      cardAddCmd      `cmd:"" help:"Add one card."`
	Show     cardShowCmd     `cmd:"" help:"Show a card."`
	History  cardHistoryCmd  `cmd:"" help:"Show what happened to a card, newest first, with its balances after each message."`
	Freeze   cardFreezeCmd   `cmd:"" help:"Refuse all requests upon a card, look-ups excepted."`
	Unfreeze cardUnfreezeCmd `cmd:"" help:"Take requests upon a frozen card again."`
	Unlock   cardUnlockCmd   `cmd:"" help:"Forget a card's wrong PINs, so that a locked PIN may be tried again."`
	Credit   cardCreditCmd   `cmd:"" help:"Put money onto a card."`
	Debit    cardDebitCmd    `cmd:"" help:"Take money off a card, no more than is available."`
	WriteOff cardWriteOffCmd `cmd:"" help:"Write off what is available on a card that is voided or expired."`
}

// Help gives the example.
func (cardCmd) Help() string {
	return "Example: what became of a card, whose number comes from standard input\n  scrip card import cards.csv\n  scrip card history -"
}

// cardArg names a card.
type cardArg struct {
	Card string `arg:"" help:"Its card number, '-' to read that from standard input, or #N for the card's own number N in the store."`
}

// cardNumber gives the number in the store of a card named as cardArg says.
func (o *office) cardNumber(ctx context.Context, text string) (adminapi.CardNumber, error) {
	if own, ok := strings.CutPrefix(text, "#"); ok {
		number, err := strconv.ParseInt(own, 10, 64)
		if err != nil {
			return 0, usageError{errors.New("after # there must be a number")}
		}
		return adminapi.CardNumber(number), nil
	}
	pan, err := fromInput(text)
	if err != nil {
		return 0, err
	}
	a, err := o.FindCardWithResponse(ctx, adminapi.CardQuery{PAN: adminapi.PAN(pan)})
	if err != nil {
		return 0, err
	}
	card, err := got(a.JSON200, a.JSONDefault, a.Status())
	return adminapi.CardNumber(card.Number), err
}

// at opens the office and finds the card.
func (c cardArg) at(ctx context.Context, f officeFlags, at console) (*office, adminapi.CardNumber, error) {
	o, err := f.open(at)
	if err != nil {
		return nil, 0, err
	}
	number, err := o.cardNumber(ctx, c.Card)
	return o, number, err
}

func (o *office) showCard(c adminapi.Card, err error) error {
	if err != nil {
		return err
	}
	return o.show(c, func(w io.Writer) {
		line(w, "card", fmt.Sprintf("%s (#%d)", c.PAN, c.Number))
		line(w, "status", cardStatus(c))
		line(w, "product", string(c.Product))
		line(w, "available", minor(c.Balance.Available, c.Currency))
		line(w, "book", minor(c.Balance.Book, c.Currency))
		line(w, "expiry", c.Expiry)
		if c.ValidThrough != "" {
			line(w, "valid through", c.ValidThrough)
		}
		line(w, "PIN", pinState(c))
		line(w, "holder known", c.HolderKnown)
		if c.Successor.Number != 0 {
			line(w, "replaced by", cardText(c.Successor))
		}
		if c.Import != 0 {
			line(w, "import", c.Import)
		}
	})
}

func cardStatus(c adminapi.Card) string {
	if c.Frozen {
		return string(c.Status) + ", frozen"
	}
	return string(c.Status)
}

func pinState(c adminapi.Card) string {
	switch {
	case c.PINLocked:
		return fmt.Sprintf("locked after %d wrong ones", c.WrongPINs)
	case !c.HasPIN:
		return "none"
	}
	return fmt.Sprintf("set, %d wrong ones since the last right one", c.WrongPINs)
}

type cardAddCmd struct {
	officeFlags
	PAN          string `arg:"" name:"pan" help:"Its card number; '-' to read it from standard input."`
	Expiry       string `required:"" help:"Last month of validity, as YYMM."`
	ClearPIN     string `name:"clear-pin" help:"Its PIN in clear. Others see command lines: in production use an import."`
	EncryptedPIN string `name:"encrypted-pin" help:"Or its PIN as an encrypted block in hex."`
	Currency     string `help:"ISO 4217 number; the server's own when absent."`
	ProfileID    string `name:"profile-id" help:"The holder's profile."`
	MSISDN       string `name:"msisdn" help:"The holder's telephone number."`
	Email        string `help:"The holder's e-mail address."`
	Reason       string `help:"Why, for the audit trail."`
}

// Help gives the example.
func (cardAddCmd) Help() string {
	return "Example:\n  scrip card add 6001000000000001 --expiry 4010 --currency 710"
}

// Run adds a card.
func (c *cardAddCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	pan, err := fromInput(c.PAN)
	if err != nil {
		return err
	}
	a, err := o.AddCardWithResponse(ctx, adminapi.NewCard{
		PAN: adminapi.PAN(pan), Expiry: c.Expiry, ClearPIN: c.ClearPIN, EncryptedPIN: c.EncryptedPIN, Currency: adminapi.Currency(c.Currency),
		Holder: adminapi.Holder{ProfileID: c.ProfileID, MSISDN: c.MSISDN, EmailAddress: c.Email}, Reason: adminapi.Reason(c.Reason),
	})
	if err != nil {
		return err
	}
	return o.showCard(got(a.JSON201, a.JSONDefault, a.Status()))
}

type cardShowCmd struct {
	officeFlags
	cardArg
}

// Help gives the example.
func (cardShowCmd) Help() string {
	return "Example:\n  scrip card show 6001000000000001\n  scrip card show '#17'"
}

// Run shows a card.
func (c *cardShowCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.GetCardWithResponse(ctx, number)
	if err != nil {
		return err
	}
	return o.showCard(got(a.JSON200, a.JSONDefault, a.Status()))
}

type cardHistoryCmd struct {
	officeFlags
	cardArg
	Before string `placeholder:"PLACE" help:"Go on from where an earlier answer says that there are more."`
	Limit  atMost `default:"100" help:"How many messages at most."`
}

// Help gives the example.
func (cardHistoryCmd) Help() string { return "Example:\n  scrip card history 6001000000000001" }

// Run shows a card's history.
func (c *cardHistoryCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	h, err := o.history(ctx, number, c.Before, int(c.Limit))
	if err != nil {
		return err
	}
	if h.Next != "" {
		o.more("--before", h.Next)
	}
	items := h.Items
	if h.Pruned && !o.json {
		items = append(items, adminapi.HistoryItem{Transaction: adminapi.Transaction{Pruned: true}, Balance: h.BroughtForward})
	}
	return list(o, "RECEIVED\tREFERENCE\tACCOUNT\tMESSAGE\tSTATE\tAPPROVED\tBOOK\tAVAILABLE\tBY\tREASON", items, func(i adminapi.HistoryItem) []any {
		t := i.Transaction
		if t.Pruned { // the end of what is kept
			return []any{"before", "", "", "brought forward", "", "", i.Balance.Book, i.Balance.Available, "", "what is older was pruned"}
		}
		return []any{
			t.At, t.Reference, t.Account, string(t.Family) + " " + string(t.Role), txnState(t), t.Approved,
			i.Balance.Book, i.Balance.Available, i.Operator, i.Reason,
		}
	})
}

// history gives the newest messages of a card before a place, at most limit; Next is where it goes on.
func (o *office) history(ctx context.Context, number adminapi.CardNumber, before string, limit int) (h adminapi.History, err error) {
	for {
		a, err := o.GetCardHistoryWithResponse(ctx, number, &adminapi.GetCardHistoryParams{
			Before: before, Limit: adminapi.Limit(max(1, min(pageSize, limit-len(h.Items)))),
		})
		if err != nil {
			return h, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		if err != nil {
			return h, err
		}
		h.Card, h.Items, h.Next = page.Card, append(h.Items, page.Items...), page.Next
		if before = page.Next; before == "" || len(h.Items) >= limit {
			return h, nil
		}
	}
}

type cardFreezeCmd struct {
	officeFlags
	cardArg
	why
}

// Help gives the example.
func (cardFreezeCmd) Help() string {
	return "Example:\n  scrip card freeze 6001000000000001 --reason 'reported lost'"
}

// Run freezes a card.
func (c *cardFreezeCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.FreezeCardWithResponse(ctx, number, adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.showCard(got(a.JSON200, a.JSONDefault, a.Status()))
}

type cardUnfreezeCmd struct {
	officeFlags
	cardArg
	why
}

// Help gives the example.
func (cardUnfreezeCmd) Help() string {
	return "Example:\n  scrip card unfreeze 6001000000000001 --reason 'found again'"
}

// Run unfreezes a card.
func (c *cardUnfreezeCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.UnfreezeCardWithResponse(ctx, number, adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.showCard(got(a.JSON200, a.JSONDefault, a.Status()))
}

type cardUnlockCmd struct {
	officeFlags
	cardArg
	why
}

// Help gives the example.
func (cardUnlockCmd) Help() string {
	return "Example:\n  scrip card unlock 6001000000000001 --reason 'holder identified'"
}

// Run unlocks a PIN.
func (c *cardUnlockCmd) Run(ctx context.Context, at console) error {
	o, number, err := c.at(ctx, c.officeFlags, at)
	if err != nil {
		return err
	}
	a, err := o.UnlockCardWithResponse(ctx, number, adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.showCard(got(a.JSON200, a.JSONDefault, a.Status()))
}

// amountArg is how much an adjustment moves.
type amountArg struct {
	Amount   int64  `arg:"" help:"How much, in minor units."`
	Currency string `help:"ISO 4217 number that the card must be in; when absent the card's own."`
}

type cardCreditCmd struct {
	officeFlags
	cardArg
	amountArg
	why
}

// Help gives the example.
func (cardCreditCmd) Help() string {
	return "Example:\n  scrip card credit 6001000000000001 5000 --reason 'goodwill, case 1234'"
}

// Run credits a card.
func (c *cardCreditCmd) Run(ctx context.Context, at console) error {
	return c.adjust(ctx, c.officeFlags, at, adminapi.Adjustment{
		Kind: adminapi.AdjustmentKindCredit, Amount: c.Amount, Currency: adminapi.Currency(c.Currency), Reason: adminapi.Reason(c.Reason),
	})
}

type cardDebitCmd struct {
	officeFlags
	cardArg
	amountArg
	why
}

// Help gives the example.
func (cardDebitCmd) Help() string {
	return "Example:\n  scrip card debit 6001000000000001 5000 --reason 'credited twice, case 1234'"
}

// Run debits a card.
func (c *cardDebitCmd) Run(ctx context.Context, at console) error {
	return c.adjust(ctx, c.officeFlags, at, adminapi.Adjustment{
		Kind: adminapi.AdjustmentKindDebit, Amount: c.Amount, Currency: adminapi.Currency(c.Currency), Reason: adminapi.Reason(c.Reason),
	})
}

type cardWriteOffCmd struct {
	officeFlags
	cardArg
	why
}

// Help gives the example.
func (cardWriteOffCmd) Help() string {
	return "Example:\n  scrip card write-off 6001000000000001 --reason 'expired three years ago'"
}

// Run writes off a card's balance.
func (c *cardWriteOffCmd) Run(ctx context.Context, at console) error {
	return c.adjust(ctx, c.officeFlags, at, adminapi.Adjustment{Kind: adminapi.AdjustmentKindWriteOff, Reason: adminapi.Reason(c.Reason)})
}

func (c cardArg) adjust(ctx context.Context, f officeFlags, at console, body adminapi.Adjustment) error {
	o, number, err := c.at(ctx, f, at)
	if err != nil {
		return err
	}
	a, err := o.AdjustCardWithResponse(ctx, number, body)
	if err != nil {
		return err
	}
	return o.showCard(got(a.JSON201, a.JSONDefault, a.Status()))
}
