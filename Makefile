# 'make' alone tells what there is to do.

export CGO_ENABLED ?= 0

VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME  ?= 10s
CHAOSTIME ?= 10m
SOAKTIME  ?= 1h
# Tests wait for PostgreSQL more than they compute.
TESTFLAGS ?= -parallel 4 -timeout 10m
GOFUMPT   := go tool gofumpt
LINT      := go tool -modfile=deploy/tools.mod golangci-lint

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(if $(DATABASE_URL),,postgres) build ## Build, then serve with a demo organisation on http://127.0.0.1:8080
	@bin/purescim serve --demo

.PHONY: test
test: postgres pgbouncer chromium axe ## Vet, check the formatting and run all tests
	go vet ./...
	@unformatted=$$($(GOFUMPT) -l cmd internal migrations docs deploy $(wildcard api)) && \
	if [ -n "$$unformatted" ]; then echo "not formatted, 'make fmt' does it:"; echo "$$unformatted"; exit 1; fi
	go test -vet=off $(TESTFLAGS) ./...
	cd deploy/validate && go vet . && go test -vet=off .

.PHONY: lint
lint: ## Run golangci-lint (the first time it builds it: some minutes)
	$(LINT) run ./...

.PHONY: bench
bench: postgres build ## Measure requests beside a bare handler, and cycles, on 10,000 users (BENCHFLAGS="--users 1000000")
	@bin/purescim bench $(BENCHFLAGS)

# Before 1.27 Go may report the end of FUZZTIME as a failure (go.dev/issue/75804): without
# an input that fails, it is none. Making inputs smaller would take all of a short time.
.PHONY: fuzz
fuzz: postgres ## Fuzz every target for FUZZTIME, 10s if not given
	@log=$$(mktemp) && trap 'rm -f "$$log"' EXIT && \
	for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' cmd internal | xargs -n 1 dirname | sort -u); do \
		listed=$$(go test -list '^Fuzz' ./$$dir) || exit 1; \
		for target in $$(echo "$$listed" | grep '^Fuzz'); do \
			echo "$$dir $$target"; \
			go test -vet=off -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x ./$$dir >"$$log" 2>&1 && passed=yes || passed=; \
			cat "$$log"; \
			[ "$$passed" ] || { grep -q 'context deadline exceeded' "$$log" && ! grep -q 'Failing input' "$$log"; } || exit 1; \
		done; \
	done

.PHONY: chaos
chaos: postgres ## Strike two servers and a pair of PostgreSQL for CHAOSTIME, 10m if not given, and check what clients saw
	go test -vet=off -tags chaos -count=1 -timeout 0 -v -run TestChaos ./internal/chaos -lasts $(CHAOSTIME) $(CHAOSFLAGS)

.PHONY: soak
soak: postgres ## Have clients work for SOAKTIME, 1h if not given, without a fault
	go test -vet=off -tags chaos -count=1 -timeout 0 -v -run TestChaos ./internal/chaos -lasts $(SOAKTIME) -strike=false $(CHAOSFLAGS)

.PHONY: sdk-test
sdk-test: postgres build ## Run the official Genesys Cloud SDK for JavaScript against the server (needs npm)
	cd api/sdk && npm install --ignore-scripts --no-audit --no-fund --no-package-lock --silent
	cd api/sdk && PURESCIM=$(CURDIR)/bin/purescim node --test sdk.test.mjs

.PHONY: clients
clients: postgres build ## Run programs and clients of others against the server (needs python3, mvn and the network)
	@deploy/clients/run

.PHONY: lint-api
lint-api: ## Check api/openapi.yaml by the rules of Redocly and Spectral (needs npm)
	cd api/lint && npm install --ignore-scripts --no-audit --no-fund --no-package-lock --silent
	cd api/lint && REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true npm run --silent lint

.PHONY: hooks
hooks: ## Have git ask for the body of a commit message
	git config core.hooksPath deploy/hooks

.PHONY: fmt
fmt: ## Format all Go files
	$(GOFUMPT) -w cmd internal migrations docs deploy $(wildcard api)

.PHONY: build
build: ## Write bin/purescim
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/purescim ./cmd/purescim

.PHONY: release
release: ## Write archives, Debian packages, lists of parts and checksums to dist
	@deploy/release

.PHONY: clean
clean: ## Remove what was built; the data in .data stays
	rm -rf bin dist

# A private PostgreSQL needs the programs of one. Where there is neither them nor apt-get,
# the server and the tests look further, and say what to install.
.PHONY: chromium
chromium:
	@deploy/install-chromium

# What keeps people from using the console's pages axe-core knows, which tests run in the
# browser. Without npm they are looked at without it, but never where CI is set.
.PHONY: axe
axe:
	@command -v npm >/dev/null || exit 0; cd deploy/axe && [ package-lock.json -ot node_modules/.package-lock.json ] || npm ci --ignore-scripts --no-audit --no-fund --silent

.PHONY: postgres
postgres:
	@deploy/install-postgres

# Tests have servers stand behind a PgBouncer; without one they are skipped.
.PHONY: pgbouncer
pgbouncer:
	@deploy/install-postgres pgbouncer
