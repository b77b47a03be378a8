package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/money"
)

// GetFloat implements adminapi.StrictServerInterface.
func (s *server) GetFloat(ctx context.Context, r adminapi.GetFloatRequestObject) (adminapi.GetFloatResponseObject, error) {
	f, err := s.office.Float(ctx, s.by(ctx, ""), r.Account)
	if err != nil {
		return nil, err
	}
	return adminapi.GetFloat200JSONResponse(float(f)), nil
}

// ListFloats implements adminapi.StrictServerInterface.
func (s *server) ListFloats(ctx context.Context, r adminapi.ListFloatsRequestObject) (adminapi.ListFloatsResponseObject, error) {
	found, next, err := s.office.Floats(ctx, s.by(ctx, ""), r.Params.After, int(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return adminapi.ListFloats200JSONResponse{Floats: each(found, float), Next: next}, nil
}

// DepositFloat implements adminapi.StrictServerInterface.
func (s *server) DepositFloat(ctx context.Context, r adminapi.DepositFloatRequestObject) (adminapi.DepositFloatResponseObject, error) {
	in, err := currency("currency", r.Body.Currency)
	if err != nil {
		return nil, err
	}
	f, err := s.office.DepositFloat(ctx, s.by(ctx, r.Body.Reason), r.Account, money.Minor(r.Body.Amount), in)
	if err != nil {
		return nil, err
	}
	return adminapi.DepositFloat200JSONResponse(float(f)), nil
}

// WithdrawFloat implements adminapi.StrictServerInterface.
func (s *server) WithdrawFloat(ctx context.Context, r adminapi.WithdrawFloatRequestObject) (adminapi.WithdrawFloatResponseObject, error) {
	in, err := currency("currency", r.Body.Currency)
	if err != nil {
		return nil, err
	}
	f, err := s.office.WithdrawFloat(ctx, s.by(ctx, r.Body.Reason), r.Account, money.Minor(r.Body.Amount), in)
	if err != nil {
		return nil, err
	}
	return adminapi.WithdrawFloat200JSONResponse(float(f)), nil
}

func float(f admin.FloatView) adminapi.Float {
	out := adminapi.Float{
		Account: f.Account.Name, Prepaid: f.Account.Settings.Prepaid, LowFloat: int64(f.Account.Settings.LowFloat), Low: f.Low,
	}
	if f.Currency != 0 {
		out.Currency, out.Balance = f.Currency.String(), balance(f.Balance)
	}
	return out
}
