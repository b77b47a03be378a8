package floorplan_test

import (
	"os"
	"testing"

	"github.com/scripworks/scrip/floorplan"
)

// The drawing is true: this is the test that keeps it so.
func TestHouseFollowsItsPlan(t *testing.T) {
	breaches, err := floorplan.House.Check(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range breaches {
		t.Error(b)
	}
}
