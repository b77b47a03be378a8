package ratio

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// clusters gives a server of our own and one that was there.
func clusters(t *testing.T) map[string]*PostgresCluster {
	t.Helper()
	there := pgtest.Shared(t) // skips the test aloud where there is no PostgreSQL
	dir, err := os.MkdirTemp("", "scrip-cluster-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // whom PostgreSQL runs as must be able to pass
	}
	if err != nil {
		t.Fatal(err)
	}
	own, err := OpenCluster(t.Context(), "", dir, 1)
	other, otherErr := OpenCluster(t.Context(), there.Superuser("postgres"), "", 1)
	if err := errors.Join(err, otherErr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(own.Close(), other.Close()); err != nil {
			t.Error(err)
		}
		if err := os.Remove(dir); err != nil {
			t.Errorf("the server left something behind: %v", err)
		}
	})
	return map[string]*PostgresCluster{"our own": own, "one that was there": other}
}

func TestAClusterMakesDatabasesAndDrivesPgbench(t *testing.T) {
	for name, c := range clusters(t) {
		t.Run(name, func(t *testing.T) {
			database := pgtest.NewName()
			url, err := c.Create(t.Context(), database)
			if err != nil {
				t.Fatal(err)
			}
			empty, err := c.Bytes(t.Context(), url)
			if err != nil || empty == 0 {
				t.Errorf("%d bytes, %v", empty, err)
			}
			if err := c.FillTPCB(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			if full, err := c.Bytes(t.Context(), url); err != nil || full < empty+1_000_000 {
				t.Errorf("%d bytes, %v", full, err)
			}
			for _, length := range []time.Duration{time.Millisecond, 2 * time.Second} {
				if rate, mean, err := c.TPCB(t.Context(), url, 2, length); err != nil || rate <= 0 || mean <= 0 {
					t.Errorf("for %s: %v, %v, %v", length, rate, mean, err)
				}
			}
			if again, err := c.Create(t.Context(), database); err != nil || again != url {
				t.Errorf("made again at %s, %v", again, err)
			}
			if again, err := c.Bytes(t.Context(), url); err != nil || again > 2*empty {
				t.Errorf("made anew it has %d bytes, %v", again, err)
			}
			if err := c.Drop(t.Context(), database); err != nil {
				t.Error(err)
			}
			if _, err := c.Bytes(t.Context(), url); err == nil {
				t.Error("the database is there after it was dropped")
			}
		})
	}
}

func TestAClusterSaysItsSettingsAndIsDurable(t *testing.T) {
	for name, c := range clusters(t) {
		said, err := c.Settings(t.Context())
		if err != nil || !slices.Contains(said, "fsync = on") || !slices.Contains(said, "synchronous_commit = on") {
			t.Errorf("%s: %q, %v", name, said, err)
		}
	}
	sloppy := pgtest.Start(t, pgtest.Settings{"fsync": "off"})
	c, err := OpenCluster(t.Context(), sloppy.Superuser("postgres"), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Settings(t.Context()); err == nil || !strings.Contains(err.Error(), "fsync") {
		t.Errorf("a server that does not sync: %v", err)
	}
}

// What is measured is a server as operators are told to run it.
func TestAClusterIsSetAsItsGuideSays(t *testing.T) {
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range ClusterSettings {
		if name == "max_connections" { // pgbench's are many
			continue
		}
		if !strings.Contains(string(guide), "\n    "+name+" = "+value+"\n") {
			t.Errorf("docs/operations.md does not set %s = %s", name, value)
		}
	}
}

func TestAClusterThatCannotBeUsedIsRefusedAtOnce(t *testing.T) {
	for _, refused := range []struct {
		address, says string
		scale         int
	}{
		{"postgres://user:secret@host:port/\x00", "cannot be read", 1},
		{"host=127.0.0.1 password=secret", "postgres://", 1},
		{"postgres://user:secret@127.0.0.1:1/postgres", "connection refused", 1},
		{"postgres://user:secret@127.0.0.1:1/postgres", "scale must be 1 to", 0},
		{"", "scale must be 1 to", -1},
	} {
		_, err := OpenCluster(t.Context(), refused.address, t.TempDir(), refused.scale)
		if err == nil || !strings.Contains(err.Error(), refused.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q with a scale of %d: got %v, want %q", refused.address, refused.scale, err, refused.says)
		}
	}
}

// Whoever looks at the processes of the machine sees no password of a server that was there before.
func TestAPasswordIsNoArgument(t *testing.T) {
	dir := t.TempDir()
	const program = "#!/bin/sh\necho arguments: \"$@\"\necho password: $PGPASSWORD\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "pgbench"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	c := &PostgresCluster{scale: 1}
	for _, address := range []string{"postgres://ann:se%20cret@127.0.0.1/b", "postgres://ann@127.0.0.1/b?password=se+cret"} {
		err := c.FillTPCB(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), "password: se cret\n") {
			t.Fatalf("%s: the program was told: %v", address, err)
		}
		if _, arguments, _ := strings.Cut(err.Error(), "arguments: "); !strings.Contains(arguments, "--scale 1 postgres://ann@127.0.0.1/b\n") {
			t.Errorf("%s: arguments %s", address, arguments)
		}
	}
}
