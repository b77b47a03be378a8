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

// forgetAtOnce is how many records are deleted in one commit, so that messages of other worlds need not wait long.
const forgetAtOnce = 256

// Forget deletes everything of a world, of which nothing may lie at or below a place in the order. It is for a
// sandbox's worlds. What still comes for the world meanwhile may stay, but finds no card. Keyed gives the hash by which the store finds an id in
// that world. It goes in several commits, and may be begun again when it broke off. The few bytes by which
// third-party identifiers were found stay in their runs, and lead nowhere.
func (d *Driver) Forget(ctx context.Context, world ident.World, above int64, keyed func(ident.ID) int64) error {
	if err := d.mergeAll(ctx); err != nil {
		return err
	}
	f := forgetting{world: int64(world), keyed: keyed}
	for _, some := range []func(*conn, int64) (int64, error){f.cards, f.messages, f.rows} {
		for at := above; at >= 0; {
			err := d.inCommit(ctx, func(c *conn) (err error) {
				at, err = some(c, at)
				return err
			})
			if err != nil {
				return fmt.Errorf("sqlite: forget world %d: %w", world, err)
			}
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
	return nil
}

// forgetting is one run of Forget. Its methods delete some records above a place, and give the place after which
// there may be more, or -1.
type forgetting struct {
	world int64
	keyed func(ident.ID) int64
}

func (f forgetting) messages(c *conn, after int64) (next int64, err error) {
	return f.each(c, `SELECT seq FROM message WHERE seq > ? AND world = ? ORDER BY seq LIMIT ?`, after, func(seq int64) error {
		if err := f.indexed(c, `SELECT id FROM message WHERE seq = ?`, seq, seq); err != nil {
			return err
		}
		if err := f.indexed(c, `SELECT id FROM tombstone WHERE reversal = ?`, seq, -seq); err != nil {
			return err
		}
		return c.run(seq, `DELETE FROM tombstone WHERE reversal = ?`, `DELETE FROM entry WHERE message = ?`, `DELETE FROM message WHERE seq = ?`)
	})
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

func (f forgetting) cards(c *conn, after int64) (next int64, err error) {
	return f.each(c, `SELECT id FROM card WHERE id > ? AND world = ? ORDER BY id LIMIT ?`, after, func(card int64) error {
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
	})
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

// rows deletes what operators' acts have left behind.
func (f forgetting) rows(c *conn, after int64) (next int64, err error) {
	s, err := c.Prepare(`DELETE FROM admin_row WHERE world = ? AND number > ?`)
	if err != nil {
		return 0, err
	}
	s.BindInt64(1, f.world)
	s.BindInt64(2, after)
	return -1, step(s)
}

// each asks for keys above a place and does something with each of them.
func (f forgetting) each(c *conn, ask string, after int64, do func(key int64) error) (next int64, err error) {
	s, err := c.Prepare(ask)
	if err != nil {
		return 0, err
	}
	s.BindInt64(1, after)
	s.BindInt64(2, f.world)
	s.BindInt64(3, forgetAtOnce)
	var keys []int64
	row, err := s.Step()
	for ; row && err == nil; row, err = s.Step() {
		keys = append(keys, s.ColumnInt64(0))
	}
	if err := errors.Join(err, s.Reset()); err != nil {
		return 0, err
	}
	for _, key := range keys {
		if err := do(key); err != nil {
			return 0, err
		}
	}
	if len(keys) < forgetAtOnce {
		return -1, nil
	}
	return keys[len(keys)-1], nil
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
