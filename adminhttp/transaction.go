package adminhttp

import (
	"context"
	"net/http"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// FindTransactions implements adminapi.StrictServerInterface.
func (s *server) FindTransactions(ctx context.Context, r adminapi.FindTransactionsRequestObject) (adminapi.FindTransactionsResponseObject, error) {
	found, err := s.findTransactions(ctx, r.Params)
	if err != nil {
		return nil, err
	}
	return adminapi.FindTransactions200JSONResponse{Transactions: each(found, transaction)}, nil
}

func (s *server) findTransactions(ctx context.Context, p adminapi.FindTransactionsParams) ([]admin.Transaction, error) {
	if (p.ID == "") == (p.Identifier == "") {
		return nil, invalid("id", "either an id or an identifier must be given")
	}
	if p.ID != "" && p.Institution != "" {
		return nil, invalid("institution", "belongs to an identifier")
	}
	if p.ID == "" {
		return s.office.FindByReference(ctx, s.by(ctx, ""), ident.Reference{Institution: p.Institution, Identifier: p.Identifier})
	}
	id, err := ident.ParseID(p.ID)
	if err != nil {
		return nil, invalid("id", err.Error())
	}
	return s.office.FindByID(ctx, s.by(ctx, ""), id)
}

// SearchTransactions implements adminapi.StrictServerInterface.
func (s *server) SearchTransactions(ctx context.Context, r adminapi.SearchTransactionsRequestObject) (adminapi.SearchTransactionsResponseObject, error) {
	found, err := s.searchTransactions(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return adminapi.SearchTransactions200JSONResponse{Transactions: each(found, transaction)}, nil
}

func (s *server) searchTransactions(ctx context.Context, q *adminapi.TransactionQuery) ([]admin.Transaction, error) {
	if !one(q.MSISDN, q.Label, q.Serial, q.PIN) {
		return nil, invalid("", "one of msisdn, label, serial and pin must be given")
	}
	by := s.by(ctx, "")
	switch {
	case q.MSISDN != "":
		m, err := ident.ParseMSISDN(q.MSISDN)
		if err != nil {
			return nil, invalid("msisdn", err.Error())
		}
		return s.office.FindBySubscriber(ctx, by, m)
	case q.Label != "":
		return s.office.FindByLabel(ctx, by, q.Label)
	case q.Serial != "":
		return s.office.FindBySerial(ctx, by, q.Serial)
	}
	pin, err := airtime.ParseVoucherPIN(q.PIN)
	if err != nil {
		return nil, invalid("pin", err.Error())
	}
	return s.office.FindByPIN(ctx, by, pin)
}

// FindByMerchant implements adminapi.StrictServerInterface.
func (s *server) FindByMerchant(ctx context.Context, r adminapi.FindByMerchantRequestObject) (adminapi.FindByMerchantResponseObject, error) {
	after, err := admin.ParseMerchantCursor(r.Params.After)
	if err != nil {
		return nil, err
	}
	found, next, err := s.office.FindByMerchant(ctx, s.by(ctx, ""), admin.MerchantQuery{
		Merchant: r.Params.Merchant, From: r.Params.From, To: r.Params.To, After: after, Limit: int(r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	return adminapi.FindByMerchant200JSONResponse{Transactions: each(found, transaction), Next: next.String()}, nil
}

// one says whether just one of several texts is given.
func one(texts ...string) bool {
	given := 0
	for _, text := range texts {
		if text != "" {
			given++
		}
	}
	return given == 1
}

// GetTransaction implements adminapi.StrictServerInterface.
func (s *server) GetTransaction(ctx context.Context, r adminapi.GetTransactionRequestObject) (adminapi.GetTransactionResponseObject, error) {
	t, err := s.office.Transaction(ctx, s.by(ctx, ""), int64(r.Transaction))
	if err != nil {
		return nil, err
	}
	return adminapi.GetTransaction200JSONResponse(transaction(t)), nil
}

// ReadBody implements adminapi.StrictServerInterface.
func (s *server) ReadBody(ctx context.Context, r adminapi.ReadBodyRequestObject) (adminapi.ReadBodyResponseObject, error) {
	text, err := s.office.Body(ctx, s.by(ctx, ""), int64(r.Transaction))
	if err != nil {
		return nil, err
	}
	return body(text), nil
}

// body is a message as it was received: its own JSON, byte for byte.
type body []byte

// VisitReadBodyResponse implements adminapi.ReadBodyResponseObject.
func (b body) VisitReadBodyResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(b)
	return err
}

func (s *server) openQuery(age, account string) (admin.OpenQuery, error) {
	least, err := olderThan(age)
	return admin.OpenQuery{Account: account, OlderThan: least}, err
}

// olderThan reads the least age of what is wanted; none is 0.
func olderThan(age string) (time.Duration, error) {
	if age == "" {
		return 0, nil
	}
	least, err := time.ParseDuration(age)
	if err != nil || least < 0 {
		return 0, invalid("olderThan", "must be a duration such as 24h or 90m")
	}
	return least, nil
}

// ListOpen implements adminapi.StrictServerInterface.
func (s *server) ListOpen(ctx context.Context, r adminapi.ListOpenRequestObject) (adminapi.ListOpenResponseObject, error) {
	q, err := s.openQuery(string(r.Params.OlderThan), string(r.Params.Account))
	if err != nil {
		return nil, err
	}
	q.After, q.Limit = int64(r.Params.After), int(r.Params.Limit)
	found, next, err := s.office.Open(ctx, s.by(ctx, ""), q)
	if err != nil {
		return nil, err
	}
	return adminapi.ListOpen200JSONResponse{Transactions: each(found, transaction), Next: next}, nil
}

// ListWorking implements adminapi.StrictServerInterface.
func (s *server) ListWorking(ctx context.Context, r adminapi.ListWorkingRequestObject) (adminapi.ListWorkingResponseObject, error) {
	q, err := s.openQuery(string(r.Params.OlderThan), string(r.Params.Account))
	if err != nil {
		return nil, err
	}
	q.After, q.Limit = int64(r.Params.After), int(r.Params.Limit)
	found, next, err := s.office.Working(ctx, s.by(ctx, ""), q)
	if err != nil {
		return nil, err
	}
	return adminapi.ListWorking200JSONResponse{Transactions: each(found, transaction), Next: next}, nil
}

// TotalOpen implements adminapi.StrictServerInterface.
func (s *server) TotalOpen(ctx context.Context, r adminapi.TotalOpenRequestObject) (adminapi.TotalOpenResponseObject, error) {
	q, err := s.openQuery(string(r.Params.OlderThan), string(r.Params.Account))
	if err != nil {
		return nil, err
	}
	totals, err := s.office.OpenTotals(ctx, s.by(ctx, ""), q)
	if err != nil {
		return nil, err
	}
	return adminapi.TotalOpen200JSONResponse{Totals: each(totals, openTotal)}, nil
}

// Settle implements adminapi.StrictServerInterface.
func (s *server) Settle(ctx context.Context, r adminapi.SettleRequestObject) (adminapi.SettleResponseObject, error) {
	ending := txn.Confirmation
	if r.Body.Ending == adminapi.SettlementEndingReverse {
		ending = txn.Reversal
	}
	t, err := s.office.Settle(ctx, s.by(ctx, string(r.Body.Reason)), int64(r.Transaction), ending)
	if err != nil {
		return nil, err
	}
	return adminapi.Settle200JSONResponse(transaction(t)), nil
}
