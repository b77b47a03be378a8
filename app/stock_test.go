package app

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
)

// stuck is a database that does not answer.
type stuck struct{ admin.Reports }

func (stuck) VoucherBatches(ctx context.Context, _ int32, _ int) ([]airtime.Batch, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Metrics and alarms do not wait for ever for a database that does not answer.
func TestTheStockIsCountedForAWhileOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		a := &App{log: slog.New(slog.NewTextHandler(&log, nil)), Office: admin.NewOffice(admin.Settings{Reports: stuck{}})}
		a.settings.Now = time.Now
		began, metrics := time.Now(), make(chan prometheus.Metric, 10)
		newStock(a).Collect(metrics)
		if took := time.Since(began); took != countTimeout {
			t.Errorf("it took %s", took)
		}
		if len(metrics) != 1 { // what is unresolved needs no database
			t.Errorf("%d metrics", len(metrics))
		}
		if !strings.Contains(log.String(), "count the stock") {
			t.Errorf("the log has %q", log.String())
		}
	})
}
