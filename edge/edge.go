// Package edge stands between the network and the rooms that speak the contracts: listeners with TLS, who a
// message comes from, how much of it may come at once, and what operators see of it.
//
// It promises that nothing goes on to a room from somebody unknown; that what it turns away is a
// *decline.NotTaken and left nothing behind (rule C13); that requests never take the room of advices; that
// everything which can grow by what strangers send has a named bound; and that no card number, PIN, password,
// query string or payload gets into a log line or a metric.
package edge

import (
	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Identity is who a message comes from.
type Identity struct {
	// Account is what credentials and certificate led to. It is shared and never changed.
	Account *admin.Account
	// Sender is the account in the words of the rules. It is shared and never changed.
	Sender *txn.Sender
	// User is the user name of HTTP Basic, empty when a certificate alone led here (rule A4 compares it).
	User string
}

// Accounts are the accounts that may send messages. *admin.Register implements it.
type Accounts interface {
	// AccountByName gives the account with a user name.
	AccountByName(w ident.World, name string) (*admin.Account, bool)
	// AccountByCertificate gives the account to which a part of a client certificate leads.
	AccountByCertificate(w ident.World, c admin.Certificate) (*admin.Account, bool)
	// Account gives the account with a number.
	Account(number ident.Account) (*admin.Account, bool)
	// Sender gives the account with a number in the words of the rules.
	Sender(w ident.World, number ident.Account) (*txn.Sender, bool)
}

var _ Accounts = (*admin.Register)(nil)
