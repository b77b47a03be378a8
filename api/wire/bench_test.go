package wire

import (
	"encoding/json"
	"testing"

	"bytes"
	"github.com/go-json-experiment/json/jsontext"
)

// redemption is a typical message, of the size that the figures in the documentation speak of.
const redemption = `{"id":"5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10","time":"2026-03-04T10:11:12.123Z",` +
	`"originator":{"institution":{"id":"1234567","name":"Corner Stores"},"terminalId":"T0000001",` +
	`"merchant":{"merchantType":"5411","merchantId":"000000000012345","merchantName":{"name":"Corner Store 12",` +
	`"city":"Cape Town","region":"WC","country":"ZA"}},"operatorId":"17"},"client":{"id":"7654321","name":"Retail Switch"},` +
	`"settlementEntity":{"id":"33","name":"Settle Bank"},"receiver":{"id":"44","name":"Gift Issuer"},` +
	`"thirdPartyIdentifiers":[{"institutionId":"1234567","transactionIdentifier":"A83-000171"},` +
	`{"institutionId":"7654321","transactionIdentifier":"9931-1771"}],"stan":"000123","rrn":"603410000123",` +
	`"amounts":{"requestAmount":{"amount":12500,"currency":"710"}},"card":{"pan":"6001000000000001","expiryDate":"2912",` +
	`"clearPin":"1234"},"posInfo":{"entryMode":{"panEntryMode":"BARCODE","pinEntryCapability":"CAN_ACCEPT"}}}`

// redemptionPaths are what a server asks of a redemption.
var redemptionPaths = []string{
	"id", "time", "originator", "originator.institution.id", "originator.institution.name",
	"originator.terminalId", "originator.merchant.merchantType", "originator.merchant.merchantId",
	"originator.merchant.merchantName", "client", "client.id", "settlementEntity", "receiver",
	"thirdPartyIdentifiers", "stan", "rrn", "amounts.requestAmount.amount", "amounts.requestAmount.currency",
	"card.pan", "card.expiryDate", "card.clearPin", "card.pin", "card.pin.type", "posInfo", "basketRef",
}

// BenchmarkReadRedemption reads, judges and records 25 slots. Its measure is BenchmarkDecodeRedemption.
func BenchmarkReadRedemption(b *testing.B) {
	model := modelOf(b, "RedemptionRequest")
	for _, path := range redemptionPaths {
		model.Slot(path)
	}
	body, msg := []byte(redemption), new(Message)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := model.Read(body, msg); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadRedemptionTexts also takes every text and the amount out of the message.
func BenchmarkReadRedemptionTexts(b *testing.B) {
	model := modelOf(b, "RedemptionRequest")
	amount := model.Slot("amounts.requestAmount.amount")
	var slots []Slot
	for _, path := range redemptionPaths {
		slots = append(slots, model.Slot(path))
	}
	body, msg := []byte(redemption), new(Message)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := model.Read(body, msg); err != nil {
			b.Fatal(err)
		}
		for _, slot := range slots {
			msg.Text(slot)
		}
		if _, ok := msg.Amount(amount); !ok {
			b.Fatal("no amount")
		}
	}
}

// BenchmarkDecodeRedemption is what the reader is measured against: encoding/json into structs, unjudged.
func BenchmarkDecodeRedemption(b *testing.B) {
	body := []byte(redemption)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var into redemptionStruct
		if err := json.Unmarshal(body, &into); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTokensOfRedemption is the part of it that the tokenizer takes.
func BenchmarkTokensOfRedemption(b *testing.B) {
	body, decoder := []byte(redemption), new(jsontext.Decoder)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		decoder.Reset(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
		for err := error(nil); err == nil; {
			_, err = decoder.ReadToken()
		}
	}
}

type (
	redemptionStruct struct {
		ID                    string             `json:"id"`
		Time                  string             `json:"time"`
		Originator            originatorStruct   `json:"originator"`
		Client                institutionStruct  `json:"client"`
		SettlementEntity      *institutionStruct `json:"settlementEntity"`
		Receiver              *institutionStruct `json:"receiver"`
		ThirdPartyIdentifiers []identifierStruct `json:"thirdPartyIdentifiers"`
		STAN                  string             `json:"stan"`
		RRN                   string             `json:"rrn"`
		BasketRef             string             `json:"basketRef"`
		Amounts               amountsStruct      `json:"amounts"`
		Card                  cardStruct         `json:"card"`
		PosInfo               *posInfoStruct     `json:"posInfo"`
	}
	originatorStruct struct {
		Institution institutionStruct `json:"institution"`
		TerminalID  string            `json:"terminalId"`
		Merchant    merchantStruct    `json:"merchant"`
		OperatorID  string            `json:"operatorId"`
	}
	institutionStruct struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	merchantStruct struct {
		MerchantType string             `json:"merchantType"`
		MerchantID   string             `json:"merchantId"`
		MerchantName merchantNameStruct `json:"merchantName"`
	}
	merchantNameStruct struct {
		Name    string `json:"name"`
		City    string `json:"city"`
		Region  string `json:"region"`
		Country string `json:"country"`
	}
	identifierStruct struct {
		InstitutionID         string `json:"institutionId"`
		TransactionIdentifier string `json:"transactionIdentifier"`
	}
	amountsStruct struct {
		RequestAmount *ledgerAmountStruct `json:"requestAmount"`
	}
	ledgerAmountStruct struct {
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
	}
	cardStruct struct {
		PAN        string `json:"pan"`
		ExpiryDate string `json:"expiryDate"`
		ClearPIN   string `json:"clearPin"`
	}
	posInfoStruct struct {
		EntryMode *struct {
			PANEntryMode       string `json:"panEntryMode"`
			PINEntryCapability string `json:"pinEntryCapability"`
		} `json:"entryMode"`
		PosConditionCode string `json:"posConditionCode"`
	}
)
