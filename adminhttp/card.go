package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
)

// AddCard implements adminapi.StrictServerInterface.
func (s *server) AddCard(ctx context.Context, r adminapi.AddCardRequestObject) (adminapi.AddCardResponseObject, error) {
	b := r.Body
	seed := admin.Seed{
		PIN:    giftcard.PIN{Clear: b.ClearPIN, Encrypted: b.EncryptedPIN},
		Holder: giftcard.Holder{ProfileID: b.Holder.ProfileID, MSISDN: b.Holder.MSISDN, EmailAddress: b.Holder.EmailAddress},
	}
	var err error
	if seed.PAN, err = ident.ParsePAN(string(b.PAN)); err != nil {
		return nil, invalid("pan", err.Error())
	}
	if seed.Expiry, err = giftcard.ParseExpiry(b.Expiry); err != nil {
		return nil, invalid("expiry", err.Error())
	}
	if seed.Currency, err = currency("currency", string(b.Currency)); err != nil {
		return nil, err
	}
	v, err := s.office.AddCard(ctx, s.by(ctx, string(b.Reason)), seed)
	if err != nil {
		return nil, err
	}
	return adminapi.AddCard201JSONResponse(card(v)), nil
}

// FindCard implements adminapi.StrictServerInterface.
func (s *server) FindCard(ctx context.Context, r adminapi.FindCardRequestObject) (adminapi.FindCardResponseObject, error) {
	pan, err := ident.ParsePAN(string(r.Body.PAN))
	if err != nil {
		return nil, invalid("pan", err.Error())
	}
	v, err := s.office.FindCard(ctx, s.by(ctx, ""), pan)
	if err != nil {
		return nil, err
	}
	return adminapi.FindCard200JSONResponse(card(v)), nil
}

// GetCard implements adminapi.StrictServerInterface.
func (s *server) GetCard(ctx context.Context, r adminapi.GetCardRequestObject) (adminapi.GetCardResponseObject, error) {
	v, err := s.office.Card(ctx, s.by(ctx, ""), int64(r.Card))
	if err != nil {
		return nil, err
	}
	return adminapi.GetCard200JSONResponse(card(v)), nil
}

// GetCardHistory implements adminapi.StrictServerInterface.
func (s *server) GetCardHistory(ctx context.Context, r adminapi.GetCardHistoryRequestObject) (adminapi.GetCardHistoryResponseObject, error) {
	from, err := admin.ParseCursor(r.Params.Before)
	if err != nil {
		return nil, err
	}
	h, err := s.office.CardHistory(ctx, s.by(ctx, ""), int64(r.Card), from, int(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	out := adminapi.GetCardHistory200JSONResponse{Card: card(h.Card), Items: each(h.Items, historyItem), Next: h.Next.String(), Pruned: h.Pruned}
	if h.Pruned {
		out.BroughtForward = balance(h.Brought)
	}
	return out, nil
}

// FreezeCard implements adminapi.StrictServerInterface.
func (s *server) FreezeCard(ctx context.Context, r adminapi.FreezeCardRequestObject) (adminapi.FreezeCardResponseObject, error) {
	v, err := s.office.FreezeCard(ctx, s.by(ctx, string(r.Body.Reason)), int64(r.Card))
	if err != nil {
		return nil, err
	}
	return adminapi.FreezeCard200JSONResponse(card(v)), nil
}

// UnfreezeCard implements adminapi.StrictServerInterface.
func (s *server) UnfreezeCard(ctx context.Context, r adminapi.UnfreezeCardRequestObject) (adminapi.UnfreezeCardResponseObject, error) {
	v, err := s.office.UnfreezeCard(ctx, s.by(ctx, string(r.Body.Reason)), int64(r.Card))
	if err != nil {
		return nil, err
	}
	return adminapi.UnfreezeCard200JSONResponse(card(v)), nil
}

// UnlockCard implements adminapi.StrictServerInterface.
func (s *server) UnlockCard(ctx context.Context, r adminapi.UnlockCardRequestObject) (adminapi.UnlockCardResponseObject, error) {
	v, err := s.office.UnlockPIN(ctx, s.by(ctx, string(r.Body.Reason)), int64(r.Card))
	if err != nil {
		return nil, err
	}
	return adminapi.UnlockCard200JSONResponse(card(v)), nil
}

// adjustments are the acts behind the kinds of an adjustment.
var adjustments = map[adminapi.AdjustmentKind]admin.Act{
	adminapi.AdjustmentKindCredit: admin.CreditCard, adminapi.AdjustmentKindDebit: admin.DebitCard, adminapi.AdjustmentKindWriteOff: admin.WriteOffCard,
}

// AdjustCard implements adminapi.StrictServerInterface.
func (s *server) AdjustCard(ctx context.Context, r adminapi.AdjustCardRequestObject) (adminapi.AdjustCardResponseObject, error) {
	in, err := currency("currency", string(r.Body.Currency))
	if err != nil {
		return nil, err
	}
	a := admin.Adjustment{Kind: adjustments[r.Body.Kind], Amount: money.Minor(r.Body.Amount), Currency: in}
	v, err := s.office.Adjust(ctx, s.by(ctx, string(r.Body.Reason)), int64(r.Card), a)
	if err != nil {
		return nil, err
	}
	return adminapi.AdjustCard201JSONResponse(card(v)), nil
}
