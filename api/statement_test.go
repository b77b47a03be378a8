package api

import (
	"maps"
	"slices"
	"strings"
)

// statements are what facts or a document say, one by one: a path such as
// "model/Card/pan/pattern" and the value said of it.
type statements map[string]string

const yes = "yes"

// say adds a statement. Saying nothing adds none, and two values for one path are both kept, so that a
// contradiction shows up as a difference.
func (s statements) say(value string, path ...string) {
	at := strings.Join(path, "/")
	said, twice := s[at]
	switch {
	case value == "" || said == value:
	case twice:
		both := []string{said, value}
		slices.Sort(both)
		s[at] = strings.Join(both, " and ")
	default:
		s[at] = value
	}
}

func (s statements) sayIf(holds bool, path ...string) {
	if holds {
		s.say(yes, path...)
	}
}

// paths are those of both, in order.
func paths(a, b statements) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// wholeValue writes a pattern without its anchors: all patterns here hold for the whole value.
func wholeValue(pattern string) string {
	return strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
}

// slashless writes both forms of a path as one, because they are one resource (rule C3).
func slashless(path string) string { return strings.TrimSuffix(path, "/") }
