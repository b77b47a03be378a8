package sandbox

import (
	"context"
	"math"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

// Each pair of user name and password has a world of its own, the anonymous one too.
func TestWorldsAreSeparate(t *testing.T) {
	a := open(t, "", MaxWorlds)
	one := newClient(t, a, "till", "one")
	others := []*client{newClient(t, a, "till", "another"), newClient(t, a, "another", "one"), newClient(t, a, "", ""), newClient(t, a, "till:o", "ne")}
	id := one.approved("activations", plain, 500, gold)
	for _, c := range others {
		c.look(plain, 0, 0, nil)
		c.reverse("activations", id).refused(404, "UNABLE_TO_LOCATE_RECORD")
		c.post("loads/"+id, message(id, plain).but(object{"amounts": asked(1)})).refused(400, "GENERAL_ERROR")
		c.reset()
		c.approved("activations", plain, 700, gold)
	}
	one.look(plain, 500, 500, "product001")
	for _, c := range others {
		c.look(plain, 700, 700, "product001")
	}
}

// With a data directory worlds outlive a restart, each as it was.
func TestWorldsAreKept(t *testing.T) {
	data := t.TempDir()
	a := start(t, data, MaxWorlds)
	c, other := newClient(t, a, "till", "one"), newClient(t, a, "till", "another")
	id := c.approved("activations", plain, 500, gold)
	other.reset()
	stop(t, a)

	a = open(t, data, MaxWorlds)
	c, other = newClient(t, a, "till", "one"), newClient(t, a, "till", "another")
	c.look(plain, 500, 500, "product001")
	c.state(plain, "ACTIVATED_CONFIRMED", 500, 500)
	c.post("loads/"+id, message(id, plain).but(object{"amounts": asked(1)})).refused(400, "DUPLICATE_RECORD")
	other.look(plain, 0, 0, nil)
	integrate(c)
	sound(t, a)
}

// There are so many worlds and no more; those that are there go on.
func TestWorldsAreBounded(t *testing.T) {
	a := open(t, "", 2)
	first, second, third := newClient(t, a, "1", ""), newClient(t, a, "2", ""), newClient(t, a, "3", "")
	first.look(plain, 0, 0, nil)
	second.reset()
	_, r := third.ask("lookupGiftcard", plain, nil)
	r.refused(403, "GENERAL_ERROR")
	third.get("testServerAdmin/data").is(403)
	third.post("testServerAdmin/reset", object{"userDataWillBeLost": "TRUE", "resetUserData": "TRUE"}).is(403)
	first.reset()
	first.look(plain, 0, 0, nil)
}

// records counts all that a store keeps.
func records(t *testing.T, a *app.App) (count int) {
	t.Helper()
	d, ctx := a.Store.Driver(), context.Background()
	add := func(n int, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		count += n
	}
	messages, err := d.Messages(ctx, 0, math.MaxInt32)
	add(len(messages), err)
	entries, err := d.Entries(ctx, 0, math.MaxInt32)
	add(len(entries), err)
	cards, err := d.Cards(ctx, 0, math.MaxInt32)
	add(len(cards), err)
	details, err := d.Details(ctx, 0, math.MaxInt32)
	add(len(details), err)
	vouchers, err := d.Vouchers(ctx, 0, math.MaxInt32)
	add(len(vouchers), err)
	for _, kind := range []admin.Kind{guestRow, admin.AuditRow, admin.SubscriberRow, admin.OrderRow} {
		rows, err := d.Rows(ctx, kind, 0, math.MaxInt32)
		add(len(rows), err)
	}
	return count
}

// A sandbox that is reset again and again keeps no more than one that was reset once.
func TestOldWorldsAreForgotten(t *testing.T) {
	for name, data := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			a := open(t, data, MaxWorlds)
			c, other := newClient(t, a, "till", "one"), newClient(t, a, "till", "another")
			other.approved("activations", plain, 500, gold)
			c.reset()
			once := records(t, a)
			for range 10 {
				c.approved("activations", plain, 500, gold)
				c.reverse("loads", newID()).refused(404, "UNABLE_TO_LOCATE_RECORD")
				buyer := newAirtimeClient(t, a, "till", "one")
				buyer.buy(nil)
				buyer.buy(object{"product": object{"productId": "greenAirtime10"}, "recipientMsisdn": object{"msisdn": "27831234567"}})
				c.reset()
			}
			if again := records(t, a); again != once {
				t.Errorf("after one reset the store holds %d records, after ten more %d", once, again)
			}
			other.look(plain, 500, 500, "product001")
			sound(t, a)
		})
	}
}

// While messages come for it a world can be reset: they see the old one or the new one.
func TestResetUnderLoad(t *testing.T) {
	a := open(t, t.TempDir(), MaxWorlds)
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			c := newClient(t, a, "till", "one")
			for range 20 {
				id, r := c.ask("activations", plain, 500, gold)
				if r.status != 201 {
					r.is(400)
					continue
				}
				if r = c.confirm("activations", id); r.status != 202 {
					r.refused(404, "UNABLE_TO_LOCATE_RECORD")
				}
			}
		})
	}
	together.Go(func() {
		for range 10 {
			newClient(t, a, "till", "one").reset()
		}
	})
	together.Wait()
	sound(t, a)
	integrate(newClient(t, a, "till", "one"))
}

// A stop in the middle of a first use leaves a world that nobody is in. The next start sweeps it away.
func TestUnfinishedWorldsAreSwept(t *testing.T) {
	data := t.TempDir()
	a := start(t, data, MaxWorlds)
	c := newClient(t, a, "till", "one")
	c.approved("activations", plain, 500, gold)
	before := records(t, a)
	beginWorld(t, a)
	if records(t, a) == before {
		t.Fatal("the unfinished world is not there")
	}
	stop(t, a)

	a = open(t, data, MaxWorlds)
	if after := records(t, a); after != before {
		t.Errorf("there are %d records, before the unfinished world %d", after, before)
	}
	newClient(t, a, "till", "one").look(plain, 500, 500, "product001")
}

// beginWorld does what comes first when a world is made: it adds a card to it.
func beginWorld(t *testing.T, a *app.App) {
	t.Helper()
	w := &worlds{app: a}
	_, world, err := w.numbers(&guest{})
	if err != nil {
		t.Fatal(err)
	}
	pan, err := ident.ParsePAN(plain["pan"].(string))
	if err != nil {
		t.Fatal(err)
	}
	by := admin.By{Operator: "sandbox", Role: admin.Attendant, World: world, At: a.Now(), Reason: "seed"}
	if _, err := a.Office.AddCard(context.Background(), by, admin.Seed{PAN: pan, Expiry: giftcard.Expiry(4010), Currency: 710}); err != nil {
		t.Fatal(err)
	}
}

// The lines that are printed at the start can be pasted, and do what is said of them, also a second time.
func TestWelcomeCanBePasted(t *testing.T) {
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the printed lines need %s", program)
		}
	}
	a := open(t, "", MaxWorlds)
	_, lines, found := strings.Cut(Welcome(a.Address().String(), a.AdminAddress().String()), "MERCHANT=")
	if !found {
		t.Fatal("there are no lines to paste")
	}
	for range 2 {
		out, err := exec.Command("bash", "-eu", "-c", "MERCHANT="+lines).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(string(out), "errorType") {
			t.Fatalf("something was refused:\n%s", out)
		}
		newClient(t, a, "demo", "demo").look(plain, 3750, 3750, "product001")
	}
}
