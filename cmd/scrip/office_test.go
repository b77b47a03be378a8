package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/network"
)

// officeToken is the first operator's token in the scripts.
const officeToken = "a-token-for-scripts-and-nothing-else"

// TestOfficeScripts runs the operators' commands against a server of their own for each script. What the server
// says is in $SCRIP_URL, $SCRIP_ADMIN_URL and $SCRIP_ADMIN_TOKEN.
func TestOfficeScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script/office",
		Setup: serveScript,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"message": sendMessage, "exits": checkExit, "goes-on": goOn},
	})
}

// serveScript starts a server on a store in the script's directory.
func serveScript(env *testscript.Env) error {
	a, err := app.New(context.Background(), app.Settings{
		Data: filepath.Join(env.WorkDir, "data"), Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Token: officeToken, Currency: 710, StopWithin: time.Second,
		Institution: ident.Reference{Institution: "1", Identifier: "Scrip"}, Network: &network.Settings{},
	})
	if err != nil {
		return err
	}
	env.Defer(func() {
		if err := a.Stop(context.Background()); err != nil {
			env.T().Log(err)
		}
	})
	if err := a.Start(); err != nil {
		return err
	}
	env.Setenv("SCRIP_URL", "http://"+a.Address().String())
	env.Setenv("SCRIP_ADMIN_URL", "http://"+a.AdminAddress().String())
	env.Setenv("SCRIP_ADMIN_TOKEN", officeToken)
	today := time.Now().UTC()
	env.Setenv("TODAY", today.Format(time.DateOnly))
	env.Setenv("TOMORROW", today.AddDate(0, 0, 1).Format(time.DateOnly))
	return nil
}

// message path user:password file sends a file's text as a message of a contract, and prints status and answer. The path
// is below the gift cards' unless it begins with /. It fails when the status is not below 300, or with ! when it is.
func sendMessage(s *testscript.TestScript, negated bool, args []string) {
	if len(args) != 3 {
		s.Fatalf("usage: message path user:password file")
	}
	path := args[0]
	if !strings.HasPrefix(path, "/") {
		path = "/giftcard/v3/" + path
	}
	r, err := http.NewRequest("POST", s.Getenv("SCRIP_URL")+path, strings.NewReader(s.ReadFile(args[2])))
	s.Check(err)
	user, password, _ := strings.Cut(args[1], ":")
	r.SetBasicAuth(user, password)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	s.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	s.Check(err)
	fmt.Fprintf(s.Stdout(), "%d %s\n", response.StatusCode, bytes.TrimSpace(body))
	if (response.StatusCode >= 300) != negated {
		s.Fatalf("answered %d %s", response.StatusCode, body)
	}
}

// exits code command... runs a command that must leave with an exit code.
func checkExit(s *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		s.Fatalf("usage: exits code command...")
	}
	want, err := strconv.Atoi(args[0])
	s.Check(err)
	var exit *exec.ExitError
	if err := s.Exec(args[1], args[2:]...); !errors.As(err, &exit) || exit.ExitCode() != want {
		s.Fatalf("left with %v, want exit code %d", err, want)
	}
}

// goes-on command... runs a command again from where the one before it said that there are more.
func goOn(s *testscript.TestScript, negated bool, args []string) {
	_, after, found := strings.Cut(s.ReadFile("stderr"), "there are more: ")
	after, _, ends := strings.Cut(after, " goes on\n")
	if negated || len(args) == 0 || !found || !ends {
		s.Fatalf("usage: goes-on command..., after one that says that there are more")
	}
	s.Check(s.Exec(args[0], append(args[1:], strings.Fields(after)...)...))
}

func FuzzParseVelocity(f *testing.F) {
	for _, s := range []string{"load:24h:5:100000", "load:24h:5", "::::", "load:1.5s:0:0", "load:-1h:x:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rules, err := parseVelocity([]string{s})
		if err != nil {
			return
		}
		again, err := parseVelocity([]string{velocityText(rules)})
		if err != nil || again[0] != rules[0] {
			t.Errorf("%q was read as %+v, and that as %+v (%v)", s, rules, again, err)
		}
	})
}
