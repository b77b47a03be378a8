package sqlstore

import (
	"fmt"
	"slices"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

// room is how much a card's row grows by when it is activated and used: a few numbers that were 0.
var room [16]byte

// bindCard binds a whole card in the order of CardColumns.
func bindCard(s Statement, c *giftcard.Card) {
	s.BindInt64(1, c.ID)
	s.BindInt64(2, int64(c.World))
	s.BindInt64(3, int64(c.Status))
	bindBool(s, 4, c.Frozen)
	bindBool(s, 5, c.HasPIN)
	s.BindInt64(6, int64(c.Expiry))
	s.BindInt64(7, int64(c.ValidThrough))
	s.BindInt64(8, int64(c.Currency))
	s.BindInt64(9, int64(c.Product))
	s.BindInt64(10, int64(c.Balance.Book))
	s.BindInt64(11, int64(c.Balance.Available))
	s.BindInt64(12, c.LastMessage)
	s.BindInt64(13, c.Activation)
	s.BindInt64(14, c.Void)
	s.BindInt64(15, c.Successor)
	s.BindInt64(16, int64(c.Loads))
	s.BindInt64(17, int64(c.WrongPINs))
	s.BindInt64(18, int64(c.Import))
}

// ScanCard reads CardColumns.
func ScanCard(s Row) (c giftcard.Card) {
	c.ID = s.ColumnInt64(0)
	c.World = ident.World(s.ColumnInt64(1))
	c.Status = giftcard.Status(s.ColumnInt64(2))
	c.Frozen, c.HasPIN = s.ColumnInt64(3) != 0, s.ColumnInt64(4) != 0
	c.Expiry, c.ValidThrough = giftcard.Expiry(s.ColumnInt64(5)), giftcard.Expiry(s.ColumnInt64(6))
	c.Currency = money.Currency(s.ColumnInt64(7))
	c.Product = int32(s.ColumnInt64(8))
	c.Balance.Book, c.Balance.Available = money.Minor(s.ColumnInt64(9)), money.Minor(s.ColumnInt64(10))
	c.LastMessage, c.Activation = s.ColumnInt64(11), s.ColumnInt64(12)
	c.Void, c.Successor = s.ColumnInt64(13), s.ColumnInt64(14)
	c.Loads, c.WrongPINs, c.Import = int32(s.ColumnInt64(15)), int32(s.ColumnInt64(16)), int32(s.ColumnInt64(17))
	return c
}

func (o *Session) loadNumber(key giftcard.CardKey, set *store.Set) error {
	for _, d := range key {
		if set.HasNumber(d) {
			continue
		}
		s, err := o.conn.Statement(lookUpNumber)
		if err != nil {
			return err
		}
		o.bindDigest(s, 1, d)
		row, err := s.Step()
		if err != nil {
			return fmt.Errorf("look up a card by number: %w", err)
		}
		if !row {
			set.LoadedNumber(d, 0)
			continue
		}
		c := ScanCard(s)
		set.LoadedNumber(d, c.ID)
		set.LoadedCard(c)
	}
	return nil
}

func (o *Session) loadCard(id int64, set *store.Set) error {
	if set.HasCard(id) {
		return nil
	}
	s, err := o.conn.Statement(lookUpCard)
	if err != nil {
		return err
	}
	s.BindInt64(1, id)
	row, err := s.Step()
	if err != nil {
		return fmt.Errorf("look up card %d: %w", id, err)
	}
	if row {
		set.LoadedCard(ScanCard(s))
	}
	return nil
}

func (o *Session) updateCard(c *giftcard.Card) error {
	s, err := o.conn.Statement(updateCard)
	if err != nil {
		return err
	}
	bindCard(s, c)
	if err := run(s); err != nil {
		return fmt.Errorf("update card %d: %w", c.ID, err)
	}
	return nil
}

func (o *Session) insertCard(n *giftcard.NewCard) error {
	s, err := o.conn.Statement(insertCard)
	if err != nil {
		return err
	}
	bindCard(s, &n.Card)
	s.BindBytes(19, room[:])
	if err := run(s); err != nil {
		return fmt.Errorf("insert card %d: %w", n.Card.ID, err)
	}
	if err := o.writeNumber(insertNumber, n.Number, n.Card.ID); err != nil {
		return err
	}
	return o.writeDetail(insertDetail, &n.Detail)
}

// writeNumber adds a card's number to the index of numbers, or takes one out.
func (o *Session) writeNumber(q Query, number secret.Digest, card int64) error {
	s, err := o.conn.Statement(q)
	if err != nil {
		return err
	}
	o.bindDigest(s, 1, number)
	s.BindInt64(2, card)
	if err := run(s); err != nil {
		return fmt.Errorf("index the number of card %d: %w", card, err)
	}
	return nil
}

// renumber has cards found under other digests of their numbers.
func (o *Session) renumber(cards []store.Renumbered) error {
	for _, r := range cards {
		for _, old := range append(slices.Clone(r.Old), r.Number) {
			if err := o.writeNumber(deleteNumber, old, r.Card); err != nil {
				return err
			}
		}
	}
	for _, r := range cards {
		if err := o.writeNumber(insertNumber, r.Number, r.Card); err != nil {
			return err
		}
	}
	return nil
}

// bindDetail binds a whole detail in the order of DetailColumns.
func (o *Session) bindDetail(s Statement, d *giftcard.Detail) {
	s.BindInt64(1, d.Card)
	bindBlob(s, 2, d.SealedPAN)
	s.BindText(3, d.Masked)
	o.bindDigest(s, 4, d.Seeded.Clear)
	o.bindDigest(s, 5, d.Seeded.Encrypted)
	o.bindDigest(s, 6, d.PINs.Clear)
	o.bindDigest(s, 7, d.PINs.Encrypted)
	o.bindDigest(s, 8, d.Holder.ProfileID)
	o.bindDigest(s, 9, d.Holder.MSISDN)
	o.bindDigest(s, 10, d.Holder.EmailAddress)
	o.bindDigest(s, 11, d.SeededHolder.ProfileID)
	o.bindDigest(s, 12, d.SeededHolder.MSISDN)
	o.bindDigest(s, 13, d.SeededHolder.EmailAddress)
}

// ScanDetail reads DetailColumns.
func (o *Session) ScanDetail(s Row) (giftcard.Detail, error) {
	d := giftcard.Detail{Card: s.ColumnInt64(0), SealedPAN: blob(s, 1), Masked: s.ColumnText(2)}
	for i, digest := range []*secret.Digest{
		&d.Seeded.Clear, &d.Seeded.Encrypted, &d.PINs.Clear, &d.PINs.Encrypted,
		&d.Holder.ProfileID, &d.Holder.MSISDN, &d.Holder.EmailAddress,
		&d.SeededHolder.ProfileID, &d.SeededHolder.MSISDN, &d.SeededHolder.EmailAddress,
	} {
		var err error
		if *digest, err = o.ScanDigest(s, 3+i); err != nil {
			return d, fmt.Errorf("detail of card %d: %w", d.Card, err)
		}
	}
	return d, nil
}

// detail reads a card's detail.
func (o *Session) detail(card int64) (d giftcard.Detail, found bool, err error) {
	s, err := o.conn.Statement(lookUpDetail)
	if err != nil {
		return d, false, err
	}
	s.BindInt64(1, card)
	if found, err = s.Step(); err != nil || !found {
		return d, false, err
	}
	d, err = o.ScanDetail(s)
	return d, true, err
}

func (o *Session) loadDetail(card int64, set *store.Set) error {
	d, found, err := o.detail(card)
	if found && err == nil {
		set.LoadedDetail(d)
	}
	return err
}

// updateDetails changes details, and the holder index where a holder has changed.
func (o *Session) updateDetails(details []*giftcard.Detail) error {
	for _, d := range details {
		if err := o.forgetHolder(d); err != nil {
			return err
		}
	}
	for _, d := range details {
		if err := o.writeDetail(updateDetail, d); err != nil {
			return err
		}
	}
	return nil
}

// forgetHolder takes a card out of the holder index where its new detail names another holder than the one that is kept.
func (o *Session) forgetHolder(d *giftcard.Detail) error {
	s, err := o.conn.Statement(deleteHolders)
	if err != nil {
		return err
	}
	s.BindInt64(1, d.Card)
	o.bindDigest(s, 2, d.Holder.ProfileID)
	o.bindDigest(s, 3, d.Holder.MSISDN)
	o.bindDigest(s, 4, d.Holder.EmailAddress)
	if err := run(s); err != nil {
		return fmt.Errorf("take card %d from the index of holders: %w", d.Card, err)
	}
	return nil
}

func (o *Session) writeDetail(q Query, d *giftcard.Detail) error {
	s, err := o.conn.Statement(q)
	if err != nil {
		return err
	}
	o.bindDetail(s, d)
	if err := run(s); err != nil {
		return fmt.Errorf("write the detail of card %d: %w", d.Card, err)
	}
	return o.indexHolder(d.Holder, d.Card)
}

// indexHolder adds a card to the holder index. What is there already stays.
func (o *Session) indexHolder(h giftcard.HolderDigests, card int64) error {
	for _, d := range [...]secret.Digest{h.ProfileID, h.MSISDN, h.EmailAddress} {
		if d.IsZero() {
			continue
		}
		s, err := o.conn.Statement(insertHolder)
		if err != nil {
			return err
		}
		o.bindDigest(s, 1, d)
		s.BindInt64(2, card)
		if err := run(s); err != nil {
			return fmt.Errorf("index the holder of card %d: %w", card, err)
		}
	}
	return nil
}

func (o *Session) loadHolder(d secret.Digest, set *store.Set) error {
	s, err := o.conn.Statement(lookUpHolder)
	if err != nil {
		return err
	}
	o.bindDigest(s, 1, d)
	s.BindInt64(2, store.MaxCardsOfHolder)
	var cards []int64
	err = each(s, func() error {
		cards = append(cards, s.ColumnInt64(0))
		return nil
	})
	if err != nil {
		return fmt.Errorf("look up cards by holder: %w", err)
	}
	set.LoadedHolder(d, cards)
	return nil
}
