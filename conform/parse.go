package conform

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a script. Scripts are ours, but a foreign one must not exhaust the reader either.
const (
	maxLines  = 20_000
	maxRounds = 1_000
	maxTimes  = 200
)

// nobody is the card that no server has.
const nobody = "nobody"

// Parse reads a script. An error names the line as name.txt:line.
func Parse(name, text string) (Script, error) {
	p := parser{script: Script{Name: name}}
	lines := strings.Split(text, "\n")
	if len(lines) > maxLines {
		return Script{}, fmt.Errorf("%s.txt: more than %d lines", name, maxLines)
	}
	for i, line := range lines {
		p.line = i + 1
		if err := p.read(strings.TrimSpace(line)); err != nil {
			return Script{}, fmt.Errorf("%s.txt:%d: %w", name, p.line, err)
		}
	}
	if err := p.finish(); err != nil {
		return Script{}, fmt.Errorf("%s.txt:%d: %w", name, p.line, err)
	}
	return p.script, nil
}

// parser keeps what has been read. Steps before the first case belong to every case.
type parser struct {
	script   Script
	line     int
	common   []Step
	wire     bool
	only     Profile
	current  *Case
	rules    []string
	together *Step
	last     *Step   // the message or block that edits and expectations belong to
	expect   *Expect // the expectation that checks belong to
}

// read takes one line.
func (p *parser) read(line string) error {
	switch {
	case line == "":
		return nil
	case strings.HasPrefix(line, "#"):
		return p.comment(line)
	case strings.HasPrefix(line, "->"):
		return p.expectation(line)
	}
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "case":
		return p.beginCase(rest)
	case "wire", "only", "rounds":
		return p.mark(word, rest)
	case "together":
		return p.beginTogether(line)
	case "end":
		return p.endTogether()
	case "body", "header":
		if p.expect != nil {
			return p.check(word, rest)
		}
	}
	if slices.Contains(editVerbs, word) {
		return p.edit(word, rest)
	}
	return p.step(word, rest, line)
}

var ruleList = regexp.MustCompile(`^#\s*\[([^\]]+)\]`)

// comment takes the rules that stand in brackets at the head of a comment. They hold until the next.
func (p *parser) comment(line string) error {
	m := ruleList.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	p.rules = nil
	for rule := range strings.SplitSeq(m[1], ",") {
		if rule = strings.TrimSpace(rule); rule != "" {
			p.rules = append(p.rules, rule)
		}
	}
	return nil
}

func (p *parser) beginCase(name string) error {
	if name == "" {
		return errors.New("a case has a name")
	}
	if err := p.finish(); err != nil {
		return err
	}
	for _, c := range p.script.Cases {
		if c.Name == name {
			return fmt.Errorf("there is a case %q at line %d already", name, c.Line)
		}
	}
	p.current = &Case{Name: name, Line: p.line, Wire: p.wire, Only: p.only, Rounds: 1, Steps: slices.Clone(p.common)}
	p.rules, p.last, p.expect = nil, nil, nil
	return nil
}

// mark takes wire, only and rounds, which speak of the case, or before the first case of the whole file.
func (p *parser) mark(word, rest string) error {
	wire, only, rounds := &p.wire, &p.only, new(int)
	if p.current != nil {
		wire, only, rounds = &p.current.Wire, &p.current.Only, &p.current.Rounds
	} else if word == "rounds" {
		return errors.New("rounds belongs to a case")
	}
	var err error
	switch word {
	case "wire":
		*wire = true
	case "only":
		*only = Profile(rest)
		if *only != Production && *only != Compatibility {
			err = fmt.Errorf("no profile is called %q", rest)
		}
	case "rounds":
		*rounds, err = parseCount(rest, maxRounds)
	}
	return err
}

// finish closes a case and judges it as a whole.
func (p *parser) finish() error {
	if p.together != nil {
		return errors.New("together has no end")
	}
	if p.current == nil {
		return nil
	}
	if line, err := judge(*p.current); err != nil {
		p.line = line
		return err
	}
	p.script.Cases = append(p.script.Cases, *p.current)
	p.current = nil
	return nil
}

func (p *parser) beginTogether(line string) error {
	if p.together != nil {
		return errors.New("together inside together")
	}
	if p.current == nil {
		return errors.New("together before the first case")
	}
	p.together = &Step{Line: p.line, Text: line, Verb: "together", Rules: p.rules}
	p.last, p.expect = nil, nil
	return nil
}

func (p *parser) endTogether() error {
	if p.together == nil {
		return errors.New("end without together")
	}
	p.current.Steps = append(p.current.Steps, *p.together)
	p.together, p.expect = nil, nil
	p.last = &p.current.Steps[len(p.current.Steps)-1]
	return nil
}

// step takes a line that begins with one of the verbs.
func (p *parser) step(word, rest, line string) error {
	v, ok := verbs[word]
	if !ok {
		return fmt.Errorf("no line begins with %q", word)
	}
	names, keys, err := splitLine(rest)
	if err != nil {
		return err
	}
	if len(names) != v.names {
		return fmt.Errorf("%s takes %d words, not %d", word, v.names, len(names))
	}
	for key := range keys {
		if !slices.Contains(v.keys, key) {
			return fmt.Errorf("%s has no %s", word, key)
		}
	}
	s := Step{Line: p.line, Text: line, Verb: word, Names: names, Keys: keys, Rules: p.rules}
	if err := s.judge(p.together != nil); err != nil {
		return err
	}
	return p.add(s)
}

// add puts a step where it belongs.
func (p *parser) add(s Step) error {
	steps := &p.common
	switch {
	case p.together != nil:
		if !s.isMessage() && s.Verb != "as" {
			return fmt.Errorf("%s cannot be done together with something", s.Verb)
		}
		steps = &p.together.Together
	case p.current != nil:
		steps = &p.current.Steps
	case s.isMessage() || slices.Contains(looks, s.Verb):
		return fmt.Errorf("%s before the first case", s.Verb)
	}
	*steps = append(*steps, s)
	p.last, p.expect = &(*steps)[len(*steps)-1], nil
	return nil
}

var editVerbs = []string{"with", "without", "twice", "text", "padding", "at", "method", "header", "login"}

// edit takes a line that changes the message above it.
func (p *parser) edit(word, rest string) error {
	if p.last == nil || !p.last.isMessage() || len(p.last.Expects) > 0 {
		return fmt.Errorf("%s has no message above it", word)
	}
	e := Edit{Verb: word, Text: rest}
	switch word {
	case "with", "without", "twice":
		e.Path, e.Text, _ = strings.Cut(rest, " ")
		e.Text = strings.TrimSpace(e.Text)
		if e.Path == "" || (e.Text == "") != (word == "without") {
			return fmt.Errorf("%s wants a path, and a text unless it is without", word)
		}
	case "padding":
		if _, err := parseCount(rest, 1<<30); err != nil {
			return err
		}
	case "header":
		name, value, ok := strings.Cut(rest, ":")
		if !ok {
			return errors.New("header wants a colon")
		}
		e.Path, e.Text = strings.TrimSpace(name), strings.TrimSpace(value)
	case "at", "method", "login":
		if rest == "" {
			return fmt.Errorf("%s wants a text", word)
		}
	}
	p.last.Edits = append(p.last.Edits, e)
	return nil
}

// expectation takes a line that begins with an arrow.
func (p *parser) expectation(line string) error {
	s := p.last
	if s == nil || p.together != nil || !(s.isMessage() || s.Verb == "together") {
		return errors.New("nothing above was sent that could be answered")
	}
	if s.isMessage() && len(s.Expects) > 0 {
		return errors.New("one message has one answer")
	}
	e := Expect{Line: p.line, Text: line}
	var err error
	if s.Verb == "together" {
		e.Counts, err = parseCounts(strings.TrimPrefix(line, "->"))
	} else {
		err = e.parse(strings.TrimPrefix(line, "->"))
	}
	if err != nil {
		return err
	}
	s.Expects = append(s.Expects, e)
	p.expect = &s.Expects[len(s.Expects)-1]
	return nil
}

// parse reads the answer of one message: outcome, status or type, and keys.
func (e *Expect) parse(text string) error {
	words, keys, err := splitLine(text)
	if err != nil {
		return err
	}
	c, err := parseOutcome(words)
	if err != nil {
		return err
	}
	c.N = 1
	for key, value := range keys {
		_, of, other := strings.Cut(key, ".")
		if !slices.Contains(expectKeys, key) && !(other && (of == "book" || of == "available")) {
			return fmt.Errorf("an answer has no %s", key)
		}
		if err := checkExpectValue(key, value); err != nil {
			return err
		}
	}
	if status, ok := keys["status"]; ok {
		if c.Status, err = parseCount(status, 599); err != nil {
			return err
		}
	}
	e.Counts, e.Keys = []Count{c}, keys
	return nil
}

// checkExpectValue judges the amounts, which are numbers, or any or none where those make sense.
func checkExpectValue(key, value string) error {
	switch key {
	case "status", "originalId", "requestType", "id", "product", "fields", "voucher", "batch", "as", "msisdn", "operator",
		"promotion", "products":
		return nil
	case "float":
		book, available, _ := strings.Cut(value, "/")
		_, err := strconv.ParseInt(book, 10, 64)
		_, err2 := strconv.ParseInt(available, 10, 64)
		return errors.Join(err, err2)
	case "requested", "approved":
		if value == "any" {
			return nil
		}
	}
	_, err := strconv.ParseInt(value, 10, 64)
	return err
}

// parseCounts reads "1 approved, 9 declined DUPLICATE_RECORD".
func parseCounts(text string) ([]Count, error) {
	var counts []Count
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(words) < 2 {
			return nil, fmt.Errorf("%q is not a number and an outcome", strings.TrimSpace(part))
		}
		n, err := parseCount(words[0], maxTimes)
		if err != nil {
			return nil, err
		}
		c, err := parseOutcome(words[1:])
		if err != nil {
			return nil, err
		}
		c.N = n
		counts = append(counts, c)
	}
	return counts, nil
}

// parseOutcome reads "approved", "declined TYPE", "refused STATUS TYPE", "unknown STATUS" or "answered STATUS".
func parseOutcome(words []string) (Count, error) {
	if len(words) == 0 {
		return Count{}, errors.New("what is expected?")
	}
	c, rest := Count{Outcome: Outcome(words[0])}, words[1:]
	if c.Outcome == Refused || c.Outcome == Unknown || c.Outcome == Answered {
		if len(rest) == 0 {
			return Count{}, fmt.Errorf("%s wants a status", c.Outcome)
		}
		status, err := parseCount(rest[0], 599)
		if err != nil {
			return Count{}, err
		}
		c.Status, rest = status, rest[1:]
	}
	if slices.Contains([]Outcome{Declined, Refused, Unknown}, c.Outcome) && len(rest) > 0 {
		c.Type, rest = rest[0], rest[1:]
	}
	switch {
	case !slices.Contains([]Outcome{Approved, Accepted, Declined, Refused, Unknown, Answered}, c.Outcome):
		return Count{}, fmt.Errorf("no outcome is called %q", words[0])
	case c.Outcome == Declined && c.Type == "":
		return Count{}, errors.New("declined wants an errorType")
	case len(rest) > 0:
		return Count{}, fmt.Errorf("%q is too much", rest[0])
	}
	return c, nil
}

// check takes a line below an expectation.
func (p *parser) check(where, rest string) error {
	words := strings.Fields(rest)
	if where == "body" && len(words) > 1 && words[0] == "hides" {
		p.expect.Checks = append(p.expect.Checks, Check{Line: p.line, Where: where, Verb: "hides", Text: words[1]})
		return nil
	}
	if len(words) < 2 {
		return fmt.Errorf("%s wants a path and a verb", where)
	}
	text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(rest, words[0])), words[1]))
	c := Check{Line: p.line, Where: where, Path: words[0], Verb: words[1], Text: text}
	if err := c.judge(); err != nil {
		return err
	}
	p.expect.Checks = append(p.expect.Checks, c)
	return nil
}

// judge looks whether the check is one.
func (c Check) judge() error {
	allowed := []string{"is", "same", "absent", "present", "matches", "size", "holds"}
	if c.Where == "header" {
		allowed = []string{"matches", "absent"}
	}
	if !slices.Contains(allowed, c.Verb) {
		return fmt.Errorf("%s has no check %q", c.Where, c.Verb)
	}
	bare := c.Verb == "same" || c.Verb == "absent" || c.Verb == "present"
	if bare != (c.Text == "") {
		return fmt.Errorf("%s takes a text, unless it is same, absent or present", c.Verb)
	}
	switch c.Verb {
	case "matches":
		_, err := regexp.Compile(placeholder.ReplaceAllString(c.Text, "x"))
		return err
	case "size":
		_, err := parseCount(c.Text, 1000)
		return err
	case "is":
		_, err := parseJSON([]byte(placeholder.ReplaceAllString(c.Text, "x")))
		return err
	}
	return nil
}

// parseCount reads a number from 0 to max.
func parseCount(s string, limit int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > limit {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", s, limit)
	}
	return n, nil
}

// splitLine takes words and key=value pairs apart. A value in double quotes may hold blanks.
func splitLine(line string) (words []string, keys map[string]string, err error) {
	keys = map[string]string{}
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		var token string
		if token, line, err = nextToken(line); err != nil {
			return nil, nil, err
		}
		key, value, ok := strings.Cut(token, "=")
		if !ok {
			words = append(words, token)
			continue
		}
		if _, twice := keys[key]; twice || key == "" {
			return nil, nil, fmt.Errorf("%q stands twice, or has no name", key)
		}
		keys[key] = value
	}
	return words, keys, nil
}

// nextToken cuts the first token off; quotes are removed.
func nextToken(line string) (token, rest string, err error) {
	var b strings.Builder
	quoted := false
	for i, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case (r == ' ' || r == '\t') && !quoted:
			return b.String(), line[i:], nil
		default:
			b.WriteRune(r)
		}
	}
	if quoted {
		return "", "", errors.New("a quotation mark is open")
	}
	return b.String(), "", nil
}
