package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
)

// ListOperators implements adminapi.StrictServerInterface.
func (s *server) ListOperators(ctx context.Context, r adminapi.ListOperatorsRequestObject) (adminapi.ListOperatorsResponseObject, error) {
	found, next, err := s.office.Operators(ctx, s.by(ctx, ""), int64(r.Params.After), int(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return adminapi.ListOperators200JSONResponse{Operators: each(found, operatorOut), Next: next}, nil
}

// CreateOperator implements adminapi.StrictServerInterface.
func (s *server) CreateOperator(ctx context.Context, r adminapi.CreateOperatorRequestObject) (adminapi.CreateOperatorResponseObject, error) {
	role, _ := admin.ParseRole(string(r.Body.Role)) // the document has been asked already
	made, token, err := s.office.CreateOperator(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Body.Name), role)
	if err != nil {
		return nil, err
	}
	return adminapi.CreateOperator201JSONResponse{Operator: operatorOut(made), Token: token}, nil
}

// WhoAmI implements adminapi.StrictServerInterface.
func (s *server) WhoAmI(ctx context.Context, _ adminapi.WhoAmIRequestObject) (adminapi.WhoAmIResponseObject, error) {
	return adminapi.WhoAmI200JSONResponse(operatorOut(operator(ctx))), nil
}

// RevokeOperator implements adminapi.StrictServerInterface.
func (s *server) RevokeOperator(ctx context.Context, r adminapi.RevokeOperatorRequestObject) (adminapi.RevokeOperatorResponseObject, error) {
	o, err := s.office.RevokeOperator(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Operator))
	if err != nil {
		return nil, err
	}
	return adminapi.RevokeOperator200JSONResponse(operatorOut(o)), nil
}

// ListAudit implements adminapi.StrictServerInterface.
func (s *server) ListAudit(ctx context.Context, r adminapi.ListAuditRequestObject) (adminapi.ListAuditResponseObject, error) {
	found, next, err := s.office.Trail(ctx, s.by(ctx, ""), admin.AuditQuery{
		Subject: r.Params.Subject, Operator: string(r.Params.Operator), After: int64(r.Params.After), Limit: int(r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	return adminapi.ListAudit200JSONResponse{Entries: each(found, auditEntry), Next: next}, nil
}

// ListImports implements adminapi.StrictServerInterface.
func (s *server) ListImports(ctx context.Context, r adminapi.ListImportsRequestObject) (adminapi.ListImportsResponseObject, error) {
	found, next, err := s.office.Imports(ctx, s.by(ctx, ""), int64(r.Params.After), int(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return adminapi.ListImports200JSONResponse{Imports: each(found, imported), Next: next}, nil
}
