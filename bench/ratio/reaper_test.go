//go:build unix

package ratio

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A measurement that is killed leaves neither programs nor stores behind.
func TestNothingOutlivesAMeasurementThatIsKilled(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command(os.Args[0], "abandon", dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	url = strings.TrimSpace(url)
	if made, _ := os.ReadDir(dir); err != nil || len(made) != 1 || !answers(t.Context(), url) {
		t.Errorf("it has made %v, and %q answers not: %v", made, url, err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	ctx, cancel := context.WithTimeout(t.Context(), readyWithin)
	defer cancel()
	again := time.NewTicker(10 * readyEvery)
	defer again.Stop()
	for {
		left, err := os.ReadDir(dir)
		if err == nil && len(left) == 0 && !answers(ctx, url) {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%v is left, %v; the program answers: %t", left, err, answers(t.Context(), url))
		}
	}
}

// The reaper goes when it is told that there is nothing left to do, and touches nothing.
func TestTheReaperIsDismissed(t *testing.T) {
	dir := t.TempDir()
	r, err := newReaper(dir)
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("cat") // lives until its standard input ends
	r.take(other)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.dismiss(); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err != nil {
		t.Errorf("a program of its group has ended with %v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
