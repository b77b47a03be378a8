//go:build !unix

package pgtest

import (
	"fmt"
	"os"
	"os/exec"
)

// owner is whom PostgreSQL runs as. Where processes do not die of signals, it is not run at all.
type owner struct{}

func findOwner() (owner, error) {
	return owner{}, fmt.Errorf("%w: this system does not end processes as these tests need it", ErrMissing)
}

func (owner) chown(string) error              { return nil }
func (owner) confine(*exec.Cmd)               {}
func (p *process) freeze()                    {}
func (p *process) interrupt()                 { p.kill() }
func childrenOf(int) (children []*os.Process) { return nil }

type reaper struct{}

func newReaper(string) (*reaper, error) { return &reaper{}, nil }
func (*reaper) dismiss() error          { return nil }
