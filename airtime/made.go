package airtime

import (
	"encoding/binary"
	"fmt"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// serialLetter begins the serials of vouchers that are made for their sale.
const serialLetter = 'V'

// makeVoucher makes a voucher with an id for its sale by a message. Serial and PIN follow from the id: no two ids share
// either in one world, and without the keys nobody tells the PIN from the serial.
func makeVoucher(keys *secret.Keys, w ident.World, id, sale int64) (NewVoucher, error) {
	serial := txn.Reference(serialLetter, id)
	pin, err := ParseVoucherPIN(fmt.Sprintf("%020d", shuffled(keys, w, uint64(id))))
	if err != nil {
		return NewVoucher{}, err
	}
	sealed, err := SealPIN(keys, w, serial, pin)
	return NewVoucher{
		Voucher:    Voucher{ID: id, World: w, Status: Sold, Serial: serial, SealedPIN: sealed, LastMessage: sale},
		SerialHash: keys.Found(w, secret.BySerial, serial),
		PINHash:    keys.Found(w, secret.ByPIN, pin.Reveal()),
	}, err
}

// shuffled gives the place of a number in a secret order of all numbers of 64 bits: a Feistel network, which never
// puts two numbers in one place, with a keyed hash as the function of each round. Four rounds are what makes such an
// order look random to who does not know the keys.
func shuffled(keys *secret.Keys, w ident.World, n uint64) uint64 {
	const rounds = 4
	left, right := uint32(n>>32), uint32(n)
	for round := range byte(rounds) {
		text := binary.BigEndian.AppendUint32([]byte{round}, right)
		left, right = right, left^uint32(keys.Found(w, madePIN, string(text)))
	}
	return uint64(left)<<32 | uint64(right)
}

// madePIN is the kind of hash that PINs are made with. It is part of nothing that rests.
const madePIN = "voucher made"
