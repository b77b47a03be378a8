package wire

import (
	"strings"
	"unicode"
)

// isPrivate tells by the name of a member or of a schema whether what is in it may never be quoted:
// card, PIN, voucher, payment and customer fields, a subscriber's number among these (docs/rules.md 1.3). It goes by the
// words in the name, and rather hides a harmless pinEntryCapability than shows one PIN.
func isPrivate(name string) bool {
	for _, word := range camelWords(name) {
		switch strings.TrimSuffix(word, "s") {
		case "card", "pan", "pin", "voucher", "payment", "customer", "holder", "msisdn":
			return true
		}
	}
	return false
}

// camelWords splits a name such as oldCard or PinEncrypted into its words, in lower case.
func camelWords(name string) []string {
	var words []string
	start := 0
	for i, r := range name {
		if i > start && (unicode.IsUpper(r) || !unicode.IsLetter(r)) {
			words = append(words, strings.ToLower(name[start:i]))
			start = i
		}
	}
	return append(words, strings.ToLower(strings.TrimLeft(name[start:], "._-")))
}
