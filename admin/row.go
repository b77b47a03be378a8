// Package admin holds what operators set and do: accounts with their credentials and permissions, products,
// cards, settlements of unsettled requests, adjustments, what becomes of queued advices, and the audit trail that
// records every act.
//
// It promises that nobody acts beyond his role, that every act is recorded in the same commit as its effect,
// with who, when, before, after and reason, and that no act makes or loses money.
package admin

import "github.com/scripworks/scrip/ident"

// Row is one settled thing: an account, a product, an operator, an import or an entry of the audit trail.
// Stores keep its content without looking into it.
type Row struct {
	Kind    Kind
	Number  int64 // unique within the kind
	World   ident.World
	Name    string // by which people name it; unique within kind and world when not empty
	Content []byte // the encoded thing; nil deletes the row
}

// Kind is what a row is about.
type Kind string

// The kinds.
const (
	AccountRow  Kind = "account"
	ProductRow  Kind = "product"
	OperatorRow Kind = "operator"
	ImportRow   Kind = "import"
	AuditRow    Kind = "audit"
	SettingRow  Kind = "setting"
	// A product of airtime has a row that names its newest edition, and a row for each edition.
	AirtimeProductRow Kind = "airtime"
	EditionRow        Kind = "edition"
	NetworkRow        Kind = "network"
	// What package network keeps: its simulated subscribers, and the orders to top them up.
	SubscriberRow Kind = "subscriber"
	OrderRow      Kind = "order"
)

// IsRegister says whether rows of a kind are what a Register holds: every process reads them anew when another one has
// changed them.
func (k Kind) IsRegister() bool {
	switch k {
	case AccountRow, ProductRow, OperatorRow, ImportRow, SettingRow, AirtimeProductRow, EditionRow, NetworkRow:
		return true
	}
	return false
}
