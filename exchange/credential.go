package exchange

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
)

// Credentials are what is presented upstream.
type Credentials interface {
	// For gives what is presented for an account; false when there is nothing.
	For(account ident.Account) (Credential, bool)
}

// Credential is one way to say upstream who we are. It may be used by many goroutines.
type Credential interface {
	// Authorize adds to a message who sends it, as its Authorization header. A *decline.NotTaken says why it cannot.
	Authorize(ctx context.Context, r *http.Request) error
	// Renew is told that a message with this Authorization header was refused with 401, and says whether to authorize it anew
	// and send it once more.
	Renew(ctx context.Context, refused string) bool
}

// authorize adds to a message who sends it. Without that it is not sent.
func authorize(ctx context.Context, c Credential, r *http.Request) error {
	err := c.Authorize(ctx, r)
	var turned *decline.NotTaken
	if err == nil || errors.As(err, &turned) {
		return err
	}
	return unreached("there is nothing to present")
}

// CloseCredential closes a credential that has something to close, as OAuth2 has. Credentials that a client is given
// are closed by the client when they have a method Close; those of several accounts close each of theirs with this.
func CloseCredential(c Credential) { closeIf(c) }

func closeIf(c any) {
	if closer, ok := c.(interface{ Close() }); ok {
		closer.Close()
	}
}

// Same presents one credential for all accounts. Its client closes it.
func Same(c Credential) Credentials { return same{c} }

type same struct{ credential Credential }

// For implements Credentials.
func (s same) For(ident.Account) (Credential, bool) { return s.credential, true }

// String shows what the credential shows.
func (s same) String() string { return fmt.Sprint(s.credential) }

// GoString shows no more.
func (s same) GoString() string { return s.String() }

// Close closes the credential, if there is anything to close.
func (s same) Close() { CloseCredential(s.credential) }

// Basic presents a user name and a password by HTTP Basic (rule A1).
func Basic(user, password string) Credential {
	header := []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
	return &basic{user: user, present: func(h http.Header) { h["Authorization"] = header }}
}

// basic has the password where no way to print it, or what it stands in, can show it.
type basic struct {
	user    string
	present func(http.Header)
}

// Authorize implements Credential.
func (b *basic) Authorize(_ context.Context, r *http.Request) error {
	b.present(r.Header)
	return nil
}

// Renew implements Credential: there is nothing else to present.
func (*basic) Renew(context.Context, string) bool { return false }

// String shows the user name only.
func (b *basic) String() string { return "Basic " + b.user }

// GoString shows the user name only.
func (b *basic) GoString() string { return b.String() }

// Nothing presents nothing: the upstream knows us by our certificate, or lets everybody in.
func Nothing() Credential { return nothing{} }

type nothing struct{}

// Authorize implements Credential.
func (nothing) Authorize(context.Context, *http.Request) error { return nil }

// Renew implements Credential: there is nothing else to present.
func (nothing) Renew(context.Context, string) bool { return false }
