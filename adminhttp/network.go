package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/airtime"
)

// ListNetworks implements adminapi.StrictServerInterface.
func (s *server) ListNetworks(ctx context.Context, r adminapi.ListNetworksRequestObject) (adminapi.ListNetworksResponseObject, error) {
	found, next, err := s.office.Networks(ctx, s.by(ctx, ""), r.Params.After, int(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return adminapi.ListNetworks200JSONResponse{Networks: each(found, network), Next: next}, nil
}

// GetNetwork implements adminapi.StrictServerInterface.
func (s *server) GetNetwork(ctx context.Context, r adminapi.GetNetworkRequestObject) (adminapi.GetNetworkResponseObject, error) {
	n, err := s.office.Network(ctx, s.by(ctx, ""), r.Network)
	if err != nil {
		return nil, err
	}
	return adminapi.GetNetwork200JSONResponse(network(n)), nil
}

// PutNetwork implements adminapi.StrictServerInterface.
func (s *server) PutNetwork(ctx context.Context, r adminapi.PutNetworkRequestObject) (adminapi.PutNetworkResponseObject, error) {
	settings := r.Body.Settings
	wanted := airtime.Network{ID: r.Network, Name: settings.Name, Country: settings.Country, Prefixes: settings.Prefixes}
	if p := settings.Promotion; p != (adminapi.Promotion{}) {
		wanted.Promotion = &airtime.Promotion{Name: p.Name, Text: p.Text, Start: p.Start.UTC(), End: p.End.UTC()}
	}
	n, err := s.office.PutNetwork(ctx, s.by(ctx, r.Body.Reason), wanted)
	if err != nil {
		return nil, err
	}
	return adminapi.PutNetwork200JSONResponse(network(n)), nil
}

func network(n *airtime.Network) adminapi.Network {
	s := adminapi.NetworkSettings{Name: n.Name, Country: n.Country, Prefixes: n.Prefixes}
	if p := n.Promotion; p != nil {
		s.Promotion = adminapi.Promotion{Name: p.Name, Text: p.Text, Start: p.Start, End: p.End}
	}
	return adminapi.Network{Number: n.Number, ID: n.ID, Settings: s}
}
