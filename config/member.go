package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// member is one key of an entry in a list of the file, such as an upstream, or of a section in one.
type member[T any] struct {
	key, help string
	take      func(v *values, n *yaml.Node, into *T) error
}

// nodes are where the members of an entry stand in the file, by key.
type nodes map[string]*yaml.Node

// entries takes a list of the file.
func entries[T any](v *values, n *yaml.Node, what string, most int, take func(v *values, n *yaml.Node, into *T) error) ([]T, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return nil, v.at(n, "%s must be a list", what)
	}
	if len(n.Content) > most {
		return nil, v.at(n, "%s has more than %d entries", what, most)
	}
	all := make([]T, len(n.Content))
	for i, content := range n.Content {
		if err := take(v, content, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// entry takes the members of one mapping.
func entry[T any](v *values, n *yaml.Node, what string, members []member[T], into *T) (nodes, error) {
	if n.Kind != yaml.MappingNode {
		return nil, v.at(n, "%s must hold settings, each as key: value", what)
	}
	found := nodes{}
	for i := 0; i < len(n.Content); i += 2 {
		name, content := n.Content[i], n.Content[i+1]
		at := slices.IndexFunc(members, func(m member[T]) bool { return m.key == name.Value && name.Kind == yaml.ScalarNode })
		if at < 0 {
			return nil, v.at(name, "unknown setting %s of %s", name.Value, what)
		}
		if before := found[name.Value]; before != nil {
			return nil, v.at(name, "%s is there a second time, first in line %d", name.Value, before.Line)
		}
		found[name.Value] = name
		if err := members[at].take(v, content, into); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// scalar gives a single value.
func (v *values) scalar(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", v.at(n, "a single value must stand here")
	case n.Tag == "!!null" || n.Value == "":
		return "", v.at(n, "a value is missing")
	}
	return n.Value, nil
}

// text takes a single value.
func text[T any](field func(*T) *string) func(*values, *yaml.Node, *T) error {
	return func(v *values, n *yaml.Node, into *T) (err error) {
		*field(into), err = v.scalar(n)
		return err
	}
}

// word takes one of a few.
func word[T any](field func(*T) *string, allowed ...string) func(*values, *yaml.Node, *T) error {
	return func(v *values, n *yaml.Node, into *T) error {
		found, err := v.oneOf(n, allowed)
		*field(into) = found
		return err
	}
}

func (v *values) oneOf(n *yaml.Node, allowed []string) (string, error) {
	found, err := v.scalar(n)
	if err == nil && len(allowed) > 0 && !slices.Contains(allowed, found) {
		err = v.at(n, "%q is none of %s", found, strings.Join(allowed, ", "))
	}
	return found, err
}

// list takes single values, each one of the allowed if there are any. One alone need not stand in brackets.
func list[T any](field func(*T) *[]string, allowed ...string) func(*values, *yaml.Node, *T) error {
	return func(v *values, n *yaml.Node, into *T) error {
		items, err := v.items(n)
		if err != nil {
			return err
		}
		for _, item := range items {
			found, err := v.oneOf(item, allowed)
			if err != nil {
				return err
			}
			*field(into) = append(*field(into), found)
		}
		return nil
	}
}

// items gives what is in a list, or the single value that stands for one.
func (v *values) items(n *yaml.Node) ([]*yaml.Node, error) {
	switch {
	case n.Kind == yaml.ScalarNode:
		return []*yaml.Node{n}, nil
	case n.Kind != yaml.SequenceNode || len(n.Content) == 0:
		return nil, v.at(n, "a list must stand here, and not an empty one")
	}
	return n.Content, nil
}

// value takes what a function can read.
func value[T, V any](field func(*T) *V, read func(string) (V, error), what string) func(*values, *yaml.Node, *T) error {
	return func(v *values, n *yaml.Node, into *T) error {
		found, err := v.scalar(n)
		if err != nil {
			return err
		}
		if *field(into), err = read(found); err != nil {
			return v.at(n, "%q is not %s", found, what)
		}
		return nil
	}
}

func duration[T any](field func(*T) *time.Duration) func(*values, *yaml.Node, *T) error {
	return value(field, time.ParseDuration, "a time with its unit, such as 50s")
}

func count[T any](field func(*T) *int) func(*values, *yaml.Node, *T) error {
	return value(field, strconv.Atoi, "a whole number")
}

func yes[T any](field func(*T) *bool) func(*values, *yaml.Node, *T) error {
	return value(field, strconv.ParseBool, "true or false")
}

// section takes a mapping within an entry.
func section[T, S any](what string, members []member[S], field func(*T) *S) func(*values, *yaml.Node, *T) error {
	return func(v *values, n *yaml.Node, into *T) error {
		_, err := entry(v, n, what, members, field(into))
		return err
	}
}

// table writes members for the reference, those of sections with the section's name before them.
func table[T any](b *strings.Builder, section string, members []member[T]) {
	for _, m := range members {
		fmt.Fprintf(b, "| `%s%s` | %s |\n", section, m.key, m.help)
	}
}
