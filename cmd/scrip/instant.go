package main

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/alecthomas/kong"
)

// instants has flags that are points in time read by parseInstant, also those that tell whether they were given.
func instants(k *kong.Kong) error {
	by := kong.MapperFunc(parseInstant)
	return errors.Join(kong.TypeMapper(reflect.TypeFor[time.Time](), by).Apply(k), kong.TypeMapper(reflect.TypeFor[*time.Time](), by).Apply(k))
}

// parseInstant reads the value of a flag that is a point in time.
func parseInstant(c *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := c.Scan.PopValueInto("time", &text); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("%q: must be an instant such as 2026-11-22T10:00:00Z (RFC 3339)", text)
	}
	reflect.Indirect(target).Set(reflect.ValueOf(at)) // a pointer has been made
	return nil
}
