package wire_test

import (
	"errors"
	"fmt"

	"github.com/scripworks/scrip/api/wire"
)

const parcelContract = `
openapi: 3.0.3
info: {title: Parcels, version: "1"}
paths: {}
components:
  schemas:
    Parcel:
      type: object
      required: [id, weight]
      properties:
        id: {type: string, pattern: '[A-Z]{2}[0-9]{4}'}
        weight: {type: integer, format: int32}
        remark: {type: string}
`

func Example() {
	contract, err := wire.Compile([]byte(parcelContract))
	if err != nil {
		fmt.Println(err)
		return
	}
	parcel, err := contract.Model("Parcel")
	if err != nil {
		fmt.Println(err)
		return
	}
	id, weight := parcel.Slot("id"), parcel.Slot("weight")

	var msg wire.Message
	for _, body := range []string{
		`{"id":"AB1234","weight":250,"colour":"unknown members are ignored"}`,
		`{"id":"AB1234","remark":null}`,
		`{"id":"1234","weight":2.5}`,
		`{"id":`,
	} {
		err := parcel.Read([]byte(body), &msg)
		var violations *wire.Violations
		switch {
		case err == nil:
			text, _ := msg.Text(id)
			grams, _ := msg.Int(weight)
			fmt.Println(text, grams)
		case errors.As(err, &violations):
			for _, v := range violations.List {
				fmt.Printf("%s: %s (%s)\n", v.Field, v.Msg, v.Value)
			}
		default:
			fmt.Println(err)
		}
	}
	// Output:
	// AB1234 250
	// weight: weight may not be null ()
	// id: id must match [A-Z]{2}[0-9]{4} (1234)
	// weight: weight must be an integer (2.5)
	// the body ends too early at byte 6
}
