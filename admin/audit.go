package admin

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
)

// Audit is one entry of the audit trail. Its number is its place in the order of all messages: that of the
// message that the act made, if it made one.
type Audit struct {
	Number   int64
	At       time.Time
	Operator string
	Role     Role
	Act      Act
	Subject  string // what it was done to, such as card/17
	Before   Facts
	After    Facts
	Reason   string
}

// Facts are settings by name, as text. Only what may be read by an auditor becomes a fact.
type Facts map[string]string

// differing keeps of both what is not the same in them.
func differing(before, after Facts) (Facts, Facts) {
	before, after = maps.Clone(before), maps.Clone(after)
	for name, value := range before {
		if other, there := after[name]; there && other == value {
			delete(before, name)
			delete(after, name)
		}
	}
	return before, after
}

// entry begins the audit entry of an act.
func (b By) entry(a Act, subject string) Audit {
	return Audit{At: b.At, Operator: b.Operator, Role: b.Role, Act: a, Subject: subject, Reason: b.Reason}
}

// from adds what an act changed.
func (a Audit) from(before, after Facts) Audit {
	a.Before, a.After = differing(before, after)
	return a
}

// record adds an audit entry to the rows of a commit.
func (o *Office) record(tx Rows, w ident.World, number int64, a Audit) error {
	content, err := o.codec.Encode(a)
	if err != nil {
		return fmt.Errorf("encode audit entry: %w", err)
	}
	tx.PutRow(Row{Kind: AuditRow, Number: number, World: w, Content: content})
	return nil
}

// recordAlone commits an audit entry that has no other effect.
func (o *Office) recordAlone(ctx context.Context, w ident.World, a Audit) error {
	return o.store.Update(ctx, giftcard.Keys{World: w}, func(tx Tx) error { return o.record(tx, w, tx.NextSeq(), a) })
}

// AuditQuery says which entries of the trail are wanted. What is empty does not matter.
type AuditQuery struct {
	Subject, Operator string
	After             int64
	Limit             int
}

// Trail gives entries of the audit trail in order. next is 0 when there are no more.
func (o *Office) Trail(ctx context.Context, by By, q AuditQuery) (found []Audit, next int64, err error) {
	if err := by.may(ReadAudit); err != nil {
		return nil, 0, err
	}
	fits := func(a Audit) bool {
		return (q.Subject == "" || a.Subject == q.Subject) && (q.Operator == "" || a.Operator == q.Operator)
	}
	return o.audits(ctx, q.After, q.Limit, func(a Audit, w ident.World) bool { return w == by.World && fits(a) })
}

// audits gives the entries of the trail that fit, in order. next is 0 when there are no more.
func (o *Office) audits(ctx context.Context, after int64, limit int, fits func(Audit, ident.World) bool) (found []Audit, next int64, err error) {
	return page(after, limit, func(after int64, limit int) ([]Row, error) {
		return o.reports.Rows(ctx, AuditRow, after, limit)
	}, func(r Row) (Audit, int64, bool, error) {
		a, err := o.auditOf(r)
		return a, r.Number, err == nil && fits(a, r.World), err
	})
}

func (o *Office) auditOf(r Row) (Audit, error) {
	var a Audit
	if err := o.codec.Decode(r.Content, &a); err != nil {
		return Audit{}, fmt.Errorf("decode audit entry %d: %w", r.Number, err)
	}
	a.Number = r.Number
	return a, nil
}

// auditAt gives the audit entry with a number, when there is one.
func (o *Office) auditAt(ctx context.Context, number int64) (Audit, bool, error) {
	rows, err := o.reports.Rows(ctx, AuditRow, number-1, 1)
	if err != nil || len(rows) == 0 || rows[0].Number != number {
		return Audit{}, false, err
	}
	a, err := o.auditOf(rows[0])
	return a, err == nil, err
}
