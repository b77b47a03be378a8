package admin

import (
	"context"
	"fmt"
	"strings"

	"github.com/scripworks/scrip/airtime"
)

// putNetwork makes a network known, with its prefixes instead of those it had.
func (s *snapshot) putNetwork(n *airtime.Network) {
	w := s.fresh(n.World)
	if before := s.networks[n.Number]; before != nil {
		for _, prefix := range before.Prefixes {
			delete(w.prefixes, prefix)
		}
	}
	for _, prefix := range n.Prefixes {
		w.prefixes[prefix] = n
	}
	s.networks[n.Number], w.networks[n.ID] = n, n
}

// Networks gives mobile networks by number.
func (o *Office) Networks(_ context.Context, by By, after int64, limit int) ([]*airtime.Network, int64, error) {
	if err := by.may(SeeProducts); err != nil {
		return nil, 0, err
	}
	number := func(n *airtime.Network) int64 { return int64(n.Number) }
	found, next := above(sorted(o.register.now.Load().world(by.World).networks, number), number, after, limit)
	return found, next, nil
}

// Network gives the mobile network with an id.
func (o *Office) Network(_ context.Context, by By, id string) (*airtime.Network, error) {
	if err := by.may(SeeProducts); err != nil {
		return nil, err
	}
	if n, found := o.register.Catalogue().Network(by.World, id); found {
		return n, nil
	}
	return nil, refuse(NotFound, "there is no such network")
}

// PutNetwork makes a mobile network, or replaces the settings of the one with this id. A prefix belongs to one
// network; longer prefixes of others may begin with it, and win.
func (o *Office) PutNetwork(ctx context.Context, by By, n airtime.Network) (*airtime.Network, error) {
	if err := by.mayWithReason(PutNetwork); err != nil {
		return nil, err
	}
	if err := n.Check(); err != nil {
		return nil, settingAtFault(err)
	}
	return &n, o.act(ctx, func(now *snapshot) (change, error) {
		w := now.world(by.World)
		before := w.networks[n.ID]
		n.World, n.Number = by.World, following(now.networks)
		if before != nil {
			n.Number = before.Number
		}
		for i, prefix := range n.Prefixes {
			if other := w.prefixes[prefix]; other != nil && other.Number != n.Number {
				return change{}, &Refusal{Code: Exists, Field: fmt.Sprintf("settings.prefixes.%d", i), Text: "network " + other.ID + " has this prefix"}
			}
		}
		return change{
			row:   Row{Kind: NetworkRow, Number: int64(n.Number), World: n.World, Name: n.ID},
			value: &n, audit: by.entry(PutNetwork, "network/"+n.ID).from(networkFacts(before), networkFacts(&n)),
			put: func(s *snapshot) { s.putNetwork(&n) },
		}, nil
	})
}

func networkFacts(n *airtime.Network) Facts {
	if n == nil {
		return nil
	}
	f := Facts{"name": n.Name, "country": n.Country, "prefixes": strings.Join(n.Prefixes, " ")}
	if p := n.Promotion; p != nil {
		f["promotion"] = p.Name
		f["promotionText"] = p.Text
		f["promotionTime"] = instant(p.Start) + " to " + instant(p.End)
	}
	return f
}
