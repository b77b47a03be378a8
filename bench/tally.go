package bench

// tally is what one worker, or all of them together, have counted.
type tally struct {
	kinds  map[Kind]*kindTally
	faults map[Failure]int64
	cycles int64 // that were completed: every message of theirs was acknowledged
	missed int64
}

// kindTally is what was counted of one kind of message.
type kindTally struct {
	latency  Histogram // of the acknowledged ones
	sumMinor int64     // what the acknowledged ones came to
	bytes    int64     // of the bodies that acknowledged them
}

// Failure says how a message failed: by an answer other than success (Status and, where the body
// has one, ErrorType) or without an answer (Transport). It is used as a key.
type Failure struct {
	Kind      Kind   `json:"kind"`
	Status    int    `json:"status,omitzero"`
	ErrorType string `json:"errorType,omitzero"`
	Transport Fault  `json:"transport,omitzero"`
}

// unknown says whether the message may have been applied all the same: the contract's table of
// outcomes, and anything that broke after the message may have left.
func (f Failure) unknown() bool {
	if f.Transport != "" {
		return f.Transport != FaultConnect
	}
	return f.Status == 408 || f.Status/100 != 4 && f.Status != 501 && f.Status != 503
}

func newTally() *tally {
	return &tally{kinds: make(map[Kind]*kindTally), faults: make(map[Failure]int64)}
}

// of gives the counters of a kind.
func (t *tally) of(kind Kind) *kindTally {
	counted := t.kinds[kind]
	if counted == nil {
		counted = new(kindTally)
		t.kinds[kind] = counted
	}
	return counted
}

func (t *tally) merge(other *tally) {
	for kind, counted := range other.kinds {
		mine := t.of(kind)
		mine.latency.Merge(&counted.latency)
		mine.sumMinor += counted.sumMinor
		mine.bytes += counted.bytes
	}
	for failure, n := range other.faults {
		t.faults[failure] += n
	}
	t.cycles += other.cycles
	t.missed += other.missed
}
