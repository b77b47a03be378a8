package admin

import (
	"context"
	"errors"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

// MinToken is how long a token from outside must at least be, in bytes.
const MinToken = 32

// maxToken bounds a token, in bytes.
const maxToken = 1024

// Bootstrap makes the first operator of a store that has none, with the role admin, so that somebody can make the
// others. With no token given it makes one. It returns the token of the operator it made, and an empty one when
// there are operators already. The first operator is like any other: it should be revoked once there are
// operators with names of their own.
func (o *Office) Bootstrap(ctx context.Context, now time.Time, token string) (string, error) {
	by := By{Operator: FirstOperator, Role: Admin, World: ident.Production, At: now, Reason: "first start on an empty store"}
	if token == "" {
		var err error
		if token, err = o.newToken(); err != nil {
			return "", err
		}
	}
	if len(token) < MinToken || len(token) > maxToken {
		return "", invalid("token", "must have %d to %d bytes", MinToken, maxToken)
	}
	made := &Operator{
		Number: 1, World: by.World, Name: FirstOperator, Role: Admin, Token: secret.TokenDigest(token), Created: now,
	}
	err := o.saveOperator(ctx, by, CreateOperator, func(s *snapshot) (before, after *Operator, err error) {
		if len(s.operators) > 0 {
			return nil, nil, errHasOperators
		}
		return nil, made, nil
	})
	if errors.Is(err, errHasOperators) {
		return "", nil
	}
	return token, err
}

// errHasOperators says that there is nothing for Bootstrap to do.
var errHasOperators = errors.New("there are operators already")

// Operators gives operators by number, revoked ones too.
func (o *Office) Operators(_ context.Context, by By, after int64, limit int) ([]*Operator, int64, error) {
	if err := by.may(SeeOperators); err != nil {
		return nil, 0, err
	}
	number := func(p *Operator) int64 { return int64(p.Number) }
	found, next := above(sorted(o.register.now.Load().world(by.World).operators, number), number, after, limit)
	return found, next, nil
}

// CreateOperator makes an operator and gives its token, which is kept nowhere.
func (o *Office) CreateOperator(ctx context.Context, by By, name string, role Role) (*Operator, string, error) {
	if err := by.may(CreateOperator); err != nil {
		return nil, "", err
	}
	if err := checkName(name); err != nil {
		return nil, "", err
	}
	if role < Viewer || role > Admin {
		return nil, "", invalid("role", "is not known")
	}
	token, err := o.newToken()
	if err != nil {
		return nil, "", err
	}
	made := &Operator{World: by.World, Name: name, Role: role, Token: secret.TokenDigest(token), Created: by.At}
	err = o.saveOperator(ctx, by, CreateOperator, func(s *snapshot) (before, after *Operator, err error) {
		if s.world(by.World).operators[name] != nil {
			return nil, nil, refuse(Exists, "an operator with this name exists, or existed")
		}
		made.Number = following(s.operators)
		return nil, made, nil
	})
	if err != nil {
		return nil, "", err
	}
	return made, token, nil
}

// RevokeOperator ends an operator's token for good.
func (o *Office) RevokeOperator(ctx context.Context, by By, name string) (*Operator, error) {
	if err := by.mayWithReason(RevokeOperator); err != nil {
		return nil, err
	}
	var revoked *Operator
	err := o.saveOperator(ctx, by, RevokeOperator, func(s *snapshot) (before, after *Operator, err error) {
		operators := s.world(by.World).operators
		before = operators[name]
		switch {
		case before == nil:
			return nil, nil, refuse(NotFound, "there is no such operator")
		case !before.Revoked.IsZero():
			return nil, nil, refuse(Conflict, "the operator was revoked already")
		case before.Role == Admin && admins(operators) == 1:
			return nil, nil, refuse(Conflict, "the last operator with the role admin cannot be revoked")
		}
		copied := *before
		copied.Revoked = by.At
		revoked = &copied
		return before, revoked, nil
	})
	if err != nil {
		return nil, err
	}
	return revoked, nil
}

func admins(operators map[string]*Operator) (count int) {
	for _, o := range operators {
		if o.Role == Admin && o.Revoked.IsZero() {
			count++
		}
	}
	return count
}

// saveOperator lets decide say what an operator becomes, and saves that.
func (o *Office) saveOperator(ctx context.Context, by By, act Act, decide func(*snapshot) (before, after *Operator, err error)) error {
	return o.act(ctx, func(now *snapshot) (change, error) {
		before, after, err := decide(now)
		if err != nil {
			return change{}, err
		}
		return change{
			row:   Row{Kind: OperatorRow, Number: int64(after.Number), World: after.World, Name: after.Name},
			value: after, audit: by.entry(act, after.subject()).from(before.facts(), after.facts()),
			put: func(s *snapshot) { s.putOperator(after) },
		}, nil
	})
}

// following gives the number after the highest one in use.
func following[K ~int32, T any](numbered map[K]*T) K {
	var highest K
	for number := range numbered {
		highest = max(highest, number)
	}
	return highest + 1
}
