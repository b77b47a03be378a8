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

// A check that cannot fail checks nothing: each of these changes must be found where it was made.
func TestDriftOfTheDocumentIsFound(t *testing.T) {
	for name, drift := range map[string]struct {
		change func(*openapi3.T)
		found  string
	}{
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
	} {
		t.Run(name, func(t *testing.T) {
			doc := loadDocument(t, giftcardapi.Document)
			drift.change(doc)
			findings := compare(loadFacts(t).statements("giftcard"), documentStatements(doc), loadAdditions(t)["giftcard"])
			requireFinding(t, findings, drift.found)
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

func modelOf(d *openapi3.T, name string) *openapi3.Schema { return d.Components.Schemas[name].Value }

func fieldOf(d *openapi3.T, model, name string) *openapi3.Schema {
	return modelOf(d, model).Properties[name].Value
}

// messageField is a field that a message adds to those it inherits.
func messageField(d *openapi3.T, model, name string) *openapi3.Schema {
	return modelOf(d, model).AllOf[1].Value.Properties[name].Value
}
