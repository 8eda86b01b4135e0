# Everything a person or CI runs. `make up` needs Python ≥ 3.11, make and the package registries, nothing else.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PY = $$(scripts/find-python)
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE  # images set it; of a hundred processes each would compile all of it again
LOCK := uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header \
	--no-emit-index-url --no-emit-find-links

.PHONY: help up install install-dev web browser test test-page test-units test-beside test-pictures test-alone soak lint lint-python lint-page format bench bench-relay bench-orders bench-chat bench-vod lock clean

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

up: install web ## everything on this machine, until Ctrl-C
	@exec $(BIN)/python -m dongting up $(ARGS)

install: | $(filter install-dev,$(MAKECMDGOALS)) ## the environment with what runs
	@py=$(PY) && $$py scripts/install.py venv runtime

install-dev:
	@py=$(PY) && $$py scripts/install.py venv dev

web: install ## the built page
	@$(BIN)/python scripts/install.py web

browser:
	@py=$(PY) && $$py scripts/install.py browser

test: install-dev browser ## all tests: page, unit, integration against real servers, browser; ARGS=… for some of them
	@$(BIN)/python scripts/install.py web
	@if [ -n "$(ARGS)" ]; then exec $(BIN)/python -m pytest $(ARGS); fi; \
	exec $(MAKE) -j1 --no-print-directory --keep-going test-page test-units test-beside test-pictures test-alone

soak: install-dev ## kill -9 ten and twenty times where `make test` does so a few times: sale, broadcast, workers
	@SOAK=1 $(BIN)/python -m pytest tests/integration/commerce/test_kills.py \
		tests/integration/media/test_recording_kills.py tests/integration/library/test_replays.py -k killed

WITH_BROWSER = tests/browser tests/integration/media  # only there; to load all the others takes a while
SHARED = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

test-page:
	@$(BIN)/python scripts/install.py npm run --silent test

# In .ci/run beside those that are alone: each of the two looks for free ports in a half of its own.
test-units:
	@FREE_PORTS=26000-31999 $(SHARED) -n 2 tests/unit

test-beside:
	@$(SHARED) -n 4 --ignore tests/unit -m "not pictures and not alone"

test-pictures:
	@FREE_PORTS=20000-25999 $(SHARED) -n 2 -m "pictures and not alone" $(WITH_BROWSER)

test-alone:
	@FREE_PORTS=20000-25999 $(BIN)/python -m pytest -m alone $(WITH_BROWSER)

lint: install-dev ## ruff, mypy, import-linter, eslint, vue-tsc
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target lint-python lint-page

RUN = failed=0; run() { echo "→ $$*"; "$$@" || failed=1; }

lint-python: install-dev
	@$(RUN); \
	run $(BIN)/ruff check .; \
	run $(BIN)/ruff format --check .; \
	run $(BIN)/mypy; \
	run $(BIN)/lint-imports --no-cache; \
	exit $$failed

lint-page: install-dev
	@$(RUN); \
	run $(BIN)/python scripts/install.py npm run --silent lint; \
	run $(BIN)/python scripts/install.py npm run --silent typecheck; \
	exit $$failed

format: install-dev ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install-dev ## lists the benchmarks
	@$(BIN)/python scripts/benchmarks.py

bench-relay: install-dev ## what a relayed packet costs, 50 to 1,000 viewers; needs cc, two cores and quiet
	@$(BIN)/python -m tests.bench.relay $(ARGS)

bench-orders: install-dev ## flash orders per second on one hot product, and how long 3,000 buyers wait; needs two cores and quiet
	@$(BIN)/python -m tests.bench.orders $(ARGS)

bench-chat: install-dev ## what a chat message costs, 2,000 pages in a room, then 5,000; needs two cores and quiet
	@$(BIN)/python -m tests.bench.chat $(ARGS)

bench-vod: install-dev web browser ## the ladder beside one FFmpeg command, two workers beside one, replays; needs two cores and quiet
	@$(BIN)/python -m tests.bench.vod $(ARGS)

lock: install-dev ## resolves the dependencies of pyproject.toml anew
	@command -v uv >/dev/null || $(BIN)/pip install -q uv
	@PATH="$$PATH:$(BIN)"; echo uv | $(LOCK) -o requirements/uv.txt -
	@PATH="$$PATH:$(BIN)"; $(LOCK) -o requirements/image.txt pyproject.toml
	@PATH="$$PATH:$(BIN)"; $(LOCK) --extra allinone -o requirements/runtime.txt pyproject.toml
	@PATH="$$PATH:$(BIN)"; $(LOCK) --extra allinone --extra dev -o requirements/dev.txt pyproject.toml
	@git diff --stat -- requirements

clean: ## removes what can be made again; var/, your data, stays
	rm -rf .venv web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
