package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// forgetAtOnce is how many messages are deleted in one commit, so that those of other worlds need not wait long.
const forgetAtOnce = 256

// Forget deletes everything of a world, of which nothing may lie at or below a place in the order. It is for a
// sandbox's worlds, which have few cards. Keyed gives the hash by which the store finds an id in that world. Old
// messages go in commits of their own, the last ones together with the cards: what still comes for the world finds
// it whole or not at all, and may itself stay behind. What broke off may be begun again. The few bytes by which
// third-party identifiers were found stay in their runs, and lead nowhere.
func (d *Driver) Forget(ctx context.Context, world ident.World, above int64, keyed func(ident.ID) int64) error {
	if err := errors.Join(d.mergeAll(ctx, &d.recent), d.mergeAll(ctx, &d.hashes)); err != nil {
		return fmt.Errorf("sqlite: forget world %d: %w", world, err)
	}
	f := forgetting{world: int64(world), keyed: keyed}
	for at, more := above, true; more; {
		err := d.inCommit(ctx, func(c *conn) (err error) {
			if at, more, err = f.messages(c, at); err != nil || more {
				return err
			}
			return errors.Join(f.cards(c, above), f.vouchers(c, above), f.items(c, above), f.rows(c, above), f.past(c, above))
		})
		if err != nil {
			return fmt.Errorf("sqlite: forget world %d: %w", world, err)
		}
	}
	return nil
}

// inCommit does something on the writer's connection in a commit of its own, between the batches of messages.
func (d *Driver) inCommit(ctx context.Context, do func(*conn) error) error {
	b, err := d.Begin(ctx)
	if err != nil {
		return err
	}
	defer b.Rollback()
	if err := do(d.writer); err != nil {
		return explain(err)
	}
	d.writer.settle()
	if err := step(d.writer.commit); err != nil {
		return explain(err)
	}
	d.recent.committed()
	d.hashes.committed()
	return nil
}

// forgetting is one run of Forget.
type forgetting struct {
	world int64
	keyed func(ident.ID) int64
}

// messages deletes the oldest messages after a place, and gives the last of them and whether there may be more.
func (f forgetting) messages(c *conn, after int64) (last int64, more bool, err error) {
	seqs, err := f.keys(c, `SELECT seq FROM message WHERE seq > ? AND world = ? ORDER BY seq LIMIT ?`, after, forgetAtOnce)
	for _, seq := range seqs {
		if err := f.message(c, seq); err != nil {
			return 0, false, err
		}
		after = seq
	}
	return after, len(seqs) == forgetAtOnce, err
}

func (f forgetting) message(c *conn, seq int64) error {
	if err := f.indexed(c, `SELECT id FROM message WHERE seq = ?`, seq, seq); err != nil {
		return err
	}
	if err := f.remembered(c, seq); err != nil {
		return err
	}
	return c.run(seq, `DELETE FROM entry WHERE message = ?`, `DELETE FROM message WHERE seq = ?`)
}

// remembered deletes what is remembered of a reversal, with the index entry of the id that it names.
func (f forgetting) remembered(c *conn, reversal int64) error {
	if err := f.indexed(c, `SELECT id FROM tombstone WHERE reversal = ?`, reversal, -reversal); err != nil {
		return err
	}
	return c.run(reversal, `DELETE FROM tombstone WHERE reversal = ?`)
}

// indexed deletes the index entry of a record's id.
func (f forgetting) indexed(c *conn, ask string, key, entry int64) error {
	s, err := c.Prepare(ask)
	if err != nil {
		return err
	}
	s.BindInt64(1, key)
	row, err := s.Step()
	if err != nil || !row {
		return errors.Join(err, s.Reset())
	}
	hash := f.keyed(columnID(s, 0))
	if err := s.Reset(); err != nil {
		return err
	}
	if s, err = c.Prepare(`DELETE FROM message_id WHERE hash = ? AND seq = ?`); err != nil {
		return err
	}
	s.BindInt64(1, hash)
	s.BindInt64(2, entry)
	return step(s)
}

// columnID reads an id: 16 bytes when it is a canonical UUID, else text.
func columnID(s *sqlite.Stmt, column int) ident.ID {
	var u [16]byte
	if s.ColumnType(column) == sqlite.TypeText || s.ColumnBytes(column, u[:]) != len(u) {
		return ident.ID(s.ColumnText(column))
	}
	return ident.FromUUID(u)
}

// all is the limit of a question about everything.
const all = -1

func (f forgetting) cards(c *conn, after int64) error {
	cards, err := f.keys(c, `SELECT id FROM card WHERE id > ? AND world = ? ORDER BY id LIMIT ?`, after, all)
	for _, card := range cards {
		if err := forgetCard(c, card); err != nil {
			return err
		}
	}
	return err
}

func forgetCard(c *conn, card int64) error {
	details, err := c.session.Details(card-1, 1)
	if err != nil {
		return err
	}
	for _, d := range details {
		if err := unhold(c, d); err != nil {
			return err
		}
	}
	return c.run(card, `DELETE FROM card_number WHERE card = ?`, `DELETE FROM counter WHERE per_account = 0 AND owner = ?`,
		`DELETE FROM card_detail WHERE card = ?`, `DELETE FROM card WHERE id = ?`)
}

// unhold deletes what leads from a card's holder to it.
func unhold(c *conn, d giftcard.Detail) error {
	for _, digest := range []secret.Digest{d.Holder.ProfileID, d.Holder.MSISDN, d.Holder.EmailAddress} {
		s, err := c.Prepare(`DELETE FROM card_holder WHERE digest = ? AND card = ?`)
		if err != nil {
			return err
		}
		s.BindBytes(1, append(binary.BigEndian.AppendUint32(nil, digest.Key), digest.Sum[:]...))
		s.BindInt64(2, d.Card)
		if err := step(s); err != nil {
			return err
		}
	}
	return nil
}

// vouchers deletes the vouchers with what leads to them, the batches and the floats.
func (f forgetting) vouchers(c *conn, after int64) error {
	return f.all(c, after,
		`DELETE FROM voucher_hash WHERE voucher IN (SELECT id FROM voucher WHERE id > ?1 AND world = ?2)`,
		`DELETE FROM voucher WHERE id > ?1 AND world = ?2`,
		`DELETE FROM voucher_batch WHERE ?1 IS NOT NULL AND world = ?2`,
		`DELETE FROM float WHERE ?1 IS NOT NULL AND world = ?2`)
}

// items deletes the queue.
func (f forgetting) items(c *conn, after int64) error {
	return f.all(c, after,
		`DELETE FROM item_trouble WHERE seq IN (SELECT seq FROM item WHERE seq > ?1 AND world = ?2)`,
		`DELETE FROM item WHERE seq > ?1 AND world = ?2`)
}

// past deletes what is left of messages that were pruned.
func (f forgetting) past(c *conn, after int64) error {
	reversals, err := f.keys(c, `SELECT reversal FROM tombstone WHERE reversal > ? AND world = ? ORDER BY reversal LIMIT ?`, after, all)
	if err != nil {
		return err
	}
	for _, reversal := range reversals {
		if err := f.remembered(c, reversal); err != nil {
			return err
		}
	}
	return f.all(c, after,
		`DELETE FROM message_id WHERE (hash, seq) IN (SELECT hash, seq FROM pruned WHERE seq > ?1 AND world = ?2)`,
		`DELETE FROM pruned WHERE seq > ?1 AND world = ?2`,
		`DELETE FROM brought WHERE ?1 IS NOT NULL AND world = ?2`)
}

// all runs statements whose parameters are the place and the world.
func (f forgetting) all(c *conn, after int64, texts ...string) error {
	for _, text := range texts {
		s, err := c.Prepare(text)
		if err != nil {
			return err
		}
		s.BindInt64(1, after)
		s.BindInt64(2, f.world)
		if err := step(s); err != nil {
			return err
		}
	}
	return nil
}

// rows deletes what operators' acts have left behind.
func (f forgetting) rows(c *conn, after int64) error {
	s, err := c.Prepare(`DELETE FROM admin_row WHERE world = ? AND number > ?`)
	if err != nil {
		return err
	}
	s.BindInt64(1, f.world)
	s.BindInt64(2, after)
	return step(s)
}

// keys gives the keys of the world's records after a place, so many at most.
func (f forgetting) keys(c *conn, ask string, after, limit int64) (keys []int64, err error) {
	s, err := c.Prepare(ask)
	if err != nil {
		return nil, err
	}
	s.BindInt64(1, after)
	s.BindInt64(2, f.world)
	s.BindInt64(3, limit)
	row, err := s.Step()
	for ; row && err == nil; row, err = s.Step() {
		keys = append(keys, s.ColumnInt64(0))
	}
	return keys, errors.Join(err, s.Reset())
}

// run runs statements with one parameter.
func (c *conn) run(parameter int64, texts ...string) error {
	for _, text := range texts {
		s, err := c.Prepare(text)
		if err != nil {
			return err
		}
		s.BindInt64(1, parameter)
		if err := step(s); err != nil {
			return err
		}
	}
	return nil
}
