package postgres

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/sqlstore"
)

// comesBack gives the row that a value makes in a column of a type.
func comesBack(t *testing.T, oid uint32, c cell) *row {
	t.Helper()
	b, err := appendCell(nil, oid, &c)
	if err != nil {
		t.Fatal(err)
	}
	return &row{fields: []pgconn.FieldDescription{{DataTypeOID: oid}}, values: [][]byte{b[4:]}}
}

func TestNumbersFitTheirColumnOrAreRefused(t *testing.T) {
	for _, c := range []struct {
		oid  uint32
		n    int64
		fits bool
	}{
		{pgtype.Int2OID, math.MaxInt16, true}, {pgtype.Int2OID, math.MinInt16, true}, {pgtype.Int2OID, math.MaxInt16 + 1, false},
		{pgtype.Int4OID, math.MaxInt32, true}, {pgtype.Int4OID, math.MinInt32, true}, {pgtype.Int4OID, math.MinInt32 - 1, false},
		{pgtype.Int8OID, math.MaxInt64, true}, {pgtype.Int8OID, math.MinInt64, true},
	} {
		b, err := appendNumber(nil, c.oid, c.n)
		if c.fits != (err == nil) || !c.fits && !errors.Is(err, store.ErrData) {
			t.Errorf("%d in type %d: %v", c.n, c.oid, err)
			continue
		}
		if c.fits {
			if r := (&row{values: [][]byte{b[4:]}}); r.ColumnInt64(0) != c.n {
				t.Errorf("%d came back as %d", c.n, r.ColumnInt64(0))
			}
		}
	}
}

func TestWhatAServerWouldRefuse(t *testing.T) {
	for _, text := range []string{"a\x00b", "\xff", "\x00"} {
		for _, oid := range []uint32{pgtype.TextOID, pgtype.ByteaOID} {
			if _, err := appendCell(nil, oid, &cell{kind: letters, bytes: []byte(text)}); !errors.Is(err, store.ErrData) {
				t.Errorf("%q in type %d: %v", text, oid, err)
			}
		}
	}
	if _, err := appendCell(nil, pgtype.TextOID, &cell{kind: octets}); !errors.Is(err, store.ErrData) {
		t.Errorf("bytes as a text: %v", err)
	}
}

// An id that is no UUID comes back as it was, also when it is as long as a UUID is in its column.
func FuzzID(f *testing.F) {
	for _, id := range []string{"x", "fifteen letters", "sixteen letters!", "seventeen letters", "8b2ad1a8-8ed4-4b8a-9a31-1f6aa7a63b6f"} {
		f.Add(id)
	}
	session := sqlstore.NewSession(nil, nil, nil)
	f.Fuzz(func(t *testing.T, id string) {
		c := cell{kind: letters, bytes: []byte(id)}
		b, err := appendCell(nil, pgtype.ByteaOID, &c)
		if err != nil || id == "" {
			return // it is refused
		}
		r := &row{fields: []pgconn.FieldDescription{{DataTypeOID: pgtype.ByteaOID}}, values: [][]byte{b[4:]}}
		if back, err := session.ScanID(r, 0); err != nil || back != ident.ID(id) {
			t.Errorf("%q came back as %q, %v", id, back, err)
		}
	})
}

func FuzzUUID(f *testing.F) {
	f.Add(make([]byte, uuidSize))
	f.Add([]byte("sixteen letters!"))
	session := sqlstore.NewSession(nil, nil, nil)
	f.Fuzz(func(t *testing.T, u []byte) {
		if len(u) != uuidSize {
			return
		}
		r := comesBack(t, pgtype.ByteaOID, cell{kind: octets, bytes: u})
		if back, err := session.ScanID(r, 0); err != nil || back != ident.FromUUID([16]byte(u)) {
			t.Errorf("%x came back as %q, %v", u, back, err)
		}
	})
}

func TestAnEmptyValueIsNotNull(t *testing.T) {
	full := comesBack(t, pgtype.ByteaOID, cell{kind: octets})
	if full.ColumnIsNull(0) || full.ColumnLen(0) != 0 {
		t.Error("an empty value is null")
	}
	b, err := appendCell(nil, pgtype.ByteaOID, &cell{kind: null})
	if err != nil || !bytes.Equal(b, []byte{0xff, 0xff, 0xff, 0xff}) {
		t.Errorf("null is %x, %v", b, err)
	}
}
