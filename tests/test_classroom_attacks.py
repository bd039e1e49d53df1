"""What a hostile or hapless answer does while it is graded costs that answer alone."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import nbformat
import pytest

from classroom import grading
from classroom.__main__ import main
from classroom.course import Class
from classroom.grading import prepare
from classroom.key import Key
from classroom.pool import Worker
from classroom.release import release
from tests import mutilated
from tools.course import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    made = Class(tmp_path_factory.mktemp("class"))
    release(made, "05")
    return made


@pytest.fixture(scope="module")
def key(group):
    return Key.read(group.key("05"))


@pytest.fixture(scope="module")
def worker():
    made = Worker(["ch05"], "")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def notebook(group):
    return mutilated.solved(nbformat.read(next(group.source("05").glob("*.ipynb")), as_version=4))


def submission(key, notebook, tmp_path, answer=None, cell="meta_optimum"):
    """A notebook with an answer, to exercise 2, put in."""
    if answer is not None:
        notebook.cells[mutilated.position(notebook, cell)].source = answer
    path = tmp_path / "x.ipynb"
    path.write_text(mutilated.text(notebook), encoding="utf-8")
    return prepare(key, "ada", path, "")


def judged(worker, one, grade_id, seconds=2.5):
    if grade_id in one.verdicts:
        return one.verdicts[grade_id]
    task = next(t for t in one.tasks if t["id"] == grade_id)
    return worker.judge({**task, "limits": {"seconds": seconds, "patience": 40.0}})


SECRET = "torch.full((2,), 0.125"  # of the hidden tests

SOLUTIONS = str(ROOT / "solutions" / "05_maml.py")
PACKAGE = str(ROOT / "metarl_core" / "__init__.py")
FUNCTION = "def maml_gradient(theta, tasks, alpha, steps):\n"
ATTACKS = {
    "an endless loop": ("meta_optimum = {}\nwhile True:\n    pass", "took more than"),
    "an endless loop that catches everything": (
        "meta_optimum = {}\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "took more than",
    ),
    "a small fork bomb": ("import os\nmeta_optimum = {}\nwhile True:\n    os.fork()", "processes is not possible"),
    "a fork bomb by the shell": ("import os\nmeta_optimum = os.system(':(){ :|:& };:')", "processes is not possible"),
    "a program": ("import subprocess\nmeta_optimum = subprocess.run(['ls'])", "processes is not possible"),
    "processes of Python": (
        "import multiprocessing as m\nmeta_optimum = m.get_context('fork').Process(target=print).start()",
        "not possible",
    ),
    "sys.exit": ("import sys\nmeta_optimum = {}\nsys.exit(0)", "left by SystemExit"),
    "os._exit": ("import os\nmeta_optimum = {}\nos._exit(0)", "ended Python itself"),
    "a crash": ("import os, signal\nmeta_optimum = {}\nos.abort()", "ended Python itself"),
    "a tensor of 10 GB": ("import torch\nmeta_optimum = torch.ones(2_500_000_000)", "more memory than there is"),
    "a list of 80 GB": ("meta_optimum = [0] * 10**10", "more memory than there is"),
    "printing for ever": ("meta_optimum = {}\nwhile True:\n    print('x' * 1000)", "printed and printed"),
    "printing for ever below Python": (
        "import os\nmeta_optimum = {}\nwhile True:\n    os.write(1, b'x' * 9999)", "took more than",
    ),
    "filling the disk": (
        "meta_optimum = {}\nwith open('x', 'wb') as f:\n    while True:\n        f.write(b'x' * 1_000_000)",
        "raised OSError",
    ),
    "reading the solutions": (f"meta_optimum = open({SOLUTIONS!r}).read()", "not possible"),
    "reading the tests": (f"import os\nmeta_optimum = os.listdir({str(ROOT / 'tests')!r})", "not possible"),
    "reading what others wrote": ("import glob\nmeta_optimum = glob.glob('/**/*.ipynb', recursive=True)", ""),
    "reading by C": (
        "import torch\nmeta_optimum = torch.from_file('/etc/passwd', size=1, dtype=torch.uint8)", "raised RuntimeError",
    ),
    "writing into Python": ("import torch\nmeta_optimum = open(torch.__file__, 'a')", "not possible"),
    "writing into the package": (f"import os\nos.remove({PACKAGE!r})\nmeta_optimum = {{}}", "not possible"),
    "the network": ("import socket\nmeta_optimum = socket.create_connection(('127.0.0.1', 80))", "no network"),
    "a download": ("import urllib.request as u\nmeta_optimum = u.urlopen('http://127.0.0.1/')", "no network"),
    "C code": ("import ctypes\nmeta_optimum = ctypes.CDLL(None)", "not possible"),
    "ending the judge": ("import os\nmeta_optimum = os.kill(os.getppid(), 9)", "not possible"),
    "patching the check": ("ch05.check_meta_optimum = print\nmeta_optimum = {}", "has not been counted"),
    "a judge of one's own": (
        "class ch05:\n    check_meta_optimum = staticmethod(print)\nmeta_optimum = {}", "should be a function",
    ),
    "patching all checks": (
        "import sys\ncheck = sys.modules['metarl_core.check.check']\ncheck.Check.__call__ = lambda self, answer: None\n"
        "meta_optimum = {}", "has not been counted",
    ),
    "patching what checks rest on": (
        "import sys\nd = sys.modules['metarl_core.check.ch05.meta_optimum']\n"
        "object.__setattr__(d.check_meta_optimum, 'judge', lambda answer: 'fine')\nmeta_optimum = {}",
        "has not been counted",
    ),
    "patching torch": (
        "import torch\ntorch.allclose = lambda *a, **k: True\nmeta_optimum = {}", "has not been counted",
    ),
    "patching print": ("import builtins\nbuiltins.all = lambda *a: True\nmeta_optimum = {}", "has not been counted"),
    "reading the answer out of the check": ("meta_optimum = ch05.check_meta_optimum.subject", "has not been counted"),
    "an object that lies": (
        "class Lie(dict):\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n"
        "    def __len__(self): raise SystemExit\nmeta_optimum = Lie()", "left by SystemExit",
    ),
    "no Python": ("meta_optimum = {", "is no Python"),
    "a name that is not there": ("meta_optimum = nobody", "NameError"),
    "an exception that cannot be read": (
        "class E(Exception):\n    def __str__(self): raise E\nmeta_optimum = {}\nraise E", "cannot be read",
    ),
}  # fmt: skip


@pytest.mark.in_turn(4)
@pytest.mark.parametrize("name", ATTACKS)
def test_attack_costs_its_own_answer(name, worker, key, notebook, tmp_path):
    answer, words = ATTACKS[name]
    one = submission(key, notebook, tmp_path, answer)
    verdict = judged(worker, one, "check_meta_optimum")
    assert not verdict.passed and words in verdict.message, verdict
    assert verdict.message.count("\n") < 12 and SECRET not in verdict.message
    if name == "reading what others wrote":
        assert "list of length 0" in verdict.message or "list" in verdict.message


def test_others_are_judged_as_if_nothing_had_happened(worker, key, notebook, tmp_path):
    """After all those attacks, in whatever order, by the same worker."""
    one = submission(key, notebook, tmp_path)
    assert worker.process.poll() is None
    assert judged(worker, one, "check_meta_optimum", 20).passed
    assert judged(worker, one, "check_quadratic_meta_gradient", 20).passed


def test_attack_within_a_function_costs_its_own_answer(worker, key, notebook, tmp_path):
    one = submission(key, notebook, tmp_path, FUNCTION + "    import sys\n    sys.exit(0)\n", "maml_gradient")
    verdict = judged(worker, one, "check_maml_gradient", 20)
    assert not verdict.passed and "left by SystemExit" in verdict.message
    assert judged(worker, one, "check_meta_optimum", 20).passed


def test_hidden_tests_do_not_come_out(worker, key, notebook, tmp_path):
    """An answer that passes the check, prints all it can see of its callers, and fails a further test."""
    right = notebook.cells[mutilated.position(notebook, "maml_gradient")].source
    spy = (
        right.replace("def maml_gradient", "def _right") + "\n\nimport sys, linecache\n" + FUNCTION
        + "    frame, text = sys._getframe(1), ''\n"
        + "    while frame:\n        text += ''.join(linecache.getlines(frame.f_code.co_filename))\n"
        + "        frame = frame.f_back\n"
        + "    if '0.125' in text:\n        print(text); raise ValueError(text)\n"
        + "    return _right(theta, tasks, alpha, steps)\n"
    )  # fmt: skip
    one = submission(key, notebook, tmp_path, spy, "maml_gradient")
    verdict = judged(worker, one, "check_maml_gradient", 30)
    assert not verdict.passed and verdict.kind == "hidden"
    one.verdicts["check_maml_gradient"] = verdict
    from classroom.feedback import page

    assert SECRET not in page(grading.record(key, one))


def test_without_fork_a_process_judges_one_answer(key, notebook, tmp_path):
    """As on Windows."""
    lonely = Worker(["ch05"], "", forks=False)
    one = submission(key, notebook, tmp_path)
    task = next(t for t in one.tasks if t["id"] == "check_meta_optimum")
    assert lonely.judge({**task, "limits": {"seconds": 120.0}}).passed and lonely.walled is False


def test_walls_are_up_where_they_can_be(worker):
    can = (
        subprocess.run(["unshare", "-rUnmp", "true"], capture_output=True).returncode == 0
        if shutil.which("unshare")
        else False
    )
    assert worker.walled or not can or not sys.platform.startswith("linux")


@pytest.mark.in_turn(3)
def test_a_class_from_release_to_report(group, key, worker, notebook, tmp_path, capsys, monkeypatch):
    """By the commands, with an interrupt in the middle."""

    def judge_all(tasks, chapters, variant, done, workers):
        for task in tasks:
            done(task, worker.judge(task))
        return "the walls of the tests' worker"

    monkeypatch.setattr(grading, "judge_all", judge_all)
    folder = ["--course", str(group.folder)]
    downloads = tmp_path / "downloads"
    plan = "meta_optimum = {}"
    notebook.cells[mutilated.position(notebook, "second_order")].source = "second_order = ..."  # it trains
    loss = notebook.cells[mutilated.position(notebook, "meta_loss")]
    broken = r"    points = len.*?zip\(judges, adapted, strict=True\)\]\n"  # the lines that were to be repaired
    loss.source = re.sub(broken, "", loss.source, flags=re.S)
    hand_in = {
        "ada": mutilated.text(notebook),
        "bob": mutilated.from_colab(json_copy(notebook)),
        "cem": "no notebook",
        "dan": mutilated.text(with_answer(json_copy(notebook), plan)),
    }
    for student, text in hand_in.items():
        (downloads / student).mkdir(parents=True)
        (downloads / student / "05.ipynb").write_text(text, encoding="utf-8")
    assert main([*folder, "collect", "05", str(downloads)]) == 0

    whole, graded = grading.finish, []

    def interrupted(group, key, one):
        whole(group, key, one)
        graded.append(one.student)
        if one.student == "ada":
            raise KeyboardInterrupt

    monkeypatch.setattr(grading, "finish", interrupted)
    assert main([*folder, "grade", "05", "--workers", "1"]) == 130
    monkeypatch.setattr(grading, "finish", lambda *arguments: (whole(*arguments), graded.append(arguments[2].student)))
    assert main([*folder, "grade", "05", "--workers", "1"]) == 0
    assert sorted(graded) == ["ada", "bob", "cem", "dan"]  # each once
    said = capsys.readouterr()
    assert "The same command goes on" in said.err and "4 graded, 1 of them could not be read." in said.out
    assert main([*folder, "grade", "05", "--workers", "1"]) == 0 and "0 answers to judge" in capsys.readouterr().out

    assert main([*folder, "feedback", "05"]) == 0 and main([*folder, "report"]) == 0
    rows = (group.grades / "05.csv").read_text().splitlines()
    assert (
        rows[0]
        == "student,maml_gradient,quadratic_meta_gradient,meta_optimum,meta_loss,second_order,total,of,attempts,remarks"
    )
    assert [row.split(",")[6] for row in rows[1:]] == ["13", "13", "0", "10"]
    assert (group.grades / "all.csv").read_text().splitlines()[1] == "ada,13,13"
    page = (group.feedback("dan", "05") / "feedback.html").read_text()
    assert "should be a function" in page
    repaired = nbformat.read(group.autograded("bob", "05") / "05_maml_exercises.ipynb", as_version=4)
    nbformat.validate(repaired)

    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{group.gradebook}") as book:
        assert book.find_submission("05", "dan").score == 10 and book.find_assignment("05").max_score == 18
        assert {s.id for s in book.students} == {"ada", "bob", "cem", "dan"}


def json_copy(notebook):
    return nbformat.from_dict(json.loads(json.dumps(notebook)))


def with_answer(notebook, answer):
    notebook.cells[mutilated.position(notebook, "meta_optimum")].source = answer
    return notebook


def test_autograder_grades_one_submission(group, notebook, tmp_path):
    only = ("meta_optimum",)  # the other answers are left out: this is about the command
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution") and marks["grade_id"] not in only:
            cell.source = "pass"
    path = tmp_path / "ada.ipynb"
    path.write_text(mutilated.text(notebook), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "classroom.autograder",
        "--key",
        str(group.key("05")),
        "--json",
        str(tmp_path / "r" / "x.json"),
    ]
    began = time.monotonic()
    run = subprocess.run(
        [*command, str(path)], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert run.returncode == 1, run.stderr
    said = json.loads(run.stdout)
    assert (
        said["score"] == 3 and said["max_score"] == 18 and said == json.loads((tmp_path / "r" / "x.json").read_text())
    )
    assert [t["status"] for t in said["tests"]] == [
        "failed",
        "failed",
        "passed",
        "failed",
        "failed",
    ] and time.monotonic() > began


@pytest.mark.parametrize("arguments", [("--key", "nothing.json"), ("--chapter", "99"), ("--chapter", "00")])
def test_autograder_says_what_it_lacks(arguments, tmp_path, capsys):
    from classroom.autograder import main as autograder

    path = tmp_path / "x.ipynb"
    path.write_text("{}")
    assert autograder([*arguments, str(path)]) == 2 and "error" in json.loads(capsys.readouterr().out)
