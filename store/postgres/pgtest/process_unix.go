//go:build unix

package pgtest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// owner is whom PostgreSQL runs as. The zero value is whoever we are.
type owner struct{ credential *syscall.Credential }

func findOwner() (owner, error) {
	if os.Geteuid() != 0 {
		return owner{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return owner{}, fmt.Errorf("%w: it does not run as root, and there is no user postgres: %w", ErrMissing, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return owner{}, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return owner{}, err
	}
	return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func (o owner) chown(path string) error {
	if o.credential == nil {
		return nil
	}
	return os.Chown(path, int(o.credential.Uid), int(o.credential.Gid))
}

// confine has a command run as the owner, and out of reach of what a terminal sends to our own process group.
func (o owner) confine(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Credential: o.credential, Setpgid: true}
}

// interrupt asks for what PostgreSQL calls a fast shutdown.
func (p *process) interrupt() { _ = p.command.Process.Signal(syscall.SIGINT) }

// freeze stops the first process before the others, so that no more of them come.
func (p *process) freeze() {
	_ = p.command.Process.Signal(syscall.SIGSTOP) // it may be gone already
	for _, c := range childrenOf(p.command.Process.Pid) {
		_ = c.Signal(syscall.SIGSTOP)
	}
}

// childrenOf finds the children of a process, where the system has /proc; elsewhere none.
func childrenOf(parent int) (children []*os.Process) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a good one
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended in the meantime
		}
		_, rest, _ := strings.Cut(string(text), ") ") // pid (name) state parent ...
		if fields := strings.Fields(rest); len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if child, err := os.FindProcess(pid); err == nil {
			children = append(children, child)
		}
	}
	return children
}

// reaping waits until nobody holds the other end of its standard input. Then it ends a server without further ado and
// removes its directory, a few times, since the server's processes take a moment to go.
const reaping = `cat >/dev/null
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -d "$0" ] || exit 0
	[ -f "$0/data/postmaster.pid" ] && kill -QUIT "$(head -n 1 "$0/data/postmaster.pid")"
	sleep 0.2
	rm -rf "$0"
done 2>/dev/null`

// reaper clears up behind a process that ended without doing so, killed or timed out.
type reaper struct {
	command  *exec.Cmd
	lifeline io.Closer
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

// dismiss lets the reaper go, for whom there is nothing left to do.
func (r *reaper) dismiss() error {
	_ = r.lifeline.Close() // Wait closes it as well
	return r.command.Wait()
}
