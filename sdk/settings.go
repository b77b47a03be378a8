package sdk

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Settings are what a till is opened with. Data, Upstream and Identity are needed.
type Settings struct {
	// Data is the till's directory. It is made when it is not there, with whatever leads to it, for its owner alone.
	Data     string
	Upstream Upstream
	Identity Identity
	// Currency is that of amounts which name none: three digits of ISO 4217, such as 710. When it is empty each must
	// name its own.
	Currency string
	// SettleWithin is how long an approved request may go undecided before the till reverses it by itself; 0 leaves
	// it to the program for ever. It counts from when the program has the approval, however long the upstream took to
	// give it. For what Open hands back it counts from when the request was sent, so that it may be over already: then
	// the till waits for a quarter of SettleWithin more, though at least a second and at most a minute, for the program
	// to decide first.
	SettleWithin time.Duration
	// Log is told what goes wrong in the background, without card numbers and PINs; nil is nobody.
	Log *slog.Logger

	// What tests put in.
	now      func() time.Time
	newID    func() ident.ID
	pace     saf.Pace
	driver   func(store.Driver) store.Driver
	services func(giftcard.Service, airtime.Service) (giftcard.Service, airtime.Service)
}

// Upstream is whom a till sends its requests to: a switch, an issuer, or a vendor.
type Upstream struct {
	// URL is where both contracts are served, without their own paths: https://switch.example, or with a path before
	// giftcard/v3 and airtime/v5.
	URL string
	// User and Password are presented with each message. Airtime wants Identity.Client.ID to be the same as User.
	User, Password string
	// OAuth2 has tokens presented instead; nil does not.
	OAuth2 *OAuth2
	// TLS says whom to trust and has the certificates to present; nil trusts whom the system does. exchange.LoadTLS
	// reads one from files.
	TLS *tls.Config
	// Timeout is how long a request may take before its outcome counts as unknown; 0 is 60 seconds.
	Timeout time.Duration
	// AdviceWait is how long Confirm and Reverse wait for the upstream's answer before they leave it to the queue; 0
	// is 5 seconds.
	AdviceWait time.Duration
	// Without names what the upstream does not offer of the contracts.
	Without Without
}

// Without is what an upstream does not offer. The zero value is one that offers everything.
type Without struct {
	Confirmations bool // they are kept here and not sent
	// Reversals: what became of an unknown request is found out by its status, so that must be there, and what was
	// approved stands. Only airtime can be bought in this way: gift cards have no status.
	Reversals   bool
	Status      bool
	Trials      bool
	PartialEnds bool // less than the approved amount cannot be confirmed
}

// OAuth2 is how tokens are got. With a User it is the grant by password, without one that by client credentials.
type OAuth2 struct {
	TokenURL               string
	ClientID, ClientSecret string
	User, Password         string
	Scopes                 []string
}

// Identity is what every message says of where it comes from.
type Identity struct {
	Institution Party    // whom the till belongs to; its ID is usually the user name
	Terminal    string   // exactly 8 characters
	Operator    string   // who works at the till; may be empty
	Channel     string   // may be empty
	Merchant    Merchant // the shop
	// Client is who sends the messages. Its ID is by default Upstream.User, and its Name that of the institution.
	Client Party
	// Settlement and Receiver are whom the merchant settles with and who finally processes a request; nil leaves them
	// to the upstream.
	Settlement, Receiver *Party
}

// Party is an institution: an id and a name of up to 40 characters each.
type Party struct{ ID, Name string }

// Merchant is the shop that a till stands in. All of it is needed.
type Merchant struct {
	Type    string // four digits of ISO 18245, such as 5411 for groceries
	ID      string // exactly 15 characters
	Name    string // up to 23 characters
	City    string // up to 13
	Region  string // up to 2
	Country string // up to 2
}

// newTill makes a till out of settings, and opens nothing.
func newTill(s Settings) (*Till, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.Identity.Client.ID == "" {
		s.Identity.Client.ID = s.Upstream.User
	}
	if s.Identity.Client.Name == "" {
		s.Identity.Client.Name = s.Identity.Institution.Name
	}
	if s.Upstream.Timeout == 0 {
		s.Upstream.Timeout = exchange.DefaultRequestTimeout
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	t := &Till{
		settings: s, origin: s.Identity.origin(), log: s.Log, stop: func() {},
		sender: &txn.Sender{Account: account, World: ident.Production, Name: s.Identity.Client.ID, Intermediary: true},
	}
	if s.Currency != "" {
		t.currency, _ = money.ParseCurrency(s.Currency) // which has been checked
	}
	return t, nil
}

func (s *Settings) check() error {
	switch {
	case s.Data == "":
		return &Invalid{"Data", "a directory is needed"}
	case s.Upstream.URL == "":
		return &Invalid{"Upstream.URL", "an address is needed"}
	case s.Upstream.OAuth2 != nil && s.Upstream.Password != "":
		return &Invalid{"Upstream.OAuth2", "a password is presented, or a token, but not both"}
	case s.SettleWithin < 0:
		return &Invalid{"SettleWithin", "cannot be negative"}
	case s.Upstream.Timeout < 0 || s.Upstream.AdviceWait < 0:
		return &Invalid{"Upstream", "its times cannot be negative"}
	case s.Upstream.Without.Reversals && s.Upstream.Without.Status:
		return &Invalid{"Upstream.Without", "without reversals and without a status, nobody can find out what became of a request"}
	}
	if s.Currency != "" {
		if _, err := money.ParseCurrency(s.Currency); err != nil {
			return &Invalid{"Currency", "must be three digits of ISO 4217"}
		}
	}
	return s.Identity.check()
}

// length is how long a text of the identity may be, in characters.
type length struct {
	field, value string
	least, most  int
}

// Bounds of the contract.
const (
	maxParty       = 40
	terminalLength = 8
	typeLength     = 4
	merchantLength = 15
	maxName        = 23
	maxCity        = 13
	maxCode        = 2
)

func (i *Identity) check() error {
	m := i.Merchant
	lengths := []length{
		{"Institution.ID", i.Institution.ID, 1, maxParty}, {"Institution.Name", i.Institution.Name, 1, maxParty},
		{"Terminal", i.Terminal, terminalLength, terminalLength},
		{"Merchant.Type", m.Type, typeLength, typeLength}, {"Merchant.ID", m.ID, merchantLength, merchantLength},
		{"Merchant.Name", m.Name, 1, maxName}, {"Merchant.City", m.City, 1, maxCity},
		{"Merchant.Region", m.Region, 1, maxCode}, {"Merchant.Country", m.Country, 1, maxCode},
		{"Client.ID", i.Client.ID, 1, maxParty}, {"Client.Name", i.Client.Name, 1, maxParty},
	}
	if i.Settlement != nil {
		lengths = append(lengths, length{"Settlement.ID", i.Settlement.ID, 1, maxParty}, length{"Settlement.Name", i.Settlement.Name, 1, maxParty})
	}
	if i.Receiver != nil {
		lengths = append(lengths, length{"Receiver.ID", i.Receiver.ID, 1, maxParty}, length{"Receiver.Name", i.Receiver.Name, 1, maxParty})
	}
	for _, l := range lengths {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

func (l length) check() error {
	n := utf8.RuneCountInString(l.value)
	switch {
	case n >= l.least && n <= l.most && utf8.ValidString(l.value):
		return nil
	case l.least == l.most:
		return &Invalid{"Identity." + l.field, fmt.Sprintf("must have exactly %d characters", l.most)}
	}
	return &Invalid{"Identity." + l.field, fmt.Sprintf("must have %d to %d characters", l.least, l.most)}
}

func (i *Identity) origin() *txn.Origin {
	return &txn.Origin{
		Institution: txn.Party(i.Institution), Terminal: i.Terminal, Operator: i.Operator, Channel: i.Channel,
		Merchant: txn.Merchant(i.Merchant), Client: txn.Party(i.Client),
		Settlement: (*txn.Party)(i.Settlement), Receiver: (*txn.Party)(i.Receiver),
	}
}

func (u *Upstream) profile() relay.Profile {
	return relay.Profile{
		NoConfirmations: u.Without.Confirmations, NoReversals: u.Without.Reversals, NoStatus: u.Without.Status,
		NoTrials: u.Without.Trials, NoPartial: u.Without.PartialEnds, Timeout: u.Timeout,
	}
}

// client makes the way to the upstream. Nothing is connected yet.
func (u *Upstream) client(now func() time.Time) (*exchange.Client, error) {
	credential := exchange.Basic(u.User, u.Password)
	if u.OAuth2 != nil {
		var err error
		if credential, err = exchange.OAuth2(exchange.OAuth2Settings{
			TokenURL: u.OAuth2.TokenURL, ClientID: u.OAuth2.ClientID, ClientSecret: u.OAuth2.ClientSecret,
			User: u.OAuth2.User, Password: u.OAuth2.Password, Scopes: u.OAuth2.Scopes, TLS: u.TLS, Now: now,
		}); err != nil {
			return nil, &Invalid{"Upstream.OAuth2", err.Error()}
		}
	}
	c, err := exchange.NewClient(exchange.ClientSettings{
		URL: u.URL, Timeout: u.Timeout, Credentials: exchange.Same(credential), TLS: u.TLS, Now: now,
	})
	if err != nil {
		return nil, &Invalid{"Upstream", err.Error()}
	}
	return c, nil
}
