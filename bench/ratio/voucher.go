package ratio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/scripworks/scrip/bench"
)

// What is promised of vouchers.
const (
	importGoalPerMillion = 120    // seconds
	drainGoal            = 0.8    // "no slowing", within what a busy machine varies
	drainedVouchers      = 60_000 // at most, in the stock that is nearly sold out; half of it is sold before it is measured
	voucherClients       = 32
)

// The airtime products that are measured: one with a large stock, and one that is nearly sold out.
const (
	stockedProduct = "stocked"
	drainedProduct = "drained"
)

// voucherPoints are measured like points, in the store with the vouchers.
var voucherPoints = []point{
	{"echo again, 32 clients", true, bench.ModeVoucherOnly, 32},
	{"voucher purchases, 32 clients", false, bench.ModeVoucherOnly, 32},
	{"echo again, 128 clients", true, bench.ModeVoucherOnly, 128},
	{"voucher purchases, 128 clients", false, bench.ModeVoucherOnly, 128},
	{"voucher purchases with confirmation, 32 clients", false, bench.ModeVoucher, 32},
}

var voucherPromises = []promise{
	{"voucher purchases, 32 clients", "echo again, 32 clients", 0.25, 0.30},
	{"voucher purchases, 128 clients", "echo again, 128 clients", 0.30, 0.35},
	{"voucher purchases with confirmation, 32 clients", "voucher purchases, 32 clients", 0.45, 0},
}

// measureVouchers makes a store with Vouchers in stock, by one import, and sells from it.
func (s *session) measureVouchers(ctx context.Context) error {
	if s.Vouchers == 0 {
		return nil
	}
	vendor, err := s.open(ctx, "vouchers", 1)
	if err != nil {
		return err
	}
	defer vendor.kill()
	if err := s.stock(ctx, vendor); err != nil {
		return err
	}
	for round := range s.Runs {
		for _, p := range voucherPoints {
			plan := bench.Plan{Target: vendor.target(), Mode: p.mode, Clients: p.clients}
			if p.echo {
				plan.Target = s.at
			}
			plan.Target.Product = stockedProduct
			report, err := s.drive(ctx, round+1, p.name, plan)
			if err != nil {
				return err
			}
			s.rates[p.name] = append(s.rates[p.name], report.CyclesPerSecond)
		}
	}
	s.addRates(voucherPoints, voucherPromises)
	if err := s.drain(ctx, vendor); err != nil {
		return err
	}
	s.addMemory(fmt.Sprintf("memory with %d vouchers", s.Vouchers), vendor)
	return vendor.stop()
}

// stock imports the vouchers, and measures how long that takes and how much memory.
func (s *session) stock(ctx context.Context, vendor *server) error {
	for _, product := range []string{stockedProduct, drainedProduct} {
		if err := vendor.administer(ctx, airtimeProduct(product)); err != nil {
			return err
		}
	}
	if _, err := vendor.bringVouchers(ctx, drainedProduct, 'D', s.drained()*s.Runs); err != nil {
		return err
	}
	s.say("import %d vouchers", s.Vouchers)
	took, err := vendor.bringVouchers(ctx, stockedProduct, 'S', s.Vouchers)
	if err != nil {
		return err
	}
	s.add(Row{
		Name: fmt.Sprintf("import of %d vouchers, for each million", s.Vouchers), Unit: "s", Goal: importGoalPerMillion, AtMost: true,
		Runs: []float64{took.Seconds() / float64(s.Vouchers) * 1e6},
	})
	s.addMemory(fmt.Sprintf("memory of the import of %d vouchers", s.Vouchers), vendor)
	return nil
}

// airtimeProduct is the command that makes an airtime product of the simplest kind.
func airtimeProduct(id string) act {
	return act{[]string{"product", "airtime", "put", id, "--name", id, "--type", "AIRTIME_FIXED", "--value", "1000:" + currency, "--reason", "benchmark"}, ""}
}

// bringVouchers writes a file of vouchers and imports it, and returns how long the import took.
func (s *server) bringVouchers(ctx context.Context, product string, letter byte, count int) (time.Duration, error) {
	file := s.dir + "." + product + ".csv"
	if err := writeVouchers(file, letter, count); err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(file) }()
	begun := time.Now()
	err := s.administer(ctx, act{[]string{"voucher", "import", "--product", product, file}, ""})
	return time.Since(begun), err
}

// writeVouchers writes vouchers as the import command reads them, with PINs in no order, as real ones are.
func writeVouchers(path string, letter byte, count int) (err error) {
	file, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriter(file)
	_, _ = out.WriteString("serial,pin\n") // an error stays with the writer until Flush
	const spread = 7_368_787               // a prime: times it, the numbers below 10^15 are all different and in no order
	start := rand.Int64N(1_000_000_000)
	for i := range int64(count) {
		fmt.Fprintf(out, "%c%014d,%d%015d\n", letter, i, 1+letter%8, (start+i*spread)%1_000_000_000_000_000)
	}
	return out.Flush()
}

// drained is how many vouchers are sold out in each round: an even number.
func (s *session) drained() int { return min(drainedVouchers, s.Vouchers/4) &^ 1 }

// drain compares what is sold in a second from a stock that is nearly sold out with what was sold from the large one.
func (s *session) drain(ctx context.Context, vendor *server) error {
	half := int64(s.drained() / 2)
	target := vendor.target()
	target.Product = drainedProduct
	var full, nearly []float64
	for round := range s.Runs {
		if _, err := s.sell(ctx, target, half); err != nil {
			return err
		}
		rate, err := s.sell(ctx, target, half)
		if err != nil {
			return err
		}
		nearly = append(nearly, rate)
		target.Product = stockedProduct
		if rate, err = s.sell(ctx, target, half); err != nil {
			return err
		}
		target.Product = drainedProduct
		full = append(full, rate)
		s.say("round %d: %.0f purchases/s from the full stock, %.0f/s from the one that ends", round+1, full[round], nearly[round])
	}
	s.add(Row{Name: "voucher purchases until the stock ends / from the full one", Unit: "×", Goal: drainGoal, Runs: quotients(nearly, full)})
	return nil
}

// sell sells so many vouchers and returns the rate.
func (s *session) sell(ctx context.Context, target bench.Target, count int64) (float64, error) {
	report, err := bench.Run(ctx, bench.Plan{Target: target, Mode: bench.ModeVoucherOnly, Clients: voucherClients, Cycles: count})
	if err = failed(ctx, report, err); err != nil {
		return 0, fmt.Errorf("sell %d of %s: %w", count, target.Product, err)
	}
	return report.CyclesPerSecond, nil
}
