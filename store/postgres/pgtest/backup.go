package pgtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// archive is the directory, beside a server's data, that it archives its WAL in.
const archive = "archive"

// Archiving gives the settings of a server that archives its WAL, so that it can be restored to any instant.
func Archiving() Settings {
	to := "../" + archive + "/" // as seen from the data
	return Settings{
		"archive_mode":    "on",
		"archive_command": "test ! -e " + to + "%f && cp %p " + to + "%f.part && mv " + to + "%f.part " + to + "%f",
	}
}

// BaseBackup copies the server while it is at work, and gives the copy's directory, which is gone with the server.
func (s *Server) BaseBackup(ctx context.Context) (dir string, err error) {
	if dir, err = os.MkdirTemp(s.dir, "backup"); err != nil {
		return "", err
	}
	if err := s.own(dir); err != nil {
		return "", err
	}
	return dir, s.Tool(ctx, "pg_basebackup", "--pgdata="+dir, "--dbname="+s.address.String(), "--checkpoint=fast", "--no-sync")
}

// Instant gives the server's time, and sees to it that all that was committed before is in the archive, and that a commit
// stands behind it.
func (s *Server) Instant(ctx context.Context) (at time.Time, err error) {
	var last string // file that holds it all
	err = s.with(ctx, func(c *pgx.Conn) error {
		if err := c.QueryRow(ctx, "select clock_timestamp()").Scan(&at); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, "create table if not exists instant (at timestamptz); insert into instant values ('"+at.Format(time.RFC3339Nano)+"')"); err != nil {
			return err
		}
		return c.QueryRow(ctx, "select pg_walfile_name(pg_switch_wal())").Scan(&last)
	})
	if err != nil {
		return at, err
	}
	return at, s.until(ctx, "select not exists (select from pg_ls_archive_statusdir() where name like '%.ready' and left(name, 24) <= '"+last+"')")
}

// RunRestored makes a server of a base backup and the archive, as the server was at an instant, and runs it, among the
// temporary files. It goes its own way from then on.
func (s *Server) RunRestored(ctx context.Context, backup string, at time.Time) (*Server, error) {
	restored, err := prepare("", Settings{
		"restore_command":      "cp " + filepath.Join(s.dir, archive) + "/%f %p",
		"recovery_target_time": at.UTC().Format("2006-01-02 15:04:05.999999-07"), "recovery_target_action": "promote",
	})
	if err != nil {
		return nil, err
	}
	restored.address.User = s.address.User
	if err := restored.recover(ctx, backup); err != nil {
		return nil, errors.Join(err, restored.Close())
	}
	return restored, nil
}

// recover starts the server on a copy of a base backup, and waits until it can be written.
func (s *Server) recover(ctx context.Context, backup string) error {
	if err := os.CopyFS(s.data(), os.DirFS(backup)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.data(), "recovery.signal"), nil, 0o600); err != nil {
		return err
	}
	if err := filepath.WalkDir(s.data(), func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, s.own(path))
	}); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.until(ctx, "select not pg_is_in_recovery()")
}
