package airtime_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scripworks/scrip/airtime"
)

func TestAVoucherPINNeverPrints(t *testing.T) {
	pin, err := airtime.ParseVoucherPIN("1234567890")
	if err != nil {
		t.Fatal(err)
	}
	text, err := pin.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %d %x %q %s", pin, pin, pin, pin, pin, pin, pin, text)
	if strings.Contains(printed, "1234567890") || strings.Contains(printed, "31323334") {
		t.Errorf("it prints as %s", printed)
	}
}
