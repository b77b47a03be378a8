package conform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Credentials are what an account signs in with.
type Credentials struct{ Name, Password string }

// String shows the name only.
func (c Credentials) String() string { return c.Name }

// GoString keeps %#v from showing what String leaves out.
func (c Credentials) GoString() string { return c.Name }

// HTTPTarget says how a server over HTTP is reached. With an AdminURL it sets cards, products and accounts
// up over the admin API; without, it plays with Cards and Products, which somebody has set up.
type HTTPTarget struct {
	// BaseURL is where the server listens, without /giftcard/v3 and /airtime/v5.
	BaseURL string
	// Accounts are the credentials of the scripts' accounts a and b, which must be two accounts. In
	// production both may do everything, look-ups by card holder included, and are not held to a bound on
	// wrong cards and PINs. With an AdminURL they may be left empty, and two accounts are made.
	Accounts [2]Credentials
	// AdminURL and AdminToken lead to the operators' listener; empty when there is none. The token's role
	// is admin.
	AdminURL, AdminToken string
	// Setup sets the server up instead of the admin API, as a Vendor too if it is one, and Login gives the credentials of all its
	// accounts, by the names that scripts have for them. Either both are there or neither.
	Setup Setup
	Login func(account string) Credentials
	// Cards and Products are what the server holds, when there is neither AdminURL nor Setup. Each card is used by one
	// case only, unless the server can be reset.
	Cards    []SeedCard
	Products []SeedProduct
	// Offers and Networks are what an airtime server sells, likewise. A product may serve any number of cases.
	Offers   []Offer
	Networks []SeedNetwork
	// Reset says that the server has the test server's administration (section 2.6). A reset is done before
	// every case, and the four above may be left empty: then the server is asked what it holds.
	Reset bool
	// Client sends the messages; a client of our own when nil.
	Client *http.Client
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// Idle connections kept per server, and how long: enough for the largest together block.
const (
	idleConnections = 64
	idleTime        = 30 * time.Second
)

// NewHTTPTarget returns the target ready to be judged. The error says what is missing in t.
func NewHTTPTarget(t HTTPTarget) (Target, error) {
	t.BaseURL, t.AdminURL = strings.TrimRight(t.BaseURL, "/"), strings.TrimRight(t.AdminURL, "/")
	if t.BaseURL == "" {
		return nil, errors.New("conform: no base URL")
	}
	t.Client = withoutRedirects(t.Client)
	w := &wire{HTTPTarget: t, credentials: map[string]Credentials{}}
	switch {
	case (t.Setup == nil) != (t.Login == nil):
		return nil, errors.New("conform: Setup and Login belong together")
	case t.Setup != nil:
		if vendor, sells := t.Setup.(Vendor); sells {
			return &stocked{Vendor: vendor, prepared: prepared{Setup: t.Setup, wire: w}}, nil
		}
		return &prepared{Setup: t.Setup, wire: w}, nil
	case t.Accounts[0] == t.Accounts[1] && (t.AdminURL == "" || t.Accounts[0] != Credentials{}):
		return nil, errors.New("conform: two different accounts are needed")
	case t.AdminURL != "":
		return &administered{wire: w, numbers: map[string]int64{}, settings: map[string]members{}, prefixes: map[string]string{}}, nil
	}
	w.credentials["a"], w.credentials["b"] = t.Accounts[0], t.Accounts[1]
	return &seeded{wire: w, pool: newPool(t.Cards, t.Products), shop: shop{offers: t.Offers, networks: t.Networks}}, nil
}

// withoutRedirects is the client, or one of our own: a POST that is redirected is not answered (rule C3), so
// a redirect is an answer like any other.
func withoutRedirects(given *http.Client) *http.Client {
	if given == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = idleConnections, idleTime
		given = &http.Client{Transport: transport}
	}
	client := *given
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// prepared is a server that somebody else sets up.
type prepared struct {
	Setup
	*wire
}

// stocked is one that sells airtime, too.
type stocked struct {
	Vendor
	prepared
}

var (
	_ Target = (*prepared)(nil)
	_ Target = (*stocked)(nil)
)

// wire sends messages over HTTP and reads the answers.
type wire struct {
	HTTPTarget
	// credentials are by the names of the scripts. They grow while a case is set up, and are only read while
	// its messages are sent.
	credentials map[string]Credentials
}

// Wire says that the scripts which look at the wire can be played.
func (w *wire) Wire() bool { return true }

// Do posts the message and reads the answer.
func (w *wire) Do(ctx context.Context, m Message) (Answer, error) {
	if m.Kind.airtime() && m.Client == "" {
		m.Client = w.account(m.Account).Name
	}
	text, some := m.wireText()
	request, err := w.request(ctx, m, text)
	if err != nil {
		return Answer{}, err
	}
	response, err := w.Client.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("send: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or given up
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	a := readAnswer(response.StatusCode, response.Header, body)
	if some {
		a.Sent = []byte(text)
	}
	return a, nil
}

// request builds the HTTP request, with the edits that speak of it.
func (w *wire) request(ctx context.Context, m Message, text string) (*http.Request, error) {
	method, path := http.MethodPost, m.path()
	if m.Kind.query() {
		method = http.MethodGet
	}
	if edited, ok := m.override("method"); ok {
		method = edited
	}
	if edited, ok := m.override("at"); ok {
		path = edited
	}
	request, err := http.NewRequestWithContext(ctx, method, w.BaseURL+path, strings.NewReader(text))
	if err != nil {
		return nil, errors.New("the path cannot be sent")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	for _, e := range m.Edits {
		if e.Verb == "header" {
			request.Header.Del(e.Path)
			if e.Text != "" {
				request.Header.Set(e.Path, e.Text)
			}
		}
	}
	return request, w.signIn(request, m)
}

// signIn adds the credentials of the message's account, or those of its edit.
func (w *wire) signIn(request *http.Request, m Message) error {
	login, ok := m.override("login")
	if login == "none" {
		return nil
	}
	if ok {
		name, password, _ := strings.Cut(login, ":")
		if known := w.account(name); known != (Credentials{}) {
			name = known.Name
		}
		request.SetBasicAuth(name, password)
		return nil
	}
	c := w.account(m.Account)
	if c == (Credentials{}) {
		return fmt.Errorf("there is no account %s", m.Account)
	}
	request.SetBasicAuth(c.Name, c.Password)
	return nil
}

// account gives the credentials of an account, empty when there is no such account.
func (w *wire) account(name string) Credentials {
	if w.Login != nil {
		return w.Login(name)
	}
	return w.credentials[name]
}

// readAnswer takes an answer apart. A body that is not JSON leaves the members empty.
func readAnswer(status int, header http.Header, text []byte) Answer {
	a := Answer{Status: status, Header: header, Body: text}
	body, err := parseJSON(text)
	if err != nil {
		return a
	}
	a.ErrorType, a.RequestType = textAt(body, "errorType"), textAt(body, "requestType")
	a.ID, a.OriginalID = textAt(body, "id"), textAt(body, "originalId")
	a.Amounts = Amounts{Requested: numberAt(body, "amounts.requestAmount.amount"),
		Approved: numberAt(body, "amounts.approvedAmount.amount"), Book: numberAt(body, "amounts.balanceAmount.amount"),
		Available: numberAt(body, "amounts.availableBalance.amount")}
	product := or(textAt(body, "product.id"), or(textAt(body, "product.productId"), textAt(body, "responseProduct.productId")))
	a.Product, a.Sale = &product, readSale(body)
	for _, entry := range entries(body, "detailMessage.formatErrors") {
		a.Fields = append(a.Fields, textAt(entry, "field"))
	}
	return a
}

// readSale takes an answer of airtime apart. In production a purchase is asked for by our third-party identifier and
// the institution it is of, in the compatibility profile by the settlement entity (docs/rules.md 3.2).
func readSale(body any) Sale {
	s := Sale{MSISDN: or(textAt(body, "msisdn.msisdn"), textAt(body, "msisdn")), Operator: textAt(body, "msisdn.operator.id"),
		Promotion: textAt(body, "promotion.promotion")}
	if ours := entries(body, "thirdPartyIdentifiers"); len(ours) > 0 {
		last := ours[len(ours)-1]
		s.Reference, s.Provider = textAt(last, "transactionIdentifier"), textAt(last, "institutionId")
	}
	s.SettlementID, s.SettlementName = textAt(body, "settlementEntity.id"), textAt(body, "settlementEntity.name")
	if _, sold := lookupPath(body, "voucher"); sold {
		s.Voucher = &SoldVoucher{PIN: textAt(body, "voucher.pin"), Serial: textAt(body, "voucher.serialNumber"),
			Batch: textAt(body, "voucher.batchNumber")}
	}
	products, isList := body.([]any)
	if !isList {
		products = entries(body, "availableProducts")
	}
	for _, product := range products {
		s.Products = append(s.Products, textAt(product, "productId"))
	}
	return s
}
