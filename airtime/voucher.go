package airtime

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
)

// VoucherPIN is a voucher's secret number, 1 to 20 digits: whoever has it has the money. It never prints.
type VoucherPIN struct{ digits string }

const maxVoucherPIN = 20

// ParseVoucherPIN reads a PIN (contract: Voucher.pin). The error never quotes the text.
func ParseVoucherPIN(s string) (VoucherPIN, error) {
	if s == "" || len(s) > maxVoucherPIN || strings.Trim(s, "0123456789") != "" {
		return VoucherPIN{}, fmt.Errorf("must have 1 to %d digits", maxVoucherPIN)
	}
	return VoucherPIN{digits: strings.Clone(s)}, nil
}

// Reveal gives the digits: to seal and to hash them, and to tell the buyer.
func (p VoucherPIN) Reveal() string { return p.digits }

// String hides the PIN.
func (VoucherPIN) String() string { return "****" }

// GoString hides the PIN.
func (VoucherPIN) GoString() string { return "airtime.VoucherPIN(****)" }

// Format hides the PIN under every verb.
func (VoucherPIN) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "****") } // a writer that fails has a caller who knows

// MarshalText hides the PIN, so that no encoder reveals it by accident.
func (VoucherPIN) MarshalText() ([]byte, error) { return []byte("****"), nil }

// SealPIN encrypts a voucher's PIN for keeping, bound to its world and serial.
func SealPIN(keys *secret.Keys, w ident.World, serial string, pin VoucherPIN) ([]byte, error) {
	return keys.Seal([]byte(pin.Reveal()), pinContext(w, serial))
}

// RevealPIN opens the PIN of a voucher.
func RevealPIN(keys *secret.Keys, v Voucher) (VoucherPIN, error) {
	plain, err := keys.Open(v.SealedPIN, pinContext(v.World, v.Serial))
	if err != nil {
		return VoucherPIN{}, err
	}
	return ParseVoucherPIN(string(plain))
}

func pinContext(w ident.World, serial string) []byte {
	return fmt.Appendf(nil, "voucher PIN %d %s", w, serial)
}

// Voucher is one voucher of the stock. It is in exactly one status.
type Voucher struct {
	ID          int64 // in one sequence with messages and cards
	World       ident.World
	Batch       int32 // number of its batch; 0 when it was made for its sale
	Status      VoucherStatus
	Serial      string // 1 to 20 letters and digits; cannot redeem
	SealedPIN   []byte // encrypted, bound to world and serial
	LastMessage int64  // newest message that touched it: its sale, the reversal of that, or an operator's act; 0 when none has
}

// VoucherStatus is where a voucher stands.
type VoucherStatus uint8

// The statuses. Whether a sale is open or confirmed stands in the message of the sale.
const (
	InStock     VoucherStatus = 1
	Sold        VoucherStatus = 2
	Quarantined VoucherStatus = 3 // its sale was reversed: its PIN may have been seen
	Withdrawn   VoucherStatus = 4 // taken out by an operator, or expired
)

var voucherStatusNames = [...]string{"", "stock", "sold", "quarantine", "withdrawn"}

// String gives the status's name.
func (s VoucherStatus) String() string { return voucherStatusNames[s] }

// NewVoucher is a voucher that was not there before, with the hashes that it is found by.
type NewVoucher struct {
	Voucher
	SerialHash, PINHash int64
}

// Batch is vouchers of one product that came together and expire together. InStock is how many of them can be sold.
type Batch struct {
	Number  int32
	World   ident.World
	Product int32     // number of the product
	Name    string    // batch number, at most 20 letters and digits; may be empty
	Expiry  time.Time // zero when they never expire
	Closed  bool      // not sold: its import is not complete, or an operator has closed it
	InStock int64
}

// Float is what an account has paid in to buy airtime against. A purchase leaves both its balances at once, and comes
// back to both when it is reversed; what is available is what can still be spent.
type Float struct {
	Account     ident.Account
	World       ident.World
	Currency    money.Currency
	Balance     ledger.Balance
	LastMessage int64 // newest act of an operator; 0 when none
}
