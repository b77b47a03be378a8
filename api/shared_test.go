package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	airtimeapi "github.com/scripworks/scrip/api/airtime"
	giftcardapi "github.com/scripworks/scrip/api/giftcard"
)

// ownOfEach are the components that each contract has by the same name and in its own form. All others that
// both documents have are one and the same, and stand in both only because a document must stand alone.
var ownOfEach = []string{
	"schemas/ErrorDetail", "schemas/ErrorDetailErrorType", "schemas/ErrorDetailRequestType",
	"schemas/PosInfo", "schemas/Product",
}

func TestWhatTheDocumentsShareIsEqual(t *testing.T) {
	giftcard, airtime := components(t, giftcardapi.Document), components(t, airtimeapi.Document)
	shared := 0
	for name, ours := range giftcard {
		theirs, ok := airtime[name]
		switch own := slices.Contains(ownOfEach, name); {
		case !ok:
		case own && ours == theirs:
			t.Errorf("%s is the same in both documents, and not each one's own", name)
		case !own && ours != theirs:
			t.Errorf("%s is\n%s in the document of gift cards and\n%s in that of airtime", name, ours, theirs)
		case !own:
			shared++
		}
	}
	if shared < 40 {
		t.Errorf("the documents share only %d components", shared)
	}
}

// The published models that both interfaces use must be among what is compared, under their own names.
func TestSharedModelsAreInBothDocuments(t *testing.T) {
	giftcard, airtime := components(t, giftcardapi.Document), components(t, airtimeapi.Document)
	f := loadFacts(t)
	for name := range f.Models {
		if !strings.HasPrefix(name, "common.") || !f.belongsTo(name, "giftcard") || !f.belongsTo(name, "airtime") {
			continue
		}
		component := "schemas/" + shortName(name)
		if giftcard[component] == "" || airtime[component] == "" || slices.Contains(ownOfEach, component) {
			t.Errorf("%s belongs to both interfaces, but is not shared by both documents", name)
		}
	}
}

// components are the parts of a document, described as it does, by kind and name.
func components(t *testing.T, source []byte) map[string]string {
	t.Helper()
	c := loadDocument(t, source).Components
	all := map[string]string{}
	maps.Copy(all, written(t, "schemas/", c.Schemas))
	maps.Copy(all, written(t, "responses/", c.Responses))
	maps.Copy(all, written(t, "headers/", c.Headers))
	maps.Copy(all, written(t, "securitySchemes/", c.SecuritySchemes))
	return all
}

func written[T *openapi3.SchemaRef | *openapi3.ResponseRef | *openapi3.HeaderRef | *openapi3.SecuritySchemeRef](
	t *testing.T, kind string, parts map[string]T,
) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, part := range parts {
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		all[kind+name] = string(text)
	}
	return all
}
