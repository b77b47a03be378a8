package giftcardhttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Bounds of one message.
const (
	MaxBody               = 256 << 10 // bytes of a body; more is 413
	DefaultRequestTimeout = 60 * time.Second
)

// Gate decides who may come in.
type Gate interface {
	// Admit says who sends a message, or turns it away with a *decline.NotTaken. release is called once it has
	// been answered.
	Admit(r *http.Request, advice bool) (sender *txn.Sender, release func(), err error)
	// Guessed is told that a sender was answered that a card or a PIN is wrong.
	Guessed(sender *txn.Sender)
}

// Observer is told of each message that was answered. operation is the contract's operationId, empty when none
// matched; errorType is empty for a success. cause is what made an outcome unknown, raised an alarm or had the
// service not take the message, else nil. Of what the gate turns away it is not told a cause: the gate knows.
type Observer interface {
	Observe(operation string, status int, errorType string, took time.Duration, cause error)
}

// Settings are what a server is made of.
type Settings struct {
	Service        giftcard.Service
	Gate           Gate
	Observer       Observer
	Institution    ident.Reference // our own id (Institution) and name (Identifier), for answers (S2)
	RequestTimeout time.Duration   // from arrival until a request is no longer applied; 0 is DefaultRequestTimeout
	Now            func() time.Time
}

// Server serves any giftcard.Service below Base.
type Server struct {
	service                    giftcard.Service
	gate                       Gate
	observer                   Observer
	timeout                    time.Duration
	now                        func() time.Time
	routes                     map[routeKey]*operation
	lookUp                     *operation
	slots                      slots
	institution, institutionID []byte // JSON
	exchanges                  sync.Pool
}

// New makes a server, judging by the embedded document.
func New(settings Settings) (*Server, error) {
	s := &Server{
		service: settings.Service, gate: settings.Gate, observer: settings.Observer, timeout: settings.RequestTimeout,
		now: settings.Now, routes: map[routeKey]*operation{},
	}
	if s.timeout == 0 {
		s.timeout = DefaultRequestTimeout
	}
	document, err := wire.Compile(Document)
	if err != nil {
		return nil, err
	}
	var models []*wire.Model
	for _, o := range operations() {
		if o.model, err = document.Model(o.schema); err != nil {
			return nil, err
		}
		models = append(models, o.model)
		s.routes[routeKey{o.resource, o.role}] = o
	}
	s.lookUp = s.routes[routeKey{"lookupGiftcard", txn.Request}]
	if s.slots, err = ask(models); err != nil {
		return nil, err
	}
	s.institutionID = appendText(nil, settings.Institution.Institution)
	o := &object{b: []byte{'{'}, first: true}
	o.text("id", settings.Institution.Institution)
	o.text("name", settings.Institution.Identifier)
	s.institution = append(o.b, '}')
	s.exchanges.New = func() any { return &exchange{parsed: new(wire.Message)} }
	return s, nil
}

// exchange is one message and its answer.
type exchange struct {
	target    target
	sender    *txn.Sender
	received  time.Time
	parsed    *wire.Message
	message   *wire.Message // parsed, once there is a body in it
	id        string        // of the body
	requestID string        // of the body
	buffer    bytes.Buffer
	answer    []byte
	status    int
	reason    string
	cause     error
}

// maxKept bounds the buffer that an idle exchange keeps, in bytes.
const maxKept = 32 << 10

// reset forgets the message, PINs above all.
func (x *exchange) reset() {
	x.parsed.Reset()
	clear(x.buffer.Bytes())
	x.buffer.Reset()
	if x.buffer.Cap() > maxKept {
		x.buffer = bytes.Buffer{}
	}
	*x = exchange{parsed: x.parsed, buffer: x.buffer, answer: x.answer[:0]}
}

// maxEchoed bounds what is given back of an id that is none, in bytes.
const maxEchoed = 128

// answeredID is the id of the message being answered: the body's when it could be read, else the path's, else a
// new one (rules V3 and C13).
func (x *exchange) answeredID() string {
	switch {
	case x.id != "":
		return x.id
	case x.target.id != "":
		return x.target.id[:min(len(x.target.id), maxEchoed)]
	}
	return string(secret.NewID())
}

// originalID is the request's id of an advice, found likewise.
func (x *exchange) originalID() string {
	if x.requestID != "" {
		return x.requestID
	}
	return x.target.requestID[:min(len(x.target.requestID), maxEchoed)]
}

// ident is the message's id, apart from the body's memory, because stores may keep it.
func (x *exchange) ident() ident.ID { return ident.ID(strings.Clone(x.id)) }

var jsonType = []string{"application/json"}

// ServeHTTP answers one message.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.exchanges.Get().(*exchange)
	x.received = s.now()
	if f := s.serve(w, r, x); f != nil {
		x.cause = f.unknown
		s.refuse(w, x, *f)
	}
	if s.observer != nil {
		operation := ""
		if x.target.operation != nil {
			operation = x.target.operation.id
		}
		s.observer.Observe(operation, x.status, x.reason, s.now().Sub(x.received), x.cause)
	}
	x.reset()
	s.exchanges.Put(x)
}

// serve takes a message through its checks in their order (docs/rules.md 1.4) and answers it, unless it fails.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, x *exchange) *failure {
	var found bool
	if x.target, found = s.route(r.URL); !found {
		s.findID(r, x)
		return &failure{status: http.StatusNotImplemented, reason: decline.FunctionNotSupported, text: "there is no such operation"}
	}
	if r.Method != http.MethodPost {
		x.target.operation = nil // path and method together name none
		return &failure{status: http.StatusMethodNotAllowed, reason: decline.FunctionNotSupported, text: "only POST", allow: http.MethodPost}
	}
	sender, release, err := s.gate.Admit(r, x.target.operation.advice())
	if err != nil {
		f := failed(err, x.target.operation.advice())
		return &f
	}
	defer release()
	x.sender = sender
	if f := s.read(r, x); f != nil {
		return f
	}
	if x.target.operation.advice() {
		return s.advise(w, r, x)
	}
	return s.ask(w, r, x)
}

// findID looks in the body for the id of a message that no operation takes, when its path has none (rule C13).
func (s *Server) findID(r *http.Request, x *exchange) {
	if x.target.id != "" {
		return
	}
	if _, err := x.buffer.ReadFrom(io.LimitReader(r.Body, MaxBody)); err != nil {
		return
	}
	_ = s.lookUp.model.Read(x.buffer.Bytes(), x.parsed) // whatever else is wrong with it
	x.id, _ = x.parsed.Text(s.slots.id)
}

// read takes in the body and judges it by the document (V1 to V5).
func (s *Server) read(r *http.Request, x *exchange) *failure {
	kind := r.Header.Get("Content-Type")
	if kind == "" && r.ContentLength == 0 {
		return s.judge(x) // what is missing has no type
	}
	if !isJSON(kind) {
		return &failure{status: http.StatusUnsupportedMediaType, reason: decline.FormatError, text: "the body must be application/json"}
	}
	if r.ContentLength > MaxBody {
		return tooLarge()
	}
	if _, err := x.buffer.ReadFrom(io.LimitReader(r.Body, MaxBody+1)); err != nil {
		return x.cutShort()
	}
	if x.buffer.Len() > MaxBody {
		return tooLarge()
	}
	if f := s.judge(x); f != nil {
		return f
	}
	return x.checkPath()
}

func tooLarge() *failure {
	return &failure{
		status: http.StatusRequestEntityTooLarge, reason: decline.FormatError,
		text: "a body may have " + strconv.Itoa(MaxBody) + " bytes",
	}
}

// cutShort answers a body that ends too early. An advice will be repeated, so it must not be refused for good.
func (x *exchange) cutShort() *failure {
	f := malformed("the body could not be read to its end", nil)
	if x.target.operation.advice() {
		f.status, f.reason = http.StatusInternalServerError, decline.GeneralError
	}
	return &f
}

func isJSON(contentType string) bool {
	if contentType == jsonType[0] {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.EqualFold(media, jsonType[0])
}

func (s *Server) judge(x *exchange) *failure {
	if x.buffer.Len() == 0 {
		f := malformed("there is no body", nil)
		return &f
	}
	err := x.target.operation.model.Read(x.buffer.Bytes(), x.parsed)
	x.message = x.parsed
	x.id, _ = x.parsed.Text(s.slots.id)
	x.requestID, _ = x.parsed.Text(s.slots.requestID)
	if err == nil {
		return nil
	}
	f := malformed("the body does not keep the contract", nil)
	var violations *wire.Violations
	if errors.As(err, &violations) {
		f.wrong = violations.List
	} else {
		x.message, f.text = nil, "the body is not JSON: "+err.Error()
	}
	return &f
}

// checkPath asks that path and body name the same message (V4), and the same request (V5).
func (x *exchange) checkPath() *failure {
	switch {
	case x.id != x.target.id:
		return mismatch("the id of the path is not that of the body", x.target.id)
	case x.target.operation.advice() && x.requestID != x.target.requestID:
		return mismatch("the request of the path is not that of the body", x.target.requestID)
	}
	return nil
}

func mismatch(text, pathID string) *failure {
	f := malformed(text, nil)
	f.pathID = pathID
	return &f
}

// ask has a request decided. It is not applied once its time is over or its sender has gone.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, x *exchange) *failure {
	request, wrong := s.request(x)
	if wrong != nil {
		f := malformed("the body does not keep the contract", wrong)
		return &f
	}
	ctx, cancel := context.WithDeadline(r.Context(), x.received.Add(s.timeout))
	defer cancel()
	response, err := s.service.Request(ctx, request)
	if err != nil {
		return s.failed(err, x)
	}
	x.answer = s.approval(x.answer, x, response)
	w.Header()["Location"] = []string{location(r, x)}
	s.write(w, x, http.StatusCreated)
	return nil
}

// location names what was created (rule C11).
func location(r *http.Request, x *exchange) string {
	return strings.TrimSuffix(r.URL.EscapedPath(), "/")
}

// advise has an advice decided. Once read it is applied, whatever its sender does.
func (s *Server) advise(w http.ResponseWriter, r *http.Request, x *exchange) *failure {
	advice, wrong := s.advice(x)
	if wrong != nil {
		f := malformed("the body does not keep the contract", wrong)
		return &f
	}
	if err := s.service.Advise(context.WithoutCancel(r.Context()), advice); err != nil {
		return s.failed(err, x)
	}
	x.answer = s.receipt(x.answer, x.message)
	s.write(w, x, http.StatusAccepted)
	return nil
}

// failed turns an error of the service into an answer, and tells the gate of guesses.
func (s *Server) failed(err error, x *exchange) *failure {
	f := failed(err, x.target.operation.role != txn.Request)
	if f.reason == decline.InvalidCardNumber || f.reason == decline.IncorrectPIN {
		s.gate.Guessed(x.sender)
	}
	var refusal *decline.Error
	var turned *decline.NotTaken
	switch {
	case errors.As(err, &refusal) && refusal.Alarm != "":
		f.unknown = refusal
	case errors.As(err, &turned):
		f.unknown = err
	}
	return &f
}

func (s *Server) write(w http.ResponseWriter, x *exchange, status int) {
	x.status = status
	w.Header()["Content-Type"] = jsonType
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(x.answer))}
	w.WriteHeader(status)
	_, _ = w.Write(x.answer) // a sender that is gone asks again, or reverses
}
