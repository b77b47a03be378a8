package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/api/page"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/queuehttp"
)

// contracts serves the contracts' listener: the contracts below their base paths, their documents, and to each account
// what of its own is queued.
func (a *App) contracts(giftcards, airtimes http.Handler) http.Handler {
	documents := http.NewServeMux()
	serveDocument(documents, "giftcard", giftcardhttp.Document)
	serveDocument(documents, "airtime", airtimehttp.Document)
	documents.Handle("GET "+queuehttp.Path, queuehttp.New(queuehttp.Settings{
		Gate: a.gate, Levels: a.Store.Driver().Levels, Now: a.settings.Now, Log: a.log,
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case a.settings.Extra != nil && a.settings.Extra(w, r):
		case below(giftcardhttp.Base, r.URL.Path):
			giftcards.ServeHTTP(w, r)
		case below(airtimehttp.Base, r.URL.Path):
			airtimes.ServeHTTP(w, r)
		default:
			documents.ServeHTTP(w, r)
		}
	})
}

// below says whether a path is a contract's.
func below(base, path string) bool { return path == base || strings.HasPrefix(path, base+"/") }

// serveDocument serves an OpenAPI document at /openapi/NAME.yaml and a readable page of it at /openapi/NAME.
func serveDocument(mux *http.ServeMux, name string, document []byte) {
	mux.HandleFunc("GET /openapi/"+name+".yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(document) // whoever asked can ask again
	})
	mux.HandleFunc("GET /openapi/"+name, func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		if err := page.Render(&b, document); err != nil {
			http.Error(w, "the page cannot be made", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(b.Bytes()) // whoever asked can ask again
	})
}

// operators serves the operators' listener.
func (a *App) operators() (http.Handler, error) {
	settings := adminhttp.Settings{Office: a.Office, Log: a.log, Now: a.settings.Now}
	if a.newer != nil {
		settings.Others = a.newer
	}
	acts, err := adminhttp.New(settings)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", acts)
	mux.Handle("GET /metrics", a.Metrics.Handler())
	mux.HandleFunc("GET /healthz", a.healthz)
	mux.HandleFunc("GET /readyz", a.readyz)
	serveDocument(mux, "giftcard", giftcardhttp.Document)
	serveDocument(mux, "airtime", airtimehttp.Document)
	return mux, nil
}

// healthz says whether the store takes what is saved: 200, or 503 with the reason.
func (a *App) healthz(w http.ResponseWriter, _ *http.Request) {
	if err := a.Store.Health(); err != nil {
		tell(w, http.StatusServiceUnavailable, "the store cannot save: "+err.Error())
		return
	}
	tell(w, http.StatusOK, "healthy")
}

// readyz says whether messages should be sent here: 200 once both listeners serve, 503 while stopping.
func (a *App) readyz(w http.ResponseWriter, _ *http.Request) {
	if !a.ready.Load() {
		tell(w, http.StatusServiceUnavailable, "starting or stopping")
		return
	}
	tell(w, http.StatusOK, "ready")
}

func tell(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": text}) // whoever asked can ask again
}
