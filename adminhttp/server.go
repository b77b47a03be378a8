// Package adminhttp serves the operators' interface: it turns HTTP and JSON into the words of package admin and
// back, and reads the file of an import as it arrives.
//
// It promises that every call carries a token that counts, that no request but an import's takes more than a
// bounded amount of memory and an import's no more than a batch of lines, that values are checked against the
// document before anybody acts, and that no answer holds a whole card number or a PIN, but for the PIN of a sold
// voucher that an operator has revealed. It logs no query and no body.
package adminhttp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/api/page"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// Settings are what a server is made of.
type Settings struct {
	Office *admin.Office
	// Now is the clock; nil is the computer's.
	Now func() time.Time
	// World is where operators act; 0 is production.
	World ident.World
	// Log hears of faults of ours; nil is the default logger.
	Log *slog.Logger
	// Others, when it is there, is asked before a token is refused that other processes may know already.
	Others admin.Others
}

// Where the document and its readable page are served.
const (
	DocumentPath = "/openapi/admin.yaml"
	PagePath     = "/openapi/admin"
)

var _ adminapi.StrictServerInterface = (*server)(nil)

// server turns calls into acts.
type server struct {
	office *admin.Office
	now    func() time.Time
	world  ident.World
	log    *slog.Logger
	others admin.Others     // nil for none
	checks map[string]check // by the pattern of the mux
}

// New gives the handler of everything below adminapi.Base, and of the document and its page. It fails when the
// document that it serves cannot be read.
func New(settings Settings) (http.Handler, error) {
	s := &server{office: settings.Office, now: settings.Now, world: settings.World, log: settings.Log, others: settings.Others}
	if s.now == nil {
		s.now = time.Now
	}
	if s.world == 0 {
		s.world = ident.Production
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	var err error
	if s.checks, err = checksOf(adminapi.Document, adminapi.Base); err != nil {
		return nil, fmt.Errorf("read the operators' document: %w", err)
	}
	return s.routes(), nil
}

func (s *server) routes() http.Handler {
	api := http.NewServeMux()
	strict := adminapi.NewStrictHandlerWithOptions(s, nil, adminapi.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: s.badRequest, ResponseErrorHandlerFunc: s.fail,
	})
	adminapi.HandlerWithOptions(strict, adminapi.StdHTTPServerOptions{
		BaseURL: adminapi.Base, BaseRouter: api, ErrorHandlerFunc: s.badRequest,
		Middlewares: []adminapi.MiddlewareFunc{s.checked},
	})
	all := http.NewServeMux()
	all.Handle(adminapi.Base+"/", s.authenticated(s.found(api)))
	all.HandleFunc("GET "+DocumentPath, serveDocument)
	all.HandleFunc("GET "+PagePath, s.servePage)
	return all
}

func serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(adminapi.Document)
}

func (s *server) servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Render(w, adminapi.Document); err != nil {
		s.log.ErrorContext(r.Context(), "cannot show the operators' document", "err", err)
	}
}

type operatorKey struct{}

// authenticated lets through who has a token that counts.
func (s *server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operator, found := s.operatorOf(r.Context(), tokenOf(r))
		if !found || operator.World != s.world {
			w.Header().Set("WWW-Authenticate", `Bearer realm="scrip"`)
			write(w, http.StatusUnauthorized, adminapi.Error{Code: adminapi.ErrorCodeUNAUTHENTICATED, Message: "a token that counts is needed"})
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operatorKey{}, operator)))
	})
}

// tokenOf gives the token that a call carries, and nothing when it carries none.
func tokenOf(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// operatorOf gives the operator whose token it is, also one who was made through another process a moment ago.
func (s *server) operatorOf(ctx context.Context, token string) (*admin.Operator, bool) {
	if token == "" {
		return nil, false
	}
	digest := secret.TokenDigest(token)
	if s.others == nil {
		return s.office.Register().OperatorByToken(digest)
	}
	revision := s.others.Revision()
	o, found := s.office.Register().OperatorByToken(digest)
	if !found && s.others.Newer(ctx, revision) {
		return s.office.Register().OperatorByToken(digest)
	}
	return o, found
}

// operator gives who is calling.
func operator(ctx context.Context) *admin.Operator { return ctx.Value(operatorKey{}).(*admin.Operator) }

// by gives who acts, now, and why.
func (s *server) by(ctx context.Context, reason string) admin.By {
	o := operator(ctx)
	return admin.By{Operator: o.Name, Role: o.Role, World: s.world, At: s.instant(), Reason: reason}
}

// instant is now, as it is recorded.
func (s *server) instant() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// found answers in JSON, too, where there is no such path or method.
func (s *server) found(api *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := api.Handler(r)
		if pattern != "" {
			api.ServeHTTP(w, r)
			return
		}
		missing := &verdict{header: w.Header()}
		handler.ServeHTTP(missing, r)
		if missing.status == http.StatusMethodNotAllowed {
			write(w, missing.status, adminapi.Error{Code: adminapi.ErrorCodeMETHODNOTALLOWED, Message: "this path has no such method"})
			return
		}
		write(w, http.StatusNotFound, adminapi.Error{Code: adminapi.ErrorCodeNOTFOUND, Message: "there is no such path"})
	})
}

// verdict keeps the status and headers of an answer and drops its text.
type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) WriteHeader(status int)      { v.status = status }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }
