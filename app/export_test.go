package app

import (
	"net/http"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/store"
)

// Watch puts something around the store, and around each upstream.
func (s *Settings) Watch(
	driver func(store.Driver) store.Driver, services func(giftcard.Service, airtime.Service) (giftcard.Service, airtime.Service),
) {
	s.driver, s.services = driver, services
}

// Contract gives what serves the contracts' listener.
func (a *App) Contract() http.Handler { return a.contract }
