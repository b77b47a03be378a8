package secret

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// cheap is a PHC string of a password with parameters so small that tests can afford many.
func cheap(password string) string {
	p := phc{memory: 8, time: 1, lanes: 1, salt: []byte("12345678"), sum: make([]byte, minSum)}
	p.sum = p.compute(password)
	return p.String()
}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// occupied takes all slots until the test ends, so that no argon2id can be computed meanwhile.
func occupied(t *testing.T) {
	for range ArgonConcurrency {
		argonSlots <- struct{}{}
	}
	t.Cleanup(func() {
		for range ArgonConcurrency {
			<-argonSlots
		}
	})
}

func TestPasswordIsVerified(t *testing.T) {
	hash, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hashed as %s", hash)
	}
	if again, err := HashPassword("correct horse"); err != nil || again == hash {
		t.Errorf("the same salt twice, or %v", err)
	}
	p := NewPasswords(time.Hour, 10)
	for range 2 { // computed, then remembered
		if !p.Verify(hash, "correct horse", noon) {
			t.Error("the right password is wrong")
		}
		if p.Verify(hash, "correct horsf", noon) {
			t.Error("a wrong password is right")
		}
	}
}

func TestPasswordMustBeThereAndBounded(t *testing.T) {
	p := NewPasswords(time.Hour, 10)
	for _, bad := range []string{"", strings.Repeat("x", MaxPassword+1)} {
		if _, err := HashPassword(bad); err == nil {
			t.Errorf("a password of %d bytes was hashed", len(bad))
		}
		if p.Verify(cheap(bad), bad, noon) {
			t.Errorf("a password of %d bytes is right", len(bad))
		}
	}
	if longest := strings.Repeat("x", MaxPassword); !p.Verify(cheap(longest), longest, noon) {
		t.Error("the longest password is wrong")
	}
}

func TestUnknownNameIsNeverRight(t *testing.T) {
	p := NewPasswords(time.Hour, 10)
	for range 2 {
		if p.Verify("", "correct horse", noon) {
			t.Error("a name that does not exist has a right password")
		}
	}
	parsed, err := parsePHC(decoy.String())
	if err != nil || parsed.memory != argonMemory || parsed.time != argonTime || parsed.lanes != argonLanes {
		t.Errorf("a name that does not exist takes another time than one that does: %s", decoy)
	}
}

func TestVerifiedPairIsRememberedForAWhile(t *testing.T) {
	p := NewPasswords(time.Hour, 10)
	hash := cheap("right")
	if !p.Verify(hash, "right", noon) || p.Verify(hash, "wrong", noon) {
		t.Fatal("verified wrongly")
	}
	occupied(t)
	if !p.Verify(hash, "right", noon.Add(time.Hour-1)) {
		t.Error("the right pair is forgotten")
	}
	if p.Verify(hash, "wrong", noon.Add(WrongRemembered-1)) {
		t.Error("the wrong pair has become right")
	}
	if _, known := p.recall(p.pair(hash, "right"), noon.Add(time.Hour)); known {
		t.Error("the right pair is remembered past its time")
	}
	if _, known := p.recall(p.pair(hash, "wrong"), noon.Add(WrongRemembered)); known {
		t.Error("the wrong pair is remembered past its time")
	}
	if _, known := p.recall(p.pair(cheap("right2"), "right"), noon); known {
		t.Error("the pair of another hash is remembered")
	}
}

func TestRecallComputesNothing(t *testing.T) {
	p := NewPasswords(time.Hour, 10)
	hash, other := cheap("right"), cheap("other")
	p.Verify(hash, "right", noon)
	p.Verify(hash, "wrong", noon)
	occupied(t)
	for _, c := range []struct {
		hash, password string
		right, known   bool
	}{
		{hash, "right", true, true},
		{hash, "wrong", false, true},
		{other, "other", false, false}, // not asked yet
		{hash, "", false, true},        // never right
		{hash, strings.Repeat("x", MaxPassword+1), false, true},
	} {
		if right, known := p.Recall(c.hash, c.password, noon); right != c.right || known != c.known {
			t.Errorf("%.20q: right %v, known %v", c.password, right, known)
		}
	}
}

func TestNothingIsRememberedWithoutTimeOrRoom(t *testing.T) {
	for _, p := range []*Passwords{NewPasswords(0, 10), NewPasswords(time.Hour, 0)} {
		hash := cheap("right")
		for range 2 {
			if !p.Verify(hash, "right", noon) || p.Verify(hash, "wrong", noon) {
				t.Error("verified wrongly")
			}
		}
		if len(p.right.until)+len(p.wrong.until) != 0 {
			t.Error("something is remembered")
		}
	}
}

func TestRememberedPairsAreBounded(t *testing.T) {
	const most = 5
	p := NewPasswords(time.Hour, most)
	hash := cheap("right")
	for i := range 3 * most {
		p.Verify(hash, fmt.Sprint("wrong", i), noon)
		p.Verify(cheap(fmt.Sprint("right", i)), fmt.Sprint("right", i), noon)
	}
	if len(p.right.until) != most || len(p.wrong.until) != most {
		t.Errorf("%d right and %d wrong pairs are remembered, want %d of each", len(p.right.until), len(p.wrong.until), most)
	}
	// What is past its time goes first.
	p.Verify(hash, "right", noon.Add(time.Hour))
	if len(p.right.until) != 1 {
		t.Errorf("%d right pairs are remembered although all but one are past their time", len(p.right.until))
	}
}

func TestFloodOfWrongPasswordsForgetsNoRightOne(t *testing.T) {
	p := NewPasswords(time.Hour, 3)
	hash := cheap("right")
	p.Verify(hash, "right", noon)
	for i := range 10 {
		p.Verify(hash, fmt.Sprint("wrong", i), noon)
	}
	occupied(t)
	if !p.Verify(hash, "right", noon) {
		t.Error("the right pair was pushed out")
	}
}

func TestRequestsThatWaitLearnFromTheFirst(t *testing.T) {
	defer func(slots chan struct{}) { argonSlots = slots }(argonSlots)
	synctest.Test(t, func(t *testing.T) {
		argonSlots = make(chan struct{}, 1)
		argonSlots <- struct{}{} // somebody is computing
		p := NewPasswords(time.Hour, 10)
		var waiting sync.WaitGroup
		answers := make([]bool, 8)
		for i := range answers {
			waiting.Go(func() { answers[i] = p.Verify("not a hash that could be computed", "right", noon) })
		}
		synctest.Wait() // all of them wait for the slot
		p.remember(p.pair("not a hash that could be computed", "right"), true, noon)
		<-argonSlots
		waiting.Wait()
		if slices.Contains(answers, false) {
			t.Errorf("answers %v: computed again what was known by then", answers)
		}
	})
}

func TestHashesOutOfBoundsAreRefused(t *testing.T) {
	good := cheap("right")
	if _, err := parsePHC(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another algorithm":       {"argon2id", "argon2i"},
		"another version":         {"v=19", "v=16"},
		"no memory":               {"m=8,", "m=0,"},
		"too much memory":         {"m=8,", "m=262145,"},
		"no passes":               {"t=1", "t=0"},
		"too many passes":         {"t=1", "t=17"},
		"no lanes":                {"p=1", "p=0"},
		"too many lanes":          {"m=8,t=1,p=1", "m=256,t=1,p=17"},
		"more lanes than it can":  {"p=1", "p=257"},
		"a sign":                  {"t=1", "t=+1"},
		"leading zeros":           {"t=1", "t=01"},
		"blanks for dollars":      {"$m=8", " m=8"},
		"a short salt":            {"$MTIzNDU2Nzg$", "$MTIzNDU2Nw$"},
		"a padded salt":           {"$MTIzNDU2Nzg$", "$MTIzNDU2Nzg=$"},
		"something before":        {"$argon2id", "x$argon2id"},
		"an endless salt":         {"$MTIzNDU2Nzg$", "$" + strings.Repeat("A", maxPHC) + "$"},
		"a salt above its length": {"$MTIzNDU2Nzg$", "$" + strings.Repeat("A", 4*(maxPart/3+1)) + "$"},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := parsePHC(bad); err == nil {
			t.Errorf("%s: %s was read", name, bad)
		}
		if NewPasswords(0, 0).Verify(bad, "right", noon) {
			t.Errorf("%s: verified", name)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add(cheap("right"))
	f.Add(decoy.String())
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePHC(text); err == nil && (p.String() != text || !p.bounded()) {
			t.Errorf("%q was read as %q", text, p)
		}
	})
}

func BenchmarkVerifyRemembered(b *testing.B) {
	p := NewPasswords(time.Hour, 10)
	hash := cheap("right")
	p.Verify(hash, "right", noon)
	b.ReportAllocs()
	for b.Loop() {
		p.Verify(hash, "right", noon)
	}
}

func BenchmarkVerifyComputed(b *testing.B) {
	hash, err := HashPassword("right")
	if err != nil {
		b.Fatal(err)
	}
	p := NewPasswords(0, 0)
	for b.Loop() {
		p.Verify(hash, "right", noon)
	}
}
