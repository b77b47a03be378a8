package conform

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// onWire judges what every answer on the wire owes, and the checks of the expectation.
func (r *run) onWire(m Message, a Answer, e Expect) []problem {
	if a.Sent == nil && a.Body == nil {
		return nil
	}
	if len(a.Body) == 0 {
		return []problem{{"an answer with a body (1.3, S1, S4)", "none"}}
	}
	body, err := parseJSON(a.Body)
	if err != nil {
		return []problem{{"C2: JSON out", err.Error()}}
	}
	sent, _ := parseJSON(a.Sent) // what is not JSON was sent so on purpose, and has no members to compare
	w := wired{m: m, a: a, body: body, sent: sent, profile: r.options.Profile, secrets: m.secrets()}
	if a.outcome() != Approved || m.Kind == Trial {
		w.secrets = slices.AppendSeq(w.secrets, maps.Keys(r.pins))
	}
	if e.Counts[0].Outcome != Answered {
		w.contract(e)
	}
	for _, c := range e.Checks {
		c.Text = r.fill(c.Text)
		w.check(c)
	}
	return w.problems
}

// wired is one exchange on the wire with what has been found wrong with it.
type wired struct {
	m          Message
	a          Answer
	body, sent any
	profile    Profile
	secrets    []string // what must not be in the answer
	problems   []problem
}

func (w *wired) want(ok bool, want, came string) {
	if !ok {
		w.problems = append(w.problems, problem{want, came})
	}
}

// contract judges what the contract asks of an answer of that outcome.
func (w *wired) contract(e Expect) {
	w.always()
	switch w.a.outcome() {
	case Approved:
		if !w.m.Kind.query() {
			w.approved()
		}
		if w.m.Kind.airtime() {
			w.sale()
		}
	case Accepted:
		w.accepted()
	default:
		w.errorDetail(e)
	}
}

// always judges what any answer owes: JSON (C2), no null (C5), no PIN (S1, section 5).
func (w *wired) always() {
	kind := w.a.Header.Get("Content-Type")
	w.want(strings.HasPrefix(kind, "application/json"), "C2: Content-Type application/json", or(kind, "none"))
	walk(w.body, "", func(path string, value any) {
		w.want(value != nil, "C5: absent values are omitted", path+" is null")
		text, _ := value.(string)
		w.want(!slices.Contains(w.secrets, text) || text == "", "S1: no PIN comes back", path+" holds one")
		name := path[strings.LastIndexByte(path, '.')+1:]
		w.want(!slices.Contains([]string{"clearPin", "encryptedPin", "pinBlock"}, name), "S1: no PIN comes back", path)
	})
}

// walk visits every member and entry with its dotted path.
func walk(value any, path string, visit func(path string, value any)) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			inside := strings.TrimPrefix(path+"."+name, ".")
			visit(inside, inner)
			walk(inner, inside, visit)
		}
	case []any:
		for i, inner := range v {
			inside := fmt.Sprintf("%s[%d]", path, i)
			visit(inside, inner)
			walk(inner, inside, visit)
		}
	}
}

// same wants the member to be as it was sent; what was not sent, or as null, is not compared.
func (w *wired) same(rule, path string) {
	sent, _ := lookupPath(w.sent, path)
	if sent == nil {
		return
	}
	got, ok := lookupPath(w.body, path)
	if !ok {
		w.want(false, rule+": "+path+" comes back", "absent")
		return
	}
	w.want(reflect.DeepEqual(sent, got), rule+": "+path+" as sent", showJSON(got))
}

var issuerReference = regexp.MustCompile(`\A[A-Z0-9]{1,40}\z`)

// approved judges the answer to a request: S1, S2, S3, S6, C7, C8 and C11.
func (w *wired) approved() {
	w.same("C8", "time")
	for _, path := range []string{"id", "originator", "client", "posInfo", "receiver"} {
		w.same("S1", path)
	}
	if w.m.Kind != Purchase || w.profile != Compatibility { // there it is generated (section 8)
		w.same("S1", "settlementEntity")
	}
	first, second := cardFields(w.m.Kind)
	for _, card := range []string{first, second} {
		w.same("S1", card+".pan")
		w.same("S1", card+".expiryDate")
	}
	for _, path := range []string{"settlementEntity.id", "settlementEntity.name", "receiver.id", "receiver.name"} {
		w.want(textAt(w.body, path) != "", "S2: "+path, "absent")
	}
	w.identifiers()
	lines, _ := lookupPath(w.body, "slipData.messageLines")
	_, isList := lines.([]any)
	w.want(isList, "S6: slipData.messageLines", "absent")
	if w.m.Kind != Trial { // which is nothing that could be referred to
		reference := textAt(w.body, "slipData.issuerReference")
		w.want(issuerReference.MatchString(reference), "S6: slipData.issuerReference of [A-Z0-9]{1,40}", or(reference, "absent"))
	}
	if !kindNames[w.m.Kind].plain {
		w.location()
	}
}

// location judges rule C11.
func (w *wired) location() {
	location := w.a.Header.Get("Location")
	want := strings.TrimPrefix(Message{Kind: w.m.Kind, Act: Request, ID: w.m.ID}.path(), w.m.base())
	w.want(strings.HasSuffix(strings.TrimSuffix(location, "/"), want), "C11: Location of "+want, or(location, "none"))
}

// What vouchers and their products look like (contract: Voucher, Product).
var (
	voucherPIN   = regexp.MustCompile(`\A[0-9]{1,20}\z`)
	alphanumeric = regexp.MustCompile(`\A[0-9A-Za-z]{1,20}\z`)
)

// sale judges what an approval of airtime has of its own: the voucher, the number and the products (3.1 to 3.3).
func (w *wired) sale() {
	if v := w.a.Sale.Voucher; v != nil {
		w.want(voucherPIN.MatchString(v.PIN), "3.1: voucher.pin of 1 to 20 digits", "another")
		w.want(alphanumeric.MatchString(v.Serial), "3.1: voucher.serialNumber of 1 to 20 letters and digits", or(v.Serial, "absent"))
		w.want(v.Batch == "" || alphanumeric.MatchString(v.Batch), "3.1: voucher.batchNumber of 1 to 20 letters and digits", v.Batch)
		_, isList := lookupPath(w.body, "voucher.redeemInstructions[0]")
		empty, _ := lookupPath(w.body, "voucher.redeemInstructions")
		w.want(isList || sizeOf(empty) == "0", "3.1: voucher.redeemInstructions, perhaps empty", showJSON(empty))
	}
	switch w.m.Kind {
	case Purchase, Trial:
		w.want(w.m.Recipient == "" || w.a.Sale.MSISDN == w.m.Recipient, "3.2: msisdn as sent", or(w.a.Sale.MSISDN, "absent"))
	case LookupMSISDN:
		w.want(w.a.Sale.MSISDN == w.m.Recipient, "3.3: msisdn as sent", or(w.a.Sale.MSISDN, "absent"))
	case ListProducts:
		_, isList := w.body.([]any)
		w.want(isList, "3.2: a list of products", showJSON(w.body))
	}
	if w.m.Kind == Purchase && w.m.Recipient == "" {
		w.want(w.a.Sale.Voucher != nil, "3.2: a purchase without a recipient brings a voucher", "none")
	}
	for _, id := range w.a.Sale.Products {
		w.want(alphanumeric.MatchString(id), "3.3: productId of 1 to 20 letters and digits", or(id, "absent"))
	}
}

// identifiers judges rule S3: the sender's entries, in order, and at least two of the server's own.
func (w *wired) identifiers() {
	sent, _ := lookupPath(w.sent, "thirdPartyIdentifiers")
	got, _ := lookupPath(w.body, "thirdPartyIdentifiers")
	theirs, _ := sent.([]any)
	all, _ := got.([]any)
	ok := len(all) >= len(theirs)+2 && reflect.DeepEqual(all[:len(theirs)], append([]any{}, theirs...))
	w.want(ok, "S3: thirdPartyIdentifiers as sent, then two of our own", showJSON(got))
}

// accepted judges the answer to an advice: S4.
func (w *wired) accepted() {
	w.same("C8", "time")
	for _, path := range []string{"id", "requestId", "thirdPartyIdentifiers", "stan", "rrn"} {
		w.same("S4", path)
	}
	if sent, _ := lookupPath(w.sent, "amounts"); sent != nil {
		got, _ := lookupPath(w.body, "amounts")
		w.want(reflect.DeepEqual(numbered(sent), got), "S4, C7: amounts as sent, each a number", showJSON(got))
	}
}

// numbered gives amounts as they come back: what was sent as a string of digits is a number (rule C7).
func numbered(value any) any {
	members, ok := value.(map[string]any)
	if !ok {
		return value
	}
	out := map[string]any{}
	for name, member := range members {
		out[name] = numbered(member)
		if digits, isText := member.(string); isText && name == "amount" {
			n, _ := strconv.ParseInt(digits, 10, 64) // a server that took it read it likewise
			out[name] = json.Number(strconv.FormatInt(n, 10))
		}
	}
	return out
}

// errorTypes are the lists of the two contracts.
var errorTypes = map[string][]string{giftcardContract: strings.Fields(`DUPLICATE_RECORD FORMAT_ERROR FUNCTION_NOT_SUPPORTED GENERAL_ERROR INVALID_AMOUNT
	ROUTING_ERROR TRANSACTION_NOT_SUPPORTED UNABLE_TO_LOCATE_RECORD UPSTREAM_UNAVAILABLE INVALID_PRODUCT
	CARD_NOT_ACTIVATED CARD_ACTIVATED CARD_VOIDED CARD_BLOCKED CARD_DELETED FUNCTION_BLOCKED_FOR_CARD_RANK
	INSUFFICIENT_FUNDS INVALID_CARD_NUMBER CARD_EXPIRED INCORRECT_PIN TEMPORARY_FAILURE DO_NOT_HONOUR
	PIN_ATTEMPTS_EXCEEDED`), airtimeContract: strings.Fields(`DUPLICATE_RECORD FORMAT_ERROR FUNCTION_NOT_SUPPORTED GENERAL_ERROR
	INVALID_AMOUNT ROUTING_ERROR TRANSACTION_NOT_SUPPORTED UNABLE_TO_LOCATE_RECORD UPSTREAM_UNAVAILABLE INVALID_PRODUCT
	ACCOUNT_ALREADY_SETTLED INVALID_MERCHANT OUT_OF_STOCK INVALID_AN32_TOKEN DO_NOT_HONOR DECLINED_BY_MNO INVALID_MSISDN
	INVALID_LOYALTY_CARD INSUFFICIENT_FUNDS INVALID_CARD_NUMBER CARD_EXPIRED INCORRECT_PIN PIN_ATTEMPTS_EXCEEDED
	OUTCOME_UNKNOWN SYSTEM_MALFUNCTION LIMIT_EXCEEDED`)}

// maxErrorMessage is how many characters an errorMessage may have.
const maxErrorMessage = 20

// errorDetail judges the body of a failed answer by section 1.3.
func (w *wired) errorDetail(e Expect) {
	w.want(slices.Contains(errorTypes[kindNames[w.m.Kind].contract], w.a.ErrorType), "E1: an errorType of the list", or(w.a.ErrorType, "absent"))
	if word := e.Keys["requestType"]; word != "none" && word != "any" {
		w.want(w.a.RequestType != "", "E2: a requestType", "absent")
	}
	w.want(w.a.ID != "", "E3: the id of the message answered", "absent")
	message := textAt(w.body, "errorMessage")
	length := len(utf16.Encode([]rune(message)))
	w.want(length > 0 && length <= maxErrorMessage, "E5: an errorMessage of 1 to 20 characters", fmt.Sprintf("%q", message))
	detail, ok := lookupPath(w.body, "detailMessage")
	if ok {
		w.want(textAt(detail, "freeString") != "", "E6: detailMessage.freeString", showJSON(detail))
	}
	located := w.a.ErrorType == "UNABLE_TO_LOCATE_RECORD"
	w.want(located == (w.a.Status == http.StatusNotFound), "C13: 404 means UNABLE_TO_LOCATE_RECORD and nothing else",
		w.a.String())
	for _, card := range []*Card{w.m.Card, w.m.Target} {
		if card == nil || len(card.PAN) < minMasked {
			continue
		}
		w.want(!strings.Contains(string(w.a.Body), card.PAN), "E9: no full PAN in an error", "it is there")
	}
}

// minMasked is the length from which a PAN is too long to stand in an error by chance.
const minMasked = 11

// check judges one check of the script.
func (w *wired) check(c Check) {
	if c.Where == "header" {
		value := w.a.Header.Get(c.Path)
		w.want(holds(c, value, value != ""), c.String(), or(value, "none"))
		return
	}
	if c.Verb == "hides" {
		w.want(!strings.Contains(string(w.a.Body), c.Text), c.String(), "it is there")
		return
	}
	if c.Verb == "same" {
		_, sent := lookupPath(w.sent, c.Path)
		w.want(sent, c.String(), "not sent")
		w.same("as sent", c.Path)
		return
	}
	value, found := lookupPath(w.body, c.Path)
	ok := found
	switch c.Verb {
	case "absent":
		ok = !found
	case "is":
		want, err := parseJSON([]byte(c.Text))
		ok = found && err == nil && reflect.DeepEqual(want, value)
	case "size":
		ok = found && sizeOf(value) == c.Text
	case "matches":
		text, isText := value.(string)
		ok = isText && holds(c, text, true)
	case "holds":
		ok = found && strings.Contains(showWhole(value), c.Text)
	}
	came := "absent"
	if found {
		came = showJSON(value)
	}
	w.want(ok, c.String(), came)
}

// sizeOf counts the entries of an array or the members of an object.
func sizeOf(value any) string {
	switch v := value.(type) {
	case []any:
		return strconv.Itoa(len(v))
	case map[string]any:
		return strconv.Itoa(len(v))
	}
	return "one value"
}

// holds judges a text by matches or absent.
func holds(c Check, text string, there bool) bool {
	if c.Verb == "absent" {
		return !there
	}
	pattern, err := regexp.Compile(`\A(?:` + c.Text + `)\z`)
	return err == nil && there && pattern.MatchString(text)
}
