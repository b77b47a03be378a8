package bench

import "bytes"

// scanString gives the value of the first member of that name whose value is a string, without
// decoding: bodies are looked at while the clock runs. Escapes stay as they are, and a member of
// the same name deeper in the body would be taken too; both are good enough for errorType, an
// upper-case word that comes once. It is empty when there is none.
func scanString(body []byte, name string) string {
	rest := scanMember(body, name)
	if len(rest) == 0 || rest[0] != '"' {
		return ""
	}
	if end := stringEnd(rest); end > 0 {
		return string(rest[1 : end-1])
	}
	return ""
}

// scanArray gives the array that is the value of the first member of that name, as it stands in
// the body, or nil when there is none that is complete.
func scanArray(body []byte, name string) []byte {
	rest := scanMember(body, name)
	if len(rest) == 0 || rest[0] != '[' {
		return nil
	}
	depth := 0
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			end := stringEnd(rest[i:])
			if end < 0 {
				return nil
			}
			i += end - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return rest[:i+1]
			}
		}
	}
	return nil
}

// scanMember gives what follows the first `"name" :`, or nil.
func scanMember(body []byte, name string) []byte {
	key := []byte(`"` + name + `"`)
	for {
		at := bytes.Index(body, key)
		if at < 0 {
			return nil
		}
		body = bytes.TrimLeft(body[at+len(key):], " \t\r\n")
		if len(body) > 0 && body[0] == ':' {
			return bytes.TrimLeft(body[1:], " \t\r\n")
		}
	}
}

// stringEnd gives the length of the JSON string that the text begins with, quotes included, or -1
// when it does not end.
func stringEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}
