package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// same fails the test when two values differ. An empty slice is the same as none, and a time is an instant.
func (r *room) same(what string, got, want any) {
	r.Helper()
	if d := differ(what, reflect.ValueOf(got), reflect.ValueOf(want)); d != "" {
		r.Error(d) // not Fatal: decisions run on the store's goroutine
	}
}

// differ names the first difference between two values of one type, or nothing.
func differ(path string, got, want reflect.Value) string {
	if got.IsValid() != want.IsValid() || (got.IsValid() && got.Type() != want.Type()) {
		return fmt.Sprintf("%s: got %v, want %v", path, got, want)
	}
	if at, isTime := value(got).(time.Time); isTime {
		if !at.Equal(want.Interface().(time.Time)) {
			return fmt.Sprintf("%s: got %v, want %v", path, got, want)
		}
		return ""
	}
	if b, isBytes := value(got).([]byte); isBytes && bytes.Equal(b, want.Bytes()) {
		return "" // bodies may be long
	}
	switch got.Kind() {
	case reflect.Interface:
		return differ(path, got.Elem(), want.Elem())
	case reflect.Struct:
		for i := range got.NumField() {
			if d := differ(path+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i)); d != "" {
				return d
			}
		}
	case reflect.Slice:
		if got.Len() != want.Len() {
			return fmt.Sprintf("%s: got %d of them, want %d (%v, want %v)", path, got.Len(), want.Len(), got, want)
		}
		for i := range got.Len() {
			if d := differ(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i)); d != "" {
				return d
			}
		}
	default:
		if !got.Equal(want) {
			return fmt.Sprintf("%s: got %v, want %v", path, got, want)
		}
	}
	return ""
}

func value(v reflect.Value) any {
	if !v.IsValid() || !v.CanInterface() {
		return nil
	}
	return v.Interface()
}

// full fails the test when a field of a sample was left at zero: the sample would not notice that it is lost. Some fields it
// cannot have.
func (r *room) full(sample any, but ...string) {
	r.Helper()
	v := reflect.ValueOf(sample)
	for i := range v.NumField() {
		if v.Field(i).IsZero() && !slices.Contains(but, v.Type().Field(i).Name) {
			r.Fatalf("the sample of %T has no %s", sample, v.Type().Field(i).Name)
		}
	}
}
