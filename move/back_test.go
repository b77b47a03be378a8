package move

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

var evening = noon.Add(6 * time.Hour)

func taking(from, to store.Driver) Return {
	return Return{From: from, To: to, FromName: "old", ToName: "new", Now: evening}
}

// movedTo moves a small store.
func movedTo(t *testing.T, to store.Whole) (from store.Whole) {
	t.Helper()
	from = memstore.New()
	_, err := Run(t.Context(), settings(from, to, fillNothing(t, from)))
	must(t, err)
	return from
}

// A store that was moved is served again, and then not the one that it was moved to; and the other way round.
func TestAMoveIsTakenBack(t *testing.T) {
	for name, open := range drivers {
		t.Run(name, func(t *testing.T) {
			to := open(t)
			from := movedTo(t, to)
			must(t, Back(t.Context(), taking(from, to)))
			if err := Serve(t.Context(), to, evening); !errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), "back to old") {
				t.Errorf("the one it was moved to: %v", err)
			}
			if err := Back(t.Context(), taking(from, to)); !errors.Is(err, ErrNotMoved) {
				t.Errorf("a second time: %v", err)
			}
			must(t, Back(t.Context(), taking(to, from)))
			must(t, Check(t.Context(), to))
			if err := Check(t.Context(), from); !errors.Is(err, ErrMoved) {
				t.Errorf("the other way round: %v", err)
			}
		})
	}
}

// What was served keeps what it has answered: the old store is not served as well, unless somebody answers for that.
func TestWhatWasServedIsNotLeft(t *testing.T) {
	for name, open := range drivers {
		t.Run(name, func(t *testing.T) {
			to := open(t)
			from := movedTo(t, to)
			must(t, Serve(t.Context(), to, noon.Add(time.Hour)))
			must(t, Serve(t.Context(), to, evening)) // the first time counts
			err := Back(t.Context(), taking(from, to))
			if !errors.Is(err, ErrServed) || !strings.Contains(err.Error(), "2026-07-01T13:00:00Z") {
				t.Errorf("got %v", err)
			}
			must(t, Check(t.Context(), to))
			if err := Check(t.Context(), from); !errors.Is(err, ErrMoved) {
				t.Errorf("the old store: %v", err)
			}
			r, told := taking(from, to), error(nil)
			r.Although = func(why error) { told = why }
			must(t, Back(t.Context(), r))
			if !errors.Is(told, ErrServed) {
				t.Errorf("told %v", told)
			}
			must(t, Check(t.Context(), from))
			if err := Check(t.Context(), to); !errors.Is(err, ErrMoved) {
				t.Errorf("the new store: %v", err)
			}
		})
	}
}

// Where nobody can look, or finds another store, it is not known that the new one was not served.
func TestWhatCannotBeSeenIsNotLeft(t *testing.T) {
	gone := errors.New("nobody answers")
	for name, to := range map[string]store.Driver{"gone": nil, "another": memstore.New()} {
		t.Run(name, func(t *testing.T) {
			from := movedTo(t, memstore.New())
			r := taking(from, to)
			r.Unseen = gone
			if err := Back(t.Context(), r); !errors.Is(err, ErrUnseen) || errors.Is(err, gone) != (to == nil) {
				t.Errorf("got %v", err)
			}
			if err := Check(t.Context(), from); !errors.Is(err, ErrMoved) {
				t.Errorf("the mark is gone: %v", err)
			}
			told := error(nil)
			r.Although = func(why error) { told = why }
			must(t, Back(t.Context(), r))
			must(t, Check(t.Context(), from))
			if !errors.Is(told, ErrUnseen) {
				t.Errorf("told %v", told)
			}
			if to != nil {
				must(t, Check(t.Context(), to)) // it is none of ours
			}
		})
	}
}

// While another process serves the database nobody may answer for anything.
func TestWhatIsServedIsNotLeft(t *testing.T) {
	to, other := openPostgresTwice(t)
	from := movedTo(t, to)
	must(t, Serve(t.Context(), other, evening))
	r := taking(from, to)
	r.Although = func(error) {}
	if err := Back(t.Context(), r); !errors.Is(err, ErrServed) || !strings.Contains(err.Error(), "at this moment") {
		t.Errorf("got %v", err)
	}
	if err := Check(t.Context(), from); !errors.Is(err, ErrMoved) {
		t.Errorf("the mark is gone: %v", err)
	}
}

// A move that ended between its marks, and one that was taken back halfway, are taken back.
func TestAMoveIsTakenBackFromBetweenItsMarks(t *testing.T) {
	for name, there := range map[string]*mark{
		"incomplete":    {Incomplete: true, Peer: "old", At: noon},
		"moved back":    {Peer: "old", At: noon.Add(time.Hour), Returned: noon},
		"as it arrives": {Arrived: true, Peer: "old", At: noon},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := movedTo(t, memstore.New()), memstore.New()
			must(t, put(t.Context(), to, there))
			must(t, Back(t.Context(), taking(from, to)))
			must(t, Check(t.Context(), from))
			if err := Check(t.Context(), to); !errors.Is(err, ErrMoved) && !errors.Is(err, ErrIncomplete) {
				t.Errorf("the new store: %v", err)
			}
		})
	}
}

// Nothing is taken back that was not moved away, nor what a move into it has left.
func TestWhatIsNotTakenBack(t *testing.T) {
	d := memstore.New()
	if err := Back(t.Context(), taking(d, memstore.New())); !errors.Is(err, ErrNotMoved) {
		t.Errorf("got %v", err)
	}
	must(t, put(t.Context(), d, &mark{Peer: "old", At: noon, Incomplete: true}))
	if err := Back(t.Context(), taking(d, memstore.New())); !errors.Is(err, ErrIncomplete) {
		t.Errorf("got %v", err)
	}
	if err := Check(t.Context(), d); !errors.Is(err, ErrIncomplete) {
		t.Errorf("the mark is gone: %v", err)
	}
}
