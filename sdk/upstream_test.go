package sdk_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/sandbox"
	"github.com/scripworks/scrip/sdk"
)

// world is what the examples and tests happen in: an upstream, which is the sandbox, a line to it that can be cut, and a
// directory for the till. The sandbox takes any user, and has cards that are not activated yet.
type world struct {
	sandbox *app.App
	dir     string

	mu     sync.Mutex
	line   net.Listener
	server *http.Server
}

// Cards of the sandbox, which has others as well.
var (
	plainCard = sdk.Card{PAN: "8561725642498548895", Expiry: "4010"}
	pinCard   = sdk.Card{PAN: "1258554313683463442", Expiry: "4007", PIN: "7052"}
	otherCard = sdk.Card{PAN: "6001000000000000011", Expiry: "4912"}
)

// newWorld starts an upstream. Stop it with close.
func newWorld() *world {
	a, err := sandbox.New(context.Background(), app.Settings{
		Listen: "127.0.0.1:0", Institution: ident.Reference{Institution: "issuer", Identifier: "Demo issuer"},
	})
	must(err)
	must(a.Start())
	dir, err := os.MkdirTemp("", "till")
	must(err)
	w := &world{sandbox: a, dir: dir}
	w.mend()
	return w
}

// must ends the test: nothing in a world fails in an ordinary way.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// value is must for what comes with a value.
func value[T any](v T, err error) T {
	must(err)
	return v
}

func (w *world) close() {
	w.cut()
	must(w.sandbox.Stop(context.Background()))
	must(os.RemoveAll(w.dir))
}

// mend makes the line, or makes it again at the same address.
func (w *world) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	address := "127.0.0.1:0"
	if w.line != nil {
		address = w.line.Addr().String()
	}
	w.line = value(net.Listen("tcp", address))
	w.server = &http.Server{Handler: w.behind()}
	go func(s *http.Server, l net.Listener) { _ = s.Serve(l) }(w.server, w.line) // ends with cut
}

// cut breaks the line: nothing answers at its address any more.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	must(w.server.Close())
}

// behind is the sandbox, as a handler.
func (w *world) behind() http.Handler {
	return httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.sandbox.Address().String()})
}

func (w *world) url() string { return "http://" + w.line.Addr().String() }

// settings are those of a till at this upstream.
func (w *world) settings() sdk.Settings {
	return sdk.Settings{
		Data:     w.dir,
		Upstream: sdk.Upstream{URL: w.url(), User: "shop-17", Password: "secret"},
		Identity: identity,
		Currency: "710",
	}
}

var identity = sdk.Identity{
	Institution: sdk.Party{ID: "shop-17", Name: "Corner shops"},
	Terminal:    "00000042",
	Merchant: sdk.Merchant{
		Type: "5411", ID: "000000000000017", Name: "Corner shop", City: "Cape Town", Region: "WC", Country: "ZA",
	},
}

// till opens a till at this upstream.
func (w *world) till() *sdk.Till {
	till, _, err := sdk.Open(context.Background(), w.settings())
	must(err)
	return till
}

// activated opens a till and puts an amount on a card, which is confirmed.
func (w *world) activated(card sdk.Card, amount int64) *sdk.Till {
	till := w.till()
	activation := value(till.Activate(context.Background(), sdk.Activation{Card: card, Product: "product001", Amount: amount}))
	must(activation.Confirm(context.Background()))
	return till
}

// inWorld gives a test a world of its own.
func inWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld()
	t.Cleanup(w.close)
	return w
}
