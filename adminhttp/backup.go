package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"
)

// BackUpStore implements adminapi.StrictServerInterface.
func (s *server) BackUpStore(ctx context.Context, r adminapi.BackUpStoreRequestObject) (adminapi.BackUpStoreResponseObject, error) {
	copied, size, err := s.office.Backup(ctx, s.by(ctx, string(r.Body.Reason)))
	if err != nil {
		return nil, err
	}
	return adminapi.BackUpStore200ApplicationOctetStreamResponse{Body: copied, ContentLength: size}, nil
}
