//go:build unix

package ratio

import (
	"io"
	"os/exec"
	"syscall"
)

// reaping waits for a word on its standard input. Told that all is done it goes; when nobody holds the other end any more it
// ends the programs of its group, which is itself as well, and removes their directory. A server ends at once at a second
// signal, if that does not come too soon after the first.
const reaping = `read -r word && exit 0
trap '' TERM
kill -TERM 0
sleep 1.5
kill -TERM 0
sleep 0.5
rm -rf -- "$0"
kill -KILL 0`

// reaper clears up behind a measurement that ended without doing so: killed, broken down, or with nobody to read what it
// prints. Its programs are in its process group, whose number is not used again while it lives.
type reaper struct {
	command  *exec.Cmd
	lifeline io.WriteCloser
}

func newReaper(dir string) (*reaper, error) {
	c := exec.Command("sh", "-c", reaping, dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	lifeline, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &reaper{c, lifeline}, c.Start()
}

// take puts a program that is about to start into the reaper's care.
func (r *reaper) take(program *exec.Cmd) {
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: r.command.Process.Pid}
}

// dismiss lets the reaper go: there is nothing left to do.
func (r *reaper) dismiss() error {
	if _, err := io.WriteString(r.lifeline, "done\n"); err != nil {
		return err
	}
	return r.command.Wait()
}
