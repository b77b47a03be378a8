package postgres

import (
	"errors"
	"strings"
	"testing"
)

// A password that is not escaped is in no error, and nobody is asked for a host that is a part of it.
func TestAPasswordThatIsNotEscapedIsNotTold(t *testing.T) {
	for _, password := range []string{
		"SEC/RET", "12/SECRET", "x@SECRET", "12@SEC/RET", "12?SEC/RET", "12?SEC@RET", "12/SEC?RET", "x@SEC?RET", "SEC#/RET", "SEC%RET", "[SEC/RET", "SE C:RET",
	} {
		_, err := configure("postgres://scrip:"+password+"@127.0.0.1:1/x?connect_timeout=1", Options{})
		if err == nil {
			t.Errorf("%s: it is taken", password)
		} else if text := err.Error(); strings.Contains(text, "SEC") || strings.Contains(text, "RET") {
			t.Errorf("%s: %v", password, err)
		}
	}
}

// What is escaped, or means what it says, is taken.
func TestAddressesThatAreRead(t *testing.T) {
	for address, host := range map[string]string{
		"postgres://scrip:a%40b%2Fc%3F@db:5432/x":               "db",
		"postgres://scrip:a?b@db/x":                             "db",
		"postgres://db1,db2:5433/x":                             "db1",
		"postgres://scrip@db/x?password=a@b":                    "db",
		"postgres://scrip@%2Frun%2Fa@b/x?sslmode=disable":       "",
		"postgres://scrip@%2Frun%2Fa%40b/x?sslmode=disable":     "/run/a@b",
		"postgres://scrip@/x?host=/run/a@b":                     "/run/a@b",
		"host=db user=scrip dbname=a@b password=a@b/c?":         "db",
		"postgres://scrip@db/a%40b?application_name=nothing%25": "db",
	} {
		c, err := configure(address, Options{})
		switch {
		case host == "":
			if !errors.Is(err, errMisread) {
				t.Errorf("%s: got %v", address, err)
			}
		case err != nil || c.ConnConfig.Host != host:
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A store is not looked for, or made, in the database that happens to have the user's name.
func TestAnAddressNamesItsDatabase(t *testing.T) {
	for address, named := range map[string]bool{
		"postgres://scrip@db": false, "postgres://scrip@db/": false, "postgres://scrip@db?sslmode=disable": false, "host=db user=scrip": false,
		"postgres://scrip@db/x": true, "postgres://scrip@db?dbname=x": true, "host=db user=scrip dbname=x": true,
	} {
		if _, err := configure(address, Options{}); (err == nil) != named || !named && !errors.Is(err, ErrAddress) {
			t.Errorf("%s: got %v", address, err)
		}
	}
	t.Setenv("PGDATABASE", "x")
	if _, err := configure("postgres://scrip@db", Options{}); err != nil {
		t.Errorf("with PGDATABASE: got %v", err)
	}
}
