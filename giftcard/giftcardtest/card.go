package giftcardtest

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// worlds are those that have cards.
func (i *Issuer) worlds() []ident.World {
	if i.settings.Compatible {
		return []ident.World{ident.Production, ident.Production + 1}
	}
	return []ident.World{ident.Production}
}

// Card implements conform.Setup: a fresh card, in every world.
func (i *Issuer) Card(ctx context.Context, s conform.CardSpec) (conform.Card, error) {
	i.mu.Lock()
	i.cards++
	number := fmt.Sprintf("600100%013d", i.cards)
	i.mu.Unlock()
	for _, w := range i.worlds() {
		if err := i.addCard(ctx, w, number, s); err != nil {
			return conform.Card{}, fmt.Errorf("add card: %w", err)
		}
	}
	return conform.Card{PAN: number, Expiry: s.Expiry, ClearPIN: s.ClearPIN, EncryptedPIN: s.EncryptedPIN}, nil
}

func (i *Issuer) addCard(ctx context.Context, w ident.World, number string, s conform.CardSpec) error {
	n, err := i.newCard(w, number, s)
	if err != nil {
		return err
	}
	return i.Store.Do(ctx, store.Keys{World: w, Cards: []giftcard.CardKey{{n.Number}}}, func(tx *store.Tx) error {
		made := n
		made.Card.ID = tx.NextSeq()
		made.Detail.Card = made.Card.ID
		tx.AddCard(made)
		return nil
	})
}

func (i *Issuer) newCard(w ident.World, number string, s conform.CardSpec) (n giftcard.NewCard, err error) {
	pan, err := ident.ParsePAN(number)
	if err != nil {
		return n, err
	}
	n.Number = i.Keys.PAN(w, pan)[0]
	n.Card = giftcard.Card{World: w, Status: giftcard.New, HasPIN: s.ClearPIN != "" || s.EncryptedPIN != ""}
	if n.Card.Currency, err = money.ParseCurrency(s.Currency); err != nil {
		return n, err
	}
	if n.Card.Expiry, err = giftcard.ParseExpiry(s.Expiry); err != nil {
		return n, err
	}
	n.Detail.Masked = pan.String()
	n.Detail.Seeded.Clear = first(i.Keys.PIN(w, pan, secret.ClearPIN, s.ClearPIN))
	n.Detail.Seeded.Encrypted = first(i.Keys.PIN(w, pan, secret.EncryptedPIN, s.EncryptedPIN))
	n.Detail.PINs = n.Detail.Seeded
	n.Detail.SeededHolder = i.holder(w, s.Holder)
	n.Detail.Holder = n.Detail.SeededHolder
	n.Detail.SealedPAN, err = giftcard.SealPAN(i.Keys, pan)
	return n, err
}

func first(digests []secret.Digest) (d secret.Digest) {
	if len(digests) > 0 {
		d = digests[0]
	}
	return d
}

func (i *Issuer) holder(w ident.World, h *conform.Holder) (digests giftcard.HolderDigests) {
	if h == nil {
		return digests
	}
	for _, known := range []struct {
		digest      *secret.Digest
		kind, value string
	}{
		{&digests.ProfileID, "profileId", h.ProfileID}, {&digests.MSISDN, "msisdn", h.MSISDN}, {&digests.EmailAddress, "emailAddress", h.Email},
	} {
		if known.value != "" {
			*known.digest = i.Keys.Holder(w, known.kind, known.value)[0]
		}
	}
	return digests
}

// Change puts a card as an operator would, in every world.
func (i *Issuer) Change(ctx context.Context, number string, change func(c *giftcard.Card)) error {
	pan, err := ident.ParsePAN(number)
	if err != nil {
		return err
	}
	for _, w := range i.worlds() {
		key := giftcard.CardKey(i.Keys.PAN(w, pan))
		err := i.Store.Do(ctx, store.Keys{World: w, Cards: []giftcard.CardKey{key}}, func(tx *store.Tx) error {
			c, found := tx.CardByNumber(key)
			if !found {
				return decline.New(decline.InvalidCardNumber, "there is no such card")
			}
			change(&c)
			tx.PutCard(c)
			return nil
		})
		if err != nil {
			return fmt.Errorf("change card: %w", err)
		}
	}
	return nil
}

// Freeze implements conform.Setup.
func (i *Issuer) Freeze(ctx context.Context, pan string) error {
	return i.Change(ctx, pan, func(c *giftcard.Card) { c.Frozen = true })
}

// Unfreeze implements conform.Setup.
func (i *Issuer) Unfreeze(ctx context.Context, pan string) error {
	return i.Change(ctx, pan, func(c *giftcard.Card) { c.Frozen = false })
}

// Unlock implements conform.Setup.
func (i *Issuer) Unlock(ctx context.Context, pan string) error {
	return i.Change(ctx, pan, func(c *giftcard.Card) { c.WrongPINs = 0 })
}

// Expire implements conform.Setup: the card's last month was the one before this.
func (i *Issuer) Expire(ctx context.Context, pan string) (string, error) {
	past := giftcard.ExpiryIn(i.Now(), -1)
	return past.String(), i.Change(ctx, pan, func(c *giftcard.Card) { c.Expiry = past })
}

// Settle implements conform.Setup.
func (i *Issuer) Settle(ctx context.Context, account, requestID string, confirm bool) error {
	s := giftcard.Settlement{
		World: i.Sender(account).World, RequestID: ident.ID(requestID), Role: txn.Reversal, ID: ident.ID("settle-" + requestID),
		At: i.Now(), Sender: i.Sender(account), Note: func(giftcard.Tx, int64) error { return nil },
	}
	if confirm {
		s.Role = txn.Confirmation
	}
	return i.Issuer.Settle(ctx, s)
}
