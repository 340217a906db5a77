# Two commands need nothing but Python 3.11+, pip and a package index: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
# Two test files at a time; a file's tests stay together, since they share servers; in the order of tests/conftest.py.
SIDE_BY_SIDE = -n 2 --dist loadfile --no-loadscope-reorder
STAMP   = $(VENV)/.installed
DEV     = $(VENV)/.installed-dev

.PHONY: demo test quick fuzz lint types bench install clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

# What the tests and the linters need beside it: Dask, Ray, an S3 server, a browser's driver.
$(DEV): $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# The flow, through Prefect, on the photos that the ultralytics package carries.
demo: $(STAMP)
	$(BIN)/person-removal weights fetch --preset embedded
	$(BIN)/person-removal demo

# Tests start some hundred processes: each would compile the packages anew where bytecode is not kept.
test quick: export PYTHONDONTWRITEBYTECODE =

# Where the weights cannot be fetched, the tests that need them are skipped and say so.
test: $(DEV)
	-$(BIN)/person-removal weights fetch --preset embedded
	-$(BIN)/person-removal weights fetch face-landmarks face-recognition
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

quick: $(DEV)
	$(BIN)/python -m pytest -m "not slow" $(SIDE_BY_SIDE)

# New random input for the readers of strangers' files, thousands of examples a test: a quarter of an hour or more.
fuzz: $(DEV)
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -m fuzz

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	@echo "Each benchmark says what it measures: benchmarks/README.md"

clean:
	rm -rf $(VENV) demo
