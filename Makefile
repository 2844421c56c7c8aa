# Two commands do all the set-up: `make demo` and `make test`. Both can be run again at no cost.
PYTHON ?= python3
PIP_FLAGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q $(PIP_FLAGS) -c constraints.txt
EXTRAS := llm,parse,train,ray,search,caption,plot,app,serve,onnx,export,docs,dev

.PHONY: install demo test check format docs build clean

install: $(VENV)/.installed

$(VENV)/bin/python:
	@$(PYTHON) -c "import venv, ensurepip" 2>/dev/null || \
	  { echo "make: $(PYTHON) has no venv module; install it (Debian: apt install python3-venv) or set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e ".[$(EXTRAS)]"
	@touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/tagalign demo --out demo

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src tests docs runs benchmarks examples README.md CONTRIBUTING.md CHANGELOG.md

# everything that this machine can run, one process per core; what is missing (GPU, network, browser, data) skips with its reason.
# One thread each: threads of several processes on the same cores wait for each other. Bytecode is kept even where the shell
# says not to: modules with checked types and tests with rewritten assertions take 13 s to compile, in every process.
test: check
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "" -rfEs --durations=15 -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict

build: $(VENV)/.dev
	$(BIN)/python -m pip wheel --no-deps -w dist .

clean:
	rm -rf $(VENV) build dist demo site
