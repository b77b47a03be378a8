package exchange_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
)

const clientSecret = "open-sesame"

// tokens gives out tokens, each only for a good secret: t1, t2 and so on.
type tokens struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []url.Values // what each question said
	headers  []string     // and in its Authorization
	given    int
	same     bool // the same token is given out again and again
	lasts    int  // seconds; 0 is left out
	status   int  // of a refusal; 0 gives a token
	body     string
	header   http.Header
	inParams bool          // the secret is taken only among the parameters
	wait     chan struct{} // each question waits for it; nil for none
	came     chan struct{} // the first question has come
}

func newTokens(t *testing.T) *tokens {
	s := &tokens{lasts: 3600, header: http.Header{}, came: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *tokens) answer(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	s.asked, s.headers = append(s.asked, r.PostForm), append(s.headers, r.Header.Get("Authorization"))
	if len(s.asked) == 1 {
		close(s.came)
	}
	wait := s.wait
	s.mu.Unlock()
	if wait != nil {
		<-wait
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, values := range s.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case s.status != 0:
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
	case s.inParams && r.PostForm.Get("client_secret") != clientSecret:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		s.give(w)
	}
}

func (s *tokens) give(w io.Writer) {
	if s.given++; s.same {
		s.given = 1
	}
	lasts := ""
	if s.lasts > 0 {
		lasts = fmt.Sprintf(`,"expires_in":%d`, s.lasts)
	}
	_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"bearer"%s}`, s.given, lasts)
}

func (s *tokens) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *tokens) settings() exchange.OAuth2Settings {
	return exchange.OAuth2Settings{TokenURL: s.URL + "/token", ClientID: "scrip", ClientSecret: clientSecret, Scopes: []string{"pay", "look"}}
}

// resource is an upstream that takes one token alone, and counts what comes.
type resource struct {
	url     string
	mu      sync.Mutex
	good    string
	arrived []string
}

func newResource(t *testing.T, good string) *resource {
	r := &resource{good: good}
	r.url = rawServer(t, func(conn net.Conn, in *bufio.Reader) {
		for request, _, ok := take(in); ok; request, _, ok = take(in) {
			_, _ = io.WriteString(conn, r.judge(request.Header.Get("Authorization")))
		}
	})
	return r
}

func (r *resource) judge(presented string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived = append(r.arrived, presented)
	if presented == "Bearer "+r.good {
		return answerText("201 Created", "{}")
	}
	return answerText("401 Unauthorized", "")
}

// want makes another token the good one, and forgets what came.
func (r *resource) want(good string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.good, r.arrived = good, nil
}

// through makes a client of an upstream that presents tokens.
func through(t *testing.T, url string, s exchange.OAuth2Settings) *exchange.Client {
	t.Helper()
	credential, err := exchange.OAuth2(s)
	if err != nil {
		t.Fatal(err)
	}
	return clientOf(t, exchange.ClientSettings{URL: url, Credentials: exchange.Same(credential)})
}

// clock is a clock that a test turns.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestTheGrantsAskAsTheyShould(t *testing.T) {
	for _, user := range []string{"", "till"} {
		issuer, upstream := newTokens(t), newResource(t, "t1")
		s := issuer.settings()
		if user != "" {
			s.User, s.Password = user, secretPassword
		}
		if _, err := through(t, upstream.url, s).Send(t.Context(), aLoad); err != nil || issuer.count() != 1 {
			t.Fatalf("%v after %d questions", err, issuer.count())
		}
		want := url.Values{"grant_type": {"client_credentials"}, "scope": {"pay look"}}
		if user != "" {
			want = url.Values{"grant_type": {"password"}, "username": {user}, "password": {secretPassword}, "scope": {"pay look"}}
		}
		if got := issuer.asked[0]; got.Encode() != want.Encode() {
			t.Errorf("asked %v, want %v", got, want)
		}
		if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("scrip:"+clientSecret)); issuer.headers[0] != want {
			t.Error("the secret was not presented as it should be")
		}
	}
}

// A token server that wants the secret among the parameters is found out once, and not offended again.
func TestTheWayToTellTheSecretIsLearnt(t *testing.T) {
	issuer, upstream := newTokens(t), newResource(t, "t1")
	issuer.inParams = true
	client := through(t, upstream.url, issuer.settings())
	for _, token := range []string{"t1", "t2", "t3"} {
		upstream.want(token)
		if _, err := client.Send(t.Context(), aLoad); err != nil {
			t.Fatal(err)
		}
	}
	if issuer.count() != 4 {
		t.Errorf("3 tokens took %d questions", issuer.count())
	}
}

func TestATokenIsUsedUntilShortlyBeforeItsEnd(t *testing.T) {
	for lasts, used := range map[int]time.Duration{3600: time.Hour - exchange.TokenLeeway, 8: 4 * time.Second, 0: 1000 * time.Hour} {
		issuer, upstream, c := newTokens(t), newResource(t, "t1"), &clock{at: time.Now()}
		issuer.lasts = lasts
		s := issuer.settings()
		s.Now = c.now
		client := through(t, upstream.url, s)
		send := func() int {
			if _, err := client.Send(t.Context(), aLoad); err != nil {
				t.Errorf("%d s: %v", lasts, err)
			}
			return issuer.count()
		}
		send()
		c.turn(used - time.Second)
		if n := send(); n != 1 {
			t.Errorf("%d s: %d questions after %s", lasts, n, used-time.Second)
		}
		if lasts == 0 {
			continue
		}
		upstream.want("t2")
		c.turn(2 * time.Second)
		if n := send(); n != 2 || len(upstream.arrived) != 1 {
			t.Errorf("%d s: %d questions and %d messages after %s", lasts, n, len(upstream.arrived), used+time.Second)
		}
	}
}

// sendMany sends as many messages at once, and gives what came of each.
func sendMany(client *exchange.Client, n int) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = client.Send(context.Background(), aLoad) })
	}
	all.Wait()
	return errs
}

const senders = 64

func TestManySendersAskOnce(t *testing.T) {
	issuer, upstream := newTokens(t), newResource(t, "t1")
	for _, err := range sendMany(through(t, upstream.url, issuer.settings()), senders) {
		if err != nil {
			t.Error(err)
		}
	}
	if issuer.count() != 1 || len(upstream.arrived) != senders {
		t.Errorf("%d questions for %d messages", issuer.count(), len(upstream.arrived))
	}
}

func TestManyRefusalsAskOnce(t *testing.T) {
	issuer, upstream := newTokens(t), newResource(t, "t1")
	client := through(t, upstream.url, issuer.settings())
	if _, err := client.Send(t.Context(), aLoad); err != nil {
		t.Fatal(err)
	}
	upstream.want("t2")
	for _, err := range sendMany(client, senders) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := len(upstream.arrived); issuer.count() != 2 || n <= senders || n > 2*senders {
		t.Errorf("%d questions for %d messages", issuer.count(), n)
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	issuer, upstream := newTokens(t), newResource(t, "none")
	if _, err := through(t, upstream.url, issuer.settings()).Send(t.Context(), aLoad); !notTaken(err, decline.Unauthenticated) {
		t.Error(err)
	}
	if got := strings.Join(upstream.arrived, ", "); got != "Bearer t1, Bearer t2" {
		t.Errorf("%s came", got)
	}
	issuer, upstream = newTokens(t), newResource(t, "none")
	issuer.same = true
	if _, err := through(t, upstream.url, issuer.settings()).Send(t.Context(), aLoad); !notTaken(err, decline.Unauthenticated) {
		t.Error(err)
	}
	if issuer.count() != 2 || len(upstream.arrived) != 1 {
		t.Errorf("the same token was sent %d times after %d questions", len(upstream.arrived), issuer.count())
	}
}

func TestATokenServerThatGivesNone(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		cause  decline.Cause
	}{
		{400, `{"error":"invalid_grant","error_description":"` + clientSecret + `"}`, decline.Unauthenticated}, {401, clientSecret, decline.Unauthenticated},
		{403, "", decline.Unauthenticated}, {404, "<html>", decline.Unauthenticated}, {200, `{"error":"invalid_client"}`, decline.Unauthenticated},
		{408, "", decline.Unreached}, {425, "", decline.Unreached}, {429, clientSecret, decline.Unreached}, {500, clientSecret, decline.Unreached},
		{503, "", decline.Unreached}, {200, `{"access_token":""}`, decline.Unreached}, {200, `{"acc`, decline.Unreached}, {200, "", decline.Unreached},
	} {
		issuer, upstream := newTokens(t), newResource(t, "t1")
		issuer.status, issuer.body = c.status, c.body
		_, err := through(t, upstream.url, issuer.settings()).Send(t.Context(), aLoad)
		if !notTaken(err, c.cause) || len(upstream.arrived) > 0 {
			t.Errorf("%d %q: %v, and %d messages were sent", c.status, c.body, err, len(upstream.arrived))
		}
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, clientSecret) {
			t.Errorf("%d %q: %s", c.status, c.body, text)
		}
	}
}

// The secret goes where the settings say and nowhere else.
func TestATokenServerThatRedirects(t *testing.T) {
	issuer, elsewhere, upstream := newTokens(t), newTokens(t), newResource(t, "t1")
	for _, status := range []int{301, 302, 303, 307, 308} {
		issuer.status, issuer.header = status, http.Header{"Location": {elsewhere.URL}}
		if _, err := through(t, upstream.url, issuer.settings()).Send(t.Context(), aLoad); !notTaken(err, decline.Unreached) || elsewhere.count() > 0 {
			t.Errorf("%d: %v, and %d were asked elsewhere", status, err, elsewhere.count())
		}
	}
}

func TestATokenServerThatIsNotThere(t *testing.T) {
	upstream := newResource(t, "t1")
	s := newTokens(t).settings()
	s.TokenURL = refusedAddress(t)
	if _, err := through(t, upstream.url, s).Send(t.Context(), aLoad); !notTaken(err, decline.Unreached) || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
}

// The TLS of an upstream does for its token server too, whose name is another.
func TestATokenServerHasANameOfItsOwn(t *testing.T) {
	tokens, upstream := newTokens(t), newResource(t, "t1")
	issuer := httptest.NewTLSServer(http.HandlerFunc(tokens.answer))
	defer issuer.Close()
	s := tokens.settings()
	s.TokenURL, s.TLS = issuer.URL, issuer.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	s.TLS.ServerName = "upstream.example"
	if _, err := through(t, upstream.url, s).Send(t.Context(), aLoad); err != nil {
		t.Error(err)
	}
}

// When the token was good and its server is away as another one is needed, that is no reason to give the credential up.
func TestATokenServerThatIsAwayWhenATokenIsRefused(t *testing.T) {
	issuer, upstream := newTokens(t), newResource(t, "t1")
	client := through(t, upstream.url, issuer.settings())
	if _, err := client.Send(t.Context(), aLoad); err != nil {
		t.Fatal(err)
	}
	upstream.want("t2")
	issuer.mu.Lock()
	issuer.status = 503
	issuer.mu.Unlock()
	if _, err := client.Send(t.Context(), aLoad); !notTaken(err, decline.Unreached) || len(upstream.arrived) != 1 {
		t.Errorf("%v, and %d messages were sent", err, len(upstream.arrived))
	}
}

// After there was no token it is left alone for a moment, however many messages want one.
func TestATokenServerIsLeftAloneForAWhile(t *testing.T) {
	issuer, upstream, c := newTokens(t), newResource(t, "t1"), &clock{at: time.Now()}
	issuer.status = 401
	s := issuer.settings()
	s.Now = c.now
	client := through(t, upstream.url, s)
	send := func() (int, error) {
		_, err := client.Send(t.Context(), aLoad)
		return issuer.count(), err
	}
	first, _ := send()
	if n, err := send(); n != first || !notTaken(err, decline.Unauthenticated) {
		t.Errorf("%d questions after %d: %v", n, first, err)
	}
	c.turn(exchange.TokenPause)
	issuer.mu.Lock()
	issuer.status = 0
	issuer.mu.Unlock()
	if n, err := send(); n != first+1 || err != nil {
		t.Errorf("%d questions after %d: %v", n, first, err)
	}
}

// slow is a question for a token that is not answered before it is let go.
func slow(t *testing.T) (client *exchange.Client, issuer *tokens, upstream *resource) {
	issuer, upstream = newTokens(t), newResource(t, "t1")
	issuer.wait = make(chan struct{})
	return through(t, upstream.url, issuer.settings()), issuer, upstream
}

func TestATokenThatDoesNotComeInTime(t *testing.T) {
	client, issuer, upstream := slow(t)
	ctx, cancel := context.WithCancel(t.Context())
	outcome := make(chan error)
	go func() {
		_, err := client.Send(ctx, aLoad)
		outcome <- err
	}()
	select {
	case <-issuer.came:
	case err := <-outcome:
		t.Fatal(err)
	}
	cancel()
	if err := <-outcome; !notTaken(err, decline.Unreached) || len(upstream.arrived) > 0 {
		t.Errorf("%v, and %d messages were sent", err, len(upstream.arrived))
	}
	close(issuer.wait) // it comes for who needs it next
	if _, err := client.Send(t.Context(), aLoad); err != nil || issuer.count() != 1 {
		t.Errorf("%v after %d questions", err, issuer.count())
	}
}

func TestClosingEndsTheQuestion(t *testing.T) {
	client, issuer, _ := slow(t)
	defer close(issuer.wait)
	outcome := make(chan error)
	go func() {
		_, err := client.Send(context.Background(), aLoad)
		outcome <- err
	}()
	select {
	case <-issuer.came:
	case err := <-outcome:
		t.Fatal(err)
	}
	client.Close()
	if err := <-outcome; !notTaken(err, decline.Unreached) && !notTaken(err, decline.Stopping) {
		t.Error(err)
	}
	if _, err := client.Send(t.Context(), aLoad); !notTaken(err, decline.Stopping) {
		t.Errorf("after it was closed: %v", err)
	}
}

// A token server that takes connections and says nothing is given up after a while, for everybody at once.
func TestATokenServerThatSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &piped{talk: func(_ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) }}
		credential, err := exchange.OAuth2(exchange.OAuth2Settings{TokenURL: "http://tokens.example", ClientID: "scrip"})
		if err != nil {
			t.Fatal(err)
		}
		exchange.AskWith(credential, p.dial)
		begun := time.Now()
		for range senders {
			err := credential.Authorize(t.Context(), httptest.NewRequest("GET", "/", nil))
			if !notTaken(err, decline.Unreached) || time.Since(begun) != exchange.TokenTimeout {
				t.Errorf("%v after %s", err, time.Since(begun))
			}
		}
		exchange.CloseCredential(credential)
		p.all.Wait()
	})
}

func TestTokensPrintNoSecret(t *testing.T) {
	issuer, upstream := newTokens(t), newResource(t, "t1")
	s := issuer.settings()
	s.User, s.Password = "till", secretPassword
	credential, err := exchange.OAuth2(s)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(t, exchange.ClientSettings{URL: upstream.url, Credentials: exchange.Same(credential)})
	if _, err := client.Send(t.Context(), aLoad); err != nil {
		t.Fatal(err)
	}
	settings := exchange.ClientSettings{Credentials: exchange.Same(credential)}
	shown(t, []any{credential, client, settings.Credentials, settings, &settings}, secretPassword, clientSecret, "Bearer")
	shown(t, []any{s, &s, struct{ S exchange.OAuth2Settings }{s}}, secretPassword, clientSecret)
}

func TestOAuth2SettingsThatCannotBe(t *testing.T) {
	for name, s := range map[string]exchange.OAuth2Settings{
		"scheme": {TokenURL: "ftp://tokens.example", ClientID: "scrip"}, "host": {TokenURL: "https://", ClientID: "scrip"},
		"URL": {TokenURL: "http://[" + secretPassword, ClientID: "scrip"}, "client": {TokenURL: "https://tokens.example"},
	} {
		if _, err := exchange.OAuth2(s); err == nil || strings.Contains(err.Error(), secretPassword) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
