package giftcardhttp

import (
	"net/http"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/txn"
)

// kind is a family of messages, as the contract names it.
type kind struct {
	family                                  txn.Family
	resource, operation, requestType, model string
}

var lookUp = kind{txn.LookUp, "lookupGiftcard", "lookupGiftcard", "LOOKUP", "Lookup"}

// ended are the kinds whose requests are confirmed or reversed.
var ended = []kind{
	{txn.Activation, "activations", "activate", "ACTIVATION", "Activation"},
	{txn.Load, "loads", "load", "LOAD", "Load"},
	{txn.Redemption, "redemptions", "redemption", "REDEMPTION", "Redemption"},
	{txn.Void, "voids", "void", "VOID", "Void"},
	{txn.Replace, "replaces", "replace", "REPLACE", "Replace"},
	{txn.Transfer, "transfers", "transfer", "TRANSFER", "Transfer"},
}

// operations lists the contract's nineteen: the look-up, and of each other kind request, confirmation and reversal.
func (s *Server) operations() []*exchange.Operation {
	all := []*exchange.Operation{lookUp.request()}
	for _, k := range ended {
		all = append(all, k.request(), k.confirmation(), k.reversal())
	}
	for _, o := range all {
		o.Answer = s.ask
		if o.Advice() {
			o.Answer = s.advise
		}
	}
	return all
}

func (k kind) request() *exchange.Operation {
	return &exchange.Operation{
		ID: k.operation, Method: http.MethodPost, Path: k.resource + "/{id}", Family: k.family, Role: txn.Request,
		RequestType: k.requestType + "_REQUEST", Schema: k.model + "Request", Status: http.StatusCreated, Located: true,
	}
}

func (k kind) confirmation() *exchange.Operation {
	return &exchange.Operation{
		ID: "confirm" + k.model, Method: http.MethodPost, Path: k.resource + "/{requestId}/confirmations/{id}",
		Family: k.family, Role: txn.Confirmation, RequestType: k.requestType + "_CONFIRMATION", Schema: k.model + "Confirmation",
		Status: http.StatusAccepted,
	}
}

func (k kind) reversal() *exchange.Operation {
	return &exchange.Operation{
		ID: "reverse" + k.model, Method: http.MethodPost, Path: k.resource + "/{requestId}/reversals/{id}",
		Family: k.family, Role: txn.Reversal, RequestType: k.requestType + "_REVERSAL", Schema: k.model + "Reversal",
		Status: http.StatusAccepted,
	}
}
