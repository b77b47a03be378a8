package edge

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// WrongGuesses is the alarm of an account that was told too often in a minute that a card or a PIN is wrong.
const WrongGuesses decline.Alarm = "wrong_guesses"

// Settings are what a gate is made of. Accounts, Passwords, Metrics, Log and Now are needed.
type Settings struct {
	Accounts  Accounts
	Passwords Verifier
	// Others, when it is there, is asked before somebody is turned away whom other processes may know already.
	Others admin.Others
	World  ident.World // whose accounts may come in; 0 is production
	InHand int         // requests in hand at once, and advices beside them; 0 is DefaultInHand
	// NeedsCertificate says of which accounts a password alone does not suffice; nil for none.
	NeedsCertificate func(*admin.Account) bool
	// Guests, when it is there, is asked in place of accounts, passwords and certificates: the sandbox takes in
	// anybody, also without a name and a password (docs/rules.md section 8). Its error is a *decline.NotTaken.
	Guests  func(user, password string) (Identity, error)
	Metrics *Metrics
	Log     *slog.Logger
	Now     func() time.Time
}

// Gate lets messages in: it says who sends one, holds the sender to his bounds, and counts what is in hand. It
// may be used by any number of goroutines.
type Gate struct {
	settings  Settings
	hall      *hall
	queue     *queue
	verifying singleflight.Group
	meters    meters
	lines     map[decline.Cause]*sampler
}

// NewGate makes a gate and registers its gauges with the metrics, so there is one gate to one Metrics.
func NewGate(s Settings) *Gate {
	if s.World == 0 {
		s.World = ident.Production
	}
	if s.InHand == 0 {
		s.InHand = DefaultInHand
	}
	g := &Gate{settings: s, hall: newHall(s.InHand), queue: newQueue(), lines: refusalLines()}
	s.Metrics.watch(g.hall)
	return g
}

// Admit says who sends a message and takes it in, or turns it away with a *decline.NotTaken: Stopping,
// Unauthenticated, Forbidden, RateLimited or Overloaded, asked in this order. release is called once, when the
// message has been answered.
//
// An advice is never turned away for its sender's pace or guesses: it would only be repeated, and the request
// that it ends was held to those bounds already. Nor because the account is suspended: that would end it for good,
// and leave the two sides with different ends of the request.
func (g *Gate) Admit(r *http.Request, advice bool) (sender *txn.Sender, release func(), err error) {
	if g.hall.stopping.Load() {
		return nil, nil, g.turnAway(r, nil, stopping())
	}
	who, err := g.identify(r, advice)
	if err != nil {
		return nil, nil, err
	}
	if !advice && who.Account != nil {
		if refusal := g.bounds(who.Account); refusal != nil {
			return nil, nil, g.turnAway(r, who.Account, refusal)
		}
	}
	release, refusal := g.hall.enter(advice)
	if refusal != nil {
		return nil, nil, g.turnAway(r, who.Account, refusal)
	}
	return who.Sender, release, nil
}

// bounds says why an account's requests are not taken now, or nil. Guests may have an account that is suspended, too.
func (g *Gate) bounds(a *admin.Account) *decline.NotTaken {
	if a.Suspended {
		return suspended()
	}
	return g.meters.admit(a, g.settings.Now())
}

// Identify says who sends a message, by HTTP Basic, by the client certificate that TLS has verified, or by both,
// which must then lead to one account (rules A1, A2, A5). The errors are *decline.NotTaken: Unauthenticated when
// it is nobody, Forbidden when it is somebody who may not come in like this, Overloaded when too many unknown
// passwords wait to be verified.
func (g *Gate) Identify(r *http.Request) (Identity, error) { return g.identify(r, true) }

// identify is Identify for what a suspended account may send anyway, or may not.
func (g *Gate) identify(r *http.Request, anyway bool) (Identity, error) {
	given, err := readBasic(r.Header)
	if err != nil {
		return Identity{}, g.turnAway(r, nil, unauthenticated(err.Error()))
	}
	if g.settings.Guests != nil {
		who, err := g.settings.Guests(given.user, given.password)
		return who, g.counted(r, err)
	}
	by, refusal := g.shown(r, given)
	if refusal != nil {
		return Identity{}, g.turnAway(r, nil, refusal)
	}
	who, refusal := g.known(r, by, anyway)
	if refusal != nil {
		return Identity{}, g.turnAway(r, who.Account, refusal)
	}
	return who, nil
}

// shown is what a message shows of its sender: a user name with a password, a client certificate, or both.
type shown struct {
	basic
	certificate *x509.Certificate // current; nil for none
}

// shown refuses who shows nothing that anybody could be known by.
func (g *Gate) shown(r *http.Request, given basic) (shown, *decline.NotTaken) {
	certificate := certificateOf(r)
	switch {
	case certificate != nil && !current(certificate, g.settings.Now()):
		return shown{}, unauthenticated("the client certificate is past its time")
	case certificate == nil && !given.given:
		return shown{}, unauthenticated("neither a password nor a client certificate was given")
	}
	return shown{given, certificate}, nil
}

// known says who it is. Whoever is refused for what is known of the accounts is judged again when other processes know better.
func (g *Gate) known(r *http.Request, by shown, anyway bool) (Identity, *decline.NotTaken) {
	if g.settings.Others == nil {
		return g.judge(r, by, anyway)
	}
	revision := g.settings.Others.Revision()
	who, refusal := g.judge(r, by, anyway)
	if refusal != nil && refusal.Cause != decline.Overloaded && g.settings.Others.Newer(r.Context(), revision) {
		return g.judge(r, by, anyway)
	}
	return who, refusal
}

// judge says who it is by what is known now. With a refusal it gives the account only if it was proved.
func (g *Gate) judge(r *http.Request, by shown, anyway bool) (Identity, *decline.NotTaken) {
	account, refusal := g.account(r, by)
	if refusal != nil {
		return Identity{Account: account}, refusal
	}
	sender, found := g.settings.Accounts.Sender(account.World, account.Number)
	switch {
	case !found:
		return Identity{Account: account}, unauthenticated(noSuchPair)
	case account.Suspended && !anyway:
		return Identity{Account: account}, suspended()
	}
	return Identity{Account: account, Sender: sender, User: by.user}, nil
}

// noSuchPair does not tell whether it was the name or the password.
const noSuchPair = "user name and password are not known here"

func unauthenticated(text string) *decline.NotTaken {
	return &decline.NotTaken{Cause: decline.Unauthenticated, Text: text}
}

func forbidden(text string) *decline.NotTaken {
	return &decline.NotTaken{Cause: decline.Forbidden, Text: text}
}

func suspended() *decline.NotTaken { return forbidden("the account is suspended") }

// account finds the account of whatever was shown. With a refusal it gives the account only if it was proved.
func (g *Gate) account(r *http.Request, by shown) (*admin.Account, *decline.NotTaken) {
	byCertificate, refusal := g.byCertificate(r, by.certificate)
	if refusal != nil {
		return nil, refusal
	}
	account := byCertificate
	if by.given {
		if account, refusal = g.byPassword(r, by.basic, g.settings.Now()); refusal != nil {
			return nil, refusal
		}
	}
	switch {
	case byCertificate != nil && byCertificate.Number != account.Number:
		return account, forbidden("password and client certificate belong to different accounts")
	case byCertificate == nil && g.settings.NeedsCertificate != nil && g.settings.NeedsCertificate(account):
		return account, forbidden("this account needs its client certificate")
	}
	return account, nil
}

// byCertificate gives the account of a client certificate, and nil when there is none.
func (g *Gate) byCertificate(r *http.Request, certificate *x509.Certificate) (*admin.Account, *decline.NotTaken) {
	if certificate == nil {
		return nil, nil
	}
	var account *admin.Account
	for _, name := range namesFor(r, certificate) {
		found, ok := g.settings.Accounts.AccountByCertificate(g.settings.World, name)
		switch {
		case !ok:
		case account != nil && account.Number != found.Number:
			return nil, unauthenticated("the client certificate leads to more than one account")
		default:
			account = found
		}
	}
	if account == nil {
		return nil, unauthenticated("the client certificate is not known here")
	}
	return account, nil
}

// byPassword gives the account of a user name and its password.
func (g *Gate) byPassword(r *http.Request, given basic, now time.Time) (*admin.Account, *decline.NotTaken) {
	account, found := g.settings.Accounts.AccountByName(g.settings.World, given.user)
	var hashes []string
	if found {
		hashes = account.Hashes(now)
	}
	if len(hashes) == 0 {
		hashes = nobody
	}
	right, refusal := g.verify(r, hashes, given.password, now)
	switch {
	case refusal != nil:
		return nil, refusal
	case !right:
		return nil, unauthenticated(noSuchPair)
	}
	return account, nil
}

// nobody stands for the passwords of a name that has none, so that it costs as much as one that has.
var nobody = []string{""}

// verify asks what is remembered first, and computes only what is not. While an account has two passwords a
// wrong one costs twice; that tells a patient listener that the account is changing its password, and no more.
func (g *Gate) verify(r *http.Request, hashes []string, password string, now time.Time) (bool, *decline.NotTaken) {
	var unknown []string
	for _, hash := range hashes {
		right, known := g.settings.Passwords.Recall(hash, password, now)
		if right {
			return true, nil
		}
		if !known {
			unknown = append(unknown, hash)
		}
	}
	if len(unknown) == 0 {
		return false, nil
	}
	return g.compute(addressOf(r.RemoteAddr), unknown, password, now)
}

// compute verifies a password against hashes that are not remembered with it. Many messages of one sender come at
// once after a start: one of them takes a place and computes, the others wait for what comes of it.
func (g *Gate) compute(from netip.Addr, hashes []string, password string, now time.Time) (bool, *decline.NotTaken) {
	pair := strings.Join(append(slices.Clone(hashes), password), "\x00")
	found, _, _ := g.verifying.Do(pair, func() (any, error) {
		if refusal := g.queue.enter(from); refusal != nil {
			return verdict{refusal: refusal}, nil
		}
		defer g.queue.leave(from)
		for _, hash := range hashes {
			if g.settings.Passwords.Verify(hash, password, now) {
				return verdict{right: true}, nil
			}
		}
		return verdict{}, nil
	})
	v := found.(verdict)
	return v.right, v.refusal
}

// verdict is what came of verifying a password.
type verdict struct {
	right   bool
	refusal *decline.NotTaken
}

// Guessed is told that a sender was answered that a card or a PIN is wrong. Over the account's bound its
// requests are turned away until the minute is over.
func (g *Gate) Guessed(sender *txn.Sender) {
	account, found := g.settings.Accounts.Account(sender.Account)
	if !found || !g.meters.guessed(account, g.settings.Now()) {
		return
	}
	g.settings.Metrics.alarms.WithLabelValues(string(WrongGuesses), account.Name).Inc()
	g.settings.Log.Warn("alarm", "alarm", string(WrongGuesses), "account", account.Name,
		"boundPerMinute", account.Settings.WrongPerMinute)
}

// Stop turns away all messages from now on. What is in hand goes on.
func (g *Gate) Stop() { g.hall.stopping.Store(true) }

// Emptied waits, after Stop, until nothing is in hand any more, or the context ends.
func (g *Gate) Emptied(ctx context.Context) { g.hall.emptied(ctx) }

// counted counts an error that is a refusal, and passes it on.
func (g *Gate) counted(r *http.Request, err error) error {
	var refusal *decline.NotTaken
	if errors.As(err, &refusal) {
		return g.turnAway(r, nil, refusal)
	}
	return err
}

// turnAway counts and logs a refusal, and passes it on. The user name that was sent is not logged: it may be a
// password in the wrong place.
func (g *Gate) turnAway(r *http.Request, account *admin.Account, refusal *decline.NotTaken) error {
	g.settings.Metrics.refusals.WithLabelValues(causes[refusal.Cause]).Inc()
	hidden, may := g.lines[refusal.Cause].ask(g.settings.Now())
	if !may {
		return refusal
	}
	attrs := []slog.Attr{
		slog.String("cause", causes[refusal.Cause]), slog.String("text", refusal.Text), slog.String("from", r.RemoteAddr),
	}
	if account != nil {
		attrs = append(attrs, slog.String("account", account.Name))
	}
	g.settings.Log.LogAttrs(context.Background(), slog.LevelInfo, "turned away", leftOut(attrs, hidden)...)
	return refusal
}
