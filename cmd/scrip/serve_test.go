package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/config"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// ran runs a command line and gives its exit code and what it printed.
func ran(t *testing.T, words ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), words, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// The log says that a program has stopped only when that was in order.
func TestOnlyWhatEndedInOrderIsToldAsStopped(t *testing.T) {
	for _, failure := range []error{nil, errors.New("requests were cut off")} {
		var told bytes.Buffer
		err := end(slog.New(slog.NewTextHandler(&told, nil)), func() error { return failure })
		if stopped := strings.Contains(told.String(), "msg=stopped took="); err != failure || stopped != (failure == nil) {
			t.Errorf("after %v it gives %v and tells %q", failure, err, told.String())
		}
	}
}

// printedToken finds the token in what was printed.
func printedToken(text string) string {
	found := regexp.MustCompile(`SCRIP_ADMIN_TOKEN=(\S+)`).FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return found[1]
}

// letsIn says whether an operator with a token may come into a store, and as whom.
func letsIn(t *testing.T, data, token string) (as *admin.Operator, yes bool) {
	t.Helper()
	a, err := app.New(t.Context(), app.Settings{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, a)
	return a.Register.OperatorByToken(secret.TokenDigest(token))
}

func stop(t *testing.T, a *app.App) {
	t.Helper()
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// The first operator is made and committed before the server listens. When it cannot listen, the token must have been
// told: no later start would tell it.
func TestTheFirstTokenIsToldThoughTheServerCannotListen(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, words := range map[string][]string{
		"serve":   {"serve", "--listen", busy.Addr().String(), "--admin-listen", "127.0.0.1:0"},
		"sandbox": {"sandbox", "--listen", busy.Addr().String(), "--admin-listen", "127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			code, _, told := ran(t, append(words, "--data", data)...)
			if code != exitFailed || !strings.Contains(told, "address already in use") {
				t.Fatalf("exit code %d\n%s", code, told)
			}
			if !strings.Contains(told, "Made a keyset in "+app.KeysPath(data, "")) {
				t.Errorf("the keyset is not told of\n%s", told)
			}
			if as, ok := letsIn(t, data, printedToken(told)); !ok || as.Role != admin.Admin {
				t.Errorf("nobody was told how to come in\n%s", told)
			}
		})
	}
}

// A sandbox that keeps nothing takes its operator with it when it cannot listen.
func TestNoTokenIsToldOfASandboxThatNeverWas(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	code, out, told := ran(t, "sandbox", "--listen", busy.Addr().String(), "--admin-listen", "127.0.0.1:0")
	if code != exitFailed || out != "" || !strings.Contains(told, "address already in use") || printedToken(told) != "" {
		t.Errorf("exit code %d\n%s%s", code, out, told)
	}
}

// Whoever gives the store's file for its directory hears which setting is wrong, and how.
func TestAFileIsNoDataDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scrip.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"serve"}, {"sandbox"}} {
		for data, why := range map[string]string{
			file:                       file + " is a file; give the directory that it is in, or another one",
			filepath.Join(file, "sub"): filepath.Join(file, "sub") + " cannot be a directory: what it would be in is a file",
		} {
			code, _, told := ran(t, append(command, "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")...)
			if want := "setting data (--data, SCRIP_DATA): " + why; code != exitUsage || !strings.Contains(told, want) {
				t.Errorf("%s --data %s: exit code %d\n%s", command, data, code, told)
			}
		}
	}
}

// Whoever has the data directory and no token makes a new admin on the stopped store.
func TestAnOperatorIsRecovered(t *testing.T) {
	data := t.TempDir()
	a, err := app.New(t.Context(), app.Settings{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	if code, out, told := ran(t, "operator", "recover", "ann", "--data", data); code != exitFailed || out != "" || !strings.Contains(told, "stop the server first") {
		t.Errorf("while a server has the store: exit code %d, %s%s", code, out, told)
	}
	stop(t, a)

	code, out, told := ran(t, "operator", "recover", "ann", "--data", data, "--reason", "the safe burned")
	if as, ok := letsIn(t, data, printedToken(out)); code != exitDone || !ok || as.Name != "ann" || as.Role != admin.Admin {
		t.Fatalf("exit code %d\n%s%s", code, out, told)
	}
	if trail := trailOf(t, data); !strings.Contains(trail, "ann operator/ann recovered on the store itself: the safe burned") {
		t.Errorf("the audit trail is\n%s", trail)
	}
	if code, out, told := ran(t, "operator", "recover", "ann", "--data", data); code != exitFailed || out != "" || !strings.Contains(told, "exists") {
		t.Errorf("once more: exit code %d, %s%s", code, out, told)
	}
}

// On a database an admin is made while servers go on, and they take the token; the help says so.
func TestAnOperatorIsRecoveredBesideRunningServers(t *testing.T) {
	data, database := t.TempDir(), pgtest.Shared(t).Database(t)
	a := servedOn(t, data, database)
	code, out, told := ran(t, "operator", "recover", "ann", "--database", database, "--data", data)
	if code != exitDone {
		t.Fatalf("exit code %d\n%s%s", code, out, told)
	}
	asking := []string{"operator", "whoami", "--admin-url", "http://" + a.AdminAddress().String()}
	t.Setenv("SCRIP_ADMIN_TOKEN", printedToken(out))
	if code, out, told := ran(t, asking...); code != exitDone || !strings.Contains(out, "ann") {
		t.Errorf("with the token: exit code %d\n%s%s", code, out, told)
	}
	if _, help, _ := ran(t, "operator", "recover", "--help"); !strings.Contains(help, "it works beside them") || !strings.Contains(help, "--database postgres://") {
		t.Errorf("the help does not say so:\n%s", help)
	}
}

// Nodes of one database can be compared by what they say that they serve, and say so without a password.
func TestANodeSaysWhichStoreItServes(t *testing.T) {
	address := pgtest.Shared(t).Database(t)
	told, a := &bytes.Buffer{}, servedOn(t, t.TempDir(), address)
	serving(t.Context(), a, &config.Serve{Database: withPassword(t, address)}, console{err: told})
	var line struct {
		Store, Schema string
		Migration     int64
	}
	if err := json.Unmarshal(told.Bytes(), &line); err != nil || strings.Contains(told.String(), "secret") {
		t.Fatalf("%v: %s", err, told)
	}
	if want := placeOf(address).String(); line.Store != want || line.Schema != "public" || line.Migration < 1 {
		t.Errorf("got %+v, want %s in the schema public", line, want)
	}
}

// A service manager must not start a server again and again that cannot serve what it was given.
func TestADatabaseThatIsNotForTheServer(t *testing.T) {
	for why, statement := range map[string]string{
		"no store of Scrip's": `CREATE TABLE something (n int)`,
		"newer release":       `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true); UPDATE serving SET oldest = 1000`,
	} {
		address, keys := pgtest.Shared(t).Database(t), filepath.Join(t.TempDir(), "keys.json")
		if code, _, told := ran(t, "keys", "new", keys); code != exitDone {
			t.Fatal(told)
		}
		if why == "newer release" {
			if code, _, told := ran(t, "migrate", address); code != exitDone {
				t.Fatal(told)
			}
		}
		c, err := pgx.Connect(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		code, _, told := ran(t, "serve", "--database", address, "--keyset", keys, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
		if code != exitUsage || !strings.Contains(told, why) {
			t.Errorf("%s: exit code %d\n%s", why, code, told)
		}
	}
}

func servedOn(t *testing.T, data, database string) *app.App {
	t.Helper()
	a, err := app.New(t.Context(), app.Settings{Data: data, Database: database, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	return a
}

// withPassword gives an address with a password in it.
func withPassword(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("ann", "secret")
	return u.String()
}

func trailOf(t *testing.T, data string) string {
	t.Helper()
	a, err := app.New(t.Context(), app.Settings{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, a)
	by := admin.By{Operator: "test", Role: admin.Admin, World: ident.Production, At: time.Now()}
	entries, _, err := a.Office.Trail(t.Context(), by, admin.AuditQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, e := range entries {
		text.WriteString(e.Operator + " " + e.Subject + " " + e.Reason + "\n")
	}
	return text.String()
}

// What is wrong with the place of a store is said; a database that cannot be reached may hold one all the same.
func TestRecoverySaysWhatIsWrongWithThePlace(t *testing.T) {
	for _, wrong := range []struct {
		words []string
		code  int
		says  string
	}{
		{nil, exitUsage, "--data or --database"},
		{[]string{"--database", "host=127.0.0.1 password=secret", "--keyset", "keys.json"}, exitUsage, "--database is no URL"},
		{[]string{"--database", "postgres://ann:secret@127.0.0.1:1/scrip"}, exitUsage, "--keyset or --data"},
		{[]string{"--database", "postgres://ann:secret@127.0.0.1:1/scrip", "--keyset", "keys.json"}, exitFailed, "connection refused"},
	} {
		code, out, told := ran(t, append([]string{"operator", "recover", "ann"}, wrong.words...)...)
		if code != wrong.code || out != "" || !strings.Contains(told, wrong.says) || strings.Contains(told, "secret") || strings.Contains(told, "there is no store") {
			t.Errorf("%q: exit code %d, %s%s", wrong.words, code, out, told)
		}
	}
}

// Recovery makes nothing where there is no store.
func TestRecoveryWantsAStore(t *testing.T) {
	empty := t.TempDir()
	if code, out, told := ran(t, "operator", "recover", "ann", "--data", empty); code != exitUsage || out != "" || !strings.Contains(told, "there is no store") {
		t.Errorf("exit code %d, %s%s", code, out, told)
	}
	if left, err := filepath.Glob(filepath.Join(empty, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
