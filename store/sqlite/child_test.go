package sqlite

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Some tests need a process of its own, to be killed, refused or kept in a small space. It is this test binary
// again, which these variables tell what to do and where.
const (
	childRole = "SCRIP_TEST_CHILD"
	childPath = "SCRIP_TEST_CHILD_PATH"
	childKeys = "SCRIP_TEST_CHILD_KEYS"
)

// children are what a child can be. What they return is printed, and makes the process fail.
var children = map[string]func(path string) error{
	"copier": copierChild,
	"opener": openerChild,
	"till":   tillChild,
	"pruner": prunerChild,
}

func TestMain(m *testing.M) {
	role := os.Getenv(childRole)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := children[role](os.Getenv(childPath)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// child prepares a process with a role over the store at path.
func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	keys, err := testKeys().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path, childKeys+"="+string(keys))
	c.Stderr = os.Stderr
	return c
}

// openerChild only opens the store.
func openerChild(path string) error {
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	return d.Close()
}
