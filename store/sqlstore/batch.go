package sqlstore

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/scripworks/scrip/store"
)

// Load brings what is wanted into a set (store.Batch).
func (o *Session) Load(wanted *store.Wanted, set *store.Set) error {
	for _, k := range wanted.IDs {
		if set.HasID(k) {
			continue
		}
		if err := o.loadID(k, set); err != nil {
			return err
		}
	}
	for _, key := range wanted.Numbers {
		if err := o.loadNumber(key, set); err != nil {
			return err
		}
	}
	for _, id := range wanted.Cards {
		if err := o.loadCard(id, set); err != nil {
			return err
		}
	}
	for _, account := range wanted.Floats {
		if err := o.loadFloat(account, set); err != nil {
			return err
		}
	}
	if err := o.loadStock(wanted, set); err != nil {
		return err
	}
	return o.loadSeldom(wanted, set)
}

// loadSeldom brings what few messages want.
func (o *Session) loadSeldom(wanted *store.Wanted, set *store.Set) error {
	for _, seq := range wanted.Seqs {
		m, found, err := o.messageOrHusk(seq)
		if err != nil {
			return err
		}
		if found {
			set.LoadedMessage(m)
		}
	}
	for _, card := range wanted.Details {
		if err := o.loadDetail(card, set); err != nil {
			return err
		}
	}
	for _, seq := range wanted.Items {
		if err := o.loadItem(seq, set); err != nil {
			return err
		}
	}
	for _, d := range wanted.Holders {
		if err := o.loadHolder(d, set); err != nil {
			return err
		}
	}
	for _, k := range wanted.Counters {
		if err := o.loadCounter(k, set); err != nil {
			return err
		}
	}
	return nil
}

// Save writes changes (store.Batch). It does not commit.
func (o *Session) Save(c *store.Changes) error {
	for _, m := range c.Inserted {
		if err := o.insertMessage(m); err != nil {
			return err
		}
	}
	for _, m := range c.Amended {
		if err := o.amendMessage(m); err != nil {
			return err
		}
	}
	for i := range c.Entries {
		if err := o.insertEntry(&c.Entries[i]); err != nil {
			return err
		}
	}
	for i := range c.NewCards {
		if err := o.insertCard(&c.NewCards[i]); err != nil {
			return err
		}
	}
	for _, card := range c.Cards {
		if err := o.updateCard(card); err != nil {
			return err
		}
	}
	if err := o.saveStock(c); err != nil {
		return err
	}
	for _, f := range c.Floats {
		if err := o.putFloat(f); err != nil {
			return err
		}
	}
	if err := o.saveItems(c); err != nil {
		return err
	}
	if err := o.saveSeldom(c); err != nil {
		return err
	}
	return o.savePast(c)
}

// saveSeldom writes what few messages change.
func (o *Session) saveSeldom(c *store.Changes) error {
	if err := o.renumber(c.Renumbered); err != nil {
		return err
	}
	for _, t := range c.Tombstones {
		if err := o.insertTombstone(t); err != nil {
			return err
		}
	}
	if err := o.updateDetails(c.Details); err != nil {
		return err
	}
	for k, counter := range c.Counters {
		if err := o.putCounter(k, counter); err != nil {
			return err
		}
	}
	for i := range c.Rows {
		if err := o.putRow(&c.Rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// LastPlace gives the last place in the order of messages that was saved as given out.
func (o *Session) LastPlace() (int64, error) {
	s, err := o.conn.Statement(lastPlace)
	if err != nil {
		return 0, err
	}
	if row, err := s.Step(); err != nil || !row {
		return 0, fmt.Errorf("read the last place given out: %w", cmp.Or(err, errors.New("it is missing")))
	}
	return s.ColumnInt64(0), nil
}

// TakePlaces saves which place was the last to be given out.
func (o *Session) TakePlaces(last int64) error {
	s, err := o.conn.Statement(takePlaces)
	if err != nil {
		return err
	}
	s.BindInt64(1, last)
	return run(s)
}
