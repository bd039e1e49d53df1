# Two commands are enough: `make lab` opens the course, `make test` proves it. `make help` lists the rest.
# Everything is installed into .venv; nothing is registered outside this folder. GNU make 3.81 (macOS) is enough.

PYTHON  ?= python3
WORKERS ?= 2
LAB_ARGS ?=
START   := chapters/00_start_here.ipynb
DESK    := $(CURDIR)/work

VENV := .venv
PY   := $(VENV)/bin/python
LAB_READY  := $(VENV)/lab.stamp
TEST_READY := $(VENV)/test.stamp
BOOK_READY := $(VENV)/book.stamp

# One thread each: small batched operations gain nothing from a second one, and two busy processes that
# both ask for every core slow each other down a hundredfold. `OMP_NUM_THREADS=4 make lab` still wins.
OMP_NUM_THREADS ?= 1
MKL_NUM_THREADS ?= $(OMP_NUM_THREADS)
export OMP_NUM_THREADS MKL_NUM_THREADS

# A learner may have a kernel of their own that is called python3, too; the one in .venv goes first.
export JUPYTER_PREFER_ENV_PATH := 1

# Against hanging only: a slow machine fails nothing.
CELL_TIMEOUT := 3600
NBVAL_ENV    := IPYTHONDIR="$(CURDIR)/tests/ipython" METARL_CLAIMS=strict
# As many as fit into seven and a half minutes, unless NOTEBOOKS=all (tools/notebook_sample.py).
NOTEBOOKS    ?=

.DEFAULT_GOAL := help
.PHONY: help lab test whole quick checks notebooks exercises mutation attacks experiments map doctor budgets benchmarks lower-bounds results-page clean release collect grade feedback report book book-test catalogues

# The stamps are worth nothing once the interpreter behind .venv is gone (an upgrade, a half-made .venv), nor where the
# folder was moved: the package is installed by its place, which the stamps hold.
ifneq ($(shell test -x $(PY) && cat $(LAB_READY) 2>/dev/null),$(CURDIR))
.PHONY: $(LAB_READY) $(TEST_READY) $(BOOK_READY)
endif

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# python3-venv is a package of its own on Debian and Ubuntu, hence the second check.
define make_venv
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "There is no $(PYTHON) on this machine: install Python 3.11 or newer, or name one, as in 'make lab PYTHON=python3.12'." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" -V 2>&1), and the course needs Python 3.11 or newer: name one, as in 'make lab PYTHON=python3.12'." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: on Debian or Ubuntu run 'sudo apt-get install python3-venv', then try again." >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { \
	  echo "Making $(VENV) with $$("$(PYTHON)" -V) ..."; "$(PYTHON)" -m venv --clear $(VENV); }
endef

define say_installing
	@if $(PY) -c 'import torch' 2>/dev/null; then echo "Bringing $(VENV) up to date ..."; \
	else echo "Installing into $(VENV): some minutes, the first time ..."; fi
endef

$(LAB_READY): pyproject.toml constraints.txt
	$(make_venv)
	$(say_installing)
	@$(PY) -m tools.install -c constraints.txt -e '.[notebooks]'
	@printf '%s' "$(CURDIR)" > $@

$(TEST_READY): pyproject.toml constraints.txt
	$(make_venv)
	$(say_installing)
	@$(PY) -m tools.install -c constraints.txt -e '.[notebooks,test]'
	@printf '%s' "$(CURDIR)" | tee $(LAB_READY) > $@

# Not with the test extra: whoever wants to read or publish the pages needs no more than these.
$(BOOK_READY): pyproject.toml constraints.txt
	$(make_venv)
	$(say_installing)
	@$(PY) -m tools.install -c constraints.txt -e '.[notebooks,book]'
	@printf '%s' "$(CURDIR)" | tee $(LAB_READY) > $@

# The folder shown is the learner's desk (tools/desk.py), the page is chapter 00: a notebook given by name would show
# its own folder only.
# Without a screen to open a browser on, Lab prints its address and waits. As root, a browser would refuse
# to start and Lab itself asks for a flag. LAB_ARGS is for the rest, as in LAB_ARGS=--ip=0.0.0.0 in a container.
lab: $(LAB_READY)  ## open the course in JupyterLab
	@$(PY) -m tools.desk
	@set -- --ServerApp.root_dir="$(DESK)" --LabApp.default_url=/lab/tree/$(START) --log-level=WARN; \
	if [ "$$(id -u)" = 0 ]; then set -- "$$@" --allow-root; fi; \
	if [ "$$(id -u)" = 0 ] || { [ "$$(uname)" != Darwin ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY$$BROWSER" ]; }; then \
	  set -- "$$@" --no-browser; \
	  echo "No browser is opened here: copy the last of the addresses below, the one with 127.0.0.1, into yours. Ctrl-C twice ends the course."; \
	fi; \
	exec $(PY) -m jupyterlab "$$@" $(LAB_ARGS)

# What takes no time to find: slips, form, types, imports that go upward.
checks: $(TEST_READY)
	@failed=0; \
	$(PY) -m ruff check . || failed=1; \
	$(PY) -m ruff format --check . || failed=1; \
	$(PY) -m mypy || failed=1; \
	$(PY) -c "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])" || failed=1; \
	exit $$failed

quick: checks  ## lint, types, imports and the fast tests, in two minutes
	$(PY) -m pytest tests -n $(WORKERS) --dist worksteal -m "not slow" -q

# All parts run even if the first one fails: one run tells all that is wrong. Cells of a notebook keep their order.
test: $(TEST_READY)  ## prove the package and the exercises; of long tests and of notebooks, those whose turn it is
	@failed=0; \
	"$(MAKE)" --no-print-directory checks || failed=1; \
	$(PY) -m pytest tests -n $(WORKERS) --dist worksteal || failed=1; \
	chosen=$$($(PY) -m tools.notebook_sample $(NOTEBOOKS)) && [ -n "$$chosen" ] && \
	  $(NBVAL_ENV) $(PY) -m pytest -p no:randomly --nbval-lax $$chosen -n $(WORKERS) --dist loadfile --nbval-cell-timeout=$(CELL_TIMEOUT) || failed=1; \
	if [ $$failed = 0 ]; then echo "make test: everything holds."; else echo "make test: something failed, see above." >&2; fi; \
	exit $$failed

whole:  ## the same with every notebook, every long test, and every answer that is tried on the checks: some hours
	@METARL_ATTACKS=all "$(MAKE)" --no-print-directory test NOTEBOOKS=all

notebooks: $(TEST_READY)  ## re-pair and re-execute the chapters that changed
	$(PY) -m tools.notebooks

exercises: $(TEST_READY)  ## make exercises/ from solutions/ and projects/
	$(PY) -m tools.exercises

mutation: $(TEST_READY)  ## change the solutions by machine and score the checks whose scores are stale
	$(PY) -m tools.mutation

attacks: $(TEST_READY)  ## try every answer on the checks, those of tests/attacks where a check changed; `make test` tries samples
	WORKERS=$(WORKERS) $(PY) -m tools.attacks
	METARL_ATTACKS=all $(PY) -m pytest tests/test_mutants.py tests/test_check_fuzz.py -n $(WORKERS)

experiments: $(TEST_READY)  ## run the multi-seed experiments, JOBS=4 by four processes; stop with Ctrl-C, a later run goes on
	$(PY) -m experiments $(if $(JOBS),--jobs $(JOBS))

budgets: $(TEST_READY)  ## hold every notebook to its promise, in course seconds
	$(PY) -m tools.budgets

benchmarks: $(TEST_READY)  ## hold the package to its speed, in ratios measured here
	$(PY) -m benchmarks.ratios

lower-bounds: $(TEST_READY)  ## test the package on the oldest versions that pyproject.toml allows
	$(PY) -m tools.lower_bounds

results-page: $(TEST_READY)  ## write RESULTS.md, published numbers beside ours
	$(PY) -m tools.results_page

# LANGUAGE is also a variable of the shell, with a list of languages in it (`en_GB:en`): only make's own counts.
EDITION := $(if $(filter command line,$(origin LANGUAGE)),$(LANGUAGE),en)

book: $(BOOK_READY)  ## build the web edition into build/book/html; LANGUAGE=zh_CN for the Chinese one, =all for both
	@$(PY) -m tools.book --language $(EDITION)

book-test: $(TEST_READY) $(BOOK_READY)  ## build it, and look at it in a browser: links, requests, accessibility
	METARL_BOOK=all $(PY) -m pytest tests/test_book.py tests/test_book_pages.py -q

catalogues: $(BOOK_READY)  ## bring the translators' catalogues up to date; LANGUAGE=zh_CN PAGES=chapters/05_maml for new ones
	@$(PY) -m tools.book --catalogue $(or $(filter-out en,$(EDITION)),zh_CN) $(PAGES)

map: $(TEST_READY)  ## write README's course map from course.toml
	$(PY) -m tools.course_map

doctor: $(LAB_READY)  ## say what is wrong with the installation
	@$(PY) -m tools.doctor

# For teachers; classroom/README.md has the whole of it. CHAPTER=05 or 07p, VARIANT=2027a for a class with numbers of its own,
# FROM= a folder or a zip, CLASS= the folder of the class. What is graded cannot see a desk: classroom/walls.py.
CLASS   ?= class
VARIANT ?=
SET      = $(CHAPTER)$(if $(VARIANT),-$(VARIANT))
CLASSROOM = $(PY) -m classroom --course "$(CLASS)"
define need_chapter
	@[ -n "$(CHAPTER)" ] || { echo "Which chapter? As in 'make $@ CHAPTER=05'." >&2; exit 2; }
endef

release: $(TEST_READY)  ## for teachers: the students' set of a chapter, CHAPTER=05 VARIANT=2027a
	$(need_chapter)
	@$(CLASSROOM) release $(CHAPTER) --variant "$(VARIANT)"

collect: $(TEST_READY)  ## for teachers: take over what was handed in, CHAPTER=05 FROM=downloads.zip
	$(need_chapter)
	@[ -n "$(FROM)" ] || { echo "From where? As in 'make collect CHAPTER=05 FROM=downloads.zip'." >&2; exit 2; }
	@$(CLASSROOM) collect $(SET) "$(FROM)" $(if $(ROSTER),--roster "$(ROSTER)")

grade: $(TEST_READY)  ## for teachers: grade what is new; an interrupted run goes on
	$(need_chapter)
	@$(CLASSROOM) grade $(SET) --workers $(WORKERS)

feedback: $(TEST_READY)  ## for teachers: a page for each student
	$(need_chapter)
	@$(CLASSROOM) feedback $(SET)

report: $(TEST_READY)  ## for teachers: the grades as CSV
	@$(CLASSROOM) report $(SET)

# The learner's desk stays as it is, JupyterLab's checkpoints in it included.
clean:  ## remove .venv and what can be made again; work/, the learner's desk, stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -path ./work -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -path ./work -prune -o -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +
