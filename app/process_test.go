package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds how long a test waits for something that should come soon.
const patience = 30 * time.Second

// workshop holds what all tests of processes share, where other users can get at it too: the real command, built
// once, and a file with the operator's token.
var workshop struct {
	dir   string
	build sync.Once
	err   error
}

func TestMain(m *testing.M) {
	if settings, is := os.LookupEnv(childEnv); is {
		os.Exit(beChild(settings))
	}
	code := m.Run()
	if workshop.dir != "" {
		_ = os.RemoveAll(workshop.dir) // a leftover in the temporary directory harms nobody
	}
	os.Exit(code)
}

func workshopOf(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it is another process that is judged, so a short run may leave it out")
	}
	workshop.build.Do(func() { workshop.err = buildWorkshop() })
	if workshop.err != nil {
		t.Fatal(workshop.err)
	}
	return workshop.dir
}

func buildWorkshop() (err error) {
	if workshop.dir, err = os.MkdirTemp("", "scrip-app"); err != nil {
		return err
	}
	if err := os.Chmod(workshop.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(workshop.dir, "token"), []byte(operatorToken), 0o644); err != nil {
		return err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(workshop.dir, "scrip"), "../cmd/scrip").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build scrip: %w\n%s", err, out)
	}
	return nil
}

func binary(t testing.TB) string { return filepath.Join(workshopOf(t), "scrip") }

// process is `scrip serve` as a process of its own.
type process struct {
	*house
	command *exec.Cmd
	exited  chan struct{} // closed when it is gone
	log     *record
}

// prepare makes a server of a data directory, ready to be started.
func prepare(t testing.TB, data string, flags ...string) *process {
	t.Helper()
	token := filepath.Join(workshopOf(t), "token")
	args := []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--operator-token-file", token}
	return newProcess(exec.Command(binary(t), append(args, flags...)...))
}

// newProcess makes a server of a command that logs as `scrip serve` does.
func newProcess(c *exec.Cmd) *process {
	p := &process{house: &house{client: newClient()}, command: c, exited: make(chan struct{}), log: newRecord()}
	p.command.Stderr = p.log
	return p
}

// spawn starts a server without waiting for it to serve.
func (p *process) spawn(t testing.TB) {
	t.Helper()
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.command.Wait() // ProcessState says how it ended
	}()
	t.Cleanup(p.kill)
}

// serve starts a server and waits until it is ready.
func serve(t testing.TB, data string, flags ...string) *process {
	t.Helper()
	return prepare(t, data, flags...).ready(t)
}

// ready starts a server that was prepared, and waits until it is ready.
func (p *process) ready(t testing.TB) *process {
	t.Helper()
	p.spawn(t)
	p.awaitReady(t)
	return p
}

// awaitReady learns from the log where the server listens, and asks until it is ready.
func (p *process) awaitReady(t testing.TB) {
	t.Helper()
	select {
	case at := <-p.log.serving:
		p.messages, p.operators = "http://"+at.Contracts, "http://"+at.Operators
	case <-p.exited:
		t.Fatalf("the server ended before it served: %v\n%s", p.command.ProcessState, p.log)
	case <-time.After(patience):
		t.Fatalf("the server does not serve\n%s", p.log)
	}
	if a := p.look(t, "/readyz"); a.status != http.StatusOK {
		t.Fatalf("not ready although it says that it serves: %v", a)
	}
}

// kill ends the server as a power cut does, and waits until it is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may be gone already
	<-p.exited
	p.client.CloseIdleConnections()
}

// stop asks the server to stop and gives its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.exitCode(t)
}

// exitCode waits for the server's end.
func (p *process) exitCode(t testing.TB) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("the server does not end\n%s", p.log)
	}
	return p.command.ProcessState.ExitCode()
}

// verify runs `scrip verify` on a copy of a data directory, so that a server that starts on it afterwards still
// finds what the last one left, and has to recover it by itself.
func verify(t testing.TB, data string) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary(t), "verify", copied).CombinedOutput(); err != nil {
		t.Fatalf("scrip verify: %v\n%s", err, out)
	}
	if err := os.RemoveAll(copied); err != nil {
		t.Fatal(err)
	}
}

// record keeps a server's log and finds in it where the server listens.
type record struct {
	serving chan addresses
	in      *io.PipeWriter

	mu   sync.Mutex
	text bytes.Buffer
}

// addresses are where a server listens, as it logs them.
type addresses struct{ Msg, Contracts, Operators string }

func newRecord() *record {
	out, in := io.Pipe()
	r := &record{serving: make(chan addresses, 1), in: in}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var at addresses
			if json.Unmarshal(lines.Bytes(), &at) == nil && at.Msg == "serving" {
				r.serving <- at
			}
		}
		_, _ = io.Copy(io.Discard, out) // should a line be too long for the scanner
	}()
	return r
}

// Write takes in a piece of the log.
func (r *record) Write(piece []byte) (int, error) {
	r.mu.Lock()
	r.text.Write(piece)
	r.mu.Unlock()
	return r.in.Write(piece)
}

// String gives the log so far.
func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}
