package wire

import "testing"

func valueOf(text string) Value {
	c := cursor{[]byte(text), 0}
	return c.value()
}

func TestValuesAreEqualAsJSON(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[1,"x"]}`, `{ "b" : [ 1, "\u0078" ] , "a" : 1 }`, true},
		{`{"a":1,"b":null}`, `{"a":1}`, true},
		{`{"a":1}`, `{"a":1,"c":{"d":null}}`, false},
		{`{"a":1}`, `{"a":2}`, false},
		{`{"a":1}`, `{"A":1}`, false},
		{`[1,2]`, `[1,2,3]`, false},
		{`[1,2,3]`, `[1,2]`, false},
		{`[1,2]`, `[2,1]`, false},
		{`[null]`, `[null]`, true},
		{`[null]`, `[]`, false},
		{`"1"`, `1`, false},
		{`true`, `true`, true},
		{`null`, `null`, true},
		{`null`, `0`, false},
	}
	for _, test := range tests {
		if have := valueOf(test.a).equal(valueOf(test.b)); have != test.want {
			t.Errorf("%s equals %s: %v", test.a, test.b, have)
		}
		if have := valueOf(test.b).equal(valueOf(test.a)); have != test.want {
			t.Errorf("%s equals %s: %v", test.b, test.a, have)
		}
	}
}

func TestNoValueHasNothing(t *testing.T) {
	for _, v := range []Value{{}, valueOf(`null`), valueOf(``)} {
		if v.Exists() || v.Raw() != nil || v.Member("a").Exists() {
			t.Errorf("%+v is something", v)
		}
		if _, ok := v.Text(); ok {
			t.Errorf("%+v is a text", v)
		}
		for range v.Elements() {
			t.Errorf("%+v has elements", v)
		}
		for range v.Members() {
			t.Errorf("%+v has members", v)
		}
	}
}

func TestMemberFindsEscapedNames(t *testing.T) {
	v := valueOf(`{"x\"y":{"a":1},"\u0061":2}`)
	if raw := v.Member("a").Raw(); string(raw) != "2" {
		t.Errorf("a is %q", raw)
	}
	if raw := v.Member(`x"y`).Raw(); string(raw) != `{"a":1}` {
		t.Errorf("x\"y is %q", raw)
	}
}
