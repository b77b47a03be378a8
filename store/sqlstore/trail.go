package sqlstore

import (
	"encoding/binary"
	"errors"

	"github.com/scripworks/scrip/txn"
)

var errTrail = errors.New("a trail of links and references that cannot be read")

// appendTrail writes a message's links and references in few bytes: the number of links, for each link how far
// its card is from the message's card and how far back the previous message lies, then eight bytes for each
// reference. A message with neither has no trail.
func appendTrail(b []byte, m *txn.Message) []byte {
	if len(m.Links) == 0 && len(m.References) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(m.Links)))
	for _, link := range m.Links {
		b = binary.AppendVarint(b, link.Card-m.Card)
		b = binary.AppendVarint(b, distance(m.Seq, link.Previous))
	}
	for _, hash := range m.References {
		b = binary.BigEndian.AppendUint64(b, uint64(hash))
	}
	return b
}

// readTrail reads what appendTrail wrote into a message whose Seq and Card are known.
func readTrail(b []byte, m *txn.Message) error {
	if len(b) == 0 {
		return nil
	}
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)) {
		return errTrail
	}
	b = b[n:]
	if count > 0 {
		m.Links = make([]txn.Link, count)
	}
	for i := range m.Links {
		card, n := binary.Varint(b)
		if n <= 0 {
			return errTrail
		}
		back, k := binary.Varint(b[n:])
		if k <= 0 {
			return errTrail
		}
		m.Links[i] = txn.Link{Card: m.Card + card, Previous: distance(m.Seq, back)}
		b = b[n+k:]
	}
	if len(b)%8 != 0 {
		return errTrail
	}
	for ; len(b) > 0; b = b[8:] {
		m.References = append(m.References, int64(binary.BigEndian.Uint64(b)))
	}
	return nil
}
