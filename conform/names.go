package conform

import (
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// name returns what a name of the script stands for, a fresh id when it is new, or when there is none.
func (r *run) name(name string) string {
	if name == "" {
		return newID()
	}
	if _, known := r.names[name]; !known {
		r.names[name] = newID()
		if name == "unknown" {
			r.names[name] = "unknown" + randomText() // of letters and digits, as the id of a product is
		}
	}
	return r.names[name]
}

var placeholder = regexp.MustCompile(`\{[a-z][A-Za-z0-9]*(\.[a-z]+)?\}`)

// fill puts values in the place of {names}.
func (r *run) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name, part, _ := strings.Cut(strings.Trim(match, "{}"), ".")
		if name == "random" {
			return randomText()
		}
		card := r.cards[name]
		switch {
		case card == nil && part != "":
			return r.names[name+"."+part]
		case card == nil:
			return r.name(name)
		case part == "pin":
			return card.ClearPIN
		case part == "encrypted":
			return card.EncryptedPIN
		case part == "lower":
			return strings.ToLower(card.EncryptedPIN)
		case part == "expiry":
			return card.Expiry
		case part == "masked":
			return maskPAN(card.PAN)
		}
		return card.PAN
	})
}

func (r *run) fillEdits(edits []Edit) []Edit {
	filled := slices.Clone(edits)
	for i := range filled {
		filled[i].Text = r.fill(filled[i].Text)
	}
	return filled
}

// newID is a random UUID, version 4.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// randomText is twelve fresh characters, each a digit or a letter.
func randomText() string { return strings.ReplaceAll(newID(), "-", "")[:12] }

func randomDigits(n int) string {
	var b strings.Builder
	for range n {
		digit, err := rand.Int(rand.Reader, big.NewInt(10))
		if err != nil {
			panic(err) // the system's random source does not fail
		}
		b.WriteString(digit.String())
	}
	return b.String()
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
