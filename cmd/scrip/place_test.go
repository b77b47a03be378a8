package main

import (
	"os"
	"path/filepath"
	"testing"
)

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

// What people are told to type serves the store, and tells no password either.
func TestACommandServesAStoreWithoutTellingPasswords(t *testing.T) {
	for where, want := range map[string]string{
		"postgres://u:secret@db.example:5432/scrip":                                       "scrip serve --database postgres://u@db.example:5432/scrip --keyset keys.json",
		"postgres://u@db1,db2/scrip?sslmode=require&target_session_attrs=read-write":      "scrip serve --database 'postgres://u@db1,db2/scrip?sslmode=require&target_session_attrs=read-write' --keyset keys.json",
		"postgres:///scrip?host=/run/pg&user=u&password=secret&sslpassword=s&whatever=se": "scrip serve --database 'postgres:///scrip?host=%2Frun%2Fpg&user=u' --keyset keys.json",
		"postgres://u@db/scrip?passfile=/etc/pgpass&synchronous_commit=remote_apply":      "scrip serve --database 'postgres://u@db/scrip?passfile=%2Fetc%2Fpgpass&synchronous_commit=remote_apply' --keyset keys.json",
		"postgres://u:12/3@db.example/scrip":                                              "scrip serve --database postgres://USER@HOST/NAME --keyset keys.json",
		"there/scrip.db":                                                                  "scrip serve --data there --keyset keys.json",
		"scrip.db":                                                                        "scrip serve --data . --keyset keys.json",
		"ann's/x/scrip.db":                                                                `scrip serve --data 'ann'\''s/x' --keyset keys.json`,
		"there/other.db":                                                                  "",
	} {
		if got, possible := placeOf(where).toServe("keys.json"); got != want || possible != (want != "") {
			t.Errorf("%s: got %s, %v, want %s", where, got, possible, want)
		}
	}
}

// What is not there becomes a directory, as servers are given one, unless its name is that of a store's file.
func TestAStoreIsMadeInADirectory(t *testing.T) {
	at := t.TempDir()
	empty, file := filepath.Join(at, "empty"), filepath.Join(at, "file")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		empty:                             filepath.Join(empty, "scrip.db"),
		file:                              file,
		filepath.Join(at, "new"):          filepath.Join(at, "new", "scrip.db"),
		filepath.Join(at, "new.db"):       filepath.Join(at, "new.db"),
		filepath.Join(at, "new.db") + "/": filepath.Join(at, "new.db", "scrip.db"),
	} {
		if got := placeToMake(name).file; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
