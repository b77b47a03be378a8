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
	TLS                    *tls.Config // authorities and certificate; nil is the system's. The name is that of the token URL
	Now                    func() time.Time
}

// String shows where, and nothing that is presented there.
func (s OAuth2Settings) String() string { return "OAuth2 of " + s.TokenURL }

// GoString shows no more.
func (s OAuth2Settings) GoString() string { return s.String() }

// Bounds of tokens.
const (
	tokenTimeout = 15 * time.Second // of asking for a token
	tokenLeeway  = 10 * time.Second // before its end a token is not presented any more, or half its life if that is less
	tokenPause   = time.Second      // for which it is not asked again after there was no token: too many wrong passwords lock users out
)

// OAuth2 presents a bearer token, which it asks for when there is none that counts. One question is in flight at a time, and
// all who need a token wait for it. The credential has a method Close, which ends a question that is in flight; the client to
// which the credential is given calls it.
func OAuth2(s OAuth2Settings) (Credential, error) {
	at, err := url.Parse(s.TokenURL)
	switch {
	case err != nil || at.Hostname() == "" || at.Scheme != "http" && at.Scheme != "https":
		return nil, errors.New("the token URL must begin with https:// or http:// and name a host")
	case s.ClientID == "":
		return nil, errors.New("a client id is needed")
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	o := &oauth{name: s.String(), now: s.Now, fetch: s.grant()}
	o.life, o.end = context.WithCancel(context.WithValue(context.Background(), oauth2.HTTPClient, tokenClient(s.TLS)))
	return o, nil
}

// grant gives what asks for a token. It learns how the token's server wants to be told the client's secret, and keeps to it.
func (s *OAuth2Settings) grant() func(context.Context) (*oauth2.Token, error) {
	if s.User == "" {
		c := &clientcredentials.Config{ClientID: s.ClientID, ClientSecret: s.ClientSecret, TokenURL: s.TokenURL, Scopes: s.Scopes}
		return c.Token
	}
	c := &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.ClientSecret, Endpoint: oauth2.Endpoint{TokenURL: s.TokenURL}, Scopes: s.Scopes}
	return func(ctx context.Context) (*oauth2.Token, error) {
		return c.PasswordCredentialsToken(ctx, s.User, s.Password)
	}
}

// tokenClient keeps no connection, since it is asked once in a long while, and takes no secret where it is redirected to.
func tokenClient(of *tls.Config) *http.Client {
	transport := newTransport(of, 1)
	transport.DisableKeepAlives = true
	if of != nil {
		transport.TLSClientConfig.ServerName = "" // the upstream's name is not this server's
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// oauth has the secrets where no way to print it can show them.
type oauth struct {
	name  string
	now   func() time.Time
	fetch func(context.Context) (*oauth2.Token, error)

	life context.Context // ends with Close
	end  context.CancelFunc
	asks sync.WaitGroup

	mu     sync.Mutex
	token  *oauth2.Token // nil when there is none
	until  time.Time     // when the token counts no more; zero when it always does
	asking *asking       // nil while nobody asks
	failed *asking       // the last, if it failed
	again  time.Time     // when to ask again after that
}

// asking is one question for a token.
type asking struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

// Authorize implements Credential.
func (o *oauth) Authorize(ctx context.Context, r *http.Request) error {
	token, err := o.current(ctx)
	if err == nil {
		token.SetAuthHeader(r)
	}
	return err
}

// Renew implements Credential. What many were refused with is replaced once. When there is no other token, Authorize tells
// why; nothing is sent once more with the same one.
func (o *oauth) Renew(ctx context.Context, refused string) bool {
	o.mu.Lock()
	if o.token != nil && header(o.token) == refused {
		o.token = nil
	}
	o.mu.Unlock()
	token, err := o.current(ctx)
	return err != nil || header(token) != refused
}

func header(t *oauth2.Token) string { return t.Type() + " " + t.AccessToken }

// Close ends a question that is in flight. There is no token any more.
func (o *oauth) Close() {
	o.mu.Lock()
	o.end()
	o.token = nil
	o.mu.Unlock()
	o.asks.Wait()
}

// current gives a token that counts, and asks for one if need be.
func (o *oauth) current(ctx context.Context) (*oauth2.Token, error) {
	o.mu.Lock()
	if o.counts() {
		defer o.mu.Unlock()
		return o.token, nil
	}
	a := o.ask()
	o.mu.Unlock()
	select {
	case <-a.done:
		return a.token, a.err
	case <-ctx.Done():
		return nil, unreached("there is no token in time")
	}
}

func (o *oauth) counts() bool {
	return o.token != nil && (o.until.IsZero() || o.now().Before(o.until))
}

// ask gives the question in flight, and begins one if there is none. What failed a moment ago is not asked again. The caller
// holds the lock.
func (o *oauth) ask() *asking {
	switch {
	case o.life.Err() != nil:
		return closedAsking
	case o.asking != nil:
		return o.asking
	case o.failed != nil && o.now().Before(o.again):
		return o.failed
	}
	o.asking = &asking{done: make(chan struct{})}
	o.asks.Add(1)
	go o.run(o.asking)
	return o.asking
}

// closedAsking is what is asked of a credential that is closed.
var closedAsking = func() *asking {
	a := &asking{done: make(chan struct{}), err: &decline.NotTaken{Cause: decline.Stopping, Text: "the way to the upstream is closed"}}
	close(a.done)
	return a
}()

// run asks for a token and tells all who wait. It goes on when who began it waits no more: others do.
func (o *oauth) run(a *asking) {
	defer o.asks.Done()
	ctx, cancel := context.WithTimeout(o.life, tokenTimeout)
	defer cancel()
	token, err := o.fetch(ctx)
	a.token, a.err = token, tokenRefused(err)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asking, o.failed = nil, nil
	if err == nil {
		o.token, o.until = token, o.lastUse(token)
	} else {
		o.failed, o.again = a, o.now().Add(tokenPause)
	}
	close(a.done)
}

// lastUse is when a token that has just come counts no more.
func (o *oauth) lastUse(t *oauth2.Token) time.Time {
	if t.Expiry.IsZero() {
		return time.Time{}
	}
	lasts := time.Until(t.Expiry)
	return o.now().Add(lasts - min(tokenLeeway, lasts/2))
}

// tokenRefused says why there is no token, in words that hold nothing of what was presented or answered.
func tokenRefused(err error) error {
	var answered *oauth2.RetrieveError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answered) && answered.Response != nil && isRefusal(answered):
		return &decline.NotTaken{Cause: decline.Unauthenticated, Text: fmt.Sprintf("the token's server refused with %d", answered.Response.StatusCode)}
	case errors.As(err, &answered) && answered.Response != nil:
		return unreached(fmt.Sprintf("the token's server answered %d", answered.Response.StatusCode))
	}
	return unreached("the token's server gives no token: " + reason(err, "its answer cannot be read"))
}

// isRefusal says whether the token's server will go on giving no token: it refused, in its status or in its words. 408, 425
// and 429 only say that it does not do so now.
func isRefusal(e *oauth2.RetrieveError) bool {
	switch status := e.Response.StatusCode; status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	default:
		return status/100 == 4 || status/100 == 2 && e.ErrorCode != ""
	}
}

// String shows where the tokens come from.
func (o *oauth) String() string { return o.name }

// GoString shows no more.
func (o *oauth) GoString() string { return o.String() }
