package exchange

import (
	"bytes"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Draft is a message that is being composed from words. The room writes the members that are its own with the methods
// of Writer; its object is open. Words that cannot be said are refused by Finish, before anything has been sent.
type Draft struct {
	Writer
	model *wire.Model
	wrong *decline.Error // the first word that cannot be said
}

// Head is what every request says of itself.
type Head struct {
	ID         ident.ID
	Time       time.Time // by the sender's clock
	Origin     *txn.Origin
	References []ident.Reference // third-party identifiers
}

// DraftRequest begins a request by its head. model judges it in the end.
func DraftRequest(model *wire.Model, h Head) *Draft {
	d := &Draft{model: model}
	d.Open("")
	d.Say("id", string(h.ID))
	if !h.Time.IsZero() {
		d.Time("time", h.Time)
	}
	if h.Origin != nil {
		ComposeOrigin(&d.Writer, h.Origin)
	}
	d.references(h.References)
	return d
}

// DraftAdvice begins an advice by what all of them say. model judges it in the end.
func DraftAdvice(model *wire.Model, a *txn.Advice) *Draft {
	d := &Draft{model: model}
	d.Open("")
	ComposeAdviceHead(&d.Writer, a)
	d.judgeReferences(a.References)
	d.judgeAmount("amounts.approvedAmount", a.Approved)
	if a.Received.IsZero() {
		d.Refuse("time", "time may not be null")
	}
	return d
}

func (d *Draft) references(all []ident.Reference) {
	d.judgeReferences(all)
	d.OpenList("thirdPartyIdentifiers")
	for _, r := range all {
		composeReference(&d.Writer, r)
	}
	d.CloseList()
}

// judgeReferences asks for what the document asks for, which does not judge inside of references.
func (d *Draft) judgeReferences(all []ident.Reference) {
	for _, r := range all {
		if r.Institution == "" {
			d.Refuse("thirdPartyIdentifiers.institutionId", "thirdPartyIdentifiers.institutionId may not be null")
		}
	}
}

// Ask writes the amount that is requested, if there is one.
func (d *Draft) Ask(a *money.Amount) {
	if a == nil || !d.Fits("amounts.requestAmount") {
		return
	}
	d.judgeAmount("amounts.requestAmount", a)
	d.Open("amounts")
	d.Amount("requestAmount", a.Minor, a.Currency)
	d.Close()
}

// maxCurrency is the greatest number of three digits.
const maxCurrency = 999

// judgeAmount asks for an amount that can be written (rules C6 and C7). What it may be is not judged here.
func (d *Draft) judgeAmount(field string, a *money.Amount) {
	switch {
	case a == nil:
	case a.Minor > money.MaxMinor || a.Minor < -money.MaxMinor:
		d.Refuse(field+".amount", field+".amount must have at most 18 digits")
	case a.Currency == 0 || a.Currency > maxCurrency:
		d.Refuse(field+".currency", field+".currency must be the three digits of a currency")
	}
}

// Fits says whether the message has a place for a word, and has it refused otherwise. field is its dotted path.
func (d *Draft) Fits(field string) bool {
	if d.model.Has(field) {
		return true
	}
	d.Refuse(field, field+" has no place in this message")
	return false
}

// Refuse has the message refused for a word that cannot be said, unless it is refused for another one already. text
// is for people and never quotes the word.
func (d *Draft) Refuse(field, text string) {
	if d.wrong == nil {
		d.wrong = decline.New(decline.FormatError, "%s", text).At(field)
	}
}

// Finish ends the message. The error is a *decline.Error of reason FormatError with the field of the first word that is
// missing or is not as the document wants it.
func (d *Draft) Finish() (txn.Wire, error) {
	d.Close()
	if d.wrong != nil {
		return nil, d.wrong
	}
	if field := nulIn(d.b); field != "" {
		return nil, decline.New(decline.FormatError, "%s must not contain a NUL character", field).At(field)
	}
	if len(d.b) > MaxBody {
		return nil, decline.New(decline.FormatError, "a message may have %d bytes", MaxBody)
	}
	var judged wire.Message
	err := d.model.Read(d.b, &judged)
	var violations *wire.Violations
	switch {
	case errors.As(err, &violations):
		return nil, decline.New(decline.FormatError, "%s", violations).At(violations.List[0].Field)
	case err != nil:
		return nil, decline.New(decline.FormatError, "%s", err)
	}
	return d.b, nil
}

// nulIn names the first text that has a NUL character in it, which no server of ours takes; empty when none has.
func nulIn(body []byte) string {
	if !bytes.Contains(body, []byte(`\u0000`)) {
		return ""
	}
	root, err := wire.Parse(body)
	if err != nil {
		return ""
	}
	return nulBelow(root, "")
}

func nulBelow(v wire.Value, path string) string {
	if text, isText := v.Text(); isText {
		if strings.Contains(text, "\x00") {
			return path
		}
		return ""
	}
	for name, member := range v.Members() {
		if found := nulBelow(member, strings.TrimPrefix(path+"."+name, ".")); found != "" {
			return found
		}
	}
	for element := range v.Elements() {
		if found := nulBelow(element, path); found != "" {
			return found
		}
	}
	return ""
}

// ComposeQuery makes the parameters of a query from those of its values that are not empty. model is that of the query
// (wire.Document.Query) and judges them. The error is as that of Finish.
func ComposeQuery(model *wire.Model, values url.Values) (txn.Wire, error) {
	d := &Draft{model: model}
	d.Open("")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values.Get(name)
		if value == "" {
			delete(values, name)
			continue
		}
		if len(value) > maxParameter {
			d.Refuse(name, name+" must have at most "+strconv.Itoa(maxParameter)+" bytes")
		}
		if d.Fits(name) {
			d.Text(name, value)
		}
	}
	if _, err := d.Finish(); err != nil {
		return nil, err
	}
	return txn.Wire(values.Encode()), nil
}
