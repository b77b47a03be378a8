package edge

import (
	"log/slog"
	"testing"
	"time"

	"github.com/scripworks/scrip/secret"
)

// BenchmarkAdmit is what the edge adds to each message of an account with bounds whose password is remembered.
func BenchmarkAdmit(b *testing.B) {
	hash, err := secret.HashPassword("open sesame")
	if err != nil {
		b.Fatal(err)
	}
	till := account(1, "till", hash)
	till.Settings.RequestsPerSecond, till.Settings.WrongPerMinute = 1_000_000, 100
	at := noon
	now := func() time.Time { at = at.Add(time.Microsecond); return at } // so that the bucket never gets empty
	g := NewGate(Settings{
		Accounts: people{1: till}, Passwords: secret.NewPasswords(time.Hour, 10),
		Metrics: NewMetrics("test"), Log: slog.New(slog.DiscardHandler), Now: now,
	})
	r := from("till", "open sesame")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		_, release, err := g.Admit(r, false)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
