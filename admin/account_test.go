package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

func TestAnAccountLivesThroughARestart(t *testing.T) {
	d := newDesk(t)
	d.product(giftcard.Product{ID: "gold", Currency: 710})
	certificate := admin.Certificate{Kind: admin.SAN, Value: "till.example"}
	d.account("till", admin.AccountSettings{
		Families: []txn.Family{txn.Load}, Products: []string{"gold"}, Ranges: []txn.Range{{First: "6001", Last: "6009"}},
		HolderLookUps: true, WrongPerMinute: 7, RequestsPerSecond: 50, Certificates: []admin.Certificate{certificate},
		Velocity: []txn.Velocity{{Family: txn.Load, Window: time.Hour, MaxCount: 3}},
	})
	d.open()
	a, found := d.office.Register().AccountByName(ident.Production, "till")
	if !found || a.Settings.WrongPerMinute != 7 || a.Settings.RequestsPerSecond != 50 {
		t.Fatalf("account after restart: %+v", a)
	}
	if b, found := d.office.Register().AccountByCertificate(ident.Production, certificate); !found || b.Number != a.Number {
		t.Errorf("the certificate leads to %+v", b)
	}
	s, _ := d.office.Register().Sender(ident.Production, a.Number)
	if len(s.Families) != 1 || s.Products[0] != "gold" || s.Ranges[0].Last != "6009" || !s.HolderLookUps || s.Velocity[0].MaxCount != 3 {
		t.Errorf("sender after restart: %+v", s)
	}
	if p := secret.NewPasswords(0, 0); !p.Verify(a.Hashes(d.now)[0], "correct horse", d.now) {
		t.Error("the password is no longer right")
	}
}

func TestCredentialsOverlapForRotation(t *testing.T) {
	d := newDesk(t)
	d.account("till", admin.AccountSettings{})
	added, password, err := d.office.AddCredential(bg, d.by(admin.Admin), "till", admin.NewCredential{NotBefore: d.now.Add(time.Hour), NotAfter: d.now.Add(3 * time.Hour)})
	must(t, err)
	if added.Number != 2 || password == "" {
		t.Fatalf("added %d with password %q", added.Number, password)
	}
	hashes := func(after time.Duration) int {
		a, _ := d.office.Register().AccountByName(ident.Production, "till")
		return len(a.Hashes(d.now.Add(after)))
	}
	if hashes(0) != 1 || hashes(2*time.Hour) != 2 || hashes(4*time.Hour) != 1 {
		t.Errorf("credentials in force: %d now, %d in 2 h, %d in 4 h", hashes(0), hashes(2*time.Hour), hashes(4*time.Hour))
	}
	_, err = d.office.RevokeCredential(bg, d.by(admin.Admin), "till", 1)
	must(t, err)
	if hashes(0) != 0 || hashes(2*time.Hour) != 1 {
		t.Error("the revoked credential still counts")
	}
	_, err = d.office.RevokeCredential(bg, d.by(admin.Admin), "till", 1)
	refused(t, err, admin.NotFound, "")
}

func TestAGeneratedPasswordIsShownOnceAndNeverRecorded(t *testing.T) {
	d := newDesk(t)
	_, password, err := d.office.CreateAccount(bg, d.by(admin.Admin), "till", "", admin.AccountSettings{})
	must(t, err)
	a, _ := d.office.Register().AccountByName(ident.Production, "till")
	if password == "" || !secret.NewPasswords(0, 0).Verify(a.Hashes(d.now)[0], password, d.now) {
		t.Fatalf("the password %q is not right", password)
	}
	for _, kind := range []admin.Kind{admin.AccountRow, admin.AuditRow} {
		rows, err := d.driver.Rows(bg, kind, 0, 10)
		must(t, err)
		for _, r := range rows {
			if strings.Contains(string(r.Content), password) {
				t.Errorf("a %s row holds the password", kind)
			}
			if kind == admin.AuditRow && strings.Contains(string(r.Content), "argon2") {
				t.Error("the audit trail holds a hash")
			}
		}
	}
}

func TestAccountsThatCannotBe(t *testing.T) {
	d := newDesk(t)
	certificate := admin.Certificate{Kind: admin.SPKI, Value: strings.Repeat("ab", 32)}
	d.account("taken", admin.AccountSettings{Certificates: []admin.Certificate{certificate}})
	for _, c := range []struct {
		name, password string
		settings       admin.AccountSettings
		code           admin.Code
		field          string
	}{
		{"", "", admin.AccountSettings{}, admin.Invalid, "name"},
		{"till:1", "", admin.AccountSettings{}, admin.Invalid, "name"},
		{".hidden", "", admin.AccountSettings{}, admin.Invalid, "name"},
		{strings.Repeat("x", 65), "", admin.AccountSettings{}, admin.Invalid, "name"},
		{"taken", "", admin.AccountSettings{}, admin.Exists, ""},
		{"till", "short", admin.AccountSettings{}, admin.Invalid, "password"},
		{"till", "", admin.AccountSettings{Families: []txn.Family{txn.Adjustment}}, admin.Invalid, "settings.families"},
		{"till", "", admin.AccountSettings{Products: []string{"none"}}, admin.Invalid, "settings.products"},
		{"till", "", admin.AccountSettings{Ranges: []txn.Range{{First: "1", Last: "22"}}}, admin.Invalid, "settings.ranges.0"},
		{"till", "", admin.AccountSettings{Ranges: []txn.Range{{First: "2", Last: "1"}}}, admin.Invalid, "settings.ranges.0"},
		{"till", "", admin.AccountSettings{WrongPerMinute: -1}, admin.Invalid, "settings.wrongPerMinute"},
		{"till", "", admin.AccountSettings{Velocity: []txn.Velocity{{}}}, admin.Invalid, "settings.velocity.0"},
		{"till", "", admin.AccountSettings{Certificates: []admin.Certificate{{Kind: admin.SPKI, Value: "ab"}}}, admin.Invalid, "settings.certificates.0"},
		{"till", "", admin.AccountSettings{Certificates: []admin.Certificate{certificate}}, admin.Exists, "settings.certificates"},
	} {
		_, _, err := d.office.CreateAccount(bg, d.by(admin.Admin), c.name, c.password, c.settings)
		refused(t, err, c.code, c.field)
	}
	if accounts, _, _ := d.office.Accounts(bg, d.by(admin.Viewer), 0, 0); len(accounts) != 1 {
		t.Errorf("%d accounts, want the first alone", len(accounts))
	}
}

func TestACertificateThatWasTakenOffLeadsNowhere(t *testing.T) {
	d := newDesk(t)
	certificate := admin.Certificate{Kind: admin.Subject, Value: "CN=till"}
	d.account("till", admin.AccountSettings{Certificates: []admin.Certificate{certificate}})
	_, err := d.office.ChangeAccount(bg, d.by(admin.Admin), "till", admin.AccountSettings{})
	must(t, err)
	if _, found := d.office.Register().AccountByCertificate(ident.Production, certificate); found {
		t.Error("the certificate still leads to the account")
	}
}

func TestSuspendAndResume(t *testing.T) {
	d := newDesk(t)
	d.account("till", admin.AccountSettings{})
	a, err := d.office.SuspendAccount(bg, d.by(admin.Attendant), "till")
	must(t, err)
	if !a.Suspended {
		t.Error("not suspended")
	}
	_, err = d.office.SuspendAccount(bg, d.by(admin.Attendant), "till")
	refused(t, err, admin.Conflict, "")
	d.open()
	if a, _ := d.office.Register().AccountByName(ident.Production, "till"); !a.Suspended {
		t.Error("a restart resumed the account")
	}
	a, err = d.office.ResumeAccount(bg, d.by(admin.Attendant), "till")
	must(t, err)
	if a.Suspended {
		t.Error("still suspended")
	}
}

func TestWhoeverRunsTheProgramIntroducesAccounts(t *testing.T) {
	d := newDesk(t)
	by := d.by(admin.Admin)
	made, err := d.office.Introduce(bg, by, "till")
	must(t, err)
	again, err := d.office.Introduce(bg, by, "till")
	must(t, err)
	other, err := d.office.Introduce(bg, by, "other")
	must(t, err)
	if again.Number != made.Number || other.Number == made.Number || len(made.Credentials) != 0 {
		t.Errorf("made %+v, again %+v, other %+v", made, again, other)
	}
	d.open()
	if kept, err := d.office.Introduce(bg, d.by(admin.Viewer), "till"); err != nil || kept.Number != made.Number {
		t.Errorf("after a restart: %+v, %v", kept, err)
	}
	if _, err := d.office.Introduce(bg, d.by(admin.Viewer), "new"); err == nil {
		t.Error("a viewer made an account")
	}
	if _, err := d.office.Introduce(bg, by, "a:b"); err == nil {
		t.Error("a name with a colon was taken")
	}
}

func TestNobodyComesInUnderAnAccountOfTheProgram(t *testing.T) {
	d := newDesk(t)
	by := d.by(admin.Admin)
	own, err := d.office.Introduce(bg, by, admin.VendorAccount)
	must(t, err)
	_, _, err = d.office.AddCredential(bg, by, own.Name, admin.NewCredential{})
	refused(t, err, admin.Conflict, "")
	certificates := []admin.Certificate{{Kind: admin.SAN, Value: "till.example"}}
	_, err = d.office.ChangeAccount(bg, by, own.Name, admin.AccountSettings{Certificates: certificates})
	refused(t, err, admin.Conflict, "")
	changed, err := d.office.ChangeAccount(bg, by, own.Name, admin.AccountSettings{RequestsPerSecond: 1})
	must(t, err)
	if changed.HasWayIn() {
		t.Error("there is a way in")
	}
	d.account("till", admin.AccountSettings{Certificates: certificates})
}
