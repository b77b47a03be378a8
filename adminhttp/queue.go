package adminhttp

import (
	"context"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// ListUpstreams implements adminapi.StrictServerInterface.
func (s *server) ListUpstreams(ctx context.Context, _ adminapi.ListUpstreamsRequestObject) (adminapi.ListUpstreamsResponseObject, error) {
	found, err := s.office.Upstreams(ctx, s.by(ctx, ""))
	if err != nil {
		return nil, err
	}
	return adminapi.ListUpstreams200JSONResponse{Upstreams: each(found, upstream)}, nil
}

// PauseUpstream implements adminapi.StrictServerInterface.
func (s *server) PauseUpstream(ctx context.Context, r adminapi.PauseUpstreamRequestObject) (adminapi.PauseUpstreamResponseObject, error) {
	u, err := s.office.PauseUpstream(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Upstream))
	if err != nil {
		return nil, err
	}
	return adminapi.PauseUpstream200JSONResponse(upstream(u)), nil
}

// ResumeUpstream implements adminapi.StrictServerInterface.
func (s *server) ResumeUpstream(ctx context.Context, r adminapi.ResumeUpstreamRequestObject) (adminapi.ResumeUpstreamResponseObject, error) {
	u, err := s.office.ResumeUpstream(ctx, s.by(ctx, string(r.Body.Reason)), string(r.Upstream))
	if err != nil {
		return nil, err
	}
	return adminapi.ResumeUpstream200JSONResponse(upstream(u)), nil
}

// ListQueue implements adminapi.StrictServerInterface.
func (s *server) ListQueue(ctx context.Context, r adminapi.ListQueueRequestObject) (adminapi.ListQueueResponseObject, error) {
	q, err := queueQuery(r.Params)
	if err != nil {
		return nil, err
	}
	found, next, err := s.office.QueueItems(ctx, s.by(ctx, ""), q)
	if err != nil {
		return nil, err
	}
	return adminapi.ListQueue200JSONResponse{Items: each(found, queueItem), Next: next}, nil
}

func queueQuery(p adminapi.ListQueueParams) (q admin.QueueQuery, err error) {
	q = admin.QueueQuery{Upstream: string(p.Upstream), Account: string(p.Account), After: p.After, Limit: int(p.Limit)}
	if q.OlderThan, err = olderThan(p.OlderThan); err != nil || p.State == "" {
		return q, err
	}
	known := false
	if q.State, known = saf.ParseState(string(p.State)); !known {
		return q, invalid("state", "must be waiting, parked or attention")
	}
	return q, nil
}

// GetQueueItem implements adminapi.StrictServerInterface.
func (s *server) GetQueueItem(ctx context.Context, r adminapi.GetQueueItemRequestObject) (adminapi.GetQueueItemResponseObject, error) {
	found, err := s.office.QueueItem(ctx, s.by(ctx, ""), r.Item)
	if err != nil {
		return nil, err
	}
	detail := adminapi.QueueItemDetail{Item: queueItem(found.QueueItem), Acts: each(found.Acts, auditEntry)}
	if found.Request != nil {
		detail.Request = transaction(*found.Request)
	}
	if found.Advice != nil {
		detail.Advice = transaction(*found.Advice)
	}
	return adminapi.GetQueueItem200JSONResponse(detail), nil
}

// RetryQueueItem implements adminapi.StrictServerInterface.
func (s *server) RetryQueueItem(ctx context.Context, r adminapi.RetryQueueItemRequestObject) (adminapi.RetryQueueItemResponseObject, error) {
	i, err := s.office.RetryItem(ctx, s.by(ctx, string(r.Body.Reason)), r.Item)
	if err != nil {
		return nil, err
	}
	return adminapi.RetryQueueItem200JSONResponse(queueItem(i)), nil
}

// ParkQueueItem implements adminapi.StrictServerInterface.
func (s *server) ParkQueueItem(ctx context.Context, r adminapi.ParkQueueItemRequestObject) (adminapi.ParkQueueItemResponseObject, error) {
	i, err := s.office.ParkItem(ctx, s.by(ctx, string(r.Body.Reason)), r.Item)
	if err != nil {
		return nil, err
	}
	return adminapi.ParkQueueItem200JSONResponse(queueItem(i)), nil
}

// endings are how the request of a question has ended.
var endings = map[adminapi.ClosingEnding]txn.Role{
	adminapi.ClosingEndingConfirm: txn.Confirmation, adminapi.ClosingEndingReverse: txn.Reversal,
}

// CloseQueueItem implements adminapi.StrictServerInterface.
func (s *server) CloseQueueItem(ctx context.Context, r adminapi.CloseQueueItemRequestObject) (adminapi.CloseQueueItemResponseObject, error) {
	i, err := s.office.CloseItem(ctx, s.by(ctx, string(r.Body.Reason)), r.Item, endings[r.Body.Ending])
	if err != nil {
		return nil, err
	}
	return adminapi.CloseQueueItem200JSONResponse(queueItem(i)), nil
}

func queueItem(i admin.QueueItem) adminapi.QueueItem {
	role := adminapi.QueueItemRoleQuestion
	if i.Role != txn.Request {
		role = adminapi.QueueItemRole(i.Role.String())
	}
	return adminapi.QueueItem{
		Number: i.Seq, Upstream: i.Upstream, Account: i.AccountName, Family: adminapi.Family(i.Family.String()), Role: role, ID: string(i.ID),
		Request: i.Request, RequestID: string(i.RequestID), State: adminapi.QueueState(i.State.String()), Since: i.At.UTC(),
		Attempts: int32(i.Attempts), Tried: i.Tried.UTC(), Why: i.Why, Amount: int64(i.Amount), Currency: currencyOut(i.Currency),
	}
}

// currencyOut writes a currency; none is absent.
func currencyOut(c money.Currency) adminapi.Currency {
	if c == 0 {
		return ""
	}
	return adminapi.Currency(c.String())
}

func upstream(u admin.Upstream) adminapi.Upstream {
	out := adminapi.Upstream{Name: u.Name, Stopped: each(u.Stopped, stopped), Queued: each(u.Levels, queueLevel)}
	if v := u.View; v != nil {
		out.Running, out.Breaker, out.InFlight = true, adminapi.UpstreamBreaker(v.Breaker), int32(v.InFlight)
		out.Repeats = v.Repeats
	}
	if p := u.Pause; p != nil {
		out.Paused, out.PausedBy, out.PausedAt = true, p.Operator, p.At.UTC()
	}
	return out
}

func stopped(s admin.Stop) adminapi.StoppedCredential {
	return adminapi.StoppedCredential{Account: s.AccountName, Since: s.Since.UTC(), Why: s.Why}
}

func queueLevel(l admin.QueueLevel) adminapi.QueueLevel {
	return adminapi.QueueLevel{
		Account: l.AccountName, State: adminapi.QueueState(l.State.String()), Count: int64(l.Count), Currency: currencyOut(l.Currency),
		Value: int64(l.Value), Oldest: l.Oldest.UTC(),
	}
}
