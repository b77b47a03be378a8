// Command scrip is the whole program: issuer and vendor, sandbox, load generator and the operators' commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/store/postgres"
)

// Exit codes.
const (
	exitDone     = 0 // all was done
	exitFailed   = 1 // refused, or failed
	exitUsage    = 2 // the command line or a setting is wrong
	exitRejected = 3 // done, but some lines of a file were rejected and left out
)

// commands is the command line.
type commands struct {
	Serve    serveCmd    `cmd:"" help:"Run the server: issuer of gift cards, vendor of airtime, and a switch where routes are set."`
	Sandbox  sandboxCmd  `cmd:"" help:"Run everything with demo data, for integrators' tests."`
	Relay    relayCmd    `cmd:"" help:"Run a switch in front of somebody's server, without a file."`
	Account  accountCmd  `cmd:"" help:"Who may send messages: accounts, their passwords and permissions."`
	Product  productCmd  `cmd:"" help:"What is sold: products with their rules."`
	Card     cardCmd     `cmd:"" help:"Cards: import, look at, freeze, unlock, adjust."`
	Voucher  voucherCmd  `cmd:"" help:"Vouchers of airtime: import, levels, quarantine, reveal."`
	Network  networkCmd  `cmd:"" help:"Mobile networks and their number ranges."`
	Txn      txnCmd      `cmd:"" help:"Transactions: find, look at, settle."`
	Saf      safCmd      `cmd:"" help:"Store and forward: what waits for upstreams, and what needs attention."`
	Operator operatorCmd `cmd:"" help:"Who may administer, and the audit trail of what they did."`
	Bench    benchCmd    `cmd:"" help:"Put a server under load, and measure."`
	Conform  conformCmd  `cmd:"" help:"Judge somebody's server by the rules of the contract."`
	Backup   backupCmd   `cmd:"" help:"Copy a store that is a file, also while it is served."`
	Move     moveCmd     `cmd:"" help:"Move a store, such as from a file into PostgreSQL."`
	Verify   verifyCmd   `cmd:"" help:"Recompute every invariant of a store from its entries."`
	Migrate  migrateCmd  `cmd:"" help:"Bring a store up to date for this release."`
	Keys     keysCmd     `cmd:"" help:"Look after the keyset."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	VersionFlag kong.VersionFlag `name:"version" help:"Print the version, as scrip version does."`
}

// Help gives the example.
func (commands) Help() string {
	return "Example: a server with demonstration data, and one of your own\n  scrip sandbox\n  scrip serve --data ./data\n\n" +
		"The commands that administer speak to a running server: SCRIP_ADMIN_URL and SCRIP_ADMIN_TOKEN say to which, and who you are.\n\n" +
		"Exit codes: 0 done; 1 refused or failed; 2 the command line or a setting is wrong; 3 done, but some lines of a file left out."
}

func main() { os.Exit(run(untilSignalled(), os.Args[1:], os.Stdout, os.Stderr)) }

// oneSignal is how long after a signal another one counts as the same: timeout(1) and some service managers send one to the
// process and another one to its group.
const oneSignal = time.Second

// untilSignalled gives a context that the first interrupt or SIGTERM ends, so that what is in hand is finished. The
// second, later than oneSignal, ends the process at once: whoever sends it does not want to wait. It listens as long as the
// process lives.
func untilSignalled() context.Context {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		awaitTwo(signals, func(first os.Signal) { cancel(errors.New(first.String())) })
		fmt.Fprintln(os.Stderr, "scrip: ended at once; what was in hand may or may not have been done")
		os.Exit(exitFailed)
	}()
	return ctx
}

// awaitTwo calls first with the first signal, and returns at the second.
func awaitTwo(signals <-chan os.Signal, first func(os.Signal)) {
	one, came := <-signals, time.Now()
	first(one)
	for range signals {
		if time.Since(came) >= oneSignal {
			return
		}
	}
}

// exiting is how kong leaves the parser after --help.
type exiting struct{ code int }

// run carries out one command line and gives the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if left, ok := recover().(exiting); ok {
			code = left.code
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("scrip"), kong.Description("Scrip moves prepaid value: an issuer of gift cards, a vendor of airtime, and the switch in front of others."), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exiting{code}) }),
		kong.Vars{"version": versionLine()},
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(console{stdout, stderr}),
		kong.OptionFunc(instants),
	)
	if err != nil {
		fmt.Fprintln(stderr, "scrip:", err)
		return exitFailed
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "scrip:", err)
		fmt.Fprintln(stderr, "Run scrip --help, or scrip COMMAND --help.")
		return exitUsage
	}
	return exitCode(chosen.Run(), stderr)
}

// console is where a command prints.
type console struct{ out, err io.Writer }

// usageError is a mistake in the command line or the settings that only the command could see.
type usageError struct{ error }

// coded is an error with an exit code of its own.
type coded interface{ ExitCode() int }

func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(stderr, "scrip:", err)
	if isUsage(err) {
		return exitUsage
	}
	var own coded
	if errors.As(err, &own) {
		return own.ExitCode()
	}
	return exitFailed
}

// isUsage says whether somebody has to change the command line or a setting before it can go well.
func isUsage(err error) bool {
	var usage usageError
	var option *bench.OptionError
	var setting *app.SettingError
	return errors.As(err, &usage) || errors.As(err, &option) || errors.As(err, &setting) || errors.Is(err, postgres.ErrAddress)
}

// versionCmd is `scrip version`.
type versionCmd struct{}

// Help gives the example.
func (versionCmd) Help() string { return "Example:\n  scrip version" }

// Run prints the version.
func (versionCmd) Run(c console) error {
	_, err := fmt.Fprintln(c.out, versionLine())
	return err
}

// versionLine is what is printed of the version.
func versionLine() string { return "scrip " + version() }

// version is the module's, as the build recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
