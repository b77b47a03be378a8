package pgtest

import (
	"bytes"
	"os/exec"
	"strings"
	"sync"
)

// logKept is how much of a server's log is kept, in bytes.
const logKept = 64 << 10

// process is a server while it runs.
type process struct {
	command *exec.Cmd
	ready   chan struct{} // closed when it takes connections
	gone    chan struct{} // closed when all of its processes are gone

	mu      sync.Mutex
	log     []byte
	isReady bool
}

func startProcess(c *exec.Cmd) (*process, error) {
	p := &process{command: c, ready: make(chan struct{}), gone: make(chan struct{})}
	c.Stderr = p
	if err := c.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.gone)
		_ = c.Wait() // which ends when nobody holds the log any more: all processes of the server do
	}()
	return p, nil
}

// Write takes in a piece of the log. It is there that a server says that it takes connections.
func (p *process) Write(piece []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, piece...)
	if !p.isReady && bytes.Contains(p.log, []byte("database system is ready to accept")) {
		p.isReady = true
		close(p.ready)
	}
	if len(p.log) > logKept {
		p.log = append([]byte(nil), p.log[len(p.log)-logKept/2:]...)
	}
	return len(piece), nil
}

// String gives the end of the log.
func (p *process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.TrimSpace(string(p.log))
}

// kill ends all processes of the server and waits until they are gone. What they are is looked up before the first one
// goes; should another come in between, it ends by itself when it finds the first one gone.
func (p *process) kill() {
	children := childrenOf(p.command.Process.Pid)
	_ = p.command.Process.Kill() // it may be gone already
	for _, c := range children {
		_ = c.Kill()
	}
	<-p.gone
}
