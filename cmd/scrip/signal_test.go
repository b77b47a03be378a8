//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Signals a server that drains for long: the first has it finish what is in hand, the second ends it.
func TestASecondSignalEndsTheServerAtOnce(t *testing.T) {
	for name, signal := range map[string]os.Signal{"terminate": syscall.SIGTERM, "interrupt": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			s := serveApart(t, "--drain-delay", "10m")
			s.send(signal)
			for until := time.Now().Add(patience); s.ready(); {
				if time.Now().After(until) {
					t.Fatal("it is ready for ever")
				}
			}
			if code := s.endedBy(signal); code != exitFailed {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// timeout(1) sends SIGTERM to its child, and again to the child's group.
func TestASignalThatComesTwiceIsOne(t *testing.T) {
	s := serveApart(t, "--drain-delay", "1s")
	s.send(syscall.SIGTERM)
	for until := time.Now().Add(patience); s.ready(); { // or the two might reach it as one
		if time.Now().After(until) {
			t.Fatal("it is ready for ever")
		}
	}
	s.send(syscall.SIGTERM)
	if code := s.exitCode(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

func TestTheSecondSignalIsALaterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, told, ended := make(chan os.Signal), false, make(chan struct{})
		go func() {
			awaitTwo(signals, func(first os.Signal) { told = first == syscall.SIGTERM })
			close(ended)
		}()
		synctest.Wait()
		if told {
			t.Error("told before the first signal")
		}
		for _, wait := range []time.Duration{0, 0, oneSignal - 1} {
			time.Sleep(wait)
			signals <- syscall.SIGTERM
			synctest.Wait()
			select {
			case <-ended:
				t.Fatalf("ended by a signal that came %v after the first", wait)
			default:
			}
		}
		if !told {
			t.Error("not told of the first signal")
		}
		time.Sleep(1 * time.Nanosecond)
		signals <- os.Interrupt
		<-ended
	})
}

// patience bounds how long a test waits for something that should come soon.
const patience = 30 * time.Second

// apart is `scrip serve` as a process of its own.
type apart struct {
	*exec.Cmd
	t         *testing.T
	operators string
	exited    chan struct{} // closed when it is gone
}

// serveApart starts a server on an empty store and waits until it serves.
func serveApart(t *testing.T, flags ...string) *apart {
	t.Helper()
	words := []string{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
	s := &apart{Cmd: exec.Command("scrip", append(words, flags...)...), t: t, exited: make(chan struct{})}
	log, err := s.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill(); <-s.exited }) // it may be gone already
	serving := make(chan string, 1)
	go func() {
		defer close(s.exited)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var said struct{ Msg, Operators string }
			if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "serving" {
				serving <- said.Operators
			}
		}
		_, _ = io.Copy(io.Discard, log)
		_ = s.Wait() // ProcessState says how it ended
	}()
	select {
	case s.operators = <-serving:
	case <-s.exited:
		t.Fatalf("it ended before it served: %v", s.ProcessState)
	case <-time.After(patience):
		t.Fatal("it does not serve")
	}
	return s
}

func (s *apart) send(signal os.Signal) {
	s.t.Helper()
	if err := s.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
}

// endedBy sends a signal again and again until the process has ended, and gives its exit code. One that comes too soon after
// the first does not count.
func (s *apart) endedBy(signal os.Signal) int {
	s.t.Helper()
	again, late := time.NewTicker(oneSignal/4), time.After(patience)
	defer again.Stop()
	for {
		select {
		case <-s.exited:
			return s.ProcessState.ExitCode()
		case <-late:
			s.t.Fatal("it does not end")
		case <-again.C:
			s.send(signal)
		}
	}
}

// ready asks whether messages should be sent to the server.
func (s *apart) ready() bool {
	s.t.Helper()
	response, err := http.Get("http://" + s.operators + "/readyz")
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (s *apart) exitCode() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatal("it does not end")
	}
	return s.ProcessState.ExitCode()
}
