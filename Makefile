# What there is to do in this house. Recipes are plain sh; the two that need more than a line or
# two of it are scripts in tools/. FUZZTIME, ROUNDS, BENCH and RACE may be set on the command line.

FUZZTIME = 20s
ROUNDS   = 50
# Further flags of `make bench` and its relatives, such as BENCH=--save or BENCH='--runs 3 --clients 32'.
BENCH    =
# Where goroutines meet: worth the race detector's tenfold cost.
RACE     = ./store/... ./giftcard/... ./airtime/... ./network/... ./edge/... ./app/... \
	./exchange/... ./saf/... ./relay/... ./router/... ./sdk/...
# What is killed, and looked at afterwards.
CRASH    = ./app/... ./sdk/...

# The formatter of the toolchain in use, whether or not it is in the PATH.
GOFMT = "$$(go env GOROOT)/bin/gofmt"

.PHONY: help build test verify lint format floorplan generated vulnerabilities fuzz crash bench bench-ratios bench-relay bench-history cover clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

build: ## build the one binary, bin/scrip
	go build -o bin/scrip ./cmd/scrip

test: lint format floorplan ## everything that must pass before a commit; says aloud what it skips
	tools/gotest ./...
	tools/gotest -race -short $(RACE)

verify: generated format lint floorplan vulnerabilities ## regenerate everything, expect no difference, and run the linters
	go tool staticcheck ./...

lint: ## go vet
	go vet ./...

format: ## fail when a file is not as gofmt would have it
	@unformatted=$$($(GOFMT) -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "not formatted:" $$unformatted; exit 1; fi

floorplan: ## fail when an import does not go down
	go test ./floorplan

generated: ## generate all code again and expect what is there already
	@state() { git status --porcelain && git diff; }; \
	before=$$(state) && go generate ./... && after=$$(state) || exit 1; \
	if [ "$$before" != "$$after" ]; then \
		echo "go generate changed something; look at it and commit it:"; git status --short; exit 1; \
	fi

vulnerabilities: ## look our dependencies up in Go's vulnerability database, where it can be reached
	@found=$$(go tool govulncheck ./... 2>&1) && status=0 || status=$$?; echo "$$found"; \
	case "$$found" in \
	*"fetching vulnerabilities"*) echo "NOT CHECKED for known vulnerabilities: their database cannot be reached from here" ;; \
	*) exit $$status ;; \
	esac

fuzz: ## each fuzz test for FUZZTIME (20s)
	tools/fuzz $(FUZZTIME)

crash: ## kill the server, the relay and the library's program ROUNDS (50) times and look at what is left
	@go test -list Crash $(CRASH) | grep -q Crash || { echo "no crash test was found"; exit 1; }
	SCRIP_CRASH_ROUNDS=$(ROUNDS) go test $(CRASH) -run Crash -count=1 -timeout 60m -v

bench: build ## everything promised of speed, on both stores, compared with the committed results: docs/performance.md (half an hour)
	bin/scrip bench suite --results bench/results $(BENCH)

bench-ratios: build ## the embedded store further: lateness, disk, vouchers, many cards, growth, start
	bin/scrip bench ratios $(BENCH)

bench-relay: build ## what the relay adds, and its queue
	bin/scrip bench relay $(BENCH)

bench-history: build ## both stores with 10,000,000 transactions against empty ones (19 and 32 minutes to make, up to 31 GB of disk)
	bin/scrip bench history --no-postgres --results bench/results $(BENCH)
	bin/scrip bench history --no-sqlite --results bench/results $(BENCH)

cover: ## how much of each package the tests reach, in cover.out
	go test -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1

clean: ## remove what was built
	rm -rf bin cover.out
