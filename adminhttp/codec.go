package adminhttp

import (
	"encoding/json"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
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
