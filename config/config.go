// Package config holds what the operator of `scrip serve` may set, by flag, by environment variable and in a YAML
// file, and says what is wrong with it.
//
// It promises that Serve is the only place where settings are listed: flags, variables, the file's keys and the
// reference in docs/configuration.md are all made from its fields. What is given in a stricter place wins: a flag
// over a variable, a variable over the file, the file over the default. The file is read strictly: an unknown
// key, a key set twice and a value that cannot be are errors that name line and key. No setting is a secret
// itself; secrets are named by their files.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"
	_ "time/tzdata" // so that time-zone does not depend on what the machine has installed

	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// Serve are the settings of a server. A command embeds it; kong fills it, and Check has to follow. The tag `key`
// is a setting's name in the file, with a dot where it stands in a section; flag and variable are spelled alike.
type Serve struct {
	File File `name:"config" short:"c" env:"SCRIP_CONFIG" placeholder:"FILE" help:"YAML file of settings; flags and variables win over it."`

	Data           string `key:"data" env:"SCRIP_DATA" placeholder:"DIR" help:"Directory of the store and its keys; made if it is not there. With a database it holds the keys alone, and is not needed beside a keyset."`
	Database       string `key:"database" env:"SCRIP_DATABASE" placeholder:"URL" help:"PostgreSQL database of the store, postgres://USER@HOST/NAME, which any number of servers may share; several hosts, parted by commas, are tried in turn. Without it the store is a file in the data directory."`
	Committers     int    `key:"committers" env:"SCRIP_COMMITTERS" default:"0" help:"Batches of messages that are saved at once, the second and further ones only when a full batch waits; 0 is what suits the store. A store in a file has one."`
	Keyset         string `key:"keyset" env:"SCRIP_KEYSET" placeholder:"FILE" help:"Keyset file with which cards and messages rest encrypted. By default it is keys.json in the data directory, and made there for an empty store."`
	TokenFile      string `key:"operator-token-file" name:"operator-token-file" env:"SCRIP_OPERATOR_TOKEN_FILE" placeholder:"FILE" help:"File with the first operator's token, of 32 characters at least, for an empty store. Without it a token is made and printed once."`
	Listen         string `key:"listen" env:"SCRIP_LISTEN" placeholder:"ADDR" default:"127.0.0.1:8080" help:"Host and port for the contracts. Anything but loopback needs TLS, or plain-http."`
	AdminListen    string `key:"admin-listen" name:"admin-listen" env:"SCRIP_ADMIN_LISTEN" placeholder:"ADDR" default:"127.0.0.1:8081" help:"Host and port for operators, metrics and health. Anything but loopback needs TLS (the same certificate), or plain-http."`
	PlainHTTP      bool   `key:"plain-http" name:"plain-http" env:"SCRIP_PLAIN_HTTP" help:"Speak plain HTTP also on addresses that others can reach, because a proxy in front ends TLS."`
	MaxInHand      int    `key:"max-in-hand" env:"SCRIP_MAX_IN_HAND" default:"4096" help:"Requests in hand at once, and as many advices beside them. Further ones are turned away and may come again."`
	TimeZone       string `key:"time-zone" name:"time-zone" env:"SCRIP_TIME_ZONE" placeholder:"ZONE" default:"UTC" help:"Time zone in which a card's last month ends, such as Africa/Johannesburg."`
	CurrencyNumber string `key:"currency" name:"currency" env:"SCRIP_CURRENCY" placeholder:"NUMBER" default:"710" help:"Currency of cards that name none, as a number of ISO 4217."`

	TLSCert       string `key:"tls.cert" name:"tls-cert" env:"SCRIP_TLS_CERT" placeholder:"FILE" help:"PEM file of the server's certificate and those above it. Taken up again when it changes."`
	TLSKey        string `key:"tls.key" name:"tls-key" env:"SCRIP_TLS_KEY" placeholder:"FILE" help:"PEM file of its private key."`
	TLSClientCA   string `key:"tls.client-ca" name:"tls-client-ca" env:"SCRIP_TLS_CLIENT_CA" placeholder:"FILE" help:"PEM file of the authorities whose client certificates are accepted."`
	TLSClientAuth string `key:"tls.client-auth" name:"tls-client-auth" env:"SCRIP_TLS_CLIENT_AUTH" enum:"none,optional,required" default:"none" help:"Whether senders show a client certificate: none, optional or required."`

	InstitutionID   string `key:"institution.id" name:"institution-id" env:"SCRIP_INSTITUTION_ID" placeholder:"ID" default:"1" help:"Our own id as settlement entity and receiver, up to 40 characters."`
	InstitutionName string `key:"institution.name" name:"institution-name" env:"SCRIP_INSTITUTION_NAME" placeholder:"NAME" default:"Scrip" help:"Our own name there, up to 40 characters."`

	RequestTimeout time.Duration `key:"request-timeout" env:"SCRIP_REQUEST_TIMEOUT" default:"60s" help:"From a request's arrival until it is no longer applied."`
	Hold           time.Duration `key:"hold" env:"SCRIP_HOLD" default:"5s" help:"How long an advice waits for its request that is still in flight."`
	AdviceWait     time.Duration `key:"advice-wait" env:"SCRIP_ADVICE_WAIT" default:"5s" help:"How long an advice that is passed on waits for its upstream's answer; then its sender hears 202, and the queue goes on."`
	DrainDelay     time.Duration `key:"drain-delay" env:"SCRIP_DRAIN_DELAY" default:"0s" help:"When stopping, how long to serve on after /readyz says no, so that balancers see it."`
	StopTimeout    time.Duration `key:"stop-timeout" env:"SCRIP_STOP_TIMEOUT" default:"30s" help:"When stopping, how long what is in hand may take to finish. Then it is cut off."`

	SettleAfter time.Duration `key:"settle.after" name:"settle-after" env:"SCRIP_SETTLE_AFTER" default:"0s" help:"Age at which an approved request that nobody has confirmed or reversed is settled by itself; 0 never settles."`
	SettleHow   string        `key:"settle.how" name:"settle-how" env:"SCRIP_SETTLE_HOW" enum:",confirm,reverse" default:"" help:"How it is settled then: confirm or reverse."`

	Retention    time.Duration `key:"retention" env:"SCRIP_RETENTION" default:"0s" help:"Age at which settled transactions and other messages that can change no more are pruned: 744h (31 days) at least; 0 keeps everything. Their ids stay used, and their money is brought forward."`
	RetentionIDs time.Duration `key:"retention-ids" name:"retention-ids" env:"SCRIP_RETENTION_IDS" default:"0s" help:"Age at which also the ids of pruned messages are forgotten: 9600h (400 days) at least; 0 never forgets them."`

	Network         string        `key:"airtime.network" name:"airtime-network" env:"SCRIP_AIRTIME_NETWORK" enum:"simulated,none" default:"simulated" help:"The provider that tops up subscribers in this process: simulated, the mobile network that is built in and keeps what it credits in the store, or none."`
	ProviderTimeout time.Duration `key:"airtime.provider-timeout" name:"airtime-provider-timeout" env:"SCRIP_AIRTIME_PROVIDER_TIMEOUT" default:"0s" help:"How long a provider may take to answer, less than request-timeout; 0 is five sixths of that."`

	LogLevel  string `key:"log.level" name:"log-level" env:"SCRIP_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"The least that is logged: debug, info, warn or error. debug has a line for each message."`
	LogFormat string `key:"log.format" name:"log-format" env:"SCRIP_LOG_FORMAT" enum:"text,json" default:"json" help:"Form of the log: json or text."`

	// InMemory permits to have no data directory, and then nothing is kept. It is no setting: `scrip sandbox` sets it.
	InMemory bool `kong:"-"`
}

// TLS names the TLS files of the contracts' listener, or nil for plain HTTP.
func (s *Serve) TLS() *edge.TLS {
	if s.TLSCert == "" {
		return nil
	}
	return &edge.TLS{Certificate: s.TLSCert, Key: s.TLSKey, ClientCA: s.TLSClientCA, ClientAuth: edge.ClientAuth(s.TLSClientAuth)}
}

// AdminTLS names the TLS files of the operators' listener, or nil for plain HTTP. On loopback it is always plain.
// Elsewhere it shows the same certificate as the contracts' and asks for none, because operators have tokens.
func (s *Serve) AdminTLS() *edge.TLS {
	if host, _, _ := splitAddress(s.AdminListen); s.TLSCert == "" || isLoopback(host) {
		return nil
	}
	return &edge.TLS{Certificate: s.TLSCert, Key: s.TLSKey, ClientAuth: edge.NoClientAuth}
}

// Institution is our own id and name.
func (s *Serve) Institution() ident.Reference {
	return ident.Reference{Institution: s.InstitutionID, Identifier: s.InstitutionName}
}

// Location is the issuer's time zone; UTC when it is not known, which Check would have told.
func (s *Serve) Location() *time.Location {
	if at, err := location(s.TimeZone); err == nil {
		return at
	}
	return time.UTC
}

// Currency is that of cards that name none; 0 when it is none, which Check would have told.
func (s *Serve) Currency() money.Currency {
	c, _ := money.ParseCurrency(s.CurrencyNumber) // the error is Check's
	return c
}

// SettleRole is the advice that stands for how requests are settled by themselves, or 0 when they are not.
func (s *Serve) SettleRole() txn.Role {
	switch s.SettleHow {
	case "confirm":
		return txn.Confirmation
	case "reverse":
		return txn.Reversal
	}
	return 0
}

// Logger makes the log.
func (s *Serve) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(s.LogLevel)) // an unknown one is Check's, and info until then
	options := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// CheckData says when the data directory is none and cannot be made one, because there is a file: a *Fault.
func (s *Serve) CheckData() error {
	if s.Data == "" {
		return nil
	}
	switch info, err := os.Stat(s.Data); {
	case err == nil && !info.IsDir():
		return fault("data", "%s is a file; give the directory that it is in, or another one", s.Data)
	case errors.Is(err, syscall.ENOTDIR):
		return fault("data", "%s cannot be a directory: what it would be in is a file", s.Data)
	}
	return nil // what else there may be to say, whoever makes it says
}

// maxToken bounds the file with the first operator's token, in bytes.
const maxToken = 4 << 10

// Token reads the first operator's token from its file, without the space around it. It is empty when no file is
// set. The error never holds the token.
func (s *Serve) Token() (string, error) {
	if s.TokenFile == "" {
		return "", nil
	}
	text, err := readFile(s.TokenFile, maxToken)
	if err != nil {
		return "", fault("operator-token-file", "%v", err)
	}
	token := bytes.TrimSpace(text)
	if len(token) == 0 {
		return "", fault("operator-token-file", "%s is empty", s.TokenFile)
	}
	return string(token), nil
}

// readFile reads a file of at most max bytes.
func readFile(name string, max int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(text)) > max {
		err = fmt.Errorf("%s has more than %d bytes", name, max)
	}
	return text, err
}
