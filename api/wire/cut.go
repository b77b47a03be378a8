package wire

import "bytes"

// Cut gives a copy of a body, which must be JSON, in which the value of every member whose name secret names is
// null: at any depth, also inside members that no document declares, such as a copy of an earlier message. It is
// how a message is kept without its card numbers and PINs (docs/rules.md section 5).
func Cut(body []byte, secret func(name []byte) bool) []byte {
	kept := make([]byte, 0, len(body))
	from, at := 0, 0
	for at < len(body) {
		if body[at] != '"' {
			at++
			continue
		}
		end := stringEnd(body, at)
		value := valueAfter(body, end)
		if value == 0 || !secret(memberName(body[at:end])) {
			at = end
			continue
		}
		kept = append(kept, body[from:value]...)
		kept = append(kept, "null"...)
		at = valueEnd(body, value)
		from = at
	}
	return append(kept, body[from:]...)
}

// Drop gives a copy of a body, which must be JSON, without the members whose name secret names: at any depth, as Cut finds
// them, but neither name nor value is left. It is how a message is passed on without what it must not carry.
func Drop(body []byte, secret func(name []byte) bool) []byte {
	kept := make([]byte, 0, len(body))
	from, at := 0, 0
	for at < len(body) {
		if body[at] != '"' {
			at++
			continue
		}
		end := stringEnd(body, at)
		value := valueAfter(body, end)
		if value == 0 || !secret(memberName(body[at:end])) {
			at = end
			continue
		}
		kept = append(kept, body[from:at]...)
		at = valueEnd(body, value)
		if after := skipSpace(body, at); after < len(body) && body[after] == ',' {
			at = skipSpace(body, after+1)
		} else {
			kept = withoutComma(kept)
		}
		from = at
	}
	return append(kept, body[from:]...)
}

// withoutComma takes the comma off the end of what is kept of an object, if it ends with one.
func withoutComma(kept []byte) []byte {
	if trimmed := bytes.TrimRight(kept, " \t\r\n"); bytes.HasSuffix(trimmed, []byte{','}) {
		return trimmed[:len(trimmed)-1]
	}
	return kept
}

// stringEnd is where the string that begins at a position ends, its quote included.
func stringEnd(body []byte, at int) int {
	for at++; at < len(body); at++ {
		switch body[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(body)
}

// valueAfter is where the value begins whose member name ends at a position; 0 when that was no name.
func valueAfter(body []byte, at int) int {
	at = skipSpace(body, at)
	if at >= len(body) || body[at] != ':' {
		return 0
	}
	return skipSpace(body, at+1)
}

func skipSpace(body []byte, at int) int {
	for at < len(body) && (body[at] == ' ' || body[at] == '\t' || body[at] == '\n' || body[at] == '\r') {
		at++
	}
	return at
}

// valueEnd is where the value that begins at a position ends.
func valueEnd(body []byte, at int) int {
	depth := 0
	for at < len(body) {
		switch c := body[at]; c {
		case '"':
			at = stringEnd(body, at)
		case '{', '[':
			depth++
			at++
		case '}', ']', ',':
			if depth == 0 {
				return at // of a number, true, false or null
			}
			if at++; c != ',' {
				depth--
			}
		default:
			if at++; depth > 0 || at < len(body) && !isSpaceOrEnd(body[at]) {
				continue
			}
			return at
		}
		if depth == 0 {
			return at
		}
	}
	return at
}

func isSpaceOrEnd(c byte) bool { return bytes.IndexByte([]byte(" \t\n\r,}]"), c) >= 0 }

// memberName unquotes a name; the quoted text itself when it cannot be unquoted.
func memberName(quoted []byte) []byte {
	if len(quoted) >= 2 && bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	if text, ok := unquote(quoted); ok {
		return []byte(text)
	}
	return quoted
}
