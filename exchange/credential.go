package exchange

import (
	"context"
	"net/http"

	"github.com/scripworks/scrip/ident"
)

// Credentials are what is presented upstream.
type Credentials interface {
	// For gives what is presented for an account; false when there is nothing.
	For(account ident.Account) (Credential, bool)
}

// Credential is one way to say upstream who we are. It may be used by many goroutines.
type Credential interface {
	// Authorize adds to a message who sends it. A *decline.NotTaken says why it cannot.
	Authorize(ctx context.Context, r *http.Request) error
	// Renew is told that a message with this Authorization header was refused with 401, and says whether there is another one
	// to present by now.
	Renew(ctx context.Context, refused string) bool
}

// Same presents one credential for all accounts.
func Same(c Credential) Credentials { return same{c} }

type same struct{ credential Credential }

// For implements Credentials.
func (s same) For(ident.Account) (Credential, bool) { return s.credential, true }

// Basic presents a user name and a password by HTTP Basic (rule A1).
func Basic(user, password string) Credential { return basic{user, password} }

type basic struct{ user, password string }

// Authorize implements Credential.
func (b basic) Authorize(_ context.Context, r *http.Request) error {
	r.SetBasicAuth(b.user, b.password)
	return nil
}

// Renew implements Credential: there is nothing else to present.
func (basic) Renew(context.Context, string) bool { return false }

// String shows the user name only.
func (b basic) String() string { return "Basic " + b.user }

// GoString shows the user name only.
func (b basic) GoString() string { return b.String() }

// Nothing presents nothing: the upstream knows us by our certificate, or lets everybody in.
func Nothing() Credential { return nothing{} }

type nothing struct{}

// Authorize implements Credential.
func (nothing) Authorize(context.Context, *http.Request) error { return nil }

// Renew implements Credential: there is nothing else to present.
func (nothing) Renew(context.Context, string) bool { return false }
