package adminhttp

import (
	"strconv"
	"time"

	adminapi "github.com/scripworks/scrip/api/admin"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// each turns a list into another; an empty one into an empty one, which JSON shows as [].
func each[F, T any](from []F, turn func(F) T) []T {
	to := make([]T, len(from))
	for i, f := range from {
		to[i] = turn(f)
	}
	return to
}

// try turns a list into another, or gives the first error.
func try[F, T any](from []F, turn func(i int, f F) (T, error)) ([]T, error) {
	if len(from) == 0 {
		return nil, nil
	}
	to := make([]T, len(from))
	for i, f := range from {
		var err error
		if to[i], err = turn(i, f); err != nil {
			return nil, err
		}
	}
	return to, nil
}

func family(field string, f adminapi.Family) (txn.Family, error) {
	if known, ok := txn.ParseFamily(string(f)); ok {
		return known, nil
	}
	return 0, invalid(field, "is not known")
}

// currency reads a currency; none is 0.
func currency(field, s string) (money.Currency, error) {
	if s == "" {
		return 0, nil
	}
	c, err := money.ParseCurrency(s)
	if err != nil {
		return 0, invalid(field, err.Error())
	}
	return c, nil
}

func velocityIn(list []adminapi.Velocity) ([]txn.Velocity, error) {
	return try(list, func(i int, v adminapi.Velocity) (txn.Velocity, error) {
		f, err := family("settings.velocity."+strconv.Itoa(i)+".family", v.Family)
		return txn.Velocity{
			Family: f, Window: time.Duration(v.WindowSeconds) * time.Second, MaxCount: v.MaxCount, MaxAmount: money.Minor(v.MaxAmount),
		}, err
	})
}

func velocityOut(list []txn.Velocity) []adminapi.Velocity {
	return each(list, func(v txn.Velocity) adminapi.Velocity {
		return adminapi.Velocity{
			Family: adminapi.Family(v.Family.String()), WindowSeconds: int64(v.Window / time.Second),
			MaxCount: v.MaxCount, MaxAmount: adminapi.Minor(v.MaxAmount),
		}
	})
}

func accountSettings(s adminapi.AccountSettings) (admin.AccountSettings, error) {
	in := admin.AccountSettings{
		HolderLookUps: s.HolderLookUps, WrongPerMinute: admin.DefaultWrongPerMinute, RequestsPerSecond: s.RequestsPerSecond, Burst: s.Burst,
		Products: each(s.Products, func(id adminapi.ProductID) string { return string(id) }),
		Ranges:   each(s.Ranges, func(r adminapi.Range) txn.Range { return txn.Range{First: r.First, Last: r.Last} }),
		Certificates: each(s.Certificates, func(c adminapi.Certificate) admin.Certificate {
			return admin.Certificate{Kind: admin.CertificateKind(c.Kind), Value: c.Value}
		}),
		Intermediary: s.Intermediary, Prepaid: s.Prepaid, LowFloat: money.Minor(s.LowFloat),
	}
	if s.WrongPerMinute != nil {
		in.WrongPerMinute = *s.WrongPerMinute
	}
	var err error
	if in.Families, err = try(s.Families, func(_ int, f adminapi.Family) (txn.Family, error) { return family("settings.families", f) }); err != nil {
		return in, err
	}
	in.Velocity, err = velocityIn(s.Velocity)
	return in, err
}

func account(a *admin.Account) adminapi.Account {
	s := a.Settings
	return adminapi.Account{
		Number: int32(a.Number), Name: adminapi.Name(a.Name), Suspended: a.Suspended,
		Credentials: each(a.Credentials, credential),
		Settings: adminapi.AccountSettings{
			HolderLookUps: s.HolderLookUps, WrongPerMinute: &s.WrongPerMinute, RequestsPerSecond: s.RequestsPerSecond, Burst: s.Burst,
			Families: each(s.Families, func(f txn.Family) adminapi.Family { return adminapi.Family(f.String()) }),
			Products: each(s.Products, func(id string) adminapi.ProductID { return adminapi.ProductID(id) }),
			Ranges:   each(s.Ranges, func(r txn.Range) adminapi.Range { return adminapi.Range{First: r.First, Last: r.Last} }),
			Velocity: velocityOut(s.Velocity),
			Certificates: each(s.Certificates, func(c admin.Certificate) adminapi.Certificate {
				return adminapi.Certificate{Kind: adminapi.CertificateKind(c.Kind), Value: c.Value}
			}),
			Intermediary: s.Intermediary, Prepaid: s.Prepaid, LowFloat: int64(s.LowFloat),
		},
	}
}

func credential(c admin.Credential) adminapi.Credential {
	return adminapi.Credential{Number: c.Number, NotBefore: c.NotBefore, NotAfter: c.NotAfter}
}

func productIn(id adminapi.ProductID, s adminapi.ProductSettings) (giftcard.Product, error) {
	p := giftcard.Product{
		ID: string(id), Barcode: s.Barcode, Type: s.Type, StartBalance: money.Minor(s.StartBalance), Opening: giftcard.Opening(s.Opening),
		MinLoad: money.Minor(s.MinLoad), MaxLoad: money.Minor(s.MaxLoad), MaxBalance: money.Minor(s.MaxBalance),
		SingleLoad: s.SingleLoad, PINRequired: s.PINRequired, PINTries: s.PINTries, SingleUse: s.SingleUse,
		ValidMonths: s.ValidMonths, ReplaceFrozen: s.ReplaceFrozen,
	}
	var err error
	if p.Currency, err = currency("settings.currency", string(s.Currency)); err != nil {
		return p, err
	}
	p.Velocity, err = velocityIn(s.Velocity)
	return p, err
}

func productOut(p *giftcard.Product) adminapi.Product {
	return adminapi.Product{Number: p.Number, ID: adminapi.ProductID(p.ID), Settings: adminapi.ProductSettings{
		Barcode: p.Barcode, Type: p.Type, Currency: adminapi.Currency(p.Currency.String()), StartBalance: adminapi.Minor(p.StartBalance),
		Opening: adminapi.ProductSettingsOpening(p.Opening), MinLoad: adminapi.Minor(p.MinLoad), MaxLoad: adminapi.Minor(p.MaxLoad),
		MaxBalance: adminapi.Minor(p.MaxBalance), SingleLoad: p.SingleLoad, PINRequired: p.PINRequired, PINTries: p.PINTries,
		SingleUse: p.SingleUse, ValidMonths: p.ValidMonths, ReplaceFrozen: p.ReplaceFrozen, Velocity: velocityOut(p.Velocity),
	}}
}

func balance(b ledger.Balance) adminapi.Balance {
	return adminapi.Balance{Book: int64(b.Book), Available: int64(b.Available)}
}

func cardName(n admin.CardName) adminapi.CardName {
	return adminapi.CardName{Number: n.Number, PAN: n.Masked}
}

func card(v admin.CardView) adminapi.Card {
	c := adminapi.Card{
		Number: v.ID, PAN: v.Masked, Status: adminapi.CardStatus(v.Status.String()), Frozen: v.Frozen,
		Product: adminapi.ProductID(v.ProductID), Expiry: v.Expiry.String(), Currency: adminapi.Currency(v.Currency.String()),
		Balance: balance(v.Balance), HasPIN: v.HasPIN, WrongPINs: v.WrongPINs, PINLocked: v.PINLocked, HolderKnown: v.HolderKnown,
		Loads: v.Loads, Successor: cardName(v.Successor), Import: v.Import,
	}
	if v.ValidThrough != 0 {
		c.ValidThrough = v.ValidThrough.String()
	}
	return c
}

func transaction(t admin.Transaction) adminapi.Transaction {
	out := adminapi.Transaction{
		Number: t.Seq, Reference: t.Reference, ID: string(t.ID), Account: t.AccountName, Family: adminapi.Family(t.Family.String()),
		Role: adminapi.TransactionRole(t.Role.String()), State: adminapi.TransactionState(t.State.String()), Declined: string(t.Reason),
		At: t.At.UTC(), Request: t.Request, Card: cardName(t.Card), Target: cardName(t.Target), Product: adminapi.ProductID(t.ProductID),
		Voucher: adminapi.VoucherName{Number: t.Voucher.Number, Serial: t.Voucher.Serial}, Prepaid: t.Prepaid, ProviderReference: t.ProviderRef,
		Approved: int64(t.Amount), Final: int64(t.Final), Currency: currencyOut(t.Currency), HasBody: len(t.Body) > 0, Upstream: t.Upstream,
		Pruned: t.Pruned,
	}
	if t.Queued != nil {
		out.Queued = queueItem(*t.Queued)
	}
	if by := t.Forestalled; by != nil {
		out.Forestalled = adminapi.Forestalling{Number: by.Seq, ID: string(by.ID)}
	}
	if by := t.EndedBy; by != nil {
		out.Ended = adminapi.Ending{Number: by.Seq, ID: string(by.ID), At: by.At.UTC(), By: adminapi.EndingBySender}
		switch {
		case by.Account == 0:
			out.Ended.By = adminapi.EndingByOperator
		case t.Undone:
			out.Ended.By = adminapi.EndingByRelay
		}
	}
	return out
}

func historyItem(i admin.HistoryItem) adminapi.HistoryItem {
	return adminapi.HistoryItem{Transaction: transaction(*i.Transaction), Balance: balance(i.After), Operator: i.Operator, Reason: i.Why}
}

func openTotal(t admin.OpenTotal) adminapi.OpenTotal {
	return adminapi.OpenTotal{
		Account: t.Account, Currency: adminapi.Currency(t.Currency.String()), Count: t.Count, Value: t.Value.String(), Oldest: t.Oldest.UTC(),
	}
}

func operatorOut(o *admin.Operator) adminapi.Operator {
	return adminapi.Operator{
		Number: o.Number, Name: adminapi.Name(o.Name), Role: adminapi.Role(o.Role.String()), Created: o.Created, Revoked: o.Revoked,
	}
}

func imported(i *admin.Import) adminapi.Import {
	kind := adminapi.ImportKindCards
	if i.Kind == admin.OfVouchers {
		kind = adminapi.ImportKindVouchers
	}
	return adminapi.Import{
		Number: i.Number, Kind: kind, Product: i.Product, Mode: adminapi.ImportMode(i.Mode), State: adminapi.ImportState(i.State), Operator: i.Operator,
		Begun: i.Begun, Ended: i.Ended, Lines: i.Lines, Added: i.Added, Present: i.Present, Rejected: i.Rejected,
	}
}

func auditEntry(a admin.Audit) adminapi.AuditEntry {
	return adminapi.AuditEntry{
		Number: a.Number, At: a.At, Operator: a.Operator, Role: adminapi.Role(a.Role.String()), Act: string(a.Act), Subject: a.Subject,
		Before: adminapi.Facts(a.Before), After: adminapi.Facts(a.After), Reason: a.Reason,
	}
}
