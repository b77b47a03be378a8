package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
)

// statuses are what the document calls the statuses of vouchers.
var statuses = map[adminapi.VoucherStatus]airtime.VoucherStatus{
	adminapi.VoucherStatusStock: airtime.InStock, adminapi.VoucherStatusSold: airtime.Sold,
	adminapi.VoucherStatusQuarantine: airtime.Quarantined, adminapi.VoucherStatusWithdrawn: airtime.Withdrawn,
}

// ListVouchers implements adminapi.StrictServerInterface.
func (s *server) ListVouchers(ctx context.Context, r adminapi.ListVouchersRequestObject) (adminapi.ListVouchersResponseObject, error) {
	from, err := admin.ParseVoucherCursor(r.Params.After)
	if err != nil {
		return nil, err
	}
	found, next, err := s.office.Vouchers(ctx, s.by(ctx, ""), admin.VoucherQuery{
		Status: statuses[r.Params.Status], Batch: r.Params.Batch, Product: r.Params.Product, From: from, Limit: int(r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	return adminapi.ListVouchers200JSONResponse{Vouchers: each(found, voucher), Next: next.String()}, nil
}

// FindVouchers implements adminapi.StrictServerInterface.
func (s *server) FindVouchers(ctx context.Context, r adminapi.FindVouchersRequestObject) (adminapi.FindVouchersResponseObject, error) {
	found, err := s.findVouchers(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return adminapi.FindVouchers200JSONResponse{Vouchers: each(found, voucher)}, nil
}

func (s *server) findVouchers(ctx context.Context, q *adminapi.VoucherQuery) ([]admin.VoucherView, error) {
	if !one(q.Serial, q.PIN) {
		return nil, invalid("", "either a serial or a PIN must be given")
	}
	if q.Serial != "" {
		return s.office.FindVouchersBySerial(ctx, s.by(ctx, ""), q.Serial)
	}
	pin, err := airtime.ParseVoucherPIN(q.PIN)
	if err != nil {
		return nil, invalid("pin", err.Error())
	}
	return s.office.FindVouchersByPIN(ctx, s.by(ctx, ""), pin)
}

// GetVoucher implements adminapi.StrictServerInterface.
func (s *server) GetVoucher(ctx context.Context, r adminapi.GetVoucherRequestObject) (adminapi.GetVoucherResponseObject, error) {
	v, err := s.office.Voucher(ctx, s.by(ctx, ""), r.Voucher)
	if err != nil {
		return nil, err
	}
	return adminapi.GetVoucher200JSONResponse(voucher(v)), nil
}

// ReleaseVoucher implements adminapi.StrictServerInterface.
func (s *server) ReleaseVoucher(ctx context.Context, r adminapi.ReleaseVoucherRequestObject) (adminapi.ReleaseVoucherResponseObject, error) {
	v, err := s.office.ReleaseVoucher(ctx, s.by(ctx, r.Body.Reason), r.Voucher)
	if err != nil {
		return nil, err
	}
	return adminapi.ReleaseVoucher200JSONResponse(voucher(v)), nil
}

// WithdrawVoucher implements adminapi.StrictServerInterface.
func (s *server) WithdrawVoucher(ctx context.Context, r adminapi.WithdrawVoucherRequestObject) (adminapi.WithdrawVoucherResponseObject, error) {
	v, err := s.office.WithdrawVoucher(ctx, s.by(ctx, r.Body.Reason), r.Voucher)
	if err != nil {
		return nil, err
	}
	return adminapi.WithdrawVoucher200JSONResponse(voucher(v)), nil
}

// RevealVoucher implements adminapi.StrictServerInterface. It is the one answer that holds a PIN.
func (s *server) RevealVoucher(ctx context.Context, r adminapi.RevealVoucherRequestObject) (adminapi.RevealVoucherResponseObject, error) {
	v, pin, err := s.office.RevealVoucher(ctx, s.by(ctx, r.Body.Reason), r.Voucher)
	if err != nil {
		return nil, err
	}
	return adminapi.RevealVoucher200JSONResponse{Voucher: voucher(v), PIN: pin.Reveal()}, nil
}

// StockLevels implements adminapi.StrictServerInterface.
func (s *server) StockLevels(ctx context.Context, r adminapi.StockLevelsRequestObject) (adminapi.StockLevelsResponseObject, error) {
	levels, err := s.office.Levels(ctx, s.by(ctx, ""), r.Params.Product)
	if err != nil {
		return nil, err
	}
	return adminapi.StockLevels200JSONResponse{Levels: each(levels, stockLevel)}, nil
}

// CloseBatch implements adminapi.StrictServerInterface.
func (s *server) CloseBatch(ctx context.Context, r adminapi.CloseBatchRequestObject) (adminapi.CloseBatchResponseObject, error) {
	b, err := s.office.CloseBatch(ctx, s.by(ctx, r.Body.Reason), r.Batch)
	if err != nil {
		return nil, err
	}
	return adminapi.CloseBatch200JSONResponse(batchLevel(b)), nil
}

// OpenBatch implements adminapi.StrictServerInterface.
func (s *server) OpenBatch(ctx context.Context, r adminapi.OpenBatchRequestObject) (adminapi.OpenBatchResponseObject, error) {
	b, err := s.office.OpenBatch(ctx, s.by(ctx, r.Body.Reason), r.Batch)
	if err != nil {
		return nil, err
	}
	return adminapi.OpenBatch200JSONResponse(batchLevel(b)), nil
}

func voucher(v admin.VoucherView) adminapi.Voucher {
	return adminapi.Voucher{
		Number: v.ID, Serial: v.Serial, Status: adminapi.VoucherStatus(v.Status.String()), Batch: v.Batch, BatchName: v.BatchName,
		Product: v.ProductID, Expiry: v.Expiry, LastMessage: v.LastMessage,
	}
}

func stockLevel(l admin.StockLevel) adminapi.StockLevel {
	return adminapi.StockLevel{
		Product: l.Product.ID, Withdrawn: l.Product.Withdrawn, OnSale: l.OnSale, LowStock: l.Product.LowStock, Low: l.Low,
		Batches: each(l.Batches, batchLevel),
	}
}

func batchLevel(b admin.BatchLevel) adminapi.BatchLevel {
	state := adminapi.BatchLevelStateOpen
	switch {
	case b.Incomplete:
		state = adminapi.BatchLevelStateIncomplete
	case b.Closed:
		state = adminapi.BatchLevelStateClosed
	}
	return adminapi.BatchLevel{
		Number: b.Number, Name: b.Name, Product: b.ProductID, Expiry: b.Expiry, State: state, InStock: b.Unexpired, Expired: b.Expired,
		Sold: b.Sold, Quarantined: b.Quarantined, Withdrawn: b.Withdrawn, LeftOver: b.LeftOver,
	}
}
