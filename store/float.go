package store

import (
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
)

// LoadedFloat brings an account's float; nil when it has none.
func (s *Set) LoadedFloat(account ident.Account, f *airtime.Float) {
	if f != nil {
		s.saw(f.LastMessage)
	}
	if !s.HasFloat(account) {
		s.floats[account] = f
	}
}

// HasFloat says whether an account's float has been looked for.
func (s *Set) HasFloat(account ident.Account) bool {
	_, known := s.floats[account]
	return known
}

// Float implements airtime.Tx.
func (t *Tx) Float(account ident.Account) (airtime.Float, bool) {
	if f := t.float(account); f != nil {
		return *f, true
	}
	return airtime.Float{}, false
}

func (t *Tx) float(account ident.Account) *airtime.Float {
	if !t.set.HasFloat(account) {
		t.wanted.Floats = append(t.wanted.Floats, account)
		t.load()
	}
	return t.set.floats[account]
}

// PutFloat implements airtime.Tx.
func (t *Tx) PutFloat(f airtime.Float) {
	t.mustWrite()
	if err := f.Balance.Check(); err != nil {
		panic(failure{err})
	}
	kept := t.float(f.Account)
	if kept == nil {
		kept = &f
		t.set.floats[f.Account] = kept
		undo := list(t, &t.set.changes.Floats, kept)
		t.undo = append(t.undo, func() { t.set.floats[f.Account] = nil; undo() })
		return
	}
	before := *kept
	kept.Balance, kept.LastMessage = f.Balance, f.LastMessage
	undo := list(t, &t.set.changes.Floats, kept)
	t.undo = append(t.undo, func() { *kept = before; undo() })
}
