package store

import (
	"context"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
)

var (
	_ giftcard.Tx = (*Tx)(nil)
	_ airtime.Tx  = (*Tx)(nil)
	_ admin.Tx    = (*Tx)(nil)
)

// Giftcard gives the store in the words of the gift card rules.
func Giftcard(s *Store) giftcard.Store {
	return face[giftcard.Keys, giftcard.Tx]{s, cardKeys, func(t *Tx) giftcard.Tx { return t }}
}

// Airtime gives the store in the words of the airtime rules.
func Airtime(s *Store) airtime.Store {
	return face[airtime.Keys, airtime.Tx]{s, airtimeKeys, func(t *Tx) airtime.Tx { return t }}
}

// Admin gives the store in the words of operators' acts.
func Admin(s *Store) admin.Store {
	return face[giftcard.Keys, admin.Tx]{s, actKeys, func(t *Tx) admin.Tx { return t }}
}

func cardKeys(k giftcard.Keys) Keys { return Keys{World: k.World, IDs: k.IDs, Cards: k.Cards} }

// actKeys has acts meet one another: they are judged by what operators have set, and the number of a card that is added may
// stand under one key here and under another one elsewhere.
func actKeys(k giftcard.Keys) Keys {
	return Keys{World: k.World, IDs: k.IDs, Cards: k.Cards, Register: true}
}

func airtimeKeys(k airtime.Keys) Keys {
	return Keys{World: k.World, IDs: k.IDs, Stock: k.Stock, Float: k.Float, At: k.At, Hashes: k.Hashes}
}

// face is the store as one room of rules sees it: with its own keys, and its own view of a Tx.
type face[K, T any] struct {
	store *Store
	keys  func(K) Keys
	tx    func(*Tx) T
}

// Update implements txn.Store.
func (f face[K, T]) Update(ctx context.Context, keys K, decide func(T) error) error {
	return f.store.Do(ctx, f.keys(keys), func(t *Tx) error { return decide(f.tx(t)) })
}

// View implements txn.Store.
func (f face[K, T]) View(ctx context.Context, keys K, read func(T) error) error {
	return f.store.Read(ctx, f.keys(keys), func(t *Tx) error { return read(f.tx(t)) })
}

// Later implements txn.Store.
func (f face[K, T]) Later(keys K, decide func(T) error, done func()) {
	var told func(error)
	if done != nil {
		told = func(error) { done() }
	}
	f.store.Behind(f.keys(keys), func(t *Tx) error { return decide(f.tx(t)) }, told)
}
