package postgres

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlstore"
)

// kind is how a value was bound.
type kind uint8

const (
	unbound kind = iota
	null
	number
	octets
	letters
)

// cell is a value that was bound.
type cell struct {
	kind  kind
	n     int64
	bytes []byte // of octets and letters
}

// arrays names the type of an array of each type that a column has.
var arrays = map[uint32]struct {
	name string
	oid  uint32
}{
	pgtype.Int2OID: {"smallint[]", pgtype.Int2ArrayOID}, pgtype.Int4OID: {"integer[]", pgtype.Int4ArrayOID},
	pgtype.Int8OID: {"bigint[]", pgtype.Int8ArrayOID}, pgtype.TextOID: {"text[]", pgtype.TextArrayOID},
	pgtype.ByteaOID: {"bytea[]", pgtype.ByteaArrayOID},
}

// appendCell appends a value in the binary form of a type, behind its length. ErrData: the type cannot hold it.
func appendCell(b []byte, oid uint32, c *cell) ([]byte, error) {
	switch c.kind {
	case number:
		return appendNumber(b, oid, c.n)
	case octets:
		if oid != pgtype.ByteaOID && oid != pgtype.Int8ArrayOID { // these are whole parameters of our own
			return nil, fmt.Errorf("%w: bytes in a column of type %d", store.ErrData, oid)
		}
		return append(binary.BigEndian.AppendUint32(b, uint32(len(c.bytes))), c.bytes...), nil
	case letters:
		return appendLetters(b, oid, c.bytes)
	}
	return append(b, 0xff, 0xff, 0xff, 0xff), nil
}

func appendNumber(b []byte, oid uint32, n int64) ([]byte, error) {
	switch {
	case oid == pgtype.Int8OID:
		return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(n)), nil
	case oid == pgtype.Int4OID && n == int64(int32(n)):
		return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(n)), nil
	case oid == pgtype.Int2OID && n == int64(int16(n)):
		return binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(n)), nil
	}
	return nil, fmt.Errorf("%w: %d does not fit its column", store.ErrData, n)
}

// appendLetters appends a text. PostgreSQL refuses those with a NUL or with bytes that are no UTF-8.
func appendLetters(b []byte, oid uint32, text []byte) ([]byte, error) {
	if !utf8.Valid(text) || strings.IndexByte(string(text), 0) >= 0 {
		return nil, fmt.Errorf("%w: a text that is no UTF-8 or has a NUL in it", store.ErrData)
	}
	if oid == pgtype.ByteaOID {
		return appendMarked(b, text), nil
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...), nil
}

// uuidSize is how long an id is that is kept as a UUID.
const uuidSize = 16

// appendMarked appends a text for a column that has UUIDs as well: behind a NUL, which no text has, and with a NUL behind
// it where it would be as long as a UUID.
func appendMarked(b, text []byte) []byte {
	marked := len(text) + 1
	padded := marked == uuidSize
	if padded {
		marked++
	}
	b = append(binary.BigEndian.AppendUint32(b, uint32(marked)), 0)
	b = append(b, text...)
	if padded {
		b = append(b, 0)
	}
	return b
}

// arrayHead is how long the beginning of an array is: dimensions, whether it has nulls, type, length and lower bound.
const arrayHead = 20

// finishArray writes the beginning of an array whose elements stand behind room for it.
func finishArray(b []byte, oid uint32, elements int) []byte {
	binary.BigEndian.PutUint32(b[0:], 1)
	binary.BigEndian.PutUint32(b[4:], 1)
	binary.BigEndian.PutUint32(b[8:], oid)
	binary.BigEndian.PutUint32(b[12:], uint32(elements))
	binary.BigEndian.PutUint32(b[16:], 1)
	if elements == 0 {
		binary.BigEndian.PutUint32(b[0:], 0)
		return b[:12]
	}
	return b
}

// array gives values as a parameter. The caller keeps numbers within the type.
func array[T int16 | int32 | int64](values []T, oid uint32) []byte {
	b := make([]byte, arrayHead, arrayHead+12*len(values))
	for _, v := range values {
		b, _ = appendNumber(b, oid, int64(v))
	}
	return finishArray(b, oid, len(values))
}

func int8s[T ~int64](values []T) []byte {
	b := make([]byte, arrayHead, arrayHead+12*len(values))
	for _, v := range values {
		b = binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v))
	}
	return finishArray(b, pgtype.Int8OID, len(values))
}

func int4s[T ~int32](values []T) []byte {
	b := make([]byte, arrayHead, arrayHead+8*len(values))
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(v))
	}
	return finishArray(b, pgtype.Int4OID, len(values))
}

func int8(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
func int4(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// row is one row of a result.
type row struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

var _ sqlstore.Row = (*row)(nil)

func (r *row) ColumnInt64(column int) int64 {
	switch v := r.values[column]; len(v) {
	case 8:
		return int64(binary.BigEndian.Uint64(v))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 1:
		return int64(v[0]) // a boolean
	}
	return 0
}

func (r *row) ColumnLen(column int) int { return len(r.values[column]) }

func (r *row) ColumnBytes(column int, into []byte) int { return copy(into, r.values[column]) }

func (r *row) ColumnText(column int) string {
	v := r.values[column]
	if r.fields[column].DataTypeOID == pgtype.ByteaOID {
		return strings.Trim(string(v), "\x00")
	}
	return string(v)
}

func (r *row) ColumnIsNull(column int) bool { return r.values[column] == nil }

// ColumnIsText says whether a column holds a text, or an id that is none of a UUID's length.
func (r *row) ColumnIsText(column int) bool {
	return r.fields[column].DataTypeOID != pgtype.ByteaOID || len(r.values[column]) != uuidSize
}

// limit is how many rows are asked for at most.
func limit(n int) int64 { return int64(min(max(n, 0), math.MaxInt32)) }
