package giftcard

import (
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Store is where gift card messages are decided.
type Store = txn.Store[Keys, Tx]

// Keys says what a message will need, so that a batch loads it in one go. What was not named here is loaded
// when a decision asks for it, at the price of a detour.
type Keys struct {
	World ident.World
	IDs   []ident.ID // messages, tombstones, and through a request the cards it names
	Cards []CardKey  // cards by their number
}

// CardKey is a card's number as keyed hashes: under the primary key first, then under older keys still asked.
type CardKey []secret.Digest

// Tx is what a decision about gift cards reads and writes.
type Tx interface {
	txn.Tx
	// CardByNumber gives the card with a number.
	CardByNumber(key CardKey) (Card, bool)
	// Card gives the card with an id that a record named. A missing one is a fault and panics privately.
	Card(id int64) Card
	// Detail gives a card's detail.
	Detail(id int64) Detail
	// CardsOf gives the ids of the cards, oldest first and at most limit, whose holder has this digest.
	CardsOf(digest secret.Digest, limit int) []int64

	PutCard(c Card)
	PutDetail(d Detail)
	// Enter adds an entry to the ledger.
	Enter(e ledger.Entry)
}

// Products gives the products of a world as they stand now.
type Products interface {
	ProductByID(w ident.World, id string) (*Product, bool)
	Product(w ident.World, number int32) (*Product, bool)
}
