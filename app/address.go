package app

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/adminhttp"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// The row in which the addresses of upstreams rest: a map from their names. The rows of this kind before it are others'.
const (
	addressesRow  = 4
	addressesName = "upstream addresses"
)

// keepAddresses remembers where upstreams are whose name does not say which server they are. It refuses another address
// while something that was sent to the first is not at its end: another server would say that it knows nothing of it, which
// ends a reversal.
func (a *App) keepAddresses(ctx context.Context) error {
	known, err := a.addresses(ctx)
	if err != nil {
		return err
	}
	changed := false
	for _, u := range a.settings.Upstreams {
		before := known[u.Name]
		if !u.Bound || before == u.Client.URL {
			continue
		}
		if before != "" && !u.Moved {
			if err := a.unfinished(ctx, u.Name, before); err != nil {
				return err
			}
		}
		known[u.Name], changed = u.Client.URL, true
	}
	if !changed {
		return nil
	}
	content, err := adminhttp.Codec{}.Encode(known)
	if err != nil {
		return err
	}
	row := admin.Row{Kind: admin.SettingRow, Number: addressesRow, World: ident.Production, Name: addressesName, Content: content}
	return store.Admin(a.Store).Update(ctx, giftcard.Keys{World: ident.Production}, func(tx admin.Tx) error {
		tx.PutRow(row)
		return nil
	})
}

func (a *App) addresses(ctx context.Context) (map[string]string, error) {
	known := map[string]string{}
	row, found, err := a.Store.Driver().RowByName(ctx, admin.SettingRow, ident.Production, addressesName)
	if err == nil && found {
		err = adminhttp.Codec{}.Decode(row.Content, &known)
	}
	if err != nil {
		return nil, fmt.Errorf("addresses of upstreams: %w", err)
	}
	return known, nil
}

// unfinished says what of an upstream is not at its end, as the error.
func (a *App) unfinished(ctx context.Context, upstream, at string) error {
	driver := a.Store.Driver()
	levels, err := driver.Levels(ctx)
	if err != nil {
		return err
	}
	for _, l := range levels {
		if l.Upstream == upstream {
			return fmt.Errorf("upstream %s was at %s, and advices are queued for it: they are not for another server", upstream, at)
		}
	}
	for _, list := range []func(context.Context, int64, int) ([]txn.Message, error){driver.Working, driver.Open} {
		if err := sentTo(ctx, upstream, at, list); err != nil {
			return err
		}
	}
	return nil
}

func sentTo(ctx context.Context, upstream, at string, list func(context.Context, int64, int) ([]txn.Message, error)) error {
	const page = 500
	for after := int64(0); ; {
		found, err := list(ctx, after, page)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, m := range found {
			if after = m.Seq; m.Upstream == upstream {
				return fmt.Errorf("upstream %s was at %s, and request %s that was sent there is not ended: its advice is not for another server", upstream, at, m.ID)
			}
		}
	}
}
