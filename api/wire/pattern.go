package wire

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// pattern is a compiled pattern that must cover the whole text. The patterns of the contracts are written
// for Java, and nearly all of them are a few runs of characters; those are checked without regexp.
type pattern struct {
	source string
	runs   []run // nil when only the expression can tell
	expr   *regexp.Regexp
}

// run is min to max characters of one class.
type run struct {
	class    [utf8.RuneSelf]bool
	beyond   bool // characters beyond ASCII too, except those that end a line
	min, max int  // max is -1 when there is no bound
}

// patternSet holds the patterns of a document by their source, since many places share one.
type patternSet map[string]*pattern

func (set patternSet) compile(source string) (*pattern, error) {
	if p, ok := set[source]; ok {
		return p, nil
	}
	p, err := compilePattern(source)
	if err != nil {
		return nil, err
	}
	set[source] = p
	return p, nil
}

func compilePattern(source string) (*pattern, error) {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	p := &pattern{source: source}
	if runs, ok := runsOf(tree); ok {
		p.runs = runs
		return p, nil
	}
	if javaDot(tree) {
		source = tree.String()
	}
	if p.expr, err = regexp.Compile(`\A(?:` + source + `)\z`); err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return p, nil
}

func (p *pattern) matches(text []byte) bool {
	if p.runs == nil {
		return p.expr.Match(text)
	}
	for i := range p.runs {
		n, ok := p.runs[i].take(text)
		if !ok {
			return false
		}
		text = text[n:]
	}
	return len(text) == 0
}

// take returns how many bytes at the front belong to the run, as many as it may have, and whether there are enough.
func (r *run) take(text []byte) (int, bool) {
	count, at := 0, 0
	for at < len(text) && count != r.max {
		size := 1
		if b := text[at]; b < utf8.RuneSelf {
			if !r.class[b] {
				break
			}
		} else if size = r.takeBeyond(text[at:]); size == 0 {
			break
		}
		at += size
		count++
	}
	return at, count >= r.min
}

func (r *run) takeBeyond(text []byte) int {
	char, size := utf8.DecodeRune(text)
	if !r.beyond || endsLine(char) {
		return 0
	}
	return size
}

// endsLine holds for the characters at which a dot stops in Java.
func endsLine(char rune) bool {
	switch char {
	case '\n', '\r', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// runsOf breaks an expression down into runs that can be taken greedily, one after the other, without
// ever going back.
func runsOf(tree *syntax.Regexp) ([]run, bool) {
	parts := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		parts = withoutEdges(tree.Sub)
	}
	runs := make([]run, 0, len(parts))
	for _, part := range parts {
		r, ok := runOf(part)
		if !ok {
			return nil, false
		}
		runs = append(runs, r)
	}
	for i := range len(runs) - 1 {
		if !runs[i].endsBefore(&runs[i+1]) {
			return nil, false
		}
	}
	return runs, len(runs) > 0
}

// withoutEdges leaves out ^ at the front and $ at the end, which add nothing to a match of the whole text.
func withoutEdges(parts []*syntax.Regexp) []*syntax.Regexp {
	if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts = parts[1:]
	}
	if n := len(parts); n > 0 && parts[n-1].Op == syntax.OpEndText {
		parts = parts[:n-1]
	}
	return parts
}

// endsBefore holds when it is clear where this run ends and the next one begins: after a fixed count, or
// at the first character of the next, which must have one that this one cannot take.
func (r *run) endsBefore(next *run) bool {
	if r.min == r.max {
		return true
	}
	if next.min == 0 || r.beyond && next.beyond {
		return false
	}
	for c := range r.class {
		if r.class[c] && next.class[c] {
			return false
		}
	}
	return true
}

func runOf(part *syntax.Regexp) (run, bool) {
	r := run{min: 1, max: 1}
	switch part.Op {
	case syntax.OpRepeat:
		r.min, r.max = part.Min, part.Max
	case syntax.OpPlus:
		r.min, r.max = 1, -1
	case syntax.OpStar:
		r.min, r.max = 0, -1
	case syntax.OpQuest:
		r.min, r.max = 0, 1
	default:
		return r, r.setClass(part)
	}
	return r, r.setClass(part.Sub[0])
}

// setClass takes over a class of ASCII characters, one such character, or the dot.
func (r *run) setClass(part *syntax.Regexp) bool {
	switch {
	case part.Op == syntax.OpAnyCharNotNL:
		r.beyond = true
		return r.setRange(0, utf8.RuneSelf-1, func(c rune) bool { return !endsLine(c) })
	case part.Op == syntax.OpLiteral && len(part.Rune) == 1 && part.Flags&syntax.FoldCase == 0:
		return r.setRange(part.Rune[0], part.Rune[0], anyChar)
	case part.Op == syntax.OpCharClass:
		for i := 0; i < len(part.Rune); i += 2 {
			if !r.setRange(part.Rune[i], part.Rune[i+1], anyChar) {
				return false
			}
		}
		return true
	}
	return false
}

func anyChar(rune) bool { return true }

func (r *run) setRange(from, to rune, wanted func(rune) bool) bool {
	if to >= utf8.RuneSelf {
		return false
	}
	for c := from; c <= to; c++ {
		r.class[c] = wanted(c)
	}
	return true
}

// javaDot makes every dot stop at what ends a line in Java, since RE2's own stops at a line feed only. It
// reports whether there was one.
func javaDot(tree *syntax.Regexp) bool {
	found := tree.Op == syntax.OpAnyCharNotNL
	if found {
		tree.Op = syntax.OpCharClass
		tree.Rune = []rune{0, '\t', '\v', '\f', '\u000E', '\u0084', '\u0086', '\u2027', '\u202A', utf8.MaxRune}
	}
	for _, sub := range tree.Sub {
		found = javaDot(sub) || found
	}
	return found
}
