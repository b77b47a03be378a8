package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rich makes cards that can pay whatever a test redeems.
func rich(s *fakeServer) {
	for _, card := range s.cards {
		card.available = 1 << 40
	}
}

// mustRun carries out a plan that can be carried out.
func mustRun(t *testing.T, plan Plan) Report {
	t.Helper()
	report, err := Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestReportsWhatTheServerAcknowledged(t *testing.T) {
	for _, mode := range []Mode{ModeRedeem, ModeRedeemOnly, ModeLoad, ModeLookup, ModeHot, ModeVoucher, ModeVoucherOnly} {
		t.Run(string(mode), func(t *testing.T) {
			cards := someCards(t, 5)
			server := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
			rich(server)
			report := mustRun(t, Plan{Target: server.target(), Mode: mode, Cards: cards, Clients: 3, Cycles: 50})
			checkAgreement(t, server, report)
			if report.Cycles != 50 || len(report.Errors) != 0 {
				t.Errorf("got %d cycles and errors %v", report.Cycles, report.Errors)
			}
		})
	}
}

// checkAgreement compares a report with the server's own counts.
func checkAgreement(t *testing.T, server *fakeServer, report Report) {
	t.Helper()
	if len(report.Acknowledged) != len(server.accepted) || len(report.Acknowledged) == 0 {
		t.Errorf("the report has %v, the server %v", report.Acknowledged, server.accepted)
	}
	for _, a := range report.Acknowledged {
		if int(a.Count) != server.accepted[a.Kind] || a.SumMinor != server.sums[a.Kind] && a.Kind != LookupRequest {
			t.Errorf("%s: reported %d, %d in all; the server has %d, %d", a.Kind, a.Count, a.SumMinor,
				server.accepted[a.Kind], server.sums[a.Kind])
		}
	}
}

func TestHotUsesOneCard(t *testing.T) {
	cards := someCards(t, 5)
	server := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
	rich(server)
	mustRun(t, Plan{Target: server.target(), Mode: ModeHot, Cards: cards, Clients: 2, Cycles: 20})
	for pan, card := range server.cards {
		if used := card.available != 1<<40; used != (pan == cards[0].PAN) {
			t.Errorf("card %s: used is %v", pan, used)
		}
	}
}

func TestDayMixesEverythingAndKeepsFreshCards(t *testing.T) {
	active, fresh := someCards(t, 20)[:10], someCards(t, 20)[10:]
	server := newFakeServer(t, someCards(t, 20), "NEW")
	for _, card := range active {
		server.cards[card.PAN] = &fakeCard{state: "ACTIVATED_CONFIRMED", available: 1 << 40}
	}
	report := mustRun(t, Plan{
		Target: server.target(), Mode: ModeDay, Cards: active, Fresh: fresh, Clients: 2, Cycles: 3000, Opening: 500,
	})
	checkAgreement(t, server, report)
	if len(report.Errors) != 0 || report.Cycles != 3000 {
		t.Errorf("%d cycles, errors %v", report.Cycles, report.Errors)
	}
	for _, kind := range kinds {
		if kind.airtime() {
			continue
		}
		if report.Latency(kind).Count == 0 {
			t.Errorf("no %s in 3000 cycles", kind)
		}
	}
	if stillNew := server.cardsIn("NEW"); stillNew < 2 || stillNew > 3 {
		t.Errorf("%d cards are still new; one for each client should be", stillNew)
	}
}

// cardsIn counts the cards in a state.
func (s *fakeServer) cardsIn(state string) (n int) {
	for _, card := range s.cards {
		if card.state == state {
			n++
		}
	}
	return n
}

func TestCountsRefusalsByStatusAndType(t *testing.T) {
	cards := someCards(t, 1)
	server := newFakeServer(t, nil, "")
	report := mustRun(t, Plan{Target: server.target(), Mode: ModeRedeem, Cards: cards, Clients: 1, Cycles: 4})
	want := ErrorCount{Failure{Kind: RedemptionRequest, Status: 400, ErrorType: "INVALID_CARD_NUMBER"}, 4}
	if len(report.Errors) != 1 || report.Errors[0] != want {
		t.Errorf("got %v, want %v", report.Errors, want)
	}
	if report.Cycles != 0 || report.Messages != 0 || len(report.Acknowledged) != 0 {
		t.Errorf("refused messages were counted as done: %+v", report)
	}
}

func TestARefusedAdviceEndsTheCycleUncounted(t *testing.T) {
	cards := someCards(t, 1)
	server := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
	rich(server)
	server.before = func(kind Kind, w http.ResponseWriter, r *http.Request) bool {
		if kind.Advice() {
			http.Error(w, "no JSON at all", http.StatusInternalServerError)
		}
		return kind.Advice()
	}
	report := mustRun(t, Plan{Target: server.target(), Mode: ModeRedeem, Cards: cards, Clients: 1, Cycles: 3})
	want := ErrorCount{Failure{Kind: RedemptionConfirmation, Status: 500}, 3}
	if report.Cycles != 0 || report.Messages != 3 || len(report.Errors) != 1 || report.Errors[0] != want {
		t.Errorf("got %d cycles, %d messages, errors %v", report.Cycles, report.Messages, report.Errors)
	}
}

func TestCountsWhatTheTransportDoes(t *testing.T) {
	hijack := func(say string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, say)
			_ = conn.Close()
		}
	}
	for _, c := range []struct {
		name  string
		serve func(http.ResponseWriter, *http.Request)
		fault Fault
	}{
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client leaves
			<-r.Context().Done()
		}, FaultTimeout},
		{"closed without a word", hijack(""), FaultClosed},
		{"closed in the head", hijack("HTTP/1.1 201 Created\r\nContent-"), FaultClosed},
		{"closed in the body", hijack("HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{"), FaultClosed},
		{"not HTTP", hijack("SSH-2.0-OpenSSH\r\n"), FaultMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(c.serve))
			defer server.Close()
			var log bytes.Buffer
			timeout := time.Minute // a busy machine connects slowly
			if c.fault == FaultTimeout {
				timeout = 500 * time.Millisecond
			}
			report := mustRun(t, Plan{
				Target: Target{URL: server.URL}, Mode: ModeRedeemOnly, Cards: someCards(t, 1), Clients: 1, Cycles: 2,
				Timeout: timeout, Acknowledged: &log,
			})
			want := ErrorCount{Failure{Kind: RedemptionRequest, Transport: c.fault}, 2}
			if len(report.Errors) != 1 || report.Errors[0] != want {
				t.Errorf("got %v, want %v", report.Errors, want)
			}
			if got := strings.Count(log.String(), "\nunknown,REDEMPTION_REQUEST,"); got != 2 {
				t.Errorf("the log has %d unknown outcomes:\n%s", got, &log)
			}
		})
	}
}

func TestACutConnectionIsMadeAnew(t *testing.T) {
	cards := someCards(t, 1)
	server := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
	var calls atomic.Int64
	server.before = func(_ Kind, w http.ResponseWriter, r *http.Request) bool {
		if calls.Add(1)%2 == 0 {
			panic(http.ErrAbortHandler) // the server's own way to drop a connection
		}
		w.Header().Set("Connection", "close")
		return false
	}
	report := mustRun(t, Plan{Target: server.target(), Mode: ModeLookup, Cards: cards, Clients: 1, Cycles: 10})
	if report.Cycles != 5 || len(report.Errors) != 1 || report.Errors[0].Count != 5 {
		t.Errorf("got %d cycles and errors %v", report.Cycles, report.Errors)
	}
}

func TestAServerThatIsNotThereIsAConnectFault(t *testing.T) {
	var log bytes.Buffer
	report := mustRun(t, Plan{
		Target: Target{URL: "http://127.0.0.1:1", Dial: func(context.Context) (net.Conn, error) {
			return nil, errors.New("nobody there")
		}},
		Mode: ModeLookup, Cards: someCards(t, 1), Clients: 1, Cycles: 2, Acknowledged: &log,
	})
	if len(report.Errors) != 1 || report.Errors[0].Transport != FaultConnect || report.Errors[0].Count != 2 {
		t.Errorf("got %v", report.Errors)
	}
	if log.String() != AcknowledgedHeader+"\n" {
		t.Errorf("a message that was not sent is in the log:\n%s", &log)
	}
}

func TestStopsAtOnceWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done() // never answers
	}))
	defer server.Close()
	report, err := Run(ctx, Plan{
		Target: Target{URL: server.URL}, Mode: ModeLookup, Cards: someCards(t, 1), Clients: 4, Duration: time.Hour,
	})
	if err != nil || report.Messages != 0 {
		t.Fatalf("got %v, %+v", err, report)
	}
	for _, e := range report.Errors {
		if e.Transport != FaultStopped {
			t.Errorf("got %v", e)
		}
	}
}

func TestSpeaksTLS(t *testing.T) {
	cards := someCards(t, 1)
	plain := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
	secure := httptest.NewTLSServer(plain)
	defer secure.Close()
	target := plain.target()
	target.URL = secure.URL + "/giftcard/v3/" // the base path may be given
	target.TLS = secure.Client().Transport.(*http.Transport).TLSClientConfig
	report := mustRun(t, Plan{Target: target, Mode: ModeLookup, Cards: cards, Clients: 2, Cycles: 6})
	if report.Cycles != 6 {
		t.Errorf("got %+v", report)
	}
}

func TestLogsEveryAcknowledgedMessage(t *testing.T) {
	cards := someCards(t, 3)
	server := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
	rich(server)
	var log bytes.Buffer
	mustRun(t, Plan{Target: server.target(), Mode: ModeRedeem, Cards: cards, Clients: 2, Cycles: 10, Acknowledged: &log})
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 21 || lines[0] != AcknowledgedHeader {
		t.Fatalf("%d lines, the first %q", len(lines), lines[0])
	}
	for _, line := range lines[1:] {
		fields := strings.Split(line, ",")
		original := server.requests[fields[3]]
		outcome := map[string]string{string(RedemptionRequest): "approved", string(RedemptionConfirmation): "accepted"}
		if original == nil || fields[0] != outcome[fields[1]] || fields[4] != fmt.Sprint(original.amount) || !server.ids[fields[2]] {
			t.Errorf("the server does not know %q", line)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestALogThatCannotBeWrittenIsAnError(t *testing.T) {
	cards := someCards(t, 1)
	server := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
	_, err := Run(t.Context(), Plan{
		Target: server.target(), Mode: ModeLookup, Cards: cards, Clients: 1, Cycles: 1, Acknowledged: failingWriter{},
	})
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsAcknowledgedInTheWarmUpIsReportedButNotTimed(t *testing.T) {
	cards := someCards(t, 1)
	server := newFakeServer(t, cards, "ACTIVATED_CONFIRMED")
	report := mustRun(t, Plan{
		Target: server.target(), Mode: ModeLookup, Cards: cards, Clients: 1, Warmup: 10 * time.Millisecond, Cycles: 5,
	})
	if report.Latency(LookupRequest).Count != 5 || report.Acknowledged[0].Count <= 5 {
		t.Errorf("timed %d, acknowledged %d", report.Latency(LookupRequest).Count, report.Acknowledged[0].Count)
	}
	checkAgreement(t, server, report)
}

func TestRefusesPlansThatCannotBeCarriedOut(t *testing.T) {
	cards := []Card{{PAN: "6001000000000000"}}
	good := Plan{Target: Target{URL: "http://127.0.0.1"}, Mode: ModeRedeem, Cards: cards, Clients: 1, Cycles: 1}
	for name, spoil := range map[string]func(*Plan){
		"no such mode":       func(p *Plan) { p.Mode = "fly" },
		"no cards":           func(p *Plan) { p.Cards = nil },
		"no clients":         func(p *Plan) { p.Clients = 0 },
		"too many clients":   func(p *Plan) { p.Clients = MaxClients + 1 },
		"endless":            func(p *Plan) { p.Cycles = 0 },
		"negative rate":      func(p *Plan) { p.Rate = -1 },
		"negative amount":    func(p *Plan) { p.Amount = -1 },
		"too great amount":   func(p *Plan) { p.Amount = MaxAmount + 1 },
		"day without fresh":  func(p *Plan) { p.Mode = ModeDay },
		"no host":            func(p *Plan) { p.Target.URL = "http://" },
		"another scheme":     func(p *Plan) { p.Target.URL = "ftp://127.0.0.1" },
		"no URL":             func(p *Plan) { p.Target.URL = "http://%zz" },
		"a slot in the user": func(p *Plan) { p.Target.User = "‹id›" },
	} {
		plan := good
		spoil(&plan)
		if _, err := Run(t.Context(), plan); err == nil {
			t.Errorf("%s: the plan was accepted", name)
		}
	}
}
