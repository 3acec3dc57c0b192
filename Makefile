# One release build serves demo, test, bench and install. Everything made here is in .build, .build-guest and .build-stage.
PREFIX ?= /usr/local
SCRATCH ?= .build
GUEST_SCRATCH ?= .build-guest
FUZZ_SCRATCH ?= .build-fuzz
STAGE ?= $(CURDIR)/.build-stage
# Machines and images of demo, test and bench; kept between runs.
export SOJOURN_TEST_HOME ?= $(CURDIR)/.build-home
# A Python with the reference tools that tests ask.
PYTHON_ORACLES ?= $(CURDIR)/.build-python
export SOJOURN_TEST_PYTHON ?= $(PYTHON_ORACLES)/bin/python

SWIFT_FLAGS = -c release -Xswiftc -enable-testing --explicit-target-dependency-import-check error --scratch-path $(SCRATCH)
FUZZ_FLAGS = -c release -Xswiftc -enable-testing --explicit-target-dependency-import-check error \
	--scratch-path $(FUZZ_SCRATCH)
GUEST_FLAGS = -c release --product sojourn-guest --static-swift-stdlib -Xswiftc -static-executable -Xlinker -s \
	--scratch-path $(GUEST_SCRATCH)

.PHONY: help demo tests test test-long check fuzz bench install build tools stage clean

help:
	@echo "make demo            build everything and run a physics job in a virtual machine"
	@echo "make test            all tests, with real machines"
	@echo "make test-long       more of the same: many machines, sizes, ends"
	@echo "make check           style, without building"
	@echo "make fuzz            random input for every parser; SECONDS=60 each, or PARSER=NAME alone"
	@echo "make bench           measure, into Documentation/Measurements.md; or a part: PART=measured, respin, moved"
	@echo "make install PREFIX=/usr/local"

tools:
	@Scripts/install-tools

build: tools
	swift build $(SWIFT_FLAGS) --product sojourn
	swift build $(SWIFT_FLAGS) --product sojourn-tuf
	swift build $(GUEST_FLAGS)

install: build
	Scripts/install-files $(SCRATCH)/release/sojourn $(GUEST_SCRATCH)/release/sojourn-guest $(DESTDIR)$(PREFIX)

stage: build
	@Scripts/install-files $(SCRATCH)/release/sojourn $(GUEST_SCRATCH)/release/sojourn-guest $(STAGE) >/dev/null

demo: stage
	@Scripts/demo $(STAGE)/bin/sojourn

tests: stage
	@Scripts/test-tools/python-oracles $(PYTHON_ORACLES)
	swift build $(SWIFT_FLAGS) --build-tests

test: tests
	SOJOURN_TEST_PROGRAM=$(STAGE)/bin/sojourn Scripts/test-tools/run-tests $(SWIFT_FLAGS)

test-long: tests
	SOJOURN_TEST_LONG=1 SOJOURN_TEST_PROGRAM=$(STAGE)/bin/sojourn Scripts/test-tools/run-tests $(SWIFT_FLAGS)

check:
	swift format lint --strict --recursive Package.swift Sources Tests Fuzz
	Scripts/check-project

fuzz: tools
	SOJOURN_FUZZ=1 swift build $(FUZZ_FLAGS) --product sojourn-fuzz
	@Scripts/fuzz $(FUZZ_SCRATCH)/release/sojourn-fuzz $(or $(SECONDS),60) $(PARSER)

bench: stage
	@Scripts/test-tools/python-oracles $(PYTHON_ORACLES)
	@Scripts/install-tools bench
	@Scripts/bench $(STAGE)/bin/sojourn $(PART)

clean:
	rm -rf $(SCRATCH) $(GUEST_SCRATCH) $(FUZZ_SCRATCH) $(STAGE)
