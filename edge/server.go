package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds are what strangers may take of a listener.
type Bounds struct {
	HeaderTimeout time.Duration // for a message's headers to arrive
	ReadTimeout   time.Duration // for the whole message to arrive
	WriteTimeout  time.Duration // from the end of the headers until the answer has been written
	IdleTimeout   time.Duration // between two messages of a connection
	HeaderBytes   int           // of a message's headers
	Connections   int           // open at once; further ones are closed as they come
	Streams       int           // messages at once on one connection of HTTP/2
}

// answerSlack is what an answer may take beyond the request timeout: an advice may have waited for its request,
// and the answer must still be written.
const answerSlack = 30 * time.Second

// DefaultBounds are the bounds of a listener whose requests are answered within the given time (60 s by rule).
func DefaultBounds(requestTimeout time.Duration) Bounds {
	return Bounds{
		HeaderTimeout: 10 * time.Second,
		ReadTimeout:   30 * time.Second,
		WriteTimeout:  requestTimeout + answerSlack,
		IdleTimeout:   2 * time.Minute,
		HeaderBytes:   16 << 10,
		Connections:   10_000,
		Streams:       128,
	}
}

// Listener is what a server listens with. Name, Address, Bounds, Metrics and Log are needed.
type Listener struct {
	Name      string // in logs and metrics, such as "messages" or "operators"
	Address   string // host and port; port 0 is any that is free
	TLS       *TLS   // nil is plain HTTP
	PlainHTTP bool   // permits plain HTTP on an address that others can reach, because a proxy in front ends TLS
	Bounds    Bounds
	Gate      *Gate // is stopped with the server; nil for none
	Metrics   *Metrics
	Log       *slog.Logger
}

// Server serves one handler on one listener, HTTP/1.1 and, with TLS, HTTP/2.
type Server struct {
	settings Listener
	listener net.Listener
	http     *http.Server
	keeper   *keeper // nil without TLS
	open     atomic.Int64
}

// ErrPlainHTTP is why a server does not start without TLS on an address that others can reach.
var ErrPlainHTTP = errors.New("plain HTTP on an address that is not loopback")

// ErrTLSFiles is why a server does not start with TLS: its files are not there, or cannot be used.
var ErrTLSFiles = errors.New("TLS files")

// Listen opens the listener: from here on clients wait instead of being refused. It fails with ErrPlainHTTP,
// with ErrTLSFiles, and when the address cannot be had. Serve has to follow, or Stop.
func Listen(l Listener) (*Server, error) {
	address, err := net.ResolveTCPAddr("tcp", l.Address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", l.Address, err)
	}
	if l.TLS == nil && !l.PlainHTTP && !address.IP.IsLoopback() {
		return nil, fmt.Errorf("listen on %s: %w", l.Address, ErrPlainHTTP)
	}
	s := &Server{settings: l}
	if l.TLS != nil {
		if s.keeper, err = newKeeper(*l.TLS, l.Name, l.Metrics, l.Log); err != nil {
			return nil, fmt.Errorf("listen on %s: %w: %w", l.Address, ErrTLSFiles, err)
		}
	}
	if s.listener, err = net.ListenTCP("tcp", address); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", l.Address, err)
	}
	s.http = s.newHTTP()
	return s, nil
}

func (s *Server) newHTTP() *http.Server {
	b := s.settings.Bounds
	h := &http.Server{
		ReadHeaderTimeout: b.HeaderTimeout,
		ReadTimeout:       b.ReadTimeout,
		WriteTimeout:      b.WriteTimeout,
		IdleTimeout:       b.IdleTimeout,
		MaxHeaderBytes:    b.HeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: b.Streams},
		ConnContext:       func(ctx context.Context, _ net.Conn) context.Context { return withPeer(ctx) },
		ConnState:         s.count,
		ErrorLog:          log.New(&complaints{log: s.settings.Log, listener: s.settings.Name, sampler: sampler{window: time.Second, lines: maxServerLines}}, "", 0),
	}
	if s.keeper != nil {
		h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: s.keeper.forClient}
	}
	return h
}

// count counts connections, and closes one at once that is too many. Waiting instead would let its client send,
// and then not know what became of it.
func (s *Server) count(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.open.Add(1) > int64(s.settings.Bounds.Connections) {
			s.settings.Metrics.closed.WithLabelValues(s.settings.Name).Inc()
			_ = c.Close() // whoever it was hears it
		}
	case http.StateClosed, http.StateHijacked:
		s.open.Add(-1)
	default:
		return
	}
	s.settings.Metrics.connections.WithLabelValues(s.settings.Name).Set(float64(s.open.Load()))
}

// Address is where the server listens, with the port it was given.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// Serve answers with the handler until Stop is called, and then returns nil. Any other return is a fault of the
// listener.
func (s *Server) Serve(h http.Handler) error {
	s.http.Handler = s.guarded(h)
	err := s.serve()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", s.settings.Name, err)
}

func (s *Server) serve() error {
	if s.keeper == nil {
		return s.http.Serve(s.listener)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { s.keeper.watch(ctx) })
	defer watching.Wait()
	defer cancel()
	return s.http.ServeTLS(s.listener, "", "")
}

// guarded ends the connection of a message whose handling broke down: its sender must not take silence or half an
// answer for a no. What was panicked with is not logged, it could be anything; the stack has no values.
func (s *Server) guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch broke := recover(); broke {
			case nil:
			case http.ErrAbortHandler:
				panic(broke)
			default:
				s.settings.Metrics.panics.Inc()
				s.settings.Log.Error("the handling of a message broke down", "listener", s.settings.Name,
					"kind", fmt.Sprintf("%T", broke), "stack", string(debug.Stack()))
				panic(http.ErrAbortHandler)
			}
		}()
		h.ServeHTTP(w, r)
	})
}

// Reload takes up TLS files that have changed. Connections that are open go on as they are. When the new files
// are broken the old ones count on, and the error says what is wrong with them. Without TLS it does nothing.
func (s *Server) Reload() error {
	if s.keeper == nil {
		return nil
	}
	return s.keeper.reload()
}

// Stop takes nothing new, lets what is in hand be finished until the context ends, and closes everything.
// While something is in hand, messages that still come are turned away with decline.Stopping by the gate (rule
// C13): net/http would close their connections without a word, and leave their outcome unknown. The error says that
// something was cut off.
func (s *Server) Stop(ctx context.Context) error {
	if s.settings.Gate != nil {
		s.settings.Gate.Stop()
		s.settings.Gate.Emptied(ctx)
	}
	err := s.http.Shutdown(ctx)
	_ = s.listener.Close() // net/http knows only a listener that it has begun to serve
	if err == nil {
		return nil
	}
	_ = s.http.Close() // the error that counts is that of Shutdown
	return fmt.Errorf("stop %s: messages in hand were cut off: %w", s.settings.Name, err)
}

// complaints is the log of net/http: failed handshakes and the like, which strangers cause at will.
type complaints struct {
	log      *slog.Logger
	listener string
	sampler  sampler
}

// maxComplaint bounds what is kept of one complaint, in bytes.
const maxComplaint = 500

// Write logs one complaint, or only counts it.
func (c *complaints) Write(line []byte) (int, error) {
	if hidden, may := c.sampler.ask(time.Now()); may {
		text := string(line[:min(len(line), maxComplaint)])
		attrs := []slog.Attr{slog.String("listener", c.listener), slog.String("text", text)}
		c.log.LogAttrs(context.Background(), slog.LevelInfo, "connection trouble", leftOut(attrs, hidden)...)
	}
	return len(line), nil
}
