package admin_test

import (
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/secret"
)

func TestBootstrapMakesOneOperatorOnce(t *testing.T) {
	d := newDesk(t)
	token, err := d.office.Bootstrap(bg, d.now, "")
	must(t, err)
	o, found := d.office.Register().OperatorByToken(secret.TokenDigest(token))
	if !found || o.Name != admin.FirstOperator || o.Role != admin.Admin {
		t.Fatalf("the token leads to %+v", o)
	}
	again, err := d.office.Bootstrap(bg, d.now, "")
	must(t, err)
	if again != "" {
		t.Error("a second first operator was made")
	}
	d.open()
	if again, _ = d.office.Bootstrap(bg, d.now, ""); again != "" {
		t.Error("a restart made another first operator")
	}
	if _, found := d.office.Register().OperatorByToken(secret.TokenDigest(token)); !found {
		t.Error("the token is lost after a restart")
	}
}

func TestBootstrapTakesAToken(t *testing.T) {
	d := newDesk(t)
	_, err := d.office.Bootstrap(bg, d.now, "too short")
	refused(t, err, admin.Invalid, "token")
	const given = "a token from a file, of decent length"
	token, err := d.office.Bootstrap(bg, d.now, given)
	must(t, err)
	if _, found := d.office.Register().OperatorByToken(secret.TokenDigest(given)); !found || token != given {
		t.Error("the token that was given does not count")
	}
}

func TestRevokedOperatorsStayOut(t *testing.T) {
	d := newDesk(t)
	_, err := d.office.Bootstrap(bg, d.now, "")
	must(t, err)
	_, err = d.office.RevokeOperator(bg, d.by(admin.Admin), admin.FirstOperator)
	refused(t, err, admin.Conflict, "") // or nobody could make another

	made, token, err := d.office.CreateOperator(bg, d.by(admin.Admin), "bob", admin.Admin)
	must(t, err)
	_, err = d.office.RevokeOperator(bg, d.by(admin.Admin), admin.FirstOperator)
	must(t, err)
	_, err = d.office.RevokeOperator(bg, d.by(admin.Admin), admin.FirstOperator)
	refused(t, err, admin.Conflict, "")
	_, _, err = d.office.CreateOperator(bg, d.by(admin.Admin), admin.FirstOperator, admin.Viewer)
	refused(t, err, admin.Exists, "")

	d.open()
	operators, _, err := d.office.Operators(bg, d.by(admin.Admin), 0, 0)
	must(t, err)
	if len(operators) != 2 || operators[0].Revoked.IsZero() || operators[1].Number != made.Number {
		t.Errorf("operators after restart: %+v %+v", operators[0], operators[1])
	}
	if o, found := d.office.Register().OperatorByToken(secret.TokenDigest(token)); !found || o.Name != "bob" {
		t.Error("bob's token does not count")
	}
	if _, found := d.office.Register().OperatorByToken(operators[0].Token); found {
		t.Error("the revoked token still counts")
	}
}
