package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/config"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/sandbox"
)

// serveCmd is `scrip serve`.
type serveCmd struct{ config.Serve }

// Help gives the example.
func (serveCmd) Help() string {
	return "Example:\n  scrip serve --data ./data --listen 127.0.0.1:8080 --admin-listen 127.0.0.1:8081\n\n" +
		"Every setting is a flag, an environment variable, or a key of the file given with --config: docs/configuration.md."
}

// Run serves until it is told to stop.
func (s *serveCmd) Run(ctx context.Context, c console) error {
	settings, err := settingsOf(&s.Serve, c)
	if err == nil {
		err = addSwitch(&settings, &s.Serve)
	}
	if err != nil {
		return usageError{err}
	}
	a, err := app.New(ctx, settings)
	if err != nil {
		return err
	}
	announce(a, &s.Serve, c)
	spareSmallHeap()
	return live(ctx, a, &s.Serve, c, func() { serving(ctx, a, &s.Serve, c) })
}

// settingsOf turns what the operator set into what the program is made of.
func settingsOf(s *config.Serve, c console) (app.Settings, error) {
	if err := s.Check(); err != nil {
		return app.Settings{}, err
	}
	if err := s.CheckData(); err != nil {
		return app.Settings{}, err
	}
	token, err := s.Token()
	if err != nil {
		return app.Settings{}, err
	}
	return app.Settings{
		Data: s.Data, Database: s.Database, Committers: s.Committers, KeysFile: s.Keyset, Listen: s.Listen, AdminListen: s.AdminListen, TLS: s.TLS(), AdminTLS: s.AdminTLS(),
		PlainHTTP: s.PlainHTTP, Token: token, Institution: s.Institution(), Location: s.Location(), Currency: s.Currency(),
		Timeout: s.RequestTimeout, Hold: s.Hold, Drain: s.DrainDelay, StopWithin: s.StopTimeout, InHand: s.MaxInHand,
		AdviceWait: s.AdviceWait, Network: networkOf(s), ProviderTimeout: s.ProviderTimeout,
		Settle: app.Settle{After: s.SettleAfter, Role: s.SettleRole()}, Retention: app.Retention{Messages: s.Retention, IDs: s.RetentionIDs},
		Log: s.Logger(c.err), Version: version(),
	}, nil
}

// networkOf gives the settings of the simulated mobile network, or nil for none.
func networkOf(s *config.Serve) *network.Settings {
	if s.Network == "none" {
		return nil
	}
	return &network.Settings{}
}

// live starts a program, and stops it when it is told to or breaks down.
func live(ctx context.Context, a *app.App, s *config.Serve, c console, started func()) error {
	if err := a.Start(); err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	started()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup) // when it has stopped: the signal must not end it before
	why, broken := untilEnd(ctx, a, c, hangup)
	log := s.Logger(c.err)
	log.Info("stopping", "why", why, "drain", s.DrainDelay.String(), "within", s.StopTimeout.String())
	return errors.Join(broken, end(log, func() error { return a.Stop(context.WithoutCancel(ctx)) }))
}

// untilEnd takes up changed certificates at SIGHUP, until the program is to be stopped. It gives why, and what broke down.
func untilEnd(ctx context.Context, a *app.App, c console, hangup <-chan os.Signal) (why string, broken error) {
	for {
		select {
		case <-hangup:
			if err := a.Reload(); err != nil {
				fmt.Fprintln(c.err, "scrip: kept the old certificates:", err)
			}
		case err := <-a.Failed():
			return "a listener broke down", err
		case <-ctx.Done():
			return context.Cause(ctx).Error(), nil
		}
	}
}

// end stops a program, and says when that is done. That it was not done in order is the caller's to say.
func end(log *slog.Logger, stop func() error) error {
	began := time.Now()
	if err := stop(); err != nil {
		return err
	}
	log.Info("stopped", "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// announce says what was made for a server. Where anything is kept it comes before the server listens, because what was made has
// been committed, and would not be made again if listening failed.
func announce(a *app.App, s *config.Serve, c console) {
	if a.MadeKeys {
		fmt.Fprintf(c.err, "Made a keyset in %s. Without it the store cannot be read: keep a copy in a safe place.\n", app.KeysPath(s.Data, s.Keyset))
	}
	if a.FirstToken != "" {
		fmt.Fprintf(c.err, "Made the first operator. Its token is shown once:\n  export SCRIP_ADMIN_TOKEN=%s\n", a.FirstToken)
	}
}

// serving says where a server listens, and which store it serves: two that should share one can be compared.
func serving(ctx context.Context, a *app.App, s *config.Serve, c console) {
	told := []any{"contracts", a.Address().String(), "operators", a.AdminAddress().String(), "store", storeOf(s)}
	schema, migration, err := a.Schema(ctx)
	if err != nil {
		told = append(told, "schema", "unknown: "+err.Error()) // it serves all the same
	}
	if schema != "" {
		told = append(told, "schema", schema)
	}
	if migration != 0 {
		told = append(told, "migration", migration)
	}
	s.Logger(c.err).Info("serving", told...)
}

// storeOf names the store that is served, without what lets somebody in.
func storeOf(s *config.Serve) string {
	switch {
	case s.Database != "":
		return place{url: s.Database}.String()
	case s.Data != "":
		return place{file: app.StorePath(s.Data)}.String()
	}
	return "memory"
}

// sandboxCmd is `scrip sandbox`.
type sandboxCmd struct{ config.Serve }

// Help gives the example.
func (sandboxCmd) Help() string {
	return "Example:\n  scrip sandbox\n  scrip sandbox --data ./sandbox --listen 0.0.0.0:8080\n\n" +
		"Without --data nothing is kept. Any user name and password are taken, and each pair has a world of its own.\n" +
		"Never run it as a production server."
}

// Run serves the sandbox until it is told to stop.
func (s *sandboxCmd) Run(ctx context.Context, c console) error {
	s.InMemory, s.PlainHTTP = s.Data == "" && s.Database == "", true
	settings, err := settingsOf(&s.Serve, c)
	if err != nil {
		return usageError{err}
	}
	a, err := sandbox.New(ctx, settings)
	if err != nil {
		return err
	}
	if !s.InMemory {
		announce(a, &s.Serve, c)
	}
	spareSmallHeap()
	return live(ctx, a, &s.Serve, c, func() {
		if s.InMemory { // what it made would be gone if it could not listen
			announce(a, &s.Serve, c)
		}
		serving(ctx, a, &s.Serve, c)
		fmt.Fprint(c.out, sandbox.Welcome(a.Address().String(), a.AdminAddress().String()))
	})
}
