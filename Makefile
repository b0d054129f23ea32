# Everything a developer, CI or a packager runs. `make help` lists it.

PREFIX  ?= /usr/local
DESTDIR ?=
PYTHON  ?= python3
CARGO   ?= cargo
INSTALL ?= install
ROUNDS  ?= 100

# How many things that do not disturb each other are done at a time.
JOBS    ?= $(shell nproc)

VENV := target/venv
PYTEST := $(VENV)/bin/python -m pytest

BUILD_PACKAGES := gcc g++ libc6-dev make python3
TEST_PACKAGES  := python3-venv binutils curl gdb libcap2-bin openssl strace \
                  microsocks stunnel4 tinyproxy-bin
LINT_PACKAGES  := shellcheck
RUNTIME_PACKAGES := default-jdk-headless golang-go mariadb-client mariadb-server ruby \
                    uwsgi-core uwsgi-plugin-python3 varnish
CONFORMANCE_PACKAGES := dpkg-dev patch xz-utils

# For what only root can do.
AS_ROOT = $(if $(filter-out 0,$(shell id -u)),sudo)

# Scripts that start with a shell's #! line, whatever their name.
SHELL_SCRIPTS = $(shell grep -rlIE --exclude='*.py' '^\#!.*\b(ba)?sh$$' .ci scripts benches tests)

.DEFAULT_GOAL := build
# Prerequisites run in the order written: packages first, then what needs them. Only `make test` has some,
# with nothing to install any more, made side by side.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
.PHONY: build checked build-deps deps lint-deps c-tests benches test model miri mutants conformance \
        conformance-quick conformance-deps test-asan test-debian13 test-runtimes demo bench soak lint install uninstall clean help

## build: the library and the launcher, into target/release
build:
	$(CARGO) build --release

# `sudo make install` must not need root's own cargo once the user has built.
target/release/green target/release/libgreen.so:
	$(CARGO) build --release

build-deps:
	scripts/install-packages $(BUILD_PACKAGES)

## deps: install what the tests need (Debian packages, a venv in target/venv)
deps: build-deps
	scripts/install-packages $(TEST_PACKAGES)
	$(MAKE) $(VENV)/installed

lint-deps:
	scripts/install-packages python3-venv $(LINT_PACKAGES)
	$(MAKE) $(VENV)/installed

$(VENV)/installed: requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

## c-tests: the self-checking C programs, into target/c-tests
c-tests:
	$(MAKE) -C c-tests

## benches: the C servers and load generators of the benchmarks
benches:
	$(MAKE) -C benches

## checked: the library with assertions of its own, into target/checked
checked: build-deps
	$(CARGO) build --profile checked --lib

# What takes longest is made first, which a prerequisite would put off: it waits for that, and others do not.
TOGETHER := SIDE_BY_SIDE=1 --jobs=$(JOBS) --output-sync=target --no-print-directory --old-file=build-deps

## test: build everything and run every test, natively and under libgreen
test: deps conformance-deps
	$(MAKE) $(TOGETHER) model build checked c-tests benches
	$(MAKE) conformance-quick
	status=0; \
	$(PYTEST) -m 'not alone' --numprocesses=$(JOBS) --dist=loadgroup tests || status=1; \
	$(PYTEST) -m alone tests || status=1; \
	exit $$status

conformance-deps: build-deps
	scripts/install-packages $(CONFORMANCE_PACKAGES)

## conformance: glibc's and CPython's own tests, natively and under libgreen (an hour; resumes)
conformance: conformance-deps build
	$(PYTHON) scripts/conformance

## conformance-quick: those of them that cover most in two minutes; part of `make test`
conformance-quick: conformance-deps build
	$(PYTHON) scripts/conformance --quick --fresh

SANITIZE := -O1 -g -fsanitize=address -fno-omit-frame-pointer
ASAN_BUILD := out=$(CURDIR)/target/c-tests-asan CFLAGS="$(SANITIZE)" CXXFLAGS="$(SANITIZE)"

## test-asan: the C programs built with AddressSanitizer
test-asan: build
	$(MAKE) -C c-tests $(ASAN_BUILD)
	$(PYTHON) scripts/test-asan

## test-debian13: the C programs and some Python on Debian 13, in a chroot (root or sudo)
test-debian13: build c-tests
	scripts/install-packages debootstrap
	$(AS_ROOT) $(PYTHON) scripts/test-debian13

## test-runtimes: Java, Go with C, Varnish, uWSGI, Ruby and MariaDB's client (installs them)
test-runtimes: deps build
	scripts/install-packages $(RUNTIME_PACKAGES)
	$(PYTEST) tests/test_runtimes.py tests/test_slow_input.py

# The library's own files, compiled against a model checker.
# Without the jobserver, whose descriptors make passes to other makes only.
MODEL := MAKEFLAGS= $(CARGO) test --quiet --manifest-path tests/models/Cargo.toml --target-dir target/models

## model: check the lock-free parts in every order, the data structures at random
model: build-deps
	$(MODEL)
	$(MODEL) --features loom

## miri: the data structures' pointers under Miri (a nightly toolchain of rustup's with that component)
miri: build-deps
	PROPTEST_CASES=2 MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks" \
	    $(CARGO) +nightly miri test --quiet --manifest-path tests/models/Cargo.toml \
	    --target-dir target/miri --test properties --test queues

## mutants: put bugs into the lock-free parts and see that `make model` notices each
mutants: build-deps
	$(PYTHON) tests/models/mutants.py

## demo: the C and the Python server, native threads against green threads
demo: build-deps build c-tests benches
	$(PYTHON) scripts/demo

## bench: the full benchmark; results and plots land in docs/bench
bench: deps build c-tests benches
	$(VENV)/bin/python scripts/bench

## soak: run the C programs 100 times, or ROUNDS times, while the CPUs are busy
soak: deps build c-tests
	$(VENV)/bin/python scripts/stress --times $(ROUNDS) --hogs $$(nproc)

## lint: formatting and static checks of Rust, shell and Python
lint: lint-deps
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets -- -D warnings
	$(CARGO) fmt --check --manifest-path tests/models/Cargo.toml
	$(CARGO) clippy --quiet --manifest-path tests/models/Cargo.toml --target-dir target/models \
	    --all-targets --features loom -- -D warnings
	scripts/check-layers
	scripts/check-statics
	scripts/check-docs
	$(PYTHON) tests/models/mutants.py --places
	shellcheck $(SHELL_SCRIPTS)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

## install: green, libgreen.so and green(1) under $(DESTDIR)$(PREFIX)
install: target/release/green target/release/libgreen.so
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/share/man/man1
	$(INSTALL) -m 755 target/release/green $(DESTDIR)$(PREFIX)/bin/green
	$(INSTALL) -m 644 target/release/libgreen.so $(DESTDIR)$(PREFIX)/lib/libgreen.so
	$(INSTALL) -m 644 docs/green.1 $(DESTDIR)$(PREFIX)/share/man/man1/green.1

## uninstall: remove what `make install` put there
uninstall:
	$(RM) $(DESTDIR)$(PREFIX)/bin/green
	$(RM) $(DESTDIR)$(PREFIX)/lib/libgreen.so
	$(RM) $(DESTDIR)$(PREFIX)/share/man/man1/green.1

## clean: remove everything that was built
clean:
	$(CARGO) clean

## help: this list
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST)) | \
	    awk -F ': ' '{ printf "  %-17s %s\n", $$1, $$2 }'
