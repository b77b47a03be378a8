package admin_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/store"
)

// copier hands out a text, and notes what the audit trail held when it was asked to.
type copier struct {
	desk  *desk
	trail []admin.Audit
}

func (c *copier) Backup(context.Context) (io.ReadCloser, int64, error) {
	c.trail = c.desk.trail()
	return io.NopCloser(strings.NewReader("everything")), 10, nil
}

// That a backup was asked for is in the backup.
func TestABackupIsRecordedBeforeItIsMade(t *testing.T) {
	d := newDesk(t)
	c := &copier{desk: d}
	office := admin.NewOffice(admin.Settings{Store: store.Admin(d.store), Reports: d.driver, Register: d.office.Register(), Codec: codec{}, Copier: c})
	by := d.by(admin.Attendant)
	copied, size, err := office.Backup(bg, by)
	must(t, err)
	if text, err := io.ReadAll(copied); err != nil || string(text) != "everything" || size != 10 {
		t.Errorf("%q of %d bytes, %v", text, size, err)
	}
	if len(c.trail) != 1 || c.trail[0].Act != admin.BackUp || c.trail[0].Operator != by.Operator || c.trail[0].Reason != by.Reason {
		t.Errorf("the trail was %+v", c.trail)
	}
	_, _, err = office.Backup(bg, d.by(admin.Auditor))
	refused(t, err, admin.Forbidden, "")
	_, _, err = d.office.Backup(bg, by)
	refused(t, err, admin.Conflict, "")
	if trail := d.trail(); len(trail) != 1 {
		t.Errorf("the trail is %+v", trail)
	}
}
