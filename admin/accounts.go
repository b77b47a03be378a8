package admin

import (
	"context"
	"slices"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// minPassword is the least length of a password from outside, in bytes.
const minPassword = 8

// NewCredential is a further password of an account. An empty one is made here.
type NewCredential struct {
	Password            string
	NotBefore, NotAfter time.Time
}

// String hides the password.
func (NewCredential) String() string { return "****" }

// GoString hides the password.
func (NewCredential) GoString() string { return "admin.NewCredential(****)" }

// Accounts gives accounts by number.
func (o *Office) Accounts(_ context.Context, by By, after int64, limit int) ([]*Account, int64, error) {
	if err := by.may(SeeAccounts); err != nil {
		return nil, 0, err
	}
	found, next := above(o.register.Accounts(by.World), func(a *Account) int64 { return int64(a.Number) }, after, limit)
	return found, next, nil
}

// Account gives the account with a name.
func (o *Office) Account(_ context.Context, by By, name string) (*Account, error) {
	if err := by.may(SeeAccounts); err != nil {
		return nil, err
	}
	return o.findAccount(by.World, name)
}

func (o *Office) findAccount(w ident.World, name string) (*Account, error) {
	if a, found := o.register.AccountByName(w, name); found {
		return a, nil
	}
	return nil, noSuchAccount()
}

func noSuchAccount() *Refusal { return refuse(NotFound, "there is no such account") }

// CreateAccount makes an account. With neither a password nor a certificate it makes a password and gives it; it
// is kept nowhere.
func (o *Office) CreateAccount(ctx context.Context, by By, name, password string, settings AccountSettings) (*Account, string, error) {
	if err := by.may(CreateAccount); err != nil {
		return nil, "", err
	}
	if err := checkName(name); err != nil {
		return nil, "", err
	}
	made := &Account{World: by.World, Name: name, Settings: settings}
	shown := ""
	if password != "" || len(settings.Certificates) == 0 {
		c, fresh, err := o.credential(NewCredential{Password: password})
		if err != nil {
			return nil, "", err
		}
		c.Number, shown = 1, fresh
		made.Credentials = []Credential{c}
	}
	err := o.saveAccount(ctx, by, CreateAccount, func(s *snapshot) (before, after *Account, err error) {
		if s.world(by.World).accounts[name] != nil {
			return nil, nil, refuse(Exists, "an account with this name exists")
		}
		made.Number = following(s.accounts)
		return nil, made, nil
	})
	if err != nil {
		return nil, "", err
	}
	return made, shown, nil
}

// credential hashes a password, or one made here that is shown.
func (o *Office) credential(n NewCredential) (c Credential, shown string, err error) {
	if !n.NotAfter.IsZero() && n.NotAfter.Before(n.NotBefore) {
		return c, "", invalid("notAfter", "must not be before notBefore")
	}
	password := n.Password
	if password == "" {
		if password, err = o.newPassword(); err != nil {
			return c, "", err
		}
		shown = password
	}
	if len(password) < minPassword || len(password) > secret.MaxPassword {
		return c, "", invalid("password", "must have %d to %d bytes", minPassword, secret.MaxPassword)
	}
	hash, err := secret.HashPassword(password)
	return Credential{Hash: hash, NotBefore: n.NotBefore, NotAfter: n.NotAfter}, shown, err
}

// ChangeAccount replaces an account's settings.
func (o *Office) ChangeAccount(ctx context.Context, by By, name string, settings AccountSettings) (*Account, error) {
	return o.editAccount(ctx, by, ChangeAccount, name, func(a *Account) error {
		a.Settings = settings
		return nil
	})
}

// SuspendAccount has an account's requests refused until it is resumed. Its advices are still taken, so that both sides
// agree on what was approved before.
func (o *Office) SuspendAccount(ctx context.Context, by By, name string) (*Account, error) {
	return o.suspend(ctx, by, SuspendAccount, name, true)
}

// ResumeAccount has a suspended account's requests taken again.
func (o *Office) ResumeAccount(ctx context.Context, by By, name string) (*Account, error) {
	return o.suspend(ctx, by, ResumeAccount, name, false)
}

func (o *Office) suspend(ctx context.Context, by By, act Act, name string, suspended bool) (*Account, error) {
	return o.editAccount(ctx, by, act, name, func(a *Account) error {
		if a.Suspended == suspended {
			return refuse(Conflict, "the account is in that state already")
		}
		a.Suspended = suspended
		return nil
	})
}

// AddCredential gives an account a further password, and shows it when it was made here.
func (o *Office) AddCredential(ctx context.Context, by By, name string, n NewCredential) (Credential, string, error) {
	if err := by.mayWithReason(AddCredential); err != nil {
		return Credential{}, "", err
	}
	made, shown, err := o.credential(n)
	if err != nil {
		return Credential{}, "", err
	}
	_, err = o.editAccount(ctx, by, AddCredential, name, func(a *Account) error {
		if len(a.Credentials) == maxCredentials {
			return refuse(Conflict, "an account has at most %d credentials; revoke one first", maxCredentials)
		}
		made.Number = 1
		for _, c := range a.Credentials {
			made.Number = max(made.Number, c.Number+1)
		}
		a.Credentials = append(a.Credentials, made)
		return nil
	})
	if err != nil {
		return Credential{}, "", err
	}
	return made, shown, nil
}

// RevokeCredential takes a password away from an account.
func (o *Office) RevokeCredential(ctx context.Context, by By, name string, number int32) (*Account, error) {
	return o.editAccount(ctx, by, RevokeCredential, name, func(a *Account) error {
		for i, c := range a.Credentials {
			if c.Number == number {
				a.Credentials = append(a.Credentials[:i], a.Credentials[i+1:]...)
				return nil
			}
		}
		return refuse(NotFound, "the account has no such credential")
	})
}

// editAccount changes a copy of an account, saves it and publishes it.
func (o *Office) editAccount(ctx context.Context, by By, act Act, name string, edit func(*Account) error) (*Account, error) {
	if err := by.mayWithReason(act); err != nil {
		return nil, err
	}
	var edited *Account
	err := o.saveAccount(ctx, by, act, func(s *snapshot) (before, after *Account, err error) {
		if before = s.world(by.World).accounts[name]; before == nil {
			return nil, nil, noSuchAccount()
		}
		edited = before.clone()
		return before, edited, edit(edited)
	})
	if err != nil {
		return nil, err
	}
	return edited, nil
}

// saveAccount lets decide say what an account becomes, and saves that.
func (o *Office) saveAccount(ctx context.Context, by By, act Act, decide func(*snapshot) (before, after *Account, err error)) error {
	return o.act(ctx, func(now *snapshot) (change, error) {
		before, after, err := decide(now)
		if err != nil {
			return change{}, err
		}
		if after.HasWayIn() && slices.Contains(o.own, after.Name) {
			return change{}, refuse(Conflict, "%s is an account of the program itself: nobody comes in under it", after.Name)
		}
		if err := now.checkAccount(after); err != nil {
			return change{}, err
		}
		return change{
			row:   Row{Kind: AccountRow, Number: int64(after.Number), World: after.World, Name: after.Name},
			value: after, audit: by.entry(act, after.subject()).from(before.facts(), after.facts()),
			put: func(s *snapshot) { s.putAccount(after) },
		}, nil
	})
}

// checkAccount refuses settings that cannot be by themselves or beside other accounts.
func (s *snapshot) checkAccount(a *Account) error {
	if err := a.Settings.Check(); err != nil {
		return err
	}
	w := s.world(a.World)
	for _, id := range a.Settings.Products {
		if w.products[id] == nil && w.airtime[id] == nil {
			return invalid("settings.products", "there is no product %s", id)
		}
	}
	for _, c := range a.Settings.Certificates {
		if other := w.certificates[c]; other != nil && other.Number != a.Number {
			return &Refusal{Code: Exists, Field: "settings.certificates", Text: "another account has this certificate"}
		}
	}
	return nil
}
