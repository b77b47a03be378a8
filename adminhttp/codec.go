package adminhttp

import (
	"encoding/json"
	"maps"
	"slices"

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
	type number struct {
		MSISDN string `json:"msisdn"`
	}
	var message struct {
		Recipient number `json:"recipientMsisdn"` // of a purchase
		MSISDN    number `json:"msisdn"`          // of a voucher request
		Labels    any    `json:"transactionLabels"`

		Originator struct {
			Merchant struct {
				ID string `json:"merchantId"`
			} `json:"merchant"`
		} `json:"originator"`
	}
	if json.Unmarshal(body, &message) != nil {
		return false
	}
	switch kind {
	case secret.ByLabel:
		return holds(message.Labels, value)
	case secret.ByMerchant:
		return message.Originator.Merchant.ID == value
	}
	return kind == secret.ByMSISDN && (same(message.Recipient.MSISDN, value) || same(message.MSISDN.MSISDN, value))
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
