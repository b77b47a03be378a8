package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// networkCmd is `scrip network`.
type networkCmd struct {
	List networkListCmd `cmd:"" help:"List mobile networks."`
	Show networkShowCmd `cmd:"" help:"Show a mobile network."`
	Put  networkPutCmd  `cmd:"" help:"Make a mobile network, or change it; what is not named stays."`
}

// Help gives the example.
func (networkCmd) Help() string {
	return "Example: a network and its number ranges\n" +
		"  scrip network put vodacom --name Vodacom --country ZA --prefix 2772 --prefix 2779 --reason 'new'"
}

type networkListCmd struct{ officeFlags }

// Help gives the example.
func (networkListCmd) Help() string { return "Example:\n  scrip network list" }

// Run lists networks.
func (c *networkListCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	networks, err := all(func(after int64) ([]adminapi.Network, int64, error) {
		a, err := o.ListNetworksWithResponse(ctx, &adminapi.ListNetworksParams{After: after, Limit: pageSize})
		if err != nil {
			return nil, 0, err
		}
		page, err := got(a.JSON200, a.JSONDefault, a.Status())
		return page.Networks, page.Next, err
	})
	if err != nil {
		return err
	}
	return list(o, "ID\tNAME\tCOUNTRY\tPREFIXES\tPROMOTION", networks, func(n adminapi.Network) []any {
		s := n.Settings
		return []any{n.ID, s.Name, s.Country, len(s.Prefixes), s.Promotion.Name}
	})
}

// networkName names a mobile network.
type networkName struct {
	ID string `arg:"" help:"The network's id: 1 to 20 letters and digits."`
}

// network asks for a network; found is false when there is none.
func (n networkName) network(ctx context.Context, o *office) (found bool, _ adminapi.Network, err error) {
	a, err := o.GetNetworkWithResponse(ctx, n.ID)
	if err != nil {
		return false, adminapi.Network{}, err
	}
	if a.StatusCode() == http.StatusNotFound && a.JSONDefault != nil {
		return false, adminapi.Network{}, nil
	}
	network, err := got(a.JSON200, a.JSONDefault, a.Status())
	return err == nil, network, err
}

type networkShowCmd struct {
	officeFlags
	networkName
}

// Help gives the example.
func (networkShowCmd) Help() string { return "Example:\n  scrip network show vodacom" }

// Run shows a network.
func (c *networkShowCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	found, n, err := c.network(ctx, o)
	if err == nil && !found {
		err = errors.New("there is no such network")
	}
	if err != nil {
		return err
	}
	return o.showNetwork(n)
}

func (o *office) showNetwork(n adminapi.Network) error {
	s := n.Settings
	return o.show(n, func(w io.Writer) {
		line(w, "id", n.ID)
		line(w, "number", n.Number)
		line(w, "name", s.Name)
		line(w, "country", s.Country)
		line(w, "prefixes", strings.Join(s.Prefixes, " "))
		if p := s.Promotion; p.Name != "" {
			line(w, "promotion", fmt.Sprintf("%s, from %s to %s", p.Name, clock(p.Start), clock(p.End)))
			line(w, "its text", p.Text)
		}
	})
}

type networkPutCmd struct {
	officeFlags
	networkName
	why
	Name           *string    `help:"Its name."`
	Country        *string    `help:"Its country, as two capital letters (ISO 3166-1)."`
	Prefix         []string   `placeholder:"DIGITS" help:"What its numbers begin with, from the country code on; the longest prefix wins. May be given several times; a list that is given replaces the whole list, '' empties it."`
	Promotion      *string    `placeholder:"NAME" help:"Name of an offer to its subscribers; '' ends the offer."`
	PromotionText  *string    `placeholder:"TEXT" help:"What the offer is."`
	PromotionStart *time.Time `help:"From when it holds (RFC 3339)."`
	PromotionEnd   *time.Time `help:"Until when it holds (RFC 3339)."`
}

// Help gives the example.
func (networkPutCmd) Help() string {
	return "Example:\n  scrip network put vodacom --name Vodacom --country ZA --prefix 2772,2779 --reason 'new'\n" +
		"  scrip network put vodacom --promotion summer --promotion-text 'Twice the data' --reason 'summer'"
}

// Run puts what was given onto what there is.
func (c *networkPutCmd) Run(ctx context.Context, at console) error {
	o, err := c.open(at)
	if err != nil {
		return err
	}
	_, n, err := c.network(ctx, o)
	if err != nil {
		return err
	}
	c.onto(&n.Settings)
	a, err := o.PutNetworkWithResponse(ctx, c.ID, adminapi.NetworkChange{Settings: n.Settings, Reason: c.Reason})
	if err != nil {
		return err
	}
	if n, err = got(a.JSON200, a.JSONDefault, a.Status()); err != nil {
		return fmt.Errorf("put network %s: %w", c.ID, err)
	}
	return o.showNetwork(n)
}

// onto puts what was given onto settings.
func (c *networkPutCmd) onto(s *adminapi.NetworkSettings) {
	put(&s.Name, c.Name)
	put(&s.Country, c.Country)
	if c.Prefix != nil {
		s.Prefixes = given(c.Prefix)
	}
	put(&s.Promotion.Name, c.Promotion)
	put(&s.Promotion.Text, c.PromotionText)
	put(&s.Promotion.Start, c.PromotionStart)
	put(&s.Promotion.End, c.PromotionEnd)
	if s.Promotion.Name == "" {
		s.Promotion = adminapi.Promotion{}
	}
}
