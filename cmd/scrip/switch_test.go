package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/config"
)

// An upstream of the file that tops up is a provider of the program: the file says all that it needs.
func TestAProviderOfTheFile(t *testing.T) {
	dir := t.TempDir()
	file, password := filepath.Join(dir, "scrip.yaml"), filepath.Join(dir, "password")
	for name, text := range map[string]string{
		password: "opensesame\n",
		file: "data: " + dir + "\n" + `upstreams:
  - {name: far, url: "https://far.example", account: us, password-file: ` + password + `, provider: north, origin: {institution-id: "1", institution-name: us,
     terminal: "00000001", merchant-type: "4814", merchant-id: "000000000000001", merchant-name: us, merchant-city: here, merchant-region: WC,
     merchant-country: ZA, client-name: us}}
`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var s config.Serve
	parser, err := kong.New(&s)
	if err == nil {
		_, err = parser.Parse([]string{"-c", file})
	}
	if err != nil {
		t.Fatal(err)
	}
	settings := app.Settings{Data: s.Data, Log: slog.New(slog.DiscardHandler)}
	if err := addSwitch(&settings, &s); err != nil {
		t.Fatal(err)
	}
	if u := settings.Upstreams[0]; u.Provider != "north" || u.Origin.Client.ID != "us" || u.Origin.Terminal != "00000001" {
		t.Errorf("got %+v", u)
	}
	a, err := app.New(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}
