//go:build linux

package app_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scripworks/scrip/app"
)

// medium is a disk that can be made full.
type medium struct {
	name    string
	dir     string
	exhaust func(t *testing.T, p *process, room int64) // leaves so many bytes
	relieve func(t *testing.T, p *process)
}

// media are a small file system of its own, where we may mount one, and a bound on the size of files, which anybody may set.
func media(t *testing.T) []medium {
	t.Helper()
	all := []medium{limited(t)}
	if m, may := mounted(t); may {
		return append(all, m)
	}
	t.Log("no file system can be mounted here, so the disk is full only in so far as files cannot grow")
	return all
}

// mounted is a small file system, filled by another file.
func mounted(t *testing.T) (medium, bool) {
	t.Helper()
	at := t.TempDir()
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, "size=2m"); err != nil {
		return medium{}, false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(at, "filler")
	return medium{
		name: "a full file system", dir: filepath.Join(at, "data"),
		exhaust: func(t *testing.T, _ *process, room int64) { fill(t, filler, room) },
		relieve: func(t *testing.T, _ *process) { must(t, os.Remove(filler)) },
	}, true
}

// fill makes a file as large as the file system allows, but for some room.
func fill(t *testing.T, path string, room int64) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	full, err := f.Seek(0, io.SeekCurrent)
	must(t, err)
	must(t, f.Truncate(max(0, full-room)))
}

// limited is any file system, on which the server's files may not grow any further.
func limited(t *testing.T) medium {
	t.Helper()
	data := t.TempDir()
	var before unix.Rlimit
	limit := func(t *testing.T, p *process, to unix.Rlimit) {
		must(t, unix.Prlimit(p.command.Process.Pid, unix.RLIMIT_FSIZE, &to, nil))
	}
	return medium{
		name: "a bound on the size of files", dir: data,
		exhaust: func(t *testing.T, p *process, room int64) {
			must(t, unix.Prlimit(p.command.Process.Pid, unix.RLIMIT_FSIZE, nil, &before))
			log, err := os.Stat(filepath.Join(data, "scrip.db-wal"))
			must(t, err)
			limit(t, p, unix.Rlimit{Cur: uint64(log.Size() + room), Max: before.Max})
		},
		relieve: func(t *testing.T, p *process) { limit(t, p, before) },
	}
}

// A full disk turns messages away and loses none. With room again the server goes on, without a restart.
func TestFullDisk(t *testing.T) {
	for _, m := range media(t) {
		t.Run(m.name, func(t *testing.T) {
			p := serve(t, m.dir)
			l := p.account(t, "till", members{})
			p.product(t, "gold")
			c := p.card(t, "6001000000000001")
			l.activate(t, c, 1_000_000)
			open := newID()
			l.ask("redemptions", open, c, 1).must(t, http.StatusCreated, "")

			m.exhaust(t, p, 20_000)
			before, refused := redeemUntilRefused(t, l, c)
			confirmUntilRefused(t, l, open)
			if p.look(t, "/healthz").status != http.StatusServiceUnavailable {
				t.Error("the server calls itself healthy on a full disk")
			}

			m.relieve(t, p)
			l.confirm("redemptions", open, newID()).must(t, http.StatusAccepted, "")
			p.look(t, "/healthz").must(t, http.StatusOK, "")
			notApplied(t, l, c, refused)
			after := []string{newID()}
			l.ask("redemptions", after[0], c, 1).must(t, http.StatusCreated, "")
			allThere(t, l, c, append(before, after...), 1_000_000-1)

			if code := p.stop(t); code != 0 {
				t.Errorf("stopped with exit code %d\n%s", code, p.log)
			}
			p = serve(t, m.dir)
			allThere(t, p.at(l), c, append(before, after...), 1_000_000-1)
			p.kill()
			verify(t, m.dir)
		})
	}
}

// A disk that gets full in the middle of an import leaves no part of it on sale, and top-ups that it stops halfway have an
// end. With room again the server goes on, without a restart.
func TestFullDiskOfAVendor(t *testing.T) {
	for _, m := range media(t) {
		t.Run(m.name, func(t *testing.T) {
			s := openStand(t, place{Data: m.dir}, 1)
			us := complete(app.Settings{}).Institution
			p := serve(t, m.dir, "--institution-id", us.Institution, "--institution-name", us.Identifier,
				"--request-timeout", "2s", "--hold", "1s") // what a network has said is put to the store for longer
			s.refill(t, p.house, seen)
			c := s.clerks[0]
			l := p.at(s.tills[c.account])
			voucher, credit := sale{product: seen, amount: faceValue}, sale{product: topUp, number: crashNumbers[0], amount: 200}
			c.sells(t, l, voucher)
			c.sells(t, l, credit)

			m.exhaust(t, p, 400_000)
			if number, err := p.deliver(seen, 20_000); err == nil {
				t.Errorf("delivery %d has found room", number)
			}
			c.sellUntilRefused(t, l, credit)
			if p.look(t, "/healthz").status != http.StatusServiceUnavailable {
				t.Error("the server calls itself healthy on a full disk")
			}

			m.relieve(t, p)
			c.sells(t, l, voucher)
			p.look(t, "/healthz").must(t, http.StatusOK, "")
			s.refill(t, p.house, unseen)
			if code := p.stop(t); code != 0 {
				t.Errorf("stopped with exit code %d\n%s", code, p.log)
			}
			verify(t, m.dir)
			v := s.judge(t, place{Data: m.dir})
			t.Log(v)
			if v.broken == 0 || v.unknown == 0 {
				t.Error("the disk was not full in the middle of anything")
			}
		})
	}
}

// sells makes a purchase that must be approved.
func (c *clerk) sells(t *testing.T, l *till, wish sale) {
	t.Helper()
	b := c.take(wish)
	if !b.buy(t, l, func() {}) || !b.approved() {
		t.Fatalf("%+v was not approved", b)
	}
}

// sellUntilRefused sells the same again and again until the disk is full, and then some more.
func (c *clerk) sellUntilRefused(t *testing.T, l *till, wish sale) {
	t.Helper()
	for until, refused := time.Now().Add(patience), 0; refused < 5; {
		b := c.take(wish)
		if !b.buy(t, l, func() {}) {
			t.Fatal("the server has gone")
		}
		if !b.approved() {
			refused++
		}
		if time.Now().After(until) {
			t.Fatal("the disk never gets full")
		}
	}
}

// redeemUntilRefused redeems 1 again and again until the disk is full, and then some more. It gives the ids of what
// was approved and of what was refused.
func redeemUntilRefused(t *testing.T, l *till, c card) (approved, refused []string) {
	t.Helper()
	for until := time.Now().Add(patience); len(refused) < 5; {
		id := newID()
		switch a := l.ask("redemptions", id, c, 1); {
		case a.status == http.StatusCreated:
			approved = append(approved, id)
		case a.status == http.StatusServiceUnavailable && a.refusal() == "TEMPORARY_FAILURE",
			a.status == http.StatusInternalServerError && a.refusal() == "GENERAL_ERROR":
			refused = append(refused, id)
		default:
			t.Fatalf("answered %v", a)
		}
		if time.Now().After(until) {
			t.Fatal("the disk never gets full")
		}
	}
	return approved, refused
}

// confirmUntilRefused confirms a request again and again until the disk has no room for an advice either.
func confirmUntilRefused(t *testing.T, l *till, request string) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); {
		a := l.confirm("redemptions", request, newID())
		if a.status == http.StatusAccepted {
			continue
		}
		a.must(t, http.StatusInternalServerError, "GENERAL_ERROR")
		return
	}
	t.Fatal("the disk never gets full")
}

// notApplied asks that requests which were refused have left nothing behind: their reversal finds none.
func notApplied(t *testing.T, l *till, c card, refused []string) {
	t.Helper()
	for _, id := range refused {
		l.reverse("redemptions", id, newID()).must(t, http.StatusNotFound, "UNABLE_TO_LOCATE_RECORD")
		l.ask("redemptions", id, c, 1).must(t, http.StatusBadRequest, "GENERAL_ERROR")
	}
}

// allThere asks that each redemption of 1 is known and was taken off the card once.
func allThere(t *testing.T, l *till, c card, ids []string, opening int64) {
	t.Helper()
	for _, id := range ids {
		l.ask("redemptions", id, c, 1).must(t, http.StatusBadRequest, "DUPLICATE_RECORD")
	}
	book, available := l.balance(t, c)
	if want := opening - int64(len(ids)); book != want || available != want {
		t.Errorf("the card has book %d available %d, want %d of both", book, available, want)
	}
}

// nobody is who a server runs as whom no permission is given; root may write anywhere.
const nobody = 65534

// A directory that cannot be written to is said at once, whether there is a store in it or not.
func TestReadOnlyDirectory(t *testing.T) {
	empty, kept := t.TempDir(), t.TempDir()
	p := serve(t, kept)
	if code := p.stop(t); code != 0 {
		t.Fatalf("stopped with exit code %d", code)
	}
	for name, dir := range map[string]string{"empty": empty, "with a store": kept} {
		t.Run(name, func(t *testing.T) {
			seal(t, dir)
			p := unprivileged(t, dir)
			if code := p.exitCode(t); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			said := p.log.String()
			if !strings.Contains(said, dir) || !strings.Contains(said, "read-only") && !strings.Contains(said, "permission denied") {
				t.Errorf("it does not say clearly what is wrong: %s", said)
			}
			if strings.Count(strings.TrimSpace(said), "\n") > 1 {
				t.Errorf("it says more than is clear: %s", said)
			}
		})
	}
}

// seal takes from everybody the right to write in a directory, and gives it to an owner without privileges.
func seal(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, name := range append(files, dir) {
		if os.Getuid() == 0 {
			must(t, os.Chown(name, nobody, nobody))
		}
		must(t, os.Chmod(name, 0o400))
	}
	must(t, os.Chmod(dir, 0o500))
	t.Cleanup(func() { must(t, os.Chmod(dir, 0o700)) })
}

// unprivileged starts a server as somebody who is not root.
func unprivileged(t *testing.T, data string) *process {
	t.Helper()
	p := prepare(t, data)
	if os.Getuid() == 0 {
		p.command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	p.spawn(t)
	return p
}
