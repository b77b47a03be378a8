package bench

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func preparation(s *fakeServer, cards []Card) Preparation {
	return Preparation{Target: s.target(), Cards: cards, Opening: 1000, Funding: 1000, Clients: 3}
}

func TestPrepareActivatesAndFundsNewCards(t *testing.T) {
	for name, opening := range map[string]int64{"at activation": 1000, "by a load": 0, "by both": 400} {
		t.Run(name, func(t *testing.T) {
			cards := someCards(t, 7)
			server := newFakeServer(t, cards, "NEW")
			p := preparation(server, cards)
			p.Opening = opening
			done, err := Prepare(t.Context(), p)
			if err != nil || len(done.Active) != 7 || len(done.Fresh) != 0 || len(done.Unusable) != 0 {
				t.Fatalf("got %s, %v", done.Summary(), err)
			}
			for pan, card := range server.cards {
				if card.state != "ACTIVATED_CONFIRMED" || card.available != 1000 {
					t.Errorf("card %s: %+v", pan, card)
				}
			}
		})
	}
}

func TestPreparingAgainLoadsOnlyWhatIsLacking(t *testing.T) {
	cards := someCards(t, 3)
	server := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
	server.cards[cards[0].PAN].available = 400
	server.cards[cards[1].PAN].available = 5000
	if _, err := Prepare(t.Context(), preparation(server, cards)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{1000, 5000, 1000} {
		if got := server.cards[cards[i].PAN].available; got != want {
			t.Errorf("card %d has %d, want %d", i, got, want)
		}
	}
	if server.accepted[LoadConfirmation] != 2 {
		t.Errorf("%d loads", server.accepted[LoadConfirmation])
	}
}

func TestFreshCardsAreNewAndTheActiveAmongThemAreNot(t *testing.T) {
	cards := someCards(t, 6)
	server := newFakeServer(t, cards, "NEW")
	server.cards[cards[5].PAN].state = "ACTIVATED_CONFIRMED"
	p := preparation(server, cards)
	p.Fresh = 3
	done, err := Prepare(t.Context(), p)
	if err != nil || len(done.Active) != 4 || len(done.Fresh) != 2 {
		t.Fatalf("got %s, %v", done.Summary(), err)
	}
	for _, card := range done.Fresh {
		if server.cards[card.PAN].state != "NEW" {
			t.Errorf("a fresh card is %s", server.cards[card.PAN].state)
		}
	}
}

func TestCardsThatTheServerRefusesAreLeftOut(t *testing.T) {
	cards := someCards(t, 4)
	server := newFakeServer(t, cards[:2], "NEW")
	server.cards[cards[3].PAN] = &fakeCard{state: "ACTIVATED"} // by somebody who never confirmed it
	done, err := Prepare(t.Context(), preparation(server, cards))
	if err != nil || len(done.Active) != 2 {
		t.Fatalf("got %s, %v", done.Summary(), err)
	}
	want := "left out: ACTIVATION_REQUEST 400 INVALID_CARD_NUMBER (1) LOAD_REQUEST 400 CARD_NOT_ACTIVATED (1)"
	if !strings.HasSuffix(done.Summary(), want) {
		t.Errorf("got %s", done.Summary())
	}
	if _, err := Prepare(t.Context(), preparation(server, cards[2:3])); err == nil {
		t.Error("no card is usable and there was no error")
	}
}

func TestPrepareInsistsWhileTheServerIsBusy(t *testing.T) {
	cards := someCards(t, 1)
	server := newFakeServer(t, cards, "NEW")
	var calls atomic.Int64
	server.before = func(_ Kind, w http.ResponseWriter, _ *http.Request) bool {
		busy := calls.Add(1)%2 == 1
		if busy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return busy
	}
	if done, err := Prepare(t.Context(), preparation(server, cards)); err != nil {
		t.Errorf("got %s, %v", done.Summary(), err)
	}
}
