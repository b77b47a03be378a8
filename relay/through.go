package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// route gives the upstreams with these names.
func (r *Relay) route(names []string, speaks func(*upstream) bool) []*upstream {
	if len(names) == 0 {
		panic("relay: a route needs an upstream")
	}
	route := make([]*upstream, 0, len(names))
	for _, name := range names {
		u := r.upstreams[name]
		if u == nil || !speaks(u) {
			panic(fmt.Sprintf("relay: there is no upstream %q that speaks this contract", name))
		}
		route = append(route, u)
	}
	return route
}

// through passes on what moves no value: it is neither recorded as sent nor reversed. The upstreams of the route are
// asked in their order until one may have been reached.
func (r *Relay) through(
	ctx context.Context, route []*upstream, what string, f txn.Family, account ident.Account, ask func(context.Context, *upstream) error,
) error {
	end, err := r.begin()
	if err != nil {
		return err
	}
	defer end()
	for _, u := range route {
		err = r.put(ctx, u, what, account, func(ctx context.Context) error { return ask(ctx, u) })
		if !unsent(err) || ctx.Err() != nil {
			break
		}
	}
	return downward(err, f)
}

// downward gives what is told downstream of an error.
func downward(err error, f txn.Family) error {
	var refusal *decline.Error
	var turned *decline.NotTaken
	var unknown *decline.Unknown
	switch {
	case err == nil, errors.As(err, &refusal), errors.As(err, &unknown):
		return err
	case errors.As(err, &turned):
		return turnedDown(turned)
	}
	return &decline.Unknown{Reason: rulesOf(f).unknown, Text: "the upstream has not answered"}
}

// passing is our identifier of what is not recorded as sent, from the hash of its id.
func (r *Relay) passing(w ident.World, id ident.ID) ident.Reference {
	return ident.Reference{
		Institution: r.settings.Institution.Institution, Identifier: txn.HashReference(referenceLetter, r.settings.Keys.ID(w, id)),
	}
}
