// Package plain is gift card redemption as one would write it first: a bare net/http server that decodes a message
// with encoding/json and carries it out in one database transaction of its own, over PostgreSQL or SQLite. It stands
// in the benchmark for contrast: what it reaches is what batching, and all that Scrip does beside it, is measured by.
//
// It is honest work and not a straw man: an id is taken once, the balance is checked and lowered in one statement, the
// journal is written in the same transaction, statements are prepared and connections pooled, and an answer comes after
// the commit, which is as durable as Scrip's. It leaves out what Scrip does beyond: who may send, the contract's other
// checks, confirmations and reversals, encryption, and every look-up but the one by id. So it has less to do.
package plain

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/scripworks/scrip/bench/echo"
)

// Redemption is what of a message is carried out.
type Redemption struct {
	ID          string // of the message
	PAN         string
	Merchant    string
	AmountMinor int64
	Received    time.Time
}

// Refusals of a store. Any other error of it is an outcome that nobody knows.
var (
	// ErrDuplicate is an id that was there before.
	ErrDuplicate = errors.New("the id is not new")
	// ErrRefused is a card that there is not, or that has less than the amount.
	ErrRefused = errors.New("no such card, or not enough on it")
)

// Store carries out redemptions, each in a transaction of its own.
type Store interface {
	// Seed makes the tables anew where they are missing, and gives each card the same balance.
	Seed(ctx context.Context, pans []string, balanceMinor int64) error
	// Redeem lowers the card's balance and writes the journal, durably, and returns what is left. Errors are
	// ErrDuplicate, ErrRefused or the database's.
	Redeem(ctx context.Context, r Redemption) (leftMinor int64, err error)
	// Close gives the store's connections back.
	Close() error
}

// Open opens the store that a name leads to: a postgres:// URL or the path of a SQLite file. Connections is how many
// are open to PostgreSQL at once; a SQLite file has one.
func Open(ctx context.Context, name string, connections int) (Store, error) {
	if isURL(name) {
		return openPostgres(ctx, name, connections)
	}
	return openSQLite(ctx, name)
}

// maxBody bounds what is read of a message, in bytes.
const maxBody = 64 << 10

// Handler serves a store.
type Handler struct {
	store     Store
	responder *echo.Responder
}

var _ http.Handler = (*Handler)(nil)

// NewHandler serves a store with answers of so many bytes, as the echo's.
func NewHandler(store Store, size int) *Handler {
	return &Handler{store: store, responder: echo.NewResponder(size)}
}

// ServeHTTP redeems whatever is posted: 201 when it is done, 400 when it was refused and 500 when nobody knows. It
// answers 200 to anything else, by which whoever has started it sees that it is there.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	var request echo.Redemption
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&request); err != nil || !complete(&request) {
		http.Error(w, "not a redemption", http.StatusBadRequest)
		return
	}
	left, err := h.store.Redeem(r.Context(), Redemption{
		ID: request.ID, PAN: request.Card.PAN, Merchant: request.Originator.Merchant.MerchantID,
		AmountMinor: request.Amounts.RequestAmount.Amount, Received: time.Now(),
	})
	switch {
	case errors.Is(err, ErrDuplicate), errors.Is(err, ErrRefused):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, "the outcome is unknown", http.StatusInternalServerError)
	default:
		h.responder.Approve(w, r, &request, left)
	}
}

// complete says whether a message has what is carried out.
func complete(r *echo.Redemption) bool {
	return r.ID != "" && r.Card != nil && r.Amounts != nil && r.Amounts.RequestAmount != nil && r.Amounts.RequestAmount.Amount > 0
}

// Serve serves a store until the context ends. The listener is closed when it returns; the store is not.
func Serve(ctx context.Context, listener net.Listener, store Store, size int) error {
	server := &http.Server{Handler: NewHandler(store, size), ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
