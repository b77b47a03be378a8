// Package giftcardhttp is the wire of Giftcard v3: it turns HTTP messages into the words of package giftcard,
// and answers back.
//
// It promises that every answer below the base path has an ErrorDetail or the declared success body, that a body
// is judged by the served OpenAPI document and nothing else, that times and references come back exactly as they
// were sent, and that no PIN is ever answered, logged or kept (docs/rules.md sections 1 and 2).
package giftcardhttp

import (
	"net/url"
	"strings"

	giftcardapi "github.com/scripworks/scrip/api/giftcard"
	"github.com/scripworks/scrip/api/wire"
	"github.com/scripworks/scrip/txn"
)

// Base is the path below which the contract lives (rule C1).
const Base = "/giftcard/v3"

// Document is the OpenAPI document by which bodies are judged, and which is served.
var Document = giftcardapi.Document

// operation is one of the contract's nineteen.
type operation struct {
	id          string // operationId
	resource    string // path segment
	family      txn.Family
	role        txn.Role
	requestType string
	schema      string
	model       *wire.Model
}

// advice says whether the operation informs and is repeated, instead of asking.
func (o *operation) advice() bool { return o.role != txn.Request }

// operations lists the contract: for each resource its request, confirmation and reversal.
func operations() []*operation {
	all := []*operation{{
		id: "lookupGiftcard", resource: "lookupGiftcard", family: txn.LookUp, role: txn.Request,
		requestType: "LOOKUP_REQUEST", schema: "LookupRequest",
	}}
	for _, f := range []struct {
		request, name, resource, kind string
		family                        txn.Family
	}{
		{"activate", "Activation", "activations", "ACTIVATION", txn.Activation},
		{"load", "Load", "loads", "LOAD", txn.Load},
		{"redemption", "Redemption", "redemptions", "REDEMPTION", txn.Redemption},
		{"void", "Void", "voids", "VOID", txn.Void},
		{"replace", "Replace", "replaces", "REPLACE", txn.Replace},
		{"transfer", "Transfer", "transfers", "TRANSFER", txn.Transfer},
	} {
		all = append(all,
			&operation{f.request, f.resource, f.family, txn.Request, f.kind + "_REQUEST", f.name + "Request", nil},
			&operation{"confirm" + f.name, f.resource, f.family, txn.Confirmation, f.kind + "_CONFIRMATION", f.name + "Confirmation", nil},
			&operation{"reverse" + f.name, f.resource, f.family, txn.Reversal, f.kind + "_REVERSAL", f.name + "Reversal", nil})
	}
	return all
}

// target is what a path names.
type target struct {
	operation *operation
	requestID string // of an advice: the request that the path names
	id        string // of the message
}

type routeKey struct {
	resource string
	role     txn.Role
}

// adviceRoles are the path segments of advices.
var adviceRoles = map[string]txn.Role{"confirmations": txn.Confirmation, "reversals": txn.Reversal}

// route finds the operation that a path names; false when there is none, though such a path may have an id. A slash at the end makes no difference
// (rule C3). Ids are unescaped segment by segment, since an id may hold a slash.
func (s *Server) route(u *url.URL) (target, bool) {
	path, below := strings.CutPrefix(u.EscapedPath(), Base+"/")
	if !below {
		return target{}, false
	}
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" {
			return target{}, false
		}
		segments[i] = plain
	}
	switch len(segments) {
	case 2:
		o := s.routes[routeKey{segments[0], txn.Request}]
		return target{operation: o, id: segments[1]}, o != nil
	case 4:
		o := s.routes[routeKey{segments[0], adviceRoles[segments[2]]}]
		if o == nil || !o.advice() {
			return target{id: segments[3]}, false
		}
		return target{operation: o, requestID: segments[1], id: segments[3]}, true
	}
	return target{}, false
}
