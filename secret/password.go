package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

// MaxPassword bounds a password, in bytes. A longer one is never right.
const MaxPassword = 1024

// Parameters of argon2id for new passwords: the smaller of the two sets that OWASP recommends, because
// several may be computed at once beside the card data.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonLanes  = 1
	saltSize    = 16
	sumSize     = 32
)

// ArgonConcurrency bounds the argon2id computations of the process that run at once; further ones wait. A flood of
// wrong passwords takes no more than this many cores and 19 MiB for each.
const ArgonConcurrency = 2

var argonSlots = make(chan struct{}, ArgonConcurrency)

// HashPassword gives the argon2id hash of a password as a PHC string, with its parameters and salt in
// it. It fails for an empty password and for one above MaxPassword.
func HashPassword(password string) (string, error) {
	if password == "" || len(password) > MaxPassword {
		return "", fmt.Errorf("password must have 1 to %d bytes", MaxPassword)
	}
	p := phc{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: make([]byte, saltSize), sum: make([]byte, sumSize)}
	if _, err := rand.Read(p.salt); err != nil {
		return "", err
	}
	argonSlots <- struct{}{}
	defer func() { <-argonSlots }()
	p.sum = p.compute(password)
	return p.String(), nil
}

// phc is an argon2id hash: $argon2id$v=19$m=…,t=…,p=…$salt$sum.
type phc struct {
	memory, time uint32
	lanes        uint8
	salt, sum    []byte
}

// Bounds of a stored hash's parameters, so that a row cannot ask for the whole machine.
const (
	maxArgonMemory = 256 << 10 // KiB
	maxArgonTime   = 16
	maxArgonLanes  = 16
	minSalt        = 8
	minSum         = 16
	maxPart        = 64  // bytes of salt or sum
	maxPHC         = 256 // characters of the whole
)

var unpadded = base64.RawStdEncoding.Strict()

// String writes the PHC form.
func (p phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.memory, p.time, p.lanes, unpadded.EncodeToString(p.salt), unpadded.EncodeToString(p.sum))
}

var errPHC = errors.New("not an argon2id hash within bounds")

// parsePHC reads the PHC form, exactly as String writes it.
func parsePHC(text string) (p phc, err error) {
	if len(text) > maxPHC {
		return p, errPHC
	}
	var version uint32
	var salt, sum string
	if _, err := fmt.Sscanf(dollarsToSpaces(text), " argon2id v=%d m=%d,t=%d,p=%d %s %s",
		&version, &p.memory, &p.time, &p.lanes, &salt, &sum); err != nil {
		return phc{}, errPHC
	}
	if p.salt, err = unpadded.DecodeString(salt); err != nil {
		return phc{}, errPHC
	}
	if p.sum, err = unpadded.DecodeString(sum); err != nil {
		return phc{}, errPHC
	}
	if !p.bounded() || p.String() != text {
		return phc{}, errPHC
	}
	return p, nil
}

func dollarsToSpaces(text string) string {
	spaced := []byte(text)
	for i, c := range spaced {
		if c == '$' {
			spaced[i] = ' '
		}
	}
	return string(spaced)
}

func (p phc) bounded() bool {
	return p.memory >= 8*uint32(p.lanes) && p.memory <= maxArgonMemory &&
		p.time >= 1 && p.time <= maxArgonTime && p.lanes >= 1 && p.lanes <= maxArgonLanes &&
		len(p.salt) >= minSalt && len(p.salt) <= maxPart && len(p.sum) >= minSum && len(p.sum) <= maxPart
}

// compute hashes a password with these parameters. The caller holds one of the slots.
func (p phc) compute(password string) []byte {
	return argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.lanes, uint32(len(p.sum)))
}

// WrongRemembered is how long a wrong pair is remembered at most. The same pair is wrong for ever; the
// time only keeps the memory small.
const WrongRemembered = time.Minute

// Passwords verifies passwords and remembers for a while which pairs of hash and password it has
// verified, so that argon2id is not paid for each request. It may be used by any number of goroutines.
//
// What is remembered is a hash of the pair under a key that only this process has, never the password.
// A pair that failed is remembered too, but briefly and in a place of its own: a till with a stale
// password does not occupy the machine, and a flood of wrong ones does not push out the right ones.
type Passwords struct {
	key          [keySize]byte
	mu           sync.RWMutex
	right, wrong remembered
}

// NewPasswords makes a verifier that remembers right pairs for the time given, and at most max of them
// (and as many wrong ones). With no time or no room it remembers nothing and is as correct.
func NewPasswords(remember time.Duration, max int) *Passwords {
	p := &Passwords{right: newRemembered(remember, max), wrong: newRemembered(min(remember, WrongRemembered), max)}
	rand.Read(p.key[:]) // crypto/rand stops the program rather than fail
	return p
}

// Verify says whether the PHC string was made from this password. An empty hash stands for a name that
// does not exist: it takes as long as any other and is never right, so that time does not tell which names
// exist. A call may wait for one of the ArgonConcurrency slots; remembered pairs never do.
func (p *Passwords) Verify(hash, password string, now time.Time) bool {
	if password == "" || len(password) > MaxPassword || len(hash) > maxPHC {
		return false
	}
	at := p.pair(hash, password)
	if right, known := p.recall(at, now); known {
		return right
	}
	argonSlots <- struct{}{}
	defer func() { <-argonSlots }()
	// Many requests of one sender come at once after a start: all but the first have waited for this.
	if right, known := p.recall(at, now); known {
		return right
	}
	right := matches(hash, password)
	p.remember(at, right, now)
	return right
}

// Recall says whether the PHC string was made from this password, if that is remembered. It computes nothing and
// never waits, so it may be asked before a place for Verify is sought.
func (p *Passwords) Recall(hash, password string, now time.Time) (right, known bool) {
	if password == "" || len(password) > MaxPassword || len(hash) > maxPHC {
		return false, true
	}
	return p.recall(p.pair(hash, password), now)
}

// decoy takes the place of the hash of a name that does not exist.
var decoy = phc{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: make([]byte, saltSize), sum: make([]byte, sumSize)}

// matches computes what the hash asks for and compares in constant time.
func matches(hash, password string) bool {
	if hash == "" {
		decoy.compute(password)
		return false
	}
	p, err := parsePHC(hash)
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare(p.compute(password), p.sum) == 1
}

// pair is a hash of a PHC string and a password under the process's key.
type pair [sha256.Size]byte

func (p *Passwords) pair(hash, password string) pair {
	var buffer [256]byte
	text := append(buffer[:0], p.key[:]...)
	text = appendField(appendField(text, hash), password)
	return sha256.Sum256(text)
}

func (p *Passwords) recall(at pair, now time.Time) (right, known bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.right.has(at, now) {
		return true, true
	}
	return false, p.wrong.has(at, now)
}

func (p *Passwords) remember(at pair, right bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if right {
		p.right.add(at, now)
	} else {
		p.wrong.add(at, now)
	}
}

// remembered holds pairs until a time, and at most max of them.
type remembered struct {
	keep  time.Duration
	max   int
	until map[pair]time.Time
}

func newRemembered(keep time.Duration, max int) remembered {
	return remembered{keep: keep, max: max, until: make(map[pair]time.Time)}
}

func (r *remembered) has(at pair, now time.Time) bool {
	until, found := r.until[at]
	return found && now.Before(until)
}

func (r *remembered) add(at pair, now time.Time) {
	if r.keep <= 0 || r.max <= 0 {
		return
	}
	if len(r.until) >= r.max {
		r.makeRoom(now)
	}
	r.until[at] = now.Add(r.keep)
}

// makeRoom drops what is past its time, or else any one pair. Next to the argon2id computation that
// precedes it, going through all of them costs little.
func (r *remembered) makeRoom(now time.Time) {
	for at, until := range r.until {
		if !now.Before(until) {
			delete(r.until, at)
		}
	}
	for at := range r.until {
		if len(r.until) < r.max {
			return
		}
		delete(r.until, at)
	}
}
