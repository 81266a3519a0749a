# sallyport: make run starts it, make test tests it. Both need Go and nothing
# else; the rest of the targets is for people who change it.

GO      ?= go
BIN     := bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

GOLANGCI_VERSION := v2.15.0
GOFUMPT_VERSION  := v0.12.0

# The race detector needs a C compiler; without one the tests run without it.
CC_FOUND := $(shell command -v $${CC:-cc} 2>/dev/null)
RACE     := $(if $(CC_FOUND),-race,)

SHA256 := $(shell command -v sha256sum >/dev/null 2>&1 && echo sha256sum || echo shasum -a 256)

.PHONY: run build test lint check bench bench-policies bench-directory fuzz clean

run: build
	@mkdir -p var
	@exec $(BIN)/sallyport serve --config examples/quickstart/sallyport.yaml --welcome examples/quickstart/welcome.txt

build:
	@mkdir -p $(BIN)/plugins
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o $(BIN)/sallyport ./cmd/sallyport
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o $(BIN)/plugins/watchlist ./examples/plugins/watchlist
	@cd $(BIN)/plugins && $(SHA256) watchlist > SHA256SUMS
	@chmod go-w $(BIN) $(BIN)/plugins $(BIN)/plugins/*

test:
	$(GO) test $(RACE) -timeout 15m ./...

lint: $(BIN)/golangci-lint-$(GOLANGCI_VERSION) $(BIN)/gofumpt-$(GOFUMPT_VERSION)
	@out=$$($(BIN)/gofumpt-$(GOFUMPT_VERSION) -l .); [ -z "$$out" ] || { echo "not formatted (gofumpt -w):"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	GOOS=darwin CGO_ENABLED=0 $(GO) vet ./...
	$(BIN)/golangci-lint-$(GOLANGCI_VERSION) run ./...

check: lint test

# Numbers side by side in one run; docs/performance.md explains them.
bench:
	$(GO) test -run '^$$' -bench 'RADIUS|LDAP' -benchtime $(or $(BENCHTIME),3s) ./e2e/bench

# Decisions of expression policies beside bare OPA, their loading, and calls of
# helpers beside a bare connection of go-plugin.
bench-policies:
	$(GO) test -run '^$$' -bench 'Decision|Load|Call' -benchmem ./policyengine ./rego ./plugins

# Logins with a directory upstream, beside slapd's own proxy; needs slapd.
bench-directory:
	$(GO) test -run '^$$' -bench '^BenchmarkDirectory$$' -benchtime $(or $(BENCHTIME),3s) -timeout 30m ./e2e/bench

FUZZTIME ?= 10s
fuzz:
	@$(GO) test -list '^Fuzz' ./... | awk '/^Fuzz/ {f[n++]=$$1} /^ok/ {for (i=0;i<n;i++) print $$2, f[i]; n=0}' | \
	while read -r package target; do \
		echo "fuzz $$package $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
	done

clean:
	rm -rf $(BIN) var

$(BIN)/golangci-lint-$(GOLANGCI_VERSION):
	@mkdir -p $(BIN)
	GOBIN=$(abspath $(BIN)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@

$(BIN)/gofumpt-$(GOFUMPT_VERSION):
	@mkdir -p $(BIN)
	GOBIN=$(abspath $(BIN)) $(GO) install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	@mv $(BIN)/gofumpt $@
