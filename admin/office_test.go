package admin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

// doubtful is a store that says what it likes about a commit.
type doubtful struct {
	admin.Store
	commits bool
	says    error
}

func (s doubtful) Update(ctx context.Context, keys giftcard.Keys, decide func(admin.Tx) error) error {
	if s.commits {
		if err := s.Store.Update(ctx, keys, decide); err != nil {
			return err
		}
	}
	return s.says
}

// What operators see set is what the disk holds, also when nobody could say whether a commit took place.
func TestTheRegisterFollowsTheDisk(t *testing.T) {
	unknown := errors.New("the disk did not answer")
	for name, c := range map[string]struct {
		commits bool
		says    error
		there   bool
	}{
		"unknown, but committed": {true, unknown, true},
		"unknown, and lost":      {false, unknown, false},
		"surely not taken":       {false, &decline.NotTaken{Cause: decline.StoreDown}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			office := admin.NewOffice(admin.Settings{
				Store: doubtful{store.Admin(d.store), c.commits, c.says}, Reports: d.driver, Register: d.office.Register(), Codec: codec{},
			})
			_, err := office.CreateProduct(bg, d.by(admin.Admin), giftcard.Product{ID: "gold", Currency: 710})
			if !errors.Is(err, c.says) {
				t.Errorf("the error is %v, want %v", err, c.says)
			}
			if _, there := d.office.Register().ProductByID(ident.Production, "gold"); there != c.there {
				t.Errorf("the product is in the register: %v, want %v", there, c.there)
			}
			if rows, _ := d.driver.Rows(bg, admin.ProductRow, 0, 9); (len(rows) == 1) != c.there {
				t.Errorf("%d rows on the disk", len(rows))
			}
		})
	}
}

func ExampleNewOffice() {
	ctx, now := context.Background(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	keys, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	driver := memstore.New()
	register, err := admin.LoadRegister(ctx, driver, codec{})
	if err != nil {
		panic(err)
	}
	kept := store.New(driver, store.Settings{Keys: keys, Now: func() time.Time { return now }, Unfinished: register.Unfinished})
	defer kept.Close()
	office := admin.NewOffice(admin.Settings{
		Store: store.Admin(kept), Reports: driver, Register: register, Keys: keys, Codec: codec{}, Currency: 710,
	})

	pan, err := ident.ParsePAN("6001000000000001")
	if err != nil {
		panic(err)
	}
	ann := admin.By{Operator: "ann", Role: admin.Attendant, World: ident.Production, At: now}
	card, err := office.AddCard(ctx, ann, admin.Seed{PAN: pan, Expiry: 4010})
	fmt.Println(card.Masked, card.Status, err)
	_, err = office.FreezeCard(ctx, ann, card.ID)
	fmt.Println(err)
	ann.Reason = "reported lost"
	card, err = office.FreezeCard(ctx, ann, card.ID)
	fmt.Println(card.Frozen, err)
	// Output:
	// 600100******0001 NEW <nil>
	// reason: must be given
	// true <nil>
}
