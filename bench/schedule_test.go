package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// slowServer serves look-ups over pipes, so that it can live in a bubble with a clock of its own.
// Each takes the service time, and one of them, by number, takes the stall as well.
type slowServer struct {
	service, stall time.Duration
	stalls         int
	served         int
}

func (s *slowServer) dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go s.serve(theirs)
	return ours, nil
}

func (s *slowServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		s.served++
		time.Sleep(s.service)
		if s.served == s.stalls {
			time.Sleep(s.stall)
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			return
		}
	}
}

func (s *slowServer) plan(t *testing.T) Plan {
	return Plan{
		Target: Target{URL: "http://pipe", Dial: s.dial}, Mode: ModeLookup, Cards: someCards(t, 1), Clients: 1,
		Duration: time.Second,
	}
}

// near says whether a latency is the expected one, within what the histogram rounds up.
func near(gotMicros float64, want time.Duration) bool {
	got := time.Duration(gotMicros * float64(time.Microsecond))
	return got >= want && got <= want+want/subBuckets
}

// A server that stalls once makes a closed loop wait with its next message, which hides the stall:
// one latency of many shows it.
func TestAClosedLoopFeelsAStallOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{service: time.Millisecond, stall: 500 * time.Millisecond, stalls: 1}
		row := mustRun(t, server.plan(t)).Latency(LookupRequest)
		if !near(row.P99Micros, time.Millisecond) || !near(row.MaxMicros, 501*time.Millisecond) {
			t.Errorf("got p99 %v µs and max %v µs", row.P99Micros, row.MaxMicros)
		}
	})
}

// In an open loop everything that was due during the stall is late: message number i, due at
// 10·i ms, is answered at 501+i ms.
func TestAnOpenLoopChargesAStallToEverythingThatWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{service: time.Millisecond, stall: 500 * time.Millisecond, stalls: 1}
		plan := server.plan(t)
		plan.Rate, plan.Duration = 100, 500*time.Millisecond
		row := mustRun(t, plan).Latency(LookupRequest)
		if row.Count != 50 || !near(row.P50Micros, 276*time.Millisecond) || !near(row.MaxMicros, 501*time.Millisecond) {
			t.Errorf("got %d with p50 %v µs and max %v µs", row.Count, row.P50Micros, row.MaxMicros)
		}
	})
}

func TestAnOpenLoopBeginsExactlyWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{service: time.Millisecond}
		plan := server.plan(t)
		plan.Rate = 300 // not a whole number of nanoseconds between two
		report := mustRun(t, plan)
		if report.Cycles != 300 || report.Missed != 0 {
			t.Errorf("%d cycles, %d missed, of 300 due", report.Cycles, report.Missed)
		}
		if row := report.Latency(LookupRequest); !near(row.MaxMicros, time.Millisecond) {
			t.Errorf("an idle server's answer took %v µs", row.MaxMicros)
		}
	})
}

func TestAnOpenLoopThatFallsBehindSaysWhatItNeverBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{service: time.Second}
		plan := server.plan(t)
		plan.Rate = 100 // of which the server does one a second, until maxDrain after the end
		report := mustRun(t, plan)
		begun := int64(plan.Duration+maxDrain) / int64(time.Second)
		if report.Cycles != begun || report.Missed != 100-begun {
			t.Errorf("%d done and %d missed of 100", report.Cycles, report.Missed)
		}
		if row := report.Latency(LookupRequest); row.MaxMicros < 5e6 {
			t.Errorf("the last one waited for 5 s and shows %v µs", row.MaxMicros)
		}
	})
}

func TestAClosedLoopStopsAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{service: 10 * time.Millisecond}
		plan := server.plan(t)
		plan.Warmup = 100 * time.Millisecond
		report := mustRun(t, plan)
		if report.Cycles != 100 || report.ElapsedSeconds != 1 || report.CyclesPerSecond != 100 {
			t.Errorf("got %d cycles in %v s", report.Cycles, report.ElapsedSeconds)
		}
		if report.Acknowledged[0].Count != 110 {
			t.Errorf("acknowledged %v, warm-up included", report.Acknowledged)
		}
	})
}

func TestCyclesBoundAnOpenLoopToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{service: time.Millisecond}
		plan := server.plan(t)
		plan.Rate, plan.Cycles = 100, 7
		if report := mustRun(t, plan); report.Cycles != 7 || report.Missed != 0 {
			t.Errorf("%d cycles, %d missed", report.Cycles, report.Missed)
		}
	})
}
