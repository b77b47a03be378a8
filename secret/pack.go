package secret

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/scripworks/scrip/ident"
)

// Packing is the first half of a body's compression. It knows what messages are made of: the phrases
// of the contract become one or two bytes, canonical UUIDs, times and runs of digits their values. What
// remains is mostly what is new in a message, and cannot be had smaller without far more work. It gives
// any bytes back exactly, JSON or not.
//
// Codes are control characters and bytes above ASCII. JSON text holds the first never and the second
// only in names; where they occur they are escaped.
const (
	codeEscape = 0x01 // a length and that many bytes as they were
	codeUUID   = 0x02 // the 16 bytes of a canonical UUID
	codeTime   = 0x03 // the 6 bytes of a time
	codeRare   = 0x04 // the number of a phrase after the first shortPhrases
	codeDigits = 0x0e // to 0x1d: a run of minRun to maxRun digits as a number
	codePhrase = 0x80 // to 0xff: one of the first shortPhrases

	shortPhrases = 0x80
	maxPhrases   = shortPhrases + 0x100
	maxEscape    = 0xff
	minRun       = 4
	maxRun       = 19 // the longest that always fits 64 bits
)

// phrases1 is the dictionary of version 1: a phrase a line, the first 128 of them in one byte. It is part
// of the format, and never changes.
//
//go:embed dictionary/v1.txt
var phrases1 string

// packing1 is made when the first body is sealed or opened.
var packing1 = sync.OnceValue(func() *packing { return newPacking(phrases1) })

// packing is a dictionary ready for use. Phrases are found by a hash of how they begin; where several begin
// alike, the longest comes first.
type packing struct {
	phrases []string
	long    [buckets][]uint16 // numbers of the phrases of longStart bytes and more
	short   [buckets][]uint16 // and of the others, which have at least shortStart
}

const (
	buckets    = 1 << 10
	longStart  = 6
	shortStart = 3
)

func newPacking(dictionary string) *packing {
	p := &packing{phrases: strings.Split(strings.TrimSuffix(dictionary, "\n"), "\n")}
	for number, phrase := range p.phrases {
		bucket := &p.short[hashShort([]byte(phrase))]
		if len(phrase) >= longStart {
			bucket = &p.long[hashLong([]byte(phrase))]
		}
		*bucket = append(*bucket, uint16(number))
		slices.SortStableFunc(*bucket, func(a, b uint16) int { return len(p.phrases[b]) - len(p.phrases[a]) })
	}
	return p
}

func hashLong(b []byte) uint32 {
	start := uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
	return uint32(start * 0x9e3779b97f4a7c15 >> 54)
}

func hashShort(b []byte) uint32 {
	return (uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16) * 0x9e3779b1 >> 22
}

// Classes of bytes.
const (
	other  = iota // punctuation and blanks
	letter        // a to z in either case
	digit
	foreign // what has to be escaped
)

var classes = func() (c [256]uint8) {
	for b := range c {
		switch {
		case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z':
			c[b] = letter
		case b >= '0' && b <= '9':
			c[b] = digit
		case b == '\t' || b == '\n' || b == '\r':
			c[b] = other
		case b < ' ' || b >= 0x80:
			c[b] = foreign
		}
	}
	return c
}()

// run is how many bytes at the start of b are of one class, at most max.
func run(b []byte, class uint8, max int) int {
	n := 0
	for n < len(b) && n < max && classes[b[n]] == class {
		n++
	}
	return n
}

// pack appends the packed form of src to dst.
func (p *packing) pack(dst, src []byte) []byte {
	for len(src) > 0 {
		var n int
		switch classes[src[0]] {
		case digit:
			dst, n = packNumber(dst, src)
		case letter:
			dst, n = p.packWord(dst, src)
		case foreign:
			n = run(src, foreign, maxEscape)
			dst = append(append(dst, codeEscape, byte(n)), src[:n]...)
		default:
			if dst, n = p.packPhrase(dst, src); n == 0 {
				dst, n = append(dst, src[0]), 1
			}
		}
		src = src[n:]
	}
	return dst
}

// packNumber packs what begins with a digit and says how many bytes that was.
func packNumber(dst, src []byte) ([]byte, int) {
	if u, ok := leadingUUID(src); ok {
		return append(append(dst, codeUUID), u[:]...), uuidLength
	}
	n := run(src, digit, maxRun)
	if n == 4 && len(src) >= timeLength && src[4] == '-' {
		if bits, ok := timeBits(src); ok {
			return appendBig(append(dst, codeTime), bits, timeWidth), timeLength
		}
	}
	if n < minRun {
		return append(dst, src[:n]...), n
	}
	return appendBig(append(dst, codeDigits+byte(n-minRun)), decimal(src[:n]), digitWidths[n]), n
}

// packWord packs what begins with a letter and says how many bytes that was. Phrases are looked for where
// words begin, not inside them.
func (p *packing) packWord(dst, src []byte) ([]byte, int) {
	if u, ok := leadingUUID(src); ok {
		return append(append(dst, codeUUID), u[:]...), uuidLength
	}
	if dst, n := p.packPhrase(dst, src); n > 0 {
		return dst, n
	}
	n := run(src, letter, len(src))
	return append(dst, src[:n]...), n
}

// packPhrase packs the longest phrase that src begins with and says how long it was, 0 for none.
func (p *packing) packPhrase(dst, src []byte) ([]byte, int) {
	if len(src) < shortStart {
		return dst, 0
	}
	if len(src) >= longStart {
		for _, number := range p.long[hashLong(src)] {
			if phrase := p.phrases[number]; len(src) >= len(phrase) && string(src[:len(phrase)]) == phrase {
				return appendPhrase(dst, number), len(phrase)
			}
		}
	}
	for _, number := range p.short[hashShort(src)] {
		if phrase := p.phrases[number]; len(src) >= len(phrase) && string(src[:len(phrase)]) == phrase {
			return appendPhrase(dst, number), len(phrase)
		}
	}
	return dst, 0
}

func appendPhrase(dst []byte, number uint16) []byte {
	if number < shortPhrases {
		return append(dst, codePhrase+byte(number))
	}
	return append(dst, codeRare, byte(number-shortPhrases))
}

const uuidLength = 36

func leadingUUID(src []byte) (u [16]byte, ok bool) {
	if len(src) < uuidLength || src[8] != '-' || src[23] != '-' {
		return u, false
	}
	return ident.ID(src[:uuidLength]).UUID()
}

// A time is packed when it has the form of timeLayout, and its numbers fit their bits: year, month, day,
// hour, minute, second, milliseconds.
const (
	timeLayout = "0000-00-00T00:00:00.000Z"
	timeLength = len(timeLayout)
	timeWidth  = 6
)

var timeParts = [...]struct{ from, to, bits int }{
	{0, 4, 12}, {5, 7, 4}, {8, 10, 5}, {11, 13, 5}, {14, 16, 6}, {17, 19, 6}, {20, 23, 10},
}

func timeBits(src []byte) (bits uint64, ok bool) {
	for i := range timeLength {
		if isDigit := classes[src[i]] == digit; isDigit != (timeLayout[i] == '0') || !isDigit && src[i] != timeLayout[i] {
			return 0, false
		}
	}
	for _, part := range timeParts {
		value := decimal(src[part.from:part.to])
		if value>>part.bits != 0 {
			return 0, false
		}
		bits = bits<<part.bits | value
	}
	return bits, true
}

func appendTime(dst []byte, bits uint64) []byte {
	at := len(dst)
	dst = append(dst, timeLayout...)
	for _, part := range slices.Backward(timeParts[:]) {
		putDecimal(dst[at+part.from:at+part.to], bits&(1<<part.bits-1))
		bits >>= part.bits
	}
	return dst
}

// digitWidths is how many bytes hold a number of so many digits.
var digitWidths = [maxRun + 1]int{0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8}

func decimal(digits []byte) (value uint64) {
	for _, c := range digits {
		value = value*10 + uint64(c-'0')
	}
	return value
}

// putDecimal fills text with the last digits of value.
func putDecimal(text []byte, value uint64) {
	for i := range slices.Backward(text) {
		text[i] = '0' + byte(value%10)
		value /= 10
	}
}

func appendBig(dst []byte, value uint64, width int) []byte {
	for shift := 8 * (width - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(value>>shift))
	}
	return dst
}

func big(b []byte) (value uint64) {
	for _, c := range b {
		value = value<<8 | uint64(c)
	}
	return value
}

// errPacked says that what was opened is not what pack writes.
var errPacked = errors.New("open body: not a packed body within bounds")

// unpack appends to dst what was packed. It stops with an error at codes it does not know, at an end
// that comes too early, and where dst would become longer than max.
func (p *packing) unpack(dst, src []byte, max int) ([]byte, error) {
	for len(src) > 0 {
		n := plain(src)
		if n == 0 {
			var ok bool
			if dst, n, ok = p.unpackCode(dst, src); !ok {
				return nil, errPacked
			}
		} else {
			dst = append(dst, src[:n]...)
		}
		if len(dst) > max {
			return nil, errPacked
		}
		src = src[n:]
	}
	return dst, nil
}

// plain is how many bytes at the start of src stand for themselves.
func plain(src []byte) int {
	for i, c := range src {
		if classes[c] == foreign {
			return i
		}
	}
	return len(src)
}

// unpackCode unpacks one code and says how many bytes of src it took.
func (p *packing) unpackCode(dst, src []byte) (_ []byte, n int, ok bool) {
	code := src[0]
	n = p.codeLength(src)
	if n == 0 || len(src) < n {
		return dst, 0, false
	}
	switch operand := src[1:n]; {
	case code >= codePhrase:
		return p.unpackPhrase(dst, int(code-codePhrase), n)
	case code == codeRare:
		return p.unpackPhrase(dst, shortPhrases+int(operand[0]), n)
	case code == codeEscape:
		return append(dst, operand[1:]...), n, true
	case code == codeUUID:
		return append(dst, ident.FromUUID([16]byte(operand))...), n, true
	case code == codeTime:
		return appendTime(dst, big(operand)), n, true
	default:
		at := len(dst)
		dst = append(dst, zeros[:int(code-codeDigits)+minRun]...)
		putDecimal(dst[at:], big(operand))
		return dst, n, true
	}
}

const zeros = "0000000000000000000"

func (p *packing) unpackPhrase(dst []byte, number, n int) ([]byte, int, bool) {
	if number >= len(p.phrases) {
		return dst, 0, false
	}
	return append(dst, p.phrases[number]...), n, true
}

// codeLength is how long a code is together with its operand, 0 if it is no code.
func (p *packing) codeLength(src []byte) int {
	switch code := src[0]; {
	case code >= codePhrase:
		return 1
	case code == codeRare:
		return 2
	case code == codeUUID:
		return 1 + 16
	case code == codeTime:
		return 1 + timeWidth
	case code >= codeDigits && code <= codeDigits+maxRun-minRun:
		return 1 + digitWidths[int(code-codeDigits)+minRun]
	case code == codeEscape && len(src) > 1:
		return 2 + int(src[1])
	}
	return 0
}
