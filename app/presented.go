package app

import (
	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
)

// Presented is what is presented to an upstream. The zero value presents nothing, to an upstream that knows us by our
// certificate.
type Presented struct {
	// Pairs presents for each account the pair with which it comes in (Settings.Pairs), and then nothing else counts.
	Pairs bool
	// Accounts are the credentials of single accounts, by their names, and All that of the others; nil is none.
	Accounts map[string]exchange.Credential
	All      exchange.Credential
}

// credentials gives what is presented, and the names of the lanes that go under it.
func (a *App) credentials(p Presented) (exchange.Credentials, func(ident.Account) string) {
	switch {
	case p.Pairs:
		return a.pairs, a.pairs.lane
	case len(p.Accounts) > 0:
		named := &named{p, a.Register}
		return named, named.lane
	case p.All == nil:
		return exchange.Same(exchange.Nothing()), nil
	}
	return exchange.Same(p.All), nil
}

// named presents credentials by the names of accounts.
type named struct {
	Presented
	register *admin.Register
}

func (n *named) name(account ident.Account) string {
	if a, found := n.register.Account(account); found {
		return a.Name
	}
	return ""
}

// For implements exchange.Credentials.
func (n *named) For(account ident.Account) (exchange.Credential, bool) {
	if c, own := n.Accounts[n.name(account)]; own {
		return c, true
	}
	return n.All, n.All != nil
}

// lane is the account's name when it has a credential of its own, else that of all others.
func (n *named) lane(account ident.Account) string {
	name := n.name(account)
	if _, own := n.Accounts[name]; own {
		return name
	}
	return ""
}

// Close ends what the credentials have running. The client to which they were given calls it.
func (n *named) Close() {
	for _, c := range n.Accounts {
		exchange.CloseCredential(c)
	}
	exchange.CloseCredential(n.All)
}
