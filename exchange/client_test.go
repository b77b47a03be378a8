package exchange_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestAMessageIsSentAsItIs(t *testing.T) {
	var seen http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = *r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"1", "unknown":[ 1 ]}`)
	}))
	defer server.Close()
	for prefix, o := range map[string]exchange.Outgoing{
		"":                   {Method: "POST", Path: "/giftcard/v3/loads/a%2Fb%25c%3Fd", Body: txn.Wire(` {"id": "a"} `)},
		"/":                  {Method: "POST", Path: "/airtime/v5/vouchers/1/reversals/2", Body: nil},
		"/behind/a%2Fproxy/": {Method: "GET", Path: "/airtime/v5/purchases/status/", Query: txn.Wire("originalMsgId=a%26b&x=%2B27+1&&y")},
	} {
		client := clientOf(t, exchange.ClientSettings{URL: server.URL + prefix})
		answer, err := client.Send(t.Context(), o)
		if err != nil || answer.Status != 201 || string(answer.Body) != `{"id":"1", "unknown":[ 1 ]}` {
			t.Errorf("%s: %v, %v", o.Path, answer, err)
		}
		want := strings.TrimRight(prefix, "/") + o.Path
		if len(o.Query) > 0 {
			want += "?" + string(o.Query)
		}
		if seen.RequestURI != want || seen.Method != o.Method || !bytes.Equal(body, o.Body) {
			t.Errorf("%s %s with %q came as %s %s with %q", o.Method, want, o.Body, seen.Method, seen.RequestURI, body)
		}
		if user, password, _ := seen.BasicAuth(); user != "till" || password != secretPassword {
			t.Errorf("%s came from %q", o.Path, user)
		}
		contentType := map[string]string{"POST": "application/json", "GET": ""}[o.Method]
		if seen.Header.Get("Content-Type") != contentType || seen.Header.Get("Accept") != "application/json" || seen.Header.Get("Accept-Encoding") != "" {
			t.Errorf("%s came with %v", o.Path, seen.Header)
		}
	}
}

// What cannot stand in an address is refused for good and without being quoted, instead of being sent as something else.
func TestAPathThatIsNotEscapedIsNotSent(t *testing.T) {
	arrived := 0
	url := rawServer(t, func(net.Conn, *bufio.Reader) { arrived++ })
	client := clientOf(t, exchange.ClientSettings{URL: url})
	for _, o := range []exchange.Outgoing{
		{Path: "/giftcard/v3/loads/" + secretPAN + "%zz"}, {Path: "/giftcard/v3/loads/" + secretPAN + "?a=b"}, {Path: "/giftcard/v3/loads/" + secretPAN + "#a"},
		{Path: "/giftcard/v3/loads/a%2F" + secretPAN + " b"}, {Path: "/giftcard/v3/loads/" + secretPAN + "\r\nHost: x"}, {Path: "loads/" + secretPAN},
		{Path: ".example/" + secretPAN}, {Path: ""}, {Path: "/a%2Fé" + secretPAN}, {Path: "/m", Query: txn.Wire("a=" + secretPAN + " HTTP/1.1\r\n")},
		{Path: "/m", Query: txn.Wire("a=" + secretPAN + "#b")}, {Path: "/m", Query: txn.Wire("a=\x00" + secretPAN)}, {Path: "/m", Query: txn.Wire("a=é" + secretPAN)},
		{Method: "P T", Path: "/m"},
	} {
		if o.Method == "" {
			o.Method = http.MethodGet
		}
		_, err := client.Send(t.Context(), o)
		var refusal *decline.Error
		if !errors.As(err, &refusal) || refusal.Reason != decline.FormatError || strings.Contains(err.Error(), secretPAN) {
			t.Errorf("%q?%q: %v", o.Path, o.Query, err)
		}
	}
	client.Close()
	if arrived > 0 {
		t.Errorf("%d connections were made", arrived)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var made atomic.Int32
	url := rawServer(t, func(conn net.Conn, in *bufio.Reader) {
		made.Add(1)
		answerWith(answerText("202 Accepted", "{}"))(conn, in)
	})
	client := clientOf(t, exchange.ClientSettings{URL: url})
	for range 50 {
		if _, err := client.Send(t.Context(), aConfirm); err != nil {
			t.Fatal(err)
		}
	}
	if made.Load() != 1 {
		t.Errorf("50 messages took %d connections", made.Load())
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	const bound, messages = 3, 20
	var made atomic.Int32
	full := make(chan struct{})
	url := rawServer(t, func(conn net.Conn, in *bufio.Reader) {
		if made.Add(1) == bound {
			close(full)
		}
		<-full
		answerWith(answerText("202 Accepted", "{}"))(conn, in)
	})
	client := clientOf(t, exchange.ClientSettings{URL: url, MaxConns: bound})
	var all sync.WaitGroup
	for range messages {
		all.Go(func() {
			if _, err := client.Send(t.Context(), aConfirm); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made.Load() != bound {
		t.Errorf("there were %d connections, want %d", made.Load(), bound)
	}
}

// refusedAddress gives a URL at which nobody listens.
func refusedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return "http://" + listener.Addr().String()
}

func TestWhatCannotBeReachedIsNotTaken(t *testing.T) {
	unknownCA := httptest.NewUnstartedServer(http.NotFoundHandler())
	unknownCA.Config.ErrorLog = log.New(io.Discard, "", 0)
	unknownCA.StartTLS()
	defer unknownCA.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, url := range map[string]string{
		"connection refused": refusedAddress(t), "unknown": unknownCA.URL, "TLS": strings.Replace(plain.URL, "http:", "https:", 1),
	} {
		_, err := clientOf(t, exchange.ClientSettings{URL: url}).Send(t.Context(), aLoad)
		if !notTaken(err, decline.Unreached) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	nowhere := clientOf(t, exchange.ClientSettings{URL: "http://upstream.example"})
	nowhere.DialWith(func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "upstream.example"}}
	})
	if _, err := nowhere.Send(t.Context(), aLoad); !notTaken(err, decline.Unreached) || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("no such host: %v", err)
	}
}

// What broke after the connection was there may have been applied. Of an advice a success counts as soon as it is said.
func TestABrokenAnswerIsUnknown(t *testing.T) {
	aReversal := exchange.Outgoing{Method: "POST", Path: "/airtime/v5/vouchers/1/reversals/2", Role: txn.Reversal, EmptyIsUnlocated: true}
	for text, accepted := range map[string]bool{
		"":                                   false,
		"HTTP":                               false,
		"HTTP/1.1 201 Created\r\nContent-Le": false,
		"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{\"id\":":                  true,
		"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a":         true,
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\n{\"errorType\":\"A\"}": false,
		"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n":                         false,
		"SSH-2.0-OpenSSH_9.6\r\n":                              false,
		"HTTP/1.1 abc\r\n\r\n":                                 false,
		"HTTP/1.1 201 Created\r\nContent-Length: -1\r\n\r\n{}": false,
	} {
		client := clientOf(t, exchange.ClientSettings{URL: rawServer(t, once(text))})
		if _, err := client.Send(t.Context(), aLoad); !isUnknown(err) {
			t.Errorf("a request answered %q: %v", text, err)
		}
		for _, o := range []exchange.Outgoing{aConfirm, aReversal} {
			if _, err := client.Send(t.Context(), o); accepted != (err == nil) || !accepted && !isUnknown(err) {
				t.Errorf("an advice answered %q: %v", text, err)
			}
		}
	}
}

// An answer that is too long is not read, so that what it says in its status has to do.
func TestAnAnswerThatIsTooLong(t *testing.T) {
	long := strings.Repeat(" ", exchange.MaxAnswer) + "{}"
	for _, chunked := range []bool{false, true} {
		answer := func(status string) string {
			if !chunked {
				return answerText(status, long)
			}
			return fmt.Sprintf("HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", status, len(long), long)
		}
		send := func(status string, o exchange.Outgoing) error {
			_, err := clientOf(t, exchange.ClientSettings{URL: rawServer(t, once(answer(status)))}).Send(t.Context(), o)
			return err
		}
		if err := send("201 Created", aLoad); !isUnknown(err) {
			t.Errorf("a request: %v", err)
		}
		if err := send("202 Accepted", aConfirm); err != nil {
			t.Errorf("an advice: %v", err)
		}
		var refusal *decline.Error
		if err := send("400 Bad Request", aLoad); !errors.As(err, &refusal) || refusal.Reason != decline.GeneralError || refusal.Wire != nil {
			t.Errorf("a request that is refused: %v", err)
		}
		reversal := exchange.Outgoing{Method: "POST", Path: "/x", Role: txn.Reversal, EmptyIsUnlocated: true}
		if err := send("404 Not Found", reversal); !notTaken(err, decline.Misdirected) {
			t.Errorf("a reversal that is not empty: %v", err)
		}
	}
	atMost := answerText("201 Created", long[2:])
	if answer, err := clientOf(t, exchange.ClientSettings{URL: rawServer(t, once(atMost))}).Send(t.Context(), aLoad); err != nil || len(answer.Body) != exchange.MaxAnswer {
		t.Errorf("the longest answer: %v", err)
	}
}

func TestAHeadThatIsTooLongIsUnknown(t *testing.T) {
	url := rawServer(t, once(answerText("201 Created", "{}", "X: "+strings.Repeat("x", 128<<10))))
	if _, err := clientOf(t, exchange.ClientSettings{URL: url}).Send(t.Context(), aLoad); !isUnknown(err) {
		t.Errorf("%v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []string{"301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		var arrived atomic.Int32
		url := rawServer(t, func(conn net.Conn, in *bufio.Reader) {
			arrived.Add(1)
			once(answerText(status, "{}", "Location: /elsewhere"))(conn, in)
		})
		for i, o := range []exchange.Outgoing{aLoad, aQuery} {
			if _, err := clientOf(t, exchange.ClientSettings{URL: url}).Send(t.Context(), o); !isUnknown(err) || int(arrived.Load()) != i+1 {
				t.Errorf("%s: %v after %d messages", status, err, arrived.Load())
			}
		}
	}
}

func TestWhatIsSaidBeforeTheAnswer(t *testing.T) {
	early := "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + answerText("201 Created", "{}")
	if answer, err := clientOf(t, exchange.ClientSettings{URL: rawServer(t, once(early))}).Send(t.Context(), aLoad); err != nil || answer.Status != 201 {
		t.Errorf("%v, %v", answer, err)
	}
	other := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
	url := rawServer(t, func(conn net.Conn, in *bufio.Reader) {
		once(other)(conn, in)
		_, _ = in.ReadByte() // until the client ends it
	})
	for _, o := range []exchange.Outgoing{aLoad, aConfirm} {
		if _, err := clientOf(t, exchange.ClientSettings{URL: url}).Send(t.Context(), o); !isUnknown(err) {
			t.Errorf("another protocol: %v", err)
		}
	}
}

// Compressed answers are not asked for, and not read.
func TestCompression(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.WriteString(w, `{"id":"1"}`)
	_ = w.Close()
	url := rawServer(t, once(answerText("201 Created", packed.String(), "Content-Encoding: gzip")))
	if _, err := clientOf(t, exchange.ClientSettings{URL: url}).Send(t.Context(), aLoad); !isUnknown(err) {
		t.Errorf("%v", err)
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://proxy.example:3128")
	}
	client, p := pipedClient(t, exchange.ClientSettings{}, answerWith(answerText("202 Accepted", "{}")))
	if _, err := client.Send(t.Context(), aConfirm); err != nil || len(p.dialled) != 1 || p.dialled[0] != "upstream.example:80" {
		t.Errorf("%v by %v", err, p.dialled)
	}
}

// A server that ends connections just when they are used next is the one that has a transport send again. Whatever the
// order, a message is there at most once, and its outcome says so.
func TestAPOSTIsNeverRepeated(t *testing.T) {
	var mu sync.Mutex
	arrived := map[string]int{}
	url := rawServer(t, func(conn net.Conn, in *bufio.Reader) {
		for n := 0; ; n++ {
			request, _, ok := take(in)
			if !ok {
				return
			}
			mu.Lock()
			arrived[request.URL.Path]++
			mu.Unlock()
			if n%3 == 2 { // applied, and not answered
				return
			}
			_, _ = io.WriteString(conn, answerText("201 Created", "{}"))
			if n%3 == 1 { // answered, and ended when the next may be under way
				return
			}
		}
	})
	client := clientOf(t, exchange.ClientSettings{URL: url, MaxConns: 2})
	count := func(path string) int {
		mu.Lock()
		defer mu.Unlock()
		return arrived[path]
	}
	for i := range 300 {
		o := aLoad
		o.Path = "/giftcard/v3/loads/" + itoa(i)
		_, err := client.Send(t.Context(), o)
		switch n := count(o.Path); {
		case n > 1, err == nil && n != 1, notTaken(err, decline.Unreached) && n != 0:
			t.Errorf("message %d was there %d times: %v", i, n, err)
		}
	}
}

// brittle is a connection that breaks at a write, after so many bytes of it.
type brittle struct {
	net.Conn
	writes, breaksAt, after int
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.writes++; b.writes != b.breaksAt {
		return b.Conn.Write(p)
	}
	n, _ := b.Conn.Write(p[:b.after])
	_ = b.Conn.Close()
	return n, errors.New("broken pipe")
}

// When a connection that was used before turns out to be broken before anything was written, the message goes out on another
// one; when there is none, it was not taken. Once a byte is out nothing is sent again and the outcome is unknown.
func TestAConnectionThatBreaksAtTheNextMessage(t *testing.T) {
	for name, c := range map[string]struct {
		after, dials int
		right        func(error) bool
	}{
		"nothing written, another connection": {0, 2, func(err error) bool { return err == nil }},
		"nothing written, nobody there":       {0, 1, func(err error) bool { return notTaken(err, decline.Unreached) }},
		"a byte written":                      {1, 2, isUnknown},
	} {
		served := 0
		client, p := pipedClient(t, exchange.ClientSettings{}, func(conn net.Conn, in *bufio.Reader) {
			for _, _, ok := take(in); ok; _, _, ok = take(in) {
				served++
				_, _ = io.WriteString(conn, answerText("201 Created", "{}"))
			}
		})
		client.DialWith(func(ctx context.Context, network, address string) (net.Conn, error) {
			if len(p.dialled) == c.dials {
				return nil, errors.New("nobody is there")
			}
			conn, err := p.dial(ctx, network, address)
			if len(p.dialled) == 1 {
				conn = &brittle{Conn: conn, breaksAt: 2, after: c.after}
			}
			return conn, err
		})
		if _, err := client.Send(t.Context(), aLoad); err != nil {
			t.Fatal(err)
		}
		_, err := client.Send(t.Context(), aLoad)
		client.Close()
		p.all.Wait()
		if !c.right(err) || err != nil && served != 1 {
			t.Errorf("%s: %v, and %d messages arrived", name, err, served)
		}
	}
}

// A server that refuses our certificate has read nothing, if it says so at once. Later, who knows.
func TestACertificateThatIsRefused(t *testing.T) {
	for refusedAt, right := range map[int]func(error) bool{
		1: func(err error) bool { return notTaken(err, decline.Unauthenticated) },
		2: isUnknown,
	} {
		client, p := pipedClient(t, exchange.ClientSettings{}, answerWith(answerText("201 Created", "{}")))
		client.DialWith(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := p.dial(ctx, network, address)
			return &alerting{Conn: conn, at: int32(refusedAt)}, err
		})
		for range refusedAt - 1 {
			if _, err := client.Send(t.Context(), aLoad); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := client.Send(t.Context(), aLoad); !right(err) {
			t.Errorf("refused at message %d: %v", refusedAt, err)
		}
		client.Close()
		p.all.Wait()
	}
}

// alerting is a connection on which the server does not accept the client's certificate, once a message was written.
type alerting struct {
	net.Conn
	at      int32
	written atomic.Int32
}

func (c *alerting) Write(b []byte) (int, error) {
	if c.written.Add(1) == c.at {
		return len(b), c.Conn.Close()
	}
	return c.Conn.Write(b)
}

func (c *alerting) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && c.written.Load() >= c.at {
		err = &net.OpError{Op: "remote error", Err: tls.AlertError(42)}
	}
	return n, err
}

// silent reads messages and answers each when it is told to.
func silent(answer <-chan string) conversation {
	return func(conn net.Conn, in *bufio.Reader) {
		for _, _, ok := take(in); ok; _, _, ok = take(in) {
			text, more := <-answer
			if !more {
				return
			}
			_, _ = io.WriteString(conn, text)
		}
	}
}

func TestAnAnswerThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := make(chan string)
		var late []exchange.LateAnswer
		client, p := pipedClient(t, exchange.ClientSettings{Late: func(l exchange.LateAnswer) { late = append(late, l) }}, silent(answers))
		begun := time.Now()
		if _, err := client.Send(t.Context(), aLoad); !isUnknown(err) || time.Since(begun) != exchange.DefaultRequestTimeout {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		time.Sleep(20 * time.Second)
		answers <- answerText("201 Created", "{}")
		synctest.Wait()
		if want := (exchange.LateAnswer{Operation: "load", Status: 201, After: 80 * time.Second}); len(late) != 1 || late[0] != want {
			t.Errorf("late: %v, want %v", late, want)
		}
		go func() { answers <- answerText("201 Created", "{}") }()
		if _, err := client.Send(t.Context(), aLoad); err != nil || len(p.dialled) != 1 {
			t.Errorf("the connection is good for another message: %v on %d", err, len(p.dialled))
		}
		client.Close()
		close(answers)
		p.all.Wait()
	})
}

// ended reads messages and never answers; it tells when the client ends the connection.
func ended(told chan<- time.Time) conversation {
	return func(_ net.Conn, in *bufio.Reader) {
		for _, _, ok := take(in); ok; _, _, ok = take(in) {
			continue
		}
		told <- time.Now()
	}
}

func TestAnAnswerIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan time.Time, 1)
		client, p := pipedClient(t, exchange.ClientSettings{Timeout: time.Second, Late: func(exchange.LateAnswer) { t.Error("there was an answer") }}, ended(told))
		begun := time.Now()
		if _, err := client.Send(t.Context(), aLoad); !isUnknown(err) {
			t.Error(err)
		}
		if lasted := (<-told).Sub(begun); lasted != time.Second+exchange.LateGrace {
			t.Errorf("the connection lasted %s", lasted)
		}
		client.Close()
		p.all.Wait()
	})
}

// Answers that nobody waits for may keep a part of the connections, so that an upstream that has come back is not kept from
// what is new.
func TestLateAnswersKeepAPartOfTheConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const messages = 8
		told := make(chan time.Time, messages)
		client, p := pipedClient(t, exchange.ClientSettings{Timeout: time.Second, MaxConns: messages}, ended(told))
		begun := time.Now()
		for range messages {
			go func() {
				if _, err := client.Send(t.Context(), aLoad); !isUnknown(err) {
					t.Error(err)
				}
			}()
		}
		kept := 0
		for range messages {
			if (<-told).Sub(begun) > time.Second {
				kept++
			}
		}
		if kept != messages/4 {
			t.Errorf("%d of %d connections were kept", kept, messages)
		}
		client.Close()
		p.all.Wait()
	})
}

func TestTheCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan time.Time, 1)
		client, p := pipedClient(t, exchange.ClientSettings{}, ended(told))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := client.Send(ctx, aLoad); !isUnknown(err) {
			t.Errorf("after it was connected: %v", err)
		}
		client.DialWith(func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Send(ctx, aLoad); !notTaken(err, decline.Unreached) {
			t.Errorf("before it was connected: %v", err)
		}
		cancel()
		if _, err := client.Send(ctx, aLoad); !notTaken(err, decline.Unreached) {
			t.Errorf("over before it began: %v", err)
		}
		client.Close()
		p.all.Wait()
	})
}

// What only waited for a place was not sent.
func TestATimeOutWhileWaitingForAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan time.Time, 1)
		client, p := pipedClient(t, exchange.ClientSettings{MaxConns: 1}, ended(told))
		first := make(chan error)
		go func() {
			_, err := client.Send(t.Context(), aLoad)
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Send(ctx, aLoad); !notTaken(err, decline.Unreached) {
			t.Errorf("the one that waited: %v", err)
		}
		if err := <-first; !isUnknown(err) {
			t.Errorf("the one that was sent: %v", err)
		}
		client.Close()
		p.all.Wait()
	})
}

// The caller may use its memory again as soon as Send has returned, though the message is still being written.
func TestTheBodyIsTheCallersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := strings.Repeat("0123456789", 10_000)
		goOn, came := make(chan struct{}), make(chan string)
		client, p := pipedClient(t, exchange.ClientSettings{Timeout: time.Second}, func(_ net.Conn, in *bufio.Reader) {
			request, err := http.ReadRequest(in)
			if err != nil {
				t.Error(err)
			}
			<-goOn
			body, _ := io.ReadAll(request.Body)
			came <- string(body)
		})
		o := aLoad
		o.Body = txn.Wire(written)
		if _, err := client.Send(t.Context(), o); !isUnknown(err) {
			t.Error(err)
		}
		for i := range o.Body {
			o.Body[i] = 'x'
		}
		close(goOn)
		if body := <-came; body != written {
			t.Errorf("%d bytes came, and not as they were", len(body))
		}
		client.Close()
		p.all.Wait()
	})
}

// Close ends what is under way, and the bubble would not end if anything ran on.
func TestCloseEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan time.Time, 2)
		client, p := pipedClient(t, exchange.ClientSettings{Timeout: time.Minute}, ended(told))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Send(ctx, aLoad); !isUnknown(err) { // it goes on alone
			t.Error(err)
		}
		waiting := make(chan error)
		go func() {
			_, err := client.Send(t.Context(), aLoad)
			waiting <- err
		}()
		synctest.Wait()
		begun := time.Now()
		go client.Close()
		if err := <-waiting; !isUnknown(err) {
			t.Errorf("what was under way: %v", err)
		}
		client.Close()
		p.all.Wait()
		if time.Since(begun) > 0 {
			t.Errorf("closing took %s", time.Since(begun))
		}
		if _, err := client.Send(t.Context(), aLoad); !notTaken(err, decline.Stopping) {
			t.Errorf("after it was closed: %v", err)
		}
	})
}

func TestClosingWhileMessagesBegin(t *testing.T) {
	url := rawServer(t, answerWith(answerText("202 Accepted", "{}")))
	client := clientOf(t, exchange.ClientSettings{URL: url})
	var all sync.WaitGroup
	begun := make(chan struct{}, 64)
	for range cap(begun) {
		all.Go(func() {
			for {
				_, err := client.Send(context.Background(), aConfirm)
				if notTaken(err, decline.Stopping) {
					return
				}
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	<-begun
	client.Close()
	all.Wait()
}

// keys presents another password each time it is told to.
type keys struct {
	mu      sync.Mutex
	given   int
	renewed []string
	left    int
	err     error
}

func (k *keys) Authorize(_ context.Context, r *http.Request) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	r.Header.Set("Authorization", "Key "+itoa(k.given))
	return k.err
}

func (k *keys) Renew(_ context.Context, refused string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.given++
	k.renewed = append(k.renewed, refused)
	k.left--
	return k.left >= 0
}

func TestARefusedCredentialIsRenewedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		good, left, arrive int
		right              func(error) bool
	}{
		"a good one":       {0, 9, 1, func(err error) bool { return err == nil }},
		"the second good":  {1, 9, 2, func(err error) bool { return err == nil }},
		"the third good":   {2, 9, 2, func(err error) bool { return notTaken(err, decline.Unauthenticated) }},
		"nothing to renew": {1, 0, 1, func(err error) bool { return notTaken(err, decline.Unauthenticated) }},
	} {
		var came []string
		url := rawServer(t, func(conn net.Conn, in *bufio.Reader) {
			for request, body, ok := take(in); ok; request, body, ok = take(in) {
				came = append(came, request.Header.Get("Authorization"))
				status := "401 Unauthorized"
				if came[len(came)-1] == "Key "+itoa(c.good) {
					status = "201 Created"
				}
				if body != string(aLoad.Body) {
					t.Errorf("%s: the body came as %q", name, body)
				}
				_, _ = io.WriteString(conn, answerText(status, "{}"))
			}
		})
		k := &keys{left: c.left}
		client := clientOf(t, exchange.ClientSettings{URL: url, Credentials: exchange.Same(k)})
		_, err := client.Send(t.Context(), aLoad)
		if !c.right(err) || len(came) != c.arrive {
			t.Errorf("%s: %v after %v", name, err, came)
		}
		if c.arrive == 2 && (len(k.renewed) != 1 || k.renewed[0] != "Key 0") {
			t.Errorf("%s: renewed %v", name, k.renewed)
		}
	}
}

// none has no credential for anybody.
type none struct{}

func (none) For(ident.Account) (exchange.Credential, bool) { return nil, false }

func TestWithoutACredentialNothingIsSent(t *testing.T) {
	url := refusedAddress(t)
	_, err := clientOf(t, exchange.ClientSettings{URL: url, Credentials: none{}}).Send(t.Context(), aLoad)
	if !notTaken(err, decline.NoCredential) {
		t.Error(err)
	}
	k := &keys{err: errors.New("no " + secretPassword)}
	_, err = clientOf(t, exchange.ClientSettings{URL: url, Credentials: exchange.Same(k)}).Send(t.Context(), aLoad)
	if !notTaken(err, decline.Unreached) || strings.Contains(err.Error(), secretPassword) {
		t.Error(err)
	}
}

// No error shows the path, the number, the card, what was answered, or the password.
func TestErrorsAreQuiet(t *testing.T) {
	leaks := []string{secretPAN, secretNumber, secretPassword, requestID, "/giftcard", "/airtime", "msisdn="}
	say := func(name, url string, o exchange.Outgoing) {
		_, err := clientOf(t, exchange.ClientSettings{URL: url}).Send(t.Context(), o)
		if err == nil {
			t.Errorf("%s was no error", name)
		}
		for _, verb := range []string{"%v", "%+v", "%s"} {
			for _, leak := range leaks {
				if text := fmt.Sprintf(verb, err); strings.Contains(text, leak) {
					t.Errorf("%s: %s", name, text)
				}
			}
		}
	}
	echo := `{"errorType":"FORMAT_ERROR","errorMessage":"` + secretPAN + `","pan":"` + secretPAN + `"}`
	for _, o := range []exchange.Outgoing{aLoad, aConfirm, aQuery} {
		say("refused", refusedAddress(t), o)
		for _, text := range []string{"", secretPAN + "\r\n\r\n", "HTTP/1.1 " + secretPAN + "\r\n\r\n", "HTTP/1.1 201 " + secretPAN + "\r\n" + secretPAN + "\r\n\r\n", "HTTP/1.1 201 OK\r\nContent-Length: " + secretPAN + "x\r\n\r\n"} {
			say(text, rawServer(t, once(text)), o)
		}
		for _, status := range []int{302, 400, 401, 403, 404, 408, 429, 500, 501, 502, 503, 504} {
			say(itoa(status), rawServer(t, once(answerText(itoa(status)+" "+secretPAN, echo))), o)
			say(itoa(status), rawServer(t, once(answerText(itoa(status)+" "+secretPAN, secretPAN))), o)
		}
	}
}

func TestAClientPrintsNoPassword(t *testing.T) {
	credential := exchange.Basic("till", secretPassword)
	settings := exchange.ClientSettings{URL: "http://upstream.example", Credentials: exchange.Same(credential)}
	encoded := func(r *http.Request) string {
		_ = credential.Authorize(t.Context(), r)
		return r.Header.Get("Authorization")[6:]
	}(httptest.NewRequest("GET", "/", nil))
	shown(t, []any{credential, settings.Credentials, settings, &settings, clientOf(t, settings)}, secretPassword, encoded)
	hidden := struct{ c exchange.Credential }{credential} // of whose members no method is called
	if text := fmt.Sprintf("%v %+v %#v", hidden, hidden, hidden); strings.Contains(text, secretPassword) || strings.Contains(text, encoded) {
		t.Error("it shows the password where it is a member")
	}
}

// shown complains of values that show a secret when they are printed.
func shown(t *testing.T, values []any, secrets ...string) {
	t.Helper()
	for _, x := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			for _, secret := range secrets {
				if strings.Contains(fmt.Sprintf(verb, x), secret) {
					t.Errorf("%s of %T shows a secret", verb, x)
				}
			}
		}
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	good := exchange.ClientSettings{URL: "https://upstream.example/prefix", Credentials: exchange.Same(exchange.Nothing())}
	if _, err := exchange.NewClient(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*exchange.ClientSettings){
		"scheme": func(s *exchange.ClientSettings) { s.URL = "ftp://upstream.example" }, "no scheme": func(s *exchange.ClientSettings) { s.URL = "upstream.example:80" },
		"no host": func(s *exchange.ClientSettings) { s.URL = "http:///x" }, "only a port": func(s *exchange.ClientSettings) { s.URL = "http://:80" },
		"user":  func(s *exchange.ClientSettings) { s.URL = "http://till:" + secretPassword + "@upstream.example" },
		"query": func(s *exchange.ClientSettings) { s.URL = "http://upstream.example?a=b" }, "fragment": func(s *exchange.ClientSettings) { s.URL = "http://upstream.example#a" },
		"no URL": func(s *exchange.ClientSettings) { s.URL = "http://[" + secretPassword }, "credentials": func(s *exchange.ClientSettings) { s.Credentials = nil },
		"time-out": func(s *exchange.ClientSettings) { s.Timeout = -1 }, "connections": func(s *exchange.ClientSettings) { s.MaxConns = -1 },
	} {
		s := good
		change(&s)
		if _, err := exchange.NewClient(s); err == nil || strings.Contains(err.Error(), secretPassword) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
