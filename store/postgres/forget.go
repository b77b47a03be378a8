package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store/sqlstore"
)

// forgetAtOnce is how many messages are deleted in one commit, so that those of other worlds need not wait long.
const forgetAtOnce = 256

// Forget deletes everything of a world, of which nothing may lie at or below a place in the order. It is for a
// sandbox's worlds, which have few cards. Keyed gives the hash by which the store finds an id in that world. Old
// messages go in commits of their own, the last ones together with the cards: what still comes for the world finds
// it whole or not at all, and may itself stay behind. What broke off may be begun again.
func (d *Driver) Forget(ctx context.Context, world ident.World, above int64, keyed func(ident.ID) int64) error {
	f := forgetting{world: int32(world), above: above, keyed: keyed}
	for at, more := above, true; more; {
		err := d.inCommit(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
			if at, more, err = f.messages(ctx, tx, at); err != nil || more {
				return err
			}
			return f.rest(ctx, tx)
		})
		if err != nil {
			return fmt.Errorf("postgres: forget world %d: %w", world, err)
		}
	}
	return nil
}

// forgetting is one run of Forget.
type forgetting struct {
	world int32
	above int64
	keyed func(ident.ID) int64
}

// messages deletes the oldest messages after a place, and gives the last of them and whether there may be more.
func (f forgetting) messages(ctx context.Context, tx pgx.Tx, after int64) (last int64, more bool, err error) {
	seqs, err := column[int64](ctx, tx, `SELECT seq FROM message WHERE seq > $1 AND world = $2 ORDER BY seq LIMIT $3`, after, f.world, forgetAtOnce)
	if err != nil || len(seqs) == 0 {
		return after, false, err
	}
	if err := f.unindex(ctx, tx, `SELECT id, seq FROM message WHERE seq = ANY($1)`, seqs); err != nil {
		return after, false, err
	}
	for _, text := range []string{
		`DELETE FROM message_reference WHERE seq BETWEEN $1 AND $2 AND seq = ANY($3)`,
		`DELETE FROM entry WHERE message BETWEEN $1 AND $2 AND message = ANY($3)`,
		`DELETE FROM message WHERE seq BETWEEN $1 AND $2 AND seq = ANY($3)`,
	} {
		if _, err := tx.Exec(ctx, text, seqs[0], seqs[len(seqs)-1], seqs); err != nil {
			return after, false, err
		}
	}
	return seqs[len(seqs)-1], len(seqs) == forgetAtOnce, nil
}

// unindex deletes what leads from ids to places, both of which a question gives.
func (f forgetting) unindex(ctx context.Context, tx pgx.Tx, question string, values ...any) error {
	rows, err := tx.Query(ctx, question, values...)
	if err != nil {
		return err
	}
	var hashes, places []int64
	session := sqlstore.NewSession(nil, nil, nil)
	for rows.Next() {
		r := &row{fields: rows.FieldDescriptions(), values: rows.RawValues()}
		id, err := session.ScanID(r, 0)
		if err != nil {
			rows.Close()
			return err
		}
		hashes, places = append(hashes, f.keyed(id)), append(places, r.ColumnInt64(1))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM message_id USING unnest($1::bigint[], $2::bigint[]) u (h, s) WHERE hash = u.h AND seq = u.s`, hashes, places)
	return err
}

// rest deletes the reversals that are remembered, the cards, the vouchers, the queue, what operators' acts have left behind,
// and what is left of messages that were pruned.
func (f forgetting) rest(ctx context.Context, tx pgx.Tx) error {
	cards, err := column[int64](ctx, tx, `SELECT id FROM card WHERE id > $1 AND world = $2`, f.above, f.world)
	if err != nil {
		return err
	}
	for _, text := range []string{
		`DELETE FROM card_holder WHERE card = ANY($1)`, `DELETE FROM card_number WHERE card = ANY($1)`,
		`DELETE FROM counter WHERE per_account = 0 AND owner = ANY($1)`, `DELETE FROM card_detail WHERE card = ANY($1)`,
		`DELETE FROM card WHERE id = ANY($1)`,
	} {
		if _, err := tx.Exec(ctx, text, cards); err != nil {
			return err
		}
	}
	if err := f.unindex(ctx, tx, `SELECT id, -reversal FROM tombstone WHERE reversal > $1 AND world = $2`, f.above, f.world); err != nil {
		return err
	}
	for _, text := range []string{
		`DELETE FROM tombstone WHERE reversal > $1 AND world = $2`,
		`DELETE FROM voucher_hash WHERE voucher = ANY(ARRAY(SELECT id FROM voucher WHERE id > $1 AND world = $2))`,
		`DELETE FROM voucher WHERE id > $1 AND world = $2`,
		`DELETE FROM voucher_batch WHERE $1::bigint IS NOT NULL AND world = $2`,
		`DELETE FROM float WHERE $1::bigint IS NOT NULL AND world = $2`,
		`DELETE FROM item_trouble WHERE seq = ANY(ARRAY(SELECT seq FROM item WHERE seq > $1 AND world = $2))`,
		`DELETE FROM item WHERE seq > $1 AND world = $2`,
		`DELETE FROM admin_row WHERE number > $1 AND world = $2`,
		`DELETE FROM message_id i USING pruned p WHERE p.seq > $1 AND p.world = $2 AND i.hash = p.hash AND i.seq = p.seq`,
		`DELETE FROM pruned WHERE seq > $1 AND world = $2`,
		`DELETE FROM brought WHERE $1::bigint IS NOT NULL AND world = $2`,
	} {
		if _, err := tx.Exec(ctx, text, f.above, f.world); err != nil {
			return err
		}
	}
	return nil
}

// column gives a statement's only column.
func column[T any](ctx context.Context, tx pgx.Tx, text string, values ...any) ([]T, error) {
	rows, err := tx.Query(ctx, text, values...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}
