package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/network"
)

// child is a server in a process of its own that `scrip serve` cannot be told to be: its time-outs are short, its mobile
// network is often late, or it dies at a boundary. It is this test program, started again.
type child struct {
	place
	Timeout, ProviderTimeout time.Duration // of a request, and of what the network is asked
	LateBy                   time.Duration
	LateShare                int       // in hundredths of a per cent
	Relay                    *relaying `json:",omitempty"` // when it is a relay, and then nothing else
}

// childEnv tells the test program that it is such a server, and which.
const childEnv = "SCRIP_TEST_CHILD"

func (c child) settings() app.Settings {
	if c.Relay != nil {
		return c.Relay.settings(c.place)
	}
	s := c.place.settings()
	s.Timeout, s.ProviderTimeout = c.Timeout, c.ProviderTimeout
	s.Network = &network.Settings{Delay: time.Millisecond, LateShare: c.LateShare, LateBy: c.LateBy}
	return complete(s)
}

// prepare makes the server ready to be started. It ends with the test program, should that come to grief.
func (c child) prepare(t testing.TB) *process {
	t.Helper()
	workshopOf(t) // which skips in a short run
	self, err := os.Executable()
	must(t, err)
	settings, err := json.Marshal(c)
	must(t, err)
	command := exec.Command(self)
	command.Env = append(os.Environ(), childEnv+"="+string(settings))
	lifeline, err := command.StdinPipe()
	must(t, err)
	t.Cleanup(func() { _ = lifeline.Close() }) // it is closed already when the server was waited for
	return newProcess(command)
}

// beChild is the server, and gives its exit code.
func beChild(settings string) int {
	if err := serveChild(settings); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// childLog is where such a server logs, as `scrip serve` does.
func childLog() *slog.Logger { return slog.New(slog.NewJSONHandler(os.Stderr, nil)) }

func serveChild(settings string) error {
	var c child
	if err := json.Unmarshal([]byte(settings), &c); err != nil {
		return err
	}
	s := c.settings()
	s.Log = childLog()
	a, err := app.New(context.Background(), s)
	if err != nil {
		return err
	}
	if err := a.Start(); err != nil {
		return err
	}
	s.Log.Info("serving", "contracts", a.Address().String(), "operators", a.AdminAddress().String())
	_, _ = io.Copy(io.Discard, os.Stdin) // which ends when nobody holds its other end any more
	return a.Stop(context.Background())
}
