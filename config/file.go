package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// maxFile bounds the file, in bytes.
const maxFile = 256 << 10

// File names a YAML file of settings. As the type of a flag it makes kong read it.
type File string

// BeforeResolve reads the file and lets it answer for what neither flag nor variable has set. kong calls it.
func (f File) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	name := string(ctx.FlagValue(trace.Flag).(File)) // the flag is of this type, or this method would not be called
	if name == "" {
		return nil
	}
	text, err := readFile(name, maxFile)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	read, err := parse(name, text)
	if err != nil {
		return err
	}
	ctx.AddResolver(read)
	return nil
}

// values are the settings of one file.
type values struct {
	file  string
	byKey map[string]string
	lines map[string]int // where each key and section stands

	upstreams []upstream
	routeList []route
}

var _ kong.Resolver = (*values)(nil)

// Validate has nothing to say: the file was checked as it was read.
func (v *values) Validate(*kong.Application) error { return nil }

// Resolve gives the file's value of a flag, unless a variable has set it: kong asks files after variables, and
// would let the file win.
func (v *values) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	found, ok := v.byKey[flag.Tag.Get("key")]
	if !ok || variableSet(flag) {
		return nil, nil
	}
	return found, nil
}

func variableSet(flag *kong.Flag) bool {
	for _, name := range flag.Tag.Envs {
		if _, set := os.LookupEnv(name); set {
			return true
		}
	}
	return false
}

// parse reads the text of a file. Its errors begin with file and line.
func parse(file string, text []byte) (*values, error) {
	v := &values{file: file, byKey: map[string]string{}, lines: map[string]int{}}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return v, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is more than one document in it", file)
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" { // nothing but comments
		return v, nil
	}
	if err := v.section(root, ""); err != nil {
		return nil, err
	}
	return v, v.checkLists()
}

// at is an error at a line.
func (v *values) at(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", v.file, n.Line, fmt.Sprintf(format, args...))
}

// section takes the keys of one mapping, whose own name with a dot is the prefix.
func (v *values) section(n *yaml.Node, prefix string) error {
	if n.Kind != yaml.MappingNode {
		whole := "the file"
		if prefix != "" {
			whole = "the section " + strings.TrimSuffix(prefix, ".")
		}
		return v.at(n, "%s must hold settings, each as key: value", whole)
	}
	for i := 0; i < len(n.Content); i += 2 {
		if err := v.pair(n.Content[i], n.Content[i+1], prefix); err != nil {
			return err
		}
	}
	return nil
}

func (v *values) pair(name, content *yaml.Node, prefix string) error {
	if name.Kind != yaml.ScalarNode {
		return v.at(name, "a key must be a plain word")
	}
	key := prefix + name.Value
	if before, twice := v.lines[key]; twice {
		return v.at(name, "%s is there a second time, first in line %d", key, before)
	}
	v.lines[key] = name.Line
	flag := flags()[key]
	switch {
	case flag != nil && strings.Contains(name.Value, "."):
		return v.at(name, "%s must stand in its section, without the dot", key)
	case flag != nil:
		return v.setting(key, flag, content)
	case key == "upstreams" || key == "routes":
		return v.list(key, content)
	case sections()[key]:
		return v.section(content, key+".")
	}
	return v.at(name, "unknown setting %s", key)
}

// setting takes one value, after trying whether its flag could read it.
func (v *values) setting(key string, flag *kong.Flag, n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return v.at(n, "%s must have a single value", key)
	}
	if n.Tag == "!!null" {
		return v.at(n, "%s has no value", key)
	}
	if err := try(flag, n.Value); err != nil {
		return v.at(n, "%s: %v", key, err)
	}
	v.byKey[key] = n.Value
	return nil
}

// try says whether a flag can take a text.
func try(flag *kong.Flag, text string) error {
	scratch := reflect.New(flag.Target.Type()).Elem()
	context := &kong.DecodeContext{Value: flag.Value, Scan: kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: text})}
	if err := flag.Mapper.Decode(context, scratch); err != nil {
		return err
	}
	if flag.Enum != "" && !flag.EnumMap()[text] {
		return fmt.Errorf("%q is none of %s", text, strings.Join(flag.EnumSlice(), ", "))
	}
	return nil
}
