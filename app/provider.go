package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/store"
)

// SimulatedNetwork is the name by which products name the simulated mobile network as their provider.
const SimulatedNetwork = "simulated"

// toppingUp gives the upstreams that are providers.
func (a *App) toppingUp() []Upstream {
	return slices.DeleteFunc(slices.Clone(a.settings.Upstreams), func(u Upstream) bool { return u.Provider == "" })
}

// providers gives the names by which products may name who tops up.
func (a *App) providers() (names []string) {
	if a.settings.Network != nil {
		names = append(names, SimulatedNetwork)
	}
	for _, u := range a.toppingUp() {
		names = append(names, u.Provider)
	}
	return names
}

// own gives the names of the program's own accounts.
func (a *App) own() (names []string) {
	if len(a.toppingUp()) > 0 {
		names = append(names, admin.VendorAccount)
	}
	return names
}

// connectProviders gives who tops up, by name.
func (a *App) connectProviders(ctx context.Context) (map[string]airtime.Provider, error) {
	connected := map[string]airtime.Provider{}
	if s := a.settings; s.Network != nil {
		simulated := *s.Network
		simulated.Now, simulated.Shared = s.Now, a.Store.Driver().Shared()
		made, err := network.New(store.Admin(a.Store), a.Store.Driver(), a.Keys, a.catalogue(), simulated)
		if err != nil {
			return nil, fmt.Errorf("simulated network: %w", err)
		}
		connected[SimulatedNetwork] = made
	}
	return connected, a.connectUpstreams(ctx, connected)
}

// connectUpstreams adds the upstreams that top up.
func (a *App) connectUpstreams(ctx context.Context, connected map[string]airtime.Provider) error {
	upstreams := a.toppingUp()
	if len(upstreams) == 0 {
		return nil
	}
	account, err := a.vendorAccount(ctx)
	if err != nil {
		return fmt.Errorf("account %s, under which top-ups are bought upstream: %w", admin.VendorAccount, err)
	}
	a.topUps = a.passing.TopUps(relay.TopUpSettings{Account: account.Number, Opened: a.Store.Driver()})
	for _, u := range upstreams {
		if connected[u.Provider] != nil {
			return fmt.Errorf("upstream %s: there is another provider %s", u.Name, u.Provider)
		}
		if err := airtimehttp.CheckOrigin(u.Origin); err != nil {
			return fmt.Errorf("upstream %s: the origin of its top-ups: %w", u.Name, err)
		}
		if connected[u.Provider], err = a.topUps.Provider(u.Name, u.Origin); err != nil {
			return err
		}
	}
	return nil
}

// vendorAccount gives the account under which the vendor buys upstream. Whoever came in under it could end what others
// have bought, so nobody may.
func (a *App) vendorAccount(ctx context.Context) (*admin.Account, error) {
	account, err := a.Office.Introduce(ctx, atStart(a.Now()), admin.VendorAccount)
	switch {
	case err != nil:
		return nil, err
	case account.HasWayIn():
		return nil, errors.New("it has a password or a certificate, and nobody may come in under it: revoke them, " +
			"and give whoever uses them another account")
	case slices.ContainsFunc(a.settings.Pairs, func(p Pair) bool { return p.Name == account.Name }):
		return nil, errors.New("it is given with a password, and nobody may come in under it")
	}
	return account, nil
}

// atStart is the program itself as an operator, while it starts.
func atStart(now time.Time) admin.By {
	return admin.By{Operator: "start", Role: admin.Admin, World: ident.Production, At: now, Reason: "given at the start"}
}

// seller lets the office act on the vendor, which is made after the office: it buys upstream under an account, and that is
// the office's to make.
type seller struct{ *airtime.Vendor }

// ending names what endTopUps does, for whoever reads of its trouble.
const ending = "end top-ups upstream"

// endTopUps ends upstream what has ended here while nobody saw to it: everything once after the start, and then again and
// again a part. Of many nodes one does, and begins with everything when it has taken over from another.
func (a *App) endTopUps(ctx context.Context) {
	ends := a.hold(ctx, "topups/end")
	for been := false; ; {
		wait := attendEvery
		if ends.held() {
			round, err := a.topUps.Sweep(ctx)
			a.complain(ctx, ending, err)
			if been = been || round; !been && err == nil {
				continue
			}
			wait = sweepEvery
		} else {
			been = false
			a.handOn(ending)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}
