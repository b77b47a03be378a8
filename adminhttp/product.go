package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// ListProducts implements adminapi.StrictServerInterface.
func (s *server) ListProducts(ctx context.Context, r adminapi.ListProductsRequestObject) (adminapi.ListProductsResponseObject, error) {
	found, next, err := s.office.ProductList(ctx, s.by(ctx, ""), int64(r.Params.After), int(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return adminapi.ListProducts200JSONResponse{Products: each(found, productOut), Next: next}, nil
}

// GetProduct implements adminapi.StrictServerInterface.
func (s *server) GetProduct(ctx context.Context, r adminapi.GetProductRequestObject) (adminapi.GetProductResponseObject, error) {
	p, err := s.office.Product(ctx, s.by(ctx, ""), string(r.Product))
	if err != nil {
		return nil, err
	}
	return adminapi.GetProduct200JSONResponse(productOut(p)), nil
}

// CreateProduct implements adminapi.StrictServerInterface.
func (s *server) CreateProduct(ctx context.Context, r adminapi.CreateProductRequestObject) (adminapi.CreateProductResponseObject, error) {
	wanted, err := productIn(r.Body.ID, r.Body.Settings)
	if err != nil {
		return nil, err
	}
	p, err := s.office.CreateProduct(ctx, s.by(ctx, string(r.Body.Reason)), wanted)
	if err != nil {
		return nil, err
	}
	return adminapi.CreateProduct201JSONResponse(productOut(p)), nil
}

// ChangeProduct implements adminapi.StrictServerInterface.
func (s *server) ChangeProduct(ctx context.Context, r adminapi.ChangeProductRequestObject) (adminapi.ChangeProductResponseObject, error) {
	wanted, err := productIn(r.Product, r.Body.Settings)
	if err != nil {
		return nil, err
	}
	p, err := s.office.ChangeProduct(ctx, s.by(ctx, string(r.Body.Reason)), wanted)
	if err != nil {
		return nil, err
	}
	return adminapi.ChangeProduct200JSONResponse(productOut(p)), nil
}
