package airtimehttp

import (
	"net/http"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/txn"
)

// purchaseID is the operationId of a purchase, whose answer a status repeats.
const purchaseID = "purchase"

// operations lists the contract's ten.
func (s *Server) operations() []*exchange.Operation {
	return append(append(s.purchases(), s.vouchers()...), s.queries()...)
}

// purchases are the messages whose paths have no ids.
func (s *Server) purchases() []*exchange.Operation {
	return []*exchange.Operation{{
		ID: purchaseID, Method: http.MethodPost, Path: "purchases", Family: txn.Purchase, Role: txn.Request,
		RequestType: "PURCHASE_REQUEST", Schema: "PurchaseRequest", Status: http.StatusCreated, Answer: s.purchase,
	}, {
		ID: "purchaseTrial", Method: http.MethodPost, Path: "purchases/trials", Family: txn.Purchase, Role: txn.Request,
		RequestType: "TRIAL_PURCHASE_REQUEST", Schema: "PurchaseRequest", Status: http.StatusOK, Answer: s.try,
	}, {
		ID: "purchaseConfirmation", Method: http.MethodPost, Path: "purchases/confirmations",
		Family: txn.Purchase, Role: txn.Confirmation, RequestType: "PURCHASE_CONFIRMATION", Schema: "PurchaseConfirmation",
		Status: http.StatusAccepted, Answer: s.advise(s.showTenders),
	}, {
		ID: "purchaseReversal", Method: http.MethodPost, Path: "purchases/reversals",
		Family: txn.Purchase, Role: txn.Reversal, RequestType: "PURCHASE_REVERSAL", Schema: "PurchaseReversal",
		Status: http.StatusAccepted, Answer: s.advise(s.showReason),
	}}
}

// vouchers are the older messages. Their advices are answered with what all advices have, and no more.
func (s *Server) vouchers() []*exchange.Operation {
	nothing := func(*exchange.Writer, *exchange.Exchange) {}
	return []*exchange.Operation{{
		ID: "provisionVoucher", Method: http.MethodPost, Path: "vouchers/{id}", Family: txn.Voucher, Role: txn.Request,
		RequestType: "VOUCHER_REQUEST", Schema: "VoucherRequest",
		Status: http.StatusCreated, Located: true, Answer: s.provide,
	}, {
		ID: "confirmVoucher", Method: http.MethodPost, Path: "vouchers/{requestId}/confirmations/{id}",
		Family: txn.Voucher, Role: txn.Confirmation, RequestType: "VOUCHER_CONFIRMATION", Schema: "VoucherConfirmation",
		Status: http.StatusAccepted, Answer: s.advise(nothing),
	}, {
		ID: "reverseVoucher", Method: http.MethodPost, Path: "vouchers/{requestId}/reversals/{id}",
		Family: txn.Voucher, Role: txn.Reversal, RequestType: "VOUCHER_REVERSAL", Schema: "BasicReversal",
		Status: http.StatusAccepted, Answer: s.advise(nothing),
	}}
}

func (s *Server) queries() []*exchange.Operation {
	known := http.StatusOK
	if s.compatible {
		known = http.StatusAccepted
	}
	return []*exchange.Operation{{
		ID: "purchaseStatus", Method: http.MethodGet, Path: "purchases/status", RequestType: "PURCHASE_STATUS_REQUEST",
		Status: known, Repeated: true, Answer: s.status,
	}, {
		ID: "lookupMsisdn", Method: http.MethodGet, Path: "msisdn", RequestType: "MSISDN_INFO_REQUEST",
		Status: known, Numbers: []string{"msisdn", "senderMsisdn"}, Answer: s.lookUp,
	}, {
		ID: "listProducts", Method: http.MethodGet, Path: "products", RequestType: "LIST_PRODUCTS_REQUEST",
		Status: http.StatusOK, Answer: s.list,
	}}
}
