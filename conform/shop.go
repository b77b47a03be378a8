package conform

import (
	"context"
	"net/http"
	"reflect"
	"slices"
)

// SeedNetwork is a mobile network that the server knows already, and a number of it.
type SeedNetwork struct {
	ID, Number string
	// Promotes says that the network has an offer.
	Promotes bool
	// Brief says that providers are given up soon, so that top-ups which are answered late, if ever, can be waited for.
	Brief bool
}

// SandboxAirtime returns the products and networks of a fresh world of our sandbox, with which the suite can be played
// against one that is not administered. The first product is the one that the public test server sells, too.
func SandboxAirtime() ([]Offer, []SeedNetwork) {
	offers := []Offer{
		{ID: "productId123", Plenty: true},
		{ID: "greenVoucher", Plenty: true, Min: 500, Max: 50000},
		{ID: "greenAirtime10", TopUp: true, Values: []Amount{{1000, defaultCurrency}}},
		{ID: "greenAirtime", TopUp: true, Min: 500, Max: 100000},
	}
	return offers, []SeedNetwork{{ID: "green", Number: "27831234567"}, {ID: "blue", Number: "27749670999", Promotes: true}}
}

// shop is what a server that is not administered sells.
type shop struct {
	NoVendor
	offers   []Offer
	networks []SeedNetwork
}

// Offer finds a product of just that sort.
func (s shop) Offer(_ context.Context, want Offer) (string, error) {
	for _, has := range s.offers {
		id := has.ID
		has.ID, has.Currency = want.ID, or(has.Currency, defaultCurrency)
		if reflect.DeepEqual(has, want) {
			return id, nil
		}
	}
	return "", Lacks("it sells no airtime product of that sort")
}

// Network finds a network, with an offer if one is wanted.
func (s shop) Network(_ context.Context, want Network) (string, error) {
	for _, has := range s.networks {
		if has.Promotes == (want.Promotion != "") {
			return has.ID, nil
		}
	}
	return "", Lacks("it has no network of that sort")
}

// Number gives the number of a network, or one that surely no network has. Numbers of our own sandbox that end in
// certain digits have top-ups that go otherwise.
func (s shop) Number(_ context.Context, network string, topUps Behaviour) (string, error) {
	for _, has := range s.networks {
		if has.ID != network {
			continue
		}
		if slices.Contains([]Behaviour{Late, Silent, Loses}, topUps) && !has.Brief {
			return "", Lacks("top-ups that are %s would have to be waited for too long", topUps)
		}
		ending := sandboxEndings[topUps]
		return has.Number[:len(has.Number)-len(ending)] + ending, nil
	}
	return unknownNumber(), nil
}

// sandboxEndings are the last digits of numbers in our sandbox.
var sandboxEndings = map[Behaviour]string{
	Credits: "", Refuses: "0001", Late: "0002", Silent: "0003", Loses: "0004", Limits: "0005", Spends: "0006",
}

// unknownNumber begins with a code that no country has.
func unknownNumber() string {
	const nowhere, digits = "999", 9
	return nowhere + randomDigits(digits)
}

// learnAirtime takes those products of our sandbox that the server lists for those it sells, and with one of them the
// networks. A server that lists none may sell airtime all the same, but nobody can tell which.
func (s *seeded) learnAirtime(ctx context.Context) {
	answer, err := s.Do(ctx, Message{Kind: ListProducts, Act: Request, Account: "a"})
	if err != nil || answer.Status != http.StatusOK {
		return
	}
	offers, networks := SandboxAirtime()
	for _, offer := range offers {
		if slices.Contains(answer.Sale.Products, offer.ID) {
			s.offers, s.networks = append(s.offers, offer), networks
		}
	}
}
