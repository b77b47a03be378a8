package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

// ErrOtherKeys says that the keyset is not the one that the store was written with, or an older copy of it. With it
// cards and used ids would not be found, and money could be spent again.
var ErrOtherKeys = errors.New("the keyset does not belong to this store")

// The row that remembers the keyset a store was last opened with.
const (
	keysetRow  = 2
	keysetName = "keyset"
	keysetID   = ident.ID("keyset") // a constant whose keyed hash tells keysets apart
)

// keysetText is that row's content. It tells nothing about the keys.
type keysetText struct {
	Mark    int64  // hash of keysetID, under the key that never rotates
	Primary uint32 // number of the newest key of card numbers
}

// checkKeys refuses a keyset with which the store cannot have been written, and remembers one that it can.
func (a *App) checkKeys(ctx context.Context) error {
	now := keysetText{Mark: a.Keys.ID(ident.Production, keysetID), Primary: a.Keys.Primary()}
	row, found, err := a.Store.Driver().RowByName(ctx, admin.SettingRow, ident.Production, keysetName)
	if err != nil {
		return fmt.Errorf("read the mark of the keyset: %w", err)
	}
	if found {
		var last keysetText
		if err := json.Unmarshal(row.Content, &last); err != nil {
			return fmt.Errorf("read the mark of the keyset: %w", err)
		}
		switch {
		case last == now:
			return nil
		case last.Mark != now.Mark:
			return ErrOtherKeys
		case !a.hasNumberKey(last.Primary):
			return fmt.Errorf("%w: it is older than the last rotation", ErrOtherKeys)
		}
	}
	content, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return a.Store.Do(ctx, store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.PutRow(admin.Row{Kind: admin.SettingRow, Number: keysetRow, World: ident.Production, Name: keysetName, Content: content})
		return nil
	})
}

// hasNumberKey says whether a key of card numbers is in the keyset.
func (a *App) hasNumberKey(number uint32) bool {
	return slices.ContainsFunc(a.Keys.Holder(ident.Production, keysetName, keysetName), func(d secret.Digest) bool { return d.Key == number })
}
