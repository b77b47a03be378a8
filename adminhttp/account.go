package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
)

// ListAccounts implements adminapi.StrictServerInterface.
func (s *server) ListAccounts(ctx context.Context, r adminapi.ListAccountsRequestObject) (adminapi.ListAccountsResponseObject, error) {
	found, next, err := s.office.Accounts(ctx, s.by(ctx, ""), int64(r.Params.After), int(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return adminapi.ListAccounts200JSONResponse{Accounts: each(found, account), Next: next}, nil
}

// GetAccount implements adminapi.StrictServerInterface.
func (s *server) GetAccount(ctx context.Context, r adminapi.GetAccountRequestObject) (adminapi.GetAccountResponseObject, error) {
	a, err := s.office.Account(ctx, s.by(ctx, ""), string(r.Account))
	if err != nil {
		return nil, err
	}
	return adminapi.GetAccount200JSONResponse(account(a)), nil
}

// CreateAccount implements adminapi.StrictServerInterface.
func (s *server) CreateAccount(ctx context.Context, r adminapi.CreateAccountRequestObject) (adminapi.CreateAccountResponseObject, error) {
	settings, err := accountSettings(r.Body.Settings)
	if err != nil {
		return nil, err
	}
	made, password, err := s.office.CreateAccount(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Body.Name), r.Body.Password, settings)
	if err != nil {
		return nil, err
	}
	return adminapi.CreateAccount201JSONResponse{Account: account(made), Password: password}, nil
}

// ChangeAccount implements adminapi.StrictServerInterface.
func (s *server) ChangeAccount(ctx context.Context, r adminapi.ChangeAccountRequestObject) (adminapi.ChangeAccountResponseObject, error) {
	settings, err := accountSettings(r.Body.Settings)
	if err != nil {
		return nil, err
	}
	a, err := s.office.ChangeAccount(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Account), settings)
	if err != nil {
		return nil, err
	}
	return adminapi.ChangeAccount200JSONResponse(account(a)), nil
}

// SuspendAccount implements adminapi.StrictServerInterface.
func (s *server) SuspendAccount(ctx context.Context, r adminapi.SuspendAccountRequestObject) (adminapi.SuspendAccountResponseObject, error) {
	a, err := s.office.SuspendAccount(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Account))
	if err != nil {
		return nil, err
	}
	return adminapi.SuspendAccount200JSONResponse(account(a)), nil
}

// ResumeAccount implements adminapi.StrictServerInterface.
func (s *server) ResumeAccount(ctx context.Context, r adminapi.ResumeAccountRequestObject) (adminapi.ResumeAccountResponseObject, error) {
	a, err := s.office.ResumeAccount(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Account))
	if err != nil {
		return nil, err
	}
	return adminapi.ResumeAccount200JSONResponse(account(a)), nil
}

// AddCredential implements adminapi.StrictServerInterface.
func (s *server) AddCredential(ctx context.Context, r adminapi.AddCredentialRequestObject) (adminapi.AddCredentialResponseObject, error) {
	wanted := admin.NewCredential{Password: r.Body.Password, NotBefore: r.Body.NotBefore, NotAfter: r.Body.NotAfter}
	made, password, err := s.office.AddCredential(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Account), wanted)
	if err != nil {
		return nil, err
	}
	return adminapi.AddCredential201JSONResponse{Credential: credential(made), Password: password}, nil
}

// RevokeCredential implements adminapi.StrictServerInterface.
func (s *server) RevokeCredential(ctx context.Context, r adminapi.RevokeCredentialRequestObject) (adminapi.RevokeCredentialResponseObject, error) {
	a, err := s.office.RevokeCredential(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Account), r.Credential)
	if err != nil {
		return nil, err
	}
	return adminapi.RevokeCredential200JSONResponse(account(a)), nil
}
