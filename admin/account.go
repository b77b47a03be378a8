package admin

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Account is a sender of messages: what leads to it, what it may do, and its bounds. A published account is
// shared and never changed.
type Account struct {
	Number      ident.Account
	World       ident.World
	Name        string // the user name of HTTP Basic; unique in its world
	Suspended   bool   // its requests are refused; its advices are taken
	Credentials []Credential
	Settings    AccountSettings
}

// AccountSettings are what an operator may set of an account. Empty lists permit everything, and a bound of 0 is
// none.
type AccountSettings struct {
	Families          []txn.Family
	Products          []string
	Ranges            []txn.Range
	HolderLookUps     bool
	Velocity          []txn.Velocity
	WrongPerMinute    int32 // answers in a minute that tell of a wrong card or PIN; see DefaultWrongPerMinute
	RequestsPerSecond int32 // messages on average
	Burst             int32 // messages at once within that average; 0 is as many as in a second
	Certificates      []Certificate
	Intermediary      bool        // speaks for others: client.id of its messages of airtime is not compared with its name
	Prepaid           bool        // buys airtime against its float, and not on account
	LowFloat          money.Minor // at or below this much in its float there is an alarm; 0 is never
}

// DefaultWrongPerMinute is the bound of an account about which nothing else was said: more than the hands at a till
// mistype, and far too few to guess PINs or card numbers. An operator who wants none says 0.
const DefaultWrongPerMinute = 30

// Credential is one password of an account.
type Credential struct {
	Number    int32  // within the account, from 1, never given twice
	Hash      string // argon2id, as package secret makes it
	NotBefore time.Time
	NotAfter  time.Time // zero times do not bound
}

// ValidAt says whether the credential counts at an instant.
func (c Credential) ValidAt(t time.Time) bool {
	return (c.NotBefore.IsZero() || !t.Before(c.NotBefore)) && (c.NotAfter.IsZero() || !t.After(c.NotAfter))
}

// Hashes gives the password hashes that count at an instant.
func (a *Account) Hashes(t time.Time) []string {
	var hashes []string
	for _, c := range a.Credentials {
		if c.ValidAt(t) {
			hashes = append(hashes, c.Hash)
		}
	}
	return hashes
}

// HasWayIn says whether the account has a password, which may not count now, or a certificate.
func (a *Account) HasWayIn() bool { return len(a.Credentials) > 0 || len(a.Settings.Certificates) > 0 }

// Sender gives what the rules need to know of the account.
func (a *Account) Sender() *txn.Sender {
	return &txn.Sender{
		Account: a.Number, World: a.World, Name: a.Name, Intermediary: a.Settings.Intermediary, Prepaid: a.Settings.Prepaid,
		Families: a.Settings.Families, Products: a.Settings.Products, Ranges: a.Settings.Ranges,
		HolderLookUps: a.Settings.HolderLookUps, Velocity: a.Settings.Velocity,
	}
}

// CertificateKind is what of a client certificate is compared.
type CertificateKind string

// The kinds.
const (
	SPKI    CertificateKind = "spki"    // SHA-256 of SubjectPublicKeyInfo, 64 lower-case hex digits
	Subject CertificateKind = "subject" // the whole distinguished name, as crypto/x509 writes it (RFC 2253)
	SAN     CertificateKind = "san"     // one DNS name, e-mail address, IP address or URI
)

// Certificate leads from a client certificate to an account.
type Certificate struct {
	Kind  CertificateKind
	Value string
}

// Bounds of an account.
const (
	maxName         = 64
	maxCredentials  = 16
	maxCertificates = 16
	maxCertificate  = 512
	maxListed       = 1000 // products, and ranges
	maxVelocity     = 32
	maxRate         = 1_000_000
)

// checkName says whether a name can be: it stands in paths, in logs and in HTTP Basic.
func checkName(name string) error {
	const more = "._@+-"
	for i := range len(name) {
		c := name[i]
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || strings.IndexByte(more, c) < 0) {
			return invalid("name", "must be letters and digits, and after the first also any of %s", more)
		}
	}
	if name == "" || len(name) > maxName {
		return invalid("name", "must have 1 to %d characters", maxName)
	}
	return nil
}

// Check names the first setting that cannot be.
func (s AccountSettings) Check() error {
	for _, f := range s.Families {
		if (f < txn.Activation || f > txn.LookUp) && !f.IsAirtime() {
			return invalid("settings.families", "must be requests of senders")
		}
	}
	for _, bound := range []struct {
		field string
		value int32
	}{{"wrongPerMinute", s.WrongPerMinute}, {"requestsPerSecond", s.RequestsPerSecond}, {"burst", s.Burst}} {
		if bound.value < 0 || bound.value > maxRate {
			return invalid("settings."+bound.field, "must be 0 to %d", maxRate)
		}
	}
	if s.LowFloat < 0 || s.LowFloat > money.MaxMinor {
		return invalid("settings.lowFloat", "must be 0 to %d", money.MaxMinor)
	}
	if len(s.Products) > maxListed || len(s.Ranges) > maxListed {
		return invalid("settings", "must have at most %d products and ranges", maxListed)
	}
	return s.checkParts()
}

func (s AccountSettings) checkParts() error {
	for i, r := range s.Ranges {
		first, err := ident.ParsePAN(r.First)
		last, err2 := ident.ParsePAN(r.Last)
		if err != nil || err2 != nil || len(first.Reveal()) != len(last.Reveal()) || r.First > r.Last {
			return invalid(fmt.Sprintf("settings.ranges.%d", i), "must be two numbers of one length, the first not above the last")
		}
	}
	if err := checkVelocity(s.Velocity); err != nil {
		return err
	}
	if len(s.Certificates) > maxCertificates {
		return invalid("settings.certificates", "must be at most %d", maxCertificates)
	}
	for i, c := range s.Certificates {
		if !c.valid() {
			return invalid(fmt.Sprintf("settings.certificates.%d", i), "must be spki with 64 lower-case hex digits, or subject or san with 1 to %d characters", maxCertificate)
		}
	}
	return nil
}

func checkVelocity(rules []txn.Velocity) error {
	if len(rules) > maxVelocity {
		return invalid("settings.velocity", "must be at most %d rules", maxVelocity)
	}
	for i, v := range rules {
		if err := v.Check(); err != nil {
			return invalid(fmt.Sprintf("settings.velocity.%d", i), "%s", strings.TrimPrefix(err.Error(), "velocity: "))
		}
	}
	return nil
}

func (c Certificate) valid() bool {
	switch c.Kind {
	case SPKI:
		sum, err := hex.DecodeString(c.Value)
		return err == nil && len(sum) == 32 && c.Value == strings.ToLower(c.Value)
	case Subject, SAN:
		return c.Value != "" && len(c.Value) <= maxCertificate
	}
	return false
}

// facts are what the audit trail says of an account: everything but the hashes.
func (a *Account) facts() Facts {
	if a == nil {
		return nil
	}
	s := a.Settings
	f := Facts{
		"suspended": fmt.Sprint(a.Suspended), "holderLookUps": fmt.Sprint(s.HolderLookUps),
		"wrongPerMinute": fmt.Sprint(s.WrongPerMinute), "requestsPerSecond": fmt.Sprint(s.RequestsPerSecond),
		"intermediary": fmt.Sprint(s.Intermediary), "prepaid": fmt.Sprint(s.Prepaid), "lowFloat": fmt.Sprint(int64(s.LowFloat)),
		"burst": fmt.Sprint(s.Burst), "products": strings.Join(s.Products, " "),
		"families": listed(s.Families), "velocity": velocityFact(s.Velocity), "ranges": rangesFact(s.Ranges),
	}
	for _, c := range a.Credentials {
		f[fmt.Sprintf("credential.%d", c.Number)] = "valid " + instant(c.NotBefore) + " to " + instant(c.NotAfter)
	}
	for _, c := range s.Certificates {
		f["certificate."+string(c.Kind)+"."+c.Value] = "bound"
	}
	return f
}

func listed[T fmt.Stringer](values []T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.String()
	}
	return strings.Join(names, " ")
}

func rangesFact(ranges []txn.Range) string {
	texts := make([]string, len(ranges))
	for i, r := range ranges {
		texts[i] = ident.Mask(r.First) + "-" + ident.Mask(r.Last)
	}
	return strings.Join(texts, " ")
}

func velocityFact(rules []txn.Velocity) string {
	texts := make([]string, len(rules))
	for i, v := range rules {
		texts[i] = fmt.Sprintf("%s in %s: count %d, amount %d", v.Family, v.Window, v.MaxCount, v.MaxAmount)
	}
	return strings.Join(texts, "; ")
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "always"
	}
	return t.UTC().Format(time.RFC3339)
}

// clone gives a copy whose lists may be changed.
func (a *Account) clone() *Account {
	c := *a
	c.Credentials = slices.Clone(a.Credentials)
	return &c
}

func (a *Account) subject() string { return "account/" + a.Name }
