package giftcardtest

import (
	"context"
	"time"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// account is who sends messages, with a bound on its wrong guesses.
type account struct {
	sender  *txn.Sender
	wrong   int       // permitted a minute; 0 is no bound
	guesses int       // since the minute began
	minute  time.Time // when that was
}

// Account implements conform.Setup. An account that was there already is set up anew, under its old number.
func (i *Issuer) Account(_ context.Context, a conform.Account) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := &txn.Sender{
		Account: ident.Account(len(i.accounts) + 1), World: ident.Production, Products: a.Products,
		HolderLookUps: a.HolderLookup, Velocity: Velocity(a.Velocity),
	}
	if before := i.accounts[a.Name]; before != nil {
		s.Account = before.sender.Account
	}
	if i.settings.Compatible && a.Name == "b" {
		s.World++
	}
	for _, kind := range a.Operations {
		s.Families = append(s.Families, families[kind])
	}
	for _, pan := range a.PANs {
		s.Ranges = append(s.Ranges, txn.Range{First: pan, Last: pan})
	}
	i.accounts[a.Name] = &account{sender: s, wrong: a.WrongPerMinute}
	return nil
}

// Sender gives an account by its name; nil when there is none.
func (i *Issuer) Sender(name string) *txn.Sender {
	i.mu.Lock()
	defer i.mu.Unlock()
	if a := i.accounts[name]; a != nil {
		return a.sender
	}
	return nil
}

// Admit gives the account that a message comes from, or turns it away: Unauthenticated when nobody has the name,
// RateLimited when it has guessed too often in this minute.
func (i *Issuer) Admit(name string) (*txn.Sender, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	a := i.accounts[name]
	if a == nil {
		return nil, &decline.NotTaken{Cause: decline.Unauthenticated, Text: "nobody has this name"}
	}
	if a.wrong > 0 && a.guesses >= a.wrong && i.now.Truncate(time.Minute).Equal(a.minute) {
		return nil, &decline.NotTaken{Cause: decline.RateLimited, Text: "too many wrong cards or PINs", After: time.Minute}
	}
	return a.sender, nil
}

// Guessed counts an answer that told of a wrong card or PIN.
func (i *Issuer) Guessed(s *txn.Sender) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range i.accounts {
		if a.sender != s {
			continue
		}
		if minute := i.now.Truncate(time.Minute); !minute.Equal(a.minute) {
			a.minute, a.guesses = minute, 0
		}
		a.guesses++
	}
}
