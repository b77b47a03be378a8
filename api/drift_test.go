package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	giftcardapi "github.com/scripworks/scrip/api/giftcard"
)

func TestDocumentsKeepToTheFacts(t *testing.T) {
	for _, contract := range []struct {
		name       string
		document   []byte
		statements int // at least; fewer would mean that the taking apart has stopped working
	}{
		{"giftcard", giftcardapi.Document, 2000},
		{"airtime", airtimeapi.Document, 1000},
	} {
		t.Run(contract.name, func(t *testing.T) {
			doc := loadDocument(t, contract.document)
			checkPatternsAreAnchored(t, doc)
			checkOperationIDs(t, doc)
			published, ours := loadFacts(t).statements(contract.name), documentStatements(doc)
			if len(ours) < contract.statements {
				t.Errorf("the document makes only %d statements", len(ours))
			}
			for _, finding := range compare(published, ours, loadAdditions(t)[contract.name]) {
				t.Error(finding)
			}
		})
	}
}

// drift is a change of a document, and where it must be found.
type drift struct {
	change func(*openapi3.T)
	found  string
}

// A check that cannot fail checks nothing: each of these changes must be found where it was made.
func TestDriftOfADocumentIsFound(t *testing.T) {
	requireDrifts(t, "giftcard", giftcardapi.Document, map[string]drift{
		"another base path": {func(d *openapi3.T) { d.Servers[0].URL = "/giftcard/v4" }, "protocol/basePath"},
		"no identity":       {func(d *openapi3.T) { d.Security = nil }, "operation/load/auth"},
		"an operation less": {func(d *openapi3.T) { d.Paths.Delete("/loads/{loadId}") }, "operation/load/method"},
		"an operation more": {func(d *openapi3.T) {
			more := *operationAt(d, "/loads/{loadId}")
			more.OperationID = "topUp"
			d.Paths.Set("/topUps/{loadId}", &openapi3.PathItem{Post: &more})
		}, "operation/topUp/method"},
		"an operation twice": {func(d *openapi3.T) {
			d.Paths.Set("/cards", &openapi3.PathItem{Get: operationAt(d, "/loads/{loadId}")})
		}, "operation/load/path"},
		"another operation id": {func(d *openapi3.T) {
			operationAt(d, "/voids/{voidId}").OperationID = "voidCard"
		}, "operation/voidCard/method"},
		"a status less": {func(d *openapi3.T) {
			operationAt(d, "/voids/{voidId}").Responses.Delete("504")
		}, "operation/void/response/504"},
		"a status more": {func(d *openapi3.T) {
			answer := operationAt(d, "/voids/{voidId}").Responses
			answer.Set("410", answer.Value("400"))
		}, "operation/void/response/410"},
		"a header less": {func(d *openapi3.T) {
			delete(operationAt(d, "/voids/{voidId}").Responses.Value("201").Value.Headers, "Location")
		}, "operation/void/response/201/header/Location"},
		"another request": {func(d *openapi3.T) {
			operationAt(d, "/voids/{voidId}").RequestBody = operationAt(d, "/loads/{loadId}").RequestBody
		}, "operation/void/request/model"},
		"an optional body": {func(d *openapi3.T) {
			operationAt(d, "/voids/{voidId}").RequestBody.Value.Required = false
		}, "operation/void/request/required"},
		"a path parameter less": {func(d *openapi3.T) {
			operationAt(d, "/voids/{voidId}").Parameters = nil
		}, "operation/void/parameter/path/voidId/type"},
		"a model less": {func(d *openapi3.T) { delete(d.Components.Schemas, "Basket") }, "model/Basket"},
		"a model more": {func(d *openapi3.T) { d.Components.Schemas["Purse"] = d.Components.Schemas["Card"] }, "model/Purse"},
		"a field less": {func(d *openapi3.T) { delete(modelOf(d, "Card").Properties, "rank") }, "model/Card/rank/type"},
		"a field more": {func(d *openapi3.T) {
			modelOf(d, "Card").Properties["colour"] = modelOf(d, "Card").Properties["rank"]
		}, "model/Card/colour/type"},
		"another type": {func(d *openapi3.T) {
			fieldOf(d, "Card", "pan").Type = &openapi3.Types{"integer"}
		}, "model/Card/pan/type"},
		"another format": {func(d *openapi3.T) {
			fieldOf(d, "PointsAmount", "amount").Format = "int32"
		}, "model/PointsAmount/amount/format"},
		"another pattern": {func(d *openapi3.T) {
			fieldOf(d, "Card", "pan").Pattern = "^[0-9]{1,20}$"
		}, "model/Card/pan/pattern"},
		"no pattern": {func(d *openapi3.T) {
			fieldOf(d, "Card", "expiryDate").Pattern = ""
		}, "model/Card/expiryDate/pattern"},
		"no longest length": {func(d *openapi3.T) {
			fieldOf(d, "MerchantName", "city").MaxLength = nil
		}, "model/MerchantName/city/maxLength"},
		"a shorter length": {func(d *openapi3.T) {
			fieldOf(d, "Merchant", "merchantId").MinLength = 14
		}, "model/Merchant/merchantId/minLength"},
		"an enum value less": {func(d *openapi3.T) {
			e := modelOf(d, "TranType")
			e.Enum = e.Enum[1:]
		}, "model/LoadRequest/tranType/enum/GOODS_AND_SERVICES"},
		"an enum value more": {func(d *openapi3.T) {
			e := modelOf(d, "ErrorDetailErrorType")
			e.Enum = append(e.Enum, "LOST")
		}, "model/ErrorDetail/errorType/enum/LOST"},
		"no longer required": {func(d *openapi3.T) {
			modelOf(d, "Transaction").Required = []string{"id", "time", "client"}
		}, "model/VoidRequest/originator/required"},
		"newly required": {func(d *openapi3.T) {
			c := modelOf(d, "Card")
			c.Required = append(c.Required, "expiryDate")
		}, "model/Card/expiryDate/required"},
		"another default": {func(d *openapi3.T) {
			fieldOf(d, "SlipData", "slipWidth").Default = 40.0
		}, "model/SlipData/slipWidth/default"},
		"a form of PIN less": {func(d *openapi3.T) {
			delete(modelOf(d, "Pin").Discriminator.Mapping, "HASHED_PIN")
		}, "model/Pin/variant/HASHED_PIN"},
		"no alias": {func(d *openapi3.T) {
			delete(messageField(d, "ReplaceRequest", "card").Extensions, "x-scrip-alias-of")
		}, "model/ReplaceRequest/card/aliasOf"},
		"no mask": {func(d *openapi3.T) {
			delete(fieldOf(d, "Card", "pan").Extensions, "x-scrip-masked")
		}, "model/Card/pan/masked"},
		"an enum that errs": {func(d *openapi3.T) {
			delete(modelOf(d, "PosConditionCode").Extensions, "x-scrip-unknown")
		}, "model/PosInfo/posConditionCode/unknown"},
		"a holder that is judged": {func(d *openapi3.T) {
			delete(messageField(d, "LoadRequest", "cardHolder").Extensions, "x-scrip-unjudged")
		}, "model/LoadRequest/cardHolder/judged"},
		"no deprecation": {func(d *openapi3.T) { fieldOf(d, "Card", "clearPin").Deprecated = false }, "model/Card/clearPin/deprecated"},
	})
}

// What airtime has and gift cards have not: queries, lists, operations that are deprecated, payments.
func TestDriftOfTheAirtimeDocumentIsFound(t *testing.T) {
	requireDrifts(t, "airtime", airtimeapi.Document, map[string]drift{
		"a query less": {func(d *openapi3.T) { d.Paths.Delete("/purchases/status") }, "operation/purchaseStatus/method"},
		"a query that posts": {func(d *openapi3.T) {
			item := d.Paths.Value("/msisdn")
			item.Post, item.Get = item.Get, nil
		}, "operation/lookupMsisdn/method"},
		"a parameter less": {func(d *openapi3.T) {
			query := d.Paths.Value("/purchases/status").Get
			query.Parameters = query.Parameters[1:]
		}, "operation/purchaseStatus/parameter/query/provider/type"},
		"a parameter elsewhere": {func(d *openapi3.T) { parameterOf(d, "/products", "channelName").In = "header" },
			"operation/listProducts/parameter/header/channelName/type"},
		"a parameter newly required": {func(d *openapi3.T) { parameterOf(d, "/products", "channelName").Required = true },
			"operation/listProducts/parameter/query/channelName/required"},
		"a parameter no longer required": {func(d *openapi3.T) { parameterOf(d, "/msisdn", "msisdn").Required = false },
			"operation/lookupMsisdn/parameter/query/msisdn/required"},
		"a parameter of another pattern": {func(d *openapi3.T) { parameterOf(d, "/msisdn", "msisdn").Schema.Value.Pattern = "^[0-9]+$" },
			"operation/lookupMsisdn/parameter/query/msisdn/pattern"},
		"one instead of a list": {func(d *openapi3.T) {
			media := d.Paths.Value("/products").Get.Responses.Value("200").Value.Content["application/json"]
			media.Schema = media.Schema.Value.Items
		}, "operation/listProducts/response/200"},
		"an operation no longer deprecated": {func(d *openapi3.T) { operationAt(d, "/vouchers/{requestId}").Deprecated = false },
			"operation/provisionVoucher/deprecated"},
		"a header more": {func(d *openapi3.T) {
			answer := operationAt(d, "/purchases").Responses.Value("201").Value
			answer.Headers = operationAt(d, "/vouchers/{requestId}").Responses.Value("201").Value.Headers
		}, "operation/purchase/response/201/header/Location"},
		"an answer without its body": {func(d *openapi3.T) {
			operationAt(d, "/purchases/reversals").Responses.Value("404").Value.Content = nil
		}, "operation/purchaseReversal/response/404"},
		"a way of paying less": {func(d *openapi3.T) {
			delete(modelOf(d, "PaymentMethod").Discriminator.Mapping, "WALLET")
		}, "model/PaymentMethod/variant/WALLET"},
		"a way of paying of another name": {func(d *openapi3.T) {
			fieldOf(d, "QrPayment", "type").Enum = []any{"QR_CODE"}
		}, "model/QrPayment/type/enum/QR"},
		"a way of paying without what all have": {func(d *openapi3.T) {
			delete(modelOf(d, "RewardPayment").Properties, "proxy")
		}, "model/RewardPayment/proxy/type"},
		"a payment that is judged": {func(d *openapi3.T) {
			delete(messageField(d, "PurchaseRequest", "paymentMethods").Extensions, "x-scrip-unjudged")
		}, "model/PurchaseRequest/paymentMethods/judged"},
		"a voucher without its PIN": {func(d *openapi3.T) {
			messageField(d, "VoucherResponse", "voucher").AllOf[1].Value.Required = nil
		}, "model/VoucherResponse/voucher/requires/pin"},
		"labels of a type": {func(d *openapi3.T) {
			messageField(d, "PurchaseRequest", "transactionLabels").Type = &openapi3.Types{"object"}
		}, "model/PurchaseRequest/transactionLabels/type"},
		"a unit of another case": {func(d *openapi3.T) {
			modelOf(d, "ProductContentAirtimeProductUnit").Enum[3] = "UNIT"
		}, "model/ProductContent/unit/enum/UNIT"},
		"no least number": {func(d *openapi3.T) { fieldOf(d, "ValidityPeriod", "duration").Min = nil }, "model/ValidityPeriod/duration/minimum"},
		"an id of 20 characters": {func(d *openapi3.T) {
			longest := uint64(20)
			fieldOf(d, "ErrorDetail", "id").MaxLength = &longest
		}, "model/ErrorDetail/id/maxLength"},
		"no mask": {func(d *openapi3.T) { delete(fieldOf(d, "Voucher", "pin").Extensions, "x-scrip-masked") }, "model/Voucher/pin/masked"},
	})
}

func requireDrifts(t *testing.T, protocol string, document []byte, drifts map[string]drift) {
	t.Helper()
	published, additions := loadFacts(t).statements(protocol), loadAdditions(t)[protocol]
	for name, drift := range drifts {
		t.Run(name, func(t *testing.T) {
			doc := loadDocument(t, document)
			drift.change(doc)
			requireFinding(t, compare(published, documentStatements(doc), additions), drift.found)
		})
	}
}

func TestDriftOfTheFactsIsFound(t *testing.T) {
	f := loadFacts(t)
	published := f.statements("giftcard")
	published["model/Card/pan/pattern"] = "[0-9]{16}"
	published["model/Card/balance/type"] = "LedgerAmount"
	findings := compare(published, giftcardStatements(t), loadAdditions(t)["giftcard"])
	requireFinding(t, findings, "model/Card/pan/pattern")
	requireFinding(t, findings, "model/Card/balance/type")
}

func TestDriftOfTheAdditionsIsFound(t *testing.T) {
	published, ours := loadFacts(t).statements("giftcard"), giftcardStatements(t)
	listed := loadAdditions(t)["giftcard"]
	for name, c := range map[string]struct {
		additions []addition
		found     string
	}{
		"one dropped":       {listed[1:], "operation/load/response/401:"},
		"no longer differs": {append(listed, addition{At: []string{"model/Card/pan/pattern"}, Ours: "x"}), "model/Card/pan/pattern: listed, but no longer"},
		"about nothing":     {append(listed, addition{At: []string{"model/Card/colour/*"}, Ours: "x"}), "model/Card/colour/*: listed, but neither"},
		"listed twice":      {append(listed, listed[0]), "operation/load/response/401: listed twice"},
		"differs otherwise": {append([]addition{{At: listed[0].At, Ours: "Card"}}, listed[1:]...), "operation/load/response/401: published"},
		"only some of them": {append(listed, addition{At: []string{"operation/*/response/404"}, Ours: "ErrorDetail"}), "operation/confirmLoad/response/404: listed, but no longer"},
		"a broken pattern":  {append(listed, addition{At: []string{"model/["}, Ours: "x"}), "model/[: listed, but neither"},
	} {
		t.Run(name, func(t *testing.T) {
			requireFinding(t, compare(published, ours, c.additions), c.found)
		})
	}
}

func giftcardStatements(t *testing.T) statements {
	t.Helper()
	return documentStatements(loadDocument(t, giftcardapi.Document))
}

func requireFinding(t *testing.T, findings []string, prefix string) {
	t.Helper()
	if !slices.ContainsFunc(findings, func(f string) bool { return strings.HasPrefix(f, prefix) }) {
		t.Errorf("nothing was found at %s, only %q", prefix, findings)
	}
}

func operationAt(d *openapi3.T, path string) *openapi3.Operation { return d.Paths.Value(path).Post }

func parameterOf(d *openapi3.T, path, name string) *openapi3.Parameter {
	return d.Paths.Value(path).Get.Parameters.GetByInAndName("query", name)
}

func modelOf(d *openapi3.T, name string) *openapi3.Schema { return d.Components.Schemas[name].Value }

func fieldOf(d *openapi3.T, model, name string) *openapi3.Schema {
	return modelOf(d, model).Properties[name].Value
}

// messageField is a field that a message adds to those it inherits.
func messageField(d *openapi3.T, model, name string) *openapi3.Schema {
	return modelOf(d, model).AllOf[1].Value.Properties[name].Value
}
