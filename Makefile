# SPDX-License-Identifier: Apache-2.0
# The front door.  Meson does the building; this only knows the usual ways in.
#
#   make         build/kidoban, with what it needs installed first
#   make run     build, then watch an interface, or replay the lab's recording: make run INTERFACE=eth0
#   make check   everything a change must pass (what CI runs)
#   make fuzz    all fuzz targets, SECONDS_EACH processor seconds each (default 60); P=dns for one
#   make lab-check   which attacks of the lab are found, and are their benign twins silent
#   make bench   figures on this machine (docs/benchmarks.md)
#   make clean
.PHONY: all run check test lab-check fuzz bench format clean setup install

export PATH := $(CURDIR)/build/node/bin:$(PATH)
SECONDS_EACH ?= 60

all: build/kidoban

setup:
	@tools/setup.sh build

build/build.ninja: | setup
	@meson setup build --buildtype=release >build.log 2>&1 || { cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log

build/kidoban: setup build/build.ninja FORCE
	@ninja -C build

FORCE:

run: build/kidoban
	@exec build/kidoban run $(if $(INTERFACE),-i $(INTERFACE)) $(RUN_FLAGS)

check:
	@tools/setup.sh build check
	@tools/check.py

test: build/kidoban
	@meson test -C build --print-errorlogs

fuzz:
	@tools/setup.sh build check
	@tools/fuzz.py --seconds $(SECONDS_EACH) $(P)

lab-check: build/kidoban
	@tools/lab_check.py

bench: build/kidoban
	@bench/run

install: build/kidoban
	@meson install -C build

clean:
	@rm -rf build build-*
