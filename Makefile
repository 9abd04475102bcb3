# What to run here; `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build run test bench lint format clean

ARGS ?=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install the C libraries that are missing (Debian, Ubuntu)
	@scripts/install-dependencies

build: deps ## build `silt` for release
	swift build -c release --product silt

run: build ## run the sample jobs, print results, then serve; ARGS=--once ends instead of serving
	@scripts/run-sample $(ARGS)

test: deps ## build, run every test and the conformance cases, print how many ran
	@scripts/run-tests

bench: build ## compare with RocksDB's db_bench, a short run; ARGS="--num 1000000 --rounds 3" for a longer one
	@Benchmarks/compare-rocksdb --num 200000 --rounds 1 $(ARGS)

lint: ## check the formatting
	swift format lint --strict --recursive --parallel Package.swift Sources Tests

format: ## format the sources
	swift format --in-place --recursive --parallel Package.swift Sources Tests

clean: ## remove what was built and the sample's data
	rm -rf .build silt-data
