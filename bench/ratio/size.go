package ratio

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scripworks/scrip/bench"
)

// What is promised of size and start.
const (
	diskGoalBytes   = 1024
	memoryGoalMB    = 150
	growthGoal      = 1.1 // "no more", within what a garbage collector's heap varies
	startGoalMillis = 1000
)

// measureDisk compares the store before and after a run of pairs, cleanly stopped both times, so
// that nothing is counted that a log only holds for a while.
func (s *session) measureDisk(ctx context.Context) error {
	s.addMemory(fmt.Sprintf("memory with %d cards", s.Cards), s.scrip)
	var perPair []float64
	for round := range s.Runs {
		before, err := s.restart(ctx)
		if err != nil {
			return err
		}
		report, err := s.drive(ctx, round+1, "redemptions with confirmation, for their size", bench.Plan{
			Target: s.scrip.target(), Mode: bench.ModeRedeem, Cards: s.scrip.cards, Clients: 32,
		})
		if err != nil {
			return err
		}
		after, err := s.restart(ctx)
		if err != nil {
			return err
		}
		acknowledged := report.Acknowledged[len(report.Acknowledged)-1].Count // confirmations, warm-up included
		perPair = append(perPair, float64(after-before)/float64(acknowledged))
	}
	s.add(Row{Name: "disk for a redemption and its confirmation", Unit: "bytes", Goal: diskGoalBytes, AtMost: true, Runs: perPair})
	return nil
}

// restart stops the server, measures its directory and starts it again.
func (s *session) restart(ctx context.Context) (bytes int64, err error) {
	if err := s.scrip.stop(); err != nil {
		return 0, err
	}
	if bytes, err = sizeOf(s.scrip.dir); err != nil {
		return 0, err
	}
	_, err = s.scrip.start(ctx)
	return bytes, err
}

// sizeOf adds up the files below a directory.
func sizeOf(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}

// measureGrowth drives pairs until the store has had Transactions more, and compares the memory
// then with that after the first tenth of them.
func (s *session) measureGrowth(ctx context.Context) error {
	if s.Transactions == 0 {
		return nil
	}
	var resident [2]float64
	for i, cycles := range []int64{max(s.Transactions/10, 1), s.Transactions - max(s.Transactions/10, 1)} {
		if cycles == 0 {
			break
		}
		s.say("grow the store by %d transactions", cycles)
		report, err := bench.Run(ctx, bench.Plan{
			Target: s.scrip.target(), Mode: bench.ModeRedeem, Cards: s.scrip.cards, Clients: 128, Cycles: cycles,
		})
		if err = failed(ctx, report, err); err != nil {
			return fmt.Errorf("grow the store: %w", err)
		}
		resident[i], _, _ = memoryMB(s.scrip.pid())
	}
	s.addMemory(fmt.Sprintf("memory after %d transactions more", s.Transactions), s.scrip)
	if resident[0] > 0 && resident[1] > 0 {
		name := fmt.Sprintf("memory after %d transactions / after %d", s.Transactions, s.Transactions/10)
		s.add(Row{Name: name, Unit: "×", Goal: growthGoal, AtMost: true, Runs: []float64{resident[1] / resident[0]}})
	}
	return nil
}

// addMemory adds a row with the most memory that a server has had.
func (s *session) addMemory(name string, of *server) {
	if _, peak, err := memoryMB(of.pid()); err == nil {
		s.add(Row{Name: name + ", peak", Unit: "MB", Goal: memoryGoalMB, AtMost: true, Runs: []float64{peak}})
	}
}

// memoryMB reads what a process holds in memory, and the most it has held, in MB of 2^20 bytes,
// out of /proc. Where there is none it is an error, and the row is left out.
func memoryMB(pid int) (resident, peak float64, err error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ":"); name {
		case "VmRSS":
			resident = kilobytes(value) / 1024
		case "VmHWM":
			peak = kilobytes(value) / 1024
		}
	}
	return resident, peak, lines.Err()
}

// kilobytes reads "  1234 kB".
func kilobytes(text string) float64 {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 64)
	if err != nil {
		return 0
	}
	return n
}

// measureStart starts the server again on what is there by now.
func (s *session) measureStart(ctx context.Context) error {
	var took []float64
	for range s.Runs {
		if err := s.scrip.stop(); err != nil {
			return err
		}
		ready, err := s.scrip.start(ctx)
		if err != nil {
			return err
		}
		took = append(took, millis(ready))
	}
	s.add(Row{
		Name: fmt.Sprintf("ready after start, with %d requests in the store", s.requests()),
		Unit: "ms", Goal: startGoalMillis, AtMost: true, Runs: took,
	})
	return nil
}

// requests is how many requests the main store has approved at least: the activations of the cards,
// what it was grown by and what was measured.
func (s *session) requests() int64 {
	total := int64(s.Cards) + s.Transactions
	for _, m := range s.result.Measurements {
		if m.Report.Target != s.scrip.target().URL {
			continue
		}
		for _, a := range m.Report.Acknowledged {
			if !a.Kind.Advice() && a.Kind != bench.LookupRequest {
				total += int64(a.Count)
			}
		}
	}
	return total
}

const (
	// fsyncSize is what is written before each sync.
	fsyncSize = 1024
	// fsyncTime and fsyncTurns bound how long and how often; what comes first ends it.
	fsyncTime  = time.Second
	fsyncTurns = 1000
)

// measureFsync appends 1 KB to a file and syncs it, over and over, and returns the median of one
// such turn.
func measureFsync(dir string) (time.Duration, error) {
	file, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	defer func() { _ = file.Close() }()
	var took []time.Duration
	block := make([]byte, fsyncSize)
	for end := time.Now().Add(fsyncTime); len(took) < fsyncTurns && (len(took) == 0 || time.Now().Before(end)); {
		begun := time.Now()
		if _, err := file.Write(block); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
