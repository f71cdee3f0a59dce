# Two commands do all the set-up: `make demo` and `make test`.

CARGO ?= cargo

.PHONY: help setup build demo bench test soak fmt lint unit examples replay clean

help:
	@echo "make demo     build, then a day of real flights through a component into a durable store"
	@echo "make test     everything that CI runs"
	@echo "make soak     slow tests, beside those of make test"
	@echo "make replay   a recorded day of flights, decided again by the component as it is built now"
	@echo "make bench    what this machine can do, each figure against its ceiling"
	@echo "make build    the binary, target/release/cantus"

# Where rustup does not install by itself, rust-toolchain.toml alone installs nothing.
setup:
	@command -v rustup >/dev/null || { echo "Cantus needs Rust: install rustup from https://rustup.rs, then try again"; exit 1; }
	@rustup toolchain install --no-self-update >/dev/null 2>&1 || true
	@rustup target add wasm32-wasip2 2>&1 | grep -v 'up to date' || true

build: setup
	$(CARGO) build --release --locked --package cantus-cli

demo: build
	./target/release/cantus demo

bench: build
	./target/release/cantus bench

test: setup fmt lint unit examples replay
	@echo "all tests passed"

fmt:
	$(CARGO) fmt --all --check
	cd examples && $(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	cd examples && $(CARGO) clippy --workspace --all-targets --locked --target-dir ../target/examples -- --deny warnings

# Unit, integration and doc tests.
unit:
	$(CARGO) test --workspace --locked

# Slow extras: the embedding as a package of its own, long stores, figures of a whole process.
soak: setup
	$(CARGO) test --workspace --locked -- --ignored --nocapture

# The examples' own tests: native, without wasm.
examples:
	cd examples && $(CARGO) test --workspace --locked --target-dir ../target/examples
	cd examples && $(CARGO) test --package flights --features release-1.2 --locked --target-dir ../target/examples

# The repository's own tape, decided again by the flights example as it is now: as in the CI of a plugin of yours
# (docs/replay-in-ci.md).
CANTUS = $(CARGO) run --quiet --locked --package cantus-cli --
replay:
	$(CANTUS) plugin build examples/flights --plugins target/replay
	$(CANTUS) replay examples/flights/tapes/day-2013-01-01.cantus-tape --plugin target/replay/flights.wasm \
		--perturb --junit target/replay/report.xml

clean:
	$(CARGO) clean
	rm -rf examples/target data
