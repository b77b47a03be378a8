package config

import (
	"fmt"
	"strings"
	"sync"

	"github.com/alecthomas/kong"
)

// model is Serve as kong sees it. Every flag with a key is a setting.
var model = sync.OnceValue(func() []*kong.Flag {
	parser, err := kong.New(&Serve{}, kong.NoDefaultHelp())
	if err != nil {
		panic("config: Serve is no set of flags: " + err.Error()) // its tags are wrong, as each test would find
	}
	return parser.Model.Flags
})

// flags are the settings by key.
var flags = sync.OnceValue(func() map[string]*kong.Flag {
	byKey := map[string]*kong.Flag{}
	for _, f := range model() {
		if key := f.Tag.Get("key"); key != "" {
			byKey[key] = f
		}
	}
	return byKey
})

// sections are the names before the dots of keys.
var sections = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for key := range flags() {
		if section, _, found := strings.Cut(key, "."); found {
			names[section] = true
		}
	}
	return names
})

// Reference is a table of all settings in Markdown, as docs/configuration.md has it.
func Reference() string {
	var b strings.Builder
	b.WriteString("| in the file | flag | variable | default | what it is |\n|---|---|---|---|---|\n")
	for _, f := range model() {
		key, value := f.Tag.Get("key"), "–"
		if f.Default != "" {
			value = "`" + f.Default + "`"
		}
		if key == "" {
			key = "–"
		} else {
			key = "`" + key + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | `%s` | %s | %s |\n", key, spelled(f), f.Tag.Envs[0], value, f.Help)
	}
	return b.String()
}

// SwitchReference is a table of what can be set of an upstream, and one of a route, in Markdown.
func SwitchReference() (upstreams, routes string) {
	const head = "| key | what it is |\n|---|---|\n"
	var u, r strings.Builder
	u.WriteString(head)
	for _, m := range upstreamMembers {
		table(&u, "", []member[upstream]{m})
		switch m.key {
		case "oauth2":
			table(&u, "oauth2.", oauth2Members)
		case "accounts":
			table(&u, "accounts[].", accountMembers)
		case "tls":
			table(&u, "tls.", tlsMembers)
		case "origin":
			table(&u, "origin.", originMembers)
		}
	}
	r.WriteString(head)
	table(&r, "", routeMembers)
	return u.String(), r.String()
}

// spelled gives a flag with its placeholder.
func spelled(f *kong.Flag) string {
	text := "--" + f.Name
	if f.Short != 0 {
		text = "-" + string(f.Short) + ", " + text
	}
	switch {
	case f.IsBool():
		return text
	case f.PlaceHolder != "":
		return text + " " + f.PlaceHolder
	case f.Enum != "":
		return text + " " + strings.ReplaceAll(strings.Trim(f.Enum, ","), ",", "\\|")
	case f.Target.Type().Name() == "Duration":
		return text + " TIME"
	}
	return text + " N"
}
