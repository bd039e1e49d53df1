"""Budgets: `pytest --nbval-lax chapters solutions` ends each notebook with a test of its promise in course.toml.

Seconds run from the kernel's start to the end of the last cell, megabytes are the kernel's peak. Two notebooks run side
by side on a busy machine, hence a margin on seconds (METARL_BUDGET_MARGIN, 2 without it) and a small one on memory.
"""

import os
import time

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; kernels inherit it

SECONDS_MARGIN = float(os.environ.get("METARL_BUDGET_MARGIN", "2.0"))
MEGABYTES_MARGIN = 1.2


class Budget(pytest.Item):
    """The last test of a notebook; it runs while the notebook's kernel is still alive."""

    def runtest(self):
        notebook = self.parent
        if notebook.cells_run != notebook.cells_collected:
            pytest.skip("not all cells were run")
        seconds, megabytes = notebook.ended - notebook.started, notebook.peak.megabytes()
        promised_seconds, promised_megabytes = notebook.promise
        line = (
            f"{notebook.path.parent.name}/{notebook.path.stem}: {seconds:.1f} s of {promised_seconds} s promised, "
            f"{megabytes:.0f} MB of {promised_megabytes} MB"
        )
        self.user_properties.append(("budget", line))
        over = []
        if seconds > promised_seconds * SECONDS_MARGIN:
            over.append(f"seconds (margin {SECONDS_MARGIN:g})")
        if megabytes > promised_megabytes * MEGABYTES_MARGIN:
            over.append(f"megabytes (margin {MEGABYTES_MARGIN:g})")
        if over:
            raise OverBudget(f"{line}: over budget in {' and '.join(over)}")

    def repr_failure(self, excinfo):
        return str(excinfo.value) if excinfo.errisinstance(OverBudget) else super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, f"{self.parent.path.name}::budget"


class OverBudget(Exception):
    pass


def _is_cell(item):
    return type(item).__module__ == "nbval.plugin"


def pytest_collection_modifyitems(config, items):
    if not (config.option.nbval or config.option.nbval_lax):
        return
    from tools.pairs import promise

    files = dict.fromkeys(item.parent for item in items if _is_cell(item))
    for file in files:
        cells = [n for n, item in enumerate(items) if item.parent is file]
        file.promise = promise(file.path)
        file.cells_run, file.cells_collected, file.peak = 0, sum(c.cell_type == "code" for c in file.nb.cells), None
        if file.promise is not None:
            items.insert(cells[-1] + 1, Budget.from_parent(file, name="budget"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    if _is_cell(item) and not hasattr(item.parent, "started"):
        item.parent.started = time.perf_counter()  # before the kernel starts
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if not _is_cell(item) or item.parent.kernel is None:
        return (yield)
    file = item.parent
    if file.peak is None:
        from tools.measure import PeakMemory

        file.peak = PeakMemory(file.kernel.km.provisioner.process.pid)
    try:
        return (yield)
    finally:
        file.cells_run += 1
        file.ended = time.perf_counter()


def pytest_terminal_summary(terminalreporter):
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, []) if r.when == "call"]
    lines = [text for report in reports for key, text in report.user_properties if key == "budget"]
    if lines:
        terminalreporter.section("budgets")
        for line in sorted(lines):
            terminalreporter.line(line)
