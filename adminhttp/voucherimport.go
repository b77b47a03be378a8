package adminhttp

import (
	"context"
	"net/http"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
)

// ImportVouchers implements adminapi.StrictServerInterface.
func (s *server) ImportVouchers(ctx context.Context, r adminapi.ImportVouchersRequestObject) (adminapi.ImportVouchersResponseObject, error) {
	importing, err := s.office.BeginVoucherImport(ctx, s.by(ctx, r.Params.Reason), admin.Mode(r.Params.Mode), admin.NewBatch{
		Product: r.Params.Product, Name: r.Params.Name, Expiry: r.Params.Expiry,
	})
	if err != nil {
		return nil, err
	}
	return &report[admin.VoucherSeed]{
		server: s, ctx: ctx, sheet: voucherSheet, importing: importing, body: r.Body, expected: r.Params.Lines, whole: true,
	}, nil
}

// VisitImportVouchersResponse implements adminapi.ImportVouchersResponseObject.
func (r *report[S]) VisitImportVouchersResponse(w http.ResponseWriter) error { return r.visit(w) }

// The columns of vouchers.
const (
	serialColumn = "serial"
	pinColumn    = "pin"
)

var voucherSheet = sheet[admin.VoucherSeed]{
	columns: []string{serialColumn, pinColumn}, needed: []string{serialColumn, pinColumn}, set: setVoucher,
}

// setVoucher puts the value of a column into a seed.
func setVoucher(s *admin.VoucherSeed, column, value string) (err error) {
	switch column {
	case serialColumn:
		s.Serial = value
	case pinColumn:
		s.PIN, err = airtime.ParseVoucherPIN(value)
	}
	return err
}
