package admin

import (
	"fmt"
	"slices"
	"testing"
)

// numbers are records 1, 2, 3, …; fetch gives pages of them and remembers how many were asked for.
type numbers struct {
	all   int64
	asked []int
}

func (n *numbers) fetch(after int64, limit int) (found []int64, err error) {
	n.asked = append(n.asked, limit)
	for at := after + 1; at <= n.all && len(found) < limit; at++ {
		found = append(found, at)
	}
	return found, nil
}

// in leafs through those that a number divides, and gives the sizes of the pages.
func (n *numbers) in(t *testing.T, limit int, divisor int64) (sizes []int) {
	t.Helper()
	var got []int64
	for after := int64(0); ; {
		found, next, err := page(after, limit, n.fetch, func(r int64) (int64, int64, bool, error) { return r, r, r%divisor == 0, nil })
		if err != nil {
			t.Fatal(err)
		}
		got, sizes = append(got, found...), append(sizes, len(found))
		if after = next; next == 0 {
			break
		}
	}
	for i, r := range got {
		if r != divisor*int64(i+1) {
			t.Fatalf("the record at %d is %d", i, r)
		}
	}
	if len(got) != int(n.all/divisor) {
		t.Fatalf("%d records were found", len(got))
	}
	return sizes
}

func TestPagesEndWhereTheyShould(t *testing.T) {
	for _, c := range []struct {
		all     int64
		limit   int
		divisor int64
		want    []int
	}{
		{0, 10, 1, []int{0}},
		{10, 10, 1, []int{10}}, {11, 10, 1, []int{10, 1}}, {20, 10, 1, []int{10, 10}},
		{100, 0, 1, []int{100}}, {101, 0, 1, []int{100, 1}}, {102, 0, 1, []int{100, 2}},
		{1000, 499, 1, []int{499, 499, 2}}, {1000, 500, 1, []int{500, 500}}, {1001, 9999, 1, []int{500, 500, 1}},
		{1000, 1, 999, []int{1}}, {1600, 1, 700, []int{1, 1}}, {3000, 2, 600, []int{2, 2, 1}}, {3000, 10, 9999, []int{0}},
	} {
		t.Run(fmt.Sprintf("%d of %d, of which every %d. fits", c.limit, c.all, c.divisor), func(t *testing.T) {
			n := numbers{all: c.all}
			if sizes := n.in(t, c.limit, c.divisor); !slices.Equal(sizes, c.want) {
				t.Errorf("pages of %v, want %v", sizes, c.want)
			}
		})
	}
}

// The first page of a long list reads no more than it shows, and one more to know whether it goes on.
func TestAPageReadsWhatItShows(t *testing.T) {
	n := numbers{all: 10_000}
	if _, _, err := page(0, 100, n.fetch, func(r int64) (int64, int64, bool, error) { return r, r, true, nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(n.asked, []int{101}) {
		t.Errorf("%v were read", n.asked)
	}
}
