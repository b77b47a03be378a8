// Package stub is the upstream that the queue's speed is measured against: a bare net/http server that approves every
// gift card request and takes every advice. It keeps nothing but a count of advices, and an advice costs it next to
// nothing, so that what is measured is whoever sends.
package stub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// message is what of a request comes back.
type message struct {
	ID                    string          `json:"id"`
	Time                  json.RawMessage `json:"time"`
	Originator            json.RawMessage `json:"originator"`
	Client                json.RawMessage `json:"client"`
	Card                  json.RawMessage `json:"card,omitempty"`
	Amounts               *amounts        `json:"amounts,omitempty"`
	ThirdPartyIdentifiers json.RawMessage `json:"thirdPartyIdentifiers"`
	SettlementEntity      institution     `json:"settlementEntity"`
	Receiver              institution     `json:"receiver"`
}

type amounts struct {
	RequestAmount  *amount `json:"requestAmount,omitempty"`
	ApprovedAmount *amount `json:"approvedAmount,omitempty"`
	BalanceAmount  *amount `json:"balanceAmount,omitempty"`
	Available      *amount `json:"availableBalance,omitempty"`
}

type amount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type institution struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Server answers. The zero value is ready.
type Server struct{ advices atomic.Int64 }

// maxBody bounds what is read of a message, in bytes.
const maxBody = 64 << 10

// taken is the answer to an advice.
var taken = []byte(`{"id":"1","requestId":"1","time":"2030-01-01T12:00:00.000Z","thirdPartyIdentifiers":[]}`)

// ServeHTTP approves, takes, or at /advices tells how many advices it has taken.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case path == "/advices":
		fmt.Fprintln(w, s.advices.Load())
	case path == "/readyz":
		w.WriteHeader(http.StatusOK)
	case strings.Contains(path, "/confirmations/") || strings.Contains(path, "/reversals/"):
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxBody)) // so that the connection serves the next
		s.advices.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(taken) // whoever is gone repeats it
	default:
		approve(w, r)
	}
}

func approve(w http.ResponseWriter, r *http.Request) {
	m := message{SettlementEntity: institution{"stub", "Stub"}, Receiver: institution{"stub", "Stub"}}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if a := m.Amounts; a != nil && a.RequestAmount != nil {
		a.ApprovedAmount, a.BalanceAmount, a.Available = a.RequestAmount, a.RequestAmount, a.RequestAmount
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(m) // whoever is gone reverses it
}

// Serve answers on an address until the context ends.
func Serve(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: new(Server), ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
