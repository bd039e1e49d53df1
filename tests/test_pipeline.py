"""The tools that turn sources into notebooks, on a small source of their own."""

import copy
import functools
import os
import shutil
import time
import warnings

import nbformat
import pytest

from conftest import started
from metarl_core.results import code_digest
from metarl_core.results.tables import DATA
from tools import pairs
from tools.budgets import Cost
from tools.course import ROOT
from tools.course_second import seconds_of_parts
from tools.exercises import blocks, check_calls, generate, problems
from tools.hints import in_lines
from tools.measure import processor_seconds
from tools.notebooks import STATE, VIEW, tidy
from tools.pairs import mark_executed, notebook_text, pair, read_source, results_loaded, stale, write_pair

HINTS = "\n".join(f"# <details><summary>Hint {n}: words</summary>{n}</details>" for n in (1, 2, 3))


def block(number, kind, stub):
    return f"""
# %% [markdown]
# ## Exercise {number}: Double
#
# **Objective:** double a number.
#
# **Kind:** {kind} · **Difficulty:** ★☆☆ · **Time:** 5 min · **Run time:** 0.1 s
#
# **Predict:** what is twice nothing?

# %% nbgrader={{"grade_id": "double{number}", "solution": true}}
{stub}

# %% nbgrader={{"grade_id": "check_double{number}", "grade": true, "points": 1}}
ch01.check_double(double)
### BEGIN HIDDEN TESTS
assert double is not None
### END HIDDEN TESTS

# %% [markdown]
{HINTS}
#
# **Expect:** an even number.
#
# **Interpret:** why is it even?
"""


FUNCTION = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
VALUE = "double = ...\n### BEGIN SOLUTION\ndouble = 4\n### END SOLUTION"
SOURCE = (
    "# %% [markdown]\n# # Exercises\n"
    + block(1, "implement", FUNCTION) + block(2, "derive", VALUE) + block(3, "debug", FUNCTION)
    + '\n# %% [markdown] tags=["solution-only"]\n# A discussion.\n'
)  # fmt: skip


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "solutions"
    folder.mkdir()
    py = folder / "01_why_learn_to_learn.py"
    py.write_text(SOURCE, encoding="utf-8")
    return py


def executed(notebook):
    """As if it had been run: counts, an output each, the digests."""
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("stream", text=f"output {count}\n")]
    mark_executed(notebook)
    return notebook


def test_well_formed_source_has_no_problems(source):
    assert problems(read_source(source)) == []
    assert [e.kind for e in blocks(read_source(source))] == ["implement", "derive", "debug"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("**Objective:** double", "**Aim:** double", "exercise 1: lacks **Objective:**"),
        ("**Predict:** what", "Predict what", "lacks **Predict:**"),
        ("★☆☆", "*", "**Difficulty:** ★☆☆"),
        ("Hint 2", "Hint two", "lacks <details><summary>Hint 2"),
        ("3</details>", "3", "a <details> is not closed"),
        ("**Expect:**", "Expect", "lacks **Expect:**"),
        ("**Interpret:** why", "Why", "lacks **Interpret:**"),
        ("check_double(double)", "check_double(triple)", "which no solution cell before it"),
        ("ch01.check_double(double)", "pass", "has no call of a check"),
        ("### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "return 2 * x", "only one of"),
        ('"grade": true, "points": 1', '"grade": true', "checks without nbgrader="),
        ('"double1"', '"double2"', "'double2' is used twice"),
        ("Exercise 3", "Exercise 4", "are numbered [1, 2, 4]"),
        ("** debug", "** design", "none of the exercises is of the kind debug"),
        ("# # Exercises\n", "# # Exercises\n\n# %%\nch01.check_double(1)\n", "outside of any exercise"),
    ],
)
def test_what_is_out_of_form_is_named(source, old, new, complaint):
    source.write_text(SOURCE.replace(old, new, 1), encoding="utf-8")
    assert any(complaint in problem for problem in problems(read_source(source))), problems(read_source(source))


def test_generated_notebook(source):
    first, again = generate(source), generate(source)
    assert notebook_text(first) == notebook_text(again)
    text = "\n".join(c.source for c in first.cells)
    assert "return 2 * x" not in text and "HIDDEN" not in text and "A discussion" not in text
    assert first.cells[0].source.startswith("# "), "the learner's title, and no maintainer's note, stands first"
    assert first.cells[-1].source.startswith("Back to [01 ") and "next: [02 " in first.cells[-1].source
    assert not any("# noqa" in cell.source for cell in first.cells)
    stubs = [stub.source for e in blocks(first) for _, stub in e.stubs]
    assert stubs[0] == "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert stubs[1] == "double = ...\n# YOUR CODE HERE"
    assert [check_calls(c.source) for e in blocks(first) for _, c in e.checks] == [[("check_double", "double")]] * 3


def test_pairing_keeps_ids_and_the_outputs_of_what_is_the_same(source):
    write_pair(source, executed(pair(source)))
    before = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert stale(before) is None
    text = source.read_text(encoding="utf-8")
    source.write_text(
        text.replace("double a number", "double any number").replace("2 * x", "x + x", 1), encoding="utf-8"
    )
    after = pair(source)
    assert [c.id for c in after.cells] == [c.id for c in before.cells]
    changed = [c for c in after.cells if "x + x" in c.source]
    assert [c.outputs for c in changed] == [[]] and sum(bool(c.get("outputs")) for c in after.cells) == 5
    assert stale(after) == "it has cells that were not executed"


def test_prose_alone_does_not_make_outputs_stale(source):
    write_pair(source, executed(pair(source)))
    source.write_text(source.read_text(encoding="utf-8").replace("double a", "double any"), encoding="utf-8")
    assert stale(pair(source)) is None
    assert write_pair(source, pair(source)) and not write_pair(source, pair(source))


def test_stale_says_why(source):
    good = executed(pair(source))
    assert stale(good) is None
    other = copy.deepcopy(good)
    other.cells[2].source += "\n"  # as after `jupytext --sync`: new source, old outputs
    assert stale(other) == "its code has changed since it was executed"
    other = copy.deepcopy(good)
    other.cells[2].execution_count = 7
    assert "from top to bottom" in stale(other)
    other = copy.deepcopy(good)
    other.cells[2].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]
    assert stale(other) == "it contains an error"


LOADS = """
# %%
from metarl_core.results import load_table
from metarl_core.tasks import Sinusoids
table, family = load_table("sinusoid"), Sinusoids()
"""


def test_outputs_are_stale_when_the_package_or_a_table_changed(source, tmp_path, monkeypatch):
    code, tables = tmp_path / "code", tmp_path / "tables"
    shutil.copytree(ROOT / "metarl_core", code / "metarl_core", ignore=shutil.ignore_patterns("data", "__pycache__"))
    tables.mkdir()
    for name in ("sinusoid", "equal_letters"):
        shutil.copy(DATA / f"{name}.json", tables)
    monkeypatch.setattr(pairs, "DATA", tables)
    monkeypatch.setattr(pairs, "code_digest", functools.partial(code_digest, root=code))
    source.write_text(SOURCE + LOADS, encoding="utf-8")
    notebook = executed(pair(source))
    assert stale(notebook) is None

    def edit(path, was, now):
        text = path.read_text(encoding="utf-8")
        assert was in text
        path.write_text(text.replace(was, now, 1), encoding="utf-8")

    package = code / "metarl_core" / "tasks"
    edit(package / "sinusoid.py", '"""', '"""What was said before: ')
    edit(package / "cartpole.py", "class CartPole", "EXTRA = 1\n\n\nclass CartPole")
    edit(tables / "equal_letters.json", '"ways":5', '"ways":6')
    edit(tables / "sinusoid.json", '"torch":', '"torch again":')
    assert stale(notebook) is None, "a docstring, another family, another table and the versions change no output"
    edit(package / "sinusoid.py", "class Sinusoids", "EXTRA = 1\n\n\nclass Sinusoids")
    assert stale(notebook) == "the package or the results that it uses have changed since it was executed"
    edit(package / "sinusoid.py", "EXTRA = 1\n\n\nclass Sinusoids", "class Sinusoids")
    assert stale(notebook) is None
    edit(tables / "sinusoid.json", '"iterations":70000', '"iterations":60000')
    assert "have changed" in stale(notebook)


def test_results_that_a_notebook_loads_are_found():
    found = results_loaded('load_table("sinusoid")\nload_benchmark("meta")\nx = 1')
    assert sorted(path.name for path in found) == ["meta.json", "sinusoid.json"]
    assert set(results_loaded("load_table(name)")) == set(DATA.glob("*.json")), "a computed name may be any"
    assert results_loaded("print(load_tables)") == []


def test_what_differs_from_run_to_run_is_taken_out():
    def run(ids, clock):
        box, before, bar, after = ids
        cell = nbformat.v4.new_code_cell("train()", metadata={"execution": {"iopub.execute_input": clock}})
        cell.outputs = [
            nbformat.v4.new_output(
                "display_data", {VIEW: {"model_id": box}, "text/plain": "train:   0%|   | 0/9 [00:00<?, ?it/s]"}
            ),
            nbformat.v4.new_output("execute_result", {"text/plain": f"<object at 0x7f{clock[-2:]}12345678>"}),
            nbformat.v4.new_output("stream", name="stderr", text=f"100%|██| 9/9 [{clock}<00:00,  9.1it/s]\n"),
        ]
        models = {
            after: ("HTMLModel", {"value": f" 9/9 [{clock}&lt;00:00, 9.2it/s, loss=0.3]"}),
            bar: ("FloatProgressModel", {"value": 9.0, "max": 9.0}),
            before: ("HTMLModel", {"value": "train: 100%"}),
            box: ("HBoxModel", {"children": [f"IPY_MODEL_{name}" for name in (before, bar, after)]}),
        }
        state = {name: {"model_name": kind, "state": values} for name, (kind, values) in models.items()}
        notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {STATE: {"state": state}}})
        tidy(notebook)
        notebook.cells[0].id = "same"
        return notebook

    one = run([c * 32 for c in "abcd"], "00:01")
    assert notebook_text(one) == notebook_text(run([c * 32 for c in "4321"], "00:02"))
    shown = one.cells[0].outputs
    assert shown[0]["data"]["text/plain"] == "train: 100%|██████████| 9/9 [loss=0.3]"
    assert shown[1]["data"]["text/plain"] == "<object>" and shown[2]["text"] == "100%|██| 9/9\n"
    assert shown[0]["data"][VIEW]["model_id"] in one.metadata.widgets[STATE]["state"]


def cost(**changes):
    settings = dict(name="chapters/05", seconds=90.0, factor=1.0, megabytes=900.0)
    return Cost(**{**settings, "promised_seconds": 100, "promised_megabytes": 1000, **changes})


def test_a_promise_is_in_course_seconds():
    assert not cost().broken and cost().course_seconds == 90.0
    slow = cost(seconds=270.0, factor=3.0)  # a machine three times slower breaks nothing
    assert not slow.broken and str(slow).startswith("chapters/05: 90 of 100 course seconds (270 s here, factor 3.00)")
    assert cost(seconds=150.0).broken == ["seconds"] and cost(megabytes=1500.0).broken == ["megabytes"]
    assert str(cost(seconds=150.0, megabytes=1500.0)).endswith("OVER BUDGET in seconds and megabytes")


def test_a_course_second_is_the_same_work_each_time():
    few, many = (sum(seconds_of_parts(share, 1)) for share in (0.01, 0.05))
    assert few > 0 and many > 0  # both are scaled to a whole course second
    assert all(part > 0 for part in seconds_of_parts(0.01, 1))


def test_seconds_of_the_processor_leave_out_those_of_waiting():
    before, start = processor_seconds(os.getpid()), time.perf_counter()
    time.sleep(0.3)
    assert processor_seconds(os.getpid()) - before < time.perf_counter() - start
    sum(range(10**6))
    assert processor_seconds(os.getpid()) > before
    assert all(part > 0 for part in seconds_of_parts(0.02, 1, clock=time.process_time))


def test_a_kernel_that_died_at_its_start_is_started_again():
    tried = []

    def start(name, stderr):
        tried.append(name)
        stderr.write("no port")
        if len(tried) < 3:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return "kernel"

    with pytest.warns(UserWarning, match="of 3 to start a kernel: .*the kernel wrote: no port"):
        assert started(start, "python3", stderr=None) == "kernel"
    assert tried == ["python3"] * 3


@pytest.mark.parametrize("message, tries", [("Kernel died before replying", 3), ("Kernel didn't respond", 1)])
def test_a_kernel_that_never_starts_fails_with_what_it_wrote(message, tries):
    tried = []

    def start(stderr):
        tried.append(stderr.write("bad profile"))
        raise RuntimeError(message)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match=f"{message}; the kernel wrote: bad profile"):
            started(start, stderr=None)
    assert len(tried) == tries


def test_pseudocode_stands_in_lines():
    def hint(number, body):
        return f"<details><summary>Hint {number}: pseudocode</summary>\n\n{body}\n</details>"

    found = in_lines(hint(3, "Start at `a; b`; for each\nrow: add (x; y). Stack $p;\nq$; e.g. return it."))
    assert found == hint(3, "- Start at `a; b`\n- for each row: add (x; y).\n- Stack $p; q$\n- e.g. return it.")
    for body in ("one; two\n\nthree; four", "```\none; two\n```", "1. one; two\n2. three"):
        assert in_lines(hint(3, body)) == hint(3, body), "what has lines of its own keeps them"
    assert in_lines(hint(2, "one; two")) == hint(2, "one; two")
