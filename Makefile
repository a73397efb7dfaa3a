# Run `make help` for what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := node_modules/.bin
NODE := $(BIN)/node
# Node runs the project's TypeScript as it is; the one that npm installs, whatever the machine has.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## list the verbs
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up -----------------------------------------------------------------------------------------------------------

node_modules/.package-lock.json: package-lock.json package.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

.PHONY: deps
deps: node_modules/.package-lock.json ## install the npm packages

.PHONY: tools
tools: deps ## build the pinned kube-apiserver, etcd, kubectl, ... (once; KUBEBUILDER_ASSETS is honoured)
	@$(NODE) dev/build-tools.ts >/dev/null

.PHONY: libvirt
libvirt: ## install libvirt and QEMU for tests and demo (apt-get when root, else says what to install)
	@dev/install-libvirt.sh

.PHONY: setup
setup: deps libvirt tools ## all of the above

.PHONY: build
build: deps ## bundle the command line into dist/
	$(NODE) dev/bundle.ts

# --- checks and tests -------------------------------------------------------------------------------------------------

.PHONY: check
check: deps ## format, lint, types, rooms, dead code, generated files, licences, unit tests: about a minute
	biome check --error-on-warnings .
	tsc --noEmit
	depcruise --config .dependency-cruiser.cjs src dev examples
	knip
	$(NODE) dev/generate-api.ts --check
	$(NODE) dev/licences.ts
	vitest run --project unit

.PHONY: audit
audit: deps ## known weaknesses in what runs, where the registry answers to npm audit
	@$(NODE) dev/audit.ts

.PHONY: format
format: deps ## format and mend what can be mended
	biome check --write .

.PHONY: generate
generate: deps ## write src/api/generated anew from crds/, and the tables of docs/ from the code
	$(NODE) dev/generate-api.ts
	$(NODE) dev/generate-docs.ts

.PHONY: test
test: check audit setup build ## everything: checks, unit tests, simulation, and tests on a real API server, libvirt and QEMU
	vitest run --project simulation
	vitest run --project integration

.PHONY: sim
sim: deps ## random lives of agents on a modelled API server: SEEDS=5000 or SECONDS=60; SEED=42 TRACE=200 replays one
	@[[ '$(SEEDS) $(SEED)' =~ ^[0-9]*' '[0-9]*$$ ]] || { echo 'make sim: SEEDS and SEED are whole numbers' >&2; exit 2; }
	SEEDS=$(or $(SEEDS),2000) SECONDS=$(SECONDS) SEED=$(SEED) TRACE=$(TRACE) vitest run --project simulation \
	  test/simulation/cluster.test.ts

.PHONY: mutations
mutations: deps ## each safeguard of the protocol taken away in turn: which ones do random lives miss? SEEDS=400
	SEEDS=$(SEEDS) $(NODE) test/simulation/lives-without.ts

.PHONY: chaos
chaos: setup build ## real agents, API server and etcd under faults: make chaos SECONDS=60, or SEED=42 for its order of faults
	SECONDS=$(or $(SECONDS),60) SEED=$(SEED) $(NODE) test/chaos/main.ts

.PHONY: vectors
vectors: deps ## run the ledger on Nova's cases: make vectors CASES=file.json
	$(NODE) dev/vectors/main.ts $(or $(CASES),test/vectors/nova-2014.1.json)

# --- to look at ---------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: setup build ## three nodes, claims granted and refused; stays until Ctrl-C (ONCE=1 exits)
	ONCE=$(ONCE) $(NODE) dev/demo/main.ts

.PHONY: bench
bench: setup build ## measure; prints a table and writes bench/results.json
	$(NODE) test/bench/main.ts

.PHONY: clean
clean: ## remove what was built (not the tools)
	rm -rf dist coverage
