package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Everything that can be asked for help shows how it is used: the program, the groups, and the commands.
func TestEveryHelpHasAnExample(t *testing.T) {
	var c commands
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		var path []string
		switch n := node.(type) {
		case *kong.Application:
		case *kong.Command:
			path = strings.Fields(n.Path())
		default:
			return next(nil)
		}
		asked++
		code, out, told := ran(t, append(path, "--help")...)
		_, example, _ := strings.Cut(out, "Example")
		example, _, _ = strings.Cut(example, "Flags:")
		command := "scrip " + strings.Join(path[:min(1, len(path))], "")
		if code != exitDone || told != "" || !strings.Contains(example, command) {
			t.Errorf("%v --help has no example: exit code %d\n%s%s", path, code, out, told)
		}
		return next(nil)
	})
	if err != nil || asked < 40 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// Where one flag of several is needed, the help does not read as if all were, and the mistake is named.
func TestOneOfSeveralFlagsIsEnough(t *testing.T) {
	for words, flags := range map[string][]string{
		"txn find":                  {"--id", "--identifier", "--card", "--msisdn", "--label", "--serial", "--pin-file", "--merchant"},
		"bench load http://x.local": {"--cards", "--pan-from"},
	} {
		_, help, _ := ran(t, append(strings.Fields(words), "--help")...)
		if usage, _, _ := strings.Cut(help, "\n"); strings.Contains(usage, flags[0]) {
			t.Errorf("reads as if it were required: %s", usage)
		}
		code, _, told := ran(t, strings.Fields(words)...)
		if want := "one of " + strings.Join(flags[:len(flags)-1], ", ") + " and " + flags[len(flags)-1]; code != exitUsage || !strings.Contains(told, want) || !strings.Contains(strings.Join(strings.Fields(help), " "), want) {
			t.Errorf("%s: exit code %d, %s; want %q, there and in the help:\n%s", words, code, told, want, help)
		}
		both := append(strings.Fields(words), flags[0], "main.go", flags[1], "6")
		if code, _, told := ran(t, both...); code != exitUsage || !strings.Contains(told, "can't be used together") {
			t.Errorf("with two: exit code %d, %s", code, told)
		}
	}
}

// The version is where people look for it.
func TestTheVersionIsAFlagToo(t *testing.T) {
	_, want, _ := ran(t, "version")
	if code, out, told := ran(t, "--version"); code != exitDone || out != want || !strings.HasPrefix(out, "scrip ") || told != "" {
		t.Errorf("exit code %d, got %q, want %q\n%s", code, out, want, told)
	}
}
