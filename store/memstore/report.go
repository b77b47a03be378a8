package memstore

import (
	"context"
	"slices"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/txn"
)

// Rows implements admin.Reports.
func (d *Driver) Rows(_ context.Context, kind admin.Kind, after int64, limit int) ([]admin.Row, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	if d.kept.rows[kind] == nil {
		return nil, nil
	}
	return d.kept.rows[kind].above(after, limit), nil
}

// RowByName implements admin.Reports.
func (d *Driver) RowByName(_ context.Context, kind admin.Kind, world ident.World, name string) (admin.Row, bool, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	number, found := d.kept.names[rowName{kind, world, name}]
	return d.kept.row(kind, number), found, nil
}

// Open implements admin.Reports.
func (d *Driver) Open(_ context.Context, after int64, limit int) ([]txn.Message, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.messagesAt(d.kept.open.keysAbove(after, limit)), nil
}

// OpenSums implements admin.Reports.
func (d *Driver) OpenSums(_ context.Context, world ident.World, account ident.Account, upto time.Time) ([]admin.OpenSum, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	var tally admin.OpenTally
	for _, seq := range d.kept.open.keys {
		m, _ := d.kept.messages.get(seq)
		if m.World == world && (account == 0 || m.Account == account) && !m.At.After(upto) {
			tally.Add(&m)
		}
	}
	return tally.Sums(), nil
}

// Working implements airtime.Unsettled.
func (d *Driver) Working(_ context.Context, after int64, limit int) ([]txn.Message, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.messagesAt(d.kept.working.keysAbove(after, limit)), nil
}

// Lost implements airtime.Unsettled.
func (d *Driver) Lost(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	working, err := d.Working(ctx, after, limit)
	return d.alone.Lost(working), err
}

func (r *records) messagesAt(seqs []int64) (found []txn.Message) {
	for _, seq := range seqs {
		m, _ := r.messages.get(seq)
		found = append(found, m)
	}
	return found
}

// Messages implements admin.Reports.
func (d *Driver) Messages(_ context.Context, after int64, limit int) ([]txn.Message, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.messages.above(after, limit), nil
}

// MessagesByReference implements admin.Reports.
func (d *Driver) MessagesByReference(_ context.Context, world ident.World, hash, after int64, limit int) ([]txn.Message, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	var messages []txn.Message
	with := d.kept.references[worldHash{world, hash}]
	first, found := slices.BinarySearch(with, after)
	if found {
		first++
	}
	for _, seq := range with[first:] {
		if len(messages) >= limit {
			break
		}
		if m, found := d.kept.messages.get(seq); found {
			messages = append(messages, m)
		}
	}
	return messages, nil
}

// Entries implements admin.Reports.
func (d *Driver) Entries(_ context.Context, after int64, limit int) ([]ledger.Entry, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	first := d.kept.firstEntryAbove(after)
	end := min(first+max(limit, 0), len(d.kept.entries))
	for end > first && end < len(d.kept.entries) && d.kept.entries[end].Message == d.kept.entries[end-1].Message {
		end++ // those of one message stay together
	}
	return slices.Clone(d.kept.entries[first:end]), nil
}

// EntriesOf implements admin.Reports.
func (d *Driver) EntriesOf(_ context.Context, messages []int64) (all []ledger.Entry, err error) {
	d.records.RLock()
	defer d.records.RUnlock()
	for _, message := range messages {
		first, end := d.kept.entriesOf(message)
		all = append(all, d.kept.entries[first:end]...)
	}
	return all, nil
}

// entriesOf gives the places of a message's entries: from first up to end.
func (r *records) entriesOf(message int64) (first, end int) {
	return r.firstEntryAbove(message - 1), r.firstEntryAbove(message)
}

// firstEntryAbove gives the place of the first entry whose message is above a seq.
func (r *records) firstEntryAbove(seq int64) int {
	at, _ := slices.BinarySearchFunc(r.entries, seq, func(e ledger.Entry, seq int64) int {
		if e.Message <= seq {
			return -1
		}
		return 1
	})
	return at
}

// Cards implements admin.Reports.
func (d *Driver) Cards(_ context.Context, after int64, limit int) ([]giftcard.Card, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.cards.above(after, limit), nil
}

// Details implements admin.Reports.
func (d *Driver) Details(_ context.Context, after int64, limit int) ([]giftcard.Detail, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	return d.kept.details.above(after, limit), nil
}

// HasNumbers implements admin.Reports.
func (d *Driver) HasNumbers(_ context.Context, key uint32) (bool, error) {
	d.records.RLock()
	defer d.records.RUnlock()
	for digest := range d.kept.numbers {
		if digest.Key == key {
			return true, nil
		}
	}
	return false, nil
}
