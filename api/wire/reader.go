package wire

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth bounds how deeply objects and arrays may be nested. The deepest declared value of the contracts
// is at 8; the rest is room for what we do not know.
const MaxDepth = 32

// maxAliases bounds the aliases in one object; their places are kept in an array.
const maxAliases = 4

// manyNames is the number of unknown names in one object from which on they are looked up in a map.
const manyNames = 24

// unknown is the node of a value of which the contract says nothing.
var unknown = &node{kind: kindAny, unjudged: true, slot: noSlot, aliasSlot: noSlot}

// Read goes through a body once, judges it by the model, and lets into know where the values asked for
// stand. It returns a *SyntaxError when the body is not JSON, and otherwise *Violations when it breaks the
// contract (docs/rules.md V1 to V3). After Violations every value that is itself in order can still be
// asked for, such as the id that the answer must carry. The size of the body is for the caller to bound.
func (m *Model) Read(body []byte, into *Message) error {
	if !m.sealed.Load() {
		m.sealed.Store(true)
	}
	into.begin(body)
	return into.reader.read(m.root)
}

// reader is the state of one reading. It lives in a Message so that its buffers are used again.
type reader struct {
	message    *Message
	decoder    jsontext.Decoder
	source     bytes.Buffer
	path       [MaxDepth + 1]step // where the value being read stands; of the path, 1 up to depth count
	depth      int
	names      [][]byte // the unknown names of all objects being read, the innermost last
	unquoted   []byte
	reports    int // how often something was reported, beyond MaxViolations too
	violations *Violations
	syntax     *SyntaxError
}

func (r *reader) begin(msg *Message) {
	r.message = msg
	r.source = *bytes.NewBuffer(msg.body)
	r.decoder.Reset(&r.source, jsontext.AllowDuplicateNames(true)) // duplicates are ours to report
	r.depth = 0
	clear(r.names[:cap(r.names)])
	clear(r.unquoted[:cap(r.unquoted)])
	r.names = r.names[:0]
	r.reports, r.violations, r.syntax = 0, nil, nil
}

func (r *reader) read(root *node) error {
	if len(r.message.body) > math.MaxInt32 {
		return &SyntaxError{What: "the body is too long"}
	}
	present := r.value(root, true)
	if r.syntax == nil {
		r.end()
	}
	if r.syntax != nil {
		return r.syntax
	}
	if !present {
		r.report(root.typeText(), Value{})
	}
	if r.violations != nil {
		return r.violations
	}
	return nil
}

// end expects nothing more but space.
func (r *reader) end() {
	at := r.decoder.InputOffset()
	if _, err := r.decoder.ReadToken(); err != io.EOF {
		r.syntax = &SyntaxError{Offset: at, What: "text after the end of the message"}
	}
}

// value reads one value and reports whether there is one: null, and what reads as absent, are none. The
// caller has set the step of the path that leads to it.
func (r *reader) value(n *node, judged bool) (present bool) {
	k := r.decoder.PeekKind()
	switch {
	case k == 'n':
		r.token()
		return false
	case !n.admits(k):
		r.wrongType(n, judged)
	case k == '{' && n.kind == kindUnion:
		r.union(n, judged)
	case k == '{':
		r.object(n, n, judged)
	case k == '[':
		r.array(n, judged)
	default:
		return r.scalar(n, judged)
	}
	return true
}

// admits reports whether a value of that JSON type may stand here. An invalid one may, so that it is
// reported for what it is.
func (n *node) admits(k jsontext.Kind) bool {
	switch k {
	case '{':
		return n.kind == kindObject || n.kind == kindUnion || n.kind == kindAny
	case '[':
		return n.kind == kindArray || n.kind == kindAny
	case '"':
		return n.kind == kindText || n.kind == kindAmount || n.kind == kindAny
	case '0':
		return n.kind == kindInteger || n.kind == kindAmount || n.kind == kindNumber || n.kind == kindAny
	case 't', 'f':
		return n.kind == kindBoolean || n.kind == kindAny
	default:
		return true
	}
}

func (n *node) typeText() string {
	switch n.kind {
	case kindObject, kindUnion:
		return "must be an object"
	case kindArray:
		return "must be an array"
	case kindText:
		return "must be a text"
	case kindInteger:
		return "must be an integer"
	case kindAmount:
		return amountText
	case kindNumber:
		return "must be a number"
	default:
		return "must be true or false"
	}
}

const amountText = "must be an integer or a string of 1 to 18 digits"

// wrongType reports a value of another JSON type. The value comes after its report, since violations may
// be within it too: names that occur twice.
func (r *reader) wrongType(n *node, judged bool) {
	offending := r.upcoming()
	if judged {
		r.report(n.typeText(), n.quotable(offending))
	}
	r.value(unknown, false)
}

// quotable is what of an offending value a violation may tell.
func (n *node) quotable(v Value) Value {
	if n.hidden || v.first() == '{' || v.first() == '[' {
		return Value{}
	}
	return v
}

// members is what is known of an object while it is being read.
type members struct {
	named    uint64 // those that have occurred
	present  uint64 // those with a value, under whichever name
	names    int    // where this object's unknown names begin
	many     map[string]struct{}
	aliases  [maxAliases]span
	aliasOf  [maxAliases]span
	judged   bool // whether what is inside counts
	withNode *node
}

// object reads an object by the members of one node and records it under another: of a union, the one is
// the variant's and the other the union's.
func (r *reader) object(n, as *node, judged bool) {
	start, ok := r.open()
	if !ok {
		return
	}
	state := members{names: len(r.names), judged: judged && !n.unjudged, withNode: n}
	for r.decoder.PeekKind() == '"' {
		r.member(&state)
		if r.syntax != nil {
			return
		}
	}
	if r.token(); r.syntax != nil {
		return
	}
	r.names = r.names[:state.names]
	if state.judged {
		r.judgeAliases(&state)
		r.judgePresence(&state)
	}
	r.depth--
	r.record(as, start)
}

func (r *reader) member(state *members) {
	name, at := r.name()
	if r.syntax != nil {
		return
	}
	n := state.withNode
	i := n.member(name)
	if i < 0 {
		r.unknownMember(state, name, at)
		return
	}
	r.path[r.depth] = step{name: n.members[i].name}
	bit := uint64(1) << i
	if state.named&bit != 0 {
		r.repeated()
		return
	}
	state.named |= bit
	if n.aliased&bit != 0 {
		state.note(i, r.upcoming().span())
	}
	if r.value(n.members[i].node, state.judged) {
		state.present |= bit
		if of := n.members[i].aliasOf; of >= 0 {
			state.present |= 1 << of
		}
	}
}

func (r *reader) unknownMember(state *members, name []byte, at int) {
	r.path[r.depth] = step{at: at}
	if !r.isNew(state, name) {
		r.repeated()
		return
	}
	if extra := state.withNode.extra; extra != nil {
		r.value(extra, state.judged)
		return
	}
	r.value(unknown, false)
}

// isNew remembers an unknown name and reports whether the object did not have it yet.
func (r *reader) isNew(state *members, name []byte) bool {
	if state.many != nil {
		_, known := state.many[string(name)]
		state.many[string(name)] = struct{}{}
		return !known
	}
	mine := r.names[state.names:]
	if slices.ContainsFunc(mine, func(other []byte) bool { return bytes.Equal(other, name) }) {
		return false
	}
	r.names = append(r.names, name)
	if len(mine) == manyNames {
		state.many = make(map[string]struct{}, 2*manyNames)
		for _, other := range r.names[state.names:] {
			state.many[string(other)] = struct{}{}
		}
	}
	return true
}

// repeated reports a name that occurs twice in one object (rule C7) and passes over its value.
func (r *reader) repeated() {
	r.report("occurs twice", Value{})
	r.value(unknown, false)
}

// note keeps where the members stand that an alias is involved in.
func (state *members) note(i int, where span) {
	n := state.withNode
	for k, alias := range n.aliases {
		if int(alias) == i {
			state.aliases[k] = where
		}
		if n.members[alias].aliasOf == i {
			state.aliasOf[k] = where
		}
	}
}

// judgeAliases reports second names whose values differ from the first's (docs/rules.md 2.5).
func (r *reader) judgeAliases(state *members) {
	n := state.withNode
	for k, i := range n.aliases {
		alias, target := r.message.at(state.aliases[k]), r.message.at(state.aliasOf[k])
		member := &n.members[i]
		if alias.Exists() && target.Exists() && !member.node.equal(alias, target) {
			r.path[r.depth] = step{name: member.name}
			r.report("must equal "+n.members[member.aliasOf].name, Value{})
		}
	}
}

// equal compares two values in what the contract knows of them; unknown members do not count (rule C4).
func (n *node) equal(a, b Value) bool {
	switch {
	case n.kind == kindUnion:
		value, _ := a.Member(n.discriminator).Text()
		if model := n.variant(value); model != nil {
			return model.equal(a, b)
		}
	case n.kind == kindObject && !n.isMap():
		return n.hasEqualMembers(a, b)
	}
	return a.equal(b)
}

func (n *node) hasEqualMembers(a, b Value) bool {
	if a.first() != '{' || b.first() != '{' {
		return a.equal(b)
	}
	for i := range n.members {
		m := &n.members[i]
		if !m.node.equal(a.Member(m.name), b.Member(m.name)) {
			return false
		}
	}
	return true
}

// judgePresence reports required members that are missing, in the order of the schema.
func (r *reader) judgePresence(state *members) {
	n := state.withNode
	if n.needed&^state.present == 0 {
		return
	}
	for _, i := range n.required {
		if state.present&(1<<i) == 0 {
			r.path[r.depth] = step{name: n.members[i].name}
			r.report(missingText, Value{})
		}
	}
}

const missingText = "may not be null"

// union reads an object by the model that its discriminator names. That member may stand anywhere in the
// object, so it is looked for ahead of the reading.
func (r *reader) union(n *node, judged bool) {
	inside := judged && !n.unjudged
	found := r.upcoming().Member(n.discriminator)
	value, ok := found.Text()
	if model := n.variant(value); ok && model != nil {
		r.object(model, n, inside)
		return
	}
	if inside {
		r.reportDiscriminator(n, found)
	}
	r.object(unknown, n, false)
}

func (r *reader) reportDiscriminator(n *node, found Value) {
	what := missingText
	if found.Exists() {
		what = n.variantsText()
	}
	if r.depth++; r.depth > MaxDepth {
		return // the object that follows is one too deep
	}
	r.path[r.depth] = step{name: n.discriminator}
	r.report(what, n.quotable(found))
	r.depth--
}

func (n *node) variantsText() string {
	rules := textRules{}
	for _, v := range n.variants {
		rules.enum = append(rules.enum, v.value)
	}
	return rules.enumText()
}

func (r *reader) array(n *node, judged bool) {
	start, ok := r.open()
	if !ok {
		return
	}
	items, inside := n.items, judged && !n.unjudged
	if items == nil {
		items = unknown
	}
	count := 0
	for k := r.decoder.PeekKind(); k != ']' && k != 0; k = r.decoder.PeekKind() {
		r.path[r.depth] = step{index: count + 1}
		if !r.value(items, inside) && inside && n.items != nil {
			r.report(missingText, Value{})
		}
		if r.syntax != nil {
			return
		}
		count++
	}
	if r.token(); r.syntax != nil {
		return
	}
	r.depth--
	if inside && n.kind == kindArray && (count < n.minItems || count > n.maxItems) {
		r.report(n.itemsText(), Value{})
	}
	r.record(n, start)
}

func (n *node) itemsText() string {
	if n.maxItems == math.MaxInt {
		return fmt.Sprintf("must have at least %d elements", n.minItems)
	}
	return fmt.Sprintf("must have %d to %d elements", n.minItems, n.maxItems)
}

// scalar reads a text, a number or a boolean and reports whether it counts as present. What breaks a
// rule of its own is present, but not recorded.
func (r *reader) scalar(n *node, judged bool) (present bool) {
	raw, start := r.scalarToken()
	if r.syntax != nil {
		return true
	}
	before := r.reports
	inside := judged && !n.unjudged
	if raw[0] == '"' && n.kind != kindAmount {
		if !r.judgeText(n, raw, start, inside) {
			return false
		}
	} else if what := n.judgeNumber(raw); inside && what != "" {
		r.report(what, n.quotable(r.valueAt(start)))
	}
	if r.reports == before {
		r.record(n, start)
	}
	return true
}

func (n *node) judgeNumber(raw []byte) string {
	switch n.kind {
	case kindAmount:
		if _, err := ParseAmount(raw); err != nil {
			return amountText
		}
	case kindInteger:
		return n.number.judgeInteger(raw)
	case kindNumber:
		return n.number.judgeNumber(raw)
	}
	return ""
}

// judgeText reports every rule that a string breaks. It returns false for one that reads as absent.
func (r *reader) judgeText(n *node, raw []byte, start int, inside bool) (present bool) {
	text := r.unquote(raw)
	if len(text) != len(raw)-2 && (inside || n.isRecorded()) && bytes.IndexByte(text, 0) >= 0 {
		r.report("must not contain a NUL character", Value{}) // databases refuse it
		return true
	}
	rules := n.text
	if !inside || rules == nil {
		return true
	}
	if !rules.knows(text) {
		if rules.unknownIsAbsent {
			return false
		}
		r.report(rules.enumText(), n.quotable(r.valueAt(start)))
	}
	if !rules.hasLength(text) {
		r.report(rules.lengthText(), n.quotable(r.valueAt(start)))
	}
	for _, p := range rules.patterns {
		if !p.matches(text) {
			r.report("must match "+p.source, n.quotable(r.valueAt(start)))
		}
	}
	if what := rules.judgeFormat(text); what != "" {
		r.report(what, n.quotable(r.valueAt(start)))
	}
	return true
}

func (n *node) isRecorded() bool { return n.slot != noSlot || n.aliasSlot != noSlot }

// unquote returns the text of a valid JSON string. It lasts until the next call.
func (r *reader) unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	r.unquoted, _ = jsontext.AppendUnquote(r.unquoted[:0], raw)
	return r.unquoted
}

// record remembers where the value that has just been read stands. What was sent under an alias counts
// only as long as nothing is sent under the name itself.
func (r *reader) record(n *node, start int) {
	if !n.isRecorded() || r.syntax != nil {
		return
	}
	s := span{int32(start), int32(r.decoder.InputOffset())}
	spans := &r.message.spans
	if n.slot != noSlot {
		spans[n.slot] = s
	}
	if n.aliasSlot != noSlot && spans[n.aliasSlot].isEmpty() {
		spans[n.aliasSlot] = s
	}
}
