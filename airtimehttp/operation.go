package airtimehttp

import (
	"context"
	"net/http"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/txn"
)

// The operationIds of what is not found by its family and role.
const (
	purchaseID = "purchase"
	trialID    = "purchaseTrial"
	statusID   = "purchaseStatus"
	lookUpID   = "lookupMsisdn"
	listID     = "listProducts"
)

// operations lists the contract's ten, with what answers them.
func (s *Server) operations() []*exchange.Operation {
	all := operations()
	for _, o := range all {
		o.Answer = s.answer(o)
		if s.compatible && (o.ID == statusID || o.ID == lookUpID) {
			o.Status = http.StatusAccepted
		}
	}
	return all
}

func (s *Server) answer(o *exchange.Operation) func(context.Context, *exchange.Exchange) error {
	switch {
	case o.Role == txn.Confirmation && o.Family == txn.Purchase:
		return s.advise(s.showTenders)
	case o.Role == txn.Reversal && o.Family == txn.Purchase:
		return s.advise(s.showReason)
	case o.Advice(): // of a voucher: answered with what all advices have, and no more
		return s.advise(func(*exchange.Writer, *exchange.Exchange) {})
	case o.Family == txn.Voucher:
		return s.provide
	}
	return map[string]func(context.Context, *exchange.Exchange) error{
		purchaseID: s.purchase, trialID: s.try, statusID: s.status, lookUpID: s.lookUp, listID: s.list,
	}[o.ID]
}

// operations lists the contract's ten. A purchase comes before its trial, which has the same family and role.
func operations() []*exchange.Operation {
	return append(append(purchases(), vouchers()...), queries()...)
}

// purchases are the messages whose paths have no ids.
func purchases() []*exchange.Operation {
	return []*exchange.Operation{{
		ID: purchaseID, Method: http.MethodPost, Path: "purchases", Family: txn.Purchase, Role: txn.Request,
		RequestType: "PURCHASE_REQUEST", Schema: "PurchaseRequest", Status: http.StatusCreated,
	}, {
		ID: trialID, Method: http.MethodPost, Path: "purchases/trials", Family: txn.Purchase, Role: txn.Request,
		RequestType: "TRIAL_PURCHASE_REQUEST", Schema: "PurchaseRequest", Status: http.StatusOK,
	}, {
		ID: "purchaseConfirmation", Method: http.MethodPost, Path: "purchases/confirmations",
		Family: txn.Purchase, Role: txn.Confirmation, RequestType: "PURCHASE_CONFIRMATION", Schema: "PurchaseConfirmation",
		Status: http.StatusAccepted,
	}, {
		ID: "purchaseReversal", Method: http.MethodPost, Path: "purchases/reversals",
		Family: txn.Purchase, Role: txn.Reversal, RequestType: "PURCHASE_REVERSAL", Schema: "PurchaseReversal",
		Status: http.StatusAccepted,
	}}
}

// vouchers are the older messages.
func vouchers() []*exchange.Operation {
	return []*exchange.Operation{{
		ID: "provisionVoucher", Method: http.MethodPost, Path: "vouchers/{id}", Family: txn.Voucher, Role: txn.Request,
		RequestType: "VOUCHER_REQUEST", Schema: "VoucherRequest", Status: http.StatusCreated, Located: true,
	}, {
		ID: "confirmVoucher", Method: http.MethodPost, Path: "vouchers/{requestId}/confirmations/{id}",
		Family: txn.Voucher, Role: txn.Confirmation, RequestType: "VOUCHER_CONFIRMATION", Schema: "VoucherConfirmation",
		Status: http.StatusAccepted,
	}, {
		ID: "reverseVoucher", Method: http.MethodPost, Path: "vouchers/{requestId}/reversals/{id}",
		Family: txn.Voucher, Role: txn.Reversal, RequestType: "VOUCHER_REVERSAL", Schema: "BasicReversal",
		Status: http.StatusAccepted,
	}}
}

func queries() []*exchange.Operation {
	return []*exchange.Operation{{
		ID: statusID, Method: http.MethodGet, Path: "purchases/status", RequestType: "PURCHASE_STATUS_REQUEST",
		Status: http.StatusOK, Repeated: true,
	}, {
		ID: lookUpID, Method: http.MethodGet, Path: "msisdn", RequestType: "MSISDN_INFO_REQUEST",
		Status: http.StatusOK, Numbers: []string{"msisdn", "senderMsisdn"},
	}, {
		ID: listID, Method: http.MethodGet, Path: "products", RequestType: "LIST_PRODUCTS_REQUEST", Status: http.StatusOK,
	}}
}
