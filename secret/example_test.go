package secret_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
)

func Example() {
	keys, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	pan, _ := ident.ParsePAN("8561725642498548895")
	rests := keys.PAN(ident.Production, pan)[0]

	rotated, err := keys.Rotate()
	if err != nil {
		panic(err)
	}
	asked := rotated.PAN(ident.Production, pan)
	fmt.Println(len(asked), asked[0].Key == rotated.Primary(), asked[1] == rests)
	// Output: 2 true true
}

func ExampleKeys_Seal() {
	keys, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	sealed, err := keys.Seal([]byte("4242"), []byte("voucher 7"))
	if err != nil {
		panic(err)
	}
	pin, _ := keys.Open(sealed, []byte("voucher 7"))
	_, moved := keys.Open(sealed, []byte("voucher 8"))
	fmt.Printf("%s, moved: %v\n", pin, moved != nil)
	// Output: 4242, moved: true
}

func ExampleKeys_SealBody() {
	keys, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	sealed, err := keys.SealBody([]byte(`{"id":"0f0c1b2a-1111-4222-8333-444455556666","time":"2026-11-02T16:45:07.000Z"}`))
	if err != nil {
		panic(err)
	}
	body, _ := keys.OpenBody(sealed)
	fmt.Println(len(body), len(sealed))
	// Output: 79 64
}

func ExamplePasswords() {
	hash, err := secret.HashPassword("correct horse")
	if err != nil {
		panic(err)
	}
	passwords := secret.NewPasswords(10*time.Minute, 1000)
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	fmt.Println(passwords.Verify(hash, "correct horse", now), passwords.Verify(hash, "wrong", now))
	// Output: true false
}

func ExampleNewToken() {
	token, err := secret.NewToken()
	if err != nil {
		panic(err)
	}
	fmt.Println(strings.HasPrefix(token, secret.TokenPrefix), len(token))
	// Output: true 49
}
