package adminhttp

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

var _ admin.Codec = Codec{}

// Codec keeps operators' rows as JSON. The names in it are those of the fields in package admin: a field may be
// added, but not renamed.
type Codec struct{}

// Encode implements admin.Codec.
func (Codec) Encode(value any) ([]byte, error) { return json.Marshal(value) }

// Decode implements admin.Codec.
func (Codec) Decode(data []byte, value any) error { return json.Unmarshal(data, value) }

// Carries says whether a message of one of the contracts, as it was received, carries a third-party identifier. It
// is what an office asks for.
func Carries(body []byte, r ident.Reference) bool {
	var message struct {
		ThirdPartyIdentifiers []struct {
			InstitutionID         string `json:"institutionId"`
			TransactionIdentifier string `json:"transactionIdentifier"`
		} `json:"thirdPartyIdentifiers"`
	}
	if json.Unmarshal(body, &message) != nil {
		return false
	}
	for _, carried := range message.ThirdPartyIdentifiers {
		if carried.InstitutionID == r.Institution && carried.TransactionIdentifier == r.Identifier {
			return true
		}
	}
	return false
}

// Tells says whether the body of a request, as it was received, names the merchant it comes from or, of a purchase, the
// subscriber to be topped up, or carries a label. It is what an office asks for.
func Tells(body []byte, kind, value string) bool {
	if kind == secret.ByMerchant {
		return standsAt(body, value, "originator", "merchant", "merchantId")
	}
	type number struct {
		MSISDN string `json:"msisdn"`
	}
	var message struct {
		Recipient number `json:"recipientMsisdn"` // of a purchase
		MSISDN    number `json:"msisdn"`          // of a voucher request
		Labels    any    `json:"transactionLabels"`
	}
	if json.Unmarshal(body, &message) != nil {
		return false
	}
	if kind == secret.ByLabel {
		return holds(message.Labels, value)
	}
	return kind == secret.ByMSISDN && (same(message.Recipient.MSISDN, value) || same(message.MSISDN.MSISDN, value))
}

// standsAt says whether a text is what stands in a body under names within names. It reads no further: all requests of an hour are
// asked for one merchant, and a page of them is to take no longer for being compared.
func standsAt(body []byte, text string, names ...string) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	for _, name := range names {
		if !enter(d, name) {
			return false
		}
	}
	token, err := d.ReadToken()
	return err == nil && token.Kind() == '"' && token.String() == text
}

// enter reads an object as far as the value of a name.
func enter(d *jsontext.Decoder, name string) bool {
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return false
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return false
		}
		if token.String() == name {
			return true
		}
		if d.SkipValue() != nil {
			return false
		}
	}
	return false
}

// same says whether a number is the one with these digits.
func same(number, digits string) bool {
	m, err := ident.ParseMSISDN(number)
	return err == nil && m.Reveal() == digits
}

// holds says whether a text stands anywhere in labels, whose shape is their sender's own.
func holds(labels any, text string) bool {
	within := func(inner any) bool { return holds(inner, text) }
	switch l := labels.(type) {
	case string:
		return l == text
	case []any:
		return slices.ContainsFunc(l, within)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(l)), within)
	}
	return false
}
