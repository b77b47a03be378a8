package network

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

func TestRecordsThatCannotBe(t *testing.T) {
	const name = "00112233445566778899aabbccddeeff"
	orders := map[string]string{
		"no JSON":                 `{`,
		"no state":                `{}`,
		"an unknown state":        `{"state":"lost","subscriber":"` + name + `"}`,
		"a credit to nobody":      `{"state":"credited","credited":1,"currency":710}`,
		"less than nothing":       `{"state":"credited","subscriber":"` + name + `","credited":-1,"currency":710}`,
		"too much":                `{"state":"credited","subscriber":"` + name + `","credited":1000000000000000000,"currency":710}`,
		"no currency":             `{"state":"credited","subscriber":"` + name + `","credited":1}`,
		"a currency of 4 digits":  `{"state":"credited","subscriber":"` + name + `","credited":1,"currency":1000}`,
		"a bonus and no currency": `{"state":"kept","subscriber":"` + name + `","bonus":1}`,
		"a credit that was no":    `{"state":"credited","subscriber":"` + name + `","refusal":{"reason":"X"}}`,
		"a no without reason":     `{"state":"declined","subscriber":"` + name + `","refusal":{}}`,
		"a no that credited":      `{"state":"declined","subscriber":"` + name + `","refusal":{"reason":"X"},"credited":1,"currency":710}`,
		"taken back from nobody":  `{"state":"reversed","credited":1,"currency":710}`,
		"due before all time":     `{"state":"credited","subscriber":"` + name + `","due":-1}`,
	}
	for what, content := range orders {
		if _, err := decodeOrder(admin.Row{Content: []byte(content)}); err == nil {
			t.Errorf("an order with %s was read", what)
		}
	}
	good := `{"state":"credited","subscriber":"` + name + `","credited":1,"currency":710}`
	if _, err := decodeOrder(admin.Row{Content: []byte(good)}); err != nil {
		t.Errorf("a good order: %v", err)
	}
	for what, content := range map[string]string{
		"no JSON": `{`, "no currency": `{"purses":[{"minor":1}]}`, "less than nothing": `{"purses":[{"minor":-1,"currency":710}]}`,
		"a currency twice":  `{"purses":[{"minor":1,"currency":710},{"minor":1,"currency":710}]}`,
		"too many purses":   `{"purses":[` + purses(17) + `]}`,
		"too many anywhere": `{"purses":[{"minor":1000000000000000000,"currency":710}]}`,
	} {
		if _, err := decodeSubscriber(admin.Row{Content: []byte(content)}); err == nil {
			t.Errorf("a subscriber with %s was read", what)
		}
	}
	if _, err := decodeSubscriber(admin.Row{Content: []byte(`{"purses":[` + purses(16) + `]}`)}); err != nil {
		t.Errorf("a good subscriber: %v", err)
	}
	for _, bad := range []string{"", name[1:], "x" + name[1:]} {
		if _, err := parseKey(bad); err == nil {
			t.Errorf("%q was read as a subscriber's name", bad)
		}
	}
}

// One hash of 64 bits would do for a while, and then two subscribers would share a balance.
func TestASubscribersNameIsTwoHashes(t *testing.T) {
	keys, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	number, err := ident.ParseMSISDN("27820004711")
	if err != nil {
		t.Fatal(err)
	}
	n := &Network{keys: keys}
	key := n.nameOf(1, number)
	if again, err := parseKey(key.name); err != nil || again != key {
		t.Errorf("%+v came back as %+v, %v", key, again, err)
	}
	if key.name[:16] == key.name[16:] {
		t.Errorf("both halves of %s are the same", key.name)
	}
	if other := n.nameOf(2, number); other.name == key.name {
		t.Error("a number has the same name in two worlds")
	}
}

func purses(n int) string {
	var b bytes.Buffer
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"minor":1,"currency":` + string([]byte{'1', byte('0' + i/10), byte('0' + i%10)}) + `}`)
	}
	return b.String()
}

// Whatever is read is written and read again as it was.
func FuzzDecodeOrder(f *testing.F) {
	f.Add([]byte(`{"state":"credited","subscriber":"00112233445566778899aabbccddeeff","asked":1,"in":710,"credited":1,"currency":710,"bonus":1,"due":5}`))
	f.Add([]byte(`{"state":"declined","subscriber":"x","refusal":{"reason":"DECLINED_BY_MNO","text":"no","field":"recipientMsisdn"}}`))
	f.Add([]byte(`{"state":"reversed"}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		k, err := decodeOrder(admin.Row{Kind: admin.OrderRow, Number: 5, Name: "id", Content: content})
		if err != nil {
			return
		}
		row, err := k.row(1)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeOrder(row)
		if err != nil || !reflect.DeepEqual(again, k) {
			t.Errorf("%+v came back as %+v, %v", k, again, err)
		}
		if reference, err := k.answer(); (reference == "") != (err != nil) {
			t.Errorf("%+v answers %q, %v", k, reference, err)
		}
	})
}

// Whatever is read is written and read again as it was.
func FuzzDecodeSubscriber(f *testing.F) {
	f.Add([]byte(`{"purses":[{"minor":1,"currency":710},{"minor":0,"currency":840}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := decodeSubscriber(admin.Row{Kind: admin.SubscriberRow, Number: 5, Name: "name", Content: content})
		if err != nil {
			return
		}
		row, err := s.row(1)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeSubscriber(row)
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v came back as %+v, %v", s, again, err)
		}
	})
}
