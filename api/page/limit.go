package page

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// allLimits are those of a field itself. What a model that it refers to asks for is said there.
func allLimits(ref *openapi3.SchemaRef) []string {
	if ref.Ref != "" {
		return nil
	}
	all := limits(ref.Value)
	if len(ref.Value.Enum) > 0 {
		all = append(all, "one of "+strings.Join(values(ref.Value), ", "))
	}
	for _, part := range ref.Value.AllOf {
		if part.Ref == "" && len(part.Value.Required) > 0 {
			all = append(all, "must have "+strings.Join(part.Value.Required, ", "))
		}
	}
	return all
}

// limits says in words what a schema asks of a value.
func limits(s *openapi3.Schema) []string {
	var all []string
	say := func(holds bool, format string, args ...any) {
		if holds {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(s.Pattern != "", "pattern %s", s.Pattern)
	all = append(all, between(s.MinLength, s.MaxLength, "character")...)
	all = append(all, between(s.MinItems, s.MaxItems, "item")...)
	say(s.Min != nil, "at least %s", real(s.Min))
	say(s.Max != nil, "at most %s", real(s.Max))
	say(s.Nullable, "may be null")
	if written, err := json.Marshal(s.Default); err == nil && s.Default != nil {
		say(true, "default %s", written)
	}
	return append(all, extensions(s)...)
}

// extensions says in words what our own keywords mean; the documents explain them at length.
func extensions(s *openapi3.Schema) []string {
	var all []string
	say := func(name string, sentence func(value string) string) {
		if value, ok := s.Extensions[name]; ok {
			all = append(all, sentence(fmt.Sprint(value)))
		}
	}
	say("x-scrip-also-accepts", func(v string) string { return "also accepts a string of pattern " + v })
	say("x-scrip-alias-of", func(v string) string { return "second name of " + v })
	say("x-scrip-unknown", func(v string) string { return "a value not in the list counts as " + v })
	say("x-scrip-unjudged", func(string) string { return "passed on unjudged" })
	say("x-scrip-masked", func(v string) string {
		if v == "pan" {
			return "shown masked but for first six and last four"
		}
		return "shown masked"
	})
	return all
}

func between(from uint64, to *uint64, unit string) []string {
	switch {
	case to != nil && *to == from:
		return []string{"exactly " + count(from, unit)}
	case to != nil && from > 0:
		return []string{fmt.Sprintf("%d to %s", from, count(*to, unit))}
	case to != nil:
		return []string{"at most " + count(*to, unit)}
	case from > 0:
		return []string{"at least " + count(from, unit)}
	default:
		return nil
	}
}

func count(n uint64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

func real(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}
