package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// command is a command as cmd/scrip has it: settings embedded beside others of its own.
type command struct {
	Serve struct {
		Serve
		Own string
	} `cmd:""`
}

// given parses a command line, with variables and the text of a file.
func given(t *testing.T, file string, variables map[string]string, arguments ...string) (*Serve, error) {
	t.Helper()
	for name, value := range variables {
		t.Setenv(name, value)
	}
	if file != "" {
		arguments = append(arguments, "-c", write(t, "scrip.yaml", file))
	}
	var c command
	parser, err := kong.New(&c, kong.Exit(func(int) { t.Fatal("kong wants to exit") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"serve"}, arguments...))
	return &c.Serve.Serve, err
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A flag wins over a variable, a variable over the file, the file over the default.
func TestPrecedence(t *testing.T) {
	file := "listen: 127.0.0.1:3\nhold: 3s\nmax-in-hand: 3\nlog: {level: debug}\nplain-http: true\n"
	variables := map[string]string{"SCRIP_LISTEN": "127.0.0.1:2", "SCRIP_HOLD": "2s", "SCRIP_PLAIN_HTTP": "false"}
	s, err := given(t, file, variables, "--listen", "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from      string
		got, want any
	}{
		{"flag", s.Listen, "127.0.0.1:1"},
		{"variable", s.Hold, 2 * time.Second},
		{"variable that says no", s.PlainHTTP, false},
		{"file", s.MaxInHand, 3},
		{"section of the file", s.LogLevel, "debug"},
		{"default", s.RequestTimeout, time.Minute},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %v, want %v", test.from, test.got, test.want)
		}
	}
}

func TestFileNamedByAVariable(t *testing.T) {
	s, err := given(t, "", map[string]string{"SCRIP_CONFIG": write(t, "other.yaml", "data: /var/lib/scrip\n")})
	if err != nil || s.Data != "/var/lib/scrip" {
		t.Errorf("got %q (%v)", s.Data, err)
	}
}

// Every setting can be given in each of the three ways, under names that follow from its key, and is in the
// reference.
func TestEverySettingHasItsNames(t *testing.T) {
	document, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	settings := 0
	for _, f := range model() {
		key := f.Tag.Get("key")
		if key == "" {
			if f.Name != "config" {
				t.Errorf("--%s has no key", f.Name)
			}
			continue
		}
		settings++
		if f.Name != flagOf(key) {
			t.Errorf("%s: the flag is --%s, want --%s", key, f.Name, flagOf(key))
		}
		if len(f.Tag.Envs) != 1 || f.Tag.Envs[0] != variableOf(key) {
			t.Errorf("%s: the variables are %v, want %s", key, f.Tag.Envs, variableOf(key))
		}
		if !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s is not explained in a sentence: %q", key, f.Help)
		}
		if !bytes.Contains(document, []byte("| `"+key+"` |")) {
			t.Errorf("%s is missing in docs/configuration.md", key)
		}
	}
	if want := reflect.TypeFor[Serve]().NumField() - 2; settings != want { // without File and InMemory
		t.Errorf("%d settings have a key, want %d", settings, want)
	}
}

var update = flag.Bool("update", false, "write the table of settings into docs/configuration.md")

// The table in docs/configuration.md is the one that is made from Serve. go test ./config -update writes it.
func TestReferenceIsUpToDate(t *testing.T) {
	const name, begin, end = "../docs/configuration.md", "<!-- settings: begin -->\n", "<!-- settings: end -->\n"
	document, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(document), begin)
	table, after, found2 := strings.Cut(rest, end)
	if !found || !found2 {
		t.Fatalf("%s lacks the marks around its table", name)
	}
	if *update {
		if err := os.WriteFile(name, []byte(before+begin+Reference()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != Reference() {
		t.Errorf("%s is not up to date; go test ./config -update writes it. Want:\n%s", name, Reference())
	}
}

// The example of the reference is a file that works.
func TestExampleOfTheReference(t *testing.T) {
	document, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(document), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("there is no example")
	}
	s, err := given(t, example, nil)
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		t.Error(err)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"unknown key", "data: x\nlistn: y\n", "scrip.yaml:2: unknown setting listn"},
		{"unknown key of a section", "tls:\n  cert: x\n  kee: y\n", "scrip.yaml:3: unknown setting tls.kee"},
		{"a key of a section outside", "cert: x\n", "scrip.yaml:1: unknown setting cert"},
		{"a dotted key", "tls.cert: x\n", "scrip.yaml:1: tls.cert must stand in its section"},
		{"a section in a section", "tls:\n  tls: {cert: x}\n", "scrip.yaml:2: unknown setting tls.tls"},
		{"the file itself", "config: other.yaml\n", "scrip.yaml:1: unknown setting config"},
		{"a flag of the command", "own: x\n", "scrip.yaml:1: unknown setting own"},
		{"twice", "data: x\nhold: 1s\ndata: y\n", "scrip.yaml:3: data is there a second time, first in line 1"},
		{"a section twice", "tls: {cert: x}\ntls: {key: y}\n", "scrip.yaml:2: tls is there a second time, first in line 1"},
		{"no value", "data:\n", "scrip.yaml:1: data has no value"},
		{"a list", "data: [a, b]\n", "scrip.yaml:1: data must have a single value"},
		{"an alias", "data: &d x\nkeyset: *d\n", "scrip.yaml:2: keyset must have a single value"},
		{"a section that is none", "tls: on\n", "scrip.yaml:1: the section tls must hold settings"},
		{"a list of settings", "- data: x\n", "scrip.yaml:1: the file must hold settings"},
		{"a duration without unit", "\n\nhold: 5\n", "scrip.yaml:3: hold: "},
		{"no number", "max-in-hand: many\n", "scrip.yaml:1: max-in-hand: "},
		{"no bool", "plain-http: perhaps\n", "scrip.yaml:1: plain-http: "},
		{"none of the choices", "log: {level: loud}\n", `scrip.yaml:1: log.level: "loud" is none of debug, info, warn, error`},
		{"two documents", "data: x\n---\ndata: y\n", "more than one document"},
		{"no YAML", "data: [\n", "scrip.yaml: yaml: line"},
		{"a key that is no word", "[a]: b\n", "scrip.yaml:1: a key must be a plain word"},
		{"too large", "# " + strings.Repeat("x", maxFile), "more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := given(t, test.file, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestFilesThatHoldNothing(t *testing.T) {
	for _, text := range []string{"\n", "# nothing\n", "---\n", "{}\n"} {
		if s, err := given(t, text, nil); err != nil || s.Listen != "127.0.0.1:8080" {
			t.Errorf("%q: got %q (%v)", text, s.Listen, err)
		}
	}
	if _, err := given(t, "", nil, "-c", filepath.Join(t.TempDir(), "missing.yaml")); err == nil {
		t.Error("a missing file was not noticed")
	}
}

// good gives settings in which nothing is wrong.
func good(t *testing.T) *Serve {
	t.Helper()
	s, err := given(t, "", nil, "--data", "store")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckNamesTheSetting(t *testing.T) {
	tests := []struct {
		setting string
		change  func(*Serve)
	}{
		{"data", func(s *Serve) { s.Data = "" }},
		{"keyset", func(s *Serve) { s.Data, s.Database = "", "postgres://scrip@127.0.0.1/scrip" }},
		{"database", func(s *Serve) { s.Database = "host=127.0.0.1 dbname=scrip" }},
		{"committers", func(s *Serve) { s.Committers = -1 }},
		{"committers", func(s *Serve) { s.Committers, s.Database = maxCommitters+1, "postgres://scrip@127.0.0.1/scrip" }},
		{"committers", func(s *Serve) { s.Committers = 2 }},
		{"listen", func(s *Serve) { s.Listen = "8080" }},
		{"listen", func(s *Serve) { s.Listen = "127.0.0.1:http-alt" }},
		{"listen", func(s *Serve) { s.Listen = "127.0.0.1:65536" }},
		{"listen", func(s *Serve) { s.Listen = ":8080" }},
		{"listen", func(s *Serve) { s.Listen = "0.0.0.0:8080" }},
		{"listen", func(s *Serve) { s.Listen = "[::]:8080" }},
		{"listen", func(s *Serve) { s.Listen = "gift.example:8080" }},
		{"listen", func(s *Serve) { s.Listen, s.PlainHTTP = ":0", true }},
		{"admin-listen", func(s *Serve) { s.AdminListen = "192.0.2.1:8081" }},
		{"admin-listen", func(s *Serve) { s.AdminListen = s.Listen }},
		{"tls.key", func(s *Serve) { s.TLSCert = "c" }},
		{"tls.cert", func(s *Serve) { s.TLSKey = "k" }},
		{"plain-http", func(s *Serve) { s.TLSCert, s.TLSKey, s.PlainHTTP = "c", "k", true }},
		{"tls.client-auth", func(s *Serve) { s.TLSClientAuth = "maybe" }},
		{"tls.client-auth", func(s *Serve) { s.TLSClientAuth, s.TLSClientCA = "required", "a" }},
		{"tls.client-ca", func(s *Serve) { s.TLSCert, s.TLSKey, s.TLSClientAuth = "c", "k", "optional" }},
		{"tls.client-ca", func(s *Serve) { s.TLSCert, s.TLSKey, s.TLSClientCA = "c", "k", "a" }},
		{"request-timeout", func(s *Serve) { s.RequestTimeout, s.Hold = 999*time.Millisecond, 1 }},
		{"request-timeout", func(s *Serve) { s.RequestTimeout = maxRequestTimeout + 1 }},
		{"hold", func(s *Serve) { s.Hold = 0 }},
		{"hold", func(s *Serve) { s.Hold = s.RequestTimeout }},
		{"advice-wait", func(s *Serve) { s.AdviceWait = 0 }},
		{"advice-wait", func(s *Serve) { s.AdviceWait = time.Minute + 1 }},
		{"airtime.provider-timeout", func(s *Serve) { s.ProviderTimeout = -1 }},
		{"airtime.provider-timeout", func(s *Serve) { s.ProviderTimeout = s.RequestTimeout }},
		{"drain-delay", func(s *Serve) { s.DrainDelay = -1 }},
		{"stop-timeout", func(s *Serve) { s.StopTimeout = 0 }},
		{"max-in-hand", func(s *Serve) { s.MaxInHand = 0 }},
		{"time-zone", func(s *Serve) { s.TimeZone = "Mars/Olympus" }},
		{"time-zone", func(s *Serve) { s.TimeZone = "Local" }},
		{"time-zone", func(s *Serve) { s.TimeZone = "" }},
		{"currency", func(s *Serve) { s.CurrencyNumber = "ZAR" }},
		{"institution.id", func(s *Serve) { s.InstitutionID = "" }},
		{"institution.name", func(s *Serve) { s.InstitutionName = strings.Repeat("é", maxInstitution+1) }},
		{"institution.name", func(s *Serve) { s.InstitutionName = "a\nb" }},
		{"settle.after", func(s *Serve) { s.SettleAfter, s.SettleHow = minSettleAfter-1, "confirm" }},
		{"settle.after", func(s *Serve) { s.SettleHow = "reverse" }},
		{"settle.how", func(s *Serve) { s.SettleAfter = minSettleAfter }},
		{"settle.how", func(s *Serve) { s.SettleAfter, s.SettleHow = minSettleAfter, "guess" }},
		{"retention", func(s *Serve) { s.Retention = minRetention - 1 }},
		{"retention", func(s *Serve) { s.Retention = -1 }},
		{"retention", func(s *Serve) { s.RetentionIDs = minRetentionIDs }},
		{"retention-ids", func(s *Serve) { s.Retention, s.RetentionIDs = minRetention, minRetentionIDs-1 }},
		{"retention-ids", func(s *Serve) { s.Retention, s.RetentionIDs = minRetentionIDs, minRetentionIDs }},
		{"log.level", func(s *Serve) { s.LogLevel = "loud" }},
		{"log.format", func(s *Serve) { s.LogFormat = "xml" }},
	}
	for _, test := range tests {
		s := good(t)
		test.change(s)
		err := s.Check()
		var f *Fault
		if !errors.As(err, &f) || f.Setting != test.setting || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("got %v, want a fault of %s alone", err, test.setting)
		}
	}
}

func TestFaultSaysHowToSetIt(t *testing.T) {
	s := good(t)
	s.TLSCert, s.Hold = "c", 0
	const want = "setting tls.key (--tls-key, SCRIP_TLS_KEY): is missing beside tls.cert\n" +
		"setting hold (--hold, SCRIP_HOLD): is 0s; it must be above 0 and below request-timeout (1m0s)"
	if got := fmt.Sprint(s.Check()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCheckPasses(t *testing.T) {
	for name, change := range map[string]func(*Serve){
		"as it comes":             func(*Serve) {},
		"nothing kept":            func(s *Serve) { s.Data, s.InMemory = "", true },
		"any free ports":          func(s *Serve) { s.Listen, s.AdminListen = "127.0.0.1:0", "127.0.0.1:0" },
		"loopback by other names": func(s *Serve) { s.Listen, s.AdminListen = "localhost:1", "[::1]:2" },
		"behind a proxy":          func(s *Serve) { s.Listen, s.PlainHTTP = "0.0.0.0:8080", true },
		"TLS":                     func(s *Serve) { s.Listen, s.AdminListen, s.TLSCert, s.TLSKey = ":443", ":444", "c", "k" },
		"mutual TLS":              func(s *Serve) { s.TLSCert, s.TLSKey, s.TLSClientCA, s.TLSClientAuth = "c", "k", "a", "required" },
		"pruned":                  func(s *Serve) { s.Retention = minRetention },
		"pruned and forgotten":    func(s *Serve) { s.Retention, s.RetentionIDs = minRetention, minRetentionIDs },
		"settled by the clock":    func(s *Serve) { s.SettleAfter, s.SettleHow = minSettleAfter, "reverse" },
	} {
		s := good(t)
		change(s)
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatSettingsMean(t *testing.T) {
	s, err := given(t, "", nil, "--data=x", "--listen=:443", "--admin-listen=:444", "--tls-cert=c", "--tls-key=k",
		"--tls-client-ca=a", "--tls-client-auth=required", "--time-zone=Africa/Johannesburg", "--currency=978",
		"--institution-id=7", "--institution-name=Seven", "--settle-after=72h", "--settle-how=reverse", "--log-level=warn")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *s.TLS(), (edge.TLS{Certificate: "c", Key: "k", ClientCA: "a", ClientAuth: edge.RequiredClientAuth}); got != want {
		t.Errorf("got %+v", got)
	}
	if got, want := *s.AdminTLS(), (edge.TLS{Certificate: "c", Key: "k", ClientAuth: edge.NoClientAuth}); got != want {
		t.Errorf("for operators: got %+v", got)
	}
	if s.Location().String() != "Africa/Johannesburg" || s.Currency() != 978 || s.SettleRole() != txn.Reversal {
		t.Errorf("got %s, %s, %v", s.Location(), s.Currency(), s.SettleRole())
	}
	if got, want := s.Institution(), (ident.Reference{Institution: "7", Identifier: "Seven"}); got != want {
		t.Errorf("got %+v", got)
	}
	s.AdminListen = "localhost:444"
	if s.AdminTLS() != nil {
		t.Error("operators on loopback speak TLS")
	}
	s.SettleHow = "confirm"
	if s.SettleRole() != txn.Confirmation {
		t.Errorf("got %v", s.SettleRole())
	}
	var b bytes.Buffer
	log := s.Logger(&b)
	log.Info("hidden")
	log.Warn("seen")
	if got := b.String(); strings.Contains(got, "hidden") || !strings.Contains(got, `"msg":"seen"`) {
		t.Errorf("got %q", got)
	}
	if plain := good(t); plain.TLS() != nil || plain.AdminTLS() != nil || plain.SettleRole() != 0 {
		t.Error("by default there is TLS, or something is settled")
	}
}

func TestTheDataDirectoryIsNoFile(t *testing.T) {
	file, dir := write(t, "scrip.db", ""), t.TempDir()
	for data, good := range map[string]bool{
		"": true, dir: true, filepath.Join(dir, "to", "be", "made"): true, file: false, filepath.Join(file, "sub", "sub"): false,
	} {
		err := (&Serve{Data: data}).CheckData()
		var f *Fault
		if faulty := errors.As(err, &f) && f.Setting == "data" && strings.Contains(f.Text, data); faulty == good || good != (err == nil) {
			t.Errorf("%q: got %v", data, err)
		}
	}
}

func TestToken(t *testing.T) {
	token := strings.Repeat("t", 32)
	for _, test := range []struct{ name, file, want string }{
		{"as it is", token, token},
		{"with a line end", token + "\r\n", token},
		{"empty", "\n", ""},
		{"too large", strings.Repeat(token, maxToken), ""},
	} {
		s := &Serve{TokenFile: write(t, "token", test.file)}
		got, err := s.Token()
		if got != test.want || (err == nil) != (test.want != "") || err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("%s: got %q (%v)", test.name, got, err)
		}
	}
	if got, err := (&Serve{}).Token(); got != "" || err != nil {
		t.Errorf("without a file: got %q (%v)", got, err)
	}
	if _, err := (&Serve{TokenFile: "/nonexistent/token"}).Token(); err == nil || !strings.Contains(err.Error(), "operator-token-file") {
		t.Errorf("a missing file: got %v", err)
	}
}

// Whatever is in a file, reading it ends without harm, and what was taken is a setting whose flag can read it.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"data: x\ntls:\n  cert: a\n", "a: &a [*a]\n", "hold: 5s", "? [x]\n: y", "---\n---\n", "\xff", "{data: x, data: y}", "tls: {<<: {cert: x}}",
		whole, routesOf("to: a, cards: [7*]", "to: [local]"), upstreamWith("oauth2: {grant: password}"), "routes: [[]]", "upstreams: [{? [x]: y}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := parse("fuzz.yaml", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz.yaml:") {
				t.Fatalf("the error does not begin with the file: %v", err)
			}
			return
		}
		for key, text := range v.byKey {
			if known := flags()[key]; known == nil || try(known, text) != nil || v.lines[key] < 1 {
				t.Fatalf("%s was taken with %q", key, text)
			}
		}
	})
}
