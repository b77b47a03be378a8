package exchange

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Operation is one of a contract's.
type Operation struct {
	ID     string // operationId
	Method string // GET for a query, whose parameters are judged; POST for the others, whose body is
	// Path is what follows the base path. A segment {id} is the id of the message and {requestId}, of an advice, the
	// id of its request; both must then be those of the body (V4, V5). A slash at the end makes no difference (C3).
	Path        string
	Family      txn.Family // of requests and advices; 0 for a query
	Role        txn.Role   // Confirmation or Reversal for an advice
	RequestType string     // for ErrorDetail
	Schema      string     // of the body, in components/schemas; empty for a query
	Status      int        // of its success
	Located     bool       // whether a success has a Location, the path itself
	// Repeated says that a query is sent again and again until it is answered for good, as advices are. So it hears
	// 500 when it only cannot be taken now, and never 429 or 503, which would end the asking.
	Repeated bool
	// Numbers are the parameters of a query that hold a telephone number. Its plus sign, when it was not escaped, comes
	// as a blank, and is taken for what it was.
	Numbers []string
	// Answer has the message decided and writes the answer (Exchange.Approve, Receipt or Answer). The context of a
	// request and of a query ends with its time; that of an advice does not end. Errors become answers: a
	// *decline.Error 400 or 404, a *decline.NotTaken as C13 has it, a *decline.Unknown 504 or for an advice 500,
	// a *Malformed 400 FORMAT_ERROR, a NotOffered 501, and any other error 500, an unknown outcome. x is used no more
	// once Answer has returned.
	Answer func(ctx context.Context, x *Exchange) error

	model    *wire.Model
	segments []string
}

// Advice says whether the operation informs and is repeated, instead of asking.
func (o *Operation) Advice() bool { return o.Role == txn.Confirmation || o.Role == txn.Reversal }

func (o *Operation) query() bool { return o.Method == http.MethodGet }

func (o *Operation) repeated() bool { return o.Repeated || o.Advice() }

// The segments of a path that stand for ids.
const (
	segmentID        = "{id}"
	segmentRequestID = "{requestId}"
)

// At gives the operation's path below the base for the message with an id, escaped. request is the request of an advice.
func (o *Operation) At(request, id ident.ID) string {
	ids := strings.NewReplacer(segmentRequestID, url.PathEscape(string(request)), segmentID, url.PathEscape(string(id)))
	return "/" + ids.Replace(o.Path)
}

func (o *Operation) compile(document *wire.Document) (err error) {
	o.segments = strings.Split(o.Path, "/")
	if o.query() {
		o.model, err = document.Query(o.ID)
	} else {
		o.model, err = document.Model(o.Schema)
	}
	if err != nil {
		return fmt.Errorf("operation %s: %w", o.ID, err)
	}
	return nil
}

// matches says whether a path is the operation's.
func (o *Operation) matches(path []string) bool {
	if len(path) != len(o.segments) {
		return false
	}
	for i, segment := range o.segments {
		if segment != path[i] && segment != segmentID && segment != segmentRequestID {
			return false
		}
	}
	return true
}

// endsWithID says whether paths as long as this one end with the id of a message in this operation.
func (o *Operation) endsWithID(path []string) bool {
	return len(path) == len(o.segments) && o.segments[len(path)-1] == segmentID
}

// target is what a path names.
type target struct {
	operation *Operation // nil when there is none
	requestID string     // of an advice: the request that the path names
	id        string     // of the message
}

// route finds the operation that a path and a method name, or the methods that the path has instead; nil when it has
// none, though such a path may have an id.
func (s *Server) route(u *url.URL, method string) (t target, allow []string) {
	path := s.split(u)
	if path == nil {
		return target{}, nil
	}
	for _, o := range s.contract.Operations {
		if o.endsWithID(path) {
			t.id = path[len(path)-1]
		}
	}
	for _, o := range s.contract.Operations {
		switch {
		case !o.matches(path):
		case o.Method != method:
			allow = append(allow, o.Method)
		default:
			return o.target(path), nil
		}
	}
	return t, allow
}

// target takes the ids from a path of this operation.
func (o *Operation) target(path []string) target {
	t := target{operation: o}
	for i, segment := range o.segments {
		switch segment {
		case segmentID:
			t.id = path[i]
		case segmentRequestID:
			t.requestID = path[i]
		}
	}
	return t
}

// split gives the segments of a path below the base; nil when it has none. Ids are unescaped segment by segment,
// since an id may hold a slash.
func (s *Server) split(u *url.URL) []string {
	path, below := strings.CutPrefix(u.EscapedPath(), s.base)
	if !below {
		return nil
	}
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" {
			return nil
		}
		segments[i] = plain
	}
	return segments
}
