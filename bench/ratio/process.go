package ratio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// readyWithin bounds the wait for a program that was started to be ready.
	readyWithin = 2 * time.Minute
	// readyEvery is the time between two questions whether it is.
	readyEvery = 2 * time.Millisecond
	// stopWithin bounds the wait for a program that was asked to stop.
	stopWithin = time.Minute
	// logTail is how much of a program's output is shown when it fails.
	logTail = 2000
)

// process is a program that was started here. Its output goes to a file.
type process struct {
	command *exec.Cmd
	log     string
	ended   chan struct{} // closed when it has ended
	err     error         // why; read it after ended
	ready   time.Duration // from start to the first answer 200
}

// start starts a program and waits until the URL answers 200. The program does not outlive us: it is in the reaper's care.
func (r *reaper) start(ctx context.Context, log string, env []string, url, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the program has its own by then
	p := &process{command: exec.Command(name, args...), log: log, ended: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = out, out
	p.command.Env = append(os.Environ(), env...)
	r.take(p.command)
	begun := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	if err := p.await(ctx, url); err != nil {
		p.kill()
		return nil, fmt.Errorf("start %q: %w\n%s", p.command.Args, err, p.tail())
	}
	p.ready = time.Since(begun)
	return p, nil
}

// await asks for the URL until it answers 200.
func (p *process) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	again := time.NewTicker(readyEvery)
	defer again.Stop()
	for !answers(ctx, url) {
		select {
		case <-p.ended:
			return fmt.Errorf("it has ended with %v", p.command.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("it is not ready: %w", ctx.Err())
		case <-again.C:
		}
	}
	return nil
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// stop asks the program to stop and waits until it has. Ending otherwise than well is an error.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	late := time.NewTimer(stopWithin)
	defer late.Stop()
	select {
	case <-p.ended:
	case <-late.C:
		p.kill()
		return fmt.Errorf("%q did not stop within %v", p.command.Args, stopWithin)
	}
	if p.err != nil {
		return fmt.Errorf("%q: %w\n%s", p.command.Args, p.err, p.tail())
	}
	return nil
}

// kill ends the program at once, if it has not ended, and waits for it.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.command.Process.Kill() // it may have ended already
	<-p.ended
}

// tail is the end of the program's output.
func (p *process) tail() []byte {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(text[max(len(text)-logTail, 0):])
}

// freeAddress finds a loopback address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}
