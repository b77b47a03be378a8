package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/scripworks/scrip/admin"
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

// unclear names a database whose address may be read in more than one way.
const unclear = "a database"

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
		return unclear
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// storeSuffix ends the name of a store's file.
const storeSuffix = ".db"

// placeToMake reads where a store is to be made: as placeOf does, and what is not there yet and has no name of a store's file
// becomes a directory with one in it, for that is what a server is given.
func placeToMake(name string) place {
	p := placeOf(name)
	if p.url != "" || p.exists() == nil || filepath.Ext(name) == storeSuffix {
		return p
	}
	return place{file: app.StorePath(name)}
}

// exists says why there is nothing at a place, if that can be said without opening it.
func (p place) exists() error {
	if p.url != "" {
		return nil
	}
	_, err := os.Stat(p.file)
	return err
}

// toServe gives the command that serves the store with a keyset. There is none for a file by another name than servers look for.
func (p place) toServe(keys string) (command string, possible bool) {
	where := "--database " + quoted(p.address())
	if p.url == "" {
		dir := filepath.Dir(p.file)
		if p.file != app.StorePath(dir) {
			return "", false
		}
		where = "--data " + quoted(dir)
	}
	return "scrip serve " + where + " --keyset " + quoted(keys), true
}

// address is a database's URL as people may be shown it to give it again: with the user, without a password.
func (p place) address() string {
	u, err := url.Parse(p.url)
	if err != nil || p.String() == unclear {
		return "postgres://USER@HOST/NAME"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		shown.User = url.User(u.User.Username())
	}
	kept := url.Values{}
	for name, values := range u.Query() {
		if slices.Contains(shownParameters, name) {
			kept[name] = values
		}
	}
	shown.RawQuery = kept.Encode()
	return shown.String()
}

// shownParameters are the parameters of a database's URL that people may be shown. What is not known here may be a secret.
var shownParameters = []string{
	"application_name", "channel_binding", "connect_timeout", "dbname", "host", "passfile", "port", "search_path", "service", "servicefile",
	"sslcert", "sslkey", "sslmode", "sslnegotiation", "sslrootcert", "sslsni", "synchronous_commit", "target_session_attrs", "user",
}

// quoted writes a word as a shell reads it.
func quoted(word string) string {
	if word != "" && !strings.ContainsFunc(word, needsQuotes) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func needsQuotes(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/.:@,_-+=%", r)
}

// makeDirectory makes the directory of a file that is to be made.
func (p place) makeDirectory() error {
	if p.url != "" {
		return nil
	}
	return os.MkdirAll(filepath.Dir(p.file), 0o700)
}

// open opens the store that is there; it is made, or brought up to date. A file can be open in one process only. A wait for
// another process that migrates is told.
func (p place) open(ctx context.Context, told io.Writer) (store.Whole, error) {
	return p.openWith(ctx, told, nil)
}

// openWith does as open does; a store that is made has a row from its first instant on.
func (p place) openWith(ctx context.Context, told io.Writer, first *admin.Row) (store.Whole, error) {
	if p.url == "" {
		return sqlite.Open(p.file, sqlite.Options{First: first})
	}
	return postgres.Open(ctx, p.url, postgres.Options{Name: "scrip", First: first, Waiting: func(so time.Duration) {
		fmt.Fprintf(told, "Another process is bringing %s up to date: waiting, for %s so far.\n", p, so.Round(time.Second))
	}})
}

// openToRead opens the store that is there, and changes nothing.
func (p place) openToRead(ctx context.Context) (store.Whole, error) {
	if p.url == "" {
		return sqlite.Open(p.file, sqlite.Options{ReadOnly: true})
	}
	return postgres.Open(ctx, p.url, postgres.Options{ReadOnly: true, Name: "scrip"})
}

// openStill opens the store that is there to be read as it is at one instant. A database may be written to meanwhile.
func (p place) openStill(ctx context.Context) (store.Whole, error) {
	if p.url != "" {
		return postgres.Open(ctx, p.url, postgres.Options{OneInstant: true})
	}
	return p.openToRead(ctx)
}
