package wire

import (
	"os"
	"testing"
)

func document(t testing.TB) *Document {
	t.Helper()
	source, err := os.ReadFile("testdata/till.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// modelOf gives a model of the tests' own contract, without slots.
func modelOf(t testing.TB, name string) *Model {
	t.Helper()
	m, err := document(t).Model(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
