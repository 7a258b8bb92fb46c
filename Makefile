# Everything that the project does, each from a clean checkout with only Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test check sim sim-check sim-campaign determinism mutants interop soak bench clean

help:            ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

install: $(STAMP)  ## a virtual environment with the program and its tools

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)   ## three real daemons, a web application, a name, two crashes
	$(BIN)/python -m simulations.demo

test: $(STAMP)   ## the tests (no real sleeping, no network beyond loopback)
	$(BIN)/python -m pytest -n auto

check: $(STAMP)  ## lint, types, and the layers between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

sim: $(STAMP)    ## a scenario in the simulated world: SCENARIO=partition SEED=1 SIZE=30 PROFILE=full OUT=folder
	$(BIN)/python -m simulations run $(or $(SCENARIO),partition) $(if $(SEED),--seed $(SEED)) $(if $(SIZE),--size $(SIZE)) \
		$(if $(PROFILE),--profile $(PROFILE)) $(if $(OUT),--out $(OUT))

sim-check: $(STAMP)  ## kept plans, each scenario in small with two seeds, one run in two processes (under 4 minutes)
	$(BIN)/python -m simulations check

sim-campaign: $(STAMP)  ## many seeds: SCENARIO="churn swarm" SEEDS=1-100 SIZE=8 PROCESSES=2 DASK=tcp://… RESULTS=file MINUTES=10
	$(BIN)/python -m simulations campaign $(or $(SCENARIO),swarm) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SIZE),--size $(SIZE)) \
		$(if $(PROFILE),--profile $(PROFILE)) $(if $(PROCESSES),--processes $(PROCESSES)) $(if $(DASK),--dask $(DASK)) \
		$(if $(RESULTS),--results $(RESULTS)) $(if $(MINUTES),--minutes $(MINUTES))

determinism: $(STAMP)  ## one seed, one history: NODES=1000 nodes in several processes, on Python 3.11 and 3.13
	$(BIN)/python -m simulations.determinism $(or $(NODES),1000) $(if $(SEED),--seed $(SEED))

mutants: $(STAMP)  ## bugs are planted into the code, one by one, and the simulator or a test must find each (some seven minutes)
	$(BIN)/python -m simulations.mutants

interop: $(STAMP)  ## the wire judged by foreign libp2p peers; what can't be installed here is skipped loudly
	-$(BIN)/python tests/interop/install_lab.py
	$(BIN)/python -m pytest tests/interop

soak: $(STAMP)   ## real daemons under faults, floods and fuzzers (some twelve minutes)
	$(BIN)/python -m simulations.soak

bench: $(STAMP)  ## side by side with OpenSSH and others; what a person waits for; timers, DNS, names, what idles; the runtime beside trio and pykka
	-$(BIN)/python tests/interop/install_lab.py
	-$(BIN)/python -m benchmarks.foreign
	missed=0; for part in first_use "tunnel --check" fairness timers dns names idle "runtime --check"; do \
		$(BIN)/python -m benchmarks.$$part || missed=1; done; exit $$missed

clean:           ## remove what was installed or generated
	rm -rf $(VENV) .venv-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .demo .lab
