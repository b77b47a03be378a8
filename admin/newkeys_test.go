package admin_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scripworks/scrip/admin"
)

// While keys roll, one node has prepared what the other one uses already, and each keeps a card number under another digest: no
// index holds them apart. All the same a number is added once, by an operator and by an import.
func TestWhileKeysRollANumberIsAddedOnce(t *testing.T) {
	const rounds = 40
	prepared, err := newDesk(t).keys.Prepare()
	must(t, err)
	rotated, err := prepared.Rotate()
	must(t, err)
	n := onPostgres(t)
	n.a.keys, n.b.keys = prepared, rotated
	for _, d := range n.both() {
		d.open()
	}
	file, err := n.b.office.BeginImport(bg, n.b.by(admin.Attendant), admin.Skip, 0)
	must(t, err)
	for i := range rounds {
		n.race(func(d *desk, node int) { should(t, d.addOnce(fmt.Sprintf("6001%012d", i))) })
		n.race(func(d *desk, node int) {
			pan := fmt.Sprintf("6002%012d", i)
			if node == 0 {
				should(t, d.addOnce(pan))
				return
			}
			_, err := file.Add(bg, d.lines(i, 1))
			should(t, err)
		})
	}
	_, err = file.Finish(bg, n.b.now)
	must(t, err)
	cards, err := n.a.driver.Cards(bg, 0, 10*rounds)
	if err != nil || len(cards) != 2*rounds {
		t.Errorf("of %d numbers there are %d cards, %v", 2*rounds, len(cards), err)
	}
}

// addOnce adds a card, unless there is one.
func (d *desk) addOnce(pan string) error {
	_, err := d.office.AddCard(bg, d.by(admin.Admin), d.seed(pan))
	var r *admin.Refusal
	if errors.As(err, &r) && r.Code == admin.Exists {
		return nil
	}
	return err
}
