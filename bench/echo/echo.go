// Package echo is the reference that Scrip's speed is measured against: a bare net/http server
// that decodes a redemption into a typed struct with encoding/json and answers a typed response of
// the size of a real one. It keeps nothing, checks nothing and knows nobody, and it uses the
// toolchain as it comes. What a gift card server costs beyond it is the price of doing the work.
package echo

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The types have the shape of the contract's redemption request and response, members that the
// measured message does not have included, so that the decoder has them to look for.
type (
	// Redemption is a redemption request or the response to one.
	Redemption struct {
		ID                    string                 `json:"id"`
		Time                  time.Time              `json:"time"`
		Originator            originator             `json:"originator"`
		Client                institution            `json:"client"`
		SettlementEntity      *institution           `json:"settlementEntity,omitempty"`
		Receiver              *institution           `json:"receiver,omitempty"`
		ThirdPartyIdentifiers []thirdPartyIdentifier `json:"thirdPartyIdentifiers"`
		SlipData              *slipData              `json:"slipData,omitempty"`
		BasketRef             string                 `json:"basketRef,omitempty"`
		TranType              string                 `json:"tranType,omitempty"`
		SrcAccType            string                 `json:"srcAccType,omitempty"`
		DestAccType           string                 `json:"destAccType,omitempty"`
		STAN                  string                 `json:"stan,omitempty"`
		RRN                   string                 `json:"rrn,omitempty"`
		Amounts               *amounts               `json:"amounts,omitempty"`
		Card                  *card                  `json:"card,omitempty"`
		PosInfo               *posInfo               `json:"posInfo,omitempty"`
		Product               *product               `json:"product,omitempty"`
	}
	originator struct {
		Institution institution `json:"institution"`
		TerminalID  string      `json:"terminalId"`
		Merchant    merchant    `json:"merchant"`
		OperatorID  string      `json:"operatorId,omitempty"`
		ChannelID   string      `json:"channelId,omitempty"`
	}
	institution struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	merchant struct {
		MerchantType string       `json:"merchantType"`
		MerchantID   string       `json:"merchantId"`
		MerchantName merchantName `json:"merchantName"`
	}
	merchantName struct {
		Name    string `json:"name"`
		City    string `json:"city"`
		Region  string `json:"region"`
		Country string `json:"country"`
	}
	thirdPartyIdentifier struct {
		InstitutionID         string `json:"institutionId"`
		TransactionIdentifier string `json:"transactionIdentifier"`
	}
	slipData struct {
		MessageLines    []slipLine `json:"messageLines"`
		SlipWidth       int32      `json:"slipWidth"`
		IssuerReference string     `json:"issuerReference,omitempty"`
	}
	slipLine struct {
		Text                  string  `json:"text"`
		FontWidthScaleFactor  float64 `json:"fontWidthScaleFactor"`
		FontHeightScaleFactor float64 `json:"fontHeightScaleFactor"`
		Line                  bool    `json:"line"`
		Cut                   bool    `json:"cut"`
	}
	amounts struct {
		RequestAmount    *ledgerAmount `json:"requestAmount,omitempty"`
		ApprovedAmount   *ledgerAmount `json:"approvedAmount,omitempty"`
		FeeAmount        *ledgerAmount `json:"feeAmount,omitempty"`
		BalanceAmount    *ledgerAmount `json:"balanceAmount,omitempty"`
		AvailableBalance *ledgerAmount `json:"availableBalance,omitempty"`
	}
	ledgerAmount struct {
		Amount          int64  `json:"amount"`
		Currency        string `json:"currency"`
		LedgerIndicator string `json:"ledgerIndicator,omitempty"`
	}
	card struct {
		PAN          string `json:"pan"`
		ExpiryDate   string `json:"expiryDate,omitempty"`
		ClearPIN     string `json:"clearPin,omitempty"`
		EncryptedPIN string `json:"encryptedPin,omitempty"`
		Rank         string `json:"rank,omitempty"`
	}
	posInfo struct {
		EntryMode        *posEntryMode `json:"entryMode,omitempty"`
		PosConditionCode string        `json:"posConditionCode,omitempty"`
	}
	posEntryMode struct {
		PANEntryMode       string `json:"panEntryMode"`
		PINEntryCapability string `json:"pinEntryCapability"`
	}
	product struct {
		ID      string `json:"id,omitempty"`
		Barcode string `json:"barcode,omitempty"`
		Type    string `json:"type,omitempty"`
	}
)

// Handler is the echo.
type Handler struct{ responder Responder }

var _ http.Handler = (*Handler)(nil)

// NewHandler makes an echo whose answers come to size bytes.
func NewHandler(size int) *Handler { return &Handler{Responder{size: size}} }

// echoedMinor is the balance that the echo gives every card, in minor units.
const echoedMinor = 1_000_000

// ServeHTTP decodes whatever is posted as a redemption and answers 201. It answers 200 to anything
// else, by which whoever has started it sees that it is there.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	var request Redemption
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, "not a redemption", http.StatusBadRequest)
		return
	}
	h.responder.Approve(w, r, &request, echoedMinor)
}

// Responder writes responses of one size. It is safe for concurrent use.
type Responder struct {
	size     int
	measured sync.Once
	receipt  *slipData
}

// NewResponder makes a responder whose responses come to size bytes, by the receipt's text: the first
// message decides how long it has to be. A response that is longer than that stays without a receipt.
func NewResponder(size int) *Responder { return &Responder{size: size} }

// Approve answers 201 to a redemption, with what its card has left in minor units.
func (a *Responder) Approve(w http.ResponseWriter, r *http.Request, request *Redemption, balanceMinor int64) {
	a.measured.Do(func() { a.receipt = receiptOf(request, a.size, balanceMinor) })
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", r.URL.Path)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(respond(request, a.receipt, balanceMinor)) // nobody is left to tell
}

// Serve serves an echo until the context ends. The listener is closed when it returns.
func Serve(ctx context.Context, listener net.Listener, size int) error {
	server := &http.Server{Handler: NewHandler(size)}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// receiptOf is a receipt that brings the response to a request up to a size, or none where the
// response has that size without.
func receiptOf(request *Redemption, size int, balanceMinor int64) *slipData {
	receipt := &slipData{MessageLines: []slipLine{{FontWidthScaleFactor: 1, FontHeightScaleFactor: 1}}}
	lacking := size - sizeOf(respond(request, receipt, balanceMinor))
	if lacking < 0 {
		return nil
	}
	receipt.MessageLines[0].Text = strings.Repeat("x", lacking)
	return receipt
}

// sizeOf is the length of a response as it is written.
func sizeOf(response *Redemption) int {
	const lineEnd = 1 // the encoder ends with one
	text, err := json.Marshal(response)
	if err != nil {
		return 0
	}
	return len(text) + lineEnd
}

// respond makes a response of the real one's members: the request's, two more references, all
// four amounts and the receipt.
func respond(request *Redemption, receipt *slipData, balanceMinor int64) *Redemption {
	response := *request
	response.ThirdPartyIdentifiers = append(slices.Clip(request.ThirdPartyIdentifiers),
		thirdPartyIdentifier{"30000001", request.ID}, thirdPartyIdentifier{"40000001", request.ID})
	if asked := request.Amounts; asked != nil && asked.RequestAmount != nil {
		balance := &ledgerAmount{Amount: balanceMinor, Currency: asked.RequestAmount.Currency}
		response.Amounts = &amounts{
			RequestAmount: asked.RequestAmount, ApprovedAmount: asked.RequestAmount,
			BalanceAmount: balance, AvailableBalance: balance,
		}
	}
	response.SlipData = receipt
	return &response
}
