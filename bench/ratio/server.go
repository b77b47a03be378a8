package ratio

import (
	"bufio"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/scripworks/scrip/bench"
)

// What the store that is measured consists of.
const (
	user        = "benchtill"
	productID   = "benchmark"
	currency    = "710"
	firstPAN    = "6001000000000000"
	expiry      = "4912"
	fundedMinor = 100_000_000         // of every card; many times what is redeemed from it
	hotMinor    = 100_000_000_000_000 // of the one card that takes all redemptions of ModeHot
	// prepareClients is the number of connections that activate the cards.
	prepareClients = 64
)

// server is a Scrip server with a store of its own, which it keeps from one start to the next.
type server struct {
	program  string
	reaper   *reaper
	dir      string // the data; with a database the keys
	database string // URL of the database that is the store; empty for a file in dir
	keyset   string // file of the keys, when another node's dir has them
	count    int    // of cards, beside the hot one
	spare    int    // of cards that are not activated
	// password is the account's, token the first operator's: made for this run and gone with it.
	password, token string

	address, admin string
	process        *process
	cards          []bench.Card
	hot            bench.Card
	fresh          []bench.Card // can be activated
}

func newServer(s *session, dir string, cards int) *server {
	return &server{program: s.Scrip, reaper: s.reaper, dir: dir, count: cards, password: crand.Text(), token: crand.Text() + crand.Text()}
}

// target is the server as the generator sees it.
func (s *server) target() bench.Target {
	return bench.Target{
		URL: "http://" + s.address, User: user, Password: s.password, Product: productID, Currency: currency,
	}
}

func (s *server) pid() int { return s.process.command.Process.Pid }

// start starts the server on its directory and returns how long it took until it was ready.
func (s *server) start(ctx context.Context) (ready time.Duration, err error) {
	if s.address == "" {
		if err := s.settle(); err != nil {
			return 0, err
		}
	}
	args := []string{"serve", "--data", s.dir, "--listen", s.address, "--admin-listen", s.admin, "--operator-token-file", s.tokenFile()}
	var env []string
	if s.database != "" {
		env = append(env, "SCRIP_DATABASE="+s.database) // not among the arguments, which everybody sees: it has a password
	}
	if s.keyset != "" {
		args = append(args, "--keyset", s.keyset)
	}
	s.process, err = s.reaper.start(ctx, s.dir+".log", env, "http://"+s.admin+"/readyz", s.program, args...)
	if err != nil {
		return 0, err
	}
	return s.process.ready, nil
}

func (s *server) tokenFile() string { return s.dir + ".token" }

// settle chooses the addresses, which stay the same over restarts, and writes the operator's token.
func (s *server) settle() (err error) {
	if s.address, err = freeAddress(); err != nil {
		return err
	}
	if s.admin, err = freeAddress(); err != nil {
		return err
	}
	return os.WriteFile(s.tokenFile(), []byte(s.token+"\n"), 0o600)
}

func (s *server) stop() error { return s.process.stop() }

func (s *server) kill() { s.process.kill() }

// prepare gives the server a product, the account and the cards, by its own administration
// commands, and then activates and funds the cards by the contract.
func (s *server) prepare(ctx context.Context, progress io.Writer) error {
	cards, err := bench.ConsecutiveCards(firstPAN, 1+s.count+s.spare, expiry)
	if err != nil {
		return err
	}
	s.hot, s.cards, s.fresh = cards[0], cards[1:1+s.count], cards[1+s.count:]
	file := s.dir + ".csv"
	if err := writeCards(file, cards); err != nil {
		return err
	}
	for _, command := range s.administration(file) {
		if err := s.administer(ctx, command); err != nil {
			return err
		}
	}
	for _, of := range []struct {
		cards []bench.Card
		minor int64
	}{{cards[:1], hotMinor}, {s.cards, fundedMinor}} {
		done, err := bench.Prepare(ctx, bench.Preparation{
			Target: s.target(), Cards: of.cards, Opening: of.minor, Funding: of.minor,
			Clients: prepareClients, Progress: progress,
		})
		if err == nil && len(done.Active) != len(of.cards) {
			err = errors.New("the server refuses cards that it was given: " + done.Summary())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// administration lists the commands that a fresh store needs.
func (s *server) administration(cards string) []act {
	return []act{
		{[]string{"product", "create", productID, "--currency", currency}, ""},
		{[]string{"account", "create", user, "--password-stdin"}, s.password + "\n"},
		{[]string{"card", "import", cards}, ""},
	}
}

// act is one administration command, with what it reads.
type act struct {
	args  []string
	input string
}

// administer runs one administration command against the server.
func (s *server) administer(ctx context.Context, a act) error {
	command := exec.CommandContext(ctx, s.program, a.args...)
	command.Stdin = strings.NewReader(a.input)
	command.Env = append(os.Environ(), "SCRIP_ADMIN_URL=http://"+s.admin, "SCRIP_ADMIN_TOKEN="+s.token)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", a.args[0], a.args[1], err, out[max(len(out)-logTail, 0):])
	}
	return nil
}

// writeCards writes the cards as the import command reads them.
func writeCards(path string, cards []bench.Card) (err error) {
	file, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriter(file)
	_, _ = out.WriteString("pan,expiry\n") // an error stays with the writer until Flush
	for _, card := range cards {
		fmt.Fprintf(out, "%s,%s\n", card.PAN, card.Expiry)
	}
	return out.Flush()
}
