package app_test

import (
	"net/http"
	"testing"

	"github.com/scripworks/scrip/app"
)

// A suspended account gets nothing more, and what it had got before still ends as it says (rule A5).
func TestASuspendedAccountEndsWhatItBegan(t *testing.T) {
	h := open(t, app.Settings{})
	l := h.account(t, "till", members{})
	h.product(t, "gold")
	c := h.card(t, "6001000000000001")
	l.activate(t, c, 1000)
	confirmed, reversed := newID(), newID()
	l.ask("redemptions", confirmed, c, 100).must(t, http.StatusCreated, "")
	l.ask("redemptions", reversed, c, 50).must(t, http.StatusCreated, "")

	h.operate(t, http.MethodPost, "/accounts/till/suspend", members{"reason": "stolen"})
	l.ask("redemptions", newID(), c, 10).must(t, http.StatusForbidden, "GENERAL_ERROR")
	l.confirm("redemptions", confirmed, newID()).must(t, http.StatusAccepted, "")
	l.reverse("redemptions", reversed, newID()).must(t, http.StatusAccepted, "")
	stranger := *l
	stranger.password = "another password"
	stranger.confirm("redemptions", confirmed, newID()).must(t, http.StatusUnauthorized, "GENERAL_ERROR")

	h.operate(t, http.MethodPost, "/accounts/till/resume", members{"reason": "found"})
	if book, available := l.balance(t, c); book != 900 || available != 900 {
		t.Errorf("the card has book=%d available=%d, want 900 of both", book, available)
	}
	h.booksAreRight(t)
}
