package page

import "strings"

// block is a piece of running text. Exactly one of its members is set.
type block struct {
	Heading   []span
	Paragraph []span
	Items     [][]span
	Rows      [][][]span // the first row is the table's head
}

// span is a stretch of text in one style.
type span struct {
	Text     string
	Code     bool
	Emphasis bool
}

// readProse reads the little Markdown that our descriptions use: paragraphs, headings of the second
// level, lists of one level, tables, `code` and *emphasis*. Anything else is shown as it stands.
func readProse(text string) []block {
	var blocks []block
	for _, chunk := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if chunk = strings.Trim(chunk, "\n"); strings.TrimSpace(chunk) != "" {
			blocks = append(blocks, readBlock(chunk))
		}
	}
	return blocks
}

func readBlock(chunk string) block {
	lines := strings.Split(chunk, "\n")
	switch {
	case strings.HasPrefix(chunk, "## ") && len(lines) == 1:
		return block{Heading: readSpans(chunk[len("## "):])}
	case strings.HasPrefix(chunk, "- "):
		return block{Items: readItems(lines)}
	case strings.HasPrefix(chunk, "|"):
		return block{Rows: readRows(lines)}
	default:
		return block{Paragraph: readSpans(strings.Join(lines, " "))}
	}
}

// readItems joins to an item the lines that follow it without a dash of their own.
func readItems(lines []string) [][]span {
	var items []string
	for _, line := range lines {
		if text, begins := strings.CutPrefix(line, "- "); begins || len(items) == 0 {
			items = append(items, text)
			continue
		}
		items[len(items)-1] += " " + strings.TrimSpace(line)
	}
	spans := make([][]span, len(items))
	for i, item := range items {
		spans[i] = readSpans(item)
	}
	return spans
}

func readRows(lines []string) [][][]span {
	var rows [][][]span
	for _, line := range lines {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if strings.Trim(line, "|-: ") == "" && len(rows) == 1 {
			continue // the rule under the head
		}
		row := make([][]span, len(cells))
		for i, cell := range cells {
			row[i] = readSpans(strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	return rows
}

// readSpans splits a line at its marks. A mark without a partner is text.
func readSpans(text string) []span {
	var spans []span
	add := func(s span) {
		if s.Text != "" {
			spans = append(spans, s)
		}
	}
	for {
		start := strings.IndexAny(text, "`*")
		if start < 0 {
			add(span{Text: text})
			return spans
		}
		inside, rest, closed := strings.Cut(text[start+1:], text[start:start+1])
		if !closed || inside == "" || strings.HasPrefix(inside, " ") {
			add(span{Text: text[:start+1]})
			text = text[start+1:]
			continue
		}
		add(span{Text: text[:start]})
		add(span{Text: inside, Code: text[start] == '`', Emphasis: text[start] == '*'})
		text = rest
	}
}
