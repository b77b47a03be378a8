package app

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
)

// Pair is a user name and a password that are given at the start and held in memory only: with them an account comes in,
// and they are presented upstream for it.
type Pair struct{ Name, Password string }

// String shows the name only.
func (p Pair) String() string { return p.Name }

// GoString shows the name only.
func (p Pair) GoString() string { return p.Name }

// pairs are the accounts that came with the start of the program.
type pairs struct {
	register  *admin.Register
	byName    map[string]pair
	byAccount map[ident.Account]Pair
}

type pair struct {
	account ident.Account
	digest  [sha256.Size]byte // of the password, so that comparing takes the same time whatever its length
}

func newPairs(r *admin.Register) *pairs {
	return &pairs{register: r, byName: map[string]pair{}, byAccount: map[ident.Account]Pair{}}
}

// introduce makes the pairs known, and the accounts of those that have none yet. It comes before anybody is admitted.
func (p *pairs) introduce(ctx context.Context, office *admin.Office, given []Pair, now time.Time) error {
	by := atStart(now)
	for _, g := range given {
		if _, twice := p.byName[g.Name]; twice {
			return fmt.Errorf("account %s is given twice", g.Name)
		}
		account, err := office.Introduce(ctx, by, g.Name)
		if err != nil {
			return fmt.Errorf("account %s: %w", g.Name, err)
		}
		p.byName[g.Name] = pair{account.Number, sha256.Sum256([]byte(g.Password))}
		p.byAccount[account.Number] = g
	}
	return nil
}

// admit takes in who comes with one of the pairs.
func (p *pairs) admit(user, password string) (edge.Identity, error) {
	known, found := p.byName[user]
	digest := sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(digest[:], known.digest[:]) != 1 || !found {
		return edge.Identity{}, &decline.NotTaken{Cause: decline.Unauthenticated, Text: "there is no account with this user name and password"}
	}
	account, _ := p.register.Account(known.account) // accounts are never deleted
	sender, _ := p.register.Sender(account.World, account.Number)
	return edge.Identity{Account: account, Sender: sender, User: user}, nil
}

// For implements exchange.Credentials: what came in is presented.
func (p *pairs) For(account ident.Account) (exchange.Credential, bool) {
	given, found := p.byAccount[account]
	if !found {
		return nil, false
	}
	return exchange.Basic(given.Name, given.Password), true
}

// lane names the credential under which an account's messages go.
func (p *pairs) lane(account ident.Account) string { return p.byAccount[account].Name }
