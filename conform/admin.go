package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// administered is a server whose cards, products and accounts are set up over the admin API.
type administered struct {
	NoSetup
	*wire
	// numbers gives the store's own number of a card by its PAN, settings what an account was made with, prefixes how
	// the numbers of a network begin.
	numbers  map[string]int64
	settings map[string]members
	prefixes map[string]string
}

var (
	_ Target = (*administered)(nil)
	_ Setup  = (*administered)(nil)
)

// why is the reason that the audit trail shows for everything the suite does.
const why = "conformance suite"

// adminPath is where the admin API lives.
const adminPath = "/admin/v1"

// families gives a kind the name that the admin API has for it.
var families = map[Kind]string{Activate: "activation", Load: "load", Redeem: "redemption", Void: "void",
	Replace: "replace", Transfer: "transfer", Lookup: "lookup", Provision: "voucher", Purchase: "purchase", Trial: "purchase"}

// members is a JSON object to be sent to the admin API.
type members map[string]any

// call sends one request to the admin API and decodes what comes back into the result, if there is one.
func (a *administered) call(ctx context.Context, method, path string, body members, result any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("admin API: %w", err)
		}
	}
	answer, err := a.send(ctx, method, path, "application/json", text)
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("admin API: %s: the answer cannot be read", path)
	}
	return nil
}

// send sends one request to the admin API, with a body of some type, and reads what comes back.
func (a *administered) send(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.AdminURL+adminPath+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("admin API: %w", err)
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Authorization", "Bearer "+a.AdminToken)
	response, err := a.Client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("admin API: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or given up
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("admin API: %w", err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, refusal(path, response.StatusCode, answer)
	}
	return answer, nil
}

// refusal says what the admin API says. Its messages hold no card numbers.
func refusal(path string, status int, answer []byte) error {
	var said struct{ Code, Message, Field string }
	_ = json.Unmarshal(answer, &said) // an answer of another form leaves the status
	return fmt.Errorf("admin API: %s answers %d %s %s %s", path, status, said.Code, said.Field, said.Message)
}

// Begin makes the accounts a and b, once, unless there are some.
func (a *administered) Begin(ctx context.Context) error {
	clear(a.numbers)
	if len(a.credentials) > 0 {
		return nil
	}
	if a.Accounts[0] != (Credentials{}) {
		a.credentials["a"], a.credentials["b"] = a.Accounts[0], a.Accounts[1]
		return nil
	}
	for _, name := range []string{"a", "b"} {
		if err := a.Account(ctx, Account{Name: name, HolderLookup: true}); err != nil {
			return err
		}
	}
	return nil
}

// Account creates an account under a fresh name with a password of its own.
func (a *administered) Account(ctx context.Context, account Account) error {
	settings := members{"holderLookUps": account.HolderLookup, "wrongPerMinute": account.WrongPerMinute,
		"velocity": velocities(account.Velocity)}
	if len(account.Products) > 0 {
		settings["products"] = account.Products
	}
	var names []string
	for _, kind := range account.Operations {
		names = append(names, families[kind])
	}
	if len(names) > 0 {
		settings["families"] = names
	}
	var ranges []members
	for _, pan := range account.PANs {
		ranges = append(ranges, members{"first": pan, "last": pan})
	}
	if len(ranges) > 0 {
		settings["ranges"] = ranges
	}
	a.settings[account.Name] = settings
	c := Credentials{Name: "conform-" + account.Name + "-" + randomText(), Password: newID()}
	body := members{"name": c.Name, "password": c.Password, "settings": settings, "reason": why}
	if err := a.call(ctx, http.MethodPost, "/accounts", body, nil); err != nil {
		return err
	}
	a.credentials[account.Name] = c
	return nil
}

func velocities(all []Velocity) []members {
	list := []members{}
	for _, v := range all {
		list = append(list, members{"family": families[v.Kind], "windowSeconds": int64(v.In / time.Second),
			"maxCount": v.Count, "maxAmount": v.Amount})
	}
	return list
}

// Product creates the product under the id that the case has made for it.
func (a *administered) Product(ctx context.Context, p Product) (string, error) {
	settings := members{"currency": p.Currency, "startBalance": p.Start, "minLoad": p.MinLoad, "maxLoad": p.MaxLoad,
		"maxBalance": p.MaxBalance, "singleLoad": p.SingleLoad, "singleUse": p.SingleUse, "pinRequired": p.PINRequired,
		"pinTries": p.PINTries, "replaceFrozen": p.ReplaceFrozen, "velocity": velocities(p.Velocity)}
	if p.Opening != "" {
		settings["opening"] = p.Opening
	}
	return p.ID, a.call(ctx, http.MethodPost, "/products", members{"id": p.ID, "settings": settings, "reason": why}, nil)
}

// Card adds a card under a fresh number.
func (a *administered) Card(ctx context.Context, s CardSpec) (Card, error) {
	const issuer = "600100"
	c := Card{PAN: issuer + randomDigits(13), Expiry: s.Expiry, ClearPIN: s.ClearPIN, EncryptedPIN: s.EncryptedPIN}
	body := members{"pan": c.PAN, "expiry": c.Expiry, "currency": s.Currency, "reason": why}
	if c.ClearPIN != "" {
		body["clearPin"] = c.ClearPIN
	}
	if c.EncryptedPIN != "" {
		body["encryptedPin"] = c.EncryptedPIN
	}
	if h := s.Holder; h != nil {
		body["holder"] = members{"profileId": h.ProfileID, "msisdn": h.MSISDN, "emailAddress": h.Email}
	}
	var added struct{ Number int64 }
	if err := a.call(ctx, http.MethodPost, "/cards", body, &added); err != nil {
		return Card{}, err
	}
	a.numbers[c.PAN] = added.Number
	return c, nil
}

func (a *administered) act(ctx context.Context, pan, act string) error {
	path := "/cards/" + strconv.FormatInt(a.numbers[pan], 10) + "/" + act
	return a.call(ctx, http.MethodPost, path, members{"reason": why}, nil)
}

// Freeze blocks the card.
func (a *administered) Freeze(ctx context.Context, pan string) error {
	return a.act(ctx, pan, "freeze")
}

// Unfreeze lets the card go.
func (a *administered) Unfreeze(ctx context.Context, pan string) error {
	return a.act(ctx, pan, "unfreeze")
}

// Unlock forgets the card's wrong PINs.
func (a *administered) Unlock(ctx context.Context, pan string) error {
	return a.act(ctx, pan, "unlock")
}

// Settle finds the request by its id and ends it.
func (a *administered) Settle(ctx context.Context, account, requestID string, confirm bool) error {
	var found struct {
		Transactions []struct {
			Number        int64
			Account, Role string
		}
	}
	if err := a.call(ctx, http.MethodGet, "/transactions?id="+url.QueryEscape(requestID), nil, &found); err != nil {
		return err
	}
	ending := "reverse"
	if confirm {
		ending = "confirm"
	}
	for _, t := range found.Transactions {
		if t.Role == "request" && t.Account == a.credentials[account].Name {
			path := "/transactions/" + strconv.FormatInt(t.Number, 10) + "/settle"
			return a.call(ctx, http.MethodPost, path, members{"ending": ending, "reason": why}, nil)
		}
	}
	return errors.New("admin API: the request is not found by its id")
}
