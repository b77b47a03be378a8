package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts call this program as scrip.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"scrip": main})
}
