// Package exchange is what the wires of the contracts have in common: one message, and its answer over HTTP.
//
// A room such as giftcardhttp gives it a Contract, which is a table of operations with a function for each that
// answers it, and gets a Server: an http.Handler that finds the operation of a path, has the sender admitted, reads
// and bounds the body, judges it by the served OpenAPI document and nothing else, and lets the operation answer.
//
// It promises that every answer below the base path is what the operation wrote, or an ErrorDetail; that ids, times
// and references come back exactly as they were sent; that what is unknown is answered as unknown, and to the sender
// of an advice nothing that would end it while it only cannot be taken now; and that no PIN and no card number of a
// message is echoed, logged or kept (docs/rules.md section 1).
package exchange

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Bounds of one message.
const (
	MaxBody               = 256 << 10 // bytes of a body; more is 413
	DefaultRequestTimeout = 60 * time.Second
)

// Gate decides who may come in.
type Gate interface {
	// Admit says who sends a message, or turns it away with a *decline.NotTaken. advice says that the message is
	// repeated until it is answered for good. release is called once it has been answered.
	Admit(r *http.Request, advice bool) (sender *txn.Sender, release func(), err error)
	// Guessed is told that a sender was answered that a card or a PIN is wrong.
	Guessed(sender *txn.Sender)
}

// Observer is told of each message that was answered. operation is the contract's operationId, empty when none
// matched; errorType is empty for a success. cause is the fault that made an outcome unknown, what raised an alarm or
// had the service not take the message, else nil. Of what the gate turns away it is not told a cause: the gate knows.
type Observer interface {
	Observe(operation string, status int, errorType string, took time.Duration, cause error)
}

// Settings are what the program that serves a contract decides.
type Settings struct {
	Gate           Gate
	Observer       Observer        // may be nil
	Institution    ident.Reference // our own id (Institution) and name (Identifier), for answers (S2)
	RequestTimeout time.Duration   // from arrival until a request is no longer applied; 0 is DefaultRequestTimeout
	Now            func() time.Time
}

// Contract is what a room says of its contract.
type Contract struct {
	Base       string // the path below which it lives, without a slash at the end (rule C1)
	Document   []byte // the OpenAPI document by which messages are judged
	Operations []*Operation
	// Busy is the error type of a request that cannot be taken now, Limited that of one which comes too fast (C13).
	Busy, Limited decline.Reason
	// Spelling has the error types that the contract spells otherwise than package decline; nil for none.
	Spelling map[decline.Reason]string
	// Show adds to detailMessage what was wrong with a refused request: members of it, as they may be told to its own
	// sender. It is not called for advices and queries, nor when what is wrong is another account's.
	Show func(w *Writer, x *Exchange, refusal *decline.Error)
}

// Server serves a contract below its base path.
type Server struct {
	contract                   Contract
	settings                   Settings
	base                       string
	models                     []*wire.Model
	advice                     *wire.Model // of any advice: it finds the ids of all messages
	slots                      slots
	institution, institutionID []byte // JSON
	exchanges                  sync.Pool
}

// New makes a server. It fails when the document cannot be judged by, or lacks what an operation names. Before the
// first message the room asks for the slots of its own with Slot.
func New(contract Contract, settings Settings) (*Server, error) {
	s := &Server{contract: contract, settings: settings, base: contract.Base + "/"}
	if s.settings.RequestTimeout == 0 {
		s.settings.RequestTimeout = DefaultRequestTimeout
	}
	document, err := wire.Compile(contract.Document)
	if err != nil {
		return nil, err
	}
	for _, o := range contract.Operations {
		if err := o.compile(document); err != nil {
			return nil, err
		}
		s.models = append(s.models, o.model)
		if o.Advice() {
			s.advice = o.model
		}
	}
	s.slots = s.common()
	s.institutionID = appendText(nil, settings.Institution.Institution)
	s.institution = appendInstitution(nil, settings.Institution)
	s.exchanges.New = func() any { return &Exchange{server: s, parsed: new(wire.Message)} }
	return s, nil
}

// ServeHTTP answers one message.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.exchanges.Get().(*Exchange)
	x.Received = s.settings.Now()
	if f := s.serve(w, r, x); f != nil {
		if !x.read {
			x.findID(r.Body)
		}
		x.cause = f.unknown
		s.refuse(w, x, *f)
	}
	s.observe(x)
	x.reset()
	s.exchanges.Put(x)
}

func (s *Server) observe(x *Exchange) {
	if s.settings.Observer == nil {
		return
	}
	operation := ""
	if x.asked != nil {
		operation = x.asked.ID
	}
	s.settings.Observer.Observe(operation, x.status, x.reason, s.settings.Now().Sub(x.Received), x.cause)
}

// serve takes a message through its checks in their order (docs/rules.md 1.4) and answers it, unless it fails.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, x *Exchange) *failure {
	if f := s.find(r, x); f != nil {
		return f
	}
	sender, release, err := s.settings.Gate.Admit(r, x.asked.repeated())
	if err != nil {
		f := s.failure(err, x.asked)
		f.unknown = nil // the gate knows
		return &f
	}
	defer release()
	x.Sender = sender
	if f := x.take(r); f != nil {
		return f
	}
	ctx, cancel := s.context(r, x)
	defer cancel()
	if err := x.asked.Answer(ctx, x); err != nil {
		return s.failed(err, x)
	}
	s.approve(w, r, x)
	return nil
}

// find leads from path and method to the operation. Only both together name one.
func (s *Server) find(r *http.Request, x *Exchange) *failure {
	var allow []string
	x.target, allow = s.route(r.URL, r.Method)
	x.asked, x.Operation = x.target.operation, x.target.operation
	switch {
	case x.asked != nil:
		return nil
	case allow == nil:
		return &failure{status: http.StatusNotImplemented, reason: decline.FunctionNotSupported, text: "there is no such operation"}
	}
	methods := strings.Join(allow, ", ")
	return &failure{status: http.StatusMethodNotAllowed, reason: decline.FunctionNotSupported, text: "only " + methods, allow: methods}
}

// context bounds the work on a message. A request is not applied once its time is over or its sender has gone; an
// advice, once read, is applied whatever its sender does.
func (s *Server) context(r *http.Request, x *Exchange) (context.Context, context.CancelFunc) {
	if x.asked.Advice() {
		return context.WithoutCancel(r.Context()), func() {}
	}
	return context.WithDeadline(r.Context(), x.Received.Add(s.settings.RequestTimeout))
}

// failed turns an error of an operation into an answer, and tells the gate of guesses.
func (s *Server) failed(err error, x *Exchange) *failure {
	f := s.failure(err, x.asked)
	if f.reason == decline.InvalidCardNumber || f.reason == decline.IncorrectPIN {
		s.settings.Gate.Guessed(x.Sender)
	}
	if x.Operation.query() && f.detail.RequestID != "" {
		x.OriginalID = string(f.detail.RequestID)
	}
	return &f
}

// approve sends what the operation wrote. Where something was created, its path names it (rule C11).
func (s *Server) approve(w http.ResponseWriter, r *http.Request, x *Exchange) {
	if x.asked.Located {
		w.Header()["Location"] = []string{strings.TrimSuffix(r.URL.EscapedPath(), "/")}
	}
	s.write(w, x, cmp.Or(x.passed, x.asked.Status))
}

var jsonType = []string{"application/json"}

func (s *Server) write(w http.ResponseWriter, x *Exchange, status int) {
	x.status = status
	w.Header()["Content-Type"] = jsonType
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(x.answer.b))}
	w.WriteHeader(status)
	_, _ = w.Write(x.answer.b) // a sender that is gone asks again, or reverses
}
