"""No target and no tool changes or removes anything that a learner did."""

import hashlib
import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from classroom import walls
from tools import exercises
from tools.course import ROOT

PARTS = ("metarl_core", "tools", "chapters", "solutions", "exercises")
FILES = ("Makefile", "README.md", "course.toml", "pyproject.toml", "constraints.txt", ".gitignore")
NAME = "01_why_learn_to_learn_exercises.ipynb"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course, with a desk at which somebody has worked."""
    root = tmp_path_factory.mktemp("my course ü")
    unwanted = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for part in PARTS:
        shutil.copytree(ROOT / part, root / part, ignore=unwanted)
    for name in FILES:
        shutil.copy(ROOT / name, root)
    run(root, "-m", "tools.desk")
    mine = root / "work" / "exercises" / NAME
    work_in(mine)
    (root / "work" / "notes.txt").write_text("mine")
    (root / "work" / "build").mkdir()
    (root / "work" / "build" / "net.pt").write_text("mine")
    for folder in (".ipynb_checkpoints", "__pycache__"):
        (mine.parent / folder).mkdir()
        (mine.parent / folder / "x").write_text("mine")
    return root


def run(root, *command):
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "HOME": str(root.parent)}
    done = subprocess.run([sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
    return done.stdout


def work_in(path):
    notebook = nbformat.read(path, as_version=4)
    (stub, *_) = [cell for cell in notebook.cells if cell.cell_type == "code" and "YOUR CODE HERE" in cell.source]
    stub.source, stub.execution_count = "my = 'answer'", 3
    nbformat.write(notebook, path)


def state(folder):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.in_turn(3)
@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("tools.desk",),
        ("tools.exercises",),
        ("tools.exercises", "--check"),
        ("tools.notebooks", "--check"),
        ("tools.course_map",),
        ("tools.doctor",),
    ],
    ids=" ".join,
)
def test_tools_leave_the_desk_alone(course, command):
    before = state(course / "work")
    run(course, "-m", *command)
    after = state(course / "work")
    assert {path: after.get(path) for path in before} == before


def test_make_clean_leaves_the_desk_alone(course):
    before = state(course / "work")
    (course / "chapters" / ".ipynb_checkpoints").mkdir()
    subprocess.run(["make", "clean"], cwd=course, check=True, capture_output=True)
    assert state(course / "work") == before and not (course / "chapters" / ".ipynb_checkpoints").exists()


def test_no_target_writes_to_the_desk_except_lab():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = dict(re.findall(r"^([a-z-]+):[^\n]*\n((?:\t[^\n]*\n)+)", text, re.M))
    assert {name for name, recipe in recipes.items() if "tools.desk" in recipe or "$(DESK)" in recipe} == {"lab"}
    words = {name: recipe.replace("--workers", "").replace("worksteal", "") for name, recipe in recipes.items()}
    assert all("work" not in recipe or "-path ./work -prune" in recipe for recipe in words.values())
    assert {"release", "grade", "collect", "feedback", "report"} <= set(recipes)


def test_grading_does_not_find_the_desk():
    """It works in a class's folder, and what it runs sees neither the course nor a desk."""
    readable = [path.resolve() for path in walls.readable(ROOT / "metarl_core")]
    assert all(path != ROOT and path not in ROOT.parents for path in readable)
    assert not any(path.is_relative_to(ROOT / "work") or (ROOT / "work").is_relative_to(path) for path in readable)


def test_an_exercise_solved_in_the_book_is_kept(tmp_path, monkeypatch, capsys):
    """Somebody opened exercises/ itself, and not the desk."""
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
    (tmp_path / "exercises").mkdir()
    shutil.copy(ROOT / "exercises" / NAME, tmp_path / "exercises")
    monkeypatch.setattr(exercises, "ROOT", tmp_path)
    sources = [path for path in (tmp_path / "solutions").glob("01_*.py")]
    monkeypatch.setattr(exercises, "sources", lambda *names: sources)
    monkeypatch.setattr(exercises, "keep", lambda path, keep=exercises.keep: keep(path, tmp_path))
    assert not exercises.worked_in(tmp_path / "exercises" / NAME)
    for number in ("", "1"):
        work_in(tmp_path / "exercises" / NAME)
        assert exercises.main(["01"]) == 0
        place = f"work/exercises/{NAME.removesuffix('.ipynb')}.mine{number}.ipynb"
        assert f"held somebody's work, which is now {place}" in capsys.readouterr().out
        kept = json.loads((tmp_path / place).read_text(encoding="utf-8"))
        assert any(cell["source"] == ["my = 'answer'"] for cell in kept["cells"])
        assert "YOUR CODE HERE" in (tmp_path / "exercises" / NAME).read_text(encoding="utf-8")
    assert not exercises.worked_in(tmp_path / "nothing.ipynb")
