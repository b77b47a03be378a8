package page

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	adminapi "github.com/scripworks/scrip/api/admin"
	airtimeapi "github.com/scripworks/scrip/api/airtime"
	giftcardapi "github.com/scripworks/scrip/api/giftcard"
)

func ExampleRender() {
	if err := Render(io.Discard, giftcardapi.Document); err != nil {
		os.Exit(1)
	}
	// Output:
}

func render(t *testing.T, doc string) string {
	t.Helper()
	var written strings.Builder
	if err := Render(&written, []byte(doc)); err != nil {
		t.Fatal(err)
	}
	return written.String()
}

// cellar is a document with one of everything that a page shows.
const cellar = `
openapi: 3.0.3
info:
  title: Cellar <1>
  version: 1.2.3
  description: |
    Keeps *bottles*.

    ## Rules

    - One ` + "`bottle`" + ` each,
      no more.

    | shelf | for |
    |---|---|
    | top | white |
servers: [{url: /cellar/}]
security: [{httpBasic: []}]
tags: [{name: bottle, description: What is kept.}]
paths:
  /bottles/{id}:
    parameters: [{name: id, in: path, required: true, description: Which one., schema: {type: string, minLength: 3, maxLength: 3}}]
    put:
      operationId: lay
      tags: [bottle]
      x-scrip-role: cellarer
      summary: Lay a bottle
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Bottle'}}}}
      responses:
        '201': {description: Laid., headers: {Location: {schema: {type: string}}}, content: {application/json: {schema: {$ref: '#/components/schemas/Bottle'}}}}
        '400': {$ref: '#/components/responses/Broken'}
  /air:
    get: {deprecated: true, responses: {default: {description: Air.}}}
components:
  securitySchemes: {httpBasic: {type: http, scheme: basic, description: Who it is.}}
  responses: {Broken: {description: It broke.}}
  schemas:
    Thing: {type: object, properties: {weight: {type: integer, format: int64, minimum: 1, maximum: 9, default: 3}}}
    Bottle:
      allOf:
        - $ref: '#/components/schemas/Thing'
        - type: object
          required: [year]
          properties:
            year: {type: string, pattern: '^[0-9]{4}$', description: Of the vintage.}
            colour: {allOf: [{$ref: '#/components/schemas/Colour'}], deprecated: true, x-scrip-unjudged: true}
            corks: {type: array, minItems: 1, maxItems: 2, items: {$ref: '#/components/schemas/Thing'}}
            notes: {type: object, additionalProperties: {type: string}}
            label: {nullable: true, x-scrip-masked: pan}
    Colour: {type: string, enum: [red, white], x-scrip-unknown: absent}
    Vessel:
      oneOf: [{$ref: '#/components/schemas/Bottle'}]
      discriminator: {propertyName: year, mapping: {old: '#/components/schemas/Bottle'}}
`

func TestPageShowsWhatTheDocumentSays(t *testing.T) {
	page := render(t, cellar)
	for _, want := range []string{
		"<title>Cellar &lt;1&gt;</title>", "1.2.3", "under /cellar<",
		"<em>bottles</em>", "<h3>Rules</h3>", "<li>One <code>bottle</code> each, no more.</li>", "<th>shelf</th>", "<td>white</td>",
		"Who it is.", "What is kept.",
		`<section id="operation-lay">`, "lay: Lay a bottle", "/cellar/bottles/{id}", "for the role <code>cellarer</code>", "in the path", "exactly 3 characters", "Which one.",
		`Body: <a href="#model-Bottle">Bottle</a>`, "<code>201</code> Laid.", "header <code>Location</code>",
		`<code>400</code> <a href="#answer-Broken">Broken</a>`, "It broke.",
		"GET-/cellar/air (deprecated)", "Air.",
		`Everything that <a href="#model-Thing">Thing</a> has, and`, "<code>year</code> <b>required</b>", "pattern ^[0-9]{4}$", "Of the vintage.",
		`<a href="#model-Colour">Colour</a>`, `<code class="old">colour</code>`, "passed on unjudged",
		`list of <a href="#model-Thing">Thing</a>`, "1 to 2 items", "map of string", "may be null", "shown masked but for first six",
		"integer, int64", "at least 1", "at most 9", "default 3",
		"<code>white</code>", "a value not in the list counts as absent",
		`Told apart by <code>year</code>`, `<code>old</code> <a href="#model-Bottle">Bottle</a>`,
		`Used by <a href="#operation-lay">lay</a>`, `Used by <a href="#model-Bottle">Bottle</a>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %s", want)
		}
	}
}

func TestPageKeepsTheOrderOfTheDocument(t *testing.T) {
	page := render(t, cellar)
	for _, order := range [][2]string{{"<code>year</code>", "<code class=\"old\">colour</code>"}, {"<code>notes</code>", "<code>label</code>"}} {
		if strings.Index(page, order[0]) > strings.Index(page, order[1]) {
			t.Errorf("%s should stand before %s", order[0], order[1])
		}
	}
	if page != render(t, cellar) {
		t.Error("the same document gave two different pages")
	}
}

// A page must stand alone and hang together: whatever is linked is there, once.
func TestPagesOfOurDocuments(t *testing.T) {
	for name, doc := range map[string][]byte{
		"giftcard": giftcardapi.Document, "airtime": airtimeapi.Document, "admin": adminapi.Document,
	} {
		t.Run(name, func(t *testing.T) {
			page := render(t, string(doc))
			requireNothingForeign(t, page)
			requireLinksThatLead(t, page)
			requireWellFormed(t, page)
		})
	}
}

// What only airtime's document has must be readable too: parameters of a query, lists, ways of paying.
func TestPageOfAirtime(t *testing.T) {
	page := render(t, string(airtimeapi.Document))
	for _, want := range []string{
		`<section id="operation-purchaseStatus">`, "/airtime/v5/purchases/status", "<code>originalMsgId</code>", "in the query",
		`list of <a href="#model-Product">Product</a>`, `<code>WALLET</code> <a href="#model-WalletPayment">WalletPayment</a>`,
		"[1-9]\\d{1,14}$", "must have pin", "one of QR",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %s", want)
		}
	}
}

func requireNothingForeign(t *testing.T, page string) {
	t.Helper()
	for _, foreign := range []string{"<script", "<link", "<img", "src=", "@import", "url("} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page asks for something outside itself: %s", foreign)
		}
	}
}

func requireLinksThatLead(t *testing.T, page string) {
	t.Helper()
	ids := map[string]int{}
	for _, found := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		ids[found[1]]++
		if ids[found[1]] == 2 {
			t.Errorf("more than one thing is called %s", found[1])
		}
	}
	links := regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 50 {
		t.Errorf("the page has only %d links", len(links))
	}
	for _, link := range links {
		if ids[link[1]] == 0 {
			t.Errorf("a link leads to %s, which is not there", link[1])
		}
	}
}

func requireWellFormed(t *testing.T, page string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(page))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDocumentThatCannotBeRead(t *testing.T) {
	for name, doc := range map[string]string{
		"nothing":             "",
		"no document":         "{",
		"not OpenAPI":         "title: Cellar",
		"a link into nothing": strings.Replace(cellar, "schemas/Colour'", "schemas/Flavour'", 1),
	} {
		var written strings.Builder
		if err := Render(&written, []byte(doc)); err == nil || written.Len() > 0 {
			t.Errorf("%s: %v, with %d bytes written", name, err, written.Len())
		}
	}
}

func TestWriterThatFails(t *testing.T) {
	broken := errors.New("broken pipe")
	if err := Render(failing{broken}, []byte(cellar)); !errors.Is(err, broken) {
		t.Errorf("%v, want the writer's own error", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestMarksWithoutAPartnerAreText(t *testing.T) {
	for text, want := range map[string][]span{
		"2 * 3":     {{Text: "2 *"}, {Text: " 3"}},
		"a `b":      {{Text: "a `"}, {Text: "b"}},
		"``":        {{Text: "`"}, {Text: "`"}},
		"`a*b` *c*": {{Text: "a*b", Code: true}, {Text: " "}, {Text: "c", Emphasis: true}},
		"2 * 3 * 4": {{Text: "2 *"}, {Text: " 3 *"}, {Text: " 4"}},
		"plain":     {{Text: "plain"}},
		"":          nil,
	} {
		got := readSpans(text)
		if len(got) != len(want) {
			t.Errorf("%q: %v, want %v", text, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q: %v, want %v", text, got, want)
			}
		}
	}
}

// FuzzProse holds that no letter of a description is lost or moved, whatever its marks.
func FuzzProse(f *testing.F) {
	for _, seed := range []string{"a *b* `c`", "## h\n\n- a\n  b\n- c", "| a | b |\n|---|---|\n| c |", "- \n\n|\n|", "a\r\n\r\nb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var read strings.Builder
		for _, b := range readProse(text) {
			read.WriteString(b.text())
		}
		if got, want := letters(read.String()), letters(text); got != want {
			t.Fatalf("%q is read as %q", text, got)
		}
	})
}

func (b block) text() string {
	var all strings.Builder
	write := func(spans []span) {
		for _, s := range spans {
			all.WriteString(s.Text)
		}
	}
	write(b.Heading)
	write(b.Paragraph)
	for _, item := range b.Items {
		write(item)
	}
	for _, row := range b.Rows {
		for _, cell := range row {
			write(cell)
		}
	}
	return all.String()
}

func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}

// FuzzRender holds that a document, however odd, is an error or a page, and never ends the program.
func FuzzRender(f *testing.F) {
	f.Add(cellar)
	f.Add(`{"openapi":"3.0.0","info":{"title":"","version":""},"paths":{}}`)
	f.Fuzz(func(t *testing.T, doc string) {
		if len(doc) > 1<<16 {
			return
		}
		if err := Render(io.Discard, []byte(doc)); err != nil && err.Error() == "" {
			t.Fatal("an error without a word")
		}
	})
}
