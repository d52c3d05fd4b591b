# Every command works on a fresh clone: the first one makes the environment in .venv.
#
#   make book                     PYTHON=python3.11 chooses the interpreter
#   make bench WORK=... BUSY=1    WORK is handed to the benchmarks, BUSY beside a busy core
#   make bench THREADS=1          each peer on one thread
#   make bench ELSEWHERE=1        keep it as a second machine's
#   make evidence WHAT=...        chooses what is trained for minutes (in all two hours)
#   make test-in-page PAGES=...   chooses pages (all take hours)
#   make shake PAGES=... TIMES=... chooses pages, and how many draws of noise

BIN := .venv/bin
ENVIRONMENT := .venv/.installed
export PYTHON
TIMES := 5

.DEFAULT_GOAL := help
.PHONY: help book test test-without-mxnet test-notebooks test-in-page test-readers weigh shake serve lab pdf course bench agents evidence lint format lock clean clean-all

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | \
		awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

$(ENVIRONMENT): requirements/all.txt requirements/install.sh pyproject.toml
	@requirements/install.sh

book: $(ENVIRONMENT) ## execute and build the whole book, print the file to open
	@$(BIN)/python _ext/build.py

# Two processes on two cores are faster with one thread each.
test: lint ## everything: library, twins, every page's cells, the site in a browser
	@$(BIN)/python _ext/browser.py
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup --durations 15

test-without-mxnet: $(ENVIRONMENT) ## every page as it runs where MXNet can't be had
	@$(BIN)/pytest -n 2 -m "scheduled or not scheduled" tests/chapters/test_pages.py \
		-k test_cells_run_without_mxnet

test-in-page: $(ENVIRONMENT) ## every page's quick NumPy cells in Edit and run here; Firefox
	@$(BIN)/python _ext/browser.py
	@$(BIN)/pytest -rP -m scheduled tests/site/test_edit_run.py

serve: $(ENVIRONMENT) ## read the book with live reload
	@$(BIN)/python _ext/serve.py

lab: $(ENVIRONMENT) ## open the chapters as notebooks in JupyterLab
	@$(BIN)/python _ext/lab.py

test-readers: $(ENVIRONMENT) ## axe-core on every page, in two sizes, light and dark; Firefox
	@$(BIN)/python _ext/browser.py
	@$(BIN)/pytest -m scheduled tests/site/test_axe.py tests/site/test_firefox.py

weigh: $(ENVIRONMENT) ## what pages weigh, their seconds on a phone: PAGES="lstm attention"
	@PYTHONPATH=_ext $(BIN)/python tests/site/weights.py $(PAGES)

test-notebooks: book ## run all notebooks to download in fresh environments
	@$(BIN)/python tests/site/fresh.py

.venv-bench/.installed: requirements/bench.in requirements/bench.txt requirements/install-bench.sh
	@requirements/install-bench.sh

bench: $(ENVIRONMENT) .venv-bench/.installed ## compare with peers
	@$(BIN)/python -m benchmarks $(if $(BUSY),--busy) $(if $(ELSEWHERE),--elsewhere) $(if $(THREADS),--threads $(THREADS)) $(WORK)

pdf: book ## print the whole book as one PDF
	@$(BIN)/python _ext/pdf.py

.venv-course/.installed: requirements/course.txt requirements/install-course.sh
	@requirements/install-course.sh

course: book .venv-course/.installed ## labs and exercises for nbgrader, and slides
	@$(BIN)/python _ext/course.py

agents: $(ENVIRONMENT) ## train the agents of Lecture 4, from five seeds: two hours
	@$(BIN)/python -m evidence dqn policy pendulum mountain_car

evidence: $(ENVIRONMENT) ## train for minutes what the pages quote: WHAT="lenet detector"
	@$(BIN)/python -m evidence $(WHAT)

shake: $(ENVIRONMENT) ## run pages as other machines would: PAGES="gradients lstm" TIMES=5
	@$(BIN)/python _ext/shake.py --times $(TIMES) $(PAGES)

lint: $(ENVIRONMENT) ## check the form of the code, and its types
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

format: $(ENVIRONMENT) ## put the code into form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# Needs uv. One lock with hashes for Python 3.11 and 3.12 on every platform.
lock: ## lock requirements/all.in and course.in again
	@cd requirements && uv pip compile --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade \
		--quiet all.in --output-file all.txt
	@cd requirements && uv pip compile --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade \
		--quiet course.in --output-file course.txt

clean: ## remove what was built, keep the environment
	@rm -rf _build .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

clean-all: clean ## remove the environment too
	@rm -rf .venv .venv-bench .venv-course *.egg-info
