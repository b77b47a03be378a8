package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/config"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/sqlite"
)

// place is where a store is: in a file, or in a database.
type place struct {
	file string // empty of a database
	url  string // empty of a file
}

// placeOf reads where a store is: the URL of a database, a file, or a directory with a file in it.
func placeOf(name string) place {
	if config.IsDatabaseURL(name) {
		return place{url: name}
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return place{file: app.StorePath(name)}
	}
	return place{file: name}
}

// String names the place for people, without what lets somebody in: a database not at all when its address may be read in
// more than one way, for then its host or its path may be a part of a password.
func (p place) String() string {
	if p.url == "" {
		if whole, err := filepath.Abs(p.file); err == nil {
			return whole
		}
		return p.file
	}
	u, err := url.Parse(p.url)
	if at := strings.Count(p.url, "@"); err != nil || at > 1 || at == 1 && u.User == nil {
		return "a database"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// exists says why there is nothing at a place, if that can be said without opening it.
func (p place) exists() error {
	if p.url != "" {
		return nil
	}
	_, err := os.Stat(p.file)
	return err
}

// open opens the store that is there. One that is only read stays as it is; otherwise it is made, or brought up to date. A
// file can be open in one process only.
func (p place) open(ctx context.Context, readOnly bool) (store.Whole, error) {
	if p.url != "" {
		return postgres.Open(ctx, p.url, postgres.Options{ReadOnly: readOnly, Name: "scrip"})
	}
	return sqlite.Open(p.file, sqlite.Options{ReadOnly: readOnly})
}
