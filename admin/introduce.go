package admin

import (
	"context"
	"errors"
)

// VendorAccount is the name of the account under which the vendor of this process buys upstream, where upstreams top up.
const VendorAccount = "vendor"

// Introduce gives the account with a name, and makes it if there is none, without a password: whoever runs the program
// knows who may come in, and keeps nothing of it (`scrip relay`), or sends under it himself.
func (o *Office) Introduce(ctx context.Context, by By, name string) (*Account, error) {
	if a, found := o.register.AccountByName(by.World, name); found {
		return a, nil // accounts are never deleted
	}
	if err := by.may(CreateAccount); err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	var known *Account
	made := &Account{World: by.World, Name: name, Settings: AccountSettings{HolderLookUps: true}}
	err := o.saveAccount(ctx, by, CreateAccount, func(s *snapshot) (before, after *Account, err error) {
		if known = s.world(by.World).accounts[name]; known != nil {
			return nil, nil, errKnown
		}
		made.Number = following(s.accounts)
		return nil, made, nil
	})
	switch {
	case errors.Is(err, errKnown):
		return known, nil
	case err != nil:
		return nil, err
	}
	return made, nil
}

// errKnown says that another process has introduced the account.
var errKnown = errors.New("the account is known")
