package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// testServerAdmin is where the public test server's own operations live (docs/rules.md 2.6).
const testServerAdmin = giftcardhttp.Base + "/testServerAdmin/"

// maxResetBody bounds the body of a reset, in bytes.
const maxResetBody = 4096

// serve answers the public test server's own operations; it says whether the path was one of theirs.
func (w *worlds) serve(rw http.ResponseWriter, r *http.Request) bool {
	path, below := strings.CutPrefix(strings.TrimSuffix(r.URL.EscapedPath(), "/"), testServerAdmin)
	if !below {
		return false
	}
	kind, key, _ := strings.Cut(strings.TrimPrefix(path, "data/"), "/")
	key, err := url.PathUnescape(key)
	switch {
	case err != nil:
		return false
	case path == "reset" && r.Method == http.MethodPost:
		w.serveReset(rw, r)
	case path == "data" && r.Method == http.MethodGet:
		w.serveData(rw, r, func(string) bool { return true }, func(string) bool { return true })
	case kind == "card" && key != "" && r.Method == http.MethodGet:
		w.serveData(rw, r, func(pan string) bool { return pan == key }, none)
	case kind == "product" && key != "" && r.Method == http.MethodGet:
		w.serveData(rw, r, none, func(id string) bool { return id == key })
	default:
		return false
	}
	return true
}

func none(string) bool { return false }

// serveReset puts the sender's world back to the seed, if both flags say TRUE.
func (w *worlds) serveReset(rw http.ResponseWriter, r *http.Request) {
	var flags struct {
		UserDataWillBeLost, ResetUserData string
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResetBody))
	if err == nil {
		err = json.Unmarshal(body, &flags)
	}
	if err != nil || flags.UserDataWillBeLost != "TRUE" || flags.ResetUserData != "TRUE" {
		answer(rw, http.StatusBadRequest, outcome{"nothing was reset: userDataWillBeLost and resetUserData must both be TRUE"})
		return
	}
	user, password, _ := r.BasicAuth()
	if err := w.reset(user, password); err != nil {
		w.fail(rw, err)
		return
	}
	answer(rw, http.StatusOK, outcome{"all cards and products are as seeded, all messages are forgotten"})
}

type outcome struct {
	Outcome string `json:"outcome"`
}

// What the test server shows of a world. It shows card numbers and PINs: there is nothing real in a sandbox.
type (
	worldView struct {
		Cards    []cardView    `json:"cards"`
		Products []productView `json:"products"`
	}
	cardView struct {
		Card    cardText     `json:"card"`
		Balance balanceText  `json:"balance"`
		Status  string       `json:"status"`
		Product *productText `json:"product,omitempty"`
	}
	cardText struct {
		PAN          string `json:"pan"`
		ExpiryDate   string `json:"expiryDate"`
		ClearPIN     string `json:"clearPin,omitempty"`
		EncryptedPIN string `json:"encryptedPin,omitempty"`
	}
	balanceText struct {
		BalanceAmount    amountText `json:"balanceAmount"`
		AvailableBalance amountText `json:"availableBalance"`
	}
	amountText struct {
		Amount   money.Minor `json:"amount"`
		Currency string      `json:"currency"`
	}
	productText struct {
		ID      string `json:"id"`
		Barcode string `json:"barcode"`
		Type    string `json:"type"`
	}
	productView struct {
		Product         productText `json:"product"`
		StartingBalance amountText  `json:"startingBalance"`
	}
)

// serveData shows the cards and products of the sender's world that are wanted.
func (w *worlds) serveData(rw http.ResponseWriter, r *http.Request, card, product func(string) bool) {
	user, password, _ := r.BasicAuth()
	sender, err := w.guest(user, password)
	if err != nil {
		w.fail(rw, err)
		return
	}
	view := worldView{Cards: []cardView{}, Products: []productView{}}
	for _, c := range w.seed.cards {
		if !card(c.PAN.Reveal()) {
			continue
		}
		shown, err := w.show(r, sender, c.PAN, c.PIN)
		if err != nil {
			w.fail(rw, err)
			return
		}
		view.Cards = append(view.Cards, shown)
	}
	for _, p := range w.seed.products {
		if product(p.ID) {
			view.Products = append(view.Products, productView{
				Product: textOf(p), StartingBalance: amountText{p.StartBalance, p.Currency.String()},
			})
		}
	}
	answer(rw, http.StatusOK, view)
}

// show gives a card as it stands. A PIN that an activation has set is kept only as a verifier and is not shown.
func (w *worlds) show(r *http.Request, sender *txn.Sender, pan ident.PAN, seeded giftcard.PIN) (view cardView, err error) {
	key := giftcard.CardKey(w.app.Keys.PAN(sender.World, pan))
	err = store.Giftcard(w.app.Store).View(r.Context(), giftcard.Keys{World: sender.World, Cards: []giftcard.CardKey{key}}, func(tx giftcard.Tx) error {
		c, _ := tx.CardByNumber(key)
		view = cardView{
			Card: cardText{PAN: pan.Reveal(), ExpiryDate: c.Expiry.String()}, Status: c.Status.String(),
			Balance: balanceText{amountText{c.Balance.Book, c.Currency.String()}, amountText{c.Balance.Available, c.Currency.String()}},
		}
		if d := tx.Detail(c.ID); d.PINs == d.Seeded {
			view.Card.ClearPIN, view.Card.EncryptedPIN = seeded.Clear, seeded.Encrypted
		}
		if c.Product != 0 {
			text := textOf(w.seed.products[c.Product-1])
			view.Product = &text
		}
		return nil
	})
	return view, err
}

// fail answers what could not be done: 403 when there are too many worlds, 503 when it may be tried again, else 500.
func (w *worlds) fail(rw http.ResponseWriter, err error) {
	var turned *decline.NotTaken
	switch {
	case !errors.As(err, &turned):
		w.log.Error("the test server's own operation failed", "error", err)
		answer(rw, http.StatusInternalServerError, outcome{"it failed"})
	case turned.Cause == decline.Forbidden:
		answer(rw, http.StatusForbidden, outcome{turned.Text})
	default:
		answer(rw, http.StatusServiceUnavailable, outcome{turned.Text})
	}
}

func textOf(p *giftcard.Product) productText { return productText{p.ID, p.Barcode, p.Type} }

func answer(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body) // whoever asked can ask again
}
