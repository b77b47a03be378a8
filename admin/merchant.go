package admin

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// MaxMerchantRange bounds how long a time a question about a merchant may be of: each hour of it is a search.
const MaxMerchantRange = 7 * 24 * time.Hour

// Bounds of what is looked at for one page: requests, because those of an hour need not be of the time asked for, and hours,
// because there may be nothing in them.
const (
	maxWeighed = 2000
	maxHours   = 24
)

// MerchantQuery says which requests are wanted: those that came from a merchant and were received at From or later, and
// before To.
type MerchantQuery struct {
	Merchant string // its id
	From, To time.Time
	After    MerchantCursor
	Limit    int // 0 is DefaultLimit, and MaxLimit the most
}

// check refuses a question that has no answer, or too long a one.
func (q *MerchantQuery) check() error {
	switch {
	case q.Merchant == "":
		return invalid("merchant", "must be given")
	case !q.From.Before(q.To):
		return invalid("to", "must be after from")
	case q.To.Sub(q.From) > MaxMerchantRange:
		return invalid("to", "must be at most %d hours after from", int(MaxMerchantRange.Hours()))
	case q.After != (MerchantCursor{}) && (q.After.Hour < q.first() || q.After.Hour > q.last()):
		return invalid("after", "must be the next of an earlier answer, and between from and to")
	}
	return nil
}

// first and last give the hours in which the search begins and ends, as a cursor does.
func (q *MerchantQuery) first() int64 { return q.From.Truncate(time.Hour).Unix() }
func (q *MerchantQuery) last() int64  { return q.To.Add(-1).Truncate(time.Hour).Unix() }

// start is where the search begins, or goes on.
func (q *MerchantQuery) start() MerchantCursor {
	if q.After == (MerchantCursor{}) {
		return MerchantCursor{Hour: q.first()}
	}
	return q.After
}

// MerchantCursor is a place in the requests of a merchant: an hour, and a request that was received in it.
type MerchantCursor struct {
	Hour  int64 // when it begins, in Unix seconds
	After int64 // seq of the last request that was looked at
}

// String writes the cursor for ParseMerchantCursor; empty for the zero cursor.
func (c MerchantCursor) String() string {
	if c == (MerchantCursor{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d", c.Hour, c.After)
}

// ParseMerchantCursor reads what String wrote.
func ParseMerchantCursor(s string) (c MerchantCursor, err error) {
	if s == "" {
		return MerchantCursor{}, nil
	}
	hour, after, _ := strings.Cut(s, ".")
	if c.Hour, err = strconv.ParseInt(hour, 10, 64); err == nil {
		c.After, err = strconv.ParseInt(after, 10, 64)
	}
	if err != nil || c.After < 0 || c.Hour%int64(time.Hour/time.Second) != 0 || c.String() != s {
		return MerchantCursor{}, invalid("after", "must be the next of an earlier answer")
	}
	return c, nil
}

// FindByMerchant gives requests that came from a merchant, by the hours in which they were received and within an hour by
// their numbers. next is where to go on, and zero at the end; a page may have fewer than the limit, or none, before the end.
// Look-ups of balances are not among them, nor what is no longer kept whole. What is received between two pages, in an hour that
// is not over, may be left out: its number may lie below those that were given.
func (o *Office) FindByMerchant(ctx context.Context, by By, q MerchantQuery) (found []Transaction, next MerchantCursor, err error) {
	if err := by.may(SeeTransactions); err != nil {
		return nil, next, err
	}
	if err := q.check(); err != nil {
		return nil, next, err
	}
	messages, next, err := o.ofMerchant(ctx, by.World, &q)
	if err != nil {
		return nil, next, err
	}
	found, err = o.transactions(ctx, messages)
	return found, next, err
}

// ofMerchant goes through the hours, until a page is full, enough has been looked at, or the time is over. As a rule what is
// read is wanted, and one page of it will do; where it is not, more is read at once.
func (o *Office) ofMerchant(ctx context.Context, w ident.World, q *MerchantQuery) (found []txn.Message, next MerchantCursor, err error) {
	limit, weighed, hours := bounded(q.Limit), 0, 0
	read := max(limit, leastRead)
	for at := q.start(); at.Hour <= q.last(); {
		if err := ctx.Err(); err != nil {
			return nil, next, err
		}
		if hours == maxHours {
			return found, at, nil
		}
		candidates, err := o.reports.MessagesByReference(ctx, w, o.keys.Merchant(w, q.Merchant, time.Unix(at.Hour, 0)), at.After, read)
		if err != nil {
			return nil, next, err
		}
		for _, m := range candidates {
			if at.After = m.Seq; o.fromMerchant(m, q) {
				found = append(found, m)
			}
			if weighed++; len(found) == limit || weighed == maxWeighed {
				return found, at, nil
			}
		}
		ended := len(candidates) < read
		if read = MaxLimit; ended {
			at = MerchantCursor{Hour: at.Hour + int64(time.Hour/time.Second)}
			hours++
		}
	}
	return found, MerchantCursor{}, nil
}

// fromMerchant says whether a message that the hash leads to is wanted.
func (o *Office) fromMerchant(m txn.Message, q *MerchantQuery) bool {
	if m.Role != txn.Request || m.At.Before(q.From) || !m.At.Before(q.To) {
		return false
	}
	body, err := o.keys.OpenBody(m.Body)
	return err == nil && o.tells(body, secret.ByMerchant, q.Merchant)
}
