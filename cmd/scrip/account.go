package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// accountCmd is `scrip account`.
type accountCmd struct {
	List    accountListCmd    `cmd:"" help:"List accounts."`
	Show    accountShowCmd    `cmd:"" help:"Show an account."`
	Create  accountCreateCmd  `cmd:"" help:"Create an account, with a password unless a certificate leads to it."`
	Change  accountChangeCmd  `cmd:"" help:"Change an account's settings; what is not named stays."`
	Suspend accountSuspendCmd `cmd:"" help:"Refuse an account's requests until it is resumed."`
	Resume  accountResumeCmd  `cmd:"" help:"Take a suspended account's requests again."`
	Rotate  accountRotateCmd  `cmd:"" help:"Give an account a further password; the old ones stay until they are revoked."`
	Revoke  accountRevokeCmd  `cmd:"" help:"Take a password away from an account."`
	Float   accountFloatCmd   `cmd:"" help:"Show what an account has to buy airtime against, put money in or take it out."`
	Floats  accountFloatsCmd  `cmd:"" help:"List floats."`
}

// Help gives the example.
func (accountCmd) Help() string {
	return "Example: an account for a till, whose password comes from a file\n" +
		"  scrip account create till1 --password-stdin < till1.password"
}

// accountFlags are the settings of an account. A list that is given replaces the whole list; ” empties it.
type accountFlags struct {
	Family            []string `help:"What it may ask for: activation, load, redemption, void, replace, transfer, lookup, purchase or voucher. May be given several times; none for all."`
	Product           []string `placeholder:"ID" help:"Product that it may sell, or whose cards it may touch. May be given several times; none for all."`
	Range             []string `placeholder:"FIRST-LAST" help:"Card numbers it may touch, of one length, from the first to the last. May be given several times; none for all."`
	HolderLookUps     *bool    `help:"It may look cards up by their holder; =false if not."`
	Velocity          []string `placeholder:"RULE" help:"Bound for the account: family:window:count:amount, such as load:24h:0:1000000. May be given several times."`
	WrongPerMinute    *int32   `placeholder:"N" help:"Wrong cards and PINs a minute; 0 for no bound. A new account may name 30."`
	RequestsPerSecond *int32   `placeholder:"N" help:"Messages a second on average; 0 for no bound."`
	Burst             *int32   `placeholder:"N" help:"Messages at once within that average."`
	Intermediary      *bool    `help:"It speaks for others: the client of its messages of airtime may be anybody; =false if not."`
	Prepaid           *bool    `help:"It buys airtime against its float; =false if on account."`
	LowFloat          *int64   `placeholder:"MINOR" help:"At or below this much available in its float there is an alarm; 0 is never."`
	Certificate       []string `sep:"none" placeholder:"KIND=VALUE" help:"Client certificate that leads to it: spki=HEX (SHA-256 of the public key), subject=NAME or san=NAME. May be given several times."`
}

// onto puts what was given onto settings.
func (f accountFlags) onto(s *adminapi.AccountSettings) (err error) {
	if f.Family != nil {
		s.Families = named[adminapi.Family](given(f.Family))
	}
	if f.Product != nil {
		s.Products = named[adminapi.ProductID](given(f.Product))
	}
	put(&s.HolderLookUps, f.HolderLookUps)
	if f.WrongPerMinute != nil {
		s.WrongPerMinute = f.WrongPerMinute
	}
	put(&s.RequestsPerSecond, f.RequestsPerSecond)
	put(&s.Burst, f.Burst)
	put(&s.Intermediary, f.Intermediary)
	put(&s.Prepaid, f.Prepaid)
	put(&s.LowFloat, f.LowFloat)
	if f.Velocity != nil {
		if s.Velocity, err = parseVelocity(given(f.Velocity)); err != nil {
			return err
		}
	}
	if f.Range != nil {
		if s.Ranges, err = parseRanges(given(f.Range)); err != nil {
			return err
		}
	}
	if f.Certificate != nil {
		s.Certificates, err = parseCertificates(given(f.Certificate))
	}
	return err
}

func parseRanges(texts []string) (ranges []adminapi.Range, err error) {
	for _, text := range texts {
		first, last, ok := strings.Cut(text, "-")
		if !ok {
			return nil, usageError{fmt.Errorf("--range: must be FIRST-LAST")}
		}
		ranges = append(ranges, adminapi.Range{First: first, Last: last})
	}
	return ranges, nil
}

func parseCertificates(texts []string) (certificates []adminapi.Certificate, err error) {
	for _, text := range texts {
		kind, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usageError{fmt.Errorf("--certificate %s: must be KIND=VALUE", text)}
		}
		certificates = append(certificates, adminapi.Certificate{Kind: adminapi.CertificateKind(kind), Value: value})
	}
	return certificates, nil
}

type accountListCmd struct{ officeFlags }

// Help gives the example.
func (accountListCmd) Help() string { return "Example:\n  scrip account list" }

// Run lists accounts.
func (c *accountListCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	accounts, err := all(func(after int64) ([]adminapi.Account, int64, error) {
		a, err := o.ListAccountsWithResponse(ctx, &adminapi.ListAccountsParams{After: adminapi.After(after), Limit: pageSize})
		if err != nil {
			return nil, 0, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		return page.Accounts, page.Next, err
	})
	if err != nil {
		return err
	}
	return list(o, "NAME\tNUMBER\tPASSWORDS\tCERTIFICATES\tSTATE", accounts, func(a adminapi.Account) []any {
		return []any{string(a.Name), a.Number, len(a.Credentials), len(a.Settings.Certificates), accountState(a)}
	})
}

func accountState(a adminapi.Account) string {
	if a.Suspended {
		return "suspended"
	}
	return "active"
}

// accountName names an account.
type accountName struct {
	Name string `arg:"" help:"The account's name, which is its user name."`
}

type accountShowCmd struct {
	officeFlags
	accountName
}

// Help gives the example.
func (accountShowCmd) Help() string { return "Example:\n  scrip account show till7" }

// Run shows an account.
func (c *accountShowCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.account(ctx, c.Name)
	if err != nil {
		return err
	}
	return o.showAccount(a)
}

func (o *office) account(ctx context.Context, name string) (adminapi.Account, error) {
	a, err := o.GetAccountWithResponse(ctx, adminapi.AccountName(name))
	if err != nil {
		return adminapi.Account{}, err
	}
	return got(a.JSON200, a.JSONDefault, a.Status())
}

func (o *office) showAccount(a adminapi.Account) error {
	return o.show(a, func(w io.Writer) { accountText(w, a) })
}

func accountText(w io.Writer, a adminapi.Account) {
	s := a.Settings
	line(w, "name", string(a.Name))
	line(w, "number", a.Number)
	line(w, "state", accountState(a))
	line(w, "families", or(s.Families, "all"))
	line(w, "products", or(s.Products, "all"))
	ranges := make([]string, len(s.Ranges))
	for i, r := range s.Ranges {
		ranges[i] = r.First + "-" + r.Last
	}
	line(w, "card ranges", or(ranges, "all"))
	line(w, "look-ups by holder", s.HolderLookUps)
	line(w, "velocity", velocityText(s.Velocity))
	line(w, "wrong per minute", bound(s.WrongPerMinute))
	line(w, "requests per second", s.RequestsPerSecond)
	line(w, "burst", s.Burst)
	line(w, "intermediary", s.Intermediary)
	line(w, "prepaid", s.Prepaid)
	line(w, "low float", s.LowFloat)
	for _, c := range s.Certificates {
		line(w, "certificate", string(c.Kind)+"="+c.Value)
	}
	for _, c := range a.Credentials {
		line(w, fmt.Sprintf("password %d", c.Number), "from "+clock(c.NotBefore)+" to "+clock(c.NotAfter))
	}
}

// bound prints a bound of which 0 is none.
func bound(most *int32) string {
	if most == nil || *most == 0 {
		return "no bound"
	}
	return strconv.Itoa(int(*most))
}

// or prints names, or what none of them means.
func or[T ~string](names []T, none string) string {
	if len(names) == 0 {
		return none
	}
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, " ")
}

type accountCreateCmd struct {
	officeFlags
	accountFlags
	accountName
	PasswordStdin bool   `help:"Take the password from standard input; otherwise one is made and printed once."`
	Reason        string `help:"Why, for the audit trail."`
}

// Help gives the example.
func (accountCreateCmd) Help() string {
	return "Example:\n  scrip account create till7 --family load --family redemption --wrong-per-minute 20\n" +
		"  scrip account create till8 --password-stdin < password.txt"
}

// Run creates an account.
func (c *accountCreateCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	body := adminapi.NewAccount{Name: adminapi.Name(c.Name), Reason: adminapi.Reason(c.Reason)}
	if err := c.onto(&body.Settings); err != nil {
		return err
	}
	if body.Password, err = password(c.PasswordStdin); err != nil {
		return err
	}
	a, err := o.CreateAccountWithResponse(ctx, body)
	if err != nil {
		return err
	}
	made, err := got(a.JSON201, a.JSONDefault, a.Status())
	if err != nil {
		return fmt.Errorf("create account %s: %w", c.Name, err)
	}
	return o.show(made, func(w io.Writer) {
		accountText(w, made.Account)
		shown(w, made.Password)
	})
}

// password reads one from standard input, when that was asked for.
func password(stdin bool) (string, error) {
	if !stdin {
		return "", nil
	}
	text, err := fromInput("-")
	if err == nil && text == "" {
		err = usageError{fmt.Errorf("there is no password on standard input")}
	}
	return text, err
}

// shown prints a password that was made.
func shown(w io.Writer, password string) {
	if password != "" {
		line(w, "password", password+"  (shown this once)")
	}
}

type accountChangeCmd struct {
	officeFlags
	accountFlags
	accountName
	why
}

// Help gives the example.
func (accountChangeCmd) Help() string {
	return "Example:\n  scrip account change till7 --requests-per-second 50 --family '' --reason 'may do everything now'"
}

// Run changes what was given and leaves the rest.
func (c *accountChangeCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	before, err := o.account(ctx, c.Name)
	if err != nil {
		return err
	}
	body := adminapi.AccountChange{Settings: before.Settings, Reason: adminapi.Reason(c.Reason)}
	if err := c.onto(&body.Settings); err != nil {
		return err
	}
	a, err := o.ChangeAccountWithResponse(ctx, adminapi.AccountName(c.Name), body)
	if err != nil {
		return err
	}
	return o.changedAccount(got(a.JSON200, a.JSONDefault, a.Status()))
}

func (o *office) changedAccount(a adminapi.Account, err error) error {
	if err != nil {
		return err
	}
	return o.showAccount(a)
}

type accountSuspendCmd struct {
	officeFlags
	accountName
	why
}

// Help gives the example.
func (accountSuspendCmd) Help() string {
	return "Requests are answered 403. Confirmations and reversals of what was approved before are still taken, so that both\n" +
		"sides agree on it; to lock out a password altogether, revoke it.\n\n" +
		"Example:\n  scrip account suspend till7 --reason 'terminal stolen'"
}

// Run suspends an account.
func (c *accountSuspendCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.SuspendAccountWithResponse(ctx, adminapi.AccountName(c.Name), adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.changedAccount(got(a.JSON200, a.JSONDefault, a.Status()))
}

type accountResumeCmd struct {
	officeFlags
	accountName
	why
}

// Help gives the example.
func (accountResumeCmd) Help() string {
	return "Example:\n  scrip account resume till7 --reason 'terminal found'"
}

// Run resumes an account.
func (c *accountResumeCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.ResumeAccountWithResponse(ctx, adminapi.AccountName(c.Name), adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.changedAccount(got(a.JSON200, a.JSONDefault, a.Status()))
}

type accountRotateCmd struct {
	officeFlags
	accountName
	why
	PasswordStdin bool      `help:"Take the password from standard input; otherwise one is made and printed once."`
	NotBefore     time.Time `help:"Valid from here on (RFC 3339)."`
	NotAfter      time.Time `help:"Valid until here (RFC 3339)."`
}

// Help gives the example.
func (accountRotateCmd) Help() string {
	return "Example: a new password now, and the old one gone once the till has taken it\n" +
		"  scrip account rotate till7 --reason 'yearly rotation'\n" +
		"  scrip account revoke till7 1 --reason 'yearly rotation'"
}

// Run adds a password.
func (c *accountRotateCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	body := adminapi.NewCredential{NotBefore: c.NotBefore, NotAfter: c.NotAfter, Reason: adminapi.Reason(c.Reason)}
	if body.Password, err = password(c.PasswordStdin); err != nil {
		return err
	}
	a, err := o.AddCredentialWithResponse(ctx, adminapi.AccountName(c.Name), body)
	if err != nil {
		return err
	}
	made, err := got(a.JSON201, a.JSONDefault, a.Status())
	if err != nil {
		return err
	}
	return o.show(made, func(w io.Writer) {
		line(w, "number", made.Credential.Number)
		shown(w, made.Password)
	})
}

type accountRevokeCmd struct {
	officeFlags
	accountName
	why
	Number int32 `arg:"" help:"The password's number, as 'scrip account show' has it."`
}

// Help gives the example.
func (accountRevokeCmd) Help() string {
	return "Example:\n  scrip account revoke till7 1 --reason 'yearly rotation'"
}

// Run takes a password away.
func (c *accountRevokeCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	a, err := o.RevokeCredentialWithResponse(ctx, adminapi.AccountName(c.Name), c.Number, adminapi.Why{Reason: adminapi.Reason(c.Reason)})
	if err != nil {
		return err
	}
	return o.changedAccount(got(a.JSON200, a.JSONDefault, a.Status()))
}
