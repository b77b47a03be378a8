package plain

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// isURL says whether a name leads to PostgreSQL.
func isURL(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// uniqueViolation is PostgreSQL's code for a key that was there before.
const uniqueViolation = "23505"

// postgres is a store in PostgreSQL. pgx prepares each statement once on each connection.
type postgres struct{ pool *pgxpool.Pool }

var _ Store = (*postgres)(nil)

func openPostgres(ctx context.Context, url string, connections int) (*postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(min(max(connections, 1), maxConnections))
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &postgres{pool}, nil
}

// maxConnections bounds the connections of one server.
const maxConnections = 1000

func (p *postgres) Seed(ctx context.Context, pans []string, balanceMinor int64) error {
	const tables = `
		CREATE TABLE IF NOT EXISTS card (pan text COLLATE "C" PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));
		CREATE TABLE IF NOT EXISTS journal (id text COLLATE "C" PRIMARY KEY, pan text NOT NULL, merchant text NOT NULL,
			amount bigint NOT NULL, balance bigint NOT NULL, received timestamptz NOT NULL)`
	if _, err := p.pool.Exec(ctx, tables); err != nil {
		return err
	}
	_, err := p.pool.Exec(ctx, `INSERT INTO card SELECT pan, $2 FROM unnest($1::text[]) AS pan
		ON CONFLICT (pan) DO UPDATE SET balance = excluded.balance`, pans, balanceMinor)
	if err != nil {
		return err
	}
	_, err = p.pool.Exec(ctx, `VACUUM ANALYZE card`)
	return err
}

// Redeem takes four round trips: begin, balance, journal, commit.
func (p *postgres) Redeem(ctx context.Context, r Redemption) (leftMinor int64, err error) {
	err = pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `UPDATE card SET balance = balance - $2 WHERE pan = $1 AND balance >= $2 RETURNING balance`,
			r.PAN, r.AmountMinor).Scan(&leftMinor)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO journal (id, pan, merchant, amount, balance, received) VALUES ($1, $2, $3, $4, $5, $6)`,
			r.ID, r.PAN, r.Merchant, r.AmountMinor, leftMinor, r.Received)
		return err
	})
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, ErrRefused
	case errors.As(err, &refused) && refused.Code == uniqueViolation:
		return 0, ErrDuplicate
	}
	return leftMinor, err
}

func (p *postgres) Close() error {
	p.pool.Close()
	return nil
}
