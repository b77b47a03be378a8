package storetest

import (
	"math"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store"
)

func testRows(t *testing.T, h *harness) {
	t.Run("every field comes back", h.with(rowFields))
	t.Run("a row is replaced and deleted", h.with(rowsChange))
	t.Run("a name is unique within kind and world", h.with(rowNames))
	t.Run("a name is free again", h.with(rowNamesFreed))
	t.Run("rows come in pages", h.with(rowPages))
}

func (r *room) put(rows ...admin.Row) {
	r.Helper()
	if err := r.tryPut(rows...); err != nil {
		r.Fatalf("put rows: %v", err)
	}
}

func (r *room) tryPut(rows ...admin.Row) error {
	return r.try(declared(), func(tx *store.Tx) error {
		for _, row := range rows {
			tx.PutRow(row)
		}
		return nil
	})
}

// rows checks what there is of a kind.
func (r *room) rows(kind admin.Kind, want ...admin.Row) {
	r.Helper()
	r.everyWay(func(how string) {
		r.Helper()
		r.same(how+": rows", must(r.driver.Rows(r.Context(), kind, math.MinInt64, 100)), want)
		for _, row := range want {
			got, found, err := r.driver.RowByName(r.Context(), kind, row.World, row.Name)
			if err != nil || found != (row.Name != "") {
				r.Fatalf("%s: by name %q: found %t, %v", how, row.Name, found, err)
			}
			if found {
				r.same(how+": row by name", got, row)
			}
		}
	})
}

func rowFields(r *room) {
	rows := []admin.Row{
		{Kind: admin.AccountRow, Number: -5, World: math.MinInt32, Name: "Ünicode '\u2028", Content: []byte{0}},
		{Kind: admin.AccountRow, Number: 7, World: math.MaxInt32, Name: "seven", Content: make([]byte, 100_000)},
		{Kind: admin.AccountRow, Number: math.MaxInt64, World: 1, Content: []byte{}},
	}
	r.full(rows[1])
	r.put(rows...)
	r.put(admin.Row{Kind: admin.ProductRow, Number: 7, World: 1, Name: "seven", Content: []byte("product")})
	r.rows(admin.AccountRow, rows...)
	r.rows(admin.OperatorRow)
}

func rowsChange(r *room) {
	row := admin.Row{Kind: admin.ProductRow, Number: 1, World: 1, Name: "one", Content: []byte("a")}
	other := admin.Row{Kind: admin.ProductRow, Number: 2, World: 1, Content: []byte("b")}
	r.put(row, other)
	row.World, row.Name, row.Content = 2, "uno", []byte("c")
	r.put(row)
	r.rows(admin.ProductRow, row, other)
	if _, found, _ := r.driver.RowByName(r.Context(), admin.ProductRow, 1, "one"); found {
		r.Error("a row is still found by its old name")
	}
	r.put(admin.Row{Kind: admin.ProductRow, Number: 1}, admin.Row{Kind: admin.ProductRow, Number: 99})
	r.rows(admin.ProductRow, other)
}

func rowNames(r *room) {
	first := admin.Row{Kind: admin.ProductRow, Number: 1, World: 1, Name: "tea", Content: []byte("a")}
	r.put(first)
	for _, fine := range []admin.Row{
		{Kind: admin.AccountRow, Number: 1, World: 1, Name: "tea", Content: []byte("x")},
		{Kind: admin.ProductRow, Number: 2, World: 2, Name: "tea", Content: []byte("x")},
		{Kind: admin.ProductRow, Number: 3, World: 1, Name: "Tea", Content: []byte("x")},
		{Kind: admin.ProductRow, Number: 4, World: 1, Content: []byte("x")},
		{Kind: admin.ProductRow, Number: 5, World: 1, Content: []byte("x")},
	} {
		r.put(fine)
	}
	twin := admin.Row{Kind: admin.ProductRow, Number: 6, World: 1, Name: "tea", Content: []byte("b")}
	if err := r.tryPut(twin); err == nil {
		r.Fatal("two rows have one name")
	}
	if err := r.tryPut(admin.Row{Kind: admin.ProductRow, Number: 7, World: 1, Name: "b", Content: []byte("b")},
		admin.Row{Kind: admin.ProductRow, Number: 8, World: 1, Name: "b", Content: []byte("b")}); err == nil {
		r.Fatal("two rows of one batch have one name")
	}
	if got := must(r.driver.Rows(r.Context(), admin.ProductRow, 5, 9)); len(got) != 0 {
		r.Fatalf("a refused row was kept: %v", got)
	}
}

func rowNamesFreed(r *room) {
	first := admin.Row{Kind: admin.ProductRow, Number: 1, World: 1, Name: "tea", Content: []byte("a")}
	second := admin.Row{Kind: admin.ProductRow, Number: 2, World: 1, Name: "tea", Content: []byte("b")}
	gone := admin.Row{Kind: admin.ProductRow, Number: 1}
	r.put(first)
	r.put(gone, second)
	r.rows(admin.ProductRow, second)
	renamed := second
	renamed.Name = "coffee"
	r.put(renamed, first)
	r.rows(admin.ProductRow, first, renamed)
}

func rowPages(r *room) {
	var all []admin.Row
	for n := range int64(7) {
		all = append(all, admin.Row{Kind: admin.AuditRow, Number: 10 * (n + 1), World: 1, Content: []byte{byte(n)}})
	}
	r.put(all...)
	pages(r, all, func(row admin.Row) int64 { return row.Number }, func(after int64, limit int) []admin.Row {
		return must(r.driver.Rows(r.Context(), admin.AuditRow, after, limit))
	})
}
