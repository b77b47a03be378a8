package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // to damage stores with
)

// TestProgramScripts runs the program as people do, servers in processes of their own. Where they listen is in the
// variables that the program itself reads, and for a second one in BEHIND_LISTEN and BEHIND_ADMIN_LISTEN; ready waits for
// one, terminate and wait end it, and delivered waits for a switch.
func TestProgramScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script/program", Setup: choosePorts,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"message": sendMessage, "exits": checkExit, "ready": awaitReady, "terminate": terminate, "damage": damageStore,
			"delivered": awaitDelivery,
		},
	})
}

// choosePorts finds free ports for the script's servers, and gives them a token.
func choosePorts(env *testscript.Env) error {
	for _, name := range []string{"SCRIP_LISTEN", "SCRIP_ADMIN_LISTEN", "BEHIND_LISTEN", "BEHIND_ADMIN_LISTEN"} {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer free.Close() // once all are chosen, so that no two are the same
		env.Setenv(name, free.Addr().String())
	}
	token := filepath.Join(env.WorkDir, "token")
	env.Setenv("SCRIP_OPERATOR_TOKEN_FILE", token)
	env.Setenv("SCRIP_URL", "http://"+env.Getenv("SCRIP_LISTEN"))
	env.Setenv("SCRIP_ADMIN_URL", "http://"+env.Getenv("SCRIP_ADMIN_LISTEN"))
	env.Setenv("SCRIP_ADMIN_TOKEN", officeToken)
	return os.WriteFile(token, []byte(officeToken+"\n"), 0o600)
}

// startWithin bounds how long a server may take to be ready; it takes a tenth of a second.
const startWithin = 30 * time.Second

// ready [address] waits until the script's server, or the one whose operators' listener is named, answers 200 on /readyz.
func awaitReady(s *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) > 1 {
		s.Fatalf("usage: ready [address]")
	}
	url := s.Getenv("SCRIP_ADMIN_URL")
	if len(args) == 1 {
		url = "http://" + args[0]
	}
	await(s, url+"/readyz", "", func(string) bool { return true })
}

// delivered user:password waits until nothing of an account is queued at the script's switch.
func awaitDelivery(s *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 1 {
		s.Fatalf("usage: delivered user:password")
	}
	await(s, s.Getenv("SCRIP_URL")+"/queue", args[0], func(body string) bool {
		return strings.TrimSpace(body) == `{"upstreams":[]}`
	})
}

// await asks until it is answered 200 as wanted.
func await(s *testscript.TestScript, url, account string, wanted func(body string) bool) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	s.Check(err)
	if user, password, found := strings.Cut(account, ":"); found {
		r.SetBasicAuth(user, password)
	}
	for until := time.Now().Add(startWithin); time.Now().Before(until); {
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(response.Body)
		s.Check(errors.Join(err, response.Body.Close()))
		if response.StatusCode == http.StatusOK && wanted(string(body)) {
			return
		}
	}
	s.Fatalf("%s does not answer as it should", url)
}

// terminate asks the server in the background that was started last to stop, as a service manager does. wait has to
// follow: it checks the exit code.
func terminate(s *testscript.TestScript, negated bool, args []string) {
	running := s.BackgroundCmds()
	if negated || len(args) != 0 || len(running) == 0 {
		s.Fatalf("usage: terminate, with a server in the background")
	}
	s.Check(running[len(running)-1].Process.Signal(syscall.SIGTERM))
}

// damage file statement changes a store behind the program's back.
func damageStore(s *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		s.Fatalf("usage: damage file statement")
	}
	db, err := sql.Open("sqlite", s.MkAbs(args[0]))
	s.Check(err)
	done, err := db.Exec(args[1])
	s.Check(err)
	s.Check(db.Close())
	if rows, err := done.RowsAffected(); err != nil || rows == 0 {
		s.Fatalf("nothing was damaged: %v", err)
	}
}

// Each command tells what it is for, and shows how it is used.
func TestEveryCommandHasAnExample(t *testing.T) {
	var c commands
	parser, err := kong.New(&c, kong.Name("scrip"))
	if err != nil {
		t.Fatal(err)
	}
	leaves := parser.Model.Leaves(true)
	if len(leaves) < 20 {
		t.Errorf("there are only %d commands", len(leaves))
	}
	for _, leaf := range leaves {
		t.Run(leaf.Path(), func(t *testing.T) {
			var out, complaints bytes.Buffer
			words := commandWords(leaf)
			if code := run(context.Background(), append(words, "--help"), &out, &complaints); code != exitDone || complaints.Len() > 0 {
				t.Errorf("exit code %d, %s", code, complaints.String())
			}
			if leaf.Help == "" {
				t.Error("it does not say what it is for")
			}
			_, example, found := strings.Cut(out.String(), "Example")
			if command := "scrip " + strings.Join(words, " "); !found || !strings.Contains(example, command) {
				t.Errorf("it shows no example of %s:\n%s", command, out.String())
			}
		})
	}
}

// commandWords are the words that lead to a command, without its arguments. A default command's own name may be left out.
func commandWords(n *kong.Node) []string {
	var words []string
	for ; n.Parent != nil; n = n.Parent {
		if n.Type == kong.CommandNode && n.Parent.DefaultCmd != n {
			words = append([]string{n.Name}, words...)
		}
	}
	return words
}
