package adminhttp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scripworks/scrip/decline"
)

// That the store does not save is a fault of ours: why is logged, and is not told. That there is too much to do is none.
func TestWhyTheStoreDoesNotSaveIsLoggedAndNotTold(t *testing.T) {
	for cause, isOurs := range map[decline.Cause]bool{decline.StoreDown: true, decline.Overloaded: false, decline.Stopping: false} {
		turned := &decline.NotTaken{Cause: cause, Text: "not now"}
		status, e, _, certain := told(fmt.Errorf("%w: %w", turned, errors.New("disk on fire")), false)
		if status != 503 || e.Message != "not now" || strings.Contains(fmt.Sprint(e), "fire") || certain == isOurs {
			t.Errorf("cause %d: told as %d %+v, certain: %t", cause, status, e, certain)
		}
	}
}
