package main

import "testing"

// What lets somebody in is never told, however the address was written.
func TestPlacesAreToldWithoutPasswords(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://u:secret@db.example:5432/scrip?sslmode=require": "postgres://db.example:5432/scrip",
		"postgres://u:se%40cret@db.example/scrip":                   "postgres://db.example/scrip",
		"postgres://u@db1,db2/scrip":                                "postgres://db1,db2/scrip",
		"postgres://db.example/scrip":                               "postgres://db.example/scrip",
		"postgres://db.example/scrip?user=u&password=secret":        "postgres://db.example/scrip",
		"postgres://u:12/3@db.example/scrip":                        "a database",
		"postgres://u:12?3@db.example/scrip":                        "a database",
		"postgres://u:12#3@db.example/scrip":                        "a database",
		"postgres://u:1@2/3@db.example/scrip":                       "a database",
		"postgres://u:1@2?3@db.example/scrip":                       "a database",
		"postgres://u:%zz@db.example/scrip":                         "a database",
	} {
		if got := placeOf(address).String(); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
