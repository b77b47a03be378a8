package conform

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SeedCard is a card that the server holds already, in status NEW.
type SeedCard struct {
	Card
	// Currency is the ISO 4217 number, 710 when empty.
	Currency string
}

// SeedProduct is a product that the server holds already.
type SeedProduct struct {
	ID string
	// Start is the start balance in minor units, Opening how it becomes the opening amount, sum when empty.
	Start   int64
	Opening string
	// Currency is the ISO 4217 number, 710 when empty.
	Currency string
}

// SandboxSeed returns the cards and products that a fresh world of the public test servers holds, with
// which the suite can be played against a sandbox that is not administered.
func SandboxSeed() ([]SeedCard, []SeedProduct) {
	cards := []SeedCard{
		{Card: Card{PAN: "8561725642498548895", Expiry: "4010"}},
		{Card: Card{PAN: "0597253373808397921", Expiry: "4001", EncryptedPIN: "30DED59C"}},
		{Card: Card{PAN: "1258554313683463442", Expiry: "4007", ClearPIN: "7052"}},
		{Card: Card{PAN: "3587368856326842130", Expiry: "1510", ClearPIN: "1043"}},
	}
	starts := []int64{0, 100, 1000, 5000, 10000}
	var products []SeedProduct
	for i := range 2 * len(starts) {
		products = append(products, SeedProduct{ID: fmt.Sprintf("product%03d", i+1), Start: starts[i%len(starts)]})
	}
	return cards, products
}

// seeded is a server that is not administered: the cards are those it has.
type seeded struct {
	NoSetup
	shop
	*wire
	pool *pool
}

var (
	_ Target = (*seeded)(nil)
	_ Setup  = (*seeded)(nil)
	_ Vendor = (*seeded)(nil)
)

// Begin resets the worlds of both accounts, where the server can do that, and learns at first what is in them.
func (s *seeded) Begin(ctx context.Context) error {
	s.pool.beginCase()
	if !s.Reset {
		return nil
	}
	for _, c := range s.Accounts {
		if err := s.reset(ctx, c); err != nil {
			return err
		}
	}
	if len(s.pool.cards) == 0 && len(s.pool.products) == 0 {
		if err := s.learn(ctx, s.Accounts[0]); err != nil {
			return err
		}
		if len(s.offers) == 0 && len(s.networks) == 0 {
			s.learnAirtime(ctx)
		}
	}
	s.pool.refill()
	return nil
}

// testServer asks the test server's administration, in the name of a sender.
func (s *seeded) testServer(ctx context.Context, c Credentials, method, path, body string) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, s.BaseURL+basePath+"/testServerAdmin/"+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(c.Name, c.Password)
	response, err := s.Client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or given up
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, answer, err
}

// reset puts one sender's world back. 400 is the answer for a sender never seen, whose world is fresh.
func (s *seeded) reset(ctx context.Context, c Credentials) error {
	const flags = `{"userDataWillBeLost":"TRUE","resetUserData":"TRUE"}`
	status, _, err := s.testServer(ctx, c, http.MethodPost, "reset", flags)
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	if status != http.StatusOK && status != http.StatusBadRequest {
		return fmt.Errorf("reset: the server answers %d", status)
	}
	return nil
}

// learn takes the cards and products of a fresh world for those that the suite may use.
func (s *seeded) learn(ctx context.Context, c Credentials) error {
	status, answer, err := s.testServer(ctx, c, http.MethodGet, "data", "")
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	world, err := parseJSON(answer)
	if status != http.StatusOK || err != nil {
		return fmt.Errorf("data: the server answers %d", status)
	}
	s.pool.learn(world)
	return nil
}

// Product finds a product with that start balance and no rules that the list cannot tell of.
func (s *seeded) Product(_ context.Context, p Product) (string, error) { return s.pool.product(p) }

// Card finds a card of that sort which this case does not have yet.
func (s *seeded) Card(_ context.Context, spec CardSpec) (Card, error) { return s.pool.card(spec) }

// pool gives out cards and products from a list.
type pool struct {
	mu       sync.Mutex
	cards    []SeedCard
	products []SeedProduct
	used     []bool
	given    map[string]bool // products of this case
	now      func() time.Time
}

func newPool(cards []SeedCard, products []SeedProduct) *pool {
	return &pool{cards: cards, products: products, used: make([]bool, len(cards)), given: map[string]bool{}, now: time.Now}
}

// learn reads the cards and products out of testServerAdmin/data (section 2.6).
func (p *pool) learn(world any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, entry := range entries(world, "cards") {
		p.cards = append(p.cards, SeedCard{Currency: textAt(entry, "balance.balanceAmount.currency"), Card: Card{
			PAN: textAt(entry, "card.pan"), Expiry: textAt(entry, "card.expiryDate"),
			ClearPIN: textAt(entry, "card.clearPin"), EncryptedPIN: textAt(entry, "card.encryptedPin")}})
	}
	for _, entry := range entries(world, "products") {
		product := SeedProduct{ID: textAt(entry, "product.id"), Currency: textAt(entry, "startingBalance.currency")}
		if start := numberAt(entry, "startingBalance.amount"); start != nil {
			product.Start = *start
		}
		p.products = append(p.products, product)
	}
	p.used = make([]bool, len(p.cards))
}

// entries returns the array under a name, empty when there is none.
func entries(world any, name string) []any {
	found, _ := lookupPath(world, name)
	list, _ := found.([]any)
	return list
}

func (p *pool) beginCase() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.given)
}

func (p *pool) refill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.used)
}

func (p *pool) product(want Product) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	plain := Product{ID: want.ID, Currency: want.Currency, Opening: want.Opening, Start: want.Start}
	if fmt.Sprint(plain) != fmt.Sprint(want) {
		return "", Lacks("its products have no rules of their own that could be set")
	}
	for _, has := range p.products {
		fits := has.Start == want.Start && or(has.Opening, "sum") == want.Opening && or(has.Currency, defaultCurrency) == want.Currency
		if fits && !p.given[has.ID] {
			p.given[has.ID] = true
			return has.ID, nil
		}
	}
	return "", Lacks("none of its products opens with %s from %d in %s", or(want.Opening, "the default"), want.Start, want.Currency)
}

func (p *pool) card(want CardSpec) (Card, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if want.Holder != nil {
		return Card{}, Lacks("its cards have no known holders")
	}
	month := p.now().UTC().Format("0601")
	for i, has := range p.cards {
		fits := (has.Expiry < month) == want.Past && len(has.ClearPIN) == len(want.ClearPIN) &&
			len(has.EncryptedPIN) == len(want.EncryptedPIN) && or(has.Currency, defaultCurrency) == want.Currency
		if fits && !p.used[i] {
			p.used[i] = true
			return has.Card, nil
		}
	}
	return Card{}, Lacks("it has no card left with%s", describe(want))
}

// describe says what sort of card is wanted.
func describe(want CardSpec) string {
	s := " no PIN"
	switch {
	case want.ClearPIN != "":
		s = fmt.Sprintf(" a clear PIN of %d", len(want.ClearPIN))
	case want.EncryptedPIN != "":
		s = fmt.Sprintf(" an encrypted PIN of %d", len(want.EncryptedPIN))
	}
	if want.Past {
		s += " and a past expiry"
	}
	return s + " in currency " + want.Currency
}
