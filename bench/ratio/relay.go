package ratio

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/scripworks/scrip/bench"
)

const (
	// relayUpstream is how `scrip relay` calls its upstream.
	relayUpstream = "upstream"
	// relayPassword is that of the account at a relay in front of a stub, which does not ask for one.
	relayPassword = "measured"
)

// relayProcess is a `scrip relay` with a store of its own, which it keeps from one start to the next.
type relayProcess struct {
	reaper                 *reaper
	program, dir, upstream string
	password               string // of the account, here and upstream; relayPassword when empty
	token                  string
	address, admin         string
	process                *process
}

func (r *relayProcess) target() bench.Target {
	return bench.Target{URL: "http://" + r.address, User: user, Password: r.pair(), Product: productID, Currency: currency}
}

func (r *relayProcess) pair() string {
	if r.password == "" {
		return relayPassword
	}
	return r.password
}

// start starts the relay with a window of parallel sends.
func (r *relayProcess) start(ctx context.Context, window int) (err error) {
	if r.address == "" {
		if err := r.settle(); err != nil {
			return err
		}
	}
	account := []string{"SCRIP_RELAY_ACCOUNT=" + user + ":" + r.pair()}
	r.process, err = r.reaper.start(ctx, r.dir+".log", account, "http://"+r.admin+"/readyz", r.program,
		"relay", "--upstream", "http://"+r.upstream, "--data", r.dir, "--listen", r.address, "--admin-listen", r.admin,
		"--operator-token-file", r.dir+".token", "--window", strconv.Itoa(window))
	return err
}

func (r *relayProcess) settle() (err error) {
	if r.address, err = freeAddress(); err != nil {
		return err
	}
	if r.admin, err = freeAddress(); err != nil {
		return err
	}
	r.token = crand.Text() + crand.Text()
	return os.WriteFile(filepath.Clean(r.dir+".token"), []byte(r.token+"\n"), 0o600)
}

// administer runs one administration command against the relay.
func (r *relayProcess) administer(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, r.program, args...)
	command.Env = append(os.Environ(), "SCRIP_ADMIN_URL=http://"+r.admin, "SCRIP_ADMIN_TOKEN="+r.token)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// metric reads the first metric whose line begins with a text.
func (r *relayProcess) metric(ctx context.Context, begins string) (float64, error) {
	return metric(ctx, r.admin, begins)
}

// metric reads the first metric whose line begins with a text, from an operators' address.
func metric(ctx context.Context, admin, begins string) (float64, error) {
	text, err := get(ctx, "http://"+admin+"/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, begins) {
			return strconv.ParseFloat(line[strings.LastIndexByte(strings.TrimSpace(line), ' ')+1:len(line)-1], 64)
		}
	}
	return 0, fmt.Errorf("there is no metric %s", begins)
}
