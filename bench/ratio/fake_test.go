package ratio

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/scripworks/scrip/bench/echo"
)

// The test program also plays the program that is measured: started with scrip's subcommands it
// does what the benchmark relies on, and no more.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") {
		os.Exit(m.Run())
	}
	if err := play(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch args[0] {
	case "serve":
		return playServer(ctx, args)
	case "abandon":
		return abandon(ctx, args[1])
	case "bench":
		listener, err := net.Listen("tcp", option(args, "--listen"))
		if err != nil {
			return err
		}
		return echo.Serve(ctx, listener, 1200) // the plain one too
	}
	return playAdministration(args)
}

// abandon starts a measurement's program, says where it listens, and is then killed.
func abandon(ctx context.Context, dir string) error {
	s, _, err := newSession(Options{Scrip: os.Args[0], Dir: dir})
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	if _, err := s.reaper.start(ctx, filepath.Join(s.dir, "log"), nil, "http://"+address+"/readyz", s.Scrip, "bench", "echo", "--listen", address); err != nil {
		return err
	}
	fmt.Println("http://" + address + "/readyz")
	<-ctx.Done()
	runtime.KeepAlive(s) // once it is collected, its end of the reaper's pipe is closed
	return ctx.Err()
}

// option gives the value that follows a flag.
func option(args []string, flag string) string {
	return args[slices.Index(args, flag)+1]
}

// playAdministration shows the server what it was told, with the operator's token.
func playAdministration(args []string) error {
	body := strings.NewReader(strings.Join(args, " "))
	request, err := http.NewRequest("POST", os.Getenv("SCRIP_ADMIN_URL")+"/told", body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("SCRIP_ADMIN_TOKEN"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %s", response.Status)
	}
	return nil
}

// playedServer approves everything for the cards and the account that it was told of.
type playedServer struct {
	token string
	store *os.File

	mutex sync.Mutex
	cards map[string]bool
	told  map[string]bool
	stock map[string]int // vouchers left, by product
}

func playServer(ctx context.Context, args []string) error {
	token, err := os.ReadFile(option(args, "--operator-token-file"))
	if err != nil {
		return err
	}
	dir := option(args, "--data")
	if slices.Contains(args, "--keyset") { // the second node, on the store of the first
		dir = filepath.Dir(option(args, "--keyset"))
	}
	store, err := os.OpenFile(filepath.Join(dir, "store"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s := &playedServer{token: strings.TrimSpace(string(token)), store: store, cards: map[string]bool{}, told: map[string]bool{}, stock: map[string]int{}}
	s.load()
	admin, contract := &http.Server{Addr: option(args, "--admin-listen"), Handler: http.HandlerFunc(s.serveAdmin)},
		&http.Server{Addr: option(args, "--listen"), Handler: http.HandlerFunc(s.serveContract)}
	listener, err := net.Listen("tcp", contract.Addr)
	if err != nil {
		return err
	}
	go func() { _ = contract.Serve(listener) }()
	go func() { _ = admin.ListenAndServe() }()
	<-ctx.Done()
	return store.Close()
}

// load reads back which cards are known: the store holds a line for each, and one for every
// confirmation.
func (s *playedServer) load() {
	lines := bufio.NewScanner(s.store)
	for lines.Scan() {
		s.cards[lines.Text()] = true
	}
}

func (s *playedServer) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/readyz" {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+s.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var words []string
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		words = strings.Fields(lines.Text())
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.told[words[0]+" "+words[1]] = true
	if words[0] == "card" {
		s.importCards(words[2])
	}
	if words[0] == "voucher" {
		text, _ := os.ReadFile(words[4])
		s.stock[words[3]] += len(strings.Fields(string(text))) - 1
	}
}

func (s *playedServer) importCards(path string) {
	text, _ := os.ReadFile(path)
	for i, line := range strings.Fields(string(text)) {
		if pan, _, _ := strings.Cut(line, ","); i > 0 && s.told["product create"] && s.told["account create"] {
			s.cards[pan] = true
			fmt.Fprintln(s.store, pan)
		}
	}
}

func (s *playedServer) serveContract(w http.ResponseWriter, r *http.Request) {
	var message struct {
		ID, RequestID string
		Card          struct{ PAN string }
		Product       struct{ ProductID string }
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case message.RequestID != "":
		fmt.Fprintf(s.store, "confirmed %s\n", message.RequestID)
		w.WriteHeader(http.StatusAccepted)
	case s.stock[message.Product.ProductID] > 0:
		s.stock[message.Product.ProductID]--
		w.WriteHeader(http.StatusCreated)
	case s.cards[message.Card.PAN]:
		w.WriteHeader(http.StatusCreated)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
	fmt.Fprintf(w, `{"id":%q,"thirdPartyIdentifiers":[]}`, message.ID)
}
