package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/money"
)

// ListAirtimeProducts implements adminapi.StrictServerInterface.
func (s *server) ListAirtimeProducts(ctx context.Context, r adminapi.ListAirtimeProductsRequestObject) (adminapi.ListAirtimeProductsResponseObject, error) {
	found, next, err := s.office.AirtimeProducts(ctx, s.by(ctx, ""), int64(r.Params.After), int(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return adminapi.ListAirtimeProducts200JSONResponse{Products: each(found, airtimeProduct), Next: next}, nil
}

// GetAirtimeProduct implements adminapi.StrictServerInterface.
func (s *server) GetAirtimeProduct(ctx context.Context, r adminapi.GetAirtimeProductRequestObject) (adminapi.GetAirtimeProductResponseObject, error) {
	p, err := s.office.AirtimeProduct(ctx, s.by(ctx, ""), r.Product)
	if err != nil {
		return nil, err
	}
	return adminapi.GetAirtimeProduct200JSONResponse(airtimeProduct(p)), nil
}

// PutAirtimeProduct implements adminapi.StrictServerInterface.
func (s *server) PutAirtimeProduct(ctx context.Context, r adminapi.PutAirtimeProductRequestObject) (adminapi.PutAirtimeProductResponseObject, error) {
	wanted, err := airtimeProductIn(r.Product, r.Body.Settings)
	if err != nil {
		return nil, err
	}
	p, err := s.office.PutAirtimeProduct(ctx, s.by(ctx, r.Body.Reason), wanted)
	if err != nil {
		return nil, err
	}
	return adminapi.PutAirtimeProduct200JSONResponse(airtimeProduct(p)), nil
}

// WithdrawAirtimeProduct implements adminapi.StrictServerInterface.
func (s *server) WithdrawAirtimeProduct(ctx context.Context, r adminapi.WithdrawAirtimeProductRequestObject) (adminapi.WithdrawAirtimeProductResponseObject, error) {
	p, err := s.office.WithdrawAirtimeProduct(ctx, s.by(ctx, r.Body.Reason), r.Product)
	if err != nil {
		return nil, err
	}
	return adminapi.WithdrawAirtimeProduct200JSONResponse(airtimeProduct(p)), nil
}

// RestoreAirtimeProduct implements adminapi.StrictServerInterface.
func (s *server) RestoreAirtimeProduct(ctx context.Context, r adminapi.RestoreAirtimeProductRequestObject) (adminapi.RestoreAirtimeProductResponseObject, error) {
	p, err := s.office.RestoreAirtimeProduct(ctx, s.by(ctx, r.Body.Reason), r.Product)
	if err != nil {
		return nil, err
	}
	return adminapi.RestoreAirtimeProduct200JSONResponse(airtimeProduct(p)), nil
}

func airtimeProductIn(id string, s adminapi.AirtimeProductSettings) (p airtime.Product, err error) {
	p = airtime.Product{
		ID: id, Barcode: s.Barcode, Name: s.Name, Type: airtime.ProductType(s.Type), TopUp: s.TopUp, Provider: s.Provider, Network: s.Network,
		Description: airtime.Description{Primary: s.Description.Primary, Short: s.Description.Short, Additional: s.Description.Additional},
		Discount:    s.Discount, Promotion: s.Promotion, Source: airtime.Source(s.Source), Returned: airtime.Returned(s.Returned),
		LowStock: s.LowStock, Instructions: s.Instructions,
	}
	if s.Validity != (adminapi.AirtimeValidity{}) {
		p.Validity = &airtime.Validity{Duration: s.Validity.Duration, Unit: string(s.Validity.Unit)}
	}
	p.Contents, _ = try(s.Contents, func(_ int, c adminapi.AirtimeContent) (airtime.Content, error) {
		return airtime.Content{Amount: c.Amount, Unit: string(c.Unit)}, nil
	})
	p.Channels, _ = try(s.Channels, func(_ int, c adminapi.AirtimeChannel) (airtime.Channel, error) {
		return airtime.Channel{
			Name: c.Name, DisplayName: c.DisplayName, DisplayCategory: c.DisplayCategory, Identifier: c.Identifier, SortOrder: c.SortOrder,
		}, nil
	})
	if p.Values, err = try(s.Values, func(_ int, m adminapi.Money) (money.Amount, error) { return amount("settings.values", m) }); err != nil {
		return p, err
	}
	if p.Limits, err = try(s.Limits, limit); err != nil {
		return p, err
	}
	if p.Wholesale, err = optional("settings.wholesale", s.Wholesale); err != nil {
		return p, err
	}
	p.RecipientAmount, err = optional("settings.recipientAmount", s.RecipientAmount)
	return p, err
}

func amount(field string, m adminapi.Money) (money.Amount, error) {
	in, err := currency(field, m.Currency)
	return money.Amount{Minor: money.Minor(m.Amount), Currency: in}, err
}

// optional reads an amount that may be absent.
func optional(field string, m adminapi.Money) (*money.Amount, error) {
	if m == (adminapi.Money{}) {
		return nil, nil
	}
	a, err := amount(field, m)
	return &a, err
}

func limit(_ int, l adminapi.AirtimeLimit) (airtime.Limit, error) {
	in, err := currency("settings.limits", l.Currency)
	return airtime.Limit{Currency: in, Min: money.Minor(l.Min), Max: money.Minor(l.Max)}, err
}

func airtimeProduct(p *airtime.Product) adminapi.AirtimeProduct {
	s := adminapi.AirtimeProductSettings{
		Barcode: p.Barcode, Name: p.Name, Type: adminapi.AirtimeProductSettingsType(p.Type), TopUp: p.TopUp, Provider: p.Provider,
		Network: p.Network, Discount: p.Discount, Promotion: p.Promotion, LowStock: p.LowStock, Instructions: p.Instructions,
		Source: adminapi.AirtimeProductSettingsSource(p.Source), Returned: adminapi.AirtimeProductSettingsReturned(p.Returned),
		Description: adminapi.AirtimeDescription{
			Primary: p.Description.Primary, Short: p.Description.Short, Additional: p.Description.Additional,
		},
		Values: each(p.Values, moneyOut), Wholesale: optionalOut(p.Wholesale), RecipientAmount: optionalOut(p.RecipientAmount),
		Limits: each(p.Limits, func(l airtime.Limit) adminapi.AirtimeLimit {
			return adminapi.AirtimeLimit{Currency: l.Currency.String(), Min: int64(l.Min), Max: int64(l.Max)}
		}),
		Contents: each(p.Contents, func(c airtime.Content) adminapi.AirtimeContent {
			return adminapi.AirtimeContent{Amount: c.Amount, Unit: adminapi.AirtimeContentUnit(c.Unit)}
		}),
		Channels: each(p.Channels, func(c airtime.Channel) adminapi.AirtimeChannel {
			return adminapi.AirtimeChannel{
				Name: c.Name, DisplayName: c.DisplayName, DisplayCategory: c.DisplayCategory, Identifier: c.Identifier, SortOrder: c.SortOrder,
			}
		}),
	}
	if v := p.Validity; v != nil {
		s.Validity = adminapi.AirtimeValidity{Duration: v.Duration, Unit: adminapi.AirtimeValidityUnit(v.Unit)}
	}
	return adminapi.AirtimeProduct{Number: p.Number, Edition: p.Edition, ID: p.ID, Withdrawn: p.Withdrawn, Settings: s}
}

func moneyOut(a money.Amount) adminapi.Money {
	return adminapi.Money{Amount: int64(a.Minor), Currency: a.Currency.String()}
}

func optionalOut(a *money.Amount) adminapi.Money {
	if a == nil {
		return adminapi.Money{}
	}
	return moneyOut(*a)
}
