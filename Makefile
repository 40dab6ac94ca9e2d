# Every target makes the environment from requirements.lock first, if it is not there or is older.

PYTHON ?= python3
PHOTOS ?=
CASES ?= 100000
TARGET ?= all
SECONDS ?= 60
SEED ?= 1
BENCH ?=
FAULT_MODEL ?= byzantine
ENV := .venv
BIN := $(ENV)/bin
READY := $(ENV)/ready
PEERS := $(ENV)/peers
SAMPLES := build/samples
HAS_NODE := $(shell node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && echo yes)
PAGE := src/weft/ui_dist/index.html
PAGE_SOURCES := $(shell find ui -path ui/node_modules -prune -o -path ui/.angular -prune -o -type f -print)

.DEFAULT_GOAL := help
.PHONY: help run ui ui-if-node test check format simulate judge fuzz machine fire chart peers bench proto docs lock clean

help: ## this text
	@echo "Weft: one ledger, kept by equals."
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

run: $(READY) ui-if-node ## a local network of four nodes with photos in it (PHOTOS=DIR for your own)
	@$(if $(PHOTOS),,$(BIN)/weft files samples $(SAMPLES) >/dev/null)
	@exec $(BIN)/weft up --photos "$(or $(PHOTOS),$(SAMPLES))"

ui: $(PAGE) ## the web application, into the package (Node 20 or newer)

# A network runs without its page; whoever has no Node, or no way to fetch packages, is told and goes on.
ui-if-node:
	@$(if $(HAS_NODE),$(MAKE) --no-print-directory ui \
		|| echo "the web application could not be built; the nodes run without it" >&2,\
		echo "no Node 20 or newer here: the nodes run without their web application" >&2)

test: $(READY) ui-if-node ## the whole suite
	@$(BIN)/python -m pytest

check: $(READY) ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/tidy

format: $(READY) ## put every file into the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

simulate: $(READY) ## decision vectors, and a range of seeds (SEEDS=A..B)
	@$(BIN)/weft simulate vectors tests/vectors/consensus_vectors.json
	@$(BIN)/weft simulate --seeds "$(or $(SEEDS),0..999)"

judge: $(READY) ## random graphs, decided by the shipped core and by the plain rule (CASES=100000)
	@$(BIN)/python -m tests.judge $(CASES)

fuzz: $(READY) ## every decoder under a coverage-guided fuzzer (TARGET=all SECONDS=60, of each)
	@$(BIN)/python -c 'import atheris' 2>/dev/null \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.fuzz.lock \
		|| { echo "there is no atheris for this Python and machine; make test fuzzes the same with Hypothesis" >&2; exit 1; }
	@$(BIN)/python -m tests.fuzz $(TARGET) --seconds $(SECONDS)

machine: ## what the tests need beside Python: a C compiler, Go, namespaces, a browser, PostGIS (Debian, as root)
	@{ command -v cc && command -v unshare && command -v mount && command -v chromium \
		&& { command -v go || test -x /usr/local/go/bin/go; }; } >/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends \
			gcc libc6-dev golang-go util-linux mount chromium; }
	@ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql postgresql-postgis; }

fire: $(READY) ## real processes under fire (SECONDS=60 SEED=1 FAULT_MODEL=byzantine REPORT=FILE.md)
	@$(BIN)/python -m tests.fire --seconds $(SECONDS) --seed $(SEED) --fault-model $(FAULT_MODEL) \
		$(if $(REPORT),--report $(REPORT))

chart: $(READY) ## docs/faults.png: what clients notice of one node killed, and of one slow
	@$(BIN)/python -m tests.fire.chart

peers: $(PEERS) ## what Weft is measured beside: etcd, Go and what is built with it, PySyncObj (Debian, as root)
	@{ command -v etcd && { command -v go || test -x /usr/local/go/bin/go; }; } >/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends etcd-server golang-go ca-certificates; }
	@$(BIN)/python -m benchmarks.peers

bench: $(PEERS) ## Weft beside its peers: table, chart, raw data (BENCH="--quick"; `make peers` first)
	@$(BIN)/python -m benchmarks $(BENCH)

proto: $(READY) ## the Python side of proto/peer.proto
	@$(BIN)/python -m grpc_tools.protoc -I proto --python_out=src/weft/network/generated \
		--pyi_out=src/weft/network/generated proto/peer.proto

docs: $(READY) ## the generated pages of docs/reference
	@$(BIN)/python -m tests.tidy.pages

LOCK := uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11

lock: $(READY) ## the locks, requirements*.lock, from pyproject.toml
	@$(BIN)/$(LOCK) --all-extras pyproject.toml -o requirements.lock
	@$(BIN)/$(LOCK) --group fuzz -o requirements.fuzz.lock
	@$(BIN)/$(LOCK) --group bench -o requirements.bench.lock

clean: ## remove the environment and what was built; networks stay
	@rm -rf $(ENV) build src/weft/ui_dist ui/node_modules ui/.angular

$(PAGE): ui/node_modules/.package-lock.json $(PAGE_SOURCES)
	@echo "building the web application ..." >&2
	@cd ui && npm run --silent build

ui/node_modules/.package-lock.json: ui/package-lock.json ui/package.json
	@echo "fetching what the web application is built with ..." >&2
	@cd ui && npm ci --silent && touch node_modules/.package-lock.json

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Weft needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "making $(ENV) from requirements.lock ..." >&2
	@$(PYTHON) -m venv $(ENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

$(PEERS): $(READY) requirements.bench.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.bench.lock
	@touch $(PEERS)
