package app

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// makeVendor makes the airtime vendor with its providers.
func (a *App) makeVendor(ctx context.Context, observer *edge.Observer) error {
	providers, err := a.connectProviders(ctx)
	if err != nil {
		return err
	}
	s := a.settings
	a.Vendor = airtime.NewVendor(airtime.Settings{
		Store: store.Airtime(a.Store), Unsettled: a.Store.Driver(), Keys: a.Keys, Catalogue: a.catalogue(), Providers: providers,
		Senders: a.Register, Institution: s.Institution, Hold: s.Hold,
		ProviderTimeout: cmp.Or(s.ProviderTimeout, a.timeout()*5/6),
		Compatible:      s.Compatible, Alarm: observer.Alarm,
	})
	a.seller.Vendor = a.Vendor
	return nil
}

// catalogue gives what of airtime is sold here.
func (a *App) catalogue() airtime.Catalogue {
	if a.settings.Catalogue != nil {
		return a.settings.Catalogue
	}
	return a.Register.Catalogue()
}

// attendEvery is how often providers are asked about top-ups whose end is not known yet, and the stock is looked at.
const attendEvery = 5 * time.Second

// resolving names what attend does, for whoever reads of its trouble.
const resolving = "resolve top-ups"

// attend asks them, at once after the start and again and again. Of many nodes one does.
func (a *App) attend(ctx context.Context) {
	asks := a.hold(ctx, "topups/resolve")
	again(ctx, attendEvery, func() {
		left := 0
		if asks.held() {
			var err error
			left, err = a.Vendor.Resolve(ctx, a.settings.Now())
			a.complain(ctx, resolving, err)
		} else {
			a.handOn(resolving)
		}
		a.stock.unresolved.Set(float64(left))
	})
}

// watch looks at the stock, at once after the start and again and again, however long providers take.
func (a *App) watch(ctx context.Context) { again(ctx, attendEvery, a.stock.watch) }

// The alarms of what runs low.
const (
	lowStock = "low_stock"
	lowFloat = "low_float"
)

// stock shows what is in stock and what accounts have paid in, and raises an alarm when one of them runs low.
type stock struct {
	app                        *App
	vouchers, low, float, lows *prometheus.Desc
	unresolved                 prometheus.Gauge

	mu     sync.Mutex
	at     time.Time
	levels []admin.StockLevel
	floats []admin.FloatView
	raised map[string]bool // alarms that have been logged and still stand
}

func newStock(a *App) *stock {
	product, account := []string{"product"}, []string{"account", "currency"}
	return &stock{
		app:      a,
		vouchers: prometheus.NewDesc("scrip_vouchers_on_sale", "Vouchers in stock that can be sold now.", product, nil),
		low:      prometheus.NewDesc("scrip_vouchers_low", "1 while the vouchers on sale are at or below the product's alarm threshold.", product, nil),
		float:    prometheus.NewDesc("scrip_float_available_minor_units", "What a prepaid account can still spend.", account, nil),
		lows:     prometheus.NewDesc("scrip_float_low", "1 while that is at or below the account's alarm threshold.", account, nil),
		unresolved: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "scrip_topups_unresolved", Help: "Top-ups whose provider has not said how they ended; of many nodes the one that asks tells.",
		}),
		raised: map[string]bool{},
	}
}

// Describe implements prometheus.Collector.
func (s *stock) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.vouchers, s.low, s.float, s.lows} {
		ch <- d
	}
	s.unresolved.Describe(ch)
}

// Collect implements prometheus.Collector. A store that cannot be read shows nothing rather than something old.
func (s *stock) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count()
	s.unresolved.Collect(ch)
	for _, l := range s.levels {
		ch <- prometheus.MustNewConstMetric(s.vouchers, prometheus.GaugeValue, float64(l.OnSale), l.Product.ID)
		ch <- prometheus.MustNewConstMetric(s.low, prometheus.GaugeValue, one(l.Low), l.Product.ID)
	}
	for _, f := range s.floats {
		labels := []string{f.Account.Name, f.Float.Currency.String()}
		ch <- prometheus.MustNewConstMetric(s.float, prometheus.GaugeValue, float64(f.Float.Balance.Available), labels...)
		ch <- prometheus.MustNewConstMetric(s.lows, prometheus.GaugeValue, one(f.Low), labels...)
	}
}

func one(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// watch logs what has begun to run low since the last time.
func (s *stock) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count()
	standing := map[string]bool{}
	for _, l := range s.levels {
		if l.Low {
			s.raise(standing, lowStock, "product", l.Product.ID, "left", l.OnSale)
		}
	}
	for _, f := range s.floats {
		if f.Low {
			s.raise(standing, lowFloat, "account", f.Account.Name, "left", int64(f.Float.Balance.Available))
		}
	}
	s.raised = standing
}

func (s *stock) raise(standing map[string]bool, alarm, what, name, left string, count int64) {
	key := alarm + " " + name
	if standing[key] = true; !s.raised[key] {
		s.app.log.Warn("alarm", "alarm", alarm, what, name, left, count)
	}
}

// countTimeout is how long metrics and alarms wait for the store to count.
const countTimeout = 5 * time.Second

// count counts, unless that was done lately.
func (s *stock) count() {
	now := s.app.settings.Now()
	if now.Sub(s.at) < openEvery {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	s.at, s.levels, s.floats = now, nil, nil
	var err error
	if s.levels, err = s.app.Office.Stock(ctx, ident.Production, now); err == nil {
		s.floats, err = s.app.Office.Prepaid(ctx, ident.Production)
	}
	if err != nil {
		s.app.log.Error("count the stock", "error", err)
	}
}
