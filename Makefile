# The whole set-up of a fresh machine with Python 3.11 (to 3.13) and make is one of
#     make lab      the course
#     make test     its tests
# `make test UV=` installs with plain pip; `make lab PYTHON=/path/to/python3.12` chooses the Python.

SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
DATA := $(abspath $(wildcard ../shared/data))

LAB_FLAGS ?=
TEST_FLAGS ?=
LESSONS ?=
SEEDS ?=
UV ?= auto
export LESSONS SEEDS

# Threads that wait for each other soon leave their core to others: benchmarks/waiting.py says what it is worth.
ifeq ($(origin OMP_WAIT_POLICY)$(origin GOMP_SPINCOUNT),undefinedundefined)
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT := 3000
endif

# Tests and `make course` take real data from MMCOURSE_DATA, else from ../shared/data where that is there.
ifeq ($(origin MMCOURSE_DATA),undefined)
ifneq ($(DATA),)
WITH_DATA := MMCOURSE_DATA="$(DATA)"
endif
endif

.PHONY: help lab test quick notebooks course bench models doctor lowest
.DEFAULT_GOAL := help

help:
	@echo "make lab         install what is missing, then open JupyterLab at lesson 00   [LAB_FLAGS=\"--no-browser --port=8899\"]"
	@echo "make test        install what is missing, then run every test                 [TEST_FLAGS=\"-k picture\"]"
	@echo "make quick       while editing: lint, stale notebooks, unit tests; under two minutes  [TEST_FLAGS=...]"
	@echo "make doctor      look whether this machine can run the course, and say what to do if not"
	@echo "make notebooks   make the lessons in notebooks/ from notebooks/source/        [LESSONS=\"00 01\"]"
	@echo "make course      run lessons in full and compare with what they promise       [LESSONS=\"00 01\" SEEDS=\"0 1 2\"]"
	@echo "make bench       time the training loop against other libraries"
	@echo "make models      train the shipped models again"
	@echo "make lowest      run the unit tests with the lowest versions that are allowed, and a set-up cell as on Colab"
	@echo "UV= with any of them installs with plain pip; PYTHON=... chooses the Python for a new .venv."

lab: $(VENV)/installed-lab
	@$(PY) -m mmcourse.cli lab $(LAB_FLAGS)

doctor: $(VENV)/installed-lab
	@$(PY) -m mmcourse.cli doctor

test: $(VENV)/installed-test
	$(WITH_DATA) $(PY) tests/run.py $(TEST_FLAGS)

quick: $(VENV)/installed-test
	$(PY) -m ruff check .
	$(PY) notebooks/build.py --check
	$(WITH_DATA) $(PY) tests/run.py --quick $(TEST_FLAGS)

notebooks: $(VENV)/installed-test
	$(WITH_DATA) $(PY) notebooks/build.py $(LESSONS)

course: $(VENV)/installed-test
	$(WITH_DATA) $(if $(WITH_DATA)$(MMCOURSE_DATA),MMCOURSE_STRICT=1) $(PY) notebooks/course.py

bench: $(VENV)/installed-bench
	$(PY) -m benchmarks

models: $(VENV)/installed-test
	$(PY) data/train_models.py && $(PY) data/checksums.py

# A stamp is written after an installation that ended well, and is older than the files that say what to install when
# those change. A .venv that is there is completed, never destroyed. After an interruption half a package may be there and
# look whole, so the next run installs every package again.
$(VENV)/installed-lab: WHAT := .
$(VENV)/installed-test: WHAT := .[test]
$(VENV)/installed-bench: WHAT := .[bench]
$(VENV)/installed-lab $(VENV)/installed-test $(VENV)/installed-bench: pyproject.toml constraints.txt
	@set -e; found=; \
	fits='import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	if ! [ -x $(PY) ]; then \
	    for python in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
	        if "$$python" -c "$$fits" >/dev/null 2>&1; then found=$$python; break; fi; \
	    done; \
	    if [ -z "$$found" ] && command -v uv >/dev/null 2>&1; then \
	        uv venv -q --seed --python ">=3.11,<3.14" $(VENV) && found=uv; \
	    elif [ -n "$$found" ]; then \
	        echo "Creating $(VENV) with $$found"; "$$found" -m venv $(VENV); \
	    fi; \
	    if [ -z "$$found" ]; then \
	        echo "No Python 3.11, 3.12 or 3.13 with venv was found. Install one (Debian, Ubuntu: apt install python3 python3-venv)" >&2; \
	        echo "or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; \
	    fi; \
	fi; \
	$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null 2>&1 || true; \
	case "$(UV)" in \
	    "") install="$(PY) -m pip install" ;; \
	    auto) if command -v uv >/dev/null 2>&1; then install="uv pip install --python $(PY)"; \
	        elif $(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install -q -c constraints.txt uv; then \
	            install="$(PY) -m uv pip install --python $(PY)"; \
	        else install="$(PY) -m pip install"; fi ;; \
	    *) install="$(UV) pip install --python $(PY)" ;; \
	esac; \
	again=; if [ -e $(VENV)/installing ]; then \
	    echo "The last installation was interrupted: every package is installed again."; \
	    case "$$install" in *uv*) again=--reinstall ;; *) again=--force-reinstall ;; esac; \
	fi; \
	: > $(VENV)/installing; \
	echo "Installing $(WHAT) into $(VENV) (once; several GB where torch comes with CUDA)"; \
	$$install $$again -e "$(WHAT)" -c constraints.txt || { \
	    echo "The installation did not end; run the same command again, or start afresh with: rm -rf $(VENV)" >&2; exit 1; }; \
	rm -f $(VENV)/installing; touch $@

# The lowest versions that pyproject.toml allows, on the lowest Python, in an environment of their own. It is made anew
# when pyproject.toml changes: what is installed already would not be lowered.
LOWEST := .venv-lowest
lowest: $(LOWEST)/installed
	$(WITH_DATA) $(LOWEST)/bin/python -m pytest $(addprefix --ignore=tests/,notebooks browser test_wheel.py) $(TEST_FLAGS)
	$(PY) notebooks/colab.py

$(LOWEST)/installed: pyproject.toml | $(VENV)/installed-test
	$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install -q -c constraints.txt uv
	$(PY) -m uv venv -q --clear --python 3.11 $(LOWEST)
	$(PY) -m uv pip install --python $(LOWEST)/bin/python --resolution lowest-direct -e ".[test]"
	touch $@
