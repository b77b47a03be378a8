package exchange

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/scripworks/scrip/decline"
)

// OAuth2Settings say where a token comes from. With a User it is the password grant, else client credentials.
type OAuth2Settings struct {
	TokenURL               string
	ClientID, ClientSecret string
	User, Password         string
	Scopes                 []string
	TLS                    *tls.Config // of the token's server; nil is the system's
	Now                    func() time.Time
}

// String shows where, and nothing that is presented there.
func (s OAuth2Settings) String() string { return "OAuth2 of " + s.TokenURL }

// GoString shows no more.
func (s OAuth2Settings) GoString() string { return s.String() }

// Bounds of tokens.
const (
	tokenTimeout = 15 * time.Second // of a question for a token
	tokenLeeway  = 10 * time.Second // before its end a token is not presented any more
)

// OAuth2 presents a bearer token, which it asks for when there is none that counts. One question is in flight at a time.
func OAuth2(s OAuth2Settings) (Credential, error) {
	at, err := url.Parse(s.TokenURL)
	switch {
	case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https":
		return nil, errors.New("the token URL must begin with https:// or http:// and name a host")
	case s.ClientID == "":
		return nil, errors.New("a client id is needed")
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return &oauth{settings: s, client: &http.Client{Timeout: tokenTimeout, Transport: newTransport(s.TLS, 1)}}, nil
}

type oauth struct {
	settings OAuth2Settings
	client   *http.Client

	mu     sync.Mutex
	token  *oauth2.Token
	asking *asking // nil while nobody asks
}

// asking is one question for a token.
type asking struct {
	done chan struct{}
	err  error
}

// Authorize implements Credential.
func (o *oauth) Authorize(ctx context.Context, r *http.Request) error {
	token, err := o.current(ctx)
	if err == nil {
		token.SetAuthHeader(r)
	}
	return err
}

// Renew implements Credential. What many were refused with is replaced once.
func (o *oauth) Renew(ctx context.Context, refused string) bool {
	o.mu.Lock()
	if o.token != nil && header(o.token) == refused {
		o.token = nil
	}
	o.mu.Unlock()
	token, err := o.current(ctx)
	return err == nil && header(token) != refused
}

func header(t *oauth2.Token) string { return t.Type() + " " + t.AccessToken }

// current gives a token that counts, and asks for one if need be.
func (o *oauth) current(ctx context.Context) (*oauth2.Token, error) {
	o.mu.Lock()
	if o.counts() {
		defer o.mu.Unlock()
		return o.token, nil
	}
	a := o.asking
	if a == nil {
		a = &asking{done: make(chan struct{})}
		o.asking = a
		go o.ask(context.WithoutCancel(ctx), a) // it ends with tokenTimeout, and others wait for it too
	}
	o.mu.Unlock()
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil, unreached("there is no token in time")
	}
	if a.err != nil {
		return nil, a.err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.token == nil { // refused already
		return nil, unreached("the token did not last")
	}
	return o.token, nil
}

func (o *oauth) counts() bool {
	return o.token != nil && (o.token.Expiry.IsZero() || o.settings.Now().Add(tokenLeeway).Before(o.token.Expiry))
}

// ask asks for a token and tells all who wait.
func (o *oauth) ask(ctx context.Context, a *asking) {
	token, err := o.fetch(context.WithValue(ctx, oauth2.HTTPClient, o.client))
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.token = token
	}
	a.err, o.asking = tokenRefused(err), nil
	close(a.done)
}

func (o *oauth) fetch(ctx context.Context) (*oauth2.Token, error) {
	s := o.settings
	if s.User == "" {
		c := clientcredentials.Config{ClientID: s.ClientID, ClientSecret: s.ClientSecret, TokenURL: s.TokenURL, Scopes: s.Scopes}
		return c.Token(ctx)
	}
	c := oauth2.Config{ClientID: s.ClientID, ClientSecret: s.ClientSecret, Endpoint: oauth2.Endpoint{TokenURL: s.TokenURL}, Scopes: s.Scopes}
	return c.PasswordCredentialsToken(ctx, s.User, s.Password)
}

// tokenRefused says why there is no token, in words that hold nothing of what was presented or answered.
func tokenRefused(err error) error {
	var answered *oauth2.RetrieveError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answered) && answered.Response != nil && answered.Response.StatusCode/100 == 4:
		return &decline.NotTaken{Cause: decline.Unauthenticated, Text: fmt.Sprintf("the token's server refused with %d", answered.Response.StatusCode)}
	case errors.As(err, &answered) && answered.Response != nil:
		return unreached(fmt.Sprintf("the token's server answered %d", answered.Response.StatusCode))
	}
	return unreached("the token's server does not answer")
}

// String shows where the tokens come from.
func (o *oauth) String() string { return o.settings.String() }

// GoString shows no more.
func (o *oauth) GoString() string { return o.String() }
