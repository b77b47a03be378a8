package queuehttp_test

import (
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/scripworks/scrip/queuehttp"
	"github.com/scripworks/scrip/saf"
)

// A till asks how its advices stand. In a server the gate is that of the contracts, and Levels the store's.
func Example() {
	handler := queuehttp.New(queuehttp.Settings{
		Gate: &gate{}, Levels: counted(level("north", saf.Attention, 1, 30, 710, 500)), Now: func() time.Time { return noon },
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", queuehttp.Path, nil))
	fmt.Print(w.Body)
	// Output:
	// {"upstreams":[{"upstream":"north","waiting":0,"parked":0,"attention":1,"oldest":"2026-11-21T11:30:00Z","ageSeconds":1800,"inDoubt":[{"currency":"710","value":"500"}]}]}
}
