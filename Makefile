# Go is all that is needed. make demo shows what tandem does; make test proves it.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
CLIENT_ID ?=
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.clientID=$(CLIENT_ID)
export CGO_ENABLED ?= 0

.PHONY: build man test histories simulate simulate-tasks mutants soak storm races fuzz coverage race lint licenses vuln bench demo cross clean

build:
	go build -trimpath -ldflags "$(LDFLAGS)" -o tandem ./cmd/tandem

# The manual pages, made of what --help says: dist/man/tandem.1 and one for each
# command.
man:
	go run -tags man -ldflags "-X main.version=$(VERSION)" ./cmd/tandem dist/man

test:
	go test -timeout 30m ./...

# make test tries some of what two people can do to one tree in two steps each;
# this tries all of it.
histories:
	GOGC=800 go test ./syncer/plan -run TestEveryShortHistoryEndsWell -full

# make test simulates some of the crashes and failures of the kept scripts; this
# lets scripts, kept and made up, crash and fail everywhere, and makes up 500 worlds
# of the whole stack. PART=2/3 leaves the second third of them.
PART ?= 1/1
simulate:
	go test ./syncer/sim -run 'TestNothingIsLost|TestTheWholeStack' -full -part $(PART) -v -timeout 60m

# The same with cloud tasks beside the engine.
simulate-tasks:
	go test ./cmd/tandem/internal/task -run TestTasksLoseNothing -full -v -timeout 1h

# Makes deliberate mistakes, one at a time, and says which of them the tests notice.
mutants:
	go run ./.ci/mutants

# The simulation, for HOURS with seeds that nobody has tried; what fails is cut
# down to a script for syncer/sim/testdata/corpus.
HOURS ?= 1
soak:
	go test ./syncer/sim -run TestSoak -v -timeout 0 -hours $(HOURS)

# The real program in storms of edits: killed KILLS times, on one machine and on
# three; and STORMS storms of twelve kinds, in each of which people edit for SECONDS,
# with a verdict about every version and about the time until all is at rest. Who
# wants to see how long a storm that is too slow really takes gives it PATIENCE.
KILLS ?= 20
STORMS ?= 12
SECONDS ?= 8
SEED ?= 0
PATIENCE ?= 0
LOGS ?=
storm:
	go test ./cmd/tandem -run 'Storm|TestThreeMachines' -v -timeout 0 -kills $(KILLS) -storms $(STORMS) -storm-seconds $(SECONDS) -storm-seed $(SEED) -storm-patience $(PATIENCE) -storm-logs '$(LOGS)'

# Every command that has to do with files here, in a folder in which another process
# exchanges names for SECONDS, by default 60: one of the same user, and for root one of
# another, too. A tree outside must stay as it was, and nothing of it may go online. make test
# has each for a moment.
races: SECONDS = 60
races:
	go test ./cmd/tandem -run TestRaces -v -timeout 0 -race-seconds $(SECONDS) -race-seed $(SEED)

# Gives each thing that reads what comes from outside all that nobody would write, for
# FUZZTIME each. What makes one fail is kept in testdata/fuzz of its package, and tried
# by make test from then on. A target that fails is tried twice: Go's engine takes it for a
# failure when a worker is busy as the time ends, and what is really one fails at once.
# PART=2/3 leaves each third of them, from the second on.
FUZZTIME ?= 10m
fuzz:
	@mkdir -p dist; failed=; n=0; for pkg in $$(go list ./...); do \
		dir=$$(go list -f '{{.Dir}}' $$pkg); \
		targets=$$(cat $$dir/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p'); \
		test -n "$$targets" || continue; \
		go test -c -fuzz . -o dist/fuzz.test $$pkg || exit 1; \
		for target in $$targets; do \
			n=$$((n + 1)); test $$(((n - 1) % $(notdir $(PART)))) = $$(($(patsubst %/,%,$(dir $(PART))) - 1)) || continue; \
			echo "$$pkg $$target"; \
			try() { (cd $$dir && $(CURDIR)/dist/fuzz.test -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) -test.fuzzminimizetime 10s \
				-test.fuzzcachedir "$$(go env GOCACHE)/fuzz/$$pkg"); }; \
			try || try || failed="$$failed $$target"; \
	done; done; rm -f dist/fuzz.test; test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

# How much of what decides and does the tests of it have visited, and what not.
coverage:
	go test -coverpkg=./syncer,./syncer/plan -coverprofile=coverage.out ./syncer ./syncer/plan ./syncer/sim
	go tool cover -func=coverage.out | awk '$$3 != "100.0%"'

# The race detector is the one thing that wants a C compiler. Simulations let one
# thing happen at a time, so a few will do.
race:
	CGO_ENABLED=1 go test -race -short -timeout 40m -skip TestTasks $$(go list ./... | grep -v syncer/sim)
	CGO_ENABLED=1 go test -race ./syncer/sim -run 'TestWhatOnce|TestNothingIsLostWhateverHappens' -runs 40

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	go run ./.ci/mutants -n

# What has to go with the program: dist/THIRD_PARTY.
licenses:
	mkdir -p dist
	go run ./.ci/licenses > dist/THIRD_PARTY

# Known weaknesses of what tandem is made of, if their database can be reached.
VULN := golang.org/x/vuln/cmd/govulncheck@v1.9.0
vuln:
	@if go run $(VULN) -version | grep -q 'DB updated'; then go run $(VULN) ./...; \
	else echo 'vuln: the database of weaknesses cannot be reached, so they were not looked for'; fi

bench:
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./cmd/tandem
	go test ./syncer -run '^$$' -bench Listing -benchtime 1x -files 100000
	go test -run '^$$' -bench . ./remote/quickxor
	go test -run '^$$' -bench HostileAnswers -benchtime 1x ./remote

demo: build
	./tandem demo --once

cross:
	for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo $$os/$$arch; GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags "$(LDFLAGS)" -o dist/tandem-$$os-$$arch$$(test $$os = windows && echo .exe) ./cmd/tandem || exit 1; \
	done; done

clean:
	rm -rf tandem dist
