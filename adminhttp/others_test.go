package adminhttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/adminhttp"
)

// elsewhere is another process, which knows nothing either; it counts who asks it.
type elsewhere struct{ looks int }

func (*elsewhere) Revision() int64 { return 7 }

func (e *elsewhere) Newer(context.Context, int64) bool {
	e.looks++
	return false
}

// Only a token that may be known elsewhere has somebody look there.
func TestOnlyATokenHasSomebodyLook(t *testing.T) {
	for name, test := range map[string]struct {
		authorization string
		looks         int
	}{
		"nothing given":   {"", 0},
		"another scheme":  {"Basic abc", 0},
		"no token":        {"Bearer ", 0},
		"an unknown one":  {"Bearer abc", 1},
		"in another case": {"bearer abc", 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := &elsewhere{}
			if status := build(t).whoami(e, test.authorization); status != http.StatusUnauthorized || e.looks != test.looks {
				t.Errorf("%d after %d looks, want 401 after %d", status, e.looks, test.looks)
			}
		})
	}
}

// Who is known asks nobody.
func TestAKnownTokenHasNobodyLook(t *testing.T) {
	h, e := build(t), &elsewhere{}
	if status := h.whoami(e, "Bearer "+h.tokens["viewer"]); status != http.StatusOK || e.looks != 0 {
		t.Errorf("%d after %d looks, want 200 after none", status, e.looks)
	}
}

// whoami asks who an operator is, at a server that has others.
func (h *house) whoami(e *elsewhere, authorization string) int {
	handler, err := adminhttp.New(adminhttp.Settings{Office: h.office, Others: e})
	must(h.T, err)
	r := httptest.NewRequest(http.MethodGet, adminapi.Base+"/operators/me", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}
