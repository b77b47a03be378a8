package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// standbyName is what a standby calls itself to its primary.
const standbyName = "standby"

// pollEvery is how often a server is asked whether it has got somewhere, when it has no way of saying so.
const pollEvery = 20 * time.Millisecond

// Pair is a primary and its synchronous standby: what the primary says is committed is on both.
type Pair struct {
	Primary *Server
	Standby *Server
}

// RunPair runs a primary and its synchronous standby, among the temporary files.
func RunPair(ctx context.Context, s Settings) (*Pair, error) {
	primary, err := Run(ctx, "", s)
	if err != nil {
		return nil, err
	}
	standby, err := primary.RunStandby(ctx, "")
	if err != nil {
		return nil, errors.Join(err, primary.Close())
	}
	p := &Pair{primary, standby}
	if err := p.synchronize(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// RunStandby copies a server and runs the copy as its standby, with the same settings. It is an asynchronous one as long
// as nobody says otherwise.
func (s *Server) RunStandby(ctx context.Context, dir string) (*Server, error) {
	standby, err := prepare(dir, s.settings)
	if err != nil {
		return nil, err
	}
	if err = standby.follow(ctx, s); err == nil {
		err = standby.settle(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, standby.Close())
	}
	return standby, nil
}

// follow makes a server's files a copy of another one's, which it is to follow from its next start.
func (s *Server) follow(ctx context.Context, primary *Server) error {
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	s.address.User = primary.address.User
	source := primary.address
	source.RawQuery = url.Values{"application_name": {standbyName}}.Encode()
	return s.Tool(ctx, "pg_basebackup", "--pgdata="+s.data(), "--dbname="+source.String(),
		"--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync")
}

// synchronize has the primary wait for the standby with every commit from now on.
func (p *Pair) synchronize(ctx context.Context) error {
	if err := p.Primary.waitFor(ctx, standbyName); err != nil {
		return err
	}
	return p.Primary.until(ctx, "select exists (select from pg_stat_replication where sync_state = 'sync')")
}

// waitFor names the standbys that the server waits for with every commit; "" is none.
func (s *Server) waitFor(ctx context.Context, standbys string) error {
	if err := s.Exec(ctx, "alter system set synchronous_standby_names = '"+standbys+"'"); err != nil {
		return err
	}
	return s.Exec(ctx, "select pg_reload_conf()")
}

// until asks again and again, within the time of a start, until the answer is yes.
func (s *Server) until(ctx context.Context, question string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return s.with(ctx, func(c *pgx.Conn) error {
		for tick := time.NewTicker(pollEvery); ; {
			var yes bool
			if err := c.QueryRow(ctx, question).Scan(&yes); err != nil || yes {
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("%s: not within %v", question, startTime)
			}
		}
	})
}

// Promote makes a standby a primary that waits for no other, and waits until it is one.
func (s *Server) Promote(ctx context.Context) error {
	if err := s.waitFor(ctx, ""); err != nil { // its files may be a copy of one that waited for a standby
		return err
	}
	return s.with(ctx, func(c *pgx.Conn) error {
		var done bool
		err := c.QueryRow(ctx, "select pg_promote(true, $1)", int(startTime.Seconds())).Scan(&done)
		if err == nil && !done {
			err = fmt.Errorf("the standby was not promoted within %v", startTime)
		}
		return err
	})
}

// FailOver promotes the standby and calls it the primary; what was the primary is the standby by name only, until Rejoin
// makes it one.
func (p *Pair) FailOver(ctx context.Context) error {
	if err := p.Standby.Promote(ctx); err != nil {
		return err
	}
	p.Primary, p.Standby = p.Standby, p.Primary
	return nil
}

// Rejoin makes what was the primary before a fail-over the synchronous standby of the one that is it now. All it had is
// replaced.
func (p *Pair) Rejoin(ctx context.Context) error {
	p.Standby.Kill() // should it be there still
	if err := p.Standby.follow(ctx, p.Primary); err != nil {
		return err
	}
	if err := p.Standby.Start(ctx); err != nil {
		return err
	}
	return p.synchronize(ctx)
}

// DSN gives the address of a database on whichever of the two can be written to.
func (p *Pair) DSN(database string) string {
	a, err := url.Parse(p.Primary.DSN(database))
	if err != nil {
		panic(err) // it was composed by ourselves
	}
	a.Host += "," + p.Standby.address.Host
	a.RawQuery = url.Values{"target_session_attrs": {"read-write"}}.Encode()
	return a.String()
}

// Close ends both servers and removes their files.
func (p *Pair) Close() error { return errors.Join(p.Standby.Close(), p.Primary.Close()) }
