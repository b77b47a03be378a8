package edge

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// certified gives a certificate that is valid at noon, with one DNS name.
func certified(name string) *x509.Certificate {
	return &x509.Certificate{
		DNSNames: []string{name}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
		RawSubjectPublicKeyInfo: []byte(name),
	}
}

func bind(a *admin.Account, names ...string) {
	for _, n := range names {
		a.Settings.Certificates = append(a.Settings.Certificates, admin.Certificate{Kind: admin.SAN, Value: n})
	}
}

func TestWhoIsTurnedAway(t *testing.T) {
	past := certified("till.example")
	past.NotAfter = noon.Add(-time.Second)
	tests := []struct {
		name    string
		message *http.Request
		want    decline.Cause
		text    string
	}{
		{"nothing given", bare(), decline.Unauthenticated, "neither a password nor a client certificate"},
		{"another scheme", saying("Bearer abc"), decline.Unauthenticated, "not one of HTTP Basic"},
		{"two headers", saying("Basic "+encoded("till:open sesame"), "Basic "+encoded("other:pass by")), decline.Unauthenticated, "not one of HTTP Basic"},
		{"no base64", saying("Basic !!!!"), decline.Unauthenticated, "not one of HTTP Basic"},
		{"no colon", saying("Basic " + encoded("till")), decline.Unauthenticated, "not one of HTTP Basic"},
		{"a control character", from("till\n", "open sesame"), decline.Unauthenticated, "not one of HTTP Basic"},
		{"a name too long", from(strings.Repeat("x", MaxUser+1), "p"), decline.Unauthenticated, "not one of HTTP Basic"},
		{"a header too long", saying("Basic " + strings.Repeat("A", 1<<20)), decline.Unauthenticated, "not one of HTTP Basic"},
		{"unknown name", from("nobody", "open sesame"), decline.Unauthenticated, noSuchPair},
		{"wrong password", from("till", "open barley"), decline.Unauthenticated, noSuchPair},
		{"empty password", from("till", ""), decline.Unauthenticated, noSuchPair},
		{"the other's password", from("till", "pass by"), decline.Unauthenticated, noSuchPair},
		{"suspended", from("gone", "still right"), decline.Forbidden, "suspended"},
		{"suspended and wrong", from("gone", "wrong"), decline.Unauthenticated, noSuchPair},
		{"unknown certificate", showing(bare(), certified("stranger.example")), decline.Unauthenticated, "not known here"},
		{"unknown certificate, right password", showing(from("till", "open sesame"), certified("stranger.example")), decline.Unauthenticated, "not known here"},
		{"certificate past its time", showing(bare(), past), decline.Unauthenticated, "past its time"},
		{"certificate of two accounts", showing(bare(), twice()), decline.Unauthenticated, "more than one account"},
		{"password and certificate disagree", showing(from("other", "pass by"), certified("till.example")), decline.Forbidden, "different accounts"},
		{"right certificate, wrong password", showing(from("till", "wrong"), certified("till.example")), decline.Unauthenticated, noSuchPair},
		{"password where a certificate is needed", from("strict", "knock knock"), decline.Forbidden, "needs its client certificate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLobby(t, func(s *Settings) {
				s.NeedsCertificate = func(a *admin.Account) bool { return a.Name == "strict" }
			})
			l.people[4] = account(4, "strict", "knock knock")
			bind(l.people[1], "till.example", "both.example")
			bind(l.people[2], "other.example")
			_, _, err := l.Admit(test.message, false)
			if got := causeOf(t, err); got != test.want || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got cause %d (%v), want %d with %q", got, err, test.want, test.text)
			}
			if n := testutil.ToFloat64(l.metrics.refusals.WithLabelValues(causes[test.want])); n != 1 {
				t.Errorf("%v refusals were counted, want 1", n)
			}
			if l.hall.requests.taken.Load() != 0 {
				t.Error("a message that was turned away has kept a place")
			}
		})
	}
}

// What an account was granted before it was suspended must still end the same on both sides.
func TestAdvicesOfASuspendedAccountAreTaken(t *testing.T) {
	l := newLobby(t)
	sender, release, err := l.Admit(from("gone", "still right"), true)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if sender.Account != 3 {
		t.Errorf("the advice came from account %d, want 3", sender.Account)
	}
	if _, _, err := l.Admit(from("gone", "wrong"), true); causeOf(t, err) != decline.Unauthenticated {
		t.Errorf("with a wrong password it got %v, want Unauthenticated", err)
	}
}

// twice is a certificate that leads to two accounts.
func twice() *x509.Certificate {
	c := certified("till.example")
	c.DNSNames = append(c.DNSNames, "other.example")
	return c
}

func TestWhoComesIn(t *testing.T) {
	tests := []struct {
		name    string
		message *http.Request
		want    ident.Account
		user    string
	}{
		{"password", from("till", "open sesame"), 1, "till"},
		{"scheme in any case", saying("bAsIc " + encoded("till:open sesame")), 1, "till"},
		{"a colon in the password", from("colon", "a:b"), 5, "colon"},
		{"certificate", showing(bare(), certified("till.example")), 1, ""},
		{"DNS names have no case", showing(bare(), certified("TILL.Example")), 1, ""},
		{"both", showing(from("till", "open sesame"), certified("till.example")), 1, "till"},
		{"certificate where one is needed", showing(bare(), certified("strict.example")), 4, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLobby(t, func(s *Settings) {
				s.NeedsCertificate = func(a *admin.Account) bool { return a.Name == "strict" }
			})
			l.people[4], l.people[5] = account(4, "strict", "knock knock"), account(5, "colon", "a:b")
			bind(l.people[1], "till.example")
			bind(l.people[4], "strict.example")
			who, err := l.Identify(test.message)
			if err != nil {
				t.Fatal(err)
			}
			if who.Account.Number != test.want || who.Sender.Account != test.want || who.User != test.user {
				t.Errorf("got account %d, sender %d, user %q; want %d and %q", who.Account.Number, who.Sender.Account, who.User, test.want, test.user)
			}
		})
	}
}

// A certificate that TLS did not verify is none, whatever is in it.
func TestUnverifiedCertificateIsNone(t *testing.T) {
	l := newLobby(t)
	bind(l.people[1], "till.example")
	r := showing(bare(), certified("till.example"))
	r.TLS.VerifiedChains = nil
	if got := l.admit(t, r); got != decline.Unauthenticated {
		t.Errorf("got cause %d, want Unauthenticated", got)
	}
}

func TestAccountsOfAnotherWorldAreUnknown(t *testing.T) {
	l := newLobby(t, func(s *Settings) { s.World = 2 })
	if got := l.admit(t, from("till", "open sesame")); got != decline.Unauthenticated {
		t.Errorf("got cause %d, want Unauthenticated", got)
	}
}

// Rotation: the new password counts from its first instant, the old one until its last, and for a while both do.
func TestCredentialsOverlap(t *testing.T) {
	l := newLobby(t)
	begin, end := noon.Add(time.Hour), noon.Add(2*time.Hour)
	l.people[1].Credentials = []admin.Credential{
		{Number: 1, Hash: "old", NotAfter: end},
		{Number: 2, Hash: "new", NotBefore: begin},
	}
	for _, test := range []struct {
		at       time.Time
		old, new bool
	}{
		{noon, true, false},
		{begin.Add(-time.Nanosecond), true, false},
		{begin, true, true},
		{end, true, true},
		{end.Add(time.Nanosecond), false, true},
	} {
		l.clock.forward(test.at.Sub(l.clock.now()))
		for password, right := range map[string]bool{"old": test.old, "new": test.new} {
			if got := l.admit(t, from("till", password)) == 0; got != right {
				t.Errorf("at %s the %s password is right: %t, want %t", test.at, password, got, right)
			}
		}
	}
}

// What a wrong pair costs must not tell whether the name exists, is suspended, or has no password.
func TestAllWrongPairsCostTheSame(t *testing.T) {
	for _, user := range []string{"till", "nobody", "gone", "certificate-only"} {
		l := newLobby(t)
		l.people[4] = account(4, "certificate-only")
		l.admit(t, from(user, "wrong"))
		if l.verifier.computed != 1 {
			t.Errorf("%s: %d passwords were computed, want 1", user, l.verifier.computed)
		}
	}
}

func TestRememberedPasswordsAreNotComputed(t *testing.T) {
	hash, err := secret.HashPassword("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	passwords := secret.NewPasswords(time.Hour, 10)
	l := newLobby(t, func(s *Settings) { s.Passwords = passwords })
	l.people[1].Credentials[0].Hash = hash
	for range 2 {
		if got := l.admit(t, from("till", "open sesame")); got != 0 {
			t.Fatalf("got cause %d", got)
		}
	}
	if right, known := passwords.Recall(hash, "open sesame", noon); !right || !known {
		t.Errorf("the pair is right: %t, known: %t; want both", right, known)
	}
}

// A flood of wrong passwords waits in few places, and whoever is remembered passes it.
func TestFloodOfWrongPasswordsIsBounded(t *testing.T) {
	l := newLobby(t)
	l.verifier.remembered = map[string]bool{"open sesame": true, "stale": false}
	l.verifier.hold, l.verifier.held = make(chan struct{}), make(chan struct{})
	const flood = 100
	answers := make(chan decline.Cause, flood)
	for i := range flood {
		go func() {
			_, _, err := l.Admit(at("192.0.2.1:4711", from("till", fmt.Sprint("wrong ", i))), false)
			answers <- causeOf(t, err)
		}()
	}
	for range maxVerifyingAddress {
		<-l.verifier.held
	}
	for range flood - maxVerifyingAddress {
		if got := <-answers; got != decline.Overloaded {
			t.Fatalf("got cause %d, want Overloaded", got)
		}
	}
	if got := l.admit(t, at("192.0.2.1:1", from("till", "open sesame"))); got != 0 {
		t.Errorf("a remembered password was turned away with cause %d", got)
	}
	if got := l.admit(t, at("192.0.2.1:1", from("till", "stale"))); got != decline.Unauthenticated {
		t.Errorf("a password that is remembered as wrong got cause %d, want Unauthenticated", got)
	}
	close(l.verifier.hold)
	for range maxVerifyingAddress {
		if got := <-answers; got != decline.Unauthenticated {
			t.Errorf("got cause %d, want Unauthenticated", got)
		}
	}
	if l.verifier.computed != maxVerifyingAddress || l.queue.waiting != 0 || len(l.queue.byAddress) != 0 {
		t.Errorf("%d computed, %d still waiting from %d addresses", l.verifier.computed, l.queue.waiting, len(l.queue.byAddress))
	}
}

func TestQueueIsBoundedInAllAndByAddress(t *testing.T) {
	q := newQueue()
	for i := range maxVerifying {
		if refusal := q.enter(addressOf(fmt.Sprintf("192.0.2.%d:1", i/maxVerifyingAddress))); refusal != nil {
			t.Fatalf("place %d was refused: %v", i, refusal)
		}
	}
	if q.enter(addressOf("198.51.100.1:1")) == nil {
		t.Error("there was a place beyond all")
	}
	q.leave(addressOf("192.0.2.0:1"))
	if q.enter(addressOf("192.0.2.1:1")) == nil {
		t.Error("an address that has all its places got another")
	}
	if refusal := q.enter(addressOf("192.0.2.0:2")); refusal != nil {
		t.Errorf("the place that was given back was refused: %v", refusal)
	}
}

func TestAddresses(t *testing.T) {
	for _, test := range []struct{ a, b string }{
		{"192.0.2.1:1", "192.0.2.1:2"},
		{"[::ffff:192.0.2.1]:1", "192.0.2.1:2"},
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:2"},
		{"[fe80::1%eth0]:1", "[fe80::2%eth1]:1"},
		{"", "@"},
	} {
		if addressOf(test.a) != addressOf(test.b) {
			t.Errorf("%q and %q count as different addresses", test.a, test.b)
		}
	}
	if addressOf("[2001:db8::1]:1") == addressOf("[2001:db8:0:1::1]:1") || addressOf("192.0.2.1:1") == addressOf("192.0.2.2:1") {
		t.Error("different networks count as one address")
	}
}

func TestRateLimit(t *testing.T) {
	l := newLobby(t)
	l.people[1].Settings.RequestsPerSecond, l.people[1].Settings.Burst = 2, 3
	till := func() decline.Cause { return l.admit(t, from("till", "open sesame")) }
	for i := range 3 {
		if got := till(); got != 0 {
			t.Fatalf("request %d within the burst was turned away with cause %d", i, got)
		}
	}
	_, _, err := l.Admit(from("till", "open sesame"), false)
	var refusal *decline.NotTaken
	if !errors.As(err, &refusal) || refusal.Cause != decline.RateLimited || refusal.After != 500*time.Millisecond {
		t.Fatalf("got %#v, want RateLimited for half a second", err)
	}
	if got := l.admit(t, from("other", "pass by")); got != 0 {
		t.Errorf("another account was turned away with cause %d", got)
	}
	_, release, err := l.Admit(from("till", "open sesame"), true)
	if err != nil {
		t.Errorf("an advice was turned away: %v", err)
	} else {
		release()
	}
	l.clock.forward(refusal.After)
	if got := till(); got != 0 {
		t.Errorf("after the time told the request was turned away with cause %d", got)
	}
	if got := till(); got != decline.RateLimited {
		t.Errorf("a second one got cause %d, want RateLimited: the refused one must not have used up anything", got)
	}
	l.people[1].Settings.RequestsPerSecond = 0
	if got := till(); got != 0 {
		t.Errorf("without a bound the request was turned away with cause %d", got)
	}
}

// The bound on wrong cards and PINs (docs/rules.md 2.3) holds until the minute is over, and raises one alarm.
func TestGuesses(t *testing.T) {
	l := newLobby(t)
	l.people[1].Settings.WrongPerMinute = 3
	l.clock.forward(20 * time.Second)
	sender := &txn.Sender{Account: 1}
	for i := range 3 {
		if got := l.admit(t, from("till", "open sesame")); got != 0 {
			t.Fatalf("after %d guesses the request was turned away with cause %d", i, got)
		}
		l.Guessed(sender)
	}
	_, _, err := l.Admit(from("till", "open sesame"), false)
	var refusal *decline.NotTaken
	if !errors.As(err, &refusal) || refusal.Cause != decline.RateLimited || refusal.After != 40*time.Second {
		t.Fatalf("got %#v, want RateLimited until the minute is over", err)
	}
	if _, release, err := l.Admit(from("till", "open sesame"), true); err != nil {
		t.Errorf("an advice was turned away: %v", err)
	} else {
		release()
	}
	if n := testutil.ToFloat64(l.metrics.alarms.WithLabelValues(string(WrongGuesses), "till")); n != 1 {
		t.Errorf("%v alarms were counted, want 1", n)
	}
	if n := strings.Count(l.log.String(), `"alarm":"wrong_guesses"`); n != 1 {
		t.Errorf("%d alarms were logged, want 1:\n%s", n, l.log)
	}
	l.clock.forward(refusal.After)
	if got := l.admit(t, from("till", "open sesame")); got != 0 {
		t.Errorf("in the next minute the request was turned away with cause %d", got)
	}
}

func TestGuessesWithoutABoundOrAnAccount(t *testing.T) {
	l := newLobby(t)
	for range 1000 {
		l.Guessed(&txn.Sender{Account: 1})
		l.Guessed(&txn.Sender{Account: 99})
	}
	if got := l.admit(t, from("till", "open sesame")); got != 0 {
		t.Errorf("got cause %d", got)
	}
}

// Requests must not take the room of advices, nor the other way round.
func TestRoomInHand(t *testing.T) {
	l := newLobby(t, func(s *Settings) { s.InHand = 2 })
	till := from("till", "open sesame")
	var releases []func()
	fill := func(advice bool) {
		for range 2 {
			_, release, err := l.Admit(till, advice)
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, release)
		}
		_, _, err := l.Admit(till, advice)
		var refusal *decline.NotTaken
		if !errors.As(err, &refusal) || refusal.Cause != decline.Overloaded || refusal.After <= 0 {
			t.Errorf("advice %t: got %#v, want Overloaded with a time", advice, err)
		}
	}
	fill(false)
	fill(true)
	for _, release := range releases {
		release()
	}
	fill(false)
}

func TestStoppingComesFirst(t *testing.T) {
	l := newLobby(t)
	_, release, err := l.Admit(from("till", "open sesame"), false)
	if err != nil {
		t.Fatal(err)
	}
	l.Stop()
	release()
	for _, r := range []*http.Request{from("till", "open sesame"), bare()} {
		if got := l.admit(t, r); got != decline.Stopping {
			t.Errorf("got cause %d, want Stopping", got)
		}
	}
	if _, refusal := l.hall.enter(true); refusal == nil || refusal.Cause != decline.Stopping {
		t.Errorf("whoever was between the checks got %v, want Stopping", refusal)
	}
	if n := l.hall.requests.taken.Load() + l.hall.advices.taken.Load(); n != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

// The sandbox takes in anybody, also without credentials (rule A3).
func TestGuests(t *testing.T) {
	full := &decline.NotTaken{Cause: decline.Forbidden, Text: "there are too many worlds"}
	l := newLobby(t, func(s *Settings) {
		s.Guests = func(user, password string) (Identity, error) {
			if user == "late" {
				return Identity{}, full
			}
			return Identity{Sender: &txn.Sender{Account: ident.Account(len(user + password))}, User: user}, nil
		}
	})
	for _, test := range []struct {
		message *http.Request
		want    ident.Account
	}{{bare(), 0}, {from("ab", "c"), 3}} {
		sender, release, err := l.Admit(test.message, false)
		if err != nil {
			t.Fatal(err)
		}
		release()
		if sender.Account != test.want {
			t.Errorf("got account %d, want %d", sender.Account, test.want)
		}
	}
	if got := l.admit(t, from("late", "")); got != decline.Forbidden {
		t.Errorf("got cause %d, want Forbidden", got)
	}
	if n := testutil.ToFloat64(l.metrics.refusals.WithLabelValues("forbidden")); n != 1 {
		t.Errorf("%v refusals were counted, want 1", n)
	}
}

// Neither log nor metrics may hold what was sent as a secret, and a flood of messages is not one of lines.
func TestRefusalsAreLoggedSparinglyAndWithoutSecrets(t *testing.T) {
	l := newLobby(t)
	for range 50 {
		r := from("till", "hunter2")
		r.URL.RawQuery = "pan=6001000000000001"
		l.admit(t, r)
		l.admit(t, from("hunter2", "till"))
	}
	l.clock.forward(time.Second)
	l.admit(t, from("till", "hunter2"))
	text := l.log.String()
	if n := strings.Count(text, "turned away"); n != 2 || !strings.Contains(text, `"leftOut":99`) {
		t.Errorf("%d lines, want 2, the second telling of 99 left out:\n%s", n, text)
	}
	for _, hidden := range []string{"hunter2", "6001000000000001", encoded("till:hunter2")} {
		if strings.Contains(text, hidden) {
			t.Errorf("the log holds %q:\n%s", hidden, text)
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", basic{user: "u", password: "hunter2"}, basic{password: "hunter2"}, basic{password: "hunter2"}); strings.Contains(got, "hunter2") {
		t.Errorf("printing shows the password: %s", got)
	}
}
