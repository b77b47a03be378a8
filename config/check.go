package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/money"
)

// Bounds of settings.
const (
	maxRequestTimeout = 10 * time.Minute
	maxDrainDelay     = 10 * time.Minute
	maxStopTimeout    = 10 * time.Minute
	minAdviceWait     = time.Millisecond
	maxAdviceWait     = time.Minute
	maxMaxInHand      = 1_000_000
	maxInstitution    = 40 // characters of our id, and of our name as the contract bounds it

	// minSettleAfter keeps a slip of the unit from settling what is merely under way.
	minSettleAfter = time.Hour

	// What younger senders still repeat or ask about is kept, and an id is never used again by chance.
	minRetention    = 31 * 24 * time.Hour
	minRetentionIDs = 400 * 24 * time.Hour
)

// Fault is what is wrong with one setting.
type Fault struct {
	Setting string // its key, as in the file
	Text    string
}

// Error names the setting as it may be given.
func (f *Fault) Error() string {
	return fmt.Sprintf("setting %s (--%s, %s): %s", f.Setting, flagOf(f.Setting), variableOf(f.Setting), f.Text)
}

func fault(setting, format string, args ...any) *Fault {
	return &Fault{setting, fmt.Sprintf(format, args...)}
}

// flagOf and variableOf give how a setting of the file is spelled elsewhere.
func flagOf(key string) string { return strings.ReplaceAll(key, ".", "-") }

func variableOf(key string) string {
	return "SCRIP_" + strings.ToUpper(strings.ReplaceAll(flagOf(key), "-", "_"))
}

// Check says what is wrong with the settings: a *Fault for each, joined. It looks at no file.
func (s *Serve) Check() error {
	var faults []error
	for _, f := range slices.Concat(s.checkPlaces(), s.checkTLS(), s.checkTimes(), s.checkRest()) {
		if f != nil {
			faults = append(faults, f)
		}
	}
	return errors.Join(faults...)
}

// when gives a fault if something is so.
func when(so bool, setting, format string, args ...any) *Fault {
	if !so {
		return nil
	}
	return fault(setting, format, args...)
}

func (s *Serve) checkPlaces() []*Fault {
	return []*Fault{
		when(s.Data == "" && s.Database == "" && !s.InMemory, "data", "is missing, and so is database: data is the directory that holds everything, database the URL of one that servers share"),
		when(s.Data == "" && s.Database != "" && s.Keyset == "", "keyset", "is missing, and there is no data directory to keep one in: a database needs one of them"),
		when(s.Database != "" && !IsDatabaseURL(s.Database), "database", "is no URL that begins with postgres://"),
		when(s.Committers < 0 || s.Committers > maxCommitters, "committers", "%d is not from 0 to %d", s.Committers, maxCommitters),
		when(s.Committers > 1 && s.Database == "", "committers", "%d batches at once need a database: a file has one writer", s.Committers),
		s.checkAddress("listen", s.Listen),
		s.checkAddress("admin-listen", s.AdminListen),
		when(s.Listen == s.AdminListen && !strings.HasSuffix(s.Listen, ":0"), "admin-listen", "is the same as listen"),
	}
}

// maxCommitters bounds the batches that are saved at once.
const maxCommitters = 16

// IsDatabaseURL says whether a text names a PostgreSQL database, and not a file.
func IsDatabaseURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// checkAddress asks for host and port, and for TLS where others can listen in.
func (s *Serve) checkAddress(setting, address string) *Fault {
	host, port, err := splitAddress(address)
	if err != nil {
		return fault(setting, "%q is not host:port", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fault(setting, "%q has no port from 0 to 65535, but %q", address, port)
	} else if n == 0 && host == "" {
		return fault(setting, "%q names neither host nor port", address)
	}
	return when(!isLoopback(host) && s.TLSCert == "" && !s.PlainHTTP, setting,
		"%q can be reached by others: give tls.cert and tls.key, or plain-http if a proxy in front ends TLS", address)
}

func splitAddress(address string) (host, port string, err error) { return net.SplitHostPort(address) }

// isLoopback says whether only this machine can reach the host. Names other than localhost are not looked up.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (s *Serve) checkTLS() []*Fault {
	asked := s.TLSClientAuth == string(edge.OptionalClientAuth) || s.TLSClientAuth == string(edge.RequiredClientAuth)
	return []*Fault{
		when(s.TLSCert != "" && s.TLSKey == "", "tls.key", "is missing beside tls.cert"),
		when(s.TLSKey != "" && s.TLSCert == "", "tls.cert", "is missing beside tls.key"),
		when(s.TLSCert != "" && s.PlainHTTP, "plain-http", "contradicts tls.cert"),
		oneOf("tls.client-auth", s.TLSClientAuth, string(edge.NoClientAuth), string(edge.OptionalClientAuth), string(edge.RequiredClientAuth)),
		when(asked && s.TLSClientCA == "", "tls.client-ca", "is missing, with tls.client-auth %s", s.TLSClientAuth),
		when(asked && s.TLSCert == "", "tls.client-auth", "is %s without tls.cert", s.TLSClientAuth),
		when(!asked && s.TLSClientCA != "", "tls.client-ca", "is given, but tls.client-auth asks for no certificate"),
	}
}

func (s *Serve) checkTimes() []*Fault {
	return []*Fault{
		within("request-timeout", s.RequestTimeout, time.Second, maxRequestTimeout),
		when(s.Hold <= 0 || s.Hold >= s.RequestTimeout, "hold", "is %s; it must be above 0 and below request-timeout (%s)", s.Hold, s.RequestTimeout),
		within("advice-wait", s.AdviceWait, minAdviceWait, maxAdviceWait),
		when(s.ProviderTimeout < 0 || s.ProviderTimeout >= s.RequestTimeout, "airtime.provider-timeout",
			"is %s; it must be below request-timeout (%s)", s.ProviderTimeout, s.RequestTimeout),
		within("drain-delay", s.DrainDelay, 0, maxDrainDelay),
		within("stop-timeout", s.StopTimeout, time.Second, maxStopTimeout),
		when(s.SettleAfter != 0 && s.SettleAfter < minSettleAfter, "settle.after", "is %s; it must be 0, or %s at least", s.SettleAfter, minSettleAfter),
		when(s.SettleAfter != 0 && s.SettleHow == "", "settle.how", "is missing beside settle.after"),
		when(s.SettleAfter == 0 && s.SettleHow != "", "settle.after", "is missing beside settle.how"),
		when(s.Retention != 0 && s.Retention < minRetention, "retention", "is %s; it must be 0, or %s at least", s.Retention, minRetention),
		when(s.RetentionIDs != 0 && s.RetentionIDs < minRetentionIDs, "retention-ids", "is %s; it must be 0, or %s at least", s.RetentionIDs, minRetentionIDs),
		when(s.RetentionIDs != 0 && s.Retention == 0, "retention", "is missing beside retention-ids"),
		when(s.RetentionIDs != 0 && s.RetentionIDs <= s.Retention, "retention-ids", "is %s; it must be longer than retention (%s)", s.RetentionIDs, s.Retention),
	}
}

func within(setting string, value, least, most time.Duration) *Fault {
	return when(value < least || value > most, setting, "is %s; it must be %s to %s", value, least, most)
}

func oneOf(setting, value string, allowed ...string) *Fault {
	return when(!slices.Contains(allowed, value), setting, "is %q; it must be one of %s", value, strings.Join(allowed, ", "))
}

func (s *Serve) checkRest() []*Fault {
	_, zoneErr := location(s.TimeZone)
	_, currencyErr := money.ParseCurrency(s.CurrencyNumber)
	return []*Fault{
		when(s.MaxInHand < 1 || s.MaxInHand > maxMaxInHand, "max-in-hand", "is %d; it must be 1 to %d", s.MaxInHand, maxMaxInHand),
		when(zoneErr != nil, "time-zone", "%q is not known; it is named like Africa/Johannesburg or UTC", s.TimeZone),
		when(currencyErr != nil, "currency", "%q is not three digits of ISO 4217", s.CurrencyNumber),
		checkName("institution.id", s.InstitutionID),
		checkName("institution.name", s.InstitutionName),
		when(s.SettleHow != "" && s.SettleRole() == 0, "settle.how", "is %q; it must be confirm or reverse", s.SettleHow),
		oneOf("log.level", s.LogLevel, "debug", "info", "warn", "error"),
		oneOf("log.format", s.LogFormat, "json", "text"),
	}
}

func checkName(setting, value string) *Fault {
	if n := utf8.RuneCountInString(value); n < 1 || n > maxInstitution || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return fault(setting, "must have 1 to %d printable characters", maxInstitution)
	}
	return nil
}

// location finds a time zone. "Local" is none: it would differ between machines.
func location(zone string) (*time.Location, error) {
	if zone == "" || zone == "Local" {
		return nil, fmt.Errorf("time zone %q", zone)
	}
	return time.LoadLocation(zone)
}
