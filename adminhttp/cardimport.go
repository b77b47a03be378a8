package adminhttp

import (
	"context"
	"net/http"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// ImportCards implements adminapi.StrictServerInterface.
func (s *server) ImportCards(ctx context.Context, r adminapi.ImportCardsRequestObject) (adminapi.ImportCardsResponseObject, error) {
	in, err := currency("currency", string(r.Params.Currency))
	if err != nil {
		return nil, err
	}
	importing, err := s.office.BeginImport(ctx, s.by(ctx, string(r.Params.Reason)), admin.Mode(r.Params.Mode), in)
	if err != nil {
		return nil, err
	}
	return &report[admin.Seed]{server: s, ctx: ctx, sheet: cardSheet, importing: importing, body: r.Body, expected: r.Params.Lines}, nil
}

// VisitImportCardsResponse implements adminapi.ImportCardsResponseObject.
func (r *report[S]) VisitImportCardsResponse(w http.ResponseWriter) error { return r.visit(w) }

// The columns of cards.
const (
	panColumn          = "pan"
	expiryColumn       = "expiry"
	clearPINColumn     = "clear_pin"
	encryptedPINColumn = "encrypted_pin"
	currencyColumn     = "currency"
	profileIDColumn    = "profile_id"
	msisdnColumn       = "msisdn"
	emailColumn        = "email"
)

var cardSheet = sheet[admin.Seed]{
	columns: []string{
		panColumn, expiryColumn, clearPINColumn, encryptedPINColumn, currencyColumn, profileIDColumn, msisdnColumn, emailColumn,
	},
	needed: []string{panColumn, expiryColumn},
	set:    setCard,
}

// columnOf gives the column of what package admin finds at fault.
var columnOf = map[string]string{
	"clearPin": clearPINColumn, "encryptedPin": encryptedPINColumn, "holder.profileId": profileIDColumn,
	"holder.msisdn": msisdnColumn, "holder.emailAddress": emailColumn,
}

// setCard puts the value of a column into a seed.
func setCard(s *admin.Seed, column, value string) (err error) {
	switch column {
	case panColumn:
		s.PAN, err = ident.ParsePAN(value)
	case expiryColumn:
		s.Expiry, err = giftcard.ParseExpiry(value)
	case currencyColumn:
		if value != "" {
			s.Currency, err = money.ParseCurrency(value)
		}
	case clearPINColumn:
		s.PIN.Clear = value
	case encryptedPINColumn:
		s.PIN.Encrypted = value
	case profileIDColumn:
		s.Holder.ProfileID = value
	case msisdnColumn:
		s.Holder.MSISDN = value
	case emailColumn:
		s.Holder.EmailAddress = value
	}
	return err
}
